import { aggregateSchema } from '@millrace/service'
import { Handover } from './handover.js'

export const HandoverSchema = aggregateSchema(Handover, 'handover', {
  status: 'text',
  ownerId: 'text',
  toUserId: 'text',
  assignments: 'json',
  scope: 'text?',
  reason: 'text',
  step: 'text',
  asked: 'integer',
  failure: 'json?',
  movedAt: 'instant?',
  log: 'json',
})
