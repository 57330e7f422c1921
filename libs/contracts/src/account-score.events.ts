import { z } from 'zod'
import { defineEvent } from './event.js'
import { grade } from './lead.events.js'
import { id } from './shapes.js'

const points = z.number().int().min(0).max(100)

export const AccountScored = defineEvent(
  'account.scored',
  1,
  z.object({
    accountId: id('account'),
    ownerId: id('user').nullable(),
    score: points,
    grade,
    before: z.object({ score: points, grade }).nullable().meta({ description: 'what was told of it last; null: nothing yet' }),
    scorecardId: id('account_scorecard'),
    because: z.enum(['first', 'grade', 'score']).meta({
      description: 'it has a score for the first time, another grade, or a score that is 10 points or more away from what was told',
    }),
  }),
  'An account has another grade, or a score well away from what was told last. Smaller changes are in its history only.',
)
