import { companyKey, type CustomValues, type Id, type Money } from '@millrace/domain'

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
  /** Values of the company's own fields. */
  declare readonly custom: CustomValues

  static open(given: AccountData & Pick<Account, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'name'>): Account {
    return Object.assign(Object.create(Account.prototype) as Account, nothing, given, { nameKey: nameKey(given.name) })
  }

  change(data: AccountData & { readonly name?: string }, at: Date): Account {
    return this.with({ ...data, nameKey: nameKey(data.name ?? this.name), updatedAt: at })
  }

  assign(ownerId: Id<'user'>, at: Date): Account {
    return this.ownerId === ownerId ? this : this.with({ ownerId, updatedAt: at })
  }

  /** The same account as a subsidiary of another. */
  below(parentId: Id<'account'>): Account {
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
  custom: {},
}
