/** Grades, the best first. */
export const grades = ['A', 'B', 'C', 'D'] as const
export type Grade = (typeof grades)[number]

/** Points for records on which a condition (CEL) holds. */
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

/** What a rule gave a record. */
export interface ScorePart {
  readonly name: string
  readonly points: number
}

/** The moves of a scorecard: what was active is never changed, as the records that it scored name it. */
export const scorecardMoves = { draft: ['active'], active: ['retired'], retired: [] } as const

/** What these parts come to, held between 0 and a cap. */
export function pointsOf(parts: readonly ScorePart[], most = 100): number {
  const sum = parts.reduce((total, { points }) => total + points, 0)
  return Math.min(most, Math.max(0, sum))
}

export function gradeOf(score: number, { a, b, c }: GradeLimits): Grade {
  return score >= a ? 'A' : score >= b ? 'B' : score >= c ? 'C' : 'D'
}
