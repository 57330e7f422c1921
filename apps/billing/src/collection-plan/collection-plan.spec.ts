import { calendarDate, Money, Ratio, type Currency } from '@millrace/domain'
import fc from 'fast-check'
import { aPlan, refusal, share, terms } from './collection-plan.fixture.js'

describe('laying a contract out', () => {
  it('divides the total by shares, so that nothing is lost to rounding', () => {
    const instalments = aPlan('1000.00', '115.04').layOut([share('33.33', 0), share('33.33', 30), share('33.34', 60)])
    expect(instalments.map(({ amount, tax, dueOn }) => [amount.amount, tax.amount, dueOn])).toEqual([
      ['333.30', '38.34', '2026-11-02'],
      ['333.30', '38.34', '2026-12-02'],
      ['333.40', '38.36', '2027-01-01'],
    ])
  })

  it('takes amounts as they stand, and days as they are named', () => {
    const plan = aPlan('100.00', '0.00')
    expect(plan.layOut([terms({ amount: '30.00', dueOn: '2027-02-28' }), terms({ amount: '70.00', daysAfterSigning: 0 })])).toMatchObject([
      { number: 1, amount: { amount: '30.00' }, dueOn: '2027-02-28' },
      { number: 2, amount: { amount: '70.00' }, dueOn: '2026-11-02' },
    ])
  })

  it('takes a deposit and shares of the rest that together make the total', () => {
    const parts = aPlan('100.00', '0.00').layOut([terms({ amount: '10.00', daysAfterSigning: 0 }), share('45', 30), share('45', 60)])
    expect(parts.map(({ amount }) => amount.amount)).toEqual(['10.00', '45.00', '45.00'])
  })

  it('leaves instalments of nothing out, and has none when there is nothing to pay', () => {
    const parts = aPlan('0.02', '0.00').layOut([share('30', 0), share('30', 30), share('40', 60)])
    expect(parts.map(({ number, amount }) => [number, amount.amount])).toEqual([
      [1, '0.01'],
      [3, '0.01'],
    ])
    expect(aPlan('0.00', '0.00').layOut([share('100', 0)])).toEqual([])
  })

  it.each([
    ['too little', [share('99.99', 0)], 'collection_plan.does_not_add_up'],
    ['too much', [share('50', 0), share('50.01', 0)], 'collection_plan.does_not_add_up'],
    ['amounts that miss a fen', [terms({ amount: '99.99', daysAfterSigning: 0 })], 'collection_plan.does_not_add_up'],
    ['neither share nor amount', [terms({ daysAfterSigning: 0 })], 'collection_plan.vague_term'],
    ['share and amount', [{ ...share('100', 0), amount: Money.parse('1.00', 'CNY') }], 'collection_plan.vague_term'],
    ['no day', [{ ...share('100', 0), daysAfterSigning: null }], 'collection_plan.vague_term'],
    ['two days', [{ ...share('100', 0), dueOn: calendarDate('2027-01-01') }], 'collection_plan.vague_term'],
    ['a negative share', [share('110', 0), share('-10', 0)], 'collection_plan.negative_term'],
    ['a negative amount', [share('110', 0), terms({ amount: '-10.00', daysAfterSigning: 0 })], 'collection_plan.negative_term'],
    ['days before signing', [share('100', -1)], 'collection_plan.negative_term'],
    ['another currency', [{ ...terms({ daysAfterSigning: 0 }), amount: Money.parse('100.00', 'USD') }], 'money.mixed_currencies'],
  ])('refuses %s', (_, given, code) => {
    expect(refusal(() => aPlan('100.00', '0.00').layOut(given)).code).toBe(code)
  })

  it('says what the terms make and what they should', () => {
    expect(refusal(() => aPlan('100.00', '0.00').layOut([share('60', 0), share('30', 0)])).details).toEqual({
      sum: '90.00 CNY',
      total: '100.00 CNY',
    })
  })

  it('always makes the total and the tax to the last minor unit, fair to one unit each', () => {
    const currencyOf = fc.constantFrom<Currency>('CNY', 'JPY', 'KWD')
    const cuts = fc.array(fc.integer({ min: 1, max: 9_999 }), { maxLength: 12 })
    fc.assert(
      fc.property(
        currencyOf,
        fc.bigInt({ min: 0n, max: 10n ** 15n }),
        fc.integer({ min: 0, max: 100 }),
        cuts,
        (currency, minor, taxed, points) => {
          const total = Money.of(minor, currency)
          const tax = total.times(Ratio.of(taxed, 100), 'floor')
          const borders = [0, ...new Set(points), 10_000].toSorted((a, b) => a - b)
          const shares = borders.slice(1).map((border, n) => Ratio.of(border - borders[n]!, 100))
          const plan = aPlan(total, tax)
          const parts = plan.layOut(shares.map((each) => ({ ...share('0', 10), share: each })))
          expect(
            Money.sum(
              parts.map((part) => part.amount),
              currency,
            ),
          ).toEqual(total)
          expect(
            Money.sum(
              parts.map((part) => part.tax),
              currency,
            ),
          ).toEqual(tax)
          for (const part of parts) {
            expect(part.tax.compare(part.amount)).toBeLessThanOrEqual(0)
            const exact = shares[part.number - 1]!.times(Ratio.of(minor, 100))
            const off = Ratio.of(part.amount.minor).minus(exact)
            expect(off.compare(Ratio.one) < 0 && off.compare(Ratio.of(-1)) > 0).toBe(true)
          }
        },
      ),
    )
  })
})

describe('a contract', () => {
  it('must have lines that make its total', () => {
    const line = (net: string, tax: string, gross: string) => ({
      net: Money.parse(net, 'CNY'),
      tax: Money.parse(tax, 'CNY'),
      gross: Money.parse(gross, 'CNY'),
    })
    const make = (...lines: ReturnType<typeof line>[]) => aPlan('113.00', lines)
    expect(make(line('60.00', '7.80', '67.80'), line('40.00', '5.20', '45.20')).tax.amount).toBe('13.00')
    expect(refusal(() => make(line('100.00', '12.99', '112.99'))).code).toBe('collection_plan.lines_differ')
    expect(refusal(() => make(line('100.00', '12.00', '113.00'))).code).toBe('collection_plan.lines_differ')
    expect(refusal(() => make(line('114.00', '-1.00', '113.00'))).code).toBe('collection_plan.lines_differ')
  })

  it('keeps the plan it has when it is laid out anew, but for the time', () => {
    const plan = aPlan('1.00', '0.00')
    expect(plan.replanned(new Date('2026-12-01T00:00:00Z'))).toEqual({ ...plan, updatedAt: new Date('2026-12-01T00:00:00Z') })
  })
})
