import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, id, instant, line, text } from './shapes.js'

const key = z
  .string()
  .regex(/^[a-z0-9_-]{1,40}$/, { message: 'plan.key' })
  .meta({ description: 'names the entry within the plan', examples: ['goal-1'] })
const strength = z.number().int().min(1).max(5).meta({ description: '1 against us … 3 neutral … 5 for us' })

const goal = z
  .strictObject({
    key,
    text: line(300),
    measure: line(200).nullable().default(null).meta({ description: 'how one will see that it is reached' }),
    dueOn: day.nullable().default(null),
    reachedOn: day.nullable().default(null),
  })
  .meta({ id: 'PlanGoal' })
const relation = z
  .strictObject({
    contactId: id('contact'),
    role: line(100).nullable().default(null),
    strength,
    wished: strength,
    ownerId: id('user').nullable().default(null).meta({ description: 'who is to get there' }),
    note: text(1000).nullable().default(null),
  })
  .meta({ id: 'PlanRelation' })
const action = z
  .strictObject({
    key,
    text: line(300),
    goalKey: key.nullable().default(null),
    ownerId: id('user'),
    dueOn: day,
    doneOn: day.nullable().default(null),
  })
  .meta({ id: 'PlanAction' })

const content = {
  title: line(200),
  startsOn: day,
  endsOn: day,
  goals: z.array(goal).max(50),
  relations: z.array(relation).max(100),
  actions: z.array(action).max(200),
}
const statuses = ['draft', 'active', 'closed'] as const

export const AccountPlanView = z
  .object({
    id: id('account_plan'),
    version: z.number().int(),
    accountId: id('account'),
    status: z.enum(statuses),
    ...content,
    closingNote: z.string().nullable(),
    progress: z
      .object({ goals: z.number().int(), goalsReached: z.number().int(), actions: z.number().int(), actionsDone: z.number().int() })
      .meta({ description: 'counted from what is in the plan' }),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'AccountPlan' })

const read = permission('account_plan.read', salesReaders)
const write = permission('account_plan.write', salesWriters)
const one = { service: 'account', params: z.object({ id: id('account_plan') }), answer: AccountPlanView } as const

export const draftAccountPlan = defineOperation({
  id: 'draftAccountPlan',
  service: 'account',
  method: 'POST',
  path: '/v1/account-plans',
  summary: 'Drafts a plan for a key account: goals, relations to win, and who does what until when.',
  rule: write,
  body: z
    .strictObject({
      accountId: id('account'),
      ...content,
      goals: content.goals.default([]),
      relations: content.relations.default([]),
      actions: content.actions.default([]),
    })
    .meta({ id: 'DraftAccountPlan' }),
  answer: AccountPlanView,
})

export const listAccountPlans = defineList({
  id: 'listAccountPlans',
  service: 'account',
  path: '/v1/account-plans',
  summary: 'Plans of the accounts that the caller sees.',
  rule: read,
  item: AccountPlanView,
  filters: { accountId: 'exact', status: statuses, endsOn: 'day' },
  sorts: ['id', 'endsOn'],
})

export const getAccountPlan = defineOperation({
  ...one,
  id: 'getAccountPlan',
  method: 'GET',
  path: '/v1/account-plans/{id}',
  summary: 'One plan.',
  rule: read,
})

export const changeAccountPlan = defineOperation({
  ...one,
  id: 'changeAccountPlan',
  method: 'PATCH',
  path: '/v1/account-plans/{id}',
  summary: 'Changes a plan that is not closed; a list that is given replaces the one there.',
  rule: write,
  body: z.strictObject(content).partial().meta({ id: 'ChangeAccountPlan' }),
})

export const activateAccountPlan = defineOperation({
  ...one,
  id: 'activateAccountPlan',
  method: 'POST',
  path: '/v1/account-plans/{id}/activate',
  summary: 'From now on the plan is worked by. It needs a goal and an action; an account has one active plan.',
  rule: write,
})

export const closeAccountPlan = defineOperation({
  ...one,
  id: 'closeAccountPlan',
  method: 'POST',
  path: '/v1/account-plans/{id}/close',
  summary: 'Ends the plan, with what came of it.',
  rule: write,
  body: z.strictObject({ note: text(5000) }).meta({ id: 'CloseAccountPlan' }),
})

export const listPlanActions = defineOperation({
  id: 'listPlanActions',
  service: 'account',
  method: 'GET',
  path: '/v1/plan-actions',
  summary: 'Actions of active plans that are still to be done, the most urgent first (200 at most).',
  rule: permission('account_plan.read_actions', salesReaders),
  query: z.strictObject({ ownerId: id('user').optional(), dueBefore: day.optional().meta({ description: 'due before this day' }) }),
  answer: z.object({
    data: z.array(
      z.object({
        planId: id('account_plan'),
        accountId: id('account'),
        planTitle: z.string(),
        key: z.string(),
        text: z.string(),
        ownerId: id('user'),
        dueOn: day,
      }),
    ),
    next: z.null(),
  }),
})

defineProblems({
  'plan.key': {
    en: 'This cannot name an entry of a plan. Use up to 40 small letters, digits, - and _.',
    'zh-CN': '无效的条目名称。请使用不超过 40 个小写字母、数字、- 或 _。',
  },
  'account_plan.period': {
    en: 'The plan ends before it starts. Choose a later end.',
    'zh-CN': '计划的结束早于开始。请选择更晚的结束日期。',
  },
  'account_plan.key_twice': { en: 'Two entries have the same key. {key} is there twice.', 'zh-CN': '条目名称重复:{key}。' },
  'account_plan.no_such_goal': {
    en: 'An action serves a goal that the plan does not have. {goalKey} is unknown.',
    'zh-CN': '行动指向不存在的目标:{goalKey}。',
  },
  'account_plan.empty': {
    en: 'There is nothing to work by yet. Add a goal and an action first.',
    'zh-CN': '计划还没有内容。请先添加目标和行动。',
  },
  'account_plan.closed': { en: 'The plan is closed. Draft a new one.', 'zh-CN': '计划已结束。请新建计划。' },
  'account_plan.another_active': {
    en: 'The account has an active plan already. Close {planId} first.',
    'zh-CN': '该客户已有进行中的计划。请先结束 {planId}。',
  },
})
