import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { LeadView } from './lead.operations.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, text } from './shapes.js'

/** What a deadline is for. */
export const deadlineKinds = ['first_response', 'next_step'] as const

const minutes = z.number().int().min(1).max(100_000)
const limits = z
  .strictObject({
    firstResponseMinutes: minutes.nullable().meta({ description: 'from the assignment to the first response; null: no deadline' }),
    nextStepMinutes: minutes.nullable().meta({ description: 'from one step of the owner to the next; null: no deadline' }),
  })
  .meta({ id: 'LeadDeadlines' })

const settings = {
  deadlines: z
    .strictObject({ A: limits, B: limits, C: limits, D: limits, none: limits })
    .meta({ description: 'by grade, in minutes of the owner’s working calendar without their absences' }),
  remindMinutes: minutes.nullable().meta({ description: 'so many working minutes before a deadline its owner is reminded; null: never' }),
  poolId: id('pool').nullable().meta({ description: 'where overdue leads go; null: they stay, and it is only told' }),
}

export const ClockSettings = z
  .object({ ...settings, changedAt: instant.nullable().meta({ description: 'no deadline began before this' }), version: z.number().int() })
  .meta({ id: 'ClockSettings' })

const lead = { service: 'lead', params: z.object({ id: id('lead') }), answer: LeadView } as const

export const getClockSettings = defineOperation({
  id: 'getClockSettings',
  service: 'lead',
  method: 'GET',
  path: '/v1/clock-settings',
  summary: 'How fast leads have to be answered, and what becomes of those that are not.',
  rule: permission('clock.read', salesReaders),
  answer: ClockSettings,
})

export const changeClockSettings = defineOperation({
  id: 'changeClockSettings',
  service: 'lead',
  method: 'PATCH',
  path: '/v1/clock-settings',
  summary: 'Changes how fast leads have to be answered. All running deadlines begin anew, as far as they began before.',
  rule: permission('clock.change', { administrator: 'company', sales_ops: 'company' }),
  body: z.strictObject(settings).partial().meta({ id: 'ChangeClockSettings' }),
  answer: ClockSettings,
})

export const logLeadContact = defineOperation({
  ...lead,
  id: 'logLeadContact',
  method: 'POST',
  path: '/v1/leads/{id}/contact',
  summary:
    'Notes that somebody spoke with the customer, or tried to. It is the first response to a lead that was only assigned, and a step of its owner.',
  rule: permission('lead.contact', salesWriters),
  body: z.strictObject({ reached: z.boolean() }).meta({ id: 'LogLeadContact' }),
})

export const planNextStep = defineOperation({
  ...lead,
  id: 'planNextStep',
  method: 'POST',
  path: '/v1/leads/{id}/next-step',
  summary:
    'Says what the owner is going to do next and until when; no later than the company’s deadline for the next step. A lead that is only assigned counts as worked with this.',
  rule: permission('lead.plan', salesWriters),
  body: z
    .strictObject({
      text: text(500),
      dueAt: instant.nullable().default(null).meta({ description: 'none: the company’s deadline' }),
    })
    .meta({ id: 'PlanNextStep' }),
})

defineProblems({
  'lead.next_step_past': {
    en: 'The next step has to be due in the future, and {dueAt} is not. Choose a later moment.',
    'zh-CN': '下一步的截止时间必须在将来。当前为 {dueAt}。',
  },
  'lead.next_step_late': {
    en: 'The next step is due too late. Choose a moment before {latest}, or let the lead rest.',
    'zh-CN': '下一步的截止时间过晚。请选择 {latest} 之前的时间,或将线索转为培育。',
  },
})
