import { Refusal } from './refusal.js'

/** A day of the calendar without time or zone, from year 1 to 9999: `2026-11-21`. Sorts as text. */
export type CalendarDate = `${number}-${number}-${number}`

const msPerDay = 86_400_000

/** The text as a calendar day. Refuses what is not a real day, such as 29 February 2026: `date.malformed`. */
export function calendarDate(text: string): CalendarDate {
  if (!isCalendarDate(text)) throw Refusal.invalid('date.malformed', { text })
  return text
}

/** Whether a text is a real day of the calendar. */
export function isCalendarDate(text: unknown): text is CalendarDate {
  if (typeof text !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const [year, month, day] = partsOf(text as CalendarDate)
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
}

/** What day it is somewhere at an instant. Refuses `zone.unknown`. */
export function dayOf(instant: Date, zone: string): CalendarDate {
  return dayAt(instant.getTime() + offsetAt(instant.getTime(), zone))
}

/** So many days later, or earlier when negative. Refuses to leave years 1 to 9999: `date.out_of_range`. */
export function addDays(date: CalendarDate, days: number): CalendarDate {
  return dayAt(midnightOf(date) + days * msPerDay)
}

/** The same day so many months later, or the last of a month too short for it: 31 January and one month is 28 February. */
export function addMonths(date: CalendarDate, months: number): CalendarDate {
  const [year, month, day] = partsOf(date)
  const count = year * 12 + month - 1 + months
  const [laterYear, laterMonth] = [Math.floor(count / 12), (count % 12) + 1]
  return dayFrom(laterYear, laterMonth, Math.min(day, daysInMonth(laterYear, laterMonth)))
}

/** How many days later the second day is; negative when it is earlier. */
export function daysBetween(from: CalendarDate, to: CalendarDate): number {
  return (midnightOf(to) - midnightOf(from)) / msPerDay
}

/** -1 when the first is earlier, 0 when equal, 1 when it is later. */
export function compareDates(left: CalendarDate, right: CalendarDate): -1 | 0 | 1 {
  return left < right ? -1 : left > right ? 1 : 0
}

/** The first day of the date's month. */
export function startOfMonth(date: CalendarDate): CalendarDate {
  const [year, month] = partsOf(date)
  return dayFrom(year, month, 1)
}

/** The last day of the date's month. */
export function endOfMonth(date: CalendarDate): CalendarDate {
  const [year, month] = partsOf(date)
  return dayFrom(year, month, daysInMonth(year, month))
}

/** The first day of the date's calendar quarter. */
export function startOfQuarter(date: CalendarDate): CalendarDate {
  const [year, month] = partsOf(date)
  return dayFrom(year, month - ((month - 1) % 3), 1)
}

/** The first day of the date's year. */
export function startOfYear(date: CalendarDate): CalendarDate {
  return dayFrom(partsOf(date)[0], 1, 1)
}

/**
 * The instant a day starts somewhere: midnight, or the first moment after it where clocks skip midnight. A day the place skipped whole
 * starts when the next one does. Refuses `zone.unknown`.
 */
export function startOfDay(date: CalendarDate, zone: string): Date {
  return instantAt(date, 0, zone)
}

/**
 * The instant at which clocks somewhere show so many minutes after midnight of a day (1440: midnight of the next one): the first one where they
 * show it twice, the moment they went forward where they skip it. Refuses `zone.unknown`.
 */
export function instantAt(date: CalendarDate, minutes: number, zone: string): Date {
  const wall = midnightOf(date) + minutes * 60_000
  const before = wall - offsetAt(wall - msPerDay, zone)
  const after = wall - offsetAt(wall + msPerDay, zone)
  for (const instant of [Math.min(before, after), Math.max(before, after)]) {
    if (instant + offsetAt(instant, zone) === wall) return new Date(instant)
  }
  // Clocks went forward over it.
  let [early, late] = [after, before]
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2)
    if (middle + offsetAt(middle, zone) < wall) early = middle
    else late = middle
  }
  return new Date(late)
}

/** Whether a text names a time zone: `Asia/Shanghai`. Not an offset such as `+08:00`, which Postgres reads the other way round. */
export function isZone(text: unknown): text is string {
  if (typeof text !== 'string' || !/^[A-Za-z]/.test(text)) return false
  try {
    formatterOf(text)
    return true
  } catch {
    return false
  }
}

function partsOf(date: CalendarDate): [year: number, month: number, day: number] {
  return [Number(date.slice(0, 4)), Number(date.slice(5, 7)), Number(date.slice(8, 10))]
}

function dayFrom(year: number, month: number, day: number): CalendarDate {
  if (!(year >= 1 && year <= 9999)) throw Refusal.invalid('date.out_of_range', { year })
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}` as CalendarDate
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Midnight of a day in UTC, in milliseconds since 1970. */
function midnightOf(date: CalendarDate): number {
  return Date.parse(`${date}T00:00:00Z`)
}

function dayAt(ms: number): CalendarDate {
  const day = new Date(ms)
  return dayFrom(day.getUTCFullYear(), day.getUTCMonth() + 1, day.getUTCDate())
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    formatters.set(zone, formatter)
  }
  return formatter
}

/** How far clocks there are ahead of UTC, in milliseconds. */
function offsetAt(ms: number, zone: string): number {
  if (!isZone(zone)) throw Refusal.invalid('zone.unknown', { zone })
  const [, sign, hours = 0, minutes = 0, seconds = 0] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(formatterOf(zone).format(ms)) ?? []
  const offset = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
  return sign === '-' ? -offset : offset
}
