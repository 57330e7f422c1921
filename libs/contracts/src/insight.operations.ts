import { z } from 'zod'
import { permission, salesReaders } from './access.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { services } from './services.js'
import { day, decimal, id, instant, line, money } from './shapes.js'

const read = permission('insight.read', salesReaders)

const nouns = Object.values(services).flatMap(({ aggregates }): readonly string[] => aggregates)

const recordId = z
  .string()
  .regex(new RegExp(`^(${nouns.join('|')})_[0-7][0-9a-hjkmnp-tv-z]{25}$`), { message: 'id.malformed' })
  .meta({ examples: ['opportunity_01k9x4m3s8f0t9v6a2b3c4d5e6'] })

/** One thing that happened on the way from lead to cash. */
export const JourneyStep = z
  .object({
    step: z.string().meta({ description: 'what happened, e.g. `converted`' }),
    event: z.string().meta({ description: 'the event that told it, e.g. `lead.converted`' }),
    service: z.string(),
    at: instant.meta({ description: 'when it happened, in business' }),
    recordedAt: instant.meta({ description: 'when the platform learnt of it; later than `at` for imported history' }),
    aggregate: z.string(),
    subject: z.string().meta({ description: 'id of the record that it happened to' }),
    actor: z
      .object({ id: z.string(), name: z.string().nullable() })
      .nullable()
      .meta({ description: 'who did it; null: the platform itself' }),
    facts: z
      .object({
        title: z.string().optional(),
        number: z.string().optional(),
        amount: money.optional(),
        stage: z.string().optional(),
        reason: z.string().optional(),
      })
      .meta({ description: 'what there is to say of it in short' }),
  })
  .meta({ id: 'JourneyStep' })

const journey = z.object({
  id: id('journey'),
  startedAt: instant,
  lastAt: instant.meta({ description: 'when its latest step happened' }),
})

export const JourneyView = journey.extend({ steps: z.array(JourneyStep) }).meta({ id: 'Journey' })
export const JourneySummary = journey.extend({ steps: z.number().int() }).meta({ id: 'JourneySummary' })

export const getJourney = defineOperation({
  id: 'getJourney',
  service: 'insight',
  method: 'GET',
  path: '/v1/journeys/{id}',
  summary:
    'A journey from lead to cash: every step of every service, by the time it happened; those of one instant in the order they were caused. Seen by who sees the owner of one of its records.',
  rule: read,
  params: z.object({ id: id('journey') }),
  answer: JourneyView,
})

export const listJourneys = defineOperation({
  id: 'listJourneys',
  service: 'insight',
  method: 'GET',
  path: '/v1/journeys',
  summary: 'The journeys that a record is on, or is named in; the latest first.',
  rule: read,
  query: z.strictObject({
    subject: recordId.meta({ description: 'id of a lead, account, contact, opportunity, quote, contract, order, invoice, receipt …' }),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: id('journey').optional(),
  }),
  answer: z.object({ data: z.array(JourneySummary), next: z.string().nullable() }),
})

/** Which deals are counted. `from` and `to` are days in the company’s zone. */
const scope = {
  from: day.optional().meta({ description: 'first day, in the company’s time zone' }),
  to: day.optional().meta({ description: 'the day after the last one, in the company’s time zone' }),
  ownerId: id('user').optional().meta({ description: 'deals that this rep owns today' }),
  unitId: id('org_unit').optional().meta({ description: 'deals whose owner belongs today to this unit (team, region) or one below it' }),
  accountId: id('account').optional(),
  productId: id('product').optional().meta({ description: 'deals with this product among theirs' }),
}

const process = line(60)
const percent = decimal.nullable()
const count = z.number().int()

const forward = [
  ({ from, to }: { from?: string | undefined; to?: string | undefined }) => !from || !to || from < to,
  'period.backward',
] as const

export const StageFigures = z
  .object({
    key: z.string(),
    name: z.string(),
    entered: count.meta({ description: 'deals that came to the stage and did not go back out of it; = lost + stuck + advanced' }),
    lost: count.meta({ description: 'lost while standing in it' }),
    stuck: count.meta({ description: 'open, and standing in it' }),
    advanced: count.meta({ description: 'standing in or closed in a later stage, or won' }),
    lossPct: percent.meta({ description: 'lost / entered in %, half up to one decimal; null when nothing entered' }),
    conversionPct: percent.meta({ description: 'advanced / entered in %, half up to one decimal; null when nothing entered' }),
    medianTimeInStage: z
      .string()
      .nullable()
      .meta({
        description:
          'median of the time spent in it by deals that were lost in it or advanced; ISO 8601, to the second, a day being 24 hours',
        examples: ['P33D', 'PT8H'],
      }),
    timeInStageDays: count.nullable().meta({ description: 'mean of the same times in days of 24 hours, half up' }),
  })
  .meta({ id: 'StageFigures' })

export const FunnelFigures = z
  .object({
    stages: z.array(StageFigures).meta({ description: 'in the order of the process; stages of won deals are not among them' }),
    deals: count,
    won: count,
    lost: count,
    open: count,
    winPct: percent.meta({ description: 'of the deals that entered the first stage, those that were won, in %, half up to one decimal' }),
    wonAmount: z.array(money).meta({ description: 'sum of the won deals, per currency' }),
    averageDeal: z
      .array(money)
      .meta({ description: 'mean of the won deals that have an amount, per currency, half up to its smallest unit' }),
    cycleDays: count.nullable().meta({ description: 'mean time from opened to won in days of 24 hours, half up' }),
  })
  .meta({ id: 'FunnelFigures' })

export const FunnelView = z
  .object({
    process: z.object({ family: z.string(), name: z.string() }),
    scope: FunnelFigures,
    company: FunnelFigures.optional().meta({ description: 'the whole company’s, with `compareWith=company`' }),
  })
  .meta({ id: 'Funnel' })

export const getFunnel = defineOperation({
  id: 'getFunnel',
  service: 'insight',
  method: 'GET',
  path: '/v1/funnel',
  summary:
    'The funnel of a sales process: per stage entered = lost + stuck + advanced, for deals opened in the period. A stage that a deal jumped over it has not entered; one that it went back out of counts only when it comes again.',
  rule: read,
  query: z
    .strictObject({
      process: process.meta({ description: 'family of a process (all its versions), or the id of one version' }),
      ...scope,
      compareWith: z.enum(['company']).optional().meta({
        description: 'adds the figures of the whole company, same process, period and product; anybody who reads insight gets them',
      }),
    })
    .refine(...forward),
  answer: FunnelView,
})

/** What sales figures can be told apart by. */
export const salesGroups = ['none', 'owner', 'unit', 'region', 'product', 'account', 'stage', 'month'] as const

const figures = z.object({
  deals: count,
  won: count,
  lost: count,
  open: count,
  openByStage: z.array(z.object({ key: z.string(), name: z.string(), deals: count })),
  revenue: z.array(money).meta({ description: 'sum of the won deals, per currency' }),
  winRatePct: percent.meta({ description: 'won / (won + lost) in %, half up to two decimals; null when none is closed' }),
})

export const SalesFigures = figures.meta({ id: 'SalesFigures' })

export const SalesFiguresView = z
  .object({
    total: SalesFigures,
    groups: count.meta({ description: 'how many groups there are; `data` has the first `limit` of them' }),
    data: z.array(
      figures.extend({
        key: z.string().nullable().meta({ description: 'id, stage or month (`2017-03`) of the group; null: deals without one' }),
        name: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'SalesFiguresView' })

export const getSalesFigures = defineOperation({
  id: 'getSalesFigures',
  service: 'insight',
  method: 'GET',
  path: '/v1/sales-figures',
  summary:
    'Deals won, lost and open, and what they brought in, in total and by group (most won first; months in their order). A deal with several products counts in full in each product’s group.',
  rule: read,
  query: z
    .strictObject({
      groupBy: z.enum(salesGroups).default('none').meta({ description: '`region`: the unit above the owner at `depth`' }),
      depth: z.coerce.number().int().min(1).max(20).default(2).meta({ description: 'of regions in the organisation; 1 is its root' }),
      process: process.optional().meta({ description: 'family of a process (all its versions), or the id of one version' }),
      date: z
        .enum(['opened', 'closed'])
        .default('opened')
        .meta({ description: 'which day of a deal the period and the months go by; `closed` leaves open deals out' }),
      ...scope,
      limit: z.coerce.number().int().min(1).max(1000).default(200),
    })
    .refine(...forward),
  answer: SalesFiguresView,
})

defineProblems({
  'period.backward': { en: 'The period is empty. "from" must be before "to".', 'zh-CN': '期间为空。from 必须早于 to。' },
})
