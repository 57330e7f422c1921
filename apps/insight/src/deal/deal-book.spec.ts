import fc from 'fast-check'
import { DealBook, type Deal } from './deal-book.js'

const at = (hour: number) => new Date(Date.UTC(2026, 10, 2, hour))
const opened = (id: string, hour: number): Deal => ({
  id,
  sequence: 1,
  accountId: null,
  ownerId: 'user_1',
  processId: 'process_1',
  stageKey: 'first',
  stageName: 'First',
  status: 'open',
  productIds: [],
  amountMinor: 100n,
  amountCurrency: 'CNY',
  openedAt: at(hour),
  closedAt: null,
})
const stage = (key: string) => ({ processId: 'process_1', stageKey: key, stageName: key })

type Entry = (book: DealBook) => void
type Visit = DealBook['visits'][number]

/** What a database holds after these batches, one book each. */
function kept(batches: readonly (readonly Entry[])[]) {
  const deals = new Map<string, Deal>()
  const visits: Visit[] = []
  for (const batch of batches) {
    const book = new DealBook([...deals.values()])
    for (const enter of batch) enter(book)
    for (const deal of book.changed) deals.set(deal.id, deal)
    for (const [dealId, left] of book.departures)
      for (const visit of visits) if (visit.dealId === dealId && visit.leftAt === null) visit.leftAt = left
    visits.push(...book.visits)
  }
  return { deals: [...deals.values()], visits }
}

it('a deal walks through its stages and is won for what was agreed', () => {
  const { deals, visits } = kept([
    [
      (book) => book.open(opened('a', 1), 'event_1'),
      (book) => book.move('a', 2, stage('second'), at(2), 'event_2'),
      (book) => book.close('a', 3, { status: 'won', amountMinor: 90n, amountCurrency: 'CNY' }, at(3)),
    ],
  ])
  expect(deals).toEqual([
    { ...opened('a', 1), sequence: 3, stageKey: 'second', stageName: 'second', status: 'won', amountMinor: 90n, closedAt: at(3) },
  ])
  expect(visits).toEqual([
    { dealId: 'a', eventId: 'event_1', stageKey: 'first', enteredAt: at(1), leftAt: at(2) },
    { dealId: 'a', eventId: 'event_2', stageKey: 'second', enteredAt: at(2), leftAt: at(3) },
  ])
})

it('a closed deal stays with who won or lost it, whoever looks after the customer later', () => {
  const { deals } = kept([
    [
      (book) => book.open(opened('a', 1), 'event_1'),
      (book) => book.change('a', 2, { ownerId: 'user_2' }),
      (book) => book.close('a', 3, { status: 'won' }, at(3)),
      (book) => book.change('a', 4, { ownerId: 'user_3', accountId: 'account_2' }),
    ],
  ])
  expect(deals).toMatchObject([{ sequence: 4, ownerId: 'user_2', accountId: 'account_2' }])
})

it('what is told again or late changes nothing, and a deal that was never opened is refused', () => {
  const entries: Entry[] = [
    (book) => book.open(opened('a', 1), 'event_1'),
    (book) => book.change('a', 4, { ownerId: 'user_2' }),
    (book) => book.change('a', 3, { ownerId: 'user_3' }),
    (book) => book.open(opened('a', 5), 'event_5'),
  ]
  expect(kept([entries]).deals).toEqual([{ ...opened('a', 1), sequence: 4, ownerId: 'user_2' }])
  expect(() => new DealBook([]).close('b', 2, { status: 'lost' }, at(1))).toThrow('the deal b was never opened')
})

it('however the events are cut into batches, the same is kept', () => {
  const kinds = fc.constantFrom('change', 'move', 'lose')
  const told = fc.array(fc.record({ deal: fc.constantFrom('a', 'b'), kind: kinds, sequence: fc.integer({ min: 1, max: 6 }) }), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(told, fc.array(fc.integer({ min: 0, max: 14 }), { maxLength: 4 }), (steps, cuts) => {
      const entries: Entry[] = [
        (book) => book.open(opened('a', 0), 'event_a'),
        (book) => book.open(opened('b', 0), 'event_b'),
        ...steps.map(({ deal, kind, sequence }, n): Entry => {
          if (kind === 'change') return (book) => book.change(deal, sequence, { ownerId: `user_${n}` })
          if (kind === 'move') return (book) => book.move(deal, sequence, stage(`stage ${n}`), at(n), `event_${n}`)
          return (book) => book.close(deal, sequence, { status: 'lost' }, at(n))
        }),
      ]
      const ends = [...new Set([...cuts.filter((cut) => cut < entries.length), entries.length])].sort((a, b) => a - b)
      const batches = ends.map((end, n) => entries.slice(ends[n - 1] ?? 0, end))
      expect(kept(batches)).toEqual(kept(entries.map((entry) => [entry])))
    }),
  )
})
