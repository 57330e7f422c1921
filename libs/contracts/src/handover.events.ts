import { z } from 'zod'
import { defineEvent } from './event.js'
import { id, money } from './shapes.js'

/** The services that hold parts of somebody's book, and what each holds. Contacts and activities follow their account. */
export const handedNouns = {
  lead: ['lead'],
  account: ['account', 'contact', 'activity'],
  opportunity: ['opportunity'],
  cpq: ['quote', 'contract', 'order'],
  billing: ['collection_plan', 'receivable', 'invoice', 'receipt'],
} as const

/** A service that takes part in handovers. */
export type HandingService = keyof typeof handedNouns
/** What a handover moves. */
export type HandedNoun = (typeof handedNouns)[HandingService][number]

export const handingServices = Object.keys(handedNouns) as [HandingService, ...HandingService[]]
const nouns = Object.values(handedNouns).flat() as [HandedNoun, ...HandedNoun[]]

/** What services are asked to do, one after the other. */
export const handoverSteps = ['count', 'move', 'recheck', 'move_back'] as const

/** How far a noun of a handover is. */
export const HandedCount = z
  .object({
    noun: z.enum(nouns),
    records: z.number().int().meta({ description: 'what the handover moves' }),
    amounts: z.array(money).meta({ description: 'what these are worth, one sum a currency' }),
    moved: z.number().int().meta({ description: 'are with their new owner' }),
    left: z.number().int().meta({ description: 'were with somebody else by then, or closed, and were left alone' }),
    returned: z.number().int().meta({ description: 'were moved back' }),
    stayed: z.number().int().meta({ description: 'had changed hands again and were not moved back' }),
  })
  .meta({ id: 'HandedCount' })

const asked = z.number().int().meta({ description: 'number of the step, from 1; an answer names it' })
const step = z.object({ handoverId: id('handover'), asked })

export const HandoverAccountsAssigned = defineEvent(
  'handover.accounts_assigned',
  1,
  z.object({
    handoverId: id('handover'),
    accounts: z.array(z.object({ accountId: id('account'), toUserId: id('user') })).max(2_000),
  }),
  'Accounts of a handover whose records have a receiver of their own; told in parts before `handover.prepared`.',
)
export const HandoverPrepared = defineEvent(
  'handover.prepared',
  1,
  step.extend({
    fromUserId: id('user'),
    toUserId: id('user').meta({ description: 'receives what has no receiver of its own' }),
    onlyAccounts: z.boolean().meta({ description: 'whether only records of the assigned accounts move' }),
  }),
  'Somebody’s book is to move: every service that holds a part of it counts what it holds.',
)
export const HandoverReady = defineEvent(
  'handover.ready',
  1,
  z.object({ handoverId: id('handover'), fromUserId: id('user'), records: z.number().int() }),
  'All services have counted what a handover moves; it can be looked at and started.',
)
export const HandoverStarted = defineEvent('handover.started', 1, step, 'A handover began: every service moves its records.')
export const HandoverRechecked = defineEvent(
  'handover.rechecked',
  1,
  step,
  'All services have moved their records; each looks once more for what came to the former owner meanwhile.',
)
export const HandoverTakenBack = defineEvent(
  'handover.taken_back',
  1,
  step.extend({ because: z.enum(['failed', 'undone']) }),
  'A handover is taken back: every service moves back what it moved and what is still where it was put.',
)
export const HandoverMoved = defineEvent(
  'handover.moved',
  1,
  z.object({ handoverId: id('handover'), fromUserId: id('user'), records: z.number().int() }),
  'A whole book is with its new owners, in all services.',
)
export const HandoverFailed = defineEvent(
  'handover.failed',
  1,
  z.object({ handoverId: id('handover'), fromUserId: id('user'), service: z.enum(handingServices), code: z.string().max(100) }),
  'A service could not move its records, so all services moved theirs back; `code` says why.',
)
export const HandoverUndone = defineEvent(
  'handover.undone',
  1,
  z.object({ handoverId: id('handover'), fromUserId: id('user'), records: z.number().int() }),
  'What a handover had moved is back with its former owner, but for what had changed hands again.',
)
export const HandoverCancelled = defineEvent(
  'handover.cancelled',
  1,
  z.object({ handoverId: id('handover'), fromUserId: id('user') }),
  'A handover was given up before it moved anything.',
)

const reported = <Service extends HandingService>(service: Service) =>
  defineEvent(
    `${service}_handover.reported`,
    1,
    step.extend({
      service: z.enum(handingServices),
      step: z.enum(handoverSteps),
      done: z.boolean(),
      nouns: z.array(HandedCount),
      refusal: z
        .object({ code: z.string().max(100), details: z.record(z.string().max(60), z.string().max(500)) })
        .nullable()
        .meta({ description: 'why the service cannot do it' }),
    }),
    `How far the ${service} service is with the step of a handover that it was asked for.`,
  )

/** How each service tells of its part. The key is the handover, so each service's reports of one handover keep their order. */
export const handoverReports = {
  lead: reported('lead'),
  account: reported('account'),
  opportunity: reported('opportunity'),
  cpq: reported('cpq'),
  billing: reported('billing'),
} as const
