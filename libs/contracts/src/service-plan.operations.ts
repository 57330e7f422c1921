import { z } from 'zod'
import { everybody, permission, salesReaders, salesWriters } from './access.js'
import { accountClasses } from './account.operations.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, id, instant, line, text } from './shapes.js'

const kinds = ['call', 'visit', 'email', 'meeting', 'survey', 'event'] as const
const statuses = ['open', 'done', 'skipped', 'lapsed'] as const
const kind = z.enum(kinds).meta({
  description:
    'what is owed. Logging such an activity, or sending a survey, does it; an `event` (such as an invitation) is finished by hand',
})

const step = z
  .strictObject({
    key: z
      .string()
      .regex(/^[a-z0-9_-]{1,40}$/, { message: 'plan.key' })
      .meta({ description: 'names the step within the plan', examples: ['call-back'] }),
    kind,
    everyDays: z.number().int().min(1).max(1_000).meta({ description: 'so many days after it was done last' }),
    text: line(200).meta({ description: 'what is to be done' }),
  })
  .meta({ id: 'ServiceStep' })

const base = {
  name: line(100),
  segmentId: id('segment').nullable().meta({ description: 'for the members of this segment' }),
  accountClass: z.enum(accountClasses).nullable().meta({ description: 'for the accounts of this class' }),
  steps: z.array(step).min(1).max(20),
}

export const ServicePlanView = z
  .object({
    id: id('service_plan'),
    version: z.number().int(),
    ...base,
    startsOn: day.meta({ description: 'nothing is owed before it' }),
    active: z.boolean(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'ServicePlan' })

const keep = permission('service_plan.change', {
  administrator: 'company',
  sales_ops: 'company',
  integrator: 'company',
  sales_manager: 'company',
})
const onePlan = { service: 'account', params: z.object({ id: id('service_plan') }), answer: ServicePlanView } as const

export const createServicePlan = defineOperation({
  id: 'createServicePlan',
  service: 'account',
  method: 'POST',
  path: '/v1/service-plans',
  summary: 'Says what the accounts of a segment or of a class are owed, and how often. Its due list is written at once and kept daily.',
  rule: keep,
  body: z
    .strictObject({
      ...base,
      segmentId: base.segmentId.default(null),
      accountClass: base.accountClass.default(null),
      startsOn: day.optional().meta({ description: 'none: today' }),
    })
    .meta({ id: 'CreateServicePlan' }),
  answer: ServicePlanView,
})

export const listServicePlans = defineList({
  id: 'listServicePlans',
  service: 'account',
  path: '/v1/service-plans',
  summary: 'Service plans.',
  rule: permission('service_plan.read', everybody),
  item: ServicePlanView,
  filters: { name: 'text', segmentId: 'exact', accountClass: accountClasses, active: 'boolean' },
  sorts: ['id', 'name'],
})

export const getServicePlan = defineOperation({
  ...onePlan,
  id: 'getServicePlan',
  method: 'GET',
  path: '/v1/service-plans/{id}',
  summary: 'One service plan.',
  rule: permission('service_plan.read_one', everybody),
})

export const changeServicePlan = defineOperation({
  ...onePlan,
  id: 'changeServicePlan',
  method: 'PATCH',
  path: '/v1/service-plans/{id}',
  summary:
    'Changes a service plan; the list of steps that is given replaces the one there. Nothing more is owed by a plan that is not active.',
  rule: keep,
  body: z
    .strictObject({ ...base, startsOn: day, active: z.boolean() })
    .partial()
    .meta({ id: 'ChangeServicePlan' }),
})

export const ServiceDueView = z
  .object({
    id: id('service_due'),
    version: z.number().int(),
    planId: id('service_plan'),
    planName: z.string(),
    step: z.string(),
    kind: z.enum(kinds),
    text: z.string().meta({ description: 'what is to be done; empty: the plan has no such step any more' }),
    accountId: id('account'),
    accountName: z.string(),
    ownerId: id('user').nullable().meta({ description: 'who owes it: who is responsible for the account now' }),
    status: z.enum(statuses).meta({ description: '`lapsed`: the account is not under the plan any more, or nobody owns it' }),
    countedOn: day.meta({ description: 'the day that the plan counts to, or that it was postponed to' }),
    dueOn: day.meta({ description: 'that day, or the next one on which its owner works' }),
    overdue: z.boolean().meta({ description: 'whether `dueOn` is past where the owner works' }),
    postponedFrom: day.nullable(),
    reason: z.string().nullable().meta({ description: 'why it was postponed or skipped' }),
    closedOn: day.nullable(),
  })
  .meta({ id: 'ServiceDue' })

const does = permission('service_due.change', salesWriters)
const oneDue = { service: 'account', params: z.object({ id: id('service_due') }), answer: ServiceDueView, rule: does } as const

export const listServiceDues = defineOperation({
  id: 'listServiceDues',
  service: 'account',
  method: 'GET',
  path: '/v1/service-dues',
  summary:
    'What is owed to whom by when, the most urgent first: what is open, up to two weeks ahead, of the accounts that the caller sees.',
  rule: permission('service_due.read', salesReaders),
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'items of a page at most' }),
    cursor: z.string().max(500).optional().meta({ description: 'where the page begins: `next` of the page before' }),
    whose: z
      .enum(['mine', 'team'])
      .optional()
      .meta({ description: '`mine`: of the caller’s own accounts; `team`: of those of the caller’s team' }),
    ownerId: id('user').optional(),
    accountId: id('account').optional(),
    planId: id('service_plan').optional(),
    kind: z.enum(kinds).optional(),
    countedBefore: day.optional().meta({ description: 'counted to a day before this one' }),
  }),
  answer: z.object({ data: z.array(ServiceDueView), next: z.string().nullable() }).meta({ id: 'ServiceDues' }),
})

export const finishServiceDue = defineOperation({
  ...oneDue,
  id: 'finishServiceDue',
  method: 'POST',
  path: '/v1/service-dues/{id}/finish',
  summary: 'Says by hand that what was owed is done. The next time is counted from today.',
})

export const skipServiceDue = defineOperation({
  ...oneDue,
  id: 'skipServiceDue',
  method: 'POST',
  path: '/v1/service-dues/{id}/skip',
  summary: 'Leaves it out this time, with a reason. The next time is counted from today.',
  body: z.strictObject({ reason: text(500) }).meta({ id: 'SkipServiceDue' }),
})

export const postponeServiceDue = defineOperation({
  ...oneDue,
  id: 'postponeServiceDue',
  method: 'POST',
  path: '/v1/service-dues/{id}/postpone',
  summary: 'Moves it to a later day, with a reason.',
  body: z.strictObject({ to: day, reason: text(500) }).meta({ id: 'PostponeServiceDue' }),
})

defineProblems({
  'service_plan.one_target': {
    en: 'A service plan is for one segment or for one class. Give segmentId or accountClass, not both and not neither.',
    'zh-CN': '服务计划必须且只能针对一个细分或一个客户类别。请在 segmentId 与 accountClass 中填写一个。',
  },
  'service_plan.step_twice': { en: 'Two steps have the same key. {key} is there twice.', 'zh-CN': '步骤名称重复:{key}。' },
  'service_due.not_later': {
    en: 'This is no later day. Choose one after {after}, at most a year ahead.',
    'zh-CN': '不能推迟到该日期。请选择 {after} 之后、一年以内的日期。',
  },
})
