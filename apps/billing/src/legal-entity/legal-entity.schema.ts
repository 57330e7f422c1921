import { aggregateSchema } from '@millrace/service'
import { LegalEntity } from './legal-entity.js'

export const LegalEntitySchema = aggregateSchema(LegalEntity, 'legal_entity', {
  name: 'text',
  country: 'text?',
  zone: 'text',
  currency: 'text',
  prefix: 'text',
  isDefault: 'boolean',
})
