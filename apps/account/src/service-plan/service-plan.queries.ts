import { Injectable } from '@nestjs/common'
import {
  listServicePlans,
  type Answer,
  type finishServiceDue,
  type getServicePlan,
  type Input,
  type listServiceDues,
} from '@millrace/contracts'
import { dayOf, Refusal, type CalendarDate, type Id } from '@millrace/domain'
import { Clock, context, Database, Directory, visibleOwners, withContext } from '@millrace/service'
import { workingDayFrom } from './service-due.js'
import { ServicePlan, type ServiceStep } from './service-plan.js'

type DueView = Answer<typeof finishServiceDue>

interface Row extends Omit<DueView, 'dueOn' | 'overdue' | 'text'> {
  readonly id: Id<'service_due'>
  readonly countedOn: CalendarDate
  readonly steps: readonly ServiceStep[]
}

@Injectable()
export class ServicePlanQueries {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly directory: Directory,
  ) {}

  list(query: Input<typeof listServicePlans>['query']) {
    return this.db.list(ServicePlan, listServicePlans, query, planView)
  }

  async get(id: string) {
    return planView(await this.db.get(ServicePlan, id))
  }

  /** What is owed, the most urgent first. */
  async dues(given: Input<typeof listServiceDues>['query']): Promise<Answer<typeof listServiceDues>> {
    const { limit, cursor, whose, ownerId, accountId, planId, kind, countedBefore } = given
    const values: unknown[] = []
    const use = (value: unknown) => `$${values.push(value)}`
    const conditions = [`a.status = 'active'`, 'a.owner_id IS NOT NULL']
    if (ownerId) conditions.push(`a.owner_id = ${use(ownerId)}`)
    if (accountId) conditions.push(`d.account_id = ${use(accountId)}`)
    if (planId) conditions.push(`d.plan_id = ${use(planId)}`)
    if (kind) conditions.push(`d.kind = ${use(kind)}`)
    if (countedBefore) conditions.push(`d.due_on < ${use(countedBefore)}::date`)
    if (cursor) {
      const [on, id] = readCursor(cursor)
      conditions.push(`(d.due_on, d.id) > (${use(on)}::date, ${use(id)})`)
    }
    const sights = [context().visibility, ...(whose ? [whose === 'mine' ? ('own' as const) : ('team' as const)] : [])]
    for (const visibility of sights) {
      const seen = withContext({ ...context(), visibility }, () => visibleOwners('a.owner_id', values.length))
      if (!seen) continue
      conditions.push(seen.sql)
      values.push(...seen.values)
    }
    const ofFew = accountId || ownerId || sights.includes('own')
    const rows = await this.rows(ofFew ? openOfAccounts : open, conditions.join(' AND '), values, limit + 1).catch(
      (error: { code?: string }) => {
        throw cursor && error.code?.startsWith('22') ? Refusal.invalid('cursor.malformed') : error
      },
    )
    const kept = rows.slice(0, limit)
    const last = rows.length > limit ? kept.at(-1) : undefined
    const next = last ? Buffer.from(JSON.stringify([last.countedOn, last.id])).toString('base64url') : null
    return { data: await this.viewed(kept), next }
  }

  async due(id: string): Promise<DueView> {
    return (await this.viewed(await this.rows(any, 'd.id = $1', [id], 1)))[0]!
  }

  private rows(from: string, where: string, values: unknown[], limit: number): Promise<Row[]> {
    return this.db.query<Row>(
      `SELECT d.id, d.version, d.plan_id AS "planId", p.name AS "planName", d.step, d.kind, p.steps, d.account_id AS "accountId", a.name AS "accountName",
         a.owner_id AS "ownerId", d.status, d.due_on AS "countedOn", d.postponed_from AS "postponedFrom", d.reason, d.closed_on AS "closedOn"
       FROM ${from} JOIN service_plan p ON p.id = d.plan_id
       WHERE ${where} ORDER BY d.due_on, d.id LIMIT ${limit}`,
      values,
    )
  }

  private async viewed(rows: readonly Row[]): Promise<DueView[]> {
    const now = this.clock.now()
    const owners = [...new Set(rows.flatMap(({ ownerId }) => ownerId ?? []))]
    const calendars = await this.directory.calendarsOf(owners, now)
    return rows.map(({ steps, ...row }) => {
      const calendar = row.ownerId ? calendars.get(row.ownerId) : undefined
      const dueOn = calendar ? workingDayFrom(row.countedOn, calendar) : row.countedOn
      const overdue = row.status === 'open' && calendar !== undefined && dueOn < dayOf(now, calendar.zone)
      return { ...row, text: steps.find(({ key }) => key === row.step)?.text ?? '', dueOn, overdue }
    })
  }
}

const any = 'service_due d JOIN account a ON a.id = d.account_id'
const open = `service_due d JOIN account a ON a.id = d.account_id AND d.status = 'open'`
/** Of the accounts of one person there are few: from them to what is open of each, instead of through all that is owed to others. */
const openOfAccounts = `account a CROSS JOIN LATERAL (SELECT id, version, plan_id, step, kind, account_id, status, due_on, postponed_from, reason, closed_on
  FROM service_due WHERE account_id = a.id AND status = 'open' OFFSET 0) d`

function readCursor(cursor: string): [on: string, id: string] {
  try {
    const [on, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    if (typeof on === 'string' && typeof id === 'string' && !`${on}${id}`.includes('\0')) return [on, id]
  } catch {
    // falls through to the refusal
  }
  throw Refusal.invalid('cursor.malformed')
}

export function planView({ journeyId: _, steps, ...plan }: ServicePlan): Answer<typeof getServicePlan> {
  return { ...plan, steps: steps.map((step) => ({ ...step })) }
}
