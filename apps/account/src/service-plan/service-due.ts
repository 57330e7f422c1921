import {
  addDays,
  dayOf,
  lifecycle,
  nextWorking,
  Refusal,
  startOfDay,
  type CalendarDate,
  type Id,
  type WorkingCalendar,
} from '@millrace/domain'
import type { ServiceKind } from './service-plan.js'

export const serviceDueStatus = lifecycle('service_due', { open: ['done', 'skipped', 'lapsed'], done: [], skipped: [], lapsed: [] })
export type ServiceDueStatus = typeof serviceDueStatus.state

const furthestDays = 366

/** What is owed to an account by a step of a service plan. Whose it is, the account tells: it changes hands with it. */
export class ServiceDue {
  declare readonly id: Id<'service_due'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly planId: Id<'service_plan'>
  declare readonly step: string
  declare readonly kind: ServiceKind
  declare readonly accountId: Id<'account'>
  declare readonly status: ServiceDueStatus
  /** The day from which it is counted: what was done until then does not do it. */
  declare readonly since: CalendarDate
  declare readonly dueOn: CalendarDate
  declare readonly postponedFrom: CalendarDate | null
  declare readonly reason: string | null
  declare readonly closedOn: CalendarDate | null
  declare readonly closedById: Id<'user'> | null

  static owe(
    given: Pick<
      ServiceDue,
      'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'planId' | 'step' | 'kind' | 'accountId' | 'since' | 'dueOn'
    >,
  ): ServiceDue {
    const head = { status: serviceDueStatus.initial, postponedFrom: null, reason: null, closedOn: null, closedById: null }
    return Object.assign(Object.create(ServiceDue.prototype) as ServiceDue, given, head)
  }

  /** Whether something that was done on this day does it. */
  isDoneBy(on: CalendarDate): boolean {
    return on > this.since
  }

  finish(on: CalendarDate, closedById: Id<'user'> | null, at: Date): ServiceDue {
    return this.close('done', { closedOn: on, closedById }, at)
  }

  skip(reason: string, on: CalendarDate, closedById: Id<'user'> | null, at: Date): ServiceDue {
    return this.close('skipped', { reason, closedOn: on, closedById }, at)
  }

  /** The account is not under the plan any more, or nobody owns it. */
  lapse(at: Date): ServiceDue {
    return this.close('lapsed', {}, at)
  }

  postpone(to: CalendarDate, reason: string, today: CalendarDate, at: Date): ServiceDue {
    if (this.status !== 'open') serviceDueStatus.move(this.status, 'done') // refuses
    const after = today > this.dueOn ? today : this.dueOn
    if (to <= after || to > addDays(today, furthestDays)) throw Refusal.invalid('service_due.not_later', { after })
    return this.with({ dueOn: to, postponedFrom: this.postponedFrom ?? this.dueOn, reason, updatedAt: at })
  }

  /** The plan counts otherwise now. What somebody postponed stays where they put it. */
  recount({ since, dueOn }: Pick<ServiceDue, 'since' | 'dueOn'>, at: Date): ServiceDue {
    if (this.postponedFrom || (this.since === since && this.dueOn === dueOn)) return this
    return this.with({ since, dueOn, updatedAt: at })
  }

  private close(status: ServiceDueStatus, change: Partial<ServiceDue>, at: Date): ServiceDue {
    return this.with({ ...change, status: serviceDueStatus.move(this.status, status), updatedAt: at })
  }

  private with(change: Partial<ServiceDue>): ServiceDue {
    return Object.assign(Object.create(ServiceDue.prototype) as ServiceDue, this, change)
  }
}

/** The day, or the next one on which somebody works; the day itself where their calendar has no working time left. */
export function workingDayFrom(day: CalendarDate, calendar: WorkingCalendar): CalendarDate {
  try {
    return dayOf(nextWorking(calendar, startOfDay(day, calendar.zone)), calendar.zone)
  } catch (error) {
    if (error instanceof Refusal) return day
    throw error
  }
}
