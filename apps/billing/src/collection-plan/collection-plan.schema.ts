import { aggregateSchema } from '@millrace/service'
import { CollectionPlan } from './collection-plan.js'

export const CollectionPlanSchema = aggregateSchema(CollectionPlan, 'collection_plan', {
  contractId: 'text',
  contractNumber: 'text',
  accountId: 'text',
  ownerId: 'text?',
  total: 'money',
  tax: 'money',
  signedOn: 'day',
})
