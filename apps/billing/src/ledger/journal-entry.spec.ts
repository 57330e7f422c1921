import { calendarDate, Money, newId } from '@millrace/domain'
import {
  balances,
  creditNotePostings,
  entryOf,
  invoicePostings,
  mirrored,
  receiptPostings,
  settlementPostings,
  writeOffPostings,
  type Wish,
} from './journal-entry.js'
import { exactly } from './ledger-balance.js'

const yuan = (amount: string) => Money.parse(amount, 'CNY')
const receivableId = newId('receivable')
const billed = [{ receivableId, net: yuan('100.00'), tax: yuan('13.00'), gross: yuan('113.00') }]
const about = {
  journeyId: null,
  sourceId: newId('invoice'),
  reverses: null,
  accountId: newId('account'),
  occurredOn: calendarDate('2026-11-02'),
  createdAt: new Date('2026-11-02T08:00:00Z'),
}
const read = (wishes: readonly Wish[]) => wishes.map(({ side, ledgerAccount, amount }) => `${side} ${ledgerAccount} ${amount.amount}`)

describe('what is booked', () => {
  it('for an invoice: the customer owes, the company has earned, the state gets its tax', () => {
    expect(read(invoicePostings(billed))).toEqual(['debit accounts_receivable 113.00', 'credit revenue 100.00', 'credit tax_payable 13.00'])
  })

  it('for a credit note: the same on the other side', () => {
    expect(read(creditNotePostings(billed))).toEqual([
      'credit accounts_receivable 113.00',
      'debit revenue 100.00',
      'debit tax_payable 13.00',
    ])
  })

  it('for a receipt: money in the bank that is still the customer’s', () => {
    expect(read(receiptPostings(yuan('50.00')))).toEqual(['debit bank 50.00', 'credit unapplied_receipts 50.00'])
  })

  it('for a settlement: it pays what is owed; undone, it does not', () => {
    const paid = settlementPostings([{ receivableId, amount: yuan('50.00') }])
    expect(read(paid)).toEqual(['debit unapplied_receipts 50.00', 'credit accounts_receivable 50.00'])
    expect(read(paid.map(mirrored))).toEqual(['credit unapplied_receipts 50.00', 'debit accounts_receivable 50.00'])
  })

  it('for a write-off: it is owed no more and lost', () => {
    expect(read(writeOffPostings({ receivableId, amount: yuan('50.00') }))).toEqual([
      'debit bad_debt 50.00',
      'credit accounts_receivable 50.00',
    ])
  })
})

describe('an entry', () => {
  it('leaves out postings of nothing and numbers the others', () => {
    const { postings } = entryOf(
      { ...about, kind: 'invoice' },
      invoicePostings([{ receivableId, net: yuan('9.00'), tax: yuan('0.00'), gross: yuan('9.00') }]),
    )
    expect(postings.map(({ position, ledgerAccount, receivableId: about }) => [position, ledgerAccount, about])).toEqual([
      [0, 'accounts_receivable', receivableId],
      [1, 'revenue', receivableId],
    ])
  })

  it('is a fault when it does not balance, currency by currency', () => {
    const lopsided: Wish[] = [...receiptPostings(yuan('1.00')), { ledgerAccount: 'bank', side: 'debit', amount: yuan('0.01') }]
    expect(() => entryOf({ ...about, kind: 'receipt' }, lopsided)).toThrow('would not balance')
    expect(() => entryOf({ ...about, kind: 'receipt' }, [])).toThrow('would not balance')
    const mixed: Wish[] = [
      { ledgerAccount: 'bank', side: 'debit', amount: yuan('1.00') },
      { ledgerAccount: 'unapplied_receipts', side: 'credit', amount: Money.parse('1.00', 'USD') },
    ]
    expect(balances(mixed)).toBe(false)
  })
})

it('writes sums out exactly, also those larger than one amount can be', () => {
  expect(exactly('123450', 'CNY')).toBe('1234.50')
  expect(exactly('-5', 'CNY')).toBe('-0.05')
  expect(exactly(0n, 'CNY')).toBe('0.00')
  expect(exactly('1500', 'JPY')).toBe('1500')
  expect(exactly('1', 'KWD')).toBe('0.001')
  expect(exactly('18446744073709551614000', 'CNY')).toBe('184467440737095516140.00')
})
