import { z } from 'zod'
import { ActivityDetail, activityKinds, oneActivity } from './account.operations.js'
import { permission, salesReaders, salesWriters } from './access.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, id } from './shapes.js'

const page = {
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'items of a page at most' }),
  cursor: z.string().max(500).optional().meta({ description: 'where the page begins: `next` of the page before' }),
}

/** The same parameter once or several times. */
const anyOf = <Shape extends z.ZodType>(shape: Shape) =>
  z
    .union([shape, z.array(shape).max(100)])
    .transform((given) => (Array.isArray(given) ? given : [given]) as z.output<Shape>[])
    .optional()

export const getTimeline = defineOperation({
  id: 'getTimeline',
  service: 'account',
  method: 'GET',
  path: '/v1/accounts/{id}/timeline',
  summary: 'What was done with a customer, the latest first, with attachments and next steps.',
  rule: permission('timeline.read', salesReaders),
  params: z.object({ id: id('account') }),
  query: z.strictObject({
    ...page,
    kind: anyOf(z.enum(activityKinds)).meta({ description: 'only these kinds' }),
    contactId: id('contact').optional(),
    opportunityId: id('opportunity').optional(),
    personId: id('user').optional().meta({ description: 'what this colleague logged or took part in' }),
  }),
  answer: z.object({ data: z.array(ActivityDetail), next: z.string().nullable() }).meta({ id: 'Timeline' }),
})

export const NextStepDue = z
  .object({
    activityId: id('activity'),
    accountId: id('account'),
    accountName: z.string(),
    ownerId: id('user').nullable().meta({ description: 'who is responsible for the account' }),
    contactId: id('contact').nullable(),
    opportunityId: id('opportunity').nullable(),
    kind: z.enum(activityKinds),
    subject: z.string().meta({ description: 'of the activity that it was agreed in' }),
    text: z.string(),
    on: day,
  })
  .meta({ id: 'NextStepDue' })

export const listNextSteps = defineOperation({
  id: 'listNextSteps',
  service: 'account',
  method: 'GET',
  path: '/v1/next-steps',
  summary: 'The next steps that are not done yet, the earliest first.',
  rule: permission('next_step.read', salesReaders),
  query: z.strictObject({
    ...page,
    dueBefore: day.optional().meta({ description: 'only those agreed for an earlier day than this' }),
    ownerId: id('user').optional().meta({ description: 'only those of this rep’s accounts' }),
  }),
  answer: z.object({ data: z.array(NextStepDue), next: z.string().nullable() }).meta({ id: 'NextSteps' }),
})

export const finishNextStep = defineOperation({
  ...oneActivity,
  id: 'finishNextStep',
  method: 'POST',
  path: '/v1/activities/{id}/next-step/done',
  summary: 'Says that the next step of an activity is done. Said again, nothing happens.',
  rule: permission('next_step.finish', salesWriters),
})

defineProblems({
  'activity.no_next_step': {
    en: 'The activity has no next step. Note one by changing the activity first.',
    'zh-CN': '该活动没有下一步计划。请先修改活动并填写下一步。',
  },
})
