import fc from 'fast-check'
import type { CalendarDate } from './calendar-date.js'
import {
  addWorkingTime,
  checkCalendar,
  isWorking,
  nextWorking,
  officeHours,
  workingMinutesBetween,
  type ExceptionalDay,
  type Shift,
  type WorkingCalendar,
} from './working-calendar.js'

const at = (text: string) => new Date(text)
const day: Shift[] = [
  { from: '09:00', to: '12:00' },
  { from: '13:00', to: '18:00' },
]
const allDay: Shift[] = [{ from: '00:00', to: '24:00' }]
const weekly = (zone: string, shifts: Shift[] = day, exceptions: ExceptionalDay[] = []): WorkingCalendar => ({
  zone,
  week: [shifts, shifts, shifts, shifts, shifts, [], []],
  exceptions,
})
const always = (zone: string): WorkingCalendar => ({ zone, week: Array(7).fill(allDay) as Shift[][], exceptions: [] })
const refusal = (work: () => unknown) => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}
const days = (year: number, month: number, from: number, to: number, name: string, shifts: Shift[] = []): ExceptionalDay[] =>
  Array.from({ length: to - from + 1 }, (_, n) => ({
    on: `${year}-${String(month).padStart(2, '0')}-${String(from + n).padStart(2, '0')}` as CalendarDate,
    name,
    shifts,
  }))

describe('working time', () => {
  const shanghai = weekly('Asia/Shanghai')

  it('runs through the shifts of a day, and over night and weekend to the next one', () => {
    expect(addWorkingTime(shanghai, at('2026-11-02T11:00+08:00'), 60)).toEqual(at('2026-11-02T12:00+08:00'))
    expect(addWorkingTime(shanghai, at('2026-11-02T11:00+08:00'), 61)).toEqual(at('2026-11-02T13:01+08:00'))
    expect(addWorkingTime(shanghai, at('2026-11-06T17:30+08:00'), 60)).toEqual(at('2026-11-09T09:30+08:00'))
    expect(addWorkingTime(shanghai, at('2026-11-07T03:00+08:00'), 1)).toEqual(at('2026-11-09T09:01+08:00'))
    expect(addWorkingTime(shanghai, at('2026-11-07T03:00+08:00'), 0)).toEqual(at('2026-11-07T03:00+08:00'))
    expect(workingMinutesBetween(shanghai, at('2026-11-06T17:30+08:00'), at('2026-11-09T09:30+08:00'))).toBe(60)
    expect(workingMinutesBetween(shanghai, at('2026-11-09T09:30+08:00'), at('2026-11-06T17:30+08:00'))).toBe(0)
  })

  it('is or is not now, and knows when it is next', () => {
    const hours = ['08:59', '09:00', '11:59', '12:00', '13:00', '18:00'].map((time) => isWorking(shanghai, at(`2026-11-02T${time}+08:00`)))
    expect(hours).toEqual([false, true, true, false, true, false])
    expect(nextWorking(shanghai, at('2026-11-02T12:10+08:00'))).toEqual(at('2026-11-02T13:00+08:00'))
    expect(nextWorking(shanghai, at('2026-11-02T13:10+08:00'))).toEqual(at('2026-11-02T13:10+08:00'))
  })

  it('rests over the Spring Festival of 2026 and is made up for on swapped Saturdays', () => {
    const festival = [...days(2026, 2, 15, 23, '春节'), ...days(2026, 2, 14, 14, '调休', day), ...days(2026, 2, 28, 28, '调休', day)]
    const chinese = weekly('Asia/Shanghai', day, festival)
    expect(addWorkingTime(chinese, at('2026-02-13T17:00+08:00'), 120)).toEqual(at('2026-02-14T10:00+08:00'))
    expect(addWorkingTime(chinese, at('2026-02-14T17:00+08:00'), 120)).toEqual(at('2026-02-24T10:00+08:00'))
    expect(isWorking(chinese, at('2026-02-28T10:00+08:00'))).toBe(true)
    // Tuesday to Saturday, and not Monday the 23rd.
    expect(workingMinutesBetween(chinese, at('2026-02-23T00:00+08:00'), at('2026-03-02T00:00+08:00'))).toBe(5 * 8 * 60)
  })

  it('rests over the new year of 2027 as a company has set it', () => {
    const chinese = weekly('Asia/Shanghai', day, [...days(2027, 2, 5, 11, '春节'), ...days(2027, 2, 20, 20, '调休', day)])
    expect(addWorkingTime(chinese, at('2027-02-04T18:00+08:00'), 1)).toEqual(at('2027-02-12T09:01+08:00'))
    expect(workingMinutesBetween(chinese, at('2027-02-01T00:00+08:00'), at('2027-03-01T00:00+08:00'))).toBe((20 - 5 + 1) * 8 * 60)
  })

  it.each([
    ['Berlin in spring: the day has 23 hours', 'Europe/Berlin', '2026-03-29T00:00+01:00', '2026-03-30T00:00+02:00', 23 * 60],
    ['Berlin in autumn: 25', 'Europe/Berlin', '2026-10-25T00:00+02:00', '2026-10-26T00:00+01:00', 25 * 60],
    ['New York in spring', 'America/New_York', '2026-03-08T00:00-05:00', '2026-03-09T00:00-04:00', 23 * 60],
    ['New York in autumn', 'America/New_York', '2026-11-01T00:00-04:00', '2026-11-02T00:00-05:00', 25 * 60],
  ])('counts what clocks skip or show twice: %s', (_, zone, from, to, minutes) => {
    expect(workingMinutesBetween(always(zone), at(from), at(to))).toBe(minutes)
    expect(addWorkingTime(always(zone), at(from), minutes)).toEqual(at(to))
  })

  it('begins when clocks went forward where its shift begins in the skipped hour, and the first time where that hour comes twice', () => {
    const nights = (zone: string): WorkingCalendar => ({
      ...always(zone),
      week: Array(7).fill([{ from: '02:30', to: '04:00' }]) as Shift[][],
    })
    expect(addWorkingTime(nights('Europe/Berlin'), at('2026-03-29T00:00+01:00'), 60)).toEqual(at('2026-03-29T04:00+02:00'))
    expect(addWorkingTime(nights('Europe/Berlin'), at('2026-10-25T00:00+02:00'), 30)).toEqual(at('2026-10-25T02:00+01:00'))
  })

  it('keeps office hours at nine before and after clocks change', () => {
    const berlin = officeHours('Europe/Berlin')
    expect(addWorkingTime(berlin, at('2026-03-27T18:00+01:00'), 60)).toEqual(at('2026-03-30T10:00+02:00'))
    expect(addWorkingTime(berlin, at('2026-10-23T18:00+02:00'), 60)).toEqual(at('2026-10-26T10:00+01:00'))
  })

  it.each([
    ['Pacific/Kiritimati', '2026-11-02T09:00+14:00'],
    ['Etc/GMT+12', '2026-11-02T09:00-12:00'],
    ['Pacific/Apia', '2026-11-02T09:00+13:00'],
  ])('begins on Monday morning as it is there: %s', (zone, monday) => {
    expect(nextWorking(officeHours(zone), at('2026-10-31T23:00Z'))).toEqual(at(monday))
  })

  it('does not run while somebody is away', () => {
    const away = [{ startsAt: at('2026-11-02T11:00+08:00'), endsAt: at('2026-11-03T14:00+08:00') }]
    expect(addWorkingTime({ ...shanghai, away }, at('2026-11-02T10:00+08:00'), 90)).toEqual(at('2026-11-03T14:30+08:00'))
    expect(isWorking({ ...shanghai, away }, at('2026-11-02T11:30+08:00'))).toBe(false)
    expect(workingMinutesBetween({ ...shanghai, away }, at('2026-11-02T09:00+08:00'), at('2026-11-04T00:00+08:00'))).toBe(120 + 240)
  })

  it('that never comes is refused', () => {
    expect(refusal(() => addWorkingTime({ ...shanghai, week: Array(7).fill([]) as Shift[][] }, at('2026-11-02T09:00Z'), 1))).toBe(
      'calendar.no_working_time',
    )
    expect(refusal(() => addWorkingTime(shanghai, at('2026-11-02T09:00Z'), 20 * 261 * 480))).toBe('calendar.no_working_time')
  })
})

describe('a calendar', () => {
  it.each([
    [
      'hours that overlap',
      {
        week: [
          [
            { from: '09:00', to: '12:00' },
            { from: '11:00', to: '13:00' },
          ],
          [],
          [],
          [],
          [],
          [],
          [],
        ],
      },
      'calendar.shifts',
    ],
    ['a shift that ends before it begins', { week: [[{ from: '22:00', to: '06:00' }], [], [], [], [], [], []] }, 'calendar.shifts'],
    ['six days', { week: [[], [], [], [], [], []] }, 'calendar.week'],
    ['a day that is different twice', { exceptions: [...days(2026, 2, 15, 15, 'x'), ...days(2026, 2, 15, 15, 'y')] }, 'calendar.day_twice'],
    ['a week in which nobody works', { week: [[], [], [], [], [], [], []] }, 'calendar.no_working_time'],
    ['a zone that is nowhere', { zone: 'Asia/Nowhere' }, 'zone.unknown'],
  ])('is refused with %s', (_, given, code) => {
    expect(refusal(() => checkCalendar({ ...officeHours('Asia/Shanghai'), ...(given as object) }))).toBe(code)
  })
})

describe('working time, whatever the calendar', () => {
  const shifts = fc
    .uniqueArray(fc.integer({ min: 0, max: 96 }), { minLength: 0, maxLength: 6 })
    .map((quarters) => quarters.sort((a, b) => a - b))
    .map((sorted) =>
      Array.from({ length: Math.floor(sorted.length / 2) }, (_, n): Shift => ({
        from: time(sorted[2 * n]!),
        to: time(sorted[2 * n + 1]!),
      })),
    )
  const time = (quarters: number) =>
    `${String(Math.floor(quarters / 4)).padStart(2, '0')}:${String((quarters % 4) * 15).padStart(2, '0')}` as Shift['from']
  const calendar: fc.Arbitrary<WorkingCalendar> = fc.record({
    zone: fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Pacific/Kiritimati', 'Etc/GMT+12', 'Australia/Lord_Howe'),
    week: fc.array(shifts, { minLength: 7, maxLength: 7 }).filter((week) => week.some((each) => each.length)),
    exceptions: fc.uniqueArray(
      fc.record({
        on: fc.integer({ min: 1, max: 28 }).map((n) => `2026-03-${String(n).padStart(2, '0')}` as CalendarDate),
        name: fc.constant('x'),
        shifts,
      }),
      { maxLength: 5, selector: ({ on }) => on },
    ),
  })
  const instant = fc.date({ min: at('2026-03-01T00:00Z'), max: at('2026-11-30T00:00Z'), noInvalidDate: true })
  const minutes = fc.integer({ min: 0, max: 2_000 })

  it('adds up: some time and then some more is both at once', () => {
    fc.assert(
      fc.property(calendar, instant, minutes, minutes, (given, from, first, second) => {
        checkCalendar(given)
        expect(addWorkingTime(given, addWorkingTime(given, from, first), second)).toEqual(addWorkingTime(given, from, first + second))
      }),
    )
  })

  it('is as long as it was asked for, ends in working time, and more of it ends later', () => {
    fc.assert(
      fc.property(calendar, instant, minutes, (given, from, length) => {
        const end = addWorkingTime(given, from, length)
        expect(workingMinutesBetween(given, from, end)).toBe(length)
        if (length) expect(isWorking(given, new Date(end.getTime() - 1))).toBe(true)
        expect(addWorkingTime(given, from, length + 1).getTime()).toBeGreaterThan(end.getTime())
      }),
    )
  })

  it('that begins later ends no earlier', () => {
    fc.assert(
      fc.property(calendar, instant, instant, minutes, (given, one, other, length) => {
        const [early, late] = one <= other ? [one, other] : [other, one]
        expect(addWorkingTime(given, early, length + 1).getTime()).toBeLessThanOrEqual(addWorkingTime(given, late, length + 1).getTime())
      }),
    )
  })
})
