import { z } from 'zod'
import { customInEvents } from './custom-field.operations.js'
import { defineEvent } from './event.js'
import { id, instant, line, money, text } from './shapes.js'

/** How good a lead is by the company's own rules: A is best. */
export const grade = z.enum(['A', 'B', 'C', 'D'])

const lead = z.object({
  leadId: id('lead'),
  companyName: line(200).nullable(),
  contactName: line(200).nullable(),
  ownerId: id('user').nullable(),
  source: line(100).nullable(),
  channel: line(100).nullable(),
  campaign: line(100).nullable(),
  score: z.number().int().min(0).max(100).nullable().optional(),
  grade: grade.nullable().optional(),
  tags: z.array(z.string().max(60)).optional(),
  custom: customInEvents,
})

export const LeadCaptured = defineEvent('lead.captured', 1, lead, 'A new interest of a person or company was recorded.')
export const LeadChanged = defineEvent('lead.changed', 1, lead, 'Base data of a lead changed.')
export const LeadScored = defineEvent(
  'lead.scored',
  1,
  z.object({ leadId: id('lead'), score: z.number().int().min(0).max(100), grade, scorecardId: id('scorecard') }),
  'The score or grade of a lead became another, as the rules changed. Scores of new and changed leads are in `lead.captured` and `lead.changed`.',
)
export const LeadAssigned = defineEvent(
  'lead.assigned',
  1,
  z.object({ leadId: id('lead'), ownerId: id('user') }),
  'A rep became responsible for a lead.',
)
export const LeadWorked = defineEvent(
  'lead.worked',
  1,
  z.object({ leadId: id('lead'), ownerId: id('user') }),
  'The owner began to work on a lead.',
)
export const LeadQualified = defineEvent(
  'lead.qualified',
  1,
  z.object({ leadId: id('lead'), ownerId: id('user') }),
  'A lead turned out to be worth a deal.',
)
export const LeadPooled = defineEvent(
  'lead.pooled',
  1,
  z.object({ leadId: id('lead'), poolId: id('pool'), formerOwnerId: id('user').nullable(), reason: z.string().max(100) }),
  'A lead went into a pool: nobody owns it until somebody claims it.',
)
export const LeadClaimed = defineEvent(
  'lead.claimed',
  1,
  z.object({ leadId: id('lead'), poolId: id('pool'), ownerId: id('user') }),
  'Somebody took a lead out of its pool and owns it now. `lead.assigned` tells it, too.',
)
export const LeadContacted = defineEvent(
  'lead.contacted',
  1,
  z.object({ leadId: id('lead'), ownerId: id('user').nullable(), reached: z.boolean(), failedAttempts: z.number().int() }),
  'Somebody spoke with the customer, or could not reach anybody.',
)
export const LeadStepPlanned = defineEvent(
  'lead.step_planned',
  1,
  z.object({ leadId: id('lead'), ownerId: id('user').nullable(), dueAt: instant.nullable() }),
  'The owner said what they are going to do about a lead, and until when.',
)

const deadline = z.object({
  leadId: id('lead'),
  ownerId: id('user'),
  /** `first_response` or `next_step`. */
  what: z.string().max(40),
  dueAt: instant,
})
export const LeadReminded = defineEvent('lead.reminded', 1, deadline, 'The owner has to do something about a lead soon.')
export const LeadOverdue = defineEvent(
  'lead.overdue',
  1,
  deadline.extend({ poolId: id('pool').nullable() }),
  'The owner did nothing about a lead in time; with a pool, it goes there and `lead.pooled` tells it, too.',
)

export const LeadNurtured = defineEvent(
  'lead.nurtured',
  1,
  z.object({ leadId: id('lead'), ownerId: id('user').nullable(), wakeAt: instant }),
  'A lead rests, as it is too early for a deal; it comes back on its day.',
)
export const LeadWoken = defineEvent(
  'lead.woken',
  1,
  z.object({ leadId: id('lead'), ownerId: id('user').nullable() }),
  'The day has come on which a resting lead was to be looked at again.',
)
export const LeadDisqualified = defineEvent(
  'lead.disqualified',
  1,
  z.object({ leadId: id('lead'), reason: z.string().max(100), note: text(2000).nullable() }),
  'A lead was given up, with the reason.',
)
export const LeadReopened = defineEvent(
  'lead.reopened',
  1,
  z.object({ leadId: id('lead') }),
  'A lead that was given up is looked at again.',
)

export const LeadMerged = defineEvent(
  'lead.merged',
  1,
  z.object({ leadId: id('lead'), into: id('lead') }),
  'A lead turned out to be the same as another one and became part of it; whoever knows it by its id goes on with that one.',
)

export const LeadKeptApart = defineEvent(
  'lead.kept_apart',
  1,
  z.object({ leadId: id('lead'), otherId: id('lead') }),
  'Somebody said that a lead is not the other one, though they look the same.',
)

/** A lead became a customer's deal. The ids are minted here, so that nobody has to answer. */
export const LeadConverted = defineEvent(
  'lead.converted',
  1,
  z.object({
    leadId: id('lead'),
    ownerId: id('user'),
    account: z.object({ id: id('account'), name: line(200), isNew: z.boolean() }),
    contact: z
      .object({
        id: id('contact'),
        name: line(200),
        email: z.string().max(320).nullable(),
        phone: z.string().max(40).nullable(),
        isNew: z.boolean(),
      })
      .nullable(),
    opportunity: z.object({ id: id('opportunity'), title: line(200), amount: money.nullable(), isNew: z.boolean() }).nullable(),
    source: line(100).nullable(),
    custom: customInEvents,
  }),
  'A lead became a customer’s deal: account, contact and opportunity with these ids exist from now on.',
)
