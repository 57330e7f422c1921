import { z } from 'zod'
import { permission } from './access.js'
import { HandedCount, handingServices, handoverSteps } from './handover.events.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, money, text } from './shapes.js'

/** The days within which a handover can be undone. */
export const undoDays = 30

const runners = { administrator: 'company', sales_ops: 'company', sales_manager: 'subtree' } as const
const access = { read: permission('handover.read', runners), run: permission('handover.run', runners) }

const rule = (description: string) =>
  z
    .string()
    .min(1)
    .max(2_000)
    .meta({ description, examples: ['account.region == "North"'] })

const receiver = id('user').meta({ description: 'who receives these accounts, and what the leaver owns with them' })

export const PrepareHandover = z
  .strictObject({
    fromUserId: id('user').meta({ description: 'whose book moves' }),
    toUserId: id('user').meta({ description: 'receives everything that no assignment takes' }),
    assignments: z
      .array(
        z.union([
          z.strictObject({ toUserId: receiver, when: rule('condition (CEL) on the fields of the account') }),
          z.strictObject({ toUserId: receiver, accountIds: z.array(id('account')).min(1).max(10_000) }),
        ]),
      )
      .max(50)
      .default([])
      .meta({ description: 'who receives which accounts; the first that fits counts' }),
    only: rule('condition (CEL) on the account: only accounts for which it holds move, with what the leaver owns with them').optional(),
    reason: text(500),
  })
  .meta({ id: 'PrepareHandover' })

const statuses = ['preparing', 'ready', 'moving', 'moved', 'returning', 'failed', 'undoing', 'undone', 'cancelled'] as const

const summary = {
  id: id('handover'),
  version: z.number().int(),
  status: z.enum(statuses),
  fromUserId: id('user'),
  toUserId: id('user'),
  assignments: z.array(
    z.object({
      toUserId: id('user'),
      when: z.string().nullable(),
      accounts: z.number().int().meta({ description: 'accounts of the leaver that it takes' }),
    }),
  ),
  only: z.string().nullable(),
  reason: z.string(),
  failure: z
    .object({ service: z.enum(handingServices), code: z.string(), text: z.string() })
    .nullable()
    .meta({ description: 'why it ended without moving anything' }),
  createdAt: instant,
  updatedAt: instant,
  movedAt: instant.nullable(),
  undoUntil: instant.nullable().meta({ description: `${undoDays} days after it moved` }),
}

export const HandoverSummary = z.object(summary).meta({ id: 'HandoverSummary' })

export const HandoverView = z
  .object({
    ...summary,
    services: z
      .array(
        z.object({
          service: z.enum(handingServices),
          step: z.enum(handoverSteps).nullable().meta({ description: 'what it works on or did last; null: it has not answered yet' }),
          done: z.boolean(),
          nouns: z.array(HandedCount),
        }),
      )
      .meta({ description: 'what moves, and how far each service is' }),
    waitingFor: z.array(z.enum(handingServices)).meta({ description: 'services that have not done the present step yet' }),
    records: z.number().int().meta({ description: 'all that moves, over all services that have counted' }),
    log: z.array(z.object({ at: instant, byId: z.string().nullable(), what: z.string() })),
  })
  .meta({ id: 'Handover' })

const one = { service: 'account', params: z.object({ id: id('handover') }), answer: HandoverView } as const

export const prepareHandover = defineOperation({
  id: 'prepareHandover',
  service: 'account',
  method: 'POST',
  path: '/v1/handovers',
  summary: 'Prepares to move somebody’s whole book to colleagues: every service counts what it holds. Nothing moves before it is started.',
  rule: access.run,
  body: PrepareHandover,
  answer: HandoverView,
})

export const getHandover = defineOperation({
  ...one,
  id: 'getHandover',
  method: 'GET',
  path: '/v1/handovers/{id}',
  summary: 'A handover: what it moves in each service, how far it is, who has not answered yet, and its log.',
  rule: access.read,
})

export const listHandovers = defineList({
  id: 'listHandovers',
  service: 'account',
  path: '/v1/handovers',
  summary: 'Handovers.',
  rule: access.read,
  item: HandoverSummary,
  filters: { status: statuses, fromUserId: 'exact', createdAt: 'instant' },
  sorts: ['id', 'createdAt'],
})

export const listHandoversNeeded = defineOperation({
  id: 'listHandoversNeeded',
  service: 'account',
  method: 'GET',
  path: '/v1/handovers/needed',
  summary: 'People who have left and still own accounts. Nothing of theirs moves by itself.',
  rule: access.read,
  answer: z.object({
    data: z.array(
      z.object({
        userId: id('user'),
        name: z.string(),
        accounts: z.number().int(),
        contacts: z.number().int(),
        activities: z.number().int(),
        handoverId: id('handover').nullable().meta({ description: 'the handover that is under way' }),
      }),
    ),
    next: z.null(),
  }),
})

export const startHandover = defineOperation({
  ...one,
  id: 'startHandover',
  method: 'POST',
  path: '/v1/handovers/{id}/start',
  summary: 'Moves everything, in all services. When one of them cannot, all move back what they moved, and the handover has failed.',
  rule: access.run,
})

export const cancelHandover = defineOperation({
  ...one,
  id: 'cancelHandover',
  method: 'POST',
  path: '/v1/handovers/{id}/cancel',
  summary: 'Gives up a handover that has not been started.',
  rule: access.run,
})

export const undoHandover = defineOperation({
  ...one,
  id: 'undoHandover',
  method: 'POST',
  path: '/v1/handovers/{id}/undo',
  summary: `Moves back what was moved and is still where it was put, within ${undoDays} days. What changed hands since stays, and is reported.`,
  rule: access.run,
})

export const handedStates = ['planned', 'moved', 'left', 'returned', 'stayed'] as const

export const HandedRecord = z
  .object({
    noun: z.string(),
    id: z.string(),
    title: z.string().nullable(),
    accountId: id('account').nullable(),
    amount: money.nullable(),
    fromUserId: id('user'),
    toUserId: id('user'),
    state: z.enum(handedStates),
    foundUserId: id('user').nullable().meta({ description: 'who owned it when it was left or stayed' }),
  })
  .meta({ id: 'HandedRecord' })

export const listHandedRecords = defineOperation({
  id: 'listHandedRecords',
  service: 'each',
  method: 'GET',
  path: '/v1/handovers/{id}/records',
  summary:
    'The records of one noun that a handover moves, one by one, read from the service that keeps them. Contacts and activities follow their accounts.',
  rule: access.read,
  params: z.object({ id: id('handover') }),
  query: z.strictObject({
    noun: z.enum([
      'account',
      'lead',
      'opportunity',
      'quote',
      'contract',
      'order',
      'collection_plan',
      'receivable',
      'invoice',
      'receipt',
      'unmatched_mail',
    ]),
    state: z.enum(handedStates).optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z
      .string()
      .regex(/^[a-z_]{1,40}_[0-9a-z]{26}$/, { message: 'cursor.malformed' })
      .optional(),
  }),
  answer: z.object({ data: z.array(HandedRecord), next: z.string().nullable() }),
})

defineProblems({
  'handover.under_way': {
    en: 'A handover of this person is under way. Finish or cancel {handoverId} first.',
    'zh-CN': '该人员已有客户交接正在进行。请先完成或取消 {handoverId}。',
  },
  'handover.to_themselves': {
    en: 'Nobody hands over to themselves. Choose a colleague as receiver.',
    'zh-CN': '不能交接给本人。请选择一位同事作为接收人。',
  },
  'handover.too_late': {
    en: 'The handover can no longer be undone. It could be until {until}; prepare one the other way instead.',
    'zh-CN': '该客户交接已不能撤销,期限为 {until}。请改为新建反向交接。',
  },
  'handover.receiver_left': {
    en: 'A receiver has left meanwhile. Everything was moved back; prepare a new handover without {userId}.',
    'zh-CN': '接收人已离职。全部记录已退回;请新建交接并更换接收人 {userId}。',
  },
  'handover.cannot_move': {
    en: 'A record could not be moved. Everything was moved back; mend {noun} and prepare a new handover. The database says {reason}.',
    'zh-CN': '有记录无法移交。全部记录已退回;请修正 {noun} 后新建交接。数据库提示:{reason}。',
  },
})
