import { aggregateSchema } from '@millrace/service'
import { Price, PriceBook } from './price-book.js'

export const PriceBookSchema = aggregateSchema(PriceBook, 'price_book', {
  name: 'text',
  currency: 'text',
  validFrom: 'day?',
  validTo: 'day?',
  isDefault: 'boolean',
})

export const PriceSchema = aggregateSchema(Price, 'price', { priceBookId: 'text', productId: 'text', price: 'money' })
