import { aggregateSchema } from '@millrace/service'
import { Pool } from './pool.js'

export const PoolSchema = aggregateSchema(Pool, 'pool', {
  name: 'text',
  maxHeld: 'integer?',
  maxPerDay: 'integer?',
  blockedDays: 'integer',
  unitIds: 'json',
  active: 'boolean',
})
