import { aggregateSchema } from '@millrace/service'
import { Scorecard } from './scorecard.js'

export const ScorecardSchema = aggregateSchema(Scorecard, 'scorecard', {
  status: 'text',
  name: 'text',
  rules: 'json',
  grades: 'json',
  activatedAt: 'instant?',
})
