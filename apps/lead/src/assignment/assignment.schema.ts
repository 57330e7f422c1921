import { aggregateSchema } from '@millrace/service'
import { AssignmentRule } from './assignment-rule.js'
import { Territory } from './territory.js'

export const AssignmentRuleSchema = aggregateSchema(AssignmentRule, 'assignment_rule', {
  name: 'text',
  position: 'integer',
  condition: 'text',
  target: 'json',
  strategy: 'text',
  atWorkOnly: 'boolean',
  poolId: 'text?',
  active: 'boolean',
})

export const TerritorySchema = aggregateSchema(Territory, 'territory', {
  name: 'text',
  parentId: 'text?',
  condition: 'text',
  memberIds: 'json',
  active: 'boolean',
})
