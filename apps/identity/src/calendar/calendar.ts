import { checkCalendar, type ExceptionalDay, type Id, type Shift, type WorkingCalendar } from '@millrace/domain'
import { publicHolidays } from './public-holidays.js'

/** What a calendar says, and whose it is. */
export interface CalendarData {
  readonly name: string
  readonly zone: string
  readonly week: readonly (readonly Shift[])[]
  readonly exceptions: readonly ExceptionalDay[]
  readonly isDefault: boolean
  readonly unitIds: readonly Id<'org_unit'>[]
  readonly userIds: readonly Id<'user'>[]
}

/** When some people of the company work. */
export class Calendar implements CalendarData, WorkingCalendar {
  declare readonly id: Id<'calendar'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly zone: string
  declare readonly week: readonly (readonly Shift[])[]
  declare readonly exceptions: readonly ExceptionalDay[]
  declare readonly isDefault: boolean
  declare readonly unitIds: readonly Id<'org_unit'>[]
  declare readonly userIds: readonly Id<'user'>[]

  static create(given: CalendarData & Pick<Calendar, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Calendar {
    return (Object.create(Calendar.prototype) as Calendar).with(given)
  }

  change(data: Partial<CalendarData>, at: Date): Calendar {
    return this.with({ ...data, updatedAt: at })
  }

  private with(change: Partial<Calendar>): Calendar {
    const calendar = Object.assign(Object.create(Calendar.prototype) as Calendar, this, change)
    checkCalendar(calendar)
    return Object.assign(calendar, { unitIds: [...new Set(calendar.unitIds)], userIds: [...new Set(calendar.userIds)] })
  }
}

/** The announced days of a country beside those that somebody gave; a swapped workday is worked like the first day of the week that is worked. */
export function withPublicHolidays(given: readonly ExceptionalDay[], country: 'CN', week: CalendarData['week']): ExceptionalDay[] {
  const workday = week.find((shifts) => shifts.length) ?? []
  const announced = publicHolidays[country].filter(({ on }) => !given.some((day) => day.on === on))
  return [...given, ...announced.map(({ on, name, worked }) => ({ on, name, shifts: worked ? workday : [] }))]
}
