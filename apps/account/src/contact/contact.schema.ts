import { aggregateSchema, searchable } from '@millrace/service'
import { Contact } from './contact.js'

export const ContactSchema = aggregateSchema(Contact, 'contact', {
  accountId: 'text',
  ownerId: 'text?',
  name: 'text',
  nameKey: 'text',
  jobTitle: 'text?',
  email: 'text?',
  emailKey: 'text?',
  phone: 'text?',
  phoneE164: 'text?',
  roles: 'json',
  note: 'text?',
  externalId: 'text?',
  custom: 'json',
})

searchable(Contact, { name: 'person', email: 'email', phone: 'phone', phoneE164: 'phone', externalId: 'code' })
