import { Injectable } from '@nestjs/common'
import {
  CalendarChanged,
  CalendarCreated,
  listCalendars,
  type Answer,
  type changeCalendar,
  type createCalendar,
  type getCalendar,
  type Input,
  type Sent,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { Calendar, withPublicHolidays, type CalendarData } from './calendar.js'

/** Use cases of the working calendar. Whoever changes one has them all alone: one is the default, and nobody works by two. */
@Injectable()
export class CalendarService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {}

  list(query: Input<typeof listCalendars>['query']) {
    return this.db.list(Calendar, listCalendars, query, calendarView)
  }

  async get(id: string) {
    return calendarView(await this.db.get(Calendar, id))
  }

  create({ publicHolidays, ...given }: Input<typeof createCalendar>['body']): Promise<Answer<typeof createCalendar>> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['calendars'])
      const exceptions = publicHolidays ? withPublicHolidays(given.exceptions, publicHolidays, given.week) : given.exceptions
      const calendar = Calendar.create({ ...begun('calendar', this.clock.now()), ...given, exceptions })
      await this.makeRoom(tx, calendar)
      await tx.insert(calendar)
      await this.events.publish(tx, CalendarCreated, calendar, facts(calendar))
      return calendarView(calendar)
    })
  }

  change(id: Id<'calendar'>, given: Input<typeof changeCalendar>['body']): Promise<Answer<typeof getCalendar>> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['calendars'])
      const before = await tx.lock(Calendar, id)
      const said = Object.entries(given).filter(([, value]) => value !== undefined)
      const calendar = before.change(Object.fromEntries(said) as Partial<CalendarData>, this.clock.now())
      await this.makeRoom(tx, calendar)
      return calendarView(await this.store(tx, calendar))
    })
  }

  /** Refuses what is another calendar's, or names nobody; the default before gives way. */
  private async makeRoom(tx: Transaction, calendar: Calendar): Promise<void> {
    await mustExist(tx, 'org_unit', 'unitIds', calendar.unitIds)
    await mustExist(tx, '"user"', 'userIds', calendar.userIds)
    for (const other of await tx.findBy(Calendar, {})) {
      if (other.id === calendar.id) continue
      if (other.name === calendar.name) throw new Refusal('value.taken', { field: 'name' })
      const shared = [
        ...other.unitIds.filter((id) => calendar.unitIds.includes(id)),
        ...other.userIds.filter((id) => calendar.userIds.includes(id)),
      ]
      if (shared.length) throw new Refusal('calendar.has_another', { id: shared[0], calendar: other.name })
      if (calendar.isDefault && other.isDefault) await this.store(tx, other.change({ isDefault: false }, this.clock.now()))
    }
  }

  private async store(tx: Transaction, changed: Calendar): Promise<Calendar> {
    const calendar = await tx.update(changed)
    await this.events.publish(tx, CalendarChanged, calendar, facts(calendar))
    return calendar
  }
}

async function mustExist(tx: Transaction, table: string, field: string, ids: readonly string[]): Promise<void> {
  if (!ids.length) return
  const rows = await tx.query<{ id: string }>(`SELECT id FROM ${table} WHERE id = ANY($1::text[])`, [ids])
  const known = new Set(rows.map(({ id }) => id))
  const unknown = ids.find((id) => !known.has(id))
  if (unknown) throw Refusal.invalid('reference.unknown', { field, value: unknown })
}

function calendarView({ journeyId: _, ...calendar }: Calendar): Answer<typeof getCalendar> {
  return { ...calendar, ...plain(calendar) }
}

function facts({ id, name, zone, isDefault, ...lists }: Calendar): Sent<typeof CalendarCreated> {
  return { calendarId: id, name, zone, isDefault, ...plain(lists) }
}

function plain({ week, exceptions, unitIds, userIds }: Pick<Calendar, 'week' | 'exceptions' | 'unitIds' | 'userIds'>) {
  return {
    week: week.map((shifts) => [...shifts]),
    exceptions: exceptions.map((day) => ({ ...day, shifts: [...day.shifts] })),
    unitIds: [...unitIds],
    userIds: [...userIds],
  }
}
