import { aggregateSchema } from '@millrace/service'
import { Process } from './process.js'

export const ProcessSchema = aggregateSchema(Process, 'process', {
  status: 'text',
  family: 'text',
  number: 'integer',
  name: 'json',
  isDefault: 'boolean',
  stages: 'json',
  publishedAt: 'instant?',
  retiredAt: 'instant?',
})
