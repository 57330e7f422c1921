import { lifecycle, Refusal, type CalendarDate, type Id } from '@millrace/domain'

export const accountPlanStatus = lifecycle('account_plan', {
  draft: ['active', 'closed'],
  active: ['closed'],
  closed: [],
})
export type AccountPlanStatus = typeof accountPlanStatus.state

export interface PlanGoal {
  readonly key: string
  readonly text: string
  readonly measure: string | null
  readonly dueOn: CalendarDate | null
  readonly reachedOn: CalendarDate | null
}

/** Somebody at the customer, and how they stand to us: 1 against, 5 for us. */
export interface PlanRelation {
  readonly contactId: Id<'contact'>
  readonly role: string | null
  readonly strength: number
  readonly wished: number
  readonly ownerId: Id<'user'> | null
  readonly note: string | null
}

export interface PlanAction {
  readonly key: string
  readonly text: string
  readonly goalKey: string | null
  readonly ownerId: Id<'user'>
  readonly dueOn: CalendarDate
  readonly doneOn: CalendarDate | null
}

/** What we want with a key account in some time, and who does what for it. Whoever sees the account sees its plans. */
export class AccountPlan {
  declare readonly id: Id<'account_plan'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly accountId: Id<'account'>
  declare readonly status: AccountPlanStatus
  declare readonly title: string
  declare readonly startsOn: CalendarDate
  declare readonly endsOn: CalendarDate
  declare readonly goals: readonly PlanGoal[]
  declare readonly relations: readonly PlanRelation[]
  declare readonly actions: readonly PlanAction[]
  declare readonly closingNote: string | null

  static draft(
    given: PlanContent & Pick<AccountPlan, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'accountId'>,
  ): AccountPlan {
    return checked(Object.assign(Object.create(AccountPlan.prototype) as AccountPlan, given, { status: 'draft', closingNote: null }))
  }

  change(data: Partial<PlanContent>, at: Date): AccountPlan {
    if (this.status === 'closed') throw new Refusal('account_plan.closed')
    return checked(this.with({ ...data, updatedAt: at }))
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): AccountPlan {
    return this.with({ accountId, updatedAt })
  }

  activate(at: Date): AccountPlan {
    if (this.status === 'active') return this
    if (!this.goals.length || !this.actions.length) throw new Refusal('account_plan.empty')
    return this.with({ status: accountPlanStatus.move(this.status, 'active'), updatedAt: at })
  }

  close(note: string, at: Date): AccountPlan {
    return this.with({ status: accountPlanStatus.move(this.status, 'closed'), closingNote: note, updatedAt: at })
  }

  get progress() {
    return {
      goals: this.goals.length,
      goalsReached: this.goals.filter(({ reachedOn }) => reachedOn).length,
      actions: this.actions.length,
      actionsDone: this.actions.filter(({ doneOn }) => doneOn).length,
    }
  }

  private with(change: Partial<AccountPlan>): AccountPlan {
    return Object.assign(Object.create(AccountPlan.prototype) as AccountPlan, this, change)
  }
}

export type PlanContent = Pick<AccountPlan, 'title' | 'startsOn' | 'endsOn' | 'goals' | 'relations' | 'actions'>

function checked(plan: AccountPlan): AccountPlan {
  const { startsOn, endsOn, goals, relations, actions } = plan
  if (endsOn < startsOn) throw Refusal.invalid('account_plan.period')
  for (const keys of [goals.map(({ key }) => key), actions.map(({ key }) => key), relations.map(({ contactId }) => contactId)]) {
    const twice = keys.find((key, n) => keys.indexOf(key) < n)
    if (twice) throw Refusal.invalid('account_plan.key_twice', { key: twice })
  }
  const lost = actions.find(({ goalKey }) => goalKey && !goals.some(({ key }) => key === goalKey))
  if (lost) throw Refusal.invalid('account_plan.no_such_goal', { goalKey: lost.goalKey })
  return plan
}
