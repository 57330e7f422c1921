import { companyKey, lifecycle, Refusal, type CustomValues, type Grade, type Id, type Money } from '@millrace/domain'

export const accountStatus = lifecycle('account', {
  active: ['pooled', 'merged'],
  pooled: ['active', 'merged'],
  merged: [],
})
export type AccountStatus = typeof accountStatus.state

/** What kind of customer it is to us. */
export type AccountClass = 'key' | 'sme' | 'individual'

/** What of a merged account can replace what the surviving one has. */
export type Taken = Exclude<keyof typeof nothing, 'parentId' | 'ownerId' | 'externalId' | 'custom'> | 'name'

/** A company that we deal with. Every method returns the account as it is afterwards. */
export class Account {
  declare readonly id: Id<'account'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  /** The name without width, case, punctuation and legal form: what `sameName` and imports find it by. */
  declare readonly nameKey: string
  declare readonly industry: string | null
  declare readonly country: string | null
  declare readonly region: string | null
  declare readonly location: string | null
  declare readonly website: string | null
  declare readonly phone: string | null
  declare readonly employees: number | null
  declare readonly annualRevenue: Money | null
  declare readonly foundedYear: number | null
  declare readonly parentId: Id<'account'> | null
  declare readonly ownerId: Id<'user'> | null
  declare readonly note: string | null
  declare readonly externalId: string | null
  declare readonly class: AccountClass | null
  /** Values of the company's own fields. */
  declare readonly custom: CustomValues
  declare readonly status: AccountStatus
  declare readonly mergedInto: Id<'account'> | null
  /** Who owned it before it went into the pool. */
  declare readonly formerOwnerId: Id<'user'> | null
  declare readonly pooledAt: Date | null
  /** By the active scorecard, as of its last look; not a change of the account, so its version stays. */
  declare readonly score: number | null
  declare readonly grade: Grade | null

  static open(given: AccountData & Pick<Account, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'name'>): Account {
    const head = { status: accountStatus.initial, mergedInto: null, formerOwnerId: null, pooledAt: null, score: null, grade: null }
    return Object.assign(Object.create(Account.prototype) as Account, nothing, head, given, { nameKey: nameKey(given.name) })
  }

  change(data: AccountData & { readonly name?: string }, at: Date): Account {
    this.mustStand()
    return this.with({ ...data, nameKey: nameKey(data.name ?? this.name), updatedAt: at })
  }

  assign(ownerId: Id<'user'>, at: Date): Account {
    this.mustStand()
    if (this.ownerId === ownerId) return this
    const status = this.status === 'pooled' ? accountStatus.move('pooled', 'active') : this.status
    return this.with({ ownerId, status, updatedAt: at })
  }

  /** Nobody’s, until somebody claims it. */
  pool(at: Date): Account {
    return this.with({
      status: accountStatus.move(this.status, 'pooled'),
      ownerId: null,
      formerOwnerId: this.ownerId,
      pooledAt: at,
      updatedAt: at,
    })
  }

  /** Becomes part of another account. Asked again, the same. */
  mergeInto(survivor: Id<'account'>, at: Date): Account {
    if (this.mergedInto === survivor) return this
    this.mustStand()
    return this.with({ status: accountStatus.move(this.status, 'merged'), mergedInto: survivor, parentId: null, updatedAt: at })
  }

  /** The account that it became part of became part of another one itself. */
  followInto(mergedInto: Id<'account'>): Account {
    return this.with({ mergedInto })
  }

  /** Takes from an account that becomes part of this one what this one lacks, and what that one knows better. */
  absorb(other: Account, take: readonly Taken[], at: Date): Account {
    this.mustStand()
    const better = new Set<string>(take)
    const mine = Object.fromEntries(Object.entries(this)) as Record<string, unknown>
    const theirs = Object.fromEntries(Object.entries(other)) as Record<string, unknown>
    const names = Object.keys(nothing).filter((name) => !['parentId', 'ownerId', 'externalId', 'custom'].includes(name))
    const gained = ['name', ...names].flatMap((name) =>
      theirs[name] !== null && (mine[name] === null || better.has(name)) ? [[name, theirs[name]] as const] : [],
    )
    const changed = Object.fromEntries(gained) as Partial<Account>
    const custom = { ...other.custom, ...this.custom }
    return this.with({ ...changed, custom, nameKey: nameKey(changed.name ?? this.name), updatedAt: at })
  }

  /** Refuses when it became part of another one. */
  mustStand(): void {
    if (this.mergedInto) throw new Refusal('account.merged', { mergedInto: this.mergedInto })
  }

  /** The same account as a subsidiary of another; null: of none. */
  below(parentId: Id<'account'> | null): Account {
    return this.with({ parentId })
  }

  private with(change: Partial<Account>): Account {
    return Object.assign(Object.create(Account.prototype) as Account, this, change)
  }
}

/** What is known of an account besides its name. */
export type AccountData = Partial<
  Pick<
    Account,
    | 'industry'
    | 'country'
    | 'region'
    | 'location'
    | 'website'
    | 'phone'
    | 'employees'
    | 'annualRevenue'
    | 'foundedYear'
    | 'parentId'
    | 'ownerId'
    | 'note'
    | 'externalId'
    | 'class'
    | 'custom'
  >
>

/** What two writings of one company's name have in common; a name of punctuation only stands for itself. */
export function nameKey(name: string): string {
  return companyKey(name) ?? name.trim()
}

const nothing = {
  industry: null,
  country: null,
  region: null,
  location: null,
  website: null,
  phone: null,
  employees: null,
  annualRevenue: null,
  foundedYear: null,
  parentId: null,
  ownerId: null,
  note: null,
  externalId: null,
  class: null,
  custom: {},
}
