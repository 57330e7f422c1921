import { Ratio, Refusal, type Id } from '@millrace/domain'

/** A text in both languages. */
export type Words = Readonly<Record<'en' | 'zh-CN', string>>

/** CSAT: how satisfied a customer is; NPS: whether they would recommend us. */
export type SurveyKind = 'csat' | 'nps'

/** The scores that each kind knows. */
export const scale: Readonly<Record<SurveyKind, { readonly lowest: number; readonly highest: number }>> = {
  csat: { lowest: 1, highest: 5 },
  nps: { lowest: 0, highest: 10 },
}

/** A question to customers with one score. */
export class Survey {
  declare readonly id: Id<'survey'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly kind: SurveyKind
  declare readonly name: string
  declare readonly question: Words
  /** What is asked beside the score; null: nothing. */
  declare readonly commentQuestion: Words | null
  declare readonly expiresInDays: number
  declare readonly active: boolean

  static create(given: SurveyData & Pick<Survey, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'kind'>): Survey {
    return Object.assign(Object.create(Survey.prototype) as Survey, given, { active: true })
  }

  change(data: Partial<SurveyData & Pick<Survey, 'active'>>, at: Date): Survey {
    return Object.assign(Object.create(Survey.prototype) as Survey, this, data, { updatedAt: at })
  }

  mustBeActive(): void {
    if (!this.active) throw new Refusal('survey.inactive')
  }

  /** Refuses what the survey does not ask for. */
  mustTake({ score, comment }: SurveyAnswer): void {
    const { lowest, highest } = scale[this.kind]
    const errors = [
      ...(score < lowest || score > highest ? [{ pointer: '/score', code: 'survey.no_such_score', details: { lowest, highest } }] : []),
      ...(comment !== null && !this.commentQuestion ? [{ pointer: '/comment', code: 'survey.not_asked' }] : []),
    ].map((error) => ({ ...error, detail: error.code }))
    if (errors.length) throw Refusal.invalid('request.invalid', { errors })
  }
}

export type SurveyData = Pick<Survey, 'name' | 'question' | 'commentQuestion' | 'expiresInDays'>

/** What a customer answers. */
export interface SurveyAnswer {
  readonly score: number
  readonly comment: string | null
}

/** What is counted of the surveys that were sent, exactly; shares are percentages with one decimal, null where there is nothing to share. */
export interface SurveyFigures {
  readonly sent: number
  readonly answered: number
  readonly responsePercent: string | null
  readonly promoters: number
  readonly passives: number
  readonly detractors: number
  readonly nps: string | null
  readonly satisfied: number
  readonly csatPercent: string | null
}

/** So many of the surveys that were sent have this score; null: not answered. */
export interface ScoreCount {
  readonly score: number | null
  readonly count: number
}

/** The figures of surveys of one kind. NPS = promoters (9, 10) − detractors (0 to 6); CSAT = share of 4 and 5. */
export function figuresOf(kind: SurveyKind, counts: readonly ScoreCount[]): SurveyFigures {
  const among = (from: number, to: number) =>
    counts.reduce((sum, { score, count }) => (score !== null && score >= from && score <= to ? sum + count : sum), 0)
  const sent = counts.reduce((sum, { count }) => sum + count, 0)
  const answered = among(0, 10)
  const isNps = kind === 'nps'
  const [promoters, passives, detractors] = isNps ? [among(9, 10), among(7, 8), among(0, 6)] : [0, 0, 0]
  const satisfied = isNps ? 0 : among(4, 5)
  return {
    ...{ sent, answered, responsePercent: percent(answered, sent) },
    ...{ promoters, passives, detractors, nps: isNps ? percent(promoters - detractors, answered) : null },
    ...{ satisfied, csatPercent: isNps ? null : percent(satisfied, answered) },
  }
}

function percent(part: number, whole: number): string | null {
  return whole === 0 ? null : Ratio.of(part * 100, whole).toDecimal(1)
}
