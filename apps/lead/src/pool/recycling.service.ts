import { Injectable } from '@nestjs/common'
import {
  LeadPooled,
  LeadReminded,
  listRecycleRules,
  type Answer,
  type changeRecycleRule,
  type createRecycleRule,
  type getRecycleRule,
  type Input,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, CustomFields, Database, Events, Expressions, inTenant, Jobs, type Transaction } from '@millrace/service'
import { fieldsOf, leadFields } from '../lead/lead-fields.js'
import { Lead } from '../lead/lead.js'
import { Pool } from './pool.js'
import { RecycleRule, type RecycleRuleData } from './recycle-rule.js'

const dayMs = 86_400_000
const lookedAtOnce = 200

/** Takes leads back from owners who do nothing about them, or reach nobody. */
@Injectable()
export class Recycling {
  private readonly expressions = new Expressions({ lead: { ...leadFields, score: 'number', grade: 'text' } })
  private stopped = false

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly customFields: CustomFields,
    jobs: Jobs,
  ) {
    jobs.every(300, 'leads are taken back', () => this.recycleAll())
    jobs.onStop(() => (this.stopped = true))
  }

  list(query: Input<typeof listRecycleRules>['query']) {
    return this.db.list(RecycleRule, listRecycleRules, query, recycleRuleView)
  }

  async get(id: string) {
    return recycleRuleView(await this.db.get(RecycleRule, id))
  }

  create(given: Input<typeof createRecycleRule>['body']): Promise<Answer<typeof getRecycleRule>> {
    return this.db.transaction(async (tx) => {
      const rule = RecycleRule.create({ ...begun('recycle_rule', this.clock.now()), ...given })
      await this.check(tx, rule)
      await tx.insert(rule)
      return recycleRuleView(rule)
    })
  }

  change(id: Id<'recycle_rule'>, given: Input<typeof changeRecycleRule>['body']): Promise<Answer<typeof getRecycleRule>> {
    return this.db.transaction(async (tx) => {
      const said = Object.entries(given).filter(([, value]) => value !== undefined)
      const rule = (await tx.lock(RecycleRule, id)).change(Object.fromEntries(said) as Partial<RecycleRuleData>, this.clock.now())
      await this.check(tx, rule)
      return recycleRuleView(await tx.update(rule))
    })
  }

  /** Looks at the leads of all companies that have rules. It goes by what leads are, so that a missed turn is caught up and a doubled one does nothing. */
  async recycleAll(): Promise<void> {
    const companies = await inTenant('*', () =>
      this.db.query<{ tenant_id: string }>('SELECT DISTINCT tenant_id FROM recycle_rule WHERE active ORDER BY tenant_id'),
    )
    for (const { tenant_id } of companies) await inTenant(tenant_id, () => this.recycle())
  }

  private async recycle(): Promise<void> {
    for (let after: string | undefined = ''; after !== undefined && !this.stopped;)
      after = await this.db.transaction((tx) => this.recycleSome(tx, after as string))
  }

  /** Looks at the next leads in the order of their ids; answers the last one, if there may be more. */
  private async recycleSome(tx: Transaction, after: string): Promise<string | undefined> {
    const now = this.clock.now()
    const rules = (await tx.findBy(RecycleRule, { active: true })).sort((a, b) => a.position - b.position)
    const pools = new Set((await tx.findBy(Pool, { active: true })).map(({ id }) => id))
    const soonest = Math.min(...rules.map(({ afterDays, remindDays }) => (afterDays ?? Infinity) - (remindDays ?? 0)))
    const fewest = Math.min(...rules.map(({ afterAttempts }) => afterAttempts ?? 1_000_000))
    const next = await tx.query<{ id: Id<'lead'> }>(
      `SELECT id FROM lead WHERE status IN ('assigned', 'working') AND id > $1 AND (coalesce(stepped_at, updated_at) <= $2 OR failed_attempts >= $3)
       ORDER BY id LIMIT ${lookedAtOnce}`,
      [after, Number.isFinite(soonest) ? new Date(now.getTime() - soonest * dayMs) : new Date(0), fewest],
    )
    const leads = await tx.lockAll(
      Lead,
      next.map(({ id }) => id),
    )
    const expressions = await this.readable()
    const released: { before: Lead; lead: Lead }[] = []
    const reminded: { lead: Lead; dueAt: Date }[] = []
    for (const before of leads) {
      if (before.status !== 'assigned' && before.status !== 'working') continue
      const rule = rules.find(({ condition }) => holds(expressions, condition, before, now))
      if (!rule || !pools.has(rule.poolId)) continue
      const wish = rule.of({ idleSince: before.steppedAt ?? before.updatedAt, failedAttempts: before.failedAttempts }, now)
      if (wish?.kind === 'release') released.push({ before, lead: before.release(rule.poolId, wish.reason, now) })
      if (wish?.kind === 'remind') reminded.push({ lead: before, dueAt: wish.dueAt })
    }
    await tx.updateAll(released.map(({ lead }) => lead))
    for (const { before, lead } of released)
      await this.events.publish(tx, LeadPooled, lead, {
        ...{ leadId: lead.id, poolId: lead.poolId!, formerOwnerId: before.ownerId, reason: lead.pooledReason! },
      })
    await this.remind(tx, reminded)
    return next.length === lookedAtOnce ? next.at(-1)!.id : undefined
  }

  /** Tells the owners once for each time that they leave a lead alone. */
  private async remind(tx: Transaction, reminded: readonly { lead: Lead; dueAt: Date }[]): Promise<void> {
    if (!reminded.length) return
    const fresh = await tx.query<{ lead_id: string }>(
      `INSERT INTO recycle_reminder (lead_id, idle_since) SELECT l, t FROM unnest($1::text[], $2::timestamptz[]) AS given(l, t)
       ON CONFLICT (tenant_id, lead_id) DO UPDATE SET idle_since = excluded.idle_since WHERE recycle_reminder.idle_since < excluded.idle_since RETURNING lead_id`,
      [reminded.map(({ lead }) => lead.id), reminded.map(({ lead }) => lead.steppedAt ?? lead.updatedAt)],
    )
    const told = new Set(fresh.map(({ lead_id }) => lead_id))
    for (const { lead, dueAt } of reminded)
      if (told.has(lead.id) && lead.ownerId)
        await this.events.publish(tx, LeadReminded, lead, { leadId: lead.id, ownerId: lead.ownerId, what: 'recycling', dueAt })
  }

  /** What conditions may ask for, the company's own fields among it. */
  private readable(): Promise<Expressions> {
    return this.customFields.expressions(this.expressions, 'lead')
  }

  private async check(tx: Transaction, { condition, poolId }: RecycleRule): Promise<void> {
    if (condition) (await this.readable()).condition(condition)
    const pool = await tx.find(Pool, poolId)
    if (!pool) throw Refusal.invalid('reference.unknown', { field: 'poolId', value: poolId })
    pool.mustBeActive()
  }
}

function holds(expressions: Expressions, condition: string, lead: Lead, at: Date): boolean {
  if (condition === '') return true
  try {
    return expressions.condition(condition).of({ lead: { ...fieldsOf(lead), score: lead.score, grade: lead.grade } }, at) === true
  } catch (error) {
    if (error instanceof Refusal) return false // a field that is gone
    throw error
  }
}

function recycleRuleView({ journeyId: _, ...rule }: RecycleRule): Answer<typeof getRecycleRule> {
  return { ...rule }
}
