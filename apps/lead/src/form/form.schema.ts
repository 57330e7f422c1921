import { aggregateSchema } from '@millrace/service'
import { LeadForm } from './form.js'

export const LeadFormSchema = aggregateSchema(LeadForm, 'lead_form', {
  key: 'text',
  name: 'text',
  fields: 'json',
  customFields: 'json',
  origins: 'json',
  source: 'text?',
  channel: 'text?',
  campaign: 'text?',
  tags: 'json',
  thanks: 'json?',
  consent: 'json?',
  perMinute: 'integer',
  active: 'boolean',
})
