import { addWorkingTime, Refusal, workingMinutesBetween, type Id, type WorkingCalendar } from '@millrace/domain'
import type { Lead } from '../lead/lead.js'

type Grade = 'A' | 'B' | 'C' | 'D' | 'none'

/** How fast leads have to be answered. */
export interface ClockRules {
  readonly deadlines: Readonly<Record<Grade, { readonly firstResponseMinutes: number | null; readonly nextStepMinutes: number | null }>>
  readonly remindMinutes: number | null
  readonly poolId: Id<'pool'> | null
  /** No deadline began before this. */
  readonly changedAt: Date | null
}

/** What a deadline is for. */
export type DeadlineKind = 'first_response' | 'next_step'

const none = { firstResponseMinutes: null, nextStepMinutes: null }
/** What holds in a company that says nothing. */
export const unhurried: ClockRules = {
  deadlines: { A: none, B: none, C: none, D: none, none },
  remindMinutes: null,
  poolId: null,
  changedAt: null,
}

/** What the owner of a lead has to do: answer one that they got, go on with one that they work on. */
export function awaited({ status }: Pick<Lead, 'status'>): DeadlineKind {
  return status === 'assigned' ? 'first_response' : 'next_step'
}

/** The working minutes that the owner has; null: any number. */
export function allowed({ status, grade }: Pick<Lead, 'status' | 'grade'>, { deadlines }: Pick<ClockRules, 'deadlines'>): number | null {
  const limits = deadlines[grade ?? 'none']
  return status === 'assigned' ? limits.firstResponseMinutes : status === 'working' ? limits.nextStepMinutes : null
}

/** Whether the owner of a lead has to do something until a certain time. */
export function isTimed(lead: Pick<Lead, 'status' | 'grade' | 'ownerId' | 'nextStepAt'>, rules: ClockRules): boolean {
  const owned = lead.ownerId !== null && ['assigned', 'working', 'qualified'].includes(lead.status)
  return owned && (lead.nextStepAt !== null || allowed(lead, rules) !== null)
}

/** From when on the time of the owner runs. */
export function runsFrom({ steppedAt }: Pick<Lead, 'steppedAt'>, { changedAt }: Pick<ClockRules, 'changedAt'>, now: Date): Date {
  const from = steppedAt ?? now
  return changedAt && changedAt > from ? changedAt : from
}

/** Until when the owner has to do something: what they said themselves, or what the company allows; null: for ever. */
export function dueOf(
  lead: Pick<Lead, 'status' | 'grade' | 'ownerId' | 'nextStepAt' | 'steppedAt'>,
  rules: ClockRules,
  calendar: WorkingCalendar,
  now: Date,
): Date | null {
  if (!isTimed(lead, rules)) return null
  return lead.nextStepAt ?? afterWork(calendar, runsFrom(lead, rules, now), allowed(lead, rules)!)
}

/** When so many minutes are worked; null for somebody who works too little for it in the next ten years: no deadline runs for them. */
export function afterWork(calendar: WorkingCalendar, from: Date, minutes: number): Date | null {
  try {
    return addWorkingTime(calendar, from, minutes)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'calendar.no_working_time') return null
    throw error
  }
}

/** When the owner is reminded of a deadline; null: there is less time than that, or nobody is to be reminded. */
export function remindOf(
  dueAt: Date,
  from: Date,
  { remindMinutes }: Pick<ClockRules, 'remindMinutes'>,
  calendar: WorkingCalendar,
): Date | null {
  if (remindMinutes === null) return null
  const left = workingMinutesBetween(calendar, from, dueAt) - remindMinutes
  return left > 0 ? addWorkingTime(calendar, from, left) : null
}
