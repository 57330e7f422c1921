import { lifecycle, Refusal, type Id } from '@millrace/domain'
import type { Feature } from './features.js'
import type { Calibration, Fitted } from './logistic-regression.js'

export const scoreModelStatus = lifecycle('score_model', {
  training: ['trained', 'failed'],
  trained: ['used'],
  used: ['trained'],
  failed: [],
})
export type ScoreModelStatus = typeof scoreModelStatus.state

/** What a training came to. Rates and chances are shares of 1. */
export interface Training {
  readonly features: readonly Feature[]
  readonly fitted: Fitted
  readonly leads: number
  readonly successes: number
  readonly heldOut: {
    readonly leads: number
    readonly successes: number
    readonly auc: number | null
    readonly calibration: readonly Calibration[]
  }
}

/** What the company's own leads say of the chance of a lead: learnt from how its former leads ended. It stands beside the rules. */
export class ScoreModel {
  declare readonly id: Id<'score_model'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: ScoreModelStatus
  /** CEL: which leads ended well. */
  declare readonly success: string
  /** CEL: which leads ended at all. */
  declare readonly among: string
  declare readonly fields: readonly string[]
  declare readonly training: Training | null
  /** Code of what kept it from being trained. */
  declare readonly problem: string | null

  static begin(
    given: Pick<ScoreModel, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'success' | 'among' | 'fields'>,
  ): ScoreModel {
    return Object.assign(Object.create(ScoreModel.prototype) as ScoreModel, given, { status: 'training', training: null, problem: null })
  }

  trained(training: Training, at: Date): ScoreModel {
    return this.with({ status: scoreModelStatus.move(this.status, 'trained'), training, updatedAt: at })
  }

  fail(problem: string, at: Date): ScoreModel {
    return this.with({ status: scoreModelStatus.move(this.status, 'failed'), problem, updatedAt: at })
  }

  use(at: Date): ScoreModel {
    if (this.status === 'used') return this
    if (this.status !== 'trained') throw new Refusal('score_model.not_trained', { status: this.status })
    return this.with({ status: scoreModelStatus.move(this.status, 'used'), updatedAt: at })
  }

  putAside(at: Date): ScoreModel {
    return this.with({ status: scoreModelStatus.move(this.status, 'trained'), updatedAt: at })
  }

  private with(change: Partial<ScoreModel>): ScoreModel {
    return Object.assign(Object.create(ScoreModel.prototype) as ScoreModel, this, change)
  }
}
