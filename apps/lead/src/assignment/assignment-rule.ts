import type { Id } from '@millrace/domain'
import type { Strategy } from './assignment.js'

/** Who gets the leads of a rule. */
export type Target =
  | { readonly kind: 'users'; readonly userIds: readonly Id<'user'>[] }
  | { readonly kind: 'unit'; readonly unitId: Id<'org_unit'> }
  | { readonly kind: 'territory'; readonly territoryId: Id<'territory'> | null }

export interface AssignmentRuleData {
  readonly name: string
  readonly position: number
  /** CEL over the fields of a lead; empty: every lead. */
  readonly condition: string
  readonly target: Target
  readonly strategy: Strategy
  readonly atWorkOnly: boolean
  readonly poolId: Id<'pool'> | null
  readonly active: boolean
}

/** Who gets which leads, and in which way one of them is chosen. */
export class AssignmentRule implements AssignmentRuleData {
  declare readonly id: Id<'assignment_rule'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly position: number
  declare readonly condition: string
  declare readonly target: Target
  declare readonly strategy: Strategy
  declare readonly atWorkOnly: boolean
  declare readonly poolId: Id<'pool'> | null
  declare readonly active: boolean

  static create(
    given: AssignmentRuleData & Pick<AssignmentRule, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>,
  ): AssignmentRule {
    return Object.assign(Object.create(AssignmentRule.prototype) as AssignmentRule, given)
  }

  change(data: Partial<AssignmentRuleData>, at: Date): AssignmentRule {
    return Object.assign(Object.create(AssignmentRule.prototype) as AssignmentRule, this, data, { updatedAt: at })
  }
}
