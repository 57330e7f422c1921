import { aggregateSchema } from '@millrace/service'
import { SurveyInvitation } from './invitation.js'
import { Survey } from './survey.js'

export const SurveySchema = aggregateSchema(Survey, 'survey', {
  kind: 'text',
  name: 'text',
  question: 'json',
  commentQuestion: 'json?',
  expiresInDays: 'integer',
  active: 'boolean',
})

export const SurveyInvitationSchema = aggregateSchema(SurveyInvitation, 'survey_invitation', {
  surveyId: 'text',
  kind: 'text',
  accountId: 'text',
  contactId: 'text',
  responsibleId: 'text?',
  sentById: 'text?',
  status: 'text',
  tokenHash: 'text',
  sentAt: 'instant',
  expiresAt: 'instant',
  score: 'integer?',
  comment: 'text?',
  answeredAt: 'instant?',
})
