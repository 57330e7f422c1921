import { aggregateSchema } from '@millrace/service'
import { View } from './view.js'

export const ViewSchema = aggregateSchema(View, 'view', {
  name: 'text',
  list: 'text',
  filters: 'json',
  columns: 'json',
  sort: 'text?',
  savedBy: 'text',
  sharedWith: 'text',
  unitId: 'text?',
})
