import { z } from 'zod'
import { permission } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant } from './shapes.js'

const statuses = ['training', 'trained', 'used', 'failed'] as const
const condition = z.string().trim().min(1).max(2000)
/** A share of 1 with four decimals. */
const share = z.string().meta({ pattern: '^\\d\\.\\d{4}$', examples: ['0.8125'] })

export const ScoreModelView = z
  .object({
    id: id('score_model'),
    version: z.number().int(),
    status: z.enum(statuses),
    success: z.string(),
    among: z.string(),
    fields: z.array(z.string()),
    problem: z.string().nullable().meta({ description: 'code of what kept it from being trained' }),
    training: z
      .object({
        leads: z.number().int(),
        successes: z.number().int(),
        heldOut: z
          .object({
            leads: z.number().int(),
            successes: z.number().int(),
            auc: share
              .nullable()
              .meta({ description: 'chance that of a success and a failure the success is ranked higher; 0.5 is a guess' }),
            calibration: z.array(z.object({ from: share, leads: z.number().int(), foretold: share, came: share })).meta({
              description: 'by tenths of the chance that was foretold: how many leads, what was foretold, what came',
            }),
          })
          .meta({ description: 'a quarter of the leads, on which nothing was learnt' }),
        drivers: z.array(z.object({ field: z.string(), value: z.string().nullable(), coefficient: z.string() })).meta({
          description:
            'what moves the chance, the strongest first: added to the log of the odds; of an amount, for each deviation from its mean',
        }),
      })
      .nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'ScoreModel' })

const keep = permission('score_model.train', { administrator: 'company', sales_ops: 'company' })
const read = permission('score_model.read', {
  administrator: 'company',
  sales_ops: 'company',
  sales_manager: 'company',
  executive: 'company',
})
const one = { service: 'lead', params: z.object({ id: id('score_model') }), answer: ScoreModelView } as const

export const trainScoreModel = defineOperation({
  id: 'trainScoreModel',
  service: 'lead',
  method: 'POST',
  path: '/v1/score-models',
  summary:
    'Learns from how the company’s newest leads ended (20,000 at most) what the chance of a lead depends on, in the background: logistic regression with plain coefficients.',
  rule: keep,
  body: z
    .strictObject({
      success: condition.default('lead.status in ["qualified", "converted"]').meta({ description: 'CEL: which of them ended well' }),
      among: condition
        .default('lead.status in ["qualified", "converted", "disqualified"]')
        .meta({ description: 'CEL: which leads are looked at; those that may still end either way teach nothing' }),
      fields: z
        .array(z.string().max(100))
        .min(1)
        .max(100)
        .optional()
        .meta({ description: 'what it may depend on, of /v1/scorecards/fields; all but what is known only at the end when not said' }),
    })
    .meta({ id: 'TrainScoreModel' }),
  answer: ScoreModelView,
})

export const listScoreModels = defineList({
  id: 'listScoreModels',
  service: 'lead',
  path: '/v1/score-models',
  summary: 'Models that were learnt.',
  rule: read,
  item: ScoreModelView,
  filters: { status: statuses },
  sorts: ['id'],
})

export const getScoreModel = defineOperation({
  ...one,
  id: 'getScoreModel',
  method: 'GET',
  path: '/v1/score-models/{id}',
  summary: 'One model: how good it is on leads that it had not seen, and what drives it.',
  rule: read,
})

export const useScoreModel = defineOperation({
  ...one,
  id: 'useScoreModel',
  method: 'POST',
  path: '/v1/score-models/{id}/use',
  summary: 'From now on each lead’s score is explained with the chance that this model gives it, beside the rules.',
  rule: keep,
})

defineProblems({
  'score_model.not_trained': {
    en: 'Only a trained model can be used. This one is {status}.',
    'zh-CN': '只有训练完成的模型才能使用。该模型当前为 {status}。',
  },
  'score_model.too_few': {
    en: 'There is too little to learn from. At least {least} leads that ended well and as many that did not are needed; there are {successes} and {failures}.',
    'zh-CN': '可供学习的数据太少。至少需要 {least} 条成功和同样多的失败线索;当前为 {successes} 和 {failures}。',
  },
  'score_model.nothing_told': {
    en: 'None of the fields tells leads apart. Choose others.',
    'zh-CN': '所选字段无法区分线索。请选择其他字段。',
  },
})
