import { Refusal, type Id } from '@millrace/domain'

export interface PoolData {
  readonly name: string
  /** Open leads from this pool that one person may have at a time; null: any number. */
  readonly maxHeld: number | null
  /** Leads that one person may claim on one day; null: any number. */
  readonly maxPerDay: number | null
  /** Different leads that one person is shown on one day; null: any number. */
  readonly maxViewedPerDay: number | null
  /** For so many days a former owner may not claim the lead again. */
  readonly blockedDays: number
  /** Units whose people, with those of the units below, may claim; none: everybody. */
  readonly unitIds: readonly Id<'org_unit'>[]
  readonly active: boolean
}

/** Who wants a lead, and what they have from the pool already. */
export interface Claimant {
  readonly id: Id<'user'>
  /** The path of their unit, from the head office down; null: they are in none. */
  readonly unitPath: string | null
  readonly held: number
  readonly claimedToday: number
}

interface Pooled {
  readonly formerOwnerId: Id<'user'> | null
  readonly pooledAt: Date | null
}

const dayMs = 86_400_000

/** A shared store of leads that nobody owns, with the rules by which people take them. */
export class Pool implements PoolData {
  declare readonly id: Id<'pool'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly maxHeld: number | null
  declare readonly maxPerDay: number | null
  declare readonly maxViewedPerDay: number | null
  declare readonly blockedDays: number
  declare readonly unitIds: readonly Id<'org_unit'>[]
  declare readonly active: boolean

  static create(given: PoolData & Pick<Pool, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Pool {
    return Object.assign(Object.create(Pool.prototype) as Pool, given)
  }

  change(data: Partial<PoolData>, at: Date): Pool {
    return Object.assign(Object.create(Pool.prototype) as Pool, this, data, { updatedAt: at })
  }

  mustBeActive(): void {
    if (!this.active) throw new Refusal('pool.closed')
  }

  /** Whether people of this unit may claim. */
  isFor(unitPath: string | null): boolean {
    return !this.unitIds.length || this.unitIds.some((unit) => unitPath?.includes(`/${unit}/`))
  }

  /** Refuses a claim that the rules of the pool forbid, with what they say. */
  mustAllow({ id, unitPath, held, claimedToday }: Claimant, { formerOwnerId, pooledAt }: Pooled, at: Date): void {
    this.mustBeActive()
    if (!this.isFor(unitPath)) throw Refusal.forbidden('pool.not_for_you')
    const free = new Date((pooledAt ?? at).getTime() + this.blockedDays * dayMs)
    if (formerOwnerId === id && at < free) throw new Refusal('lead.was_yours', { from: free.toISOString() })
    if (this.maxHeld !== null && held >= this.maxHeld) throw new Refusal('pool.holds_enough', { held, limit: this.maxHeld })
    if (this.maxPerDay !== null && claimedToday >= this.maxPerDay)
      throw new Refusal('pool.claimed_enough', { claimed: claimedToday, limit: this.maxPerDay })
  }
}

/** Which of these leads somebody is shown who has seen some today: those, and others in their order until the limit of their pool is reached. */
export function shown<Pooled extends { readonly id: string; readonly poolId: string }>(
  leads: readonly Pooled[],
  seen: ReadonlySet<string>,
  left: ReadonlyMap<string, number>,
): Pooled[] {
  const room = new Map(left)
  return leads.filter(({ id, poolId }) => {
    const rest = room.get(poolId)
    if (rest === undefined || seen.has(id)) return true
    room.set(poolId, rest - 1)
    return rest > 0
  })
}
