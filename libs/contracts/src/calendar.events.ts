import { z } from 'zod'
import { defineEvent } from './event.js'
import { day, id, instant, line, zone } from './shapes.js'

const timeOfDay = z
  .templateLiteral([z.number(), ':', z.number()])
  .refine((text) => /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/.test(text), { message: 'time.malformed' })
  .meta({ type: 'string', pattern: '^(?:[01]\\d|2[0-3]):[0-5]\\d$|^24:00$', examples: ['09:00'] })

const shifts = z
  .array(z.strictObject({ from: timeOfDay, to: timeOfDay }))
  .max(10)
  .meta({ description: 'in their order; a night shift is two, one on each day: until 24:00 and from 00:00' })

/** What a calendar says, and whose it is. */
export const calendarShape = {
  name: line(100),
  zone,
  week: z.array(shifts).length(7, { message: 'calendar.week' }).meta({ description: 'the shifts of each weekday, Monday first' }),
  exceptions: z
    .array(z.strictObject({ on: day, name: line(100), shifts }))
    .max(1_000)
    .meta({ description: 'days that are not as their weekday says: holidays without shifts, swapped workdays with their own' }),
  isDefault: z.boolean().meta({ description: 'whether it holds for everybody who has no other; one calendar of the company at most' }),
  unitIds: z
    .array(id('org_unit'))
    .max(200)
    .meta({ description: 'units whose people, with those of the units below that have none of their own, work by it' }),
  userIds: z.array(id('user')).max(1_000).meta({ description: 'people who work by it, whatever their unit' }),
}

const calendar = z.object({ calendarId: id('calendar'), ...calendarShape })

export const CalendarCreated = defineEvent(
  'calendar.created',
  1,
  calendar,
  'A working calendar was added: when the people named in it work.',
)
export const CalendarChanged = defineEvent('calendar.changed', 1, calendar, 'A working calendar changed, or whose it is.')

const absence = z.object({
  absenceId: id('absence'),
  userId: id('user'),
  startsAt: instant,
  endsAt: instant,
  deputyId: id('user').nullable(),
})

export const AbsenceNoted = defineEvent('absence.noted', 1, absence, 'Somebody will be away for some time. Why, nobody else needs to know.')
export const AbsenceChanged = defineEvent('absence.changed', 1, absence, 'When somebody is away, or who stands in for them, changed.')
export const AbsenceWithdrawn = defineEvent('absence.withdrawn', 1, absence, 'Somebody is not away after all.')
