import { aggregateSchema } from '@millrace/service'
import { Receivable } from './receivable.js'

export const ReceivableSchema = aggregateSchema(Receivable, 'receivable', {
  planId: 'text',
  contractId: 'text',
  contractNumber: 'text',
  accountId: 'text',
  ownerId: 'text?',
  number: 'integer',
  label: 'text',
  status: 'text',
  dueOn: 'day',
  amount: 'money',
  tax: 'money',
  settled: 'money',
  credited: 'money',
  creditedTax: 'money',
  open: 'money',
  invoiceId: 'text?',
  invoiceNumber: 'text?',
})
