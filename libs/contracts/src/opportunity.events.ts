import { z } from 'zod'
import { defineEvent } from './event.js'
import { day, decimal, id, line, money } from './shapes.js'

const stage = z.object({ key: z.string().max(60), name: line(100) })

const opportunity = z.object({
  opportunityId: id('opportunity'),
  title: line(200),
  accountId: id('account').nullable(),
  ownerId: id('user').nullable(),
  processId: id('process'),
  stage,
  amount: money.nullable(),
  products: z.array(z.object({ productId: id('product'), name: line(200) })),
  expectedCloseOn: day.nullable(),
  source: line(100).nullable(),
  probability: decimal.optional().meta({ description: 'win probability by evidence, in %' }),
})

const names = z
  .object({ en: line(100), 'zh-CN': line(100) })
  .optional()
  .meta({ description: '`name` is the English one' })

export const ProcessPublished = defineEvent(
  'process.published',
  1,
  z.object({
    processId: id('process'),
    family: z.string().max(60).meta({ description: 'the same in all versions of one process' }),
    number: z.number().int().meta({ description: 'version of the process, from 1' }),
    name: line(100),
    names,
    stages: z.array(
      stage.extend({
        names,
        probability: decimal.meta({ description: 'ceiling of the win probability in the stage, in %' }),
        outcome: z.enum(['open', 'won']).optional().meta({ description: '`won`: a deal comes here by being won' }),
      }),
    ),
  }),
  'A version of a sales process is in use from now on.',
)
export const ProcessRetired = defineEvent(
  'process.retired',
  1,
  z.object({ processId: id('process'), family: z.string().max(60) }),
  'A version of a sales process takes no new deals; running deals keep it.',
)

export const OpportunityOpened = defineEvent(
  'opportunity.opened',
  1,
  opportunity,
  'A possible deal began in the first stage of its process.',
)
export const OpportunityChanged = defineEvent(
  'opportunity.changed',
  1,
  opportunity,
  'Title, account, amount, products, owner, expected day or evidence of a deal changed.',
)
export const StageEntered = defineEvent(
  'opportunity.stage_entered',
  1,
  z.object({
    opportunityId: id('opportunity'),
    processId: id('process'),
    from: stage,
    to: stage,
    direction: z.enum(['forward', 'back']),
    skipped: z.array(z.string().max(60)).meta({ description: 'keys of the stages that were passed over' }),
    probability: decimal.optional().meta({ description: 'win probability by evidence in the new stage, in %' }),
  }),
  'A deal moved to another stage of its process.',
)
export const OpportunityWon = defineEvent(
  'opportunity.won',
  1,
  z.object({
    opportunityId: id('opportunity'),
    processId: id('process'),
    stage,
    amount: money.nullable(),
    contractId: id('contract').nullable(),
    exemption: line(200).nullable().meta({ description: 'why it counts as won without a signed contract' }),
  }),
  'A deal was won.',
)
export const OpportunityLost = defineEvent(
  'opportunity.lost',
  1,
  z.object({
    opportunityId: id('opportunity'),
    processId: id('process'),
    stage,
    reason: z.string().max(60),
    competitor: line(200).nullable(),
  }),
  'A deal was lost, with the reason.',
)
