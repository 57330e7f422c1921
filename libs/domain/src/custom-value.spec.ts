import fc from 'fast-check'
import { customCell, customTexts, customValue, sortableText, type CustomRule, type CustomType } from './custom-value.js'
import { Money } from './money.js'
import { Ratio } from './ratio.js'
import { Refusal } from './refusal.js'

const option = (key: string, active = true) => ({ key, labels: { en: key.toUpperCase(), 'zh-CN': `选${key}` }, active })
const field = (type: CustomType, more: Partial<CustomRule> = {}): CustomRule => ({
  type,
  decimals: type === 'number' ? 2 : null,
  currency: type === 'money' ? 'CNY' : null,
  options: type === 'choice' || type === 'multi_choice' ? [option('a'), option('b'), option('old', false)] : [],
  ...more,
})
const user = 'user_01h455vb4pex5vsknk084sn02q'

function refusal(rule: CustomRule, given: unknown): string | undefined {
  try {
    customValue(rule, given)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

describe('a value of a company’s own field', () => {
  it.each<[CustomType, unknown, unknown]>([
    ['text', '  云图\n科技 ', '云图\n科技'],
    ['text', '   ', null],
    ['number', '0012.50', '12.5'],
    ['number', 12.5, '12.5'],
    ['number', -3, '-3'],
    ['number', '-0.00', '0'],
    ['number', '2.0', '2'],
    ['number', '100', '100'],
    ['number', '999999999999999.99', '999999999999999.99'],
    ['money', { amount: '1234.5', currency: 'CNY' }, { amount: '1234.50', currency: 'CNY' }],
    ['money', { amount: '-1', currency: 'CNY' }, { amount: '-1.00', currency: 'CNY' }],
    ['date', '2028-02-29', '2028-02-29'],
    ['choice', 'b', 'b'],
    ['multi_choice', ['b', 'a', 'b'], ['a', 'b']],
    ['multi_choice', [], null],
    ['user', user, user],
    ['link', 'https://example.com/@li?x=1', 'https://example.com/@li?x=1'],
    ['link', 'mailto:li@example.com', 'mailto:li@example.com'],
    ['link', '', null],
    ['date', null, null],
  ])('of %s: %j is kept as %j', (type, given, kept) => {
    expect(customValue(field(type), given)).toEqual(kept)
  })

  it.each<[CustomType, unknown, string]>([
    ['text', 5, 'custom.not_a_text'],
    ['text', 'x'.repeat(501), 'custom.too_long'],
    ['text', 'a\u0000b', 'text.control_characters'],
    ['text', '\ud800', 'text.control_characters'],
    ['number', '12.345', 'custom.too_precise'],
    ['number', '1e3', 'custom.not_a_number'],
    ['number', '1,000', 'custom.not_a_number'],
    ['number', '5.', 'custom.not_a_number'],
    ['number', '', 'custom.not_a_number'],
    ['number', true, 'custom.not_a_number'],
    ['number', NaN, 'custom.not_a_number'],
    ['number', Infinity, 'custom.not_a_number'],
    ['number', 1e21, 'custom.not_a_number'],
    ['number', 12345678901234.567, 'custom.not_a_number'],
    ['number', '1'.repeat(16), 'custom.not_a_number'],
    ['money', '5', 'custom.not_an_amount'],
    ['money', ['5'], 'custom.not_an_amount'],
    ['money', { amount: 5, currency: 'CNY' }, 'custom.not_an_amount'],
    ['money', { amount: '5', currency: 'USD' }, 'custom.other_currency'],
    ['money', { amount: '5.001', currency: 'CNY' }, 'money.too_precise'],
    ['money', { amount: '9'.repeat(20), currency: 'CNY' }, 'money.too_large'],
    ['date', '2026-02-29', 'date.malformed'],
    ['date', '21.11.2026', 'date.malformed'],
    ['choice', 'c', 'custom.unknown_option'],
    ['choice', 'old', 'custom.retired_option'],
    ['choice', ['a'], 'custom.unknown_option'],
    ['multi_choice', 'a', 'custom.not_a_list'],
    ['multi_choice', ['a', 'old'], 'custom.retired_option'],
    ['user', 'amy', 'custom.not_an_id'],
    ['account', user, 'custom.not_an_id'],
    ['link', 'http://example.com', 'custom.not_a_link'],
    ['link', 'javascript:alert(1)', 'custom.not_a_link'],
    ['link', 'https://', 'custom.not_a_link'],
    ['link', 'https://bank.example@evil.example', 'custom.not_a_link'],
    ['link', 'https://a b', 'custom.not_a_link'],
    ['link', 'mailto:nobody', 'custom.not_a_link'],
  ])('of %s: %j is refused with %s', (type, given, code) => {
    expect(refusal(field(type), given)).toBe(code)
  })

  it('is written in one way only: what is kept is kept again as it is', () => {
    const text = fc.tuple(fc.bigInt({ min: 1n - 10n ** 15n, max: 10n ** 15n - 1n }), fc.integer({ min: 0, max: 2 }))
    fc.assert(
      fc.property(text, ([units, digits]) => {
        const given = Ratio.of(units, 10n ** BigInt(digits)).toDecimal(digits)
        const kept = customValue(field('number'), given) as string
        expect(customValue(field('number'), kept)).toBe(kept)
        expect(Ratio.parse(kept).equals(Ratio.parse(given))).toBe(true)
      }),
    )
  })

  it('comes from a file with options by key or label, several with | or ; between', () => {
    expect(customValue(field('choice'), customCell(field('choice'), '选a'))).toBe('a')
    expect(customValue(field('multi_choice'), customCell(field('multi_choice'), 'B | a'))).toEqual(['a', 'b'])
    expect(customValue(field('money'), customCell(field('money'), '12.5'))).toEqual({ amount: '12.50', currency: 'CNY' })
    expect(customValue(field('number'), customCell(field('number'), '12.5'))).toBe('12.5')
    expect(refusal(field('choice'), customCell(field('choice'), 'nothing'))).toBe('custom.unknown_option')
  })
})

describe('the text that a value sorts by', () => {
  const order = (rule: CustomRule, left: unknown, right: unknown) => {
    const [a, b] = [left, right].map((value) => sortableText(rule, customTexts(customValue(rule, value)!)[0]!)) as [string, string]
    return Buffer.compare(Buffer.from(a), Buffer.from(b))
  }

  it('orders numbers as they are, below zero and with decimals', () => {
    const rule = field('number', { decimals: 9 })
    const digits = fc.oneof(fc.bigInt({ min: -2_000n, max: 2_000n }), fc.bigInt({ min: -(10n ** 24n - 1n), max: 10n ** 24n - 1n }))
    const number = digits.map((units) => Ratio.of(units, 10n ** 9n))
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(order(rule, a.toDecimal(9), b.toDecimal(9))).toBe(a.compare(b))
      }),
    )
    expect(['10', '2', '0', '-9.5', '-10', '2.5', '-0.000000001'].sort((a, b) => order(rule, a, b))).toEqual([
      '-10',
      '-9.5',
      '-0.000000001',
      '0',
      '2',
      '2.5',
      '10',
    ])
  })

  it('orders amounts of money as they are', () => {
    const largest = 2n ** 63n - 1n
    const minor = fc.oneof(fc.bigInt({ min: -500n, max: 500n }), fc.bigInt({ min: -largest, max: largest }))
    fc.assert(
      fc.property(minor, minor, fc.constantFrom('CNY' as const, 'JPY' as const, 'KWD' as const), (a, b, currency) => {
        const [left, right] = [Money.of(a, currency), Money.of(b, currency)]
        expect(order(field('money', { currency }), left.toJSON(), right.toJSON())).toBe(left.compare(right))
      }),
    )
  })

  it('orders days as they come', () => {
    const day = fc
      .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10))
    fc.assert(
      fc.property(day, day, (a, b) => {
        expect(order(field('date'), a, b)).toBe(Math.sign(Date.parse(a) - Date.parse(b)))
      }),
    )
  })
})
