import { aggregateSchema, rowSchema } from '@millrace/service'
import { Contract, ContractLine } from './contract.js'

export const ContractSchema = aggregateSchema(Contract, 'contract', {
  number: 'text',
  status: 'text',
  title: 'text',
  quoteId: 'text',
  quoteVersion: 'integer',
  opportunityId: 'text',
  accountId: 'text',
  customerName: 'text?',
  ownerId: 'text?',
  net: 'money',
  tax: 'money',
  total: 'money',
  terms: 'json',
  authorIds: 'json',
  customerSigner: 'text?',
  ourSigner: 'text?',
  submittedAt: 'instant?',
  submittedBy: 'text?',
  approvedAt: 'instant?',
  approvedBy: 'text?',
  rejectedReason: 'text?',
  signedOn: 'day?',
  signedAt: 'instant?',
  signedBy: 'text?',
})

export const ContractLineSchema = rowSchema(ContractLine, 'contract_line', {
  contractId: 'text',
  position: 'integer',
  productId: 'text',
  name: 'text',
  quantity: 'ratio',
  net: 'money',
  tax: 'money',
  gross: 'money',
})
