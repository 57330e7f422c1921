import { Injectable } from '@nestjs/common'
import { describeProblem, listHandovers, type Answer, type getHandover, type Input, type listHandoversNeeded } from '@millrace/contracts'
import { context, Database, visibleOwners } from '@millrace/service'
import { Handover, underWay } from './handover.js'

type View = Answer<typeof getHandover>
type Summary = Answer<typeof listHandovers>['data'][number]
type Part = View['services'][number] & { readonly asked: number }

@Injectable()
export class HandoverQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listHandovers>['query']) {
    return this.db.list(Handover, listHandovers, query, summary, {
      fields: { fromUserId: { sql: 'owner_id', type: 'text', nullable: false } },
    })
  }

  async get(id: string): Promise<View> {
    return this.view(await this.db.get(Handover, id))
  }

  /** A handover with what each service has told of its part. */
  async view(handover: Handover): Promise<View> {
    const parts = await this.db.query<Part>(
      'SELECT service, step, asked, done, nouns FROM handover_part WHERE handover_id = $1 ORDER BY service',
      [handover.id],
    )
    const waits = underWay.includes(handover.status) && handover.status !== 'ready'
    return {
      ...summary(handover),
      services: parts.map(({ asked, ...part }) => ({ ...part, done: part.done && asked === handover.asked })),
      waitingFor: waits ? parts.filter(({ asked, done }) => asked !== handover.asked || !done).map(({ service }) => service) : [],
      records: parts.reduce((all, { nouns }) => nouns.reduce((sum, { records }) => sum + records, all), 0),
      log: handover.log.map(({ at, ...entry }) => ({ at: new Date(at), ...entry })),
    }
  }

  /** The departed who still own accounts, as far as the caller sees them. */
  async needed(): Promise<Answer<typeof listHandoversNeeded>> {
    const visible = visibleOwners('u.id', 1)
    const count = (table: string) => `(SELECT count(*)::int FROM ${table} t WHERE t.owner_id = u.id) AS ${table}`
    const rows = await this.db.query<{
      id: `user_${string}`
      name: string
      account: number
      contact: number
      activity: number
      handover: `handover_${string}` | null
    }>(
      `SELECT u.id, u.name, ${count('account')}, ${count('contact')}, ${count('activity')},
              (SELECT h.id FROM handover h WHERE h.owner_id = u.id AND h.status = ANY($1::text[])) AS handover
       FROM directory_user u WHERE NOT u.active AND EXISTS (SELECT 1 FROM account a WHERE a.owner_id = u.id)${visible ? ` AND ${visible.sql}` : ''}
       ORDER BY u.name, u.id LIMIT 500`,
      [underWay, ...(visible?.values ?? [])],
    )
    return {
      data: rows.map(({ id: userId, name, account: accounts, contact: contacts, activity: activities, handover: handoverId }) => ({
        ...{ userId, name, accounts, contacts, activities, handoverId },
      })),
      next: null,
    }
  }
}

function summary(handover: Handover): Summary {
  const {
    id,
    version,
    status,
    ownerId: fromUserId,
    toUserId,
    assignments,
    scope,
    reason,
    failure,
    createdAt,
    updatedAt,
    movedAt,
  } = handover
  return {
    ...{ id, version, status, fromUserId, toUserId, assignments: [...assignments], only: scope, reason, createdAt, updatedAt, movedAt },
    failure: failure && {
      service: failure.service as Part['service'],
      code: failure.code,
      text: describeProblem(failure.code, failure.details, context().language).detail,
    },
    undoUntil: status === 'moved' ? handover.undoUntil : null,
  }
}
