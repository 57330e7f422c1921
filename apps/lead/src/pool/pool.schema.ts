import { aggregateSchema } from '@millrace/service'
import { Pool } from './pool.js'
import { RecycleRule } from './recycle-rule.js'

export const PoolSchema = aggregateSchema(Pool, 'pool', {
  name: 'text',
  maxHeld: 'integer?',
  maxPerDay: 'integer?',
  maxViewedPerDay: 'integer?',
  blockedDays: 'integer',
  unitIds: 'json',
  active: 'boolean',
})

export const RecycleRuleSchema = aggregateSchema(RecycleRule, 'recycle_rule', {
  name: 'text',
  position: 'integer',
  condition: 'text',
  afterDays: 'integer?',
  afterAttempts: 'integer?',
  remindDays: 'integer?',
  poolId: 'text',
  active: 'boolean',
})
