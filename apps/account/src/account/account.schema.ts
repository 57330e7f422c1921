import { aggregateSchema, searchable } from '@millrace/service'
import { Account } from './account.js'

export const AccountSchema = aggregateSchema(Account, 'account', {
  name: 'text',
  nameKey: 'text',
  industry: 'text?',
  country: 'text?',
  region: 'text?',
  location: 'text?',
  website: 'text?',
  phone: 'text?',
  employees: 'integer?',
  annualRevenue: 'money?',
  foundedYear: 'integer?',
  parentId: 'text?',
  ownerId: 'text?',
  note: 'text?',
  externalId: 'text?',
  class: 'text?',
  custom: 'json',
  status: 'text',
  mergedInto: 'text?',
  formerOwnerId: 'text?',
  pooledAt: 'instant?',
  score: 'integer?',
  grade: 'text?',
})

searchable(Account, { name: 'company', phone: 'phone', externalId: 'code' })
