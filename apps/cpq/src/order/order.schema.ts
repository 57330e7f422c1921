import { aggregateSchema, rowSchema } from '@millrace/service'
import { Order, OrderLine } from './order.js'

/** `order` is a word of SQL, so the table has a longer name. */
export const OrderSchema = aggregateSchema(Order, 'sales_order', {
  number: 'text',
  contractId: 'text',
  opportunityId: 'text',
  accountId: 'text',
  customerName: 'text?',
  ownerId: 'text?',
  total: 'money',
  placedOn: 'day',
})

export const OrderLineSchema = rowSchema(OrderLine, 'order_line', {
  orderId: 'text',
  position: 'integer',
  productId: 'text',
  name: 'text',
  quantity: 'ratio',
  net: 'money',
  tax: 'money',
  gross: 'money',
})
