import { Injectable } from '@nestjs/common'
import type { ScorePart, ScoringRule } from '@millrace/domain'
import { Clock, CustomFields, Database, Expressions, pointsBy, readRules, Remembered, usableRules, type ReadRule } from '@millrace/service'
import { fieldsOf, leadFields } from '../lead/lead-fields.js'
import type { Lead } from '../lead/lead.js'
import { Scorecard, scoreOf } from './scorecard.js'

/** Scores leads by the company's active scorecard. */
@Injectable()
export class Scoring {
  private readonly expressions = new Expressions({ lead: leadFields })
  private readonly active = new Remembered(async () => {
    const [scorecard] = await this.db.findBy(Scorecard, { status: 'active' })
    return scorecard && { scorecard, rules: usableRules(await this.rules(), scorecard.rules) }
  })

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly customFields: CustomFields,
  ) {}

  /** What gives a lead its score now. Without an active scorecard it leaves each lead as it is. */
  async now(): Promise<(lead: Lead) => Lead> {
    const active = await this.active.get()
    if (!active) return (lead) => lead
    const { scorecard, rules } = active
    const now = this.clock.now()
    return (lead) => lead.scored(scoreOf(this.parts(rules, lead, now), scorecard.grades, scorecard.id))
  }

  /** The company's active scorecard has changed. */
  forget(): void {
    this.active.forget()
  }

  /** The rules, read. Refuses the first one that cannot be used, with the place. */
  async read(rules: readonly ScoringRule[]): Promise<ReadRule[]> {
    return readRules(await this.rules(), rules)
  }

  /** What each rule that holds gives the lead. */
  parts(rules: readonly ReadRule[], lead: Lead, now: Date, unknown?: (rule: ReadRule) => void): ScorePart[] {
    return pointsBy(rules, { lead: fieldsOf(lead) }, now, unknown)
  }

  private rules(): Promise<Expressions> {
    return this.customFields.expressions(this.expressions, 'lead')
  }
}
