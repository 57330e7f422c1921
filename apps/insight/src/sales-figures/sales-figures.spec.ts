import fc from 'fast-check'
import { salesFigures, type DealCount } from './sales-figures.js'

const first = { key: 'prospecting', name: 'Prospecting', position: 1 }
const second = { key: 'engaging', name: 'Engaging', position: 2 }
const won = (deals: number, minor: bigint | null = null, currency: DealCount['currency'] = 'USD'): DealCount => ({
  status: 'won',
  stage: second,
  currency: minor === null ? null : currency,
  deals,
  minor,
})
const other = (status: 'open' | 'lost', deals: number, stage = second): DealCount => ({ status, stage, currency: null, deals, minor: null })

describe('sales figures', () => {
  it('are those that a published pipeline has', () => {
    const counts = [won(4238, 1_000_553_400n), other('lost', 2473), other('open', 1589), other('open', 500, first)]
    expect(JSON.parse(JSON.stringify(salesFigures(counts)))).toEqual({
      deals: 8800,
      won: 4238,
      lost: 2473,
      open: 2089,
      openByStage: [
        { key: 'prospecting', name: 'Prospecting', deals: 500 },
        { key: 'engaging', name: 'Engaging', deals: 1589 },
      ],
      revenue: [{ amount: '10005534.00', currency: 'USD' }],
      winRatePct: '63.15',
    })
  })

  it('never add amounts of different currencies', () => {
    const { revenue } = salesFigures([won(1, 100n, 'CNY'), won(2, 50n, 'JPY'), won(1, 23n, 'CNY')])
    expect(revenue.map(String)).toEqual(['1.23 CNY', '50 JPY'])
  })

  it('have no win rate while nothing is closed', () => {
    expect(salesFigures([other('open', 3)]).winRatePct).toBeNull()
    expect(salesFigures([])).toMatchObject({ deals: 0, revenue: [], openByStage: [] })
  })

  it('add up over any groups', () => {
    const count = fc.oneof(
      fc.record({ deals: fc.nat(1000), minor: fc.bigInt(0n, 10n ** 12n) }).map(({ deals, minor }) => won(deals, minor)),
      fc.nat(1000).map((deals) => other('lost', deals)),
      fc.record({ deals: fc.nat(1000), stage: fc.constantFrom(first, second) }).map(({ deals, stage }) => other('open', deals, stage)),
    )
    fc.assert(
      fc.property(fc.array(fc.array(count)), (groups) => {
        const parts = groups.map(salesFigures)
        const total = salesFigures(groups.flat())
        const sum = (pick: (figures: typeof total) => number) => parts.reduce((all, part) => all + pick(part), 0)
        expect(total.deals).toBe(sum(({ deals }) => deals))
        expect(total.open).toBe(total.openByStage.reduce((all, { deals }) => all + deals, 0))
        expect(total.revenue[0]?.minor ?? 0n).toBe(parts.reduce((all, { revenue }) => all + (revenue[0]?.minor ?? 0n), 0n))
      }),
    )
  })
})
