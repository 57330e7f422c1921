import { aggregateSchema, rowSchema } from '@millrace/service'
import { Invoice, InvoiceLine } from './invoice.js'

export const InvoiceSchema = aggregateSchema(Invoice, 'invoice', {
  legalEntityId: 'text',
  series: 'text',
  sequence: 'bigint',
  number: 'text',
  kind: 'text',
  creditOf: 'text?',
  accountId: 'text',
  ownerId: 'text?',
  buyerName: 'text',
  buyerTaxId: 'text?',
  buyerAddress: 'text?',
  issuedOn: 'day',
  net: 'money',
  tax: 'money',
  total: 'money',
  credited: 'money',
  reason: 'text?',
})

export const InvoiceLineSchema = rowSchema(InvoiceLine, 'invoice_line', {
  invoiceId: 'text',
  position: 'integer',
  receivableId: 'text',
  label: 'text',
  net: 'money',
  tax: 'money',
  gross: 'money',
})
