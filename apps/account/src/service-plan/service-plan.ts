import { addDays, Refusal, type CalendarDate, type Id } from '@millrace/domain'
import type { AccountClass } from '../account/account.js'

/** What a customer is owed: an activity, a survey, or an event such as an invitation. */
export type ServiceKind = 'call' | 'visit' | 'email' | 'meeting' | 'survey' | 'event'

export interface ServiceStep {
  readonly key: string
  readonly kind: ServiceKind
  readonly everyDays: number
  readonly text: string
}

/** What the accounts of a segment or of a class are owed, and how often. */
export class ServicePlan {
  declare readonly id: Id<'service_plan'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly segmentId: Id<'segment'> | null
  declare readonly accountClass: AccountClass | null
  declare readonly steps: readonly ServiceStep[]
  /** Nothing is owed before this day. */
  declare readonly startsOn: CalendarDate
  declare readonly active: boolean

  static create(given: ServicePlanData & Pick<ServicePlan, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): ServicePlan {
    return checked(Object.assign(Object.create(ServicePlan.prototype) as ServicePlan, given, { active: true }))
  }

  change(data: Partial<ServicePlanData & Pick<ServicePlan, 'active'>>, at: Date): ServicePlan {
    return checked(Object.assign(Object.create(ServicePlan.prototype) as ServicePlan, this, data, { updatedAt: at }))
  }
}

export type ServicePlanData = Pick<ServicePlan, 'name' | 'segmentId' | 'accountClass' | 'steps' | 'startsOn'>

function checked(plan: ServicePlan): ServicePlan {
  if ((plan.segmentId === null) === (plan.accountClass === null)) throw Refusal.invalid('service_plan.one_target')
  const keys = plan.steps.map(({ key }) => key)
  const twice = keys.find((key, n) => keys.indexOf(key) < n)
  if (twice) throw Refusal.invalid('service_plan.step_twice', { key: twice })
  return plan
}

/** What is known of an account and a step of a plan that it is under. */
export interface Standing {
  readonly startsOn: CalendarDate
  readonly everyDays: number
  /** When the account was opened. */
  readonly openedOn: CalendarDate
  /** When it was done last, whether it was owed or not. */
  readonly lastDoneOn: CalendarDate | null
  /** When what was owed before was finished by hand or skipped. */
  readonly lastClosedOn: CalendarDate | null
}

/** From when a step is counted, and when it is due: so many days after it was done last, and never before the plan begins. */
export function counted({ startsOn, everyDays, openedOn, lastDoneOn, lastClosedOn }: Standing): {
  since: CalendarDate
  dueOn: CalendarDate
} {
  const since = latest(lastDoneOn, lastClosedOn) ?? latest(startsOn, openedOn)!
  return { since, dueOn: latest(addDays(since, everyDays), startsOn)! }
}

function latest(one: CalendarDate | null, other: CalendarDate | null): CalendarDate | null {
  if (one === null || other === null) return one ?? other
  return one > other ? one : other
}
