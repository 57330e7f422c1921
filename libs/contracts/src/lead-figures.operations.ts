import { z } from 'zod'
import { permission, salesReaders } from './access.js'
import { deadlineKinds } from './clock.operations.js'
import { defineOperation } from './operation.js'
import { day, decimal, id, instant, line } from './shapes.js'

const read = permission('lead_figures.read', salesReaders)
const count = z.number().int()

/** Ways to tell leads apart. */
export const leadGroupings = ['none', 'source', 'campaign', 'channel', 'owner', 'unit', 'month'] as const

const period = {
  from: day.optional().meta({ description: 'first day, in the company’s time zone' }),
  to: day.optional().meta({ description: 'the day after the last one, in the company’s time zone' }),
  ownerId: id('user').optional().meta({ description: 'leads that this person has, or had last' }),
}
const forward = [
  ({ from, to }: { from?: string | undefined; to?: string | undefined }) => !from || !to || from < to,
  'period.backward',
] as const

const percent = decimal.nullable()
const minutes = count.nullable()

/** What became of the leads that were captured in a period: each is counted in all that it ever reached, until now. */
export const LeadFigures = z
  .object({
    captured: count.meta({ description: 'leads captured in the period; one that was merged counts with the one it is part of' }),
    assigned: count.meta({ description: 'of those, leads that somebody owns or owned' }),
    worked: count.meta({
      description: 'of those, leads that somebody dealt with: began to work, had a contact, planned a step, let it rest, or more',
    }),
    qualified: count.meta({ description: 'of those, leads that were worth a deal at some time, also when they were given up later' }),
    converted: count.meta({ description: 'of those, leads that became a customer’s deal' }),
    disqualified: count.meta({ description: 'of those, leads that are given up now' }),
    pooled: count.meta({ description: 'of those, leads that were in a pool at some time' }),
    responded: count.meta({ description: 'of those, leads whose first response was measured; base of the two below' }),
    medianResponseMinutes: minutes.meta({
      description: 'working minutes of the owner, from the assignment, within which half of them were dealt with',
    }),
    p90ResponseMinutes: minutes.meta({ description: 'within which nine of ten were' }),
    workedPct: percent.meta({ description: 'worked / assigned in %, half up to one decimal; null when none was assigned' }),
    qualifiedPct: percent.meta({ description: 'qualified / worked in %; null when none was worked' }),
    convertedPct: percent.meta({ description: 'converted / captured in %; null when none was captured' }),
  })
  .meta({ id: 'LeadFigures' })

export const getLeadFigures = defineOperation({
  id: 'getLeadFigures',
  service: 'lead',
  method: 'GET',
  path: '/v1/lead-figures',
  summary:
    'What became of the leads that were captured in a period, in all and told apart. A lead belongs to who has it, or had it last; one sees those of whom one leads.',
  rule: read,
  query: z
    .strictObject({
      ...period,
      groupBy: z
        .enum(leadGroupings)
        .default('none')
        .meta({ description: 'unit: of the owner today; month: of the capture, in the company’s time zone' }),
      source: line(100).optional(),
      campaign: line(100).optional(),
      unitId: id('org_unit').optional().meta({ description: 'leads whose owner belongs today to this unit or one below it' }),
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .max(500)
        .default(100)
        .meta({ description: 'groups at most: the ones with the most leads; months in their order' }),
    })
    .refine(...forward),
  answer: z.object({
    total: LeadFigures,
    groups: count.meta({ description: 'how many groups there are' }),
    data: z.array(
      LeadFigures.extend({
        key: z
          .string()
          .nullable()
          .meta({ description: 'source, campaign, channel, id of the owner or unit, or month; null: leads without' }),
        name: z.string().nullable(),
      }),
    ),
  }),
})

export const listNeglectedLeads = defineOperation({
  id: 'listNeglectedLeads',
  service: 'lead',
  method: 'GET',
  path: '/v1/lead-figures/neglected',
  summary: 'Leads that were taken from their owner because nothing was done in time, the latest first.',
  rule: read,
  query: z
    .strictObject({
      ...period,
      ownerId: id('user').optional().meta({ description: 'who lost the lead' }),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().max(100).optional().meta({ description: 'where the page begins: `next` of the page before' }),
    })
    .refine(...forward),
  answer: z.object({
    data: z.array(
      z.object({
        leadId: id('lead'),
        companyName: z.string().nullable(),
        ownerId: id('user').meta({ description: 'who lost it' }),
        ownerName: z.string().nullable(),
        what: z.enum(deadlineKinds).meta({ description: 'what was not done' }),
        since: instant.nullable().meta({ description: 'since when nothing was done' }),
        dueAt: instant,
        pooledAt: instant,
        waitedMinutes: count.meta({ description: 'working minutes of the owner in which nothing was done' }),
        poolId: id('pool'),
        status: z.string().meta({ description: 'what the lead is now' }),
      }),
    ),
    next: z.string().nullable(),
  }),
})
