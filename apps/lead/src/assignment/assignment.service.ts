import { Injectable } from '@nestjs/common'
import {
  LeadAssigned,
  LeadPooled,
  type Answer,
  type assignOpenLeads,
  type changeAssignmentRule,
  type changeAssignmentSettings,
  type changeTerritory,
  type createAssignmentRule,
  type createTerritory,
  type dryRunAssignment,
  type Input,
} from '@millrace/contracts'
import { newId, Refusal, type Id } from '@millrace/domain'
import {
  begun,
  Clock,
  context,
  CustomFields,
  Database,
  Events,
  Expressions,
  visibleOwners,
  type Transaction,
  type Values,
} from '@millrace/service'
import { Deadlines } from '../clock/deadlines.service.js'
import { fieldsOf, leadFields } from '../lead/lead-fields.js'
import { Lead } from '../lead/lead.js'
import { Pool } from '../pool/pool.js'
import { AssignmentRule, type AssignmentRuleData, type Target } from './assignment-rule.js'
import { AssignmentQueries, type FoundRep, type Ground } from './assignment.queries.js'
import { Assigner, byGrade, type Decision, type Wish } from './assignment.js'
import { checkTree, Territory, territoryOf, type TerritoryData } from './territory.js'

type RuleInUse = Pick<AssignmentRule, 'id' | 'name' | 'condition' | 'target' | 'strategy' | 'atWorkOnly' | 'poolId'>
type Wanted = Omit<Wish, 'isFor'> & { readonly target: Exclude<Target, { kind: 'territory' }> }

/** Changes that a dry run tells of. */
const toldChanges = 200

/** Who gets leads that come without an owner. */
@Injectable()
export class AssignmentService {
  private readonly expressions = new Expressions({ lead: { ...leadFields, score: 'number', grade: 'text' } })

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly queries: AssignmentQueries,
    private readonly deadlines: Deadlines,
    private readonly customFields: CustomFields,
  ) {}

  /**
   * New leads as the rules place them: assigned, in a pool, or as they are when no rule wants them. Leads with an owner stay as they are. For leads
   * that are stored in this transaction; what is said of them then is `tell`.
   */
  async place(tx: Transaction, leads: readonly Lead[]): Promise<Lead[]> {
    const ground = await this.queries.recentGround.get()
    const open = ground.rules.length ? leads.filter(({ ownerId, status }) => !ownerId && status === 'new') : []
    if (!open.length) return [...leads]
    const now = this.clock.now()
    const decisions = await this.decide(tx, ground, byGrade(open), () => now, now)
    this.remember(tx, decisions.decided, decisions.assigner, now)
    return leads.map((lead) => placed(lead, decisions.decided.get(lead.id), now))
  }

  /** Tells of the leads that rules have placed. */
  async tell(tx: Transaction, leads: readonly Lead[]): Promise<void> {
    for (const lead of leads) {
      const { id, ownerId, poolId, status, pooledReason } = lead
      if (ownerId) await this.events.publish(tx, LeadAssigned, lead, { leadId: id, ownerId })
      else if (status === 'pooled')
        await this.events.publish(tx, LeadPooled, lead, { leadId: id, poolId: poolId!, formerOwnerId: null, reason: pooledReason! })
    }
  }

  /** Gives away new leads that have no owner. */
  assignOpen({ limit }: Input<typeof assignOpenLeads>['body']): Promise<Answer<typeof assignOpenLeads>> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['assignment'])
      const waiting = await tx.query<{ id: Id<'lead'> }>(
        `SELECT id FROM lead WHERE status = 'new' AND owner_id IS NULL ORDER BY grade NULLS LAST, created_at, id LIMIT $1`,
        [limit],
      )
      const leads = (
        await tx.lockAll(
          Lead,
          waiting.map(({ id }) => id),
        )
      ).filter(({ status, ownerId }) => status === 'new' && !ownerId)
      const after = await this.deadlines.timed(tx, await this.place(tx, leads), leads)
      const changed = after.filter(({ status }) => status !== 'new')
      await tx.updateAll(changed)
      await this.tell(tx, changed)
      const assigned = changed.filter(({ ownerId }) => ownerId).length
      return { assigned, pooled: changed.length - assigned, left: after.length - changed.length }
    })
  }

  /** Who would have got the last leads. Writes nothing. */
  dryRun({ leads: count, rules }: Input<typeof dryRunAssignment>['body']): Promise<Answer<typeof dryRunAssignment>> {
    return this.db.transaction(async (tx) => {
      for (const rule of rules ?? []) await this.check(tx, rule)
      const stored = await this.queries.recentGround.get()
      const ground = rules ? { ...stored, rules: drafted(rules) } : stored
      const seen = visibleOwners('owner_id', 1)
      const rows = await tx.query(`SELECT * FROM lead ${seen ? `WHERE ${seen.sql}` : ''} ORDER BY created_at DESC, id DESC LIMIT $1`, [
        count,
        ...(seen?.values ?? []),
      ])
      const leads = tx.hydrate(Lead, rows).reverse()
      const from = leads[0]?.createdAt ?? this.clock.now()
      const { decided } = await this.decide(
        tx,
        ground,
        leads,
        ({ createdAt }) => createdAt,
        from,
        (reps) => without(reps, leads),
      )
      const [users, pools] = [new Map<Id<'user'>, number>(), new Map<Id<'pool'>, number>()]
      for (const { userId, poolId } of decided.values())
        if (userId) users.set(userId, (users.get(userId) ?? 0) + 1)
        else if (poolId) pools.set(poolId, (pools.get(poolId) ?? 0) + 1)
      const changes = leads.toReversed().flatMap(({ id, ownerId }) => {
        const decision = decided.get(id)
        if ((decision?.userId ?? null) === ownerId) return []
        return [
          { leadId: id, ownerId, wouldBe: decision?.userId ?? null, poolId: decision?.poolId ?? null, rule: decision?.rule.name ?? null },
        ]
      })
      return {
        leads: leads.length,
        users: [...users].map(([userId, leads]) => ({ userId, leads })).sort((a, b) => b.leads - a.leads || (a.userId < b.userId ? -1 : 1)),
        pools: [...pools].map(([poolId, leads]) => ({ poolId, leads })),
        unplaced: leads.length - decided.size,
        changed: changes.length,
        changes: changes.slice(0, toldChanges),
      }
    })
  }

  createRule(given: Input<typeof createAssignmentRule>['body']): Promise<AssignmentRule> {
    return this.db.transaction(async (tx) => {
      await this.check(tx, given)
      const rule = AssignmentRule.create({ ...begun('assignment_rule', this.clock.now()), ...given })
      await tx.insert(rule)
      tx.onCommit(() => this.queries.recentGround.forget())
      return rule
    })
  }

  changeRule(id: Id<'assignment_rule'>, given: Input<typeof changeAssignmentRule>['body']): Promise<AssignmentRule> {
    return this.db.transaction(async (tx) => {
      const rule = (await tx.lock(AssignmentRule, id)).change(said<AssignmentRuleData>(given), this.clock.now())
      await this.check(tx, rule)
      tx.onCommit(() => this.queries.recentGround.forget())
      return tx.update(rule)
    })
  }

  createTerritory(given: Input<typeof createTerritory>['body']): Promise<Territory> {
    return this.db.transaction(async (tx) => {
      const territory = Territory.create({ ...begun('territory', this.clock.now()), ...given })
      await this.checkTerritory(tx, territory)
      await tx.insert(territory)
      tx.onCommit(() => this.queries.recentGround.forget())
      return territory
    })
  }

  changeTerritory(id: Id<'territory'>, given: Input<typeof changeTerritory>['body']): Promise<Territory> {
    return this.db.transaction(async (tx) => {
      const territory = (await tx.lock(Territory, id)).change(said<TerritoryData>(given), this.clock.now())
      await this.checkTerritory(tx, territory)
      tx.onCommit(() => this.queries.recentGround.forget())
      return tx.update(territory)
    })
  }

  changeSettings(given: Input<typeof changeAssignmentSettings>['body']): Promise<Answer<typeof changeAssignmentSettings>> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['assignment settings'])
      const before = await this.queries.settings()
      const expected = context().target?.ifMatch
      if (expected !== undefined && expected !== before.version) throw new Refusal('version.stale', { current: before.version })
      const { capacity, capacities } = { ...before, ...said(given) }
      const byUser = [...new Map(capacities.map((each) => [each.userId, each])).values()]
      await mustExist(
        tx,
        'directory_user',
        'capacities',
        byUser.map(({ userId }) => userId),
      )
      await tx.query(
        `INSERT INTO assignment_settings (capacity, capacities) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET capacity = excluded.capacity, capacities = excluded.capacities, version = assignment_settings.version + 1`,
        [capacity, JSON.stringify(byUser)],
      )
      tx.onCommit(() => this.queries.recentGround.forget())
      return this.queries.settings()
    })
  }

  /** Decides on leads in this order. Until the transaction ends, nobody else of the company decides, so that nobody gets more than their capacity;
   * but for a rehearsal, which nobody waits for. */
  private async decide(
    tx: Transaction,
    ground: Ground,
    leads: readonly Lead[],
    momentOf: (lead: Lead) => Date,
    from: Date,
    rehearsal?: (reps: readonly FoundRep[]) => readonly FoundRep[],
  ): Promise<{ decided: Map<Id<'lead'>, Decision>; assigner: Assigner }> {
    const expressions = await this.readable()
    const wanted = leads.map((lead) => ({ lead, wishes: this.wanted(expressions, ground, lead, momentOf(lead)) }))
    const all = wanted.flatMap(({ wishes }) => wishes)
    if (!all.length) return { decided: new Map(), assigner: new Assigner([]) }
    const userIds = new Set(all.flatMap(({ target }) => (target.kind === 'users' ? target.userIds : [])))
    const unitIds = new Set(all.flatMap(({ target }) => (target.kind === 'unit' ? [target.unitId] : [])))
    const ruleIds = new Set(all.map(({ rule }) => rule.id))
    const wish = { userIds: [...userIds], unitIds: [...unitIds], ruleIds: [...ruleIds] }
    const reps = await this.queries.reps(tx, wish, ground, from, !rehearsal)
    const assigner = new Assigner(rehearsal?.(reps) ?? reps)
    const decided = new Map<Id<'lead'>, Decision>()
    for (const { lead, wishes } of wanted) {
      const decision = assigner.decide(
        wishes.map(({ rule, territoryId, target }) => ({ rule, territoryId, isFor: (rep) => isTarget(rep as FoundRep, target) })),
        momentOf(lead),
      )
      if (decision) decided.set(lead.id, decision)
    }
    return { decided, assigner }
  }

  /** The rules that want a lead, with whom each wants it for. */
  private wanted(expressions: Expressions, { rules, territories }: Ground, lead: Lead, at: Date): Wanted[] {
    const values = { lead: { ...fieldsOf(lead), score: lead.score, grade: lead.grade } }
    const holds = (condition: string) => condition === '' || holdsFor(expressions, condition, values, at)
    return (rules as readonly RuleInUse[]).flatMap((rule): Wanted[] => {
      if (!holds(rule.condition)) return []
      const { target } = rule
      if (target.kind !== 'territory') return [{ rule, territoryId: null, target }]
      const territory = territoryOf(territories, holds, target.territoryId)
      return territory ? [{ rule, territoryId: territory.id, target: { kind: 'users', userIds: territory.memberIds } }] : []
    })
  }

  /** What conditions may ask for, the company's own fields among it. */
  private readable(): Promise<Expressions> {
    return this.customFields.expressions(this.expressions, 'lead')
  }

  /** Keeps why each lead went where it went, and whose turn it was. */
  private remember(tx: Transaction, decided: ReadonlyMap<Id<'lead'>, Decision>, { taken }: Assigner, at: Date): void {
    if (!decided.size) return
    const rows = [...decided]
    tx.send(rememberSql, [
      rows.map(([leadId]) => leadId),
      at,
      rows.map(([, { rule }]) => rule.id),
      rows.map(([, { rule }]) => rule.name),
      rows.map(([, { territoryId }]) => territoryId),
      rows.map(([, { userId }]) => userId),
      rows.map(([, { poolId }]) => poolId),
      rows.map(([, { considered }]) => JSON.stringify(considered)),
    ])
    const turns = [...taken.values()]
    if (!turns.length) return
    tx.send(turnsSql, [turns.map(({ ruleId }) => ruleId), turns.map(({ userId }) => userId), turns.map(({ turn }) => turn)])
  }

  /** Refuses a rule that cannot be read, or names what is not there. */
  private async check(tx: Transaction, { condition, target, poolId }: Pick<AssignmentRuleData, 'condition' | 'target' | 'poolId'>) {
    if (condition) (await this.readable()).condition(condition)
    if (target.kind === 'users') await mustExist(tx, 'directory_user', 'target.userIds', target.userIds)
    if (target.kind === 'unit') await mustExist(tx, 'directory_unit', 'target.unitId', [target.unitId])
    if (target.kind === 'territory' && target.territoryId) await mustExist(tx, 'territory', 'target.territoryId', [target.territoryId])
    if (poolId) {
      const pool = await tx.find(Pool, poolId)
      if (!pool) throw Refusal.invalid('reference.unknown', { field: 'poolId', value: poolId })
      pool.mustBeActive()
    }
  }

  private async checkTerritory(tx: Transaction, territory: Territory): Promise<void> {
    const { id, condition, parentId, memberIds } = territory
    if (condition) (await this.readable()).condition(condition)
    await mustExist(tx, 'directory_user', 'memberIds', memberIds)
    tx.lockKeys(['territories'])
    const others = await tx.query<Pick<Territory, 'id' | 'parentId'>>('SELECT id, parent_id AS "parentId" FROM territory WHERE id <> $1', [
      id,
    ])
    if (parentId && parentId !== id && !others.some((other) => other.id === parentId))
      throw Refusal.invalid('reference.unknown', { field: 'parentId', value: parentId })
    checkTree([...others, territory])
  }
}

/** Whether a stored condition holds. One that asks for a field that is gone does not. */
function holdsFor(expressions: Expressions, condition: string, values: Values, at: Date): boolean {
  try {
    return expressions.condition(condition).of(values, at) === true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

function placed(lead: Lead, decision: Decision | undefined, at: Date): Lead {
  if (decision?.userId) return lead.assign(decision.userId, at)
  return decision?.poolId ? lead.release(decision.poolId, 'nobody_free', at) : lead
}

function isTarget({ id, path, sells }: FoundRep, target: Wanted['target']): boolean {
  return target.kind === 'users' ? target.userIds.includes(id) : sells && !!path?.includes(`/${target.unitId}/`)
}

/** What people would have open without these leads. */
function without(reps: readonly FoundRep[], leads: readonly Lead[]): FoundRep[] {
  const open = leads.filter(({ status }) => ['assigned', 'working', 'qualified', 'nurturing'].includes(status))
  return reps.map((rep) => ({ ...rep, open: rep.open - open.filter(({ ownerId }) => ownerId === rep.id).length }))
}

function drafted(rules: readonly AssignmentRuleData[]): AssignmentRule[] {
  return rules
    .filter(({ active }) => active)
    .toSorted((a, b) => a.position - b.position)
    .map((rule) => ({ ...rule, id: newId('assignment_rule') }) as AssignmentRule)
}

async function mustExist(tx: Transaction, table: string, field: string, ids: readonly string[]): Promise<void> {
  if (!ids.length) return
  const rows = await tx.query<{ id: string }>(`SELECT id FROM ${table} WHERE id = ANY($1::text[])`, [ids])
  const known = new Set(rows.map(({ id }) => id))
  const unknown = ids.find((id) => !known.has(id))
  if (unknown) throw Refusal.invalid('reference.unknown', { field, value: unknown })
}

function said<Data extends object>(given: { readonly [Field in keyof Data]?: Data[Field] | undefined }): Partial<Data> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<Data>
}

const rememberSql = `
  INSERT INTO lead_assignment (lead_id, at, rule_id, rule_name, territory_id, user_id, pool_id, considered)
  SELECT l, $2, r, n, t, u, p, c::jsonb FROM unnest($1::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) AS given(l, r, n, t, u, p, c)`
const turnsSql = `
  INSERT INTO assignment_turn (rule_id, user_id, turn) SELECT r, u, t FROM unnest($1::text[], $2::text[], $3::int[]) AS given(r, u, t)
  ON CONFLICT (tenant_id, rule_id, user_id) DO UPDATE SET turn = excluded.turn`
