import {
  gradeOf,
  lifecycle,
  pointsOf,
  Refusal,
  scorecardMoves,
  type Grade,
  type GradeLimits,
  type Id,
  type ScorePart,
  type ScoringRule,
} from '@millrace/domain'

export const scorecardStatus = lifecycle('scorecard', scorecardMoves)
export type ScorecardStatus = typeof scorecardStatus.state

/** How good a lead is: 0–100, with the grade and what it is made of. */
export interface Score {
  readonly score: number
  readonly grade: Grade
  readonly parts: readonly ScorePart[]
  readonly scorecardId: Id<'scorecard'>
}

/** The rules by which a company's leads get their scores. One is active; what was active is never changed, as leads name it. */
export class Scorecard {
  declare readonly id: Id<'scorecard'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: ScorecardStatus
  declare readonly name: string
  declare readonly rules: readonly ScoringRule[]
  declare readonly grades: GradeLimits
  declare readonly activatedAt: Date | null

  static draft(given: ScorecardData & Pick<Scorecard, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Scorecard {
    return Object.assign(Object.create(Scorecard.prototype) as Scorecard, given, { status: 'draft', activatedAt: null })
  }

  change(data: Partial<ScorecardData>, at: Date): Scorecard {
    if (this.status !== 'draft') throw new Refusal('scorecard.not_draft', { status: this.status })
    return this.with({ ...data, updatedAt: at })
  }

  activate(at: Date): Scorecard {
    if (this.status === 'active') return this
    return this.with({ status: scorecardStatus.move(this.status, 'active'), activatedAt: at, updatedAt: at })
  }

  retire(at: Date): Scorecard {
    return this.with({ status: scorecardStatus.move(this.status, 'retired'), updatedAt: at })
  }

  private with(change: Partial<Scorecard>): Scorecard {
    return Object.assign(Object.create(Scorecard.prototype) as Scorecard, this, change)
  }
}

export type ScorecardData = Pick<Scorecard, 'name' | 'rules' | 'grades'>

/** The score of a lead for which these parts count. */
export function scoreOf(parts: readonly ScorePart[], limits: GradeLimits, scorecardId: Id<'scorecard'>): Score {
  const score = pointsOf(parts)
  return { score, grade: gradeOf(score, limits), parts, scorecardId }
}
