import { z } from 'zod'
import { everybody, permission, salesReaders, salesWriters } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, decimal, id, instant, language, line, text } from './shapes.js'

const kinds = ['csat', 'nps'] as const
const statuses = ['sent', 'answered'] as const

const words = z.strictObject({ en: line(300), 'zh-CN': line(300) }).meta({ id: 'SurveyWords', description: 'a text in both languages' })
const kind = z.enum(kinds).meta({ description: '`csat`: satisfaction, 1 to 5; `nps`: readiness to recommend us, 0 to 10' })
const base = {
  name: line(100),
  question: words,
  commentQuestion: words.nullable().meta({ description: 'what is asked beside the score; null: nothing' }),
  expiresInDays: z.number().int().min(1).max(365).meta({ description: 'for so many days after it was sent it can be answered' }),
}

export const SurveyView = z
  .object({
    id: id('survey'),
    version: z.number().int(),
    kind,
    ...base,
    active: z.boolean(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Survey' })

export const SurveyInvitationView = z
  .object({
    id: id('survey_invitation'),
    version: z.number().int(),
    surveyId: id('survey'),
    kind,
    accountId: id('account'),
    contactId: id('contact'),
    ownerId: id('user').nullable().meta({ description: 'who was responsible for the account when it was sent' }),
    sentById: id('user').nullable().meta({ description: 'null: a program sent it' }),
    status: z.enum(statuses),
    sentAt: instant,
    expiresAt: instant.meta({ description: 'until then it can be answered' }),
    score: z.number().int().nullable(),
    comment: z.string().nullable(),
    answeredAt: instant.nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'SurveyInvitation' })

const keep = permission('survey.change', {
  administrator: 'company',
  sales_ops: 'company',
  integrator: 'company',
  sales_manager: 'company',
})
const one = { service: 'account', params: z.object({ id: id('survey') }), answer: SurveyView } as const
const readAnswers = permission('survey.read_answers', salesReaders)

export const createSurvey = defineOperation({
  id: 'createSurvey',
  service: 'account',
  method: 'POST',
  path: '/v1/surveys',
  summary: 'A question to customers with one score, and what is asked beside it.',
  rule: keep,
  body: z
    .strictObject({
      kind,
      ...base,
      commentQuestion: base.commentQuestion.default(null),
      expiresInDays: base.expiresInDays.default(30),
    })
    .meta({ id: 'CreateSurvey' }),
  answer: SurveyView,
})

export const listSurveys = defineList({
  id: 'listSurveys',
  service: 'account',
  path: '/v1/surveys',
  summary: 'Surveys.',
  rule: permission('survey.read', everybody),
  item: SurveyView,
  filters: { name: 'text', kind: kinds, active: 'boolean' },
  sorts: ['id', 'name'],
})

export const getSurvey = defineOperation({
  ...one,
  id: 'getSurvey',
  method: 'GET',
  path: '/v1/surveys/{id}',
  summary: 'One survey.',
  rule: permission('survey.read_one', everybody),
})

export const changeSurvey = defineOperation({
  ...one,
  id: 'changeSurvey',
  method: 'PATCH',
  path: '/v1/surveys/{id}',
  summary: 'Changes a survey. Its kind stays. One that is not active is not sent any more; what was sent can still be answered.',
  rule: keep,
  body: z
    .strictObject({ ...base, active: z.boolean() })
    .partial()
    .meta({ id: 'ChangeSurvey' }),
})

export const sendSurvey = defineOperation({
  ...one,
  id: 'sendSurvey',
  method: 'POST',
  path: '/v1/surveys/{id}/send',
  summary:
    'Invites a contact to a survey and answers the link, once: who calls passes it on. Sent again before it was answered or has expired, the invitation is the same with a new link, and the old link is worth nothing. An Idempotency-Key has no effect here: its answer would keep the link.',
  rule: permission('survey.send', salesWriters),
  transaction: false,
  body: z.strictObject({ contactId: id('contact') }).meta({ id: 'SendSurvey' }),
  answer: z
    .object({
      invitation: SurveyInvitationView,
      link: z.string().meta({ description: 'where the contact answers; only its hash is kept' }),
    })
    .meta({ id: 'SentSurvey' }),
})

export const listSurveyInvitations = defineList({
  id: 'listSurveyInvitations',
  service: 'account',
  path: '/v1/survey-invitations',
  summary:
    'Surveys that were sent, and their answers, of the accounts that the caller sees. `ownerId` is who was responsible when it was sent.',
  rule: readAnswers,
  item: SurveyInvitationView,
  filters: {
    surveyId: 'exact',
    kind: kinds,
    accountId: 'exact',
    contactId: 'exact',
    ownerId: 'exact',
    status: statuses,
    score: 'number',
    sentAt: 'instant',
    answeredAt: 'instant',
  },
  sorts: ['id', 'sentAt', 'answeredAt'],
})

export const getSurveyInvitation = defineOperation({
  id: 'getSurveyInvitation',
  service: 'account',
  method: 'GET',
  path: '/v1/survey-invitations/{id}',
  summary: 'A survey that was sent, and its answer.',
  rule: permission('survey.read_answer', salesReaders),
  params: z.object({ id: id('survey_invitation') }),
  answer: SurveyInvitationView,
})

const count = z.number().int()
const figures = {
  sent: count,
  answered: count,
  responsePercent: decimal.nullable().meta({ description: 'answered of sent, in percent with one decimal; null: none was sent' }),
  promoters: count.meta({ description: 'NPS: 9 and 10' }),
  passives: count.meta({ description: 'NPS: 7 and 8' }),
  detractors: count.meta({ description: 'NPS: 0 to 6' }),
  nps: decimal
    .nullable()
    .meta({ description: 'NPS: promoters less detractors of all answers, −100 to 100 with one decimal; null: no answer' }),
  satisfied: count.meta({ description: 'CSAT: 4 and 5' }),
  csatPercent: decimal.nullable().meta({ description: 'CSAT: satisfied of all answers, in percent with one decimal; null: no answer' }),
}
export const SurveyFigures = z.object(figures).meta({ id: 'SurveyFigures' })

export const getSurveyFigures = defineOperation({
  id: 'getSurveyFigures',
  service: 'account',
  method: 'GET',
  path: '/v1/surveys/{id}/figures',
  summary:
    'What came of a survey that was sent in a period, of the accounts that the caller sees: in all, by month and by who was responsible when it was sent. Shares are rounded half up from exact counts.',
  rule: permission('survey.read_figures', salesReaders),
  params: z.object({ id: id('survey') }),
  query: z.strictObject({
    from: day.optional().meta({ description: 'first day, in the company’s zone; none: the first of the month eleven months ago' }),
    to: day.optional().meta({ description: 'last day; none: today' }),
  }),
  answer: z.object({
    surveyId: id('survey'),
    kind,
    from: day,
    to: day,
    total: SurveyFigures,
    months: z.array(SurveyFigures.extend({ month: z.string().meta({ examples: ['2026-11'] }) })),
    owners: z.array(SurveyFigures.extend({ ownerId: id('user').nullable() })),
  }),
})

const token = z.object({ token: z.string().regex(/^[A-Za-z0-9_-]{20,40}$/, { message: 'id.malformed' }) })

export const readPublicSurvey = defineOperation({
  id: 'readPublicSurvey',
  service: 'account',
  method: 'GET',
  path: '/v1/public-surveys/{token}',
  summary: 'What a survey asks, for who has its link. Reading answers nothing.',
  rule: 'public',
  params: token,
  answer: z.object({
    state: z.enum(['open', 'answered', 'expired']),
    kind,
    question: words,
    commentQuestion: words.nullable(),
    lowest: z.number().int(),
    highest: z.number().int(),
    expiresAt: instant,
  }),
})

export const answerPublicSurvey = defineOperation({
  id: 'answerPublicSurvey',
  service: 'account',
  method: 'POST',
  path: '/v1/public-surveys/{token}/answer',
  summary: 'Answers a survey, once.',
  rule: 'public',
  params: token,
  transaction: false,
  body: z
    .strictObject({
      score: z.number().int().min(0).max(10),
      comment: text(2000).nullable().default(null),
      language: language.optional(),
    })
    .meta({ id: 'AnswerSurvey' }),
  answer: z.object({ received: z.literal(true), thanks: z.string() }),
})

export const showPublicSurvey = defineOperation({
  id: 'showPublicSurvey',
  service: 'account',
  method: 'GET',
  path: '/v1/public-surveys/{token}/page',
  summary:
    'The page on which a contact answers: Chinese or English by `lang`, else by Accept-Language. It says so when the link was used, has expired or is none.',
  rule: 'public',
  params: token,
  query: z.strictObject({ lang: language.optional() }),
  media: 'text/html',
})

export const embedPublicSurvey = defineOperation({
  id: 'embedPublicSurvey',
  service: 'account',
  method: 'GET',
  path: '/v1/public-surveys/{token}/page.js',
  summary: 'The script of that page; it sends the answer.',
  rule: 'public',
  params: token,
  media: 'text/javascript',
})

defineProblems({
  'survey.inactive': {
    en: 'This survey is not active. Activate it or send another one.',
    'zh-CN': '该调查未启用。请先启用,或发送其他调查。',
  },
  'survey.no_such_score': {
    en: 'This is not a score of the survey. Choose one from {lowest} to {highest}.',
    'zh-CN': '评分超出范围。请选择 {lowest} 到 {highest} 之间的分数。',
  },
  'survey.not_asked': { en: 'The survey asks for no comment. Send the score only.', 'zh-CN': '该调查没有意见栏。请只提交评分。' },
  'survey.unknown_link': {
    en: 'This link leads to no survey. It may have been replaced by a newer one; ask whoever sent it.',
    'zh-CN': '该链接没有对应的调查,可能已被新的链接取代。请联系发送人。',
  },
  'survey.already_answered': {
    en: 'This survey has been answered already. There is nothing left to do; ask for a new link to answer again.',
    'zh-CN': '该调查已经提交过答案,无需再次填写。如需重新填写,请索取新的链接。',
  },
  'survey.expired': {
    en: 'This survey has expired. Ask whoever sent it for a new link.',
    'zh-CN': '该调查已过期。请向发送人索取新的链接。',
  },
  'survey.period': {
    en: 'The period ends before it begins, or is longer than ten years. Choose other days.',
    'zh-CN': '期间无效:结束早于开始,或超过十年。请选择其他日期。',
  },
})
