import { aggregateSchema } from '@millrace/service'
import { Product } from './product.js'

export const ProductSchema = aggregateSchema(Product, 'product', {
  code: 'text',
  name: 'text',
  family: 'text?',
  description: 'text?',
  unit: 'text?',
  active: 'boolean',
  externalId: 'text?',
})
