import { z } from 'zod'
import { everybody, permission, salesReaders } from './access.js'
import { grade } from './lead.events.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { gradeLimits, previewedScores, ruleFields, scorecardStatuses, scoringRule } from './scorecard.operations.js'
import { id, instant, line } from './shapes.js'

const rule = scoringRule(
  'AccountScoringRule',
  'CEL over the fields of `account`; see /v1/account-scorecards/fields',
  'account.orderedAmount >= 100000 && account.daysSinceActivity < 30',
)
const whole = z.number().int()

const part = (description: string) =>
  z
    .strictObject({
      most: whole.min(0).max(100).meta({ description: 'the part gives so many points at most, and never less than none' }),
      rules: z.array(rule).max(100),
    })
    .meta({ description })

const parts = z
  .strictObject({
    fit: part('how well the company suits us'),
    value: part('what it is worth to us'),
    behaviour: part('how it behaves, and what is done with it'),
  })
  .refine(({ fit, value, behaviour }) => fit.most + value.most + behaviour.most <= 100, { message: 'account_scorecard.too_many_points' })
  .refine(({ fit, value, behaviour }) => fit.rules.length + value.rules.length + behaviour.rules.length > 0, {
    message: 'account_scorecard.no_rules',
  })
  .meta({ id: 'AccountScorecardParts' })

const base = { name: line(100), parts, grades: gradeLimits }
const usual = { a: 75, b: 50, c: 25 }

export const AccountScorecardView = z
  .object({
    id: id('account_scorecard'),
    version: whole,
    name: z.string(),
    status: z.enum(scorecardStatuses),
    parts,
    grades: gradeLimits,
    rescoring: z
      .object({ done: whole, of: whole })
      .nullable()
      .meta({ description: 'accounts that were scored anew since it was activated, or tonight, of those there were; null: all are' }),
    activatedAt: instant.nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'AccountScorecard' })

const read = permission('account_scorecard.read', everybody)
const keep = permission('account_scorecard.change', { administrator: 'company', sales_ops: 'company' })
const one = { service: 'account', params: z.object({ id: id('account_scorecard') }), answer: AccountScorecardView } as const

export const draftAccountScorecard = defineOperation({
  id: 'draftAccountScorecard',
  service: 'account',
  method: 'POST',
  path: '/v1/account-scorecards',
  summary: 'Drafts the rules by which accounts get a score from 0 to 100 and a grade from A to D. It scores nothing until it is activated.',
  rule: keep,
  body: z.strictObject({ ...base, grades: gradeLimits.default(usual) }).meta({ id: 'DraftAccountScorecard' }),
  answer: AccountScorecardView,
})

export const listAccountScorecards = defineList({
  id: 'listAccountScorecards',
  service: 'account',
  path: '/v1/account-scorecards',
  summary: 'Scorecards of accounts: the active one, drafts, and those that were active before.',
  rule: read,
  item: AccountScorecardView,
  filters: { status: scorecardStatuses, name: 'text' },
  sorts: ['id', 'name'],
})

export const getAccountScorecard = defineOperation({
  ...one,
  id: 'getAccountScorecard',
  method: 'GET',
  path: '/v1/account-scorecards/{id}',
  summary: 'One scorecard of accounts, and how far the accounts are scored by it.',
  rule: read,
})

export const changeAccountScorecard = defineOperation({
  ...one,
  id: 'changeAccountScorecard',
  method: 'PATCH',
  path: '/v1/account-scorecards/{id}',
  summary: 'Changes a draft. One that was active is never changed, as scores name it: draft a new one.',
  rule: keep,
  body: z.strictObject(base).partial().meta({ id: 'ChangeAccountScorecard' }),
})

export const activateAccountScorecard = defineOperation({
  ...one,
  id: 'activateAccountScorecard',
  method: 'POST',
  path: '/v1/account-scorecards/{id}/activate',
  summary:
    'From now on accounts are scored by this one, within seconds of what happens to them; the one before is retired. All are scored anew in the background: see `rescoring`.',
  rule: keep,
})

export const previewAccountScorecard = defineOperation({
  id: 'previewAccountScorecard',
  service: 'account',
  method: 'POST',
  path: '/v1/account-scorecards/preview',
  summary: 'What these rules would make of the newest accounts, against the grades they have. Nothing is changed.',
  rule: keep,
  transaction: false,
  status: 200,
  body: z
    .strictObject({
      parts,
      grades: gradeLimits.default(usual),
      last: whole.min(1).max(5_000).default(1_000).meta({ description: 'how many of the newest accounts are looked at' }),
    })
    .meta({ id: 'PreviewAccountScorecard' }),
  answer: z
    .object({
      accounts: whole,
      changed: whole.meta({ description: 'accounts whose grade would be another' }),
      ...previewedScores('accounts'),
      examples: z
        .array(
          z.object({
            accountId: id('account'),
            name: z.string(),
            from: z.object({ score: whole.nullable(), grade: grade.nullable() }),
            to: z.object({ score: whole, grade }),
          }),
        )
        .meta({ description: 'some whose grade would be another, the largest change of the score first' }),
    })
    .meta({ id: 'AccountScorecardPreview' }),
})

export const listAccountScoringFields = defineOperation({
  id: 'listAccountScoringFields',
  service: 'account',
  method: 'GET',
  path: '/v1/account-scorecards/fields',
  summary: 'What rules about accounts can ask for, with the kind of each field. Amounts are in the company’s currency.',
  rule: read,
  answer: ruleFields,
})

const partNames = ['fit', 'value', 'behaviour'] as const

export const explainAccountScore = defineOperation({
  id: 'explainAccountScore',
  service: 'account',
  method: 'GET',
  path: '/v1/accounts/{id}/score',
  summary: 'How an account came to its score: each rule that gave it points, part by part; and how its score changed, the latest first.',
  rule: permission('account.read_score', salesReaders),
  params: z.object({ id: id('account') }),
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'changes of a page at most' }),
    cursor: id('account_score_change').optional().meta({ description: 'where the page of changes begins: `next` of the page before' }),
  }),
  answer: z
    .object({
      accountId: id('account'),
      score: whole.nullable(),
      grade: grade.nullable(),
      scorecardId: id('account_scorecard').nullable(),
      scoredAt: instant.nullable().meta({ description: 'when what it is made of was another last' }),
      parts: z.array(
        z.object({
          part: z.enum(partNames),
          points: whole.meta({ description: 'of the rules together, held between 0 and `most`' }),
          most: whole,
          rules: z.array(z.object({ name: z.string(), points: whole })),
        }),
      ),
      history: z.object({
        data: z.array(
          z.object({
            at: instant,
            from: z.object({ score: whole, grade }).nullable().meta({ description: 'null: it had no score' }),
            to: z.object({ score: whole, grade }),
            scorecardId: id('account_scorecard'),
            parts: z.array(z.object({ part: z.enum(partNames), points: whole })),
          }),
        ),
        next: z.string().nullable(),
      }),
    })
    .meta({ id: 'AccountScoreExplained' }),
})

defineProblems({
  'account_scorecard.too_many_points': {
    en: 'The parts give more than 100 points together. Lower `most` of some of them.',
    'zh-CN': '各部分的上限之和超过 100 分。请降低其中某些部分的 most。',
  },
  'account_scorecard.no_rules': {
    en: 'The scorecard has no rule. Give at least one part a rule.',
    'zh-CN': '评分卡没有任何规则。请至少为一个部分填写规则。',
  },
})
