import { aggregateSchema } from '@millrace/service'
import { Mailbox } from './mailbox.js'

export const MailboxSchema = aggregateSchema(Mailbox, 'mailbox', {
  name: 'text',
  host: 'text',
  port: 'integer',
  security: 'text',
  trusts: 'text?',
  username: 'text',
  folder: 'text',
  after: 'text',
  moveTo: 'text?',
  since: 'day',
  active: 'boolean',
})
