import { aggregateSchema } from '@millrace/service'
import { AccountPlan } from './plan.js'

export const AccountPlanSchema = aggregateSchema(AccountPlan, 'account_plan', {
  accountId: 'text',
  status: 'text',
  title: 'text',
  startsOn: 'day',
  endsOn: 'day',
  goals: 'json',
  relations: 'json',
  actions: 'json',
  closingNote: 'text?',
})
