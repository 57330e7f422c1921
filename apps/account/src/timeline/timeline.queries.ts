import { Injectable } from '@nestjs/common'
import type { Answer, getTimeline, Input, listNextSteps } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { Database, visibleOwners } from '@millrace/service'
import { Account } from '../account/account.js'
import { Activity } from '../activity/activity.js'
import { ActivityQueries } from '../activity/activity.queries.js'

/** What was done with a customer, and what is to be done next. */
@Injectable()
export class TimelineQueries {
  constructor(
    private readonly db: Database,
    private readonly activities: ActivityQueries,
  ) {}

  async of(accountId: string, query: Input<typeof getTimeline>['query']): Promise<Answer<typeof getTimeline>> {
    const { values, conditions, use } = statement()
    conditions.push(`account_id = ${use(accountId)}`)
    if (query.kind) conditions.push(`kind = ANY(${use(query.kind)})`)
    if (query.contactId) conditions.push(`contact_id = ${use(query.contactId)}`)
    if (query.opportunityId) conditions.push(`opportunity_id = ${use(query.opportunityId)}`)
    if (query.personId) {
      const person = use(query.personId)
      conditions.push(`(logged_by_id = ${person} OR companions ? ${person})`)
    }
    if (query.cursor) {
      const [at, id] = readCursor(query.cursor)
      conditions.push(`(takes_place_at, id) < (${use(at)}::timestamptz, ${use(id)})`)
    }
    const limit = use(query.limit + 1)
    return this.db.transaction(async (tx) => {
      await tx.get(Account, accountId)
      const rows = await tx
        .query<{ id: string; page_key: string }>(
          `SELECT *, takes_place_at::text AS page_key FROM activity WHERE ${conditions.join(' AND ')}
           ORDER BY takes_place_at DESC, id DESC LIMIT ${limit}`,
          values,
        )
        .catch(unreadable(query.cursor))
      const { kept, next } = cut(rows, query.limit)
      return { data: await this.activities.details(tx.hydrate(Activity, kept)), next }
    })
  }

  async nextSteps({ limit, cursor, dueBefore, ownerId }: Input<typeof listNextSteps>['query']): Promise<Answer<typeof listNextSteps>> {
    const { values, conditions, use } = statement()
    conditions.push('a.next_step_on IS NOT NULL')
    if (dueBefore) conditions.push(`a.next_step_on < ${use(dueBefore)}`)
    if (ownerId) conditions.push(`a.owner_id = ${use(ownerId)}`)
    if (cursor) {
      const [on, id] = readCursor(cursor)
      conditions.push(`(a.next_step_on, a.id) > (${use(on)}, ${use(id)})`)
    }
    const last = use(limit + 1)
    const visible = visibleOwners('a.owner_id', values.length)
    if (visible) conditions.push(visible.sql)
    const rows = await this.db
      .query<DueRow>(
        `SELECT a.id, a.account_id AS "accountId", c.name AS "accountName", a.owner_id AS "ownerId", a.contact_id AS "contactId",
           a.opportunity_id AS "opportunityId", a.kind, a.subject, a.next_step->>'text' AS text, a.next_step_on AS page_key
         FROM activity a JOIN account c ON c.id = a.account_id WHERE ${conditions.join(' AND ')}
         ORDER BY a.next_step_on, a.id LIMIT ${last}`,
        [...values, ...(visible?.values ?? [])],
      )
      .catch(unreadable(cursor))
    const { kept, next } = cut(rows, limit)
    return { data: kept.map(({ id, page_key, ...row }) => ({ ...row, activityId: id, on: page_key })), next }
  }
}

type DueRow = Omit<Answer<typeof listNextSteps>['data'][number], 'activityId' | 'on'> & {
  id: Answer<typeof listNextSteps>['data'][number]['activityId']
  page_key: string
}

function statement() {
  const values: unknown[] = []
  return { values, conditions: [] as string[], use: (value: unknown) => `$${values.push(value)}` }
}

/** Cuts the surplus row off and makes the next cursor. */
function cut<Row extends { id: string; page_key: string }>(rows: Row[], limit: number): { kept: Row[]; next: string | null } {
  const kept = rows.slice(0, limit)
  const last = rows.length > limit ? kept.at(-1) : undefined
  return { kept, next: last ? Buffer.from(JSON.stringify([last.page_key, last.id])).toString('base64url') : null }
}

function readCursor(cursor: string): [key: string, id: string] {
  try {
    const [key, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    if (typeof key === 'string' && typeof id === 'string' && !`${key}${id}`.includes('\0')) return [key, id]
  } catch {
    // falls through to the refusal
  }
  throw Refusal.invalid('cursor.malformed')
}

/** Filters were checked; what the database cannot read as a value was in a cursor that somebody made up. */
function unreadable(cursor: string | undefined) {
  return (error: { code?: string }): never => {
    throw cursor && error.code?.startsWith('22') ? Refusal.invalid('cursor.malformed') : error
  }
}
