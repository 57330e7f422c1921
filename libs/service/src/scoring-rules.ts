import { Refusal, type ScorePart, type ScoringRule } from '@millrace/domain'
import type { Expression, Expressions, Values } from './expression.js'

/** A rule of a scorecard that can be used. */
export interface ReadRule extends ScoringRule {
  readonly holds: Expression<boolean>
}

/** The rules of a scorecard, read. Refuses the first one that cannot be used, with the place; `pointer` is where they stand in the request. */
export function readRules(expressions: Expressions, rules: readonly ScoringRule[], pointer = '/rules'): ReadRule[] {
  return rules.map((rule, n) => {
    try {
      return { ...rule, holds: expressions.condition(rule.condition) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw Refusal.invalid('scorecard.rule', { ...error.details, pointer: `${pointer}/${n}/condition`, name: rule.name })
    }
  })
}

/** Those of the rules that can be used: one whose field is gone since gives no points, rather than keeping records from being stored. */
export function usableRules(expressions: Expressions, rules: readonly ScoringRule[]): ReadRule[] {
  return rules.flatMap((rule) => {
    try {
      return readRules(expressions, [rule])
    } catch (error) {
      if (error instanceof Refusal) return []
      throw error
    }
  })
}

/** What each rule that holds gives the record; `unknown` is told of each rule that asks for what the record lacks. */
export function pointsBy(rules: readonly ReadRule[], values: Values, now: Date, unknown?: (rule: ReadRule) => void): ScorePart[] {
  return rules.flatMap((rule) => {
    const holds = rule.holds.of(values, now)
    if (holds === undefined) unknown?.(rule)
    return holds ? [{ name: rule.name, points: rule.points }] : []
  })
}
