import { Money, newId, type Currency } from '@millrace/domain'
import fc from 'fast-check'
import { amountsOf, less, type Sum } from './amounts.js'
import { RecordBook, type Entry, type Said } from './record-book.js'

const currencies = ['CNY', 'EUR', 'JPY', 'KWD'] as const
const sum = fc.record({
  minor: fc.option(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), { nil: null }),
  currency: fc.option(fc.constantFrom(...currencies), { nil: null }),
})

describe('amounts of several currencies', () => {
  it('are each the exact sum of what is of their currency, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(sum), fc.array(sum), (sums, more) => {
        const all: Sum[] = [...sums, ...more]
        const expected = [...currencies].sort().flatMap((currency) => {
          const total = all.reduce((minor, one) => (one.currency === currency ? minor + BigInt(one.minor ?? 0) : minor), 0n)
          return total === 0n ? [] : [Money.of(total, currency as Currency)]
        })
        expect(amountsOf(all).map(String)).toEqual(expected.map(String))
        expect(amountsOf([...more, ...sums]).map(String)).toEqual(expected.map(String))
        expect(less(amountsOf(all), amountsOf(more)).map(String)).toEqual(amountsOf(sums).map(String))
      }),
    )
  })
})

describe('what is kept of a record', () => {
  const id = newId('opportunity')
  const at = new Date('2026-11-02T08:00:00Z')
  const entry = (sequence: number, said: Said): Entry => ({
    ...{ id, kind: 'opportunity', service: 'opportunity', sequence, eventId: `event ${sequence}`, at },
    say: () => said,
  })

  it('is what its latest version says, and what came before where that says nothing', () => {
    const book = new RecordBook([])
    book.enter(entry(1, { label: 'CRM', amountMinor: 100n, currency: 'CNY' }))
    book.enter(entry(3, { status: 'won' }))
    book.enter(entry(2, { label: 'late', status: 'open' }))
    expect(book.changed).toMatchObject([{ label: 'CRM', status: 'won', amountMinor: 100n, sequence: 3, eventId: 'event 3' }])
  })

  it('takes several events of one version in their order', () => {
    const book = new RecordBook([])
    book.enter(entry(2, { status: 'open' }))
    book.enter(entry(2, { status: 'won' }))
    expect(book.changed).toMatchObject([{ status: 'won', sequence: 2 }])
  })
})
