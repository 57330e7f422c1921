import { Money, newId } from '@millrace/domain'
import { Contract } from './contract.js'

export const monday = new Date('2026-11-02T08:00:00Z')
export const tuesday = new Date('2026-11-03T08:00:00Z')

/** A contract as a test needs it: Amy's draft over 1,130.00 CNY, unless told otherwise. */
export function aContract(given: Partial<Contract> = {}): Contract {
  const drafted = Contract.draft(
    {
      id: newId('contract'),
      version: 1,
      journeyId: newId('journey'),
      createdAt: monday,
      updatedAt: monday,
      number: 'C-2026-0001',
      title: 'CRM for 120 seats',
      customerName: '云图科技',
      quoteId: newId('quote'),
      quoteVersion: 1,
      opportunityId: newId('opportunity'),
      accountId: newId('account'),
      ownerId: null,
      net: Money.parse('1000.00', 'CNY'),
      tax: Money.parse('130.00', 'CNY'),
      total: Money.parse('1130.00', 'CNY'),
      terms: [],
      customerSigner: 'Li Lei',
    },
    'amy',
  )
  return Object.assign(Object.create(Contract.prototype) as Contract, drafted, given)
}
