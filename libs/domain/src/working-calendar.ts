import { addDays, calendarDate, compareDates, dayOf, daysBetween, instantAt, isZone, type CalendarDate } from './calendar-date.js'
import { Refusal } from './refusal.js'

/** A time of day on the clock of a place: `09:00`; `24:00` is the end of the day. */
export type TimeOfDay = `${number}:${number}`

/** Time that is worked on one day, from and to a time of day. A night shift is two of them, one on each day. */
export interface Shift {
  readonly from: TimeOfDay
  readonly to: TimeOfDay
}

/** A day that is not as its weekday says: a holiday has no shifts, a swapped workday (调休) has its own. */
export interface ExceptionalDay {
  readonly on: CalendarDate
  readonly name: string
  readonly shifts: readonly Shift[]
}

/** Some time in which nobody works though the calendar says so, such as an absence. */
export interface TimeAway {
  readonly startsAt: Date
  readonly endsAt: Date
}

/** When people work: shifts by weekday in a time zone, and the days that are different. */
export interface WorkingCalendar {
  readonly zone: string
  /** Seven lists of shifts, Monday first. */
  readonly week: readonly (readonly Shift[])[]
  readonly exceptions: readonly ExceptionalDay[]
  readonly away?: readonly TimeAway[]
}

/** Monday to Friday, nine to six, without holidays: what is true of a company that says nothing. */
export function officeHours(zone: string): WorkingCalendar {
  const day: Shift[] = [{ from: '09:00', to: '18:00' }]
  return { zone, week: [day, day, day, day, day, [], []], exceptions: [] }
}

/** How many days are looked at for working time: ten years. */
const daysLookedAt = 3_660
const msPerMinute = 60_000

/** Refuses a calendar that says the same day or the same hour twice, has shifts that end before they begin, or no shift in its week at all. */
export function checkCalendar({ zone, week, exceptions }: WorkingCalendar): void {
  if (!isZone(zone)) throw Refusal.invalid('zone.unknown', { zone })
  if (week.length !== 7) throw Refusal.invalid('calendar.week', { days: week.length })
  if (week.every((shifts) => !shifts.length)) throw Refusal.invalid('calendar.no_working_time')
  for (const shifts of [...week, ...exceptions.map(({ shifts }) => shifts)]) {
    let last = -1
    for (const { from, to } of shifts) {
      if (minuteOf(from) < last || minuteOf(to) <= minuteOf(from)) throw Refusal.invalid('calendar.shifts', { from, to })
      last = minuteOf(to)
    }
  }
  const days = exceptions.map(({ on }) => calendarDate(on)).sort(compareDates)
  const twice = days.find((day, n) => day === days[n + 1])
  if (twice) throw Refusal.invalid('calendar.day_twice', { on: twice })
}

/** Whether somebody works at this instant. */
export function isWorking(calendar: WorkingCalendar, at: Date): boolean {
  return workedOn(calendar, dayOf(at, calendar.zone)).some(([start, end]) => start <= at.getTime() && at.getTime() < end)
}

/**
 * The instant at which so many minutes were worked since `from`; `from` itself for none. Refuses a calendar with less working time than that in
 * the next ten years: `calendar.no_working_time`.
 */
export function addWorkingTime(calendar: WorkingCalendar, from: Date, minutes: number): Date {
  let missing = minutes * msPerMinute
  if (missing <= 0) return from
  let day = dayOf(from, calendar.zone)
  for (let n = 0; n <= daysLookedAt; n += 1, day = addDays(day, 1)) {
    for (const [start, end] of workedOn(calendar, day)) {
      const begins = Math.max(start, from.getTime())
      if (end <= begins) continue
      if (missing <= end - begins) return new Date(begins + missing)
      missing -= end - begins
    }
  }
  throw new Refusal('calendar.no_working_time')
}

/** The next moment somebody works: this one if they do. Refuses like `addWorkingTime`. */
export function nextWorking(calendar: WorkingCalendar, from: Date): Date {
  return isWorking(calendar, from) ? from : new Date(addWorkingTime(calendar, from, 1).getTime() - msPerMinute)
}

/** Whole minutes that are worked between two instants, of the first ten years; none when the second is earlier. */
export function workingMinutesBetween(calendar: WorkingCalendar, from: Date, to: Date): number {
  if (to <= from) return 0
  let day = dayOf(from, calendar.zone)
  const days = Math.min(daysBetween(day, dayOf(to, calendar.zone)), daysLookedAt)
  let worked = 0
  for (let n = 0; n <= days; n += 1, day = addDays(day, 1))
    for (const [start, end] of workedOn(calendar, day)) worked += Math.max(0, Math.min(end, to.getTime()) - Math.max(start, from.getTime()))
  return Math.floor(worked / msPerMinute)
}

type Span = readonly [start: number, end: number]

/** What is worked on a day, in order: shifts on the clock of the place, so on a day when clocks change they are shorter or longer. */
function workedOn({ zone, week, exceptions, away = [] }: WorkingCalendar, day: CalendarDate): Span[] {
  const shifts = exceptions.find(({ on }) => on === day)?.shifts ?? week[weekdayOf(day)]!
  const spans = shifts.map(({ from, to }): Span => [
    instantAt(day, minuteOf(from), zone).getTime(),
    instantAt(day, minuteOf(to), zone).getTime(),
  ])
  return away.reduce(without, spans).filter(([start, end]) => start < end)
}

function without(spans: readonly Span[], { startsAt, endsAt }: TimeAway): Span[] {
  const [gone, back] = [startsAt.getTime(), endsAt.getTime()]
  return spans.flatMap(([start, end]): Span[] => [
    [start, Math.min(end, gone)],
    [Math.max(start, back), end],
  ])
}

/** 0 for Monday. */
function weekdayOf(day: CalendarDate): number {
  return ((daysBetween('2024-01-01', day) % 7) + 7) % 7
}

function minuteOf(time: TimeOfDay): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
}
