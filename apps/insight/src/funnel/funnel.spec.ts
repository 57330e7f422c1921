import { Ratio } from '@millrace/domain'
import fc from 'fast-check'
import { funnelFigures, percent, type DealCount } from './funnel.js'

const nothing: DealCount = { won: 0, lost: 0, open: 0, enteredFirst: 0, wonFromFirst: 0, meanCycleSeconds: null, wonAmounts: [] }
const stages = [{ key: 'first', name: 'First' }]

describe('a percentage', () => {
  it('is exact and rounded half up', () => {
    expect(percent(98, 157, 1)).toBe('62.4')
    expect(percent(1, 8, 1)).toBe('12.5')
    expect(percent(1, 16, 1)).toBe('6.3') // 6.25
    expect(percent(4238, 4238 + 2473, 2)).toBe('63.15')
  })

  it('of nothing is none', () => {
    expect(percent(0, 0, 1)).toBeNull()
  })
})

describe('a funnel', () => {
  it('loses, keeps or advances whatever enters a stage', () => {
    const some = fc.nat(5_000)
    fc.assert(
      fc.property(some, some, some, (lost, stuck, advanced) => {
        const [stage] = funnelFigures(
          stages,
          [{ key: 'first', lost, stuck, advanced, medianSeconds: null, meanSeconds: null }],
          nothing,
        ).stages
        expect(stage!.entered).toBe(lost + stuck + advanced)
        if (stage!.entered === 0) expect(stage!.lossPct).toBeNull()
        else {
          // Within half a tenth of the exact share.
          const off = Ratio.parse(stage!.lossPct!)
            .times(Ratio.of(stage!.entered))
            .minus(Ratio.of(lost * 100))
          const bound = Ratio.of(stage!.entered, 20)
          expect(off.compare(bound)).toBeLessThanOrEqual(0)
          expect(off.compare(bound.negate())).toBeGreaterThanOrEqual(0)
        }
      }),
    )
  })

  it('shows stages that no deal came to', () => {
    expect(funnelFigures(stages, [], nothing).stages).toEqual([
      {
        key: 'first',
        name: 'First',
        entered: 0,
        lost: 0,
        stuck: 0,
        advanced: 0,
        lossPct: null,
        conversionPct: null,
        medianTimeInStage: null,
        timeInStageDays: null,
      },
    ])
  })

  it('averages amounts per currency, half up to the smallest unit', () => {
    const { averageDeal, wonAmount } = funnelFigures([], [], {
      ...nothing,
      wonAmounts: [
        { currency: 'CNY', minor: 101n, deals: 2 },
        { currency: 'JPY', minor: 100n, deals: 3 },
      ],
    })
    expect(averageDeal.map(String)).toEqual(['0.51 CNY', '33 JPY'])
    expect(wonAmount.map(String)).toEqual(['1.01 CNY', '100 JPY'])
  })
})
