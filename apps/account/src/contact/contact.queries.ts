import { Injectable } from '@nestjs/common'
import { listContacts, type Answer, type getContact, type Input } from '@millrace/contracts'
import { emailKey } from '@millrace/domain'
import { Database } from '@millrace/service'
import { Contact } from './contact.js'

@Injectable()
export class ContactQueries {
  constructor(private readonly db: Database) {}

  list({ email, ...query }: Input<typeof listContacts>['query']) {
    const wish = typeof email === 'string' ? emailKey(email) : Array.isArray(email) ? email.map(emailKey) : undefined
    return this.db.list(Contact, listContacts, { ...query, email: wish }, contactView, {
      fields: { email: { sql: 'email_key', type: 'text', nullable: true } },
    })
  }

  async get(id: string) {
    return contactView(await this.db.get(Contact, id))
  }
}

/** A contact as the API shows it: without keys, and without the owner, who is that of the account. */
export function contactView({ nameKey: _, emailKey: _e, ownerId: _o, ...contact }: Contact): Answer<typeof getContact> {
  return { ...contact, roles: [...contact.roles] }
}
