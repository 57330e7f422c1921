import { aggregateSchema } from '@millrace/service'
import { ScoreModel } from './score-model.js'

export const ScoreModelSchema = aggregateSchema(ScoreModel, 'score_model', {
  status: 'text',
  success: 'text',
  among: 'text',
  fields: 'json',
  training: 'json?',
  problem: 'text?',
})
