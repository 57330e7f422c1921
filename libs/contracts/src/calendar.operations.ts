import { z } from 'zod'
import { everybody, permission } from './access.js'
import { calendarShape } from './calendar.events.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant } from './shapes.js'

export const CalendarView = z
  .object({ id: id('calendar'), version: z.number().int(), ...calendarShape, createdAt: instant, updatedAt: instant })
  .meta({ id: 'Calendar' })

const access = {
  read: permission('calendar.read', everybody),
  change: permission('calendar.change', { administrator: 'company', sales_ops: 'company' }),
}
const one = { service: 'identity', params: z.object({ id: id('calendar') }), answer: CalendarView } as const

export const createCalendar = defineOperation({
  id: 'createCalendar',
  service: 'identity',
  method: 'POST',
  path: '/v1/calendars',
  summary:
    'A new working calendar. Who has none, neither themselves nor by a unit above them nor by default, works Monday to Friday from nine to six in the company’s zone.',
  rule: access.change,
  body: z
    .strictObject({
      ...calendarShape,
      exceptions: calendarShape.exceptions.default([]),
      isDefault: calendarShape.isDefault.default(false),
      unitIds: calendarShape.unitIds.default([]),
      userIds: calendarShape.userIds.default([]),
      publicHolidays: z
        .enum(['CN'])
        .optional()
        .meta({ description: 'adds the holidays and swapped workdays of this country, as far as they are announced (CN: 2026)' }),
    })
    .meta({ id: 'CreateCalendar' }),
  answer: CalendarView,
})

export const listCalendars = defineList({
  id: 'listCalendars',
  service: 'identity',
  path: '/v1/calendars',
  summary: 'Working calendars.',
  rule: access.read,
  item: CalendarView,
  filters: { name: 'text', isDefault: 'boolean' },
  sorts: ['id', 'name'],
})

export const getCalendar = defineOperation({
  ...one,
  id: 'getCalendar',
  method: 'GET',
  path: '/v1/calendars/{id}',
  summary: 'One working calendar.',
  rule: access.read,
})

export const changeCalendar = defineOperation({
  ...one,
  id: 'changeCalendar',
  method: 'PATCH',
  path: '/v1/calendars/{id}',
  summary: 'Changes a working calendar. One that becomes the default takes that from the other.',
  rule: access.change,
  body: z.strictObject(calendarShape).partial().meta({ id: 'ChangeCalendar' }),
})

defineProblems({
  'time.malformed': {
    en: 'A time of day looks like 09:00; the end of the day is 24:00.',
    'zh-CN': '时间格式应为 09:00;一天结束为 24:00。',
  },
  'calendar.week': {
    en: 'A week has seven days, Monday first. Give a list of shifts for each.',
    'zh-CN': '一周为七天,从周一开始。请为每天提供班次列表。',
  },
  'calendar.shifts': {
    en: 'The shift from {from} to {to} ends before it begins or overlaps with the one before it. Put shifts in order; divide a night shift at midnight.',
    'zh-CN': '班次 {from}–{to} 的结束早于开始,或与前一班次重叠。请按顺序填写;跨夜班次请在零点分开。',
  },
  'calendar.day_twice': { en: '{on} is named twice. Name each exceptional day once.', 'zh-CN': '{on} 重复。每个特殊日期只能填写一次。' },
  'calendar.no_working_time': {
    en: 'The calendar has not enough working time in the next ten years. Add shifts to it.',
    'zh-CN': '该日历在未来十年内没有足够的工作时间。请添加班次。',
  },
  'calendar.has_another': {
    en: '{id} works by the calendar “{calendar}” already. Take it out there first.',
    'zh-CN': '{id} 已使用日历“{calendar}”。请先从中移除。',
  },
})
