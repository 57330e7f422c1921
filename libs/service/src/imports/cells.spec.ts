import { amountText, day, decimal, instant, line } from '@millrace/contracts'
import fc from 'fast-check'
import { z } from 'zod'
import { holdings, readDate, readNumber, serialDate, StyleFinder } from './cells.js'

describe('a date in a file', () => {
  it.each([
    ['2026-11-21', '2026-11-21'],
    ['21.11.2026', '2026-11-21'],
    ['11/21/2026', '2026-11-21'],
    ['21/11/2026', '2026-11-21'],
    ['2026年11月21日', '2026-11-21'],
    ['2026/11/21', '2026-11-21'],
    ['46347', '2026-11-21'],
    ['3.4.2026', '2026-04-03'],
    ['２０２６－１１－２１', '2026-11-21'],
    ['05/05/2026', '2026-05-05'],
  ])('%s is read as %s', (given, date) => {
    expect(readDate(given, 'day')).toBe(date)
    expect(readDate(given, 'instant')).toBe(date)
  })
  it.each([
    ['2026-11-21 08:30', '2026-11-21T08:30:00Z'],
    ['21.11.2026 8:05:09', '2026-11-21T08:05:09Z'],
    ['2026年11月21日 8时30分', '2026-11-21T08:30:00Z'],
    ['46347.354166667', '2026-11-21T08:30:00Z'],
    ['2026-11-21T08:30:00+08:00', '2026-11-21T08:30:00+08:00'],
  ])('%s is a moment, in UTC when it names no zone', (given, moment) => {
    expect(readDate(given, 'instant')).toBe(moment)
  })
  it('that can be read in two ways is read as the column is, and not at all when nobody knows', () => {
    expect(readDate('03/04/2026', 'day')).toBeUndefined()
    expect(readDate('03/04/2026', 'day', 'day_first')).toBe('2026-04-03')
    expect(readDate('03/04/2026', 'day', 'month_first')).toBe('2026-03-04')
  })
  it('that goes against what was said is no date, rather than another one', () => {
    expect(readDate('21/11/2026', 'day', 'month_first')).toBe('21/11/2026')
  })
  it('that is none stays as it is, for its field to refuse', () => {
    for (const text of ['2026-13-41', 'tomorrow', '1', '20261121', '99/99/9999']) expect(readDate(text, 'day') ?? '').not.toBe('')
    expect(readDate('tomorrow', 'day')).toBe('tomorrow')
  })
  it('is the day that a spreadsheet counts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 99_999 }), (days) => {
        expect(Date.parse(serialDate(days, 'day'))).toBe(Date.UTC(1899, 11, 30) + days * 86_400_000)
      }),
    )
  })
})

describe('a number in a file', () => {
  it.each([
    ['1234.5', '1234.5'],
    ['1,234,567.89', '1234567.89'],
    ['1.234.567,89', '1234567.89'],
    ['1.234,5', '1234.5'],
    ['12,5', '12.5'],
    ['1 234 567.5', '1234567.5'],
    ['1’234.50', '1234.50'],
    ['１，２３４．５', '1234.5'],
    ['+12', '12'],
    ['-1,234.00', '-1234.00'],
  ])('%s is read as %s', (given, number) => {
    expect(readNumber(given)).toBe(number)
  })
  it('that can be read in two ways is read as the column is, or as in the API', () => {
    expect(readNumber('1,234')).toBe('1234')
    expect(readNumber('1.234')).toBe('1.234')
    expect(readNumber('1,234', 'comma')).toBe('1.234')
    expect(readNumber('1.234', 'comma')).toBe('1234')
    expect(readNumber('1.234', 'unclear')).toBeUndefined()
  })
  it('that is none, or goes against what was said, stays as it is', () => {
    for (const text of ['12 apples', '1,23,4', '1e5', 'NaN', '']) expect(readNumber(text)).toBe(text)
    expect(readNumber('1,234.50', 'comma')).toBe('1,234.50')
  })
  it('comes out as it went in, whichever way it is grouped', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.integer({ min: 0, max: 99 }), (whole, cents) => {
        const decimals = String(cents).padStart(2, '0')
        const grouped = (sign: string) => String(whole).replace(/\B(?=(\d{3})+(?!\d))/g, sign)
        expect(readNumber(`${grouped(',')}.${decimals}`)).toBe(`${whole}.${decimals}`)
        expect(readNumber(`${grouped('.')},${decimals}`)).toBe(`${whole}.${decimals}`)
      }),
    )
  })
})

describe('the columns of a file', () => {
  const shape = z.object({
    name: line(200),
    on: day.optional(),
    at: z.union([z.iso.date(), z.iso.datetime({ offset: true })]).optional(),
    made: instant.optional(),
    revenue: decimal.optional(),
    price: amountText.optional(),
    staff: z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number)
      .optional(),
  })
  it('hold dates and numbers where the fields take them', () => {
    expect(Object.fromEntries(holdings(shape))).toEqual({
      ...{ name: 'text', on: 'day', at: 'instant', made: 'instant' },
      ...{ revenue: 'number', price: 'number', staff: 'number' },
    })
  })
  it('tell by their clear cells how the others are meant', () => {
    const finder = new StyleFinder(holdings(shape), { dates: { made: 'month_first' } })
    finder.see({ name: '03/04/2026', on: '03/04/2026', at: '05/06/2026', made: '30/04/2026', revenue: '1.234' })
    expect(finder.undecided).toBe(true)
    finder.see({ on: '13/04/2026', at: '12/31/2026', revenue: '1.234,50' })
    expect(finder.undecided).toBe(false)
    expect(finder.found()).toEqual({
      dates: { on: 'day_first', at: 'month_first', made: 'month_first' },
      numbers: { revenue: 'comma' },
    })
  })
  it('that contradict themselves tell nothing', () => {
    const finder = new StyleFinder(holdings(shape), {})
    finder.see({ on: '13/04/2026', revenue: '1,5' })
    finder.see({ on: '04/13/2026', revenue: '1.5' })
    expect(finder.found()).toEqual({ dates: { on: 'unclear' }, numbers: { revenue: 'unclear' } })
  })
})
