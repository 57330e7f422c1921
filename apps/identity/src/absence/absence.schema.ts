import { aggregateSchema } from '@millrace/service'
import { Absence } from './absence.js'

export const AbsenceSchema = aggregateSchema(Absence, 'absence', {
  ownerId: 'text',
  startsAt: 'instant',
  endsAt: 'instant',
  deputyId: 'text?',
  kind: 'text',
  note: 'text?',
  withdrawnAt: 'instant?',
})
