import { lifecycle, Refusal, type Id } from '@millrace/domain'

export const scorecardStatus = lifecycle('scorecard', {
  draft: ['active'],
  active: ['retired'],
  retired: [],
})
export type ScorecardStatus = typeof scorecardStatus.state

export type Grade = 'A' | 'B' | 'C' | 'D'
export const grades = ['A', 'B', 'C', 'D'] as const satisfies readonly Grade[]

/** Points for leads on which a condition (CEL) holds. */
export interface ScoringRule {
  readonly name: string
  readonly condition: string
  readonly points: number
}

/** The lowest score of each grade; below C is D. */
export interface GradeLimits {
  readonly a: number
  readonly b: number
  readonly c: number
}

/** What a rule gave a lead. */
export interface ScorePart {
  readonly name: string
  readonly points: number
}

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
  const score = Math.min(
    100,
    Math.max(
      0,
      parts.reduce((sum, { points }) => sum + points, 0),
    ),
  )
  return { score, grade: gradeOf(score, limits), parts, scorecardId }
}

export function gradeOf(score: number, { a, b, c }: GradeLimits): Grade {
  return score >= a ? 'A' : score >= b ? 'B' : score >= c ? 'C' : 'D'
}
