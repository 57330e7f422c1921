import { aggregateSchema } from '@millrace/service'
import { Tenant } from './tenant.js'

export const TenantSchema = aggregateSchema(Tenant, 'tenant', {
  name: 'text',
  nameKey: 'text',
  currency: 'text',
  zone: 'text',
  language: 'text',
})
