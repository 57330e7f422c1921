import { aggregateSchema } from '@millrace/service'
import { Lead } from './lead.js'

export const LeadSchema = aggregateSchema(Lead, 'lead', {
  status: 'text',
  companyName: 'text?',
  companyKey: 'text?',
  contactName: 'text?',
  contactKey: 'text?',
  jobTitle: 'text?',
  email: 'text?',
  emailKey: 'text?',
  phone: 'text?',
  phoneKey: 'text?',
  country: 'text?',
  source: 'text?',
  channel: 'text?',
  campaign: 'text?',
  note: 'text?',
  ownerId: 'text?',
  externalId: 'text?',
  duplicateOf: 'json',
  disqualifiedReason: 'text?',
  accountId: 'text?',
  contactId: 'text?',
  opportunityId: 'text?',
  convertedAt: 'instant?',
})
