import { aggregateSchema, rowSchema } from '@millrace/service'
import { Receipt } from './receipt.js'
import { Settlement } from './settlement.js'

export const ReceiptSchema = aggregateSchema(Receipt, 'receipt', {
  accountId: 'text',
  ownerId: 'text?',
  amount: 'money',
  credit: 'money',
  receivedOn: 'day',
  reference: 'text?',
  bankAccount: 'text?',
  externalId: 'text?',
})

export const SettlementSchema = rowSchema(Settlement, 'settlement', {
  receiptId: 'text',
  receivableId: 'text',
  amount: 'money',
  entryId: 'text',
  settledAt: 'instant',
  undoneAt: 'instant?',
})
