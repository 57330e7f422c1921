import { Injectable } from '@nestjs/common'
import { LeadAssigned, LeadClaimed, LeadPooled, type changePool, type createPool, type Input, type releaseLead } from '@millrace/contracts'
import { dayOf, Refusal, startOfDay, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Directory, Events, type Transaction } from '@millrace/service'
import { Deadlines } from '../clock/deadlines.service.js'
import { Lead } from '../lead/lead.js'
import { Pool, type Claimant, type PoolData } from './pool.js'
import { PoolQueries } from './pool.queries.js'

/** Use cases of pools: their rules, and the way of leads into them and out. */
@Injectable()
export class PoolService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly deadlines: Deadlines,
    private readonly queries: PoolQueries,
  ) {}

  create(given: Input<typeof createPool>['body']): Promise<Pool> {
    return this.db.transaction(async (tx) => {
      await mustBeUnits(tx, given.unitIds)
      const pool = Pool.create({ ...begun('pool', this.clock.now()), ...given, active: true })
      await tx.insert(pool)
      tx.onCommit(() => this.queries.recentLimits.forget())
      return pool
    })
  }

  change(id: Id<'pool'>, given: Input<typeof changePool>['body']): Promise<Pool> {
    return this.db.transaction(async (tx) => {
      await mustBeUnits(tx, given.unitIds ?? [])
      const said = Object.entries(given).filter(([, value]) => value !== undefined)
      tx.onCommit(() => this.queries.recentLimits.forget())
      return tx.update((await tx.lock(Pool, id)).change(Object.fromEntries(said) as Partial<PoolData>, this.clock.now()))
    })
  }

  release(id: Id<'lead'>, { poolId, reason }: Input<typeof releaseLead>['body']): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const pool = await tx.find(Pool, poolId)
      if (!pool) throw Refusal.invalid('reference.unknown', { field: 'poolId', value: poolId })
      pool.mustBeActive()
      const lead = await tx.update(before.release(poolId, reason, this.clock.now()))
      await this.events.publish(tx, LeadPooled, lead, { leadId: id, poolId, formerOwnerId: before.ownerId, reason })
      return lead
    })
  }

  /** One of several who claim at the same moment gets the lead; one who claims several at once gets no more than the pool allows. */
  claim(id: Id<'lead'>): Promise<Lead> {
    const { actor } = context()
    if (actor?.kind !== 'user') throw Refusal.forbidden('pool.only_people')
    const me = actor.id as Id<'user'>
    return this.db.transaction(async (tx) => {
      tx.lockKeys([`claims of ${me}`])
      const before = await tx.lock(Lead, id)
      if (before.status !== 'pooled' || !before.poolId) throw new Refusal('lead.not_pooled', { status: before.status })
      const [pool, now] = [await tx.get(Pool, before.poolId), this.clock.now()]
      pool.mustAllow(await this.claimant(tx, me, pool, now), before, now)
      const lead = await this.deadlines.update(tx, before, before.assign(me, now))
      tx.send('INSERT INTO lead_claim (lead_id, user_id, pool_id, claimed_at) VALUES ($1, $2, $3, $4)', [id, me, pool.id, now])
      await this.events.publish(tx, LeadClaimed, lead, { leadId: id, poolId: pool.id, ownerId: me })
      await this.events.publish(tx, LeadAssigned, lead, { leadId: id, ownerId: me })
      return lead
    })
  }

  private async claimant(tx: Transaction, id: Id<'user'>, pool: Pool, now: Date): Promise<Claimant> {
    await this.directory.colleague(id)
    const zone = await this.directory.zone()
    const found = await tx.one<{ path: string | null; held: number; claimed: number }>(
      `SELECT (SELECT d.path FROM directory_user u JOIN directory_unit d ON d.id = u.unit_id WHERE u.id = $1) AS path,
         (SELECT count(*)::int FROM lead WHERE owner_id = $1 AND pool_id = $2 AND status IN ('assigned', 'working', 'qualified', 'nurturing')) AS held,
         (SELECT count(*)::int FROM lead_claim WHERE user_id = $1 AND pool_id = $2 AND claimed_at >= $3) AS claimed`,
      [id, pool.id, startOfDay(dayOf(now, zone), zone)],
    )
    return { id, unitPath: found!.path, held: found!.held, claimedToday: found!.claimed }
  }
}

async function mustBeUnits(tx: Transaction, ids: readonly Id<'org_unit'>[]): Promise<void> {
  if (!ids.length) return
  const known = new Set(
    (await tx.query<{ id: string }>('SELECT id FROM directory_unit WHERE id = ANY($1::text[])', [ids])).map(({ id }) => id),
  )
  const unknown = ids.find((id) => !known.has(id))
  if (unknown) throw Refusal.invalid('reference.unknown', { field: 'unitIds', value: unknown })
}
