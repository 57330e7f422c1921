import { z } from 'zod'
import { permission } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, line } from './shapes.js'

const days = z.number().int().min(1).max(1_000)

const rule = {
  name: line(100),
  position: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .meta({ description: 'of the rules whose condition holds for a lead, the one with the lowest counts' }),
  condition: z
    .string()
    .trim()
    .max(2_000)
    .meta({
      description: 'CEL over the fields of a lead, with grade and score; empty: every lead',
      examples: ['lead.grade == "D" && lead.source == "web"'],
    }),
  afterDays: days.nullable().meta({ description: 'days (of 24 hours) without a step of the owner; null: this does not count' }),
  afterAttempts: z
    .number()
    .int()
    .min(1)
    .max(100)
    .nullable()
    .meta({ description: 'times in a row that nobody was reached; null: this does not count' }),
  remindDays: days.nullable().meta({ description: 'so many days before, the owner is reminded; null: never' }),
  poolId: id('pool').meta({ description: 'where the lead goes' }),
  active: z.boolean(),
}

export const RecycleRuleView = z
  .object({ id: id('recycle_rule'), version: z.number().int(), ...rule, createdAt: instant, updatedAt: instant })
  .meta({ id: 'RecycleRule' })

const access = {
  read: permission('recycle_rule.read', { administrator: 'company', sales_ops: 'company', sales_manager: 'company', executive: 'company' }),
  change: permission('recycle_rule.change', { administrator: 'company', sales_ops: 'company' }),
}
const one = { service: 'lead', params: z.object({ id: id('recycle_rule') }), answer: RecycleRuleView } as const

export const createRecycleRule = defineOperation({
  id: 'createRecycleRule',
  service: 'lead',
  method: 'POST',
  path: '/v1/recycle-rules',
  summary: 'A new rule of when an assigned or worked lead is taken back from its owner and goes to a pool.',
  rule: access.change,
  body: z
    .strictObject({
      ...rule,
      condition: rule.condition.default(''),
      afterDays: rule.afterDays.default(null),
      afterAttempts: rule.afterAttempts.default(null),
      remindDays: rule.remindDays.default(null),
      active: rule.active.default(true),
    })
    .meta({ id: 'CreateRecycleRule' }),
  answer: RecycleRuleView,
})

export const listRecycleRules = defineList({
  id: 'listRecycleRules',
  service: 'lead',
  path: '/v1/recycle-rules',
  summary: 'Rules of when leads are taken back.',
  rule: access.read,
  item: RecycleRuleView,
  filters: { active: 'boolean', name: 'text', poolId: 'exact' },
  sorts: ['id', 'position', 'name'],
})

export const getRecycleRule = defineOperation({
  ...one,
  id: 'getRecycleRule',
  method: 'GET',
  path: '/v1/recycle-rules/{id}',
  summary: 'One rule of when leads are taken back.',
  rule: access.read,
})

export const changeRecycleRule = defineOperation({
  ...one,
  id: 'changeRecycleRule',
  method: 'PATCH',
  path: '/v1/recycle-rules/{id}',
  summary: 'Changes a rule of when leads are taken back.',
  rule: access.change,
  body: z.strictObject(rule).partial().meta({ id: 'ChangeRecycleRule' }),
})

defineProblems({
  'recycle_rule.never': {
    en: 'The rule never takes a lead back. Give afterDays, afterAttempts, or both.',
    'zh-CN': '该规则不会回收任何线索。请填写 afterDays 或 afterAttempts。',
  },
  'recycle_rule.reminder': {
    en: 'Owners can be reminded only before the lead is taken back: remindDays has to be less than afterDays.',
    'zh-CN': '提醒必须早于回收:remindDays 必须小于 afterDays。',
  },
  'lead.owner_and_pool': {
    en: 'A lead in a pool has no owner. Give the owner or the pool.',
    'zh-CN': '公海池中的线索没有负责人。请只填写负责人或公海池之一。',
  },
})
