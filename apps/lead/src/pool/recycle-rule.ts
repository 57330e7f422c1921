import { Refusal, type Id } from '@millrace/domain'

export interface RecycleRuleData {
  readonly name: string
  readonly position: number
  /** CEL over the fields of a lead; empty: every lead. */
  readonly condition: string
  readonly afterDays: number | null
  readonly afterAttempts: number | null
  readonly remindDays: number | null
  readonly poolId: Id<'pool'>
  readonly active: boolean
}

/** What is to be done about a lead that its owner neglects; or nothing yet. */
export type Recycling =
  | { readonly kind: 'release'; readonly reason: 'no_activity' | 'failed_attempts' }
  | { readonly kind: 'remind'; readonly dueAt: Date }
  | undefined

const dayMs = 86_400_000

/** When a lead is taken back from its owner, and where it goes. */
export class RecycleRule implements RecycleRuleData {
  declare readonly id: Id<'recycle_rule'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly position: number
  declare readonly condition: string
  declare readonly afterDays: number | null
  declare readonly afterAttempts: number | null
  declare readonly remindDays: number | null
  declare readonly poolId: Id<'pool'>
  declare readonly active: boolean

  static create(given: RecycleRuleData & Pick<RecycleRule, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): RecycleRule {
    return (Object.create(RecycleRule.prototype) as RecycleRule).with(given)
  }

  change(data: Partial<RecycleRuleData>, at: Date): RecycleRule {
    return this.with({ ...data, updatedAt: at })
  }

  /** What is to be done about a lead whose owner did nothing since then and failed so many times. */
  of({ idleSince, failedAttempts }: { idleSince: Date; failedAttempts: number }, at: Date): Recycling {
    if (this.afterAttempts !== null && failedAttempts >= this.afterAttempts) return { kind: 'release', reason: 'failed_attempts' }
    if (this.afterDays === null) return undefined
    const dueAt = new Date(idleSince.getTime() + this.afterDays * dayMs)
    if (dueAt <= at) return { kind: 'release', reason: 'no_activity' }
    return this.remindDays !== null && dueAt.getTime() - this.remindDays * dayMs <= at.getTime() ? { kind: 'remind', dueAt } : undefined
  }

  private with(change: Partial<RecycleRule>): RecycleRule {
    const rule = Object.assign(Object.create(RecycleRule.prototype) as RecycleRule, this, change)
    if (rule.afterDays === null && rule.afterAttempts === null) throw Refusal.invalid('recycle_rule.never')
    if (rule.remindDays !== null && rule.remindDays >= (rule.afterDays ?? 0)) throw Refusal.invalid('recycle_rule.reminder')
    return rule
  }
}
