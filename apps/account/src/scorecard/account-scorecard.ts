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

export const accountScorecardStatus = lifecycle('account_scorecard', scorecardMoves)
export type AccountScorecardStatus = typeof accountScorecardStatus.state

/** How well a company suits us, what it is worth to us, and how it behaves. */
export const accountParts = ['fit', 'value', 'behaviour'] as const
export type AccountPart = (typeof accountParts)[number]

/** Something for each part. */
type EachPart<What> = Readonly<Record<AccountPart, What>>

/** The rules of a part, and how many points they give together at most. */
export interface PartRules {
  readonly most: number
  readonly rules: readonly ScoringRule[]
}

/** What a part gave an account, and by which rules. */
export interface PartScore {
  readonly part: AccountPart
  readonly points: number
  readonly most: number
  readonly rules: readonly ScorePart[]
}

/** How good an account is: 0–100, with the grade and what it is made of. */
export interface AccountScore {
  readonly score: number
  readonly grade: Grade
  readonly parts: readonly PartScore[]
}

/** A score as others were told of it. */
export type ToldScore = Pick<AccountScore, 'score' | 'grade'>

/** The rules by which a company's accounts get their scores. One is active; what was active is never changed, as scores name it. */
export class AccountScorecard {
  declare readonly id: Id<'account_scorecard'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: AccountScorecardStatus
  declare readonly name: string
  declare readonly parts: EachPart<PartRules>
  declare readonly grades: GradeLimits
  declare readonly activatedAt: Date | null

  static draft(
    given: AccountScorecardData & Pick<AccountScorecard, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>,
  ): AccountScorecard {
    const head = { status: accountScorecardStatus.initial, activatedAt: null }
    return Object.assign(Object.create(AccountScorecard.prototype) as AccountScorecard, given, head)
  }

  change(data: Partial<AccountScorecardData>, at: Date): AccountScorecard {
    if (this.status !== 'draft') throw new Refusal('scorecard.not_draft', { status: this.status })
    return this.with({ ...data, updatedAt: at })
  }

  /** Asked again, the same. */
  activate(at: Date): AccountScorecard {
    if (this.status === 'active') return this
    return this.with({ status: accountScorecardStatus.move(this.status, 'active'), activatedAt: at, updatedAt: at })
  }

  retire(at: Date): AccountScorecard {
    return this.with({ status: accountScorecardStatus.move(this.status, 'retired'), updatedAt: at })
  }

  private with(change: Partial<AccountScorecard>): AccountScorecard {
    return Object.assign(Object.create(AccountScorecard.prototype) as AccountScorecard, this, change)
  }
}

export type AccountScorecardData = Pick<AccountScorecard, 'name' | 'parts' | 'grades'>

/** The score of an account to which the rules gave these points. */
export function accountScoreOf(
  given: EachPart<readonly ScorePart[]>,
  { parts: rules, grades }: Pick<AccountScorecard, 'parts' | 'grades'>,
): AccountScore {
  const parts = accountParts.map((part) => {
    const { most } = rules[part]
    return { part, points: pointsOf(given[part], most), most, rules: given[part] }
  })
  const score = pointsOf(parts.map(({ part, points }) => ({ name: part, points })))
  return { score, grade: gradeOf(score, grades), parts }
}

/** So many points away from what was told, a score is told again. */
const worthTelling = 10

/** Why others are told of a score; undefined: they are not, as little has changed since they were. */
export function reasonToTell(told: ToldScore | null, { score, grade }: ToldScore): 'first' | 'grade' | 'score' | undefined {
  if (!told) return 'first'
  if (told.grade !== grade) return 'grade'
  return Math.abs(told.score - score) >= worthTelling ? 'score' : undefined
}
