import { aggregateSchema } from '@millrace/service'
import { UnmatchedMail } from './unmatched-mail.js'

export const UnmatchedMailSchema = aggregateSchema(UnmatchedMail, 'unmatched_mail', {
  status: 'text',
  ownerId: 'text?',
  messageKey: 'text',
  fileId: 'text',
  sender: 'json?',
  recipients: 'json',
  subject: 'text',
  excerpt: 'text',
  sentAt: 'instant',
  activityId: 'text?',
})
