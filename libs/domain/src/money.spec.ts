import fc from 'fast-check'
import { currencies, isCurrency, type Currency } from './currency.js'
import { Money } from './money.js'
import { Ratio, type Rounding } from './ratio.js'

const largest = 2n ** 63n - 1n
const anyCurrency = fc.constantFrom(...(Object.keys(currencies) as Currency[]))
const anyMinor = fc.oneof(fc.bigInt({ min: -100n, max: 100n }), fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }))
const anyMoney = anyMinor.map((minor) => Money.of(minor, 'CNY'))

function cny(amount: string): Money {
  return Money.parse(amount, 'CNY')
}

function amounts(parts: readonly Money[]): string[] {
  return parts.map((part) => part.amount)
}

describe('a currency', () => {
  it('has as many decimals as ISO 4217 says', () => {
    expect(currencies).toMatchObject({ CNY: 2, USD: 2, EUR: 2, JPY: 0, KRW: 0, VND: 0, CLP: 0, KWD: 3, BHD: 3, TND: 3, CLF: 4 })
  })

  it('is known by its code in capitals', () => {
    expect(isCurrency('CNY')).toBe(true)
    expect(['cny', 'XXX', 'DEM', '', 'toString', 'constructor', '__proto__', undefined, 156].filter(isCurrency)).toEqual([])
  })
})

describe('reading an amount', () => {
  it.each([
    ['1234.50', 'CNY', 123450n, '1234.50'],
    ['1234.5', 'CNY', 123450n, '1234.50'],
    ['1234', 'CNY', 123400n, '1234.00'],
    ['-3', 'CNY', -300n, '-3.00'],
    ['-0.07', 'CNY', -7n, '-0.07'],
    ['0', 'CNY', 0n, '0.00'],
    ['-0.00', 'CNY', 0n, '0.00'],
    ['0012', 'CNY', 1200n, '12.00'],
    ['1234', 'JPY', 1234n, '1234'],
    ['-1', 'JPY', -1n, '-1'],
    ['1.5', 'KWD', 1500n, '1.500'],
    ['0.001', 'KWD', 1n, '0.001'],
    ['0.0001', 'CLF', 1n, '0.0001'],
    ['92233720368547758.07', 'CNY', largest, '92233720368547758.07'],
    ['-92233720368547758.07', 'CNY', -largest, '-92233720368547758.07'],
  ] as const)('%s %s is counted exactly', (text, currency, minor, amount) => {
    const money = Money.parse(text, currency)
    expect(money).toMatchObject({ minor, currency, amount })
    expect(JSON.parse(JSON.stringify(money))).toEqual({ amount, currency })
    expect(String(money)).toBe(`${amount} ${currency}`)
  })

  it.each([
    '',
    ' ',
    ' 1',
    '1 ',
    '1\n',
    '+1',
    '.5',
    '5.',
    '1,000',
    '1.000,00',
    '1e3',
    '1E3',
    '0x10',
    '1_000',
    '--1',
    '1.2.3',
    'NaN',
    'Infinity',
    '-',
    '１',
    '$1',
  ])('refuses %p', (text) => {
    expect(() => cny(text)).toThrow('money.malformed')
  })

  it.each([
    ['1.005', 'CNY', 2],
    ['1.000', 'CNY', 2],
    ['1.5', 'JPY', 0],
    ['1.0001', 'KWD', 3],
  ])('refuses %s %s, which has more decimals than the currency', (amount, currency, digits) => {
    expect(() => Money.parse(amount, currency)).toThrow(
      expect.objectContaining({ code: 'money.too_precise', kind: 'invalid', details: { amount, currency, digits } }),
    )
  })

  it.each(['DEM', 'cny', '', '__proto__'])('refuses the unknown currency %p', (currency) => {
    expect(() => Money.parse('1', currency)).toThrow('money.unknown_currency')
    expect(() => Money.of(1n, currency as Currency)).toThrow('money.unknown_currency')
  })

  it('refuses what no account could hold', () => {
    expect(() => cny('92233720368547758.08')).toThrow('money.too_large')
    expect(() => cny('-92233720368547758.08')).toThrow('money.too_large')
    expect(() => cny('9'.repeat(100_000))).toThrow('money.too_large')
    expect(() => Money.of(largest + 1n, 'CNY')).toThrow('money.too_large')
  })

  it('gives back what was written, in every currency', () => {
    fc.assert(
      fc.property(anyMinor, anyCurrency, (minor, currency) => {
        const money = Money.of(minor, currency)
        expect(Money.parse(money.amount, money.currency).equals(money)).toBe(true)
        expect(money.amount.split('.')[1]?.length ?? 0).toBe(currencies[currency])
      }),
    )
  })
})

describe('counting in the smallest unit', () => {
  it('takes whole numbers', () => {
    expect(Money.of(123450, 'CNY').amount).toBe('1234.50')
    expect(Money.of(-5n, 'CNY').amount).toBe('-0.05')
    expect(Money.zero('JPY').amount).toBe('0')
  })

  it('refuses a number that is not whole, or too large to be exact', () => {
    for (const minor of [0.5, NaN, Infinity, 2 ** 53]) expect(() => Money.of(minor, 'CNY')).toThrow('money.malformed')
  })
})

describe('adding and subtracting', () => {
  it('is exact', () => {
    expect(cny('0.10').plus(cny('0.20')).amount).toBe('0.30')
    expect(cny('1.00').minus(cny('1.01')).amount).toBe('-0.01')
    expect(cny('1.00').negate().amount).toBe('-1.00')
  })

  it('follows the laws of arithmetic', () => {
    fc.assert(
      fc.property(anyMoney, anyMoney, anyMoney, (a, b, c) => {
        expect(a.plus(b).equals(b.plus(a))).toBe(true)
        expect(
          a
            .plus(b)
            .plus(c)
            .equals(a.plus(b.plus(c))),
        ).toBe(true)
        expect(a.plus(b).minus(b).equals(a)).toBe(true)
        expect(a.minus(b).equals(b.minus(a).negate())).toBe(true)
        expect(a.plus(Money.zero('CNY')).equals(a)).toBe(true)
        expect(a.minus(a).isZero()).toBe(true)
        expect(Money.sum([a, b, c], 'CNY').equals(a.plus(b).plus(c))).toBe(true)
      }),
    )
  })

  it('adds up an empty list to nothing', () => {
    expect(Money.sum([], 'KWD')).toMatchObject({ amount: '0.000', currency: 'KWD' })
  })

  it('refuses to mix currencies', () => {
    const [yuan, dollar] = [cny('1'), Money.parse('1', 'USD')]
    const mixes = [
      () => yuan.plus(dollar),
      () => yuan.minus(dollar),
      () => yuan.compare(dollar),
      () => yuan.ratioOf(dollar),
      () => Money.min(yuan, dollar),
      () => Money.max(yuan, dollar),
    ]
    for (const mix of mixes) {
      expect(mix).toThrow(expect.objectContaining({ code: 'money.mixed_currencies', kind: 'invalid' }))
    }
    expect(() => yuan.plus(dollar)).toThrow(expect.objectContaining({ details: { left: 'CNY', right: 'USD' } }))
    expect(() => Money.sum([dollar], 'CNY')).toThrow('money.mixed_currencies')
  })

  it('refuses a result that no account could hold', () => {
    const most = Money.of(largest, 'CNY')
    expect(() => most.plus(cny('0.01'))).toThrow('money.too_large')
    expect(() => most.negate().minus(cny('0.01'))).toThrow('money.too_large')
    expect(() => most.times(2n)).toThrow('money.too_large')
    expect(() => most.times(Ratio.parse('100.1%'))).toThrow('money.too_large')
  })
})

describe('comparing', () => {
  it('tells the smaller from the larger', () => {
    expect(cny('1').compare(cny('2'))).toBe(-1)
    expect(cny('2').compare(cny('2.00'))).toBe(0)
    expect(cny('2').compare(cny('-3'))).toBe(1)
    expect(Money.min(cny('2'), cny('-1'), cny('3')).amount).toBe('-1.00')
    expect(Money.max(cny('2'), cny('-1'), cny('3')).amount).toBe('3.00')
  })

  it('never takes one currency for another', () => {
    expect(cny('1').equals(cny('1.00'))).toBe(true)
    expect(cny('1').equals(cny('1.01'))).toBe(false)
    expect(cny('1').equals(Money.parse('1', 'USD'))).toBe(false)
  })

  it('knows debit, credit and nothing', () => {
    const all = [cny('-0.01'), cny('0'), cny('0.01')]
    expect(all.map((money) => money.isNegative())).toEqual([true, false, false])
    expect(all.map((money) => money.isZero())).toEqual([false, true, false])
    expect(all.map((money) => money.isPositive())).toEqual([false, false, true])
  })

  it('tells what share one amount is of another', () => {
    expect(cny('25').ratioOf(cny('200')).toString()).toBe('0.125')
    expect(() => cny('1').ratioOf(cny('0'))).toThrow('ratio.division_by_zero')
  })
})

describe('taking a multiple or a share', () => {
  it('multiplies by a quantity exactly', () => {
    expect(cny('19.99').times(120n).amount).toBe('2398.80')
    expect(cny('19.99').times(-1n).amount).toBe('-19.99')
  })

  it('rounds half a cent away from zero unless told otherwise', () => {
    expect(cny('0.10').times(Ratio.parse('0.25')).amount).toBe('0.03')
    expect(cny('-0.10').times(Ratio.parse('0.25')).amount).toBe('-0.03')
    expect(cny('1000').times(Ratio.parse('13%')).amount).toBe('130.00')
  })

  it.each([
    ['half-up', '0.03', '0.04', '-0.03'],
    ['half-even', '0.02', '0.04', '-0.02'],
    ['half-down', '0.02', '0.03', '-0.02'],
    ['up', '0.03', '0.04', '-0.03'],
    ['down', '0.02', '0.03', '-0.02'],
    ['ceiling', '0.03', '0.04', '-0.02'],
    ['floor', '0.02', '0.03', '-0.03'],
  ] as [Rounding, string, string, string][])('rounds 2.5, 3.5 and -2.5 cents %s to %s, %s and %s', (rounding, ...rounded) => {
    const half = Ratio.of(1, 2)
    expect(amounts(['0.05', '0.07', '-0.05'].map((amount) => cny(amount).times(half, rounding)))).toEqual(rounded)
  })

  it('takes net and tax out of a gross price without losing a cent', () => {
    fc.assert(
      fc.property(anyMoney, fc.bigInt({ min: 0n, max: 30n }), (gross, percent) => {
        const net = gross.times(Ratio.of(100n, 100n + percent))
        const exact = Ratio.of(gross.minor * 100n, 100n + percent)
        expect(Ratio.of(net.minor).minus(exact).compare(Ratio.of(1, 2))).toBeLessThanOrEqual(0)
        expect(exact.minus(Ratio.of(net.minor)).compare(Ratio.of(1, 2))).toBeLessThanOrEqual(0)
      }),
    )
  })
})

describe('sharing an amount out', () => {
  it('gives the cent left over to the first of equals', () => {
    expect(amounts(cny('100').allocate([1n, 1n, 1n]))).toEqual(['33.34', '33.33', '33.33'])
    expect(amounts(cny('0.05').allocate([1n, 1n, 1n]))).toEqual(['0.02', '0.02', '0.01'])
  })

  it('gives the cent left over to whoever lost most by rounding', () => {
    expect(amounts(cny('0.10').allocate([1n, 2n, 6n]))).toEqual(['0.01', '0.02', '0.07'])
    expect(amounts(cny('1.00').allocate([1n, 6n, 1n]))).toEqual(['0.13', '0.75', '0.12'])
  })

  it('shares a credit note out like the invoice it mirrors', () => {
    expect(amounts(cny('-100').allocate([1n, 1n, 1n]))).toEqual(['-33.34', '-33.33', '-33.33'])
  })

  it('gives nothing to a weight of zero', () => {
    expect(amounts(cny('0.01').allocate([0n, 1n, 1n, 0n]))).toEqual(['0.00', '0.01', '0.00', '0.00'])
  })

  it('shares by percentages and fractions as well', () => {
    expect(amounts(cny('1000').allocate([Ratio.parse('30%'), Ratio.parse('60%'), Ratio.parse('10%')]))).toEqual([
      '300.00',
      '600.00',
      '100.00',
    ])
    expect(amounts(cny('1').allocate([Ratio.of(1, 6), Ratio.of(1, 4), Ratio.of(7, 12)]))).toEqual(['0.17', '0.25', '0.58'])
  })

  it('shares yen in whole yen', () => {
    expect(amounts(Money.parse('100', 'JPY').allocate([1n, 1n, 1n]))).toEqual(['34', '33', '33'])
  })

  it('refuses weights that add up to nothing', () => {
    expect(() => cny('1').allocate([])).toThrow(expect.objectContaining({ code: 'money.no_weights', kind: 'invalid' }))
    expect(() => cny('0').allocate([0n, 0n])).toThrow('money.no_weights')
    expect(() => cny('1').allocate([Ratio.zero])).toThrow('money.no_weights')
  })

  it('refuses a weight below zero', () => {
    expect(() => cny('1').allocate([2n, -1n])).toThrow(expect.objectContaining({ code: 'money.negative_weight', kind: 'invalid' }))
    expect(() => cny('1').allocate([1n, -1n])).toThrow('money.negative_weight')
    expect(() => cny('1').allocate([Ratio.one, Ratio.of(-1, 2)])).toThrow('money.negative_weight')
  })

  const anyWeight = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 10n }), fc.bigInt({ min: 0n, max: 10n ** 20n }))
  const anyWeights = fc.array(anyWeight, { minLength: 1, maxLength: 12 }).filter((weights) => weights.some((weight) => weight > 0n))

  it('loses no cent and treats nobody a whole cent unfairly', () => {
    fc.assert(
      fc.property(anyMoney, anyWeights, (total, weights) => {
        const parts = total.allocate(weights)
        const all = weights.reduce((sum, weight) => sum + weight, 0n)
        expect(parts).toHaveLength(weights.length)
        expect(Money.sum(parts, 'CNY').equals(total)).toBe(true)
        parts.forEach((part, i) => {
          const error = Ratio.of(part.minor).minus(Ratio.of(total.minor * weights[i]!, all))
          expect(error.compare(Ratio.one)).toBe(-1)
          expect(error.compare(Ratio.one.negate())).toBe(1)
        })
      }),
      { numRuns: 1000 },
    )
  })

  it('never gives the smaller weight the larger part, and the earlier of equals never the smaller', () => {
    fc.assert(
      fc.property(anyMinor, anyWeights, (minor, weights) => {
        const parts = Money.of(minor < 0n ? -minor : minor, 'CNY').allocate(weights)
        for (const [i, weight] of weights.entries()) {
          for (let j = i + 1; j < weights.length; j++) {
            if (weight >= weights[j]!) expect(parts[i]!.compare(parts[j]!)).not.toBe(-1)
            else expect(parts[i]!.compare(parts[j]!)).not.toBe(1)
          }
        }
      }),
    )
  })

  it('mirrors, and cares only for proportions', () => {
    fc.assert(
      fc.property(anyMoney, anyWeights, fc.bigInt({ min: 1n, max: 1000n }), (total, weights, scale) => {
        const parts = amounts(total.allocate(weights))
        expect(
          amounts(
            total
              .negate()
              .allocate(weights)
              .map((part) => part.negate()),
          ),
        ).toEqual(parts)
        expect(amounts(total.allocate(weights.map((weight) => weight * scale)))).toEqual(parts)
        expect(amounts(total.allocate(weights.map((weight) => Ratio.of(weight, scale))))).toEqual(parts)
      }),
    )
  })
})
