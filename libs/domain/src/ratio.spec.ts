import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { Ratio, type Rounding } from './ratio.js'

const anyRatio = fc
  .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.bigInt({ min: 1n, max: 10n ** 12n }))
  .map(([n, d]) => Ratio.of(n, d))

describe('a ratio', () => {
  it('is kept in lowest terms with the sign on top', () => {
    expect(Ratio.of(6, 4)).toMatchObject({ numerator: 3n, denominator: 2n })
    expect(Ratio.of(6n, -4n)).toMatchObject({ numerator: -3n, denominator: 2n })
    expect(Ratio.of(-6, -4)).toMatchObject({ numerator: 3n, denominator: 2n })
    expect(Ratio.of(0, -7)).toMatchObject({ numerator: 0n, denominator: 1n })
    expect(Ratio.of(5)).toMatchObject({ numerator: 5n, denominator: 1n })
  })

  it('is never made of a number that is not whole, or too large to be exact', () => {
    for (const value of [0.1, NaN, Infinity, 2 ** 53]) expect(() => Ratio.of(value)).toThrow('ratio.malformed')
    expect(() => Ratio.of(1, 0.5)).toThrow('ratio.malformed')
  })

  it('never divides by zero', () => {
    expect(() => Ratio.of(1, 0)).toThrow('ratio.division_by_zero')
    expect(() => Ratio.one.dividedBy(Ratio.zero)).toThrow('ratio.division_by_zero')
  })
})

describe('reading a ratio', () => {
  it.each([
    ['12.5', 25n, 2n],
    ['12.5%', 1n, 8n],
    ['-0.5', -1n, 2n],
    ['-0.5%', -1n, 200n],
    ['13%', 13n, 100n],
    ['1/3', 1n, 3n],
    ['-2/6', -1n, 3n],
    ['007', 7n, 1n],
    ['0', 0n, 1n],
    ['-0', 0n, 1n],
    ['0.1', 1n, 10n],
    ['7.123456789012345678901234567890', 712345678901234567890123456789n, 10n ** 29n],
  ])('%s', (text, numerator, denominator) => {
    expect(Ratio.parse(text)).toMatchObject({ numerator, denominator })
  })

  it.each([
    '',
    '.5',
    '5.',
    '+1',
    '1e3',
    '1,000',
    ' 1',
    '1 ',
    '1\n',
    'NaN',
    'Infinity',
    '1/0',
    '1/-3',
    '1/3%',
    '1.5/2',
    '%',
    '--1',
    '١',
    '0x10',
  ])('refuses %p', (text) => {
    expect(() => Ratio.parse(text)).toThrow('ratio.malformed')
  })

  it('refuses a number so long that reckoning with it would hold everybody up', () => {
    expect(Ratio.parse('9'.repeat(1000)).isNegative()).toBe(false)
    expect(() => Ratio.parse('9'.repeat(1001))).toThrow('ratio.malformed')
  })

  it('gives back what was written', () => {
    fc.assert(fc.property(anyRatio, (ratio) => expect(Ratio.parse(ratio.toString()).equals(ratio)).toBe(true)))
  })
})

describe('writing a ratio', () => {
  it.each([
    [Ratio.of(25, 2), '12.5'],
    [Ratio.of(-1, 8), '-0.125'],
    [Ratio.of(7), '7'],
    [Ratio.of(700), '700'],
    [Ratio.zero, '0'],
    [Ratio.of(1, 3), '1/3'],
    [Ratio.of(-5, 6), '-5/6'],
  ])('is exact: %#', (ratio, text) => {
    expect(ratio.toString()).toBe(text)
    expect(JSON.stringify({ ratio })).toBe(JSON.stringify({ ratio: text }))
  })

  it('shows as many decimals as were asked for', () => {
    expect(Ratio.of(2, 3).toDecimal(4)).toBe('0.6667')
    expect(Ratio.of(2, 3).toDecimal(4, 'down')).toBe('0.6666')
    expect(Ratio.of(-2, 3).toDecimal(0)).toBe('-1')
    expect(Ratio.of(-1, 3).toDecimal(0)).toBe('0')
    expect(Ratio.of(-1, 1000).toDecimal(2)).toBe('0.00')
    expect(Ratio.of(5).toDecimal(2)).toBe('5.00')
    expect(Ratio.parse('1.005').toDecimal(2)).toBe('1.01')
  })
})

describe('reckoning with ratios', () => {
  it('is exact where decimals are not', () => {
    expect(Ratio.parse('0.1').plus(Ratio.parse('0.2')).toString()).toBe('0.3')
    expect(Ratio.parse('1').minus(Ratio.parse('0.9')).toString()).toBe('0.1')
    expect(Ratio.of(1, 3).times(Ratio.of(3)).equals(Ratio.one)).toBe(true)
    expect(Ratio.parse('13%').dividedBy(Ratio.parse('113%')).toString()).toBe('13/113')
  })

  it('follows the laws of arithmetic', () => {
    fc.assert(
      fc.property(anyRatio, anyRatio, anyRatio, (a, b, c) => {
        expect(a.plus(b).equals(b.plus(a))).toBe(true)
        expect(
          a
            .plus(b)
            .plus(c)
            .equals(a.plus(b.plus(c))),
        ).toBe(true)
        expect(
          a
            .plus(b)
            .times(c)
            .equals(a.times(c).plus(b.times(c))),
        ).toBe(true)
        expect(a.minus(b).plus(b).equals(a)).toBe(true)
        if (!b.isZero()) expect(a.dividedBy(b).times(b).equals(a)).toBe(true)
        expect(a.plus(a.negate()).isZero()).toBe(true)
      }),
    )
  })

  it('tells the smaller from the larger', () => {
    expect(Ratio.of(1, 3).compare(Ratio.of(1, 2))).toBe(-1)
    expect(Ratio.of(2, 4).compare(Ratio.of(1, 2))).toBe(0)
    expect(Ratio.of(-1, 3).compare(Ratio.of(-1, 2))).toBe(1)
    expect(Ratio.of(1, 3).equals(Ratio.of(1, 2))).toBe(false)
    expect(Ratio.of(1, 3).equals(Ratio.of(2, 3))).toBe(false)
    expect([Ratio.of(-1, 3), Ratio.zero, Ratio.one].map((ratio) => ratio.isNegative())).toEqual([true, false, false])
    expect([Ratio.of(-1, 3), Ratio.zero, Ratio.one].map((ratio) => ratio.isZero())).toEqual([false, true, false])
  })
})

describe('rounding to a whole', () => {
  const values = ['-2.5', '-1.5', '-0.51', '-0.5', '-0.49', '0', '0.49', '0.5', '0.51', '1.5', '2.5', '-3', '3']
  const table: Record<Rounding, number[]> = {
    'half-up': [-3, -2, -1, -1, 0, 0, 0, 1, 1, 2, 3, -3, 3],
    'half-even': [-2, -2, -1, 0, 0, 0, 0, 0, 1, 2, 2, -3, 3],
    'half-down': [-2, -1, -1, 0, 0, 0, 0, 0, 1, 1, 2, -3, 3],
    up: [-3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3, -3, 3],
    down: [-2, -1, 0, 0, 0, 0, 0, 0, 0, 1, 2, -3, 3],
    ceiling: [-2, -1, 0, 0, 0, 0, 1, 1, 1, 2, 3, -3, 3],
    floor: [-3, -2, -1, -1, -1, 0, 0, 0, 0, 1, 2, -3, 3],
  }

  it.each(Object.entries(table) as [Rounding, number[]][])('%s', (rounding, wholes) => {
    expect(values.map((value) => Ratio.parse(value).round(rounding))).toEqual(wholes.map(BigInt))
  })

  it('is never off by a whole one, and never changes a whole number', () => {
    fc.assert(
      fc.property(anyRatio, fc.constantFrom(...(Object.keys(table) as Rounding[])), (ratio, rounding) => {
        const error = ratio.minus(Ratio.of(ratio.round(rounding)))
        expect(error.compare(Ratio.one)).toBe(-1)
        expect(error.compare(Ratio.one.negate())).toBe(1)
        if (ratio.denominator === 1n) expect(error.isZero()).toBe(true)
      }),
    )
  })
})

describe('the code that counts money', () => {
  it.each(['money.ts', 'ratio.ts', 'decimal.ts'])('%s never uses floating point', (file) => {
    const source = readFileSync(new URL(file, import.meta.url), 'utf8')
    const code = source.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, '') // comments may show amounts
    expect(code.match(/Number\(|parseFloat|parseInt|Math\.|toFixed|toPrecision|\d\.\d/g)).toBeNull()
  })
})
