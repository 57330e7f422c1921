import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { itemKinds, Wording } from './process.operations.js'
import { day, decimal, id, instant, line, money, positiveMoney, text } from './shapes.js'

const statuses = ['open', 'won', 'lost'] as const

/** Why a deal is lost. */
export const lossReasons = [
  'price',
  'competitor',
  'no_budget',
  'no_decision',
  'no_need',
  'timing',
  'product_fit',
  'service_delivery',
  'relationship',
  'other',
] as const

const positiveDecimal = decimal.refine((value) => !value.startsWith('-') && /[1-9]/.test(value), {
  message: 'opportunity.quantity',
})

const product = z.strictObject({
  productId: id('product'),
  quantity: positiveDecimal.optional(),
  price: positiveMoney.optional().meta({ description: 'expected price of one' }),
})

const base = {
  amount: positiveMoney.nullable().optional().meta({ description: 'what the deal is worth' }),
  products: z.array(product).max(100).optional(),
  expectedCloseOn: day.nullable().optional(),
  source: line(100).nullable().optional(),
}

export const OpenOpportunity = z
  .strictObject({
    title: line(200),
    accountId: id('account'),
    ownerId: id('user').optional().meta({ description: 'a rep who opens a deal owns it unless told otherwise' }),
    processId: id('process').optional().meta({ description: 'a published process; the default when not given' }),
    ...base,
  })
  .meta({ id: 'OpenOpportunity' })

export const ChangeOpportunity = z
  .strictObject({ title: line(200).optional(), accountId: id('account').optional(), ...base })
  .meta({ id: 'ChangeOpportunity' })

const stageName = z.object({ key: z.string(), name: Wording })

/** A deal as lists show it. */
export const OpportunitySummary = z
  .object({
    id: id('opportunity'),
    version: z.number().int(),
    status: z.enum(statuses),
    title: z.string(),
    accountId: id('account').nullable(),
    accountName: z.string().nullable(),
    ownerId: id('user').nullable(),
    processId: id('process'),
    stage: stageName,
    probability: decimal.meta({
      description: 'evidence: what the completed items add up to in %, never above the ceiling; 100 when won, 0 when lost',
    }),
    ceiling: decimal.meta({ description: 'the most that the stage allows, in %' }),
    amount: money.nullable(),
    products: z.array(z.object({ productId: id('product'), name: z.string(), quantity: decimal.nullable(), price: money.nullable() })),
    expectedCloseOn: day.nullable(),
    source: z.string().nullable(),
    externalId: z.string().nullable(),
    leadId: id('lead').nullable(),
    contractId: id('contract').nullable(),
    exemption: z.string().nullable().meta({ description: 'why it counts as won without a signed contract' }),
    lossReason: z.string().nullable(),
    competitor: z.string().nullable(),
    closeNote: z.string().nullable(),
    stageEnteredAt: instant,
    closedAt: instant.nullable(),
    journeyId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'OpportunitySummary' })

/** The answer to an item, by its kind. */
const itemValue = z
  .union([
    text(5000),
    z.literal(true),
    z.strictObject({ amount: z.string().max(32), currency: z.string().length(3) }),
    z.strictObject({ choice: line(200), detail: text(2000).optional() }),
    z.strictObject({ contactId: id('contact'), role: line(100) }),
    z.strictObject({ name: line(200), url: z.url({ protocol: /^https?$/ }).max(2000) }),
  ])
  .meta({
    id: 'ItemValue',
    description:
      'text, number, date: text (`"12.5"`, `"2026-11-21"`); tick: true; money: amount and currency; choice: one of the options, with detail if wished; contact_role: contactId and role; visit, quote, contract: the id; file, image: name and url',
  })

const completion = z.object({ value: itemValue, at: instant, by: z.string().nullable() })

/** A deal with what has been found out, what is missing and the way it came. */
export const OpportunityView = OpportunitySummary.extend({
  checklist: z.array(
    z.object({
      stage: stageName,
      ceiling: decimal,
      evidence: decimal.meta({ description: 'what the completed items of the stage add up to, in %' }),
      items: z.array(
        z.object({
          key: z.string(),
          name: Wording,
          kind: z.enum(itemKinds),
          options: z.array(z.string()),
          required: z.boolean(),
          weight: decimal,
          done: completion.nullable(),
        }),
      ),
    }),
  ),
  missing: z
    .array(z.object({ stage: z.string(), item: z.string(), name: Wording }))
    .meta({ description: 'required items of the stage that are not done: it cannot be left forward without them' }),
  history: z.array(
    z.object({
      stage: stageName,
      at: instant,
      direction: z.enum(['start', 'forward', 'back']),
      skipped: z.array(z.string()),
      by: z.string().nullable(),
    }),
  ),
}).meta({ id: 'Opportunity' })

const access = {
  read: permission('opportunity.read', salesReaders),
  open: permission('opportunity.open', salesWriters),
  change: permission('opportunity.change', salesWriters),
  close: permission('opportunity.close', salesWriters),
  assign: permission('opportunity.assign', {
    administrator: 'company',
    sales_ops: 'company',
    integrator: 'company',
    sales_manager: 'subtree',
  }),
}

const one = { service: 'opportunity', params: z.object({ id: id('opportunity') }), answer: OpportunityView } as const

export const openOpportunity = defineOperation({
  id: 'openOpportunity',
  service: 'opportunity',
  method: 'POST',
  path: '/v1/opportunities',
  summary: 'Opens a deal in the first stage of a published process.',
  rule: access.open,
  body: OpenOpportunity,
  answer: OpportunityView,
})

export const listOpportunities = defineList({
  id: 'listOpportunities',
  service: 'opportunity',
  path: '/v1/opportunities',
  summary: 'Deals.',
  rule: access.read,
  item: OpportunitySummary,
  filters: {
    status: statuses,
    stage: 'exact',
    processId: 'exact',
    ownerId: 'exact',
    accountId: 'exact',
    accountName: 'text',
    title: 'text',
    source: 'exact',
    lossReason: 'exact',
    externalId: 'exact',
    probability: 'number',
    expectedCloseOn: 'day',
    stageEnteredAt: 'instant',
    closedAt: 'instant',
    createdAt: 'instant',
    updatedAt: 'instant',
  },
  sorts: ['id', 'createdAt', 'updatedAt', 'closedAt', 'expectedCloseOn', 'probability', 'title', 'amount'],
})

export const getOpportunity = defineOperation({
  ...one,
  id: 'getOpportunity',
  method: 'GET',
  path: '/v1/opportunities/{id}',
  summary: 'One deal, with its checklist and the stages it went through.',
  rule: access.read,
})

export const changeOpportunity = defineOperation({
  ...one,
  id: 'changeOpportunity',
  method: 'PATCH',
  path: '/v1/opportunities/{id}',
  summary: 'Changes title, account, amount, products, expected day or source of an open deal.',
  rule: access.change,
  body: ChangeOpportunity,
})

export const assignOpportunity = defineOperation({
  ...one,
  id: 'assignOpportunity',
  method: 'POST',
  path: '/v1/opportunities/{id}/assign',
  summary: 'Makes somebody responsible for the deal.',
  rule: access.assign,
  body: z.strictObject({ ownerId: id('user') }).meta({ id: 'AssignOpportunity' }),
})

export const moveOpportunity = defineOperation({
  ...one,
  id: 'moveOpportunity',
  method: 'POST',
  path: '/v1/opportunities/{id}/move',
  summary:
    'Moves the deal to another stage. Forward needs the required items of each stage up to it; going back and skipping are recorded.',
  rule: access.change,
  body: z.strictObject({ stage: line(60) }).meta({ id: 'MoveOpportunity' }),
})

export const completeItem = defineOperation({
  ...one,
  id: 'completeItem',
  method: 'POST',
  path: '/v1/opportunities/{id}/complete-item',
  summary: 'Answers an item of the checklist; it counts towards the win probability from now on.',
  rule: access.change,
  body: z.strictObject({ item: line(60), value: itemValue }).meta({ id: 'CompleteItem' }),
})

export const reopenItem = defineOperation({
  ...one,
  id: 'reopenItem',
  method: 'POST',
  path: '/v1/opportunities/{id}/reopen-item',
  summary: 'Takes the answer to an item back.',
  rule: access.change,
  body: z.strictObject({ item: line(60) }).meta({ id: 'ReopenItem' }),
})

export const winOpportunity = defineOperation({
  ...one,
  id: 'winOpportunity',
  method: 'POST',
  path: '/v1/opportunities/{id}/win',
  summary: 'Counts a deal as won without a signed contract, for a stated reason. A signed contract wins its deal by itself.',
  rule: access.close,
  body: z.strictObject({ exemption: line(200) }).meta({ id: 'WinOpportunity' }),
})

export const loseOpportunity = defineOperation({
  ...one,
  id: 'loseOpportunity',
  method: 'POST',
  path: '/v1/opportunities/{id}/lose',
  summary: 'Closes an open deal as lost, with the reason.',
  rule: access.close,
  body: z
    .strictObject({ reason: z.enum(lossReasons), competitor: line(200).optional(), note: text(2000).optional() })
    .meta({ id: 'LoseOpportunity' }),
})

defineProblems({
  'opportunity.quantity': { en: 'The quantity must be above zero.', 'zh-CN': '数量必须大于零。' },
  'opportunity.closed': {
    en: 'The deal is closed. It is {status} and cannot be changed like this.',
    'zh-CN': '商机已关闭。当前状态为 {status},不能如此修改。',
  },
  'opportunity.unknown_stage': {
    en: 'The process of the deal has no such stage. {stage} is none of: {possible}.',
    'zh-CN': '该商机的流程没有此阶段。{stage} 不在以下阶段中:{possible}。',
  },
  'opportunity.unknown_item': {
    en: 'The process of the deal has no such checklist item. {item} is none of: {possible}.',
    'zh-CN': '该商机的流程没有此任务。{item} 不在以下任务中:{possible}。',
  },
  'opportunity.items_missing': {
    en: 'Required items are missing. Complete them before the stage is left: {items}.',
    'zh-CN': '缺少必填任务。离开阶段前请先完成:{items}。',
  },
  'opportunity.not_signed': {
    en: 'Only a won deal comes to this stage. Sign the contract, or win the deal with a stated exemption.',
    'zh-CN': '只有已赢单的商机才能进入此阶段。请签署合同,或说明理由后豁免赢单。',
  },
  'opportunity.wrong_value': {
    en: 'This is no answer to the item. {item} takes {expected}.',
    'zh-CN': '填写内容与任务类型不符。{item} 应为:{expected}。',
  },
  'opportunity.dates_out_of_order': {
    en: 'The dates of the deal are not in order. Created {createdAt}, stage entered {stageEnteredAt}, closed {closedAt}.',
    'zh-CN': '商机日期先后顺序不正确。创建 {createdAt},进入阶段 {stageEnteredAt},关闭 {closedAt}。',
  },
  'opportunity.no_close_date': {
    en: 'A won or lost deal has the day it was closed. Map a column to closedAt.',
    'zh-CN': '已赢单或丢单的商机必须有关闭日期。请映射 closedAt 列。',
  },
  'opportunity.no_currency': {
    en: 'The amount has no currency. Map a column to currency, or give the mapping a default.',
    'zh-CN': '金额缺少币种。请映射 currency 列或设置默认值。',
  },
})
