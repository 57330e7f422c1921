import { aggregateSchema } from '@millrace/service'
import { Segment } from './segment.js'

export const SegmentSchema = aggregateSchema(Segment, 'segment', {
  name: 'text',
  note: 'text?',
  condition: 'text',
  active: 'boolean',
})
