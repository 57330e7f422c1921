import { calendarDate, Money, newId, Refusal } from '@millrace/domain'
import { Receivable } from './receivable.js'

export const monday = new Date('2026-11-02T08:00:00Z')
export const tuesday = new Date('2026-11-03T08:00:00Z')
export const today = calendarDate('2026-11-02')

/** So many yuan. */
export const yuan = (amount: string | bigint) => (typeof amount === 'bigint' ? Money.of(amount, 'CNY') : Money.parse(amount, 'CNY'))

/** A receivable as a test needs it: 100 yuan with 13 of tax, due today, not invoiced, unless told otherwise. */
export function aReceivable(given: Partial<Receivable> = {}): Receivable {
  const planned = Receivable.plan(
    {
      id: newId('receivable'),
      version: 1,
      journeyId: newId('journey'),
      createdAt: monday,
      updatedAt: monday,
      planId: newId('collection_plan'),
      contractId: newId('contract'),
      contractNumber: 'C-2026-0001',
      accountId: newId('account'),
      ownerId: newId('user'),
      number: 1,
      label: 'all of it',
      dueOn: today,
      amount: yuan('100.00'),
      tax: yuan('13.00'),
      ...given,
    },
    today,
  )
  return Object.assign(Object.create(Receivable.prototype) as Receivable, planned, given)
}

/** The same, with an invoice. */
export const anInvoiced = (given: Partial<Receivable> = {}) =>
  aReceivable({ invoiceId: newId('invoice'), invoiceNumber: 'INV-VO-000001', ...given })

/** What some work is refused with. */
export function refusal(work: () => unknown): Refusal {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('was not refused')
}
