import { contactKey, emailKey, type CustomValues, type Id } from '@millrace/domain'

/** A person at an account. Every method returns the contact as it is afterwards. */
export class Contact {
  declare readonly id: Id<'contact'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly accountId: Id<'account'>
  /** The owner of the account, kept beside it: whoever sees the account sees its contacts. */
  declare readonly ownerId: Id<'user'> | null
  declare readonly name: string
  /** The name without width, case, punctuation and spaces. */
  declare readonly nameKey: string
  declare readonly jobTitle: string | null
  declare readonly email: string | null
  /** The address in lower case, as mail systems compare it. */
  declare readonly emailKey: string | null
  declare readonly phone: string | null
  /** The phone number with country code, when it could be read. */
  declare readonly phoneE164: string | null
  declare readonly roles: readonly string[]
  declare readonly note: string | null
  declare readonly externalId: string | null
  /** Values of the company's own fields. */
  declare readonly custom: CustomValues

  static add(
    given: ContactData & Pick<Contact, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'accountId' | 'ownerId' | 'name'>,
  ): Contact {
    return Object.assign(Object.create(Contact.prototype) as Contact, nothing, given, derived({ ...nothing, ...given }))
  }

  change(data: ContactData & Partial<Pick<Contact, 'name' | 'accountId' | 'ownerId'>>, at: Date): Contact {
    const changed = { ...this, ...data, updatedAt: at }
    return Object.assign(Object.create(Contact.prototype) as Contact, changed, derived(changed))
  }
}

/** What is known of a contact besides name and account. */
export type ContactData = Partial<Pick<Contact, 'jobTitle' | 'email' | 'phone' | 'phoneE164' | 'roles' | 'note' | 'externalId' | 'custom'>>

function derived({ name, email, roles }: Pick<Contact, 'name' | 'email' | 'roles'>) {
  return {
    nameKey: contactKey(name) ?? name.trim(),
    emailKey: email === null ? null : emailKey(email),
    roles: [...new Set(roles)],
  }
}

const nothing = {
  jobTitle: null,
  email: null,
  phone: null,
  phoneE164: null,
  roles: [],
  note: null,
  externalId: null,
  custom: {},
}
