import { Injectable } from '@nestjs/common'
import { Refusal } from '@millrace/domain'
import { Clock, CustomFields, Database, Expressions, Remembered, type Expression } from '@millrace/service'
import { fieldsOf, leadFields } from '../lead/lead-fields.js'
import type { Lead } from '../lead/lead.js'
import { Scorecard, scoreOf, type ScorePart, type ScoringRule } from './scorecard.js'

/** A rule that can be used. */
export interface ReadRule extends ScoringRule {
  readonly holds: Expression<boolean>
}

/** Scores leads by the company's active scorecard. */
@Injectable()
export class Scoring {
  private readonly expressions = new Expressions({ lead: leadFields })
  private readonly active = new Remembered(async () => {
    const [scorecard] = await this.db.findBy(Scorecard, { status: 'active' })
    return scorecard && { scorecard, rules: await this.usable(scorecard.rules) }
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
    const expressions = await this.customFields.expressions(this.expressions, 'lead')
    return rules.map((rule, n) => {
      try {
        return { ...rule, holds: expressions.condition(rule.condition) }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        throw Refusal.invalid('scorecard.rule', { ...error.details, pointer: `/rules/${n}/condition`, name: rule.name })
      }
    })
  }

  /** What each rule that holds gives the lead. */
  parts(rules: readonly ReadRule[], lead: Lead, now: Date, unknown?: (rule: ReadRule) => void): ScorePart[] {
    const values = { lead: fieldsOf(lead) }
    return rules.flatMap((rule) => {
      const holds = rule.holds.of(values, now)
      if (holds === undefined) unknown?.(rule)
      return holds ? [{ name: rule.name, points: rule.points }] : []
    })
  }

  /** A rule whose field is gone since gives no points, rather than keeping leads from being captured. */
  private async usable(rules: readonly ScoringRule[]): Promise<ReadRule[]> {
    const read = await Promise.all(rules.map((rule) => this.read([rule]).catch(() => [])))
    return read.flat()
  }
}
