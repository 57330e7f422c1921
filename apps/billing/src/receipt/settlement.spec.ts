import { addDays, calendarDate, Money, newId, type Id } from '@millrace/domain'
import fc from 'fast-check'
import { match, type Payable } from './settlement.js'

const today = calendarDate('2026-11-02')
const yuan = (amount: string) => Money.parse(amount, 'CNY')
const invoices = new Map<string, Id<'invoice'>>()

/** An invoiced receivable that fell due so many days ago; negative: it is due later. */
function owed(open: string, daysAgo: number, given: { invoice?: string; contract?: string; number?: number } = {}): Payable {
  const { invoice = 'INV-VO-000001', contract = 'C-2026-0001', number = 1 } = given
  if (!invoices.has(invoice)) invoices.set(invoice, newId('invoice'))
  return {
    id: newId('receivable'),
    status: daysAgo < 0 ? 'planned' : 'due',
    dueOn: addDays(today, -daysAgo),
    number,
    open: yuan(open),
    invoiceId: invoices.get(invoice)!,
    invoiceNumber: invoice,
    contractNumber: contract,
  }
}

const pays = (amount: string, reference: string | null, payables: readonly Payable[]) =>
  match(yuan(amount), reference, payables).map(({ receivableId, amount: part }) => [
    payables.findIndex(({ id }) => id === receivableId),
    part.amount,
  ])

describe('money that arrives', () => {
  it('pays the oldest that is due first when nothing else tells', () => {
    expect(pays('150.00', null, [owed('100.00', 5), owed('100.00', 9), owed('100.00', 7)])).toEqual([
      [1, '100.00'],
      [2, '50.00'],
    ])
  })

  it('pays the invoice that the payer names, before older ones', () => {
    const old = owed('80.00', 30, { invoice: 'INV-VO-000001' })
    const named = owed('100.00', 1, { invoice: 'INV-VO-000002' })
    expect(pays('100.00', 'Payment INV-VO-000002 thanks', [old, named])).toEqual([[1, '100.00']])
  })

  it.each(['inv vo 000002', 'INVVO000002', 'INV-VO-000002', '货款INV/VO/000002', 'RE:inv.vo.000002;'])(
    'finds the number in "%s"',
    (reference) => {
      const payables = [owed('80.00', 30), owed('100.00', 1, { invoice: 'INV-VO-000002' })]
      expect(pays('60.00', reference, payables)).toEqual([[1, '60.00']])
    },
  )

  it('does not take one number for the beginning of another', () => {
    const payables = [owed('80.00', 30), owed('100.00', 1, { invoice: 'INV-VO-000002' })]
    expect(pays('60.00', 'INV-VO-0000021', payables)).toEqual([[0, '60.00']])
  })

  it('pays the instalment or the contract that the payer names', () => {
    const payables = [
      owed('80.00', 30, { contract: 'C-2026-0001' }),
      owed('50.00', 9, { contract: 'C-2026-0002', number: 1 }),
      owed('50.00', 1, { contract: 'C-2026-0002', number: 2 }),
    ]
    expect(pays('50.00', 'C-2026-0002', payables)).toEqual([[1, '50.00']])
    expect(pays('50.00', 'C-2026-0002/2', payables)).toEqual([[2, '50.00']])
  })

  it('of several that are named pays the one of exactly the amount', () => {
    const payables = [owed('30.00', 9), owed('40.00', 5), owed('40.00', 3), owed('20.00', -9)]
    expect(pays('40.00', 'INV-VO-000001', payables)).toEqual([[1, '40.00']])
    expect(pays('20.00', 'C-2026-0001', payables)).toEqual([[3, '20.00']])
    expect(pays('50.00', 'C-2026-0001', payables)).toEqual([
      [0, '30.00'],
      [1, '20.00'],
    ])
  })

  it('pays what is exactly the amount, before older ones', () => {
    expect(pays('70.00', null, [owed('100.00', 30), owed('70.00', 1)])).toEqual([[1, '70.00']])
  })

  it('pays the invoice of which exactly the amount is open', () => {
    const payables = [
      owed('100.00', 30, { invoice: 'INV-VO-000001' }),
      owed('40.00', 3, { invoice: 'INV-VO-000002' }),
      owed('35.00', 2, { invoice: 'INV-VO-000002' }),
    ]
    expect(pays('75.00', null, payables)).toEqual([
      [1, '40.00'],
      [2, '35.00'],
    ])
  })

  it('goes on to the oldest with what the named one leaves', () => {
    const payables = [owed('80.00', 30), owed('100.00', 1, { invoice: 'INV-VO-000002' })]
    expect(pays('120.00', 'INV-VO-000002', payables)).toEqual([
      [1, '100.00'],
      [0, '20.00'],
    ])
  })

  it('is kept as credit when it is too much', () => {
    expect(pays('500.00', null, [owed('100.00', 30)])).toEqual([[0, '100.00']])
    expect(pays('500.00', null, [])).toEqual([])
  })

  it('pays before the day only what is named or meant, and in full', () => {
    const later = owed('100.00', -20)
    expect(pays('150.00', null, [later])).toEqual([])
    expect(pays('100.00', null, [later])).toEqual([[0, '100.00']])
    expect(pays('150.00', 'INV-VO-000001', [later])).toEqual([[0, '100.00']])
    expect(pays('60.00', 'INV-VO-000001', [later])).toEqual([])
  })

  it('does not pay what is in another currency or not invoiced', () => {
    const dollars = { ...owed('100.00', 3), open: Money.parse('100.00', 'USD') }
    const unbilled = { ...owed('100.00', 3), invoiceId: null, invoiceNumber: null }
    expect(pays('100.00', 'C-2026-0001', [dollars, unbilled])).toEqual([])
  })

  it('survives references that look like patterns', () => {
    expect(pays('100.00', '(((.*+?[^]$\\ C-2026-0001', [owed('100.00', 3, { contract: 'C-2026-0001' })])).toEqual([[0, '100.00']])
  })
})

it('never pays more than there is, more than is open, or anything twice', () => {
  const payable = fc.record({
    fen: fc.bigInt({ min: 1n, max: 1_000n }),
    ago: fc.integer({ min: -5, max: 20 }),
    invoice: fc.integer({ min: 1, max: 3 }),
  })
  const references = fc.constantFrom(null, 'INV-VO-000002', 'C-2026-0001', 'C-2026-0001/2', 'nothing known')
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 4_000n }), references, fc.array(payable, { maxLength: 8 }), (fen, reference, list) => {
      const payables = list.map(({ fen: open, ago, invoice }, n) =>
        owed(Money.of(open, 'CNY').amount, ago, { invoice: `INV-VO-00000${invoice}`, number: n + 1 }),
      )
      const amount = Money.of(fen, 'CNY')
      const allocations = match(amount, reference, payables)
      const total = Money.sum(
        allocations.map((each) => each.amount),
        'CNY',
      )
      expect(total.compare(amount)).toBeLessThanOrEqual(0)
      expect(new Set(allocations.map(({ receivableId }) => receivableId)).size).toBe(allocations.length)
      for (const { receivableId, amount: part } of allocations) {
        const { open, status } = payables.find(({ id }) => id === receivableId)!
        expect(part.isPositive()).toBe(true)
        expect(part.compare(open)).toBeLessThanOrEqual(0)
        if (status === 'planned') expect(part).toEqual(open)
      }
      const due = payables.filter(({ status }) => status === 'due')
      const unpaid = due.filter(({ id, open }) => !allocations.some((each) => each.receivableId === id && each.amount.equals(open)))
      if (unpaid.length) expect(total).toEqual(amount)
    }),
  )
})
