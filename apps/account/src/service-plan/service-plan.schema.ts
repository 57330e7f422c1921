import { aggregateSchema } from '@millrace/service'
import { ServiceDue } from './service-due.js'
import { ServicePlan } from './service-plan.js'

export const ServicePlanSchema = aggregateSchema(ServicePlan, 'service_plan', {
  name: 'text',
  segmentId: 'text?',
  accountClass: 'text?',
  steps: 'json',
  startsOn: 'day',
  active: 'boolean',
})

export const ServiceDueSchema = aggregateSchema(ServiceDue, 'service_due', {
  planId: 'text',
  step: 'text',
  kind: 'text',
  accountId: 'text',
  status: 'text',
  since: 'day',
  dueOn: 'day',
  postponedFrom: 'day?',
  reason: 'text?',
  closedOn: 'day?',
  closedById: 'text?',
})
