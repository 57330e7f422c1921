import { z } from 'zod'
import { defineEvent } from './event.js'
import { id, instant } from './shapes.js'

const invitation = {
  invitationId: id('survey_invitation'),
  surveyId: id('survey'),
  kind: z.enum(['csat', 'nps']),
  accountId: id('account'),
  contactId: id('contact'),
  ownerId: id('user').nullable().meta({ description: 'who was responsible for the account when the survey was sent' }),
}

export const SurveySent = defineEvent(
  'survey_invitation.sent',
  1,
  z.object({ ...invitation, expiresAt: instant }),
  'A contact was given the link to a survey; sent again, it has a new link. The link itself is not told.',
)
export const SurveyAnswered = defineEvent(
  'survey_invitation.answered',
  1,
  z.object({ ...invitation, score: z.number().int().meta({ description: 'CSAT 1 to 5, NPS 0 to 10' }) }),
  'A contact answered a survey. What they wrote beside the score stays in the account service.',
)
