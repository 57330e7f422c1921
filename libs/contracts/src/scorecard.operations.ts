import { z } from 'zod'
import { everybody, permission, salesReaders } from './access.js'
import { grade } from './lead.events.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, line } from './shapes.js'

/** A rule of a scorecard: so many points for records on which a condition holds. */
export const scoringRule = (id: string, description: string, example: string) =>
  z
    .strictObject({
      name: line(100).meta({ description: 'what the points are for; shown beside every record that gets them' }),
      condition: z
        .string()
        .trim()
        .min(1)
        .max(2000)
        .meta({ description, examples: [example] }),
      points: z.number().int().min(-100).max(100),
    })
    .meta({ id })

const rule = scoringRule(
  'ScoringRule',
  'CEL over the fields of `lead`; see /v1/scorecards/fields',
  'lead.country == "CN" && lead.source in ["fair", "referral"]',
)

/** From which score on a record has which grade. */
export const gradeLimits = z
  .strictObject({ a: z.number().int().min(1).max(100), b: z.number().int().min(1).max(100), c: z.number().int().min(1).max(100) })
  .refine(({ a, b, c }) => a > b && b > c, { message: 'scorecard.grades_descend' })
  .meta({ id: 'GradeLimits', description: 'the lowest score of grades A, B and C; whatever is below C is D' })

const rules = z.array(rule).min(1).max(200)
const base = { name: line(100), rules, grades: gradeLimits }
/** States of a scorecard: one is active at a time. */
export const scorecardStatuses = ['draft', 'active', 'retired'] as const

export const ScorecardView = z
  .object({
    id: id('scorecard'),
    version: z.number().int(),
    name: z.string(),
    status: z.enum(scorecardStatuses),
    rules,
    grades: gradeLimits,
    rescoring: z
      .object({ done: z.number().int(), of: z.number().int() })
      .nullable()
      .meta({ description: 'open leads that were scored anew since it was activated, of those there were; null: all are' }),
    activatedAt: instant.nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Scorecard' })

const read = permission('scorecard.read', everybody)
const keep = permission('scorecard.change', { administrator: 'company', sales_ops: 'company' })
const one = { service: 'lead', params: z.object({ id: id('scorecard') }), answer: ScorecardView } as const

export const draftScorecard = defineOperation({
  id: 'draftScorecard',
  service: 'lead',
  method: 'POST',
  path: '/v1/scorecards',
  summary: 'Drafts the rules by which leads get a score from 0 to 100 and a grade from A to D. It scores nothing until it is activated.',
  rule: keep,
  body: z.strictObject({ ...base, grades: gradeLimits.default({ a: 75, b: 50, c: 25 }) }).meta({ id: 'DraftScorecard' }),
  answer: ScorecardView,
})

export const listScorecards = defineList({
  id: 'listScorecards',
  service: 'lead',
  path: '/v1/scorecards',
  summary: 'Scorecards: the active one, drafts, and those that were active before.',
  rule: read,
  item: ScorecardView,
  filters: { status: scorecardStatuses, name: 'text' },
  sorts: ['id', 'name'],
})

export const getScorecard = defineOperation({
  ...one,
  id: 'getScorecard',
  method: 'GET',
  path: '/v1/scorecards/{id}',
  summary: 'One scorecard, and how far the leads are scored by it.',
  rule: read,
})

export const changeScorecard = defineOperation({
  ...one,
  id: 'changeScorecard',
  method: 'PATCH',
  path: '/v1/scorecards/{id}',
  summary: 'Changes a draft. One that was active is never changed, as leads name it: draft a new one.',
  rule: keep,
  body: z.strictObject(base).partial().meta({ id: 'ChangeScorecard' }),
})

export const activateScorecard = defineOperation({
  ...one,
  id: 'activateScorecard',
  method: 'POST',
  path: '/v1/scorecards/{id}/activate',
  summary:
    'From now on leads are scored by this one; the one before is retired. Open leads are scored anew in the background: see `rescoring`.',
  rule: keep,
})

/** What a preview of a scorecard counts. */
export const previewedScores = (records: string) => ({
  grades: z.array(z.object({ grade, now: z.number().int(), then: z.number().int() })),
  ungraded: z
    .number()
    .int()
    .meta({ description: `${records} that have no grade now` }),
  rules: z.array(
    z.object({
      name: z.string(),
      holds: z.number().int(),
      unknown: z
        .number()
        .int()
        .meta({ description: `${records} that lack what the rule asks for` }),
    }),
  ),
})

/** What rules can ask for, with the kind of each field. */
export const ruleFields = z.object({
  data: z.array(z.object({ field: z.string(), kind: z.enum(['text', 'number', 'flag', 'instant', 'texts']) })),
  next: z.null(),
})

export const previewScorecard = defineOperation({
  id: 'previewScorecard',
  service: 'lead',
  method: 'POST',
  path: '/v1/scorecards/preview',
  summary: 'What these rules would make of the newest leads, against the scores they have. Nothing is changed.',
  rule: keep,
  transaction: false,
  status: 200,
  body: z
    .strictObject({
      rules,
      grades: base.grades.default({ a: 75, b: 50, c: 25 }),
      last: z.number().int().min(1).max(5_000).default(1_000).meta({ description: 'how many of the newest leads are looked at' }),
    })
    .meta({ id: 'PreviewScorecard' }),
  answer: z
    .object({
      leads: z.number().int(),
      changed: z.number().int().meta({ description: 'leads whose grade would be another' }),
      ...previewedScores('leads'),
      examples: z
        .array(
          z.object({
            leadId: id('lead'),
            companyName: z.string().nullable(),
            from: z.object({ score: z.number().int().nullable(), grade: grade.nullable() }),
            to: z.object({ score: z.number().int(), grade }),
          }),
        )
        .meta({ description: 'some whose grade would be another, the largest change of the score first' }),
    })
    .meta({ id: 'ScorecardPreview' }),
})

export const listScoringFields = defineOperation({
  id: 'listScoringFields',
  service: 'lead',
  method: 'GET',
  path: '/v1/scorecards/fields',
  summary: 'What rules about leads can ask for, with the kind of each field.',
  rule: read,
  answer: ruleFields,
})

export const explainScore = defineOperation({
  id: 'explainScore',
  service: 'lead',
  method: 'GET',
  path: '/v1/leads/{id}/score',
  summary: 'How a lead came to its score: each rule that gave it points, and beside them the chance by the learnt model in use.',
  rule: permission('lead.read_score', salesReaders),
  params: z.object({ id: id('lead') }),
  answer: z
    .object({
      leadId: id('lead'),
      score: z.number().int().nullable(),
      grade: grade.nullable(),
      scorecardId: id('scorecard').nullable(),
      parts: z.array(z.object({ name: z.string(), points: z.number().int() })),
      sum: z.number().int().meta({ description: 'of the points; the score is held between 0 and 100' }),
      learnt: z
        .object({
          modelId: id('score_model'),
          chance: z.string().meta({ description: 'share of 1', examples: ['0.4211'] }),
          drivers: z.array(z.object({ field: z.string(), value: z.string().nullable(), moves: z.string() })),
        })
        .nullable()
        .meta({ description: 'the chance by the model in use, and what moves it: added to the log of the odds' }),
    })
    .meta({ id: 'ScoreExplained' }),
})

defineProblems({
  'scorecard.grades_descend': {
    en: 'The lowest scores of the grades have to go down. A is above B, and B above C.',
    'zh-CN': '等级的最低分须依次递减。A 高于 B,B 高于 C。',
  },
  'scorecard.not_draft': {
    en: 'Only a draft can be changed. This scorecard is {status}; draft a new one.',
    'zh-CN': '只有草稿可以修改。该评分卡当前为 {status};请新建草稿。',
  },
  'scorecard.rule': {
    en: 'A rule cannot be used. "{name}", at position {position}: {reason}.',
    'zh-CN': '有一条规则无法使用。“{name}”,位置 {position}:{reason}。',
  },
})
