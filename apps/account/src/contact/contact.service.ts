import { Injectable } from '@nestjs/common'
import { ContactAdded, ContactChanged, type addContact, type changeContact, type Input, type Sent } from '@millrace/contracts'
import type { CustomValues, Id } from '@millrace/domain'
import { begun, Clock, context, CustomFields, Database, Events, type Transaction } from '@millrace/service'
import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js'
import type { Account } from '../account/account.js'
import { AccountService } from '../account/account.service.js'
import { scoreSoon } from '../scorecard/to-score.service.js'
import { Contact, type ContactData } from './contact.js'

/** Fields that JSON leaves out are absent, never undefined. */
type Named = ContactData & { readonly name: string }

/** Use cases of the contact. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class ContactService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
    private readonly customFields: CustomFields,
  ) {}

  add(given: Input<typeof addContact>['body']): Promise<Contact> {
    return this.db.transaction(async (tx) => {
      const account = await this.accounts.standing(tx, given.accountId)
      const custom = await this.customFields.merged('contact', given.custom)
      const contact = contactAt(account, { ...(given as Named), custom }, this.clock.now())
      await this.store(tx, [contact])
      return contact
    })
  }

  /** Adds the person whom a lead was converted into, under the id that the conversion named. One who is known stays as they are. */
  addConverted(id: Id<'contact'>, { accountId, name, email, phone, custom: ofLead }: Converted, at: Date): Promise<Contact> {
    return this.db.transaction(async (tx) => {
      const known = await tx.find(Contact, id)
      if (known) return known
      const custom = await this.customFields.carried('contact', ofLead)
      const contact = contactAt(await this.accounts.standing(tx, accountId), { name, email, phone, custom }, at, id)
      await this.store(tx, [contact])
      return contact
    })
  }

  change(id: Id<'contact'>, given: Input<typeof changeContact>['body']): Promise<Contact> {
    return this.db.transaction(async (tx) => {
      // The account first, as everybody locks: handing an account over takes its contacts after it.
      const moved = given.accountId ? await this.accounts.standing(tx, given.accountId) : undefined
      const before = await tx.lock(Contact, id)
      const { ownerId, country } = moved ?? { ownerId: before.ownerId, country: await countryOf(tx, before.accountId) }
      const phone = given.phone === undefined ? before.phone : given.phone
      const custom = await this.customFields.merged('contact', given.custom, before)
      const contact = await tx.update(
        before.change(
          { ...(given as Named), ...(moved && { accountId: moved.id }), custom, ownerId, phoneE164: e164(phone, country) },
          this.clock.now(),
        ),
      )
      if (moved) scoreSoon(tx, [before.accountId, moved.id])
      await this.events.publish(tx, ContactChanged, contact, facts(contact))
      return contact
    })
  }

  /** Saves new contacts, any number in one statement, and tells others. */
  async store(tx: Transaction, contacts: readonly Contact[]): Promise<void> {
    await tx.insert(contacts)
    scoreSoon(
      tx,
      contacts.map(({ accountId }) => accountId),
    )
    for (const contact of contacts) await this.events.publish(tx, ContactAdded, contact, facts(contact), contact.createdAt)
  }
}

type Converted = Pick<Contact, 'accountId' | 'name' | 'email' | 'phone'> & { readonly custom?: CustomValues | undefined }

/** A new contact as its account determines it: owner, journey, and the country that phone numbers are read in. */
export function contactAt(account: Account, given: Named, at: Date, id?: Id<'contact'>): Contact {
  return Contact.add({
    ...begun('contact', at, id),
    ...given,
    journeyId: context().journeyId ?? account.journeyId,
    accountId: account.id,
    ownerId: account.ownerId,
    phoneE164: e164(given.phone ?? null, account.country),
  })
}

async function countryOf(tx: Transaction, accountId: Id<'account'>): Promise<string | null> {
  const account = await tx.one<{ country: string | null }>('SELECT country FROM account WHERE id = $1', [accountId])
  return account!.country
}

function e164(phone: string | null, country: string | null): string | null {
  if (!phone) return null
  const number = parsePhoneNumberFromString(phone, (country ?? undefined) as CountryCode | undefined)
  return number?.isPossible() ? number.number : null
}

export function facts({ id, accountId, name, email, phone, phoneE164, roles }: Contact): Sent<typeof ContactAdded> {
  return { contactId: id, accountId, name, email, phone: phoneE164 ?? phone, roles: [...roles] }
}
