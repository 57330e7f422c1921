import { aggregateSchema } from '@millrace/service'
import { Activity } from './activity.js'

export const ActivitySchema = aggregateSchema(Activity, 'activity', {
  kind: 'text',
  accountId: 'text',
  ownerId: 'text?',
  loggedById: 'text?',
  contactId: 'text?',
  opportunityId: 'text?',
  subject: 'text',
  text: 'text?',
  takesPlaceAt: 'instant',
  place: 'text?',
  checkIn: 'json?',
  companions: 'json',
  nextStep: 'json?',
  mail: 'json?',
  custom: 'json',
})
