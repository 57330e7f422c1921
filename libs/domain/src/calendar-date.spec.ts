import fc from 'fast-check'
import {
  addDays,
  addMonths,
  calendarDate,
  compareDates,
  dayOf,
  daysBetween,
  endOfMonth,
  isCalendarDate,
  isZone,
  startOfDay,
  startOfMonth,
  startOfQuarter,
  startOfYear,
  type CalendarDate,
} from './calendar-date.js'

const anyDay = fc
  .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => calendarDate(date.toISOString().slice(0, 10)))
const modernDay = fc
  .date({ min: new Date('1975-01-01T00:00:00Z'), max: new Date('2060-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => calendarDate(date.toISOString().slice(0, 10)))

describe('a calendar day', () => {
  it.each(['2026-11-21', '2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31'])('may be %s', (text) => {
    expect(isCalendarDate(text)).toBe(true)
    expect(calendarDate(text)).toBe(text)
  })

  it.each([
    ['29 February of a common year', '2026-02-29'],
    ['29 February of a century that is no leap year', '1900-02-29'],
    ['31 April', '2026-04-31'],
    ['day 0', '2026-04-00'],
    ['day 32', '2026-01-32'],
    ['month 0', '2026-00-10'],
    ['month 13', '2026-13-10'],
    ['year 0', '0000-01-01'],
    ['a year of five digits', '12026-01-01'],
    ['a month of one digit', '2026-1-01'],
    ['a moment', '2026-11-21T00:00:00Z'],
    ['a day with a blank', ' 2026-11-21'],
    ['a day with a line break', '2026-11-21\n'],
    ['nothing', ''],
  ])('may not be %s', (_, text) => {
    expect(isCalendarDate(text)).toBe(false)
    expect(() => calendarDate(text)).toThrow('date.malformed')
  })

  it('comes before the next one', () => {
    expect(compareDates('2026-11-21', '2026-11-22')).toBe(-1)
    expect(compareDates('2026-11-21', '2026-11-21')).toBe(0)
    expect(compareDates('2027-01-01', '2026-12-31')).toBe(1)
  })
})

describe('counting days', () => {
  it.each([
    ['2026-11-21', 30, '2026-12-21'],
    ['2024-02-28', 1, '2024-02-29'],
    ['2026-02-28', 1, '2026-03-01'],
    ['2026-01-01', -1, '2025-12-31'],
    ['0099-12-31', 1, '0100-01-01'],
  ] as const)('%s and %d days is %s', (date, days, later) => {
    expect(addDays(date, days)).toBe(later)
    expect(daysBetween(date, later)).toBe(days)
  })

  it('counts there and back', () => {
    fc.assert(fc.property(anyDay, anyDay, (from, to) => expect(addDays(from, daysBetween(from, to))).toBe(to)))
  })

  it('refuses to leave the years 1 to 9999', () => {
    expect(() => addDays('9999-12-31', 1)).toThrow('date.out_of_range')
    expect(() => addDays('0001-01-01', -1)).toThrow('date.out_of_range')
    expect(() => addDays('2026-11-21', Number.MAX_SAFE_INTEGER)).toThrow('date.out_of_range')
  })
})

describe('counting months', () => {
  it.each([
    ['2026-11-21', 1, '2026-12-21'],
    ['2026-01-31', 1, '2026-02-28'],
    ['2024-01-31', 1, '2024-02-29'],
    ['2026-03-31', 1, '2026-04-30'],
    ['2024-02-29', 12, '2025-02-28'],
    ['2024-02-29', 48, '2028-02-29'],
    ['2026-12-15', 1, '2027-01-15'],
    ['2026-01-15', -1, '2025-12-15'],
    ['2026-03-31', -13, '2025-02-28'],
    ['2026-05-31', 0, '2026-05-31'],
  ] as const)('%s and %d months is %s', (date, months, later) => {
    expect(addMonths(date, months)).toBe(later)
  })

  it('keeps the day, or takes the last of a shorter month', () => {
    fc.assert(
      fc.property(modernDay, fc.integer({ min: -600, max: 600 }), (date, months) => {
        const later = addMonths(date, months)
        const sameMonth = addMonths(startOfMonth(date), months)
        expect(startOfMonth(later)).toBe(sameMonth)
        expect(later.slice(8)).toBe([date.slice(8), endOfMonth(sameMonth).slice(8)].sort()[0])
      }),
    )
  })

  it('refuses to leave the years 1 to 9999', () => {
    expect(() => addMonths('9999-12-01', 1)).toThrow('date.out_of_range')
    expect(() => addMonths('0001-01-01', -1)).toThrow('date.out_of_range')
  })
})

describe('the period a day is in', () => {
  it.each([
    ['2026-11-21', '2026-11-01', '2026-11-30', '2026-10-01', '2026-01-01'],
    ['2024-02-10', '2024-02-01', '2024-02-29', '2024-01-01', '2024-01-01'],
    ['2026-03-31', '2026-03-01', '2026-03-31', '2026-01-01', '2026-01-01'],
    ['2026-04-01', '2026-04-01', '2026-04-30', '2026-04-01', '2026-01-01'],
    ['9999-12-31', '9999-12-01', '9999-12-31', '9999-10-01', '9999-01-01'],
  ] as const)('%s: month from %s to %s, quarter from %s, year from %s', (date, month, monthEnd, quarter, year) => {
    expect([startOfMonth(date), endOfMonth(date), startOfQuarter(date), startOfYear(date)]).toEqual([month, monthEnd, quarter, year])
  })
})

describe('the day somewhere', () => {
  it.each([
    ['2026-11-21T15:59:59.999Z', 'Asia/Shanghai', '2026-11-21'],
    ['2026-11-21T16:00:00.000Z', 'Asia/Shanghai', '2026-11-22'],
    ['2026-11-21T04:59:59Z', 'America/New_York', '2026-11-20'],
    ['2026-07-21T03:59:59Z', 'America/New_York', '2026-07-20'],
    ['2026-07-21T04:00:00Z', 'America/New_York', '2026-07-21'],
    ['2026-11-21T12:59:59Z', 'Australia/Lord_Howe', '2026-11-21'],
    ['2026-11-21T13:00:00Z', 'Australia/Lord_Howe', '2026-11-22'],
    ['2026-11-21T23:59:59Z', 'UTC', '2026-11-21'],
    ['2011-12-30T09:59:59Z', 'Pacific/Apia', '2011-12-29'],
    ['2011-12-30T10:00:00Z', 'Pacific/Apia', '2011-12-31'],
    ['0001-01-02T00:00:00Z', 'America/New_York', '0001-01-01'],
  ])('at %s in %s it is %s', (instant, zone, day) => {
    expect(dayOf(new Date(instant), zone)).toBe(day)
  })

  it('is refused for a place that is not on the map', () => {
    expect(() => dayOf(new Date(0), 'Mars/Olympus')).toThrow('zone.unknown')
  })
})

describe('the start of a day', () => {
  it.each([
    ['2026-11-21', 'Asia/Shanghai', '2026-11-20T16:00:00.000Z'],
    ['2026-11-21', 'UTC', '2026-11-21T00:00:00.000Z'],
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z'],
    ['2026-03-09', 'America/New_York', '2026-03-09T04:00:00.000Z'],
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z'],
    ['2026-11-02', 'America/New_York', '2026-11-02T05:00:00.000Z'],
    ['2026-04-05', 'Australia/Lord_Howe', '2026-04-04T13:00:00.000Z'],
    ['2026-04-06', 'Australia/Lord_Howe', '2026-04-05T13:30:00.000Z'],
    ['2026-10-04', 'Australia/Lord_Howe', '2026-10-03T13:30:00.000Z'],
    ['2026-10-05', 'Australia/Lord_Howe', '2026-10-04T13:00:00.000Z'],
  ] as const)('%s in %s is %s', (date, zone, instant) => {
    expect(startOfDay(date, zone).toISOString()).toBe(instant)
  })

  it('is one o’clock where clocks skip the hour after midnight', () => {
    expect(startOfDay('2018-11-04', 'America/Sao_Paulo').toISOString()).toBe('2018-11-04T03:00:00.000Z')
  })

  it('is the moment clocks went forward where they skip midnight itself', () => {
    expect(startOfDay('1919-03-31', 'America/Toronto').toISOString()).toBe('1919-03-31T04:30:00.000Z')
  })

  it('is the first midnight where there are two', () => {
    expect(startOfDay('2026-11-01', 'America/Havana').toISOString()).toBe('2026-11-01T04:00:00.000Z')
  })

  it('is the second midnight where clocks go back from midnight into the day before', () => {
    expect(startOfDay('2018-02-18', 'America/Sao_Paulo').toISOString()).toBe('2018-02-18T03:00:00.000Z')
  })

  it('is that of the next day where a day was skipped whole', () => {
    expect(startOfDay('2011-12-30', 'Pacific/Apia').toISOString()).toBe('2011-12-30T10:00:00.000Z')
    expect(startOfDay('2011-12-31', 'Pacific/Apia').toISOString()).toBe('2011-12-30T10:00:00.000Z')
  })

  it('is in that day, and the moment before is not', () => {
    const zone = fc.constantFrom(
      'America/New_York',
      'Asia/Shanghai',
      'Australia/Lord_Howe',
      'America/Sao_Paulo',
      'Europe/London',
      'Asia/Kathmandu',
    )
    fc.assert(
      fc.property(modernDay, zone, (date, place) => {
        const start = startOfDay(date, place)
        expect(dayOf(start, place)).toBe(date)
        expect(dayOf(new Date(start.getTime() - 1), place)).toBe(addDays(date, -1))
      }),
      { numRuns: 1000 },
    )
  })

  it('is refused for a place that is not on the map', () => {
    expect(() => startOfDay('2026-11-21', 'Mars/Olympus')).toThrow('zone.unknown')
  })
})

describe('a time zone', () => {
  it.each(['Asia/Shanghai', 'America/New_York', 'UTC', 'Australia/Lord_Howe'])('may be %s', (zone) => {
    expect(isZone(zone)).toBe(true)
  })

  it.each(['Mars/Olympus', '', '+08:00', '-0500', 'GMT+25', undefined])('may not be %p', (zone) => {
    expect(isZone(zone)).toBe(false)
  })
})

describe('a day in the code', () => {
  it('is a type of its own that plain text is not', () => {
    // @ts-expect-error
    const day: CalendarDate = 'tomorrow'
    expect(isCalendarDate(day)).toBe(false)
  })
})
