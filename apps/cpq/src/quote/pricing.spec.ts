import { currencies, Money, Ratio, type Currency, type Refusal } from '@millrace/domain'
import fc from 'fast-check'
import { priceQuote, type HeaderDiscount, type LineOffer, type Priced, type Step } from './pricing.js'
import { aLineOffer, cny, percent } from './quote.fixture.js'

const code = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return (error as Refusal).code
  }
  throw new Error('was not refused')
}
const onTop = (rate: string) => ({ rate: percent(rate), mode: 'on_top' }) as const
const inside = (rate: string) => ({ rate: percent(rate), mode: 'inside' }) as const
const off = (discount: string): HeaderDiscount => ({ percent: percent(discount), amount: null })
const amountOff = (amount: Money): HeaderDiscount => ({ percent: null, amount })
const shown = ({ waterfall }: Priced['lines'][number]) => waterfall.map(({ step, rule, amount }) => `${step} ${rule} ${amount.amount}`)

describe('pricing one line', () => {
  it('tells how the price came about, step by step', () => {
    const offer = aLineOffer({ listPrice: cny('120.00'), price: cny('110.00'), quantity: percent('3'), discount: percent('10') })
    const { lines } = priceQuote('CNY', [offer], off('5'))
    expect(shown(lines[0]!)).toEqual([
      'list price_book 360.00',
      'price_override price_given -30.00',
      'line_discount 10% -33.00',
      'header_discount 5% -14.85',
      'net net 282.15',
      'tax vat:13%:on_top 36.68',
      'gross gross 318.83',
    ])
  })

  it('leaves steps away that did nothing', () => {
    const { lines } = priceQuote('CNY', [aLineOffer()], null)
    expect(shown(lines[0]!)).toEqual(['list price_book 100.00', 'net net 100.00', 'tax vat:13%:on_top 13.00', 'gross gross 113.00'])
  })

  it.each([
    ['9.99', '0.5', '5.00'],
    ['0.01', '0.5', '0.01'],
    ['0.01', '0.49', '0.00'],
    ['10.00', '0.333333', '3.33'],
    ['1.15', '1.5', '1.73'],
  ])('rounds %s × %s half up to %s once', (price, quantity, list) => {
    const { totals } = priceQuote('CNY', [aLineOffer({ listPrice: cny(price), quantity: percent(quantity) })], null)
    expect(totals.list.amount).toBe(list)
  })

  it.each([
    ['on_top', onTop('13'), '100.00', '13.00', '113.00'],
    ['inside', inside('13'), '88.50', '11.50', '100.00'],
    ['on_top', onTop('0'), '100.00', '0.00', '100.00'],
    ['inside', inside('0'), '100.00', '0.00', '100.00'],
    ['inside', inside('100'), '50.00', '50.00', '100.00'],
  ])('takes VAT %s', (_, vat, net, tax, gross) => {
    const { totals } = priceQuote('CNY', [aLineOffer({ vat })], null)
    expect([totals.net, totals.tax, totals.gross].map(({ amount }) => amount)).toEqual([net, tax, gross])
  })

  it('knows currencies without decimals and with three', () => {
    const price = (currency: Currency, amount: string) =>
      priceQuote(currency, [aLineOffer({ listPrice: Money.parse(amount, currency), quantity: percent('3'), vat: onTop('10') })], off('5'))
        .totals.gross.amount
    expect(price('JPY', '333')).toBe('1044') // 999 − 50 = 949, + 94.9 → 95
    expect(price('KWD', '0.333')).toBe('1.044')
  })
})

describe('pricing the whole', () => {
  it('shares the discount on the whole out to the last cent', () => {
    const offers = ['33.33', '33.33', '33.34'].map((price) => aLineOffer({ listPrice: cny(price), vat: onTop('0') }))
    const { lines, totals } = priceQuote('CNY', offers, amountOff(cny('10.00')))
    expect(lines.map(({ headerDiscount }) => headerDiscount.amount)).toEqual(['3.33', '3.33', '3.34'])
    expect(totals.headerDiscount.amount).toBe('10.00')
  })

  it('rounds the tax of each rate once, not line by line', () => {
    const offers = Array.from({ length: 3 }, () => aLineOffer({ listPrice: cny('0.10'), vat: onTop('6') }))
    const { lines, totals, taxes } = priceQuote('CNY', [...offers, aLineOffer({ vat: onTop('13') })], null)
    // line by line it would be 0.01 three times; 6 % of 0.30 is 0.018
    expect(lines.map(({ tax }) => tax.amount)).toEqual(['0.01', '0.01', '0.00', '13.00'])
    expect(taxes.map(({ rate, tax }) => `${rate} ${tax.amount}`)).toEqual(['6 0.02', '13 13.00'])
    expect(totals.tax.amount).toBe('13.02')
  })

  it('gives everything away at 100 %, and charges nothing for nothing', () => {
    const { totals } = priceQuote('CNY', [aLineOffer(), aLineOffer({ listPrice: cny('0.00') })], off('100'))
    expect([totals.headerDiscount, totals.net, totals.tax, totals.gross].map(({ amount }) => amount)).toEqual([
      '100.00',
      '0.00',
      '0.00',
      '0.00',
    ])
  })
})

describe('refusing to price', () => {
  it.each<[string, () => unknown]>([
    ['quote.no_lines', () => priceQuote('CNY', [], null)],
    ['quote.quantity_not_positive', () => priceQuote('CNY', [aLineOffer({ quantity: Ratio.zero })], null)],
    ['quote.quantity_not_positive', () => priceQuote('CNY', [aLineOffer({ quantity: percent('-1') })], null)],
    ['quote.discount_out_of_range', () => priceQuote('CNY', [aLineOffer({ discount: percent('100.01') })], null)],
    ['quote.discount_out_of_range', () => priceQuote('CNY', [aLineOffer({ discount: percent('-0.01') })], null)],
    ['quote.discount_out_of_range', () => priceQuote('CNY', [aLineOffer()], off('101'))],
    ['quote.discount_too_large', () => priceQuote('CNY', [aLineOffer()], amountOff(cny('100.01')))],
    ['vat.rate_out_of_range', () => priceQuote('CNY', [aLineOffer({ vat: onTop('101') })], null)],
    ['vat.rate_out_of_range', () => priceQuote('CNY', [aLineOffer({ vat: inside('-1') })], null)],
    ['quote.no_price', () => priceQuote('CNY', [aLineOffer({ listPrice: null })], null)],
    ['money.negative', () => priceQuote('CNY', [aLineOffer({ price: cny('-0.01') })], null)],
    ['money.negative', () => priceQuote('CNY', [aLineOffer()], amountOff(cny('-1.00')))],
    ['money.mixed_currencies', () => priceQuote('CNY', [aLineOffer({ price: Money.parse('1', 'USD') })], null)],
    ['money.mixed_currencies', () => priceQuote('USD', [aLineOffer()], null)],
    ['money.mixed_currencies', () => priceQuote('CNY', [aLineOffer()], amountOff(Money.parse('1', 'USD')))],
    ['money.too_large', () => priceQuote('CNY', [aLineOffer({ listPrice: cny('92233720368547758.07'), quantity: percent('2') })], null)],
    [
      'money.too_large',
      () =>
        priceQuote(
          'CNY',
          [1, 2].map(() => aLineOffer({ listPrice: cny('92233720368547758.07'), vat: onTop('0') })),
          null,
        ),
    ],
  ])('%s', (refusal, work) => {
    expect(code(work)).toBe(refusal)
  })

  it('takes no amount that its currency cannot have', () => {
    expect(code(() => Money.parse('10.005', 'CNY'))).toBe('money.too_precise')
    expect(code(() => Money.parse('10.5', 'JPY'))).toBe('money.too_precise')
  })
})

describe('any quote', () => {
  const decimal = (max: number, digits: number) => fc.integer({ min: 0, max: max * 10 ** digits }).map((n) => Ratio.of(n, 10 ** digits))
  const quotes = fc.constantFrom<Currency>('JPY', 'CNY', 'KWD', 'CLF').chain((currency) => {
    const money = fc
      .oneof(fc.bigInt({ min: 0n, max: 30n }), fc.bigInt({ min: 0n, max: 10n ** 9n }))
      .map((minor) => Money.of(minor, currency))
    const vat = fc.record({
      rate: fc.constantFrom('0', '6', '9', '13', '19.6', '100').map(Ratio.parse),
      mode: fc.constantFrom('on_top' as const, 'inside' as const),
    })
    const line: fc.Arbitrary<LineOffer> = fc.record({
      listPrice: money,
      price: fc.option(money, { freq: 3 }),
      quantity: fc.oneof(
        fc.constant(Ratio.one),
        decimal(50, 3).map((quantity) => quantity.plus(Ratio.of(1, 1000))),
      ),
      discount: fc.oneof(fc.constant(Ratio.zero), decimal(100, 2)),
      vat,
    })
    const discount = fc.oneof(
      fc.constant(null),
      decimal(100, 2).map((percent): HeaderDiscount => ({ percent, amount: null })),
      decimal(100, 0).map((share) => ({ share })),
    )
    return fc
      .record({ currency: fc.constant(currency), offers: fc.array(line, { minLength: 1, maxLength: 8 }), discount })
      .map(({ discount, ...rest }) => {
        if (!discount || !('share' in discount)) return { ...rest, discount }
        const full = priceQuote(rest.currency, rest.offers, off('100')).totals.headerDiscount // all that can be taken off
        return { ...rest, discount: amountOff(full.times(discount.share.dividedBy(Ratio.of(100)), 'down')) }
      })
  })
  const each = (check: (quote: Priced, wish: { currency: Currency; offers: LineOffer[]; discount: HeaderDiscount | null }) => void) =>
    fc.assert(
      fc.property(quotes, ({ currency, offers, discount }) =>
        check(priceQuote(currency, offers, discount), { currency, offers, discount }),
      ),
      { numRuns: 500 },
    )
  const sum = (steps: readonly Step['amount'][], currency: Currency) =>
    Money.sum(
      steps.map(({ amount }) => Money.parse(amount, currency)),
      currency,
    )

  it('costs what its lines cost: list, discounts, net, tax and gross', () => {
    each(({ lines, totals }, { currency }) => {
      for (const name of ['list', 'lineDiscount', 'headerDiscount', 'net', 'tax', 'gross'] as const)
        expect(
          Money.sum(
            lines.map((line) => line[name]),
            currency,
          ),
        ).toEqual(totals[name])
      expect(totals.net.plus(totals.tax)).toEqual(totals.gross)
    })
  })

  it('takes exactly the discount off that was given on the whole', () => {
    each(({ totals, lines }, { discount, offers, currency }) => {
      if (discount?.amount) expect(totals.headerDiscount).toEqual(discount.amount)
      if (discount?.percent) {
        const before = priceQuote(currency, offers, null)
        const offered = Money.sum(
          before.lines.map(({ net, gross }, n) => (offers[n]!.vat.mode === 'on_top' ? net : gross)),
          currency,
        )
        expect(totals.headerDiscount).toEqual(offered.times(discount.percent.dividedBy(Ratio.of(100))))
      }
      if (!discount) expect(lines.every(({ headerDiscount }) => headerDiscount.isZero())).toBe(true)
    })
  })

  it('is never negative, in total and in any line', () => {
    each(({ lines, totals }) => {
      for (const { lineDiscount, headerDiscount, net, tax, gross } of [...lines, totals])
        for (const amount of [lineDiscount, headerDiscount, net, tax, gross]) expect(amount.isNegative()).toBe(false)
    })
  })

  it('has the tax of each rate within half a unit of the exact one', () => {
    each(({ lines, taxes }, { offers, currency }) => {
      for (const { rate, mode, net, tax, gross } of taxes) {
        const [n, t, g] = [net, tax, gross].map((amount) => Money.parse(amount.amount, currency).minor) as [bigint, bigint, bigint]
        const exact =
          mode === 'on_top'
            ? Ratio.of(n).times(Ratio.parse(rate)).dividedBy(Ratio.of(100))
            : Ratio.of(g).minus(
                Ratio.of(g)
                  .times(Ratio.of(100))
                  .dividedBy(Ratio.parse(rate).plus(Ratio.of(100))),
              )
        const error = Ratio.of(t).minus(exact)
        expect((error.isNegative() ? error.negate() : error).compare(Ratio.of(1, 2))).toBeLessThanOrEqual(0)
        const own = lines.filter((_, line) => offers[line]!.vat.mode === mode && offers[line]!.vat.rate.toString() === rate)
        expect(
          Money.sum(
            own.map((line) => line.tax),
            currency,
          ).minor,
        ).toBe(t)
      }
      expect(
        sum(
          taxes.map(({ gross }) => gross),
          currency,
        ),
      ).toEqual(
        Money.sum(
          lines.map(({ gross }) => gross),
          currency,
        ),
      )
    })
  })

  it('has a waterfall that leads from list to gross', () => {
    each(({ lines }, { offers, currency }) => {
      lines.forEach((line, n) => {
        const steps = (...names: Step['step'][]) => line.waterfall.filter(({ step }) => names.includes(step)).map(({ amount }) => amount)
        const asked = sum(steps('list', 'price_override', 'line_discount', 'header_discount'), currency)
        expect(asked).toEqual(offers[n]!.vat.mode === 'on_top' ? line.net : line.gross)
        expect(sum(steps('net', 'tax'), currency)).toEqual(line.gross)
      })
    })
  })

  it('costs the same when priced again', () => {
    each((quote, { currency, offers, discount }) => expect(priceQuote(currency, offers, discount)).toEqual(quote))
  })

  it('is tried with currencies of 0, 2, 3 and 4 decimals', () => {
    expect((['JPY', 'CNY', 'KWD', 'CLF'] as const).map((currency) => currencies[currency])).toEqual([0, 2, 3, 4])
  })
})
