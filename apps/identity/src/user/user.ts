import { Refusal, type Id } from '@millrace/domain'

/** The roles that sales-ops may give and keep; all others are for administrators. */
export const salesRoles: readonly string[] = ['sales_rep', 'sales_manager', 'sales_ops']

/** What is told of a person and may change. */
export type UserData = Pick<User, 'name' | 'email' | 'unitId' | 'roles'>

/** A person who works with the platform. Passwords are kept elsewhere. */
export class User {
  declare readonly id: Id<'user'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly email: string
  /** The e-mail as it is compared. */
  declare readonly emailKey: string
  declare readonly unitId: Id<'org_unit'>
  declare readonly roles: readonly string[]
  declare readonly active: boolean
  declare readonly externalId: string | null

  static join(
    given: UserData & Pick<User, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'> & { externalId?: string | null | undefined },
  ): User {
    const externalId = given.externalId ?? null
    return Object.assign(Object.create(User.prototype) as User, given, { externalId, emailKey: emailKey(given.email), active: true })
  }

  change(given: { readonly [Field in keyof UserData]?: UserData[Field] | undefined }, at: Date): User {
    const { name = this.name, email = this.email, unitId = this.unitId, roles = this.roles } = given
    return this.with({ name, email, emailKey: emailKey(email), unitId, roles, updatedAt: at })
  }

  deactivate(at: Date): User {
    return this.active ? this.with({ active: false, updatedAt: at }) : this
  }

  reactivate(at: Date): User {
    return this.active ? this : this.with({ active: true, updatedAt: at })
  }

  get administers(): boolean {
    return this.active && this.roles.includes('administrator')
  }

  private with(change: Partial<User>): User {
    return Object.assign(Object.create(User.prototype) as User, this, change)
  }
}

/** Refuses when somebody with these roles may not keep people with those: sales-ops must not reach rights that it does not have. */
export function refuseBeyondSales(mine: readonly string[], theirs: readonly string[]): void {
  if (mine.includes('administrator')) return
  if (theirs.some((role) => !salesRoles.includes(role))) throw Refusal.forbidden('user.beyond_sales', { roles: salesRoles })
}

/** The e-mail as it is compared: width and case do not matter. */
export function emailKey(email: string): string {
  return email.normalize('NFKC').trim().toLowerCase()
}
