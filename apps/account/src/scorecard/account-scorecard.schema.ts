import { aggregateSchema } from '@millrace/service'
import { AccountScorecard } from './account-scorecard.js'

export const AccountScorecardSchema = aggregateSchema(AccountScorecard, 'account_scorecard', {
  status: 'text',
  name: 'text',
  parts: 'json',
  grades: 'json',
  activatedAt: 'instant?',
})
