import { Refusal, type Id } from '@millrace/domain'

/** How a company keeps its account pool. */
export interface AccountPoolRules {
  /** False: no account goes into the pool by itself. */
  readonly active: boolean
  /** The first whose condition (CEL; null: always) holds counts. Null days: never. */
  readonly rules: readonly { readonly when: string | null; readonly idleDays: number | null }[]
  /** So many days before, at least, the owner is reminded; 0: not at all. */
  readonly warnDays: number
  /** Who owns so many accounts claims no more; null: any number. */
  readonly maxOwned: number | null
  /** Accounts that one person may claim on one day; null: any number. */
  readonly maxPerDay: number | null
  /** For so many days a former owner may not claim the account again. */
  readonly blockedDays: number
}

/** The rules of a company that never changed them. */
export const usualRules: AccountPoolRules = {
  active: false,
  rules: [{ when: null, idleDays: 90 }],
  warnDays: 7,
  maxOwned: null,
  maxPerDay: null,
  blockedDays: 30,
}

/** What an account that nobody deals with has come to. */
export interface Idleness {
  /** When somebody was last in contact, or something happened to a deal. */
  readonly touchedAt: Date
  /** When it goes into the pool, as its owner was told; null: not told yet. */
  readonly poolsAt: Date | null
}

/** What is to be done with an idle account now, and when to look again (null: when something happens). */
export type Verdict =
  { readonly kind: 'wait'; readonly lookAt: Date | null } | { readonly kind: 'warn'; readonly poolsAt: Date } | { readonly kind: 'pool' }

const dayMs = 86_400_000
const later = (at: Date, days: number) => new Date(at.getTime() + days * dayMs)
const last = (one: Date, other: Date) => (one > other ? one : other)

/** Nobody loses an account without having been told in time: after a standstill the reminder comes late, and the pool as much later. */
export function verdict({ touchedAt, poolsAt }: Idleness, idleDays: number | null, warnDays: number, now: Date): Verdict {
  if (idleDays === null) return { kind: 'wait', lookAt: null }
  const due = later(touchedAt, idleDays)
  const pools = warnDays > 0 ? poolsAt && last(poolsAt, due) : due
  if (pools) return now >= pools ? { kind: 'pool' } : { kind: 'wait', lookAt: pools }
  const warns = later(due, -warnDays)
  return now >= warns ? { kind: 'warn', poolsAt: last(due, later(now, warnDays)) } : { kind: 'wait', lookAt: warns }
}

/** Who wants an account, and what they have already. */
export interface Claimant {
  readonly id: Id<'user'>
  readonly owned: number
  readonly claimedToday: number
}

interface Pooled {
  readonly formerOwnerId: Id<'user'> | null
  readonly pooledAt: Date | null
}

/** Refuses a claim that the rules forbid, with what they say. */
export function mustAllow(
  rules: AccountPoolRules,
  { id, owned, claimedToday }: Claimant,
  { formerOwnerId, pooledAt }: Pooled,
  at: Date,
): void {
  const free = later(pooledAt ?? at, rules.blockedDays)
  if (formerOwnerId === id && at < free) throw new Refusal('account.was_yours', { from: free.toISOString() })
  if (rules.maxOwned !== null && owned >= rules.maxOwned) throw new Refusal('account_pool.owns_enough', { owned, limit: rules.maxOwned })
  if (rules.maxPerDay !== null && claimedToday >= rules.maxPerDay)
    throw new Refusal('account_pool.claimed_enough', { claimed: claimedToday, limit: rules.maxPerDay })
}
