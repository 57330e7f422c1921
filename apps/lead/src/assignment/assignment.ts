import { isWorking, type Id, type WorkingCalendar } from '@millrace/domain'

export type Strategy = 'round_robin' | 'least_loaded' | 'capacity_weighted'
export type Hindrance = 'inactive' | 'absent' | 'at_capacity' | 'off_work'

/** Somebody who may get leads, with what they have. */
export interface Rep {
  readonly id: Id<'user'>
  readonly active: boolean
  /** Open leads now. */
  readonly open: number
  /** Open leads at most; null: any number. */
  readonly capacity: number | null
  readonly calendar: WorkingCalendar
  /** When the rule of this id gave them a lead last, in the order of its gifts. */
  readonly turns: Readonly<Record<string, number>>
}

/** A rule that wants a lead, and for whom. */
export interface Wish {
  readonly rule: {
    readonly id: Id<'assignment_rule'>
    readonly name: string
    readonly strategy: Strategy
    readonly atWorkOnly: boolean
    readonly poolId: Id<'pool'> | null
  }
  readonly territoryId: Id<'territory'> | null
  readonly isFor: (rep: Rep) => boolean
}

/** Somebody who was thought of, and what kept them from getting the lead; null: nothing but that it was another's turn, or that it is theirs. */
export interface Considered {
  readonly userId: Id<'user'>
  readonly open: number
  readonly hindrance: Hindrance | null
}

/** Where a rule sends a lead, and why. */
export interface Decision {
  readonly rule: Wish['rule']
  readonly territoryId: Id<'territory'> | null
  readonly userId: Id<'user'> | null
  readonly poolId: Id<'pool'> | null
  readonly considered: readonly Considered[]
}

/** Others than the chosen one that are told of. */
const told = 20

/** Gives leads away, one after the other, to those who may have them, and keeps count of what it gave. */
export class Assigner {
  private readonly open: Map<string, number>
  private readonly turns = new Map<string, Map<string, number>>()
  private readonly lastTurn = new Map<string, number>()
  private readonly working = new Map<string, { at: Date; works: boolean }>()
  /** The turns that were taken: rule, person, turn. */
  readonly taken = new Map<string, { ruleId: string; userId: string; turn: number }>()

  constructor(private readonly reps: readonly Rep[]) {
    this.open = new Map(reps.map(({ id, open }) => [id, open]))
    for (const { id, turns } of reps) for (const [ruleId, turn] of Object.entries(turns)) this.noteTurn(ruleId, id, turn)
  }

  /**
   * What the first of these rules decides that finds somebody, or that has a pool for what nobody can take; undefined: no rule places the lead.
   * Nobody gets more than their capacity, nothing while they are away, and, where the rule says so, nothing outside their working hours.
   */
  decide(wishes: readonly Wish[], at: Date): Decision | undefined {
    for (const { rule, territoryId, isFor } of wishes) {
      const candidates = this.reps.filter(isFor).map((rep) => ({ rep, hindrance: this.hindranceOf(rep, rule, at) }))
      const free = candidates.filter(({ hindrance }) => !hindrance).map(({ rep }) => rep)
      const chosen = free.length ? free.reduce((best, rep) => (this.isBefore(rep, best, rule) ? rep : best)) : undefined
      if (!chosen && !rule.poolId) continue
      const others = candidates.filter(({ rep }) => rep !== chosen).slice(0, told)
      const considered = [...(chosen ? [{ rep: chosen, hindrance: null }] : []), ...others].map(({ rep, hindrance }) => ({
        userId: rep.id,
        open: this.open.get(rep.id)!,
        hindrance,
      }))
      if (chosen) this.give(rule.id, chosen.id)
      return { rule, territoryId, userId: chosen?.id ?? null, poolId: chosen ? null : rule.poolId, considered }
    }
    return undefined
  }

  private hindranceOf({ id, active, capacity, calendar }: Rep, { atWorkOnly }: Wish['rule'], at: Date): Hindrance | null {
    if (!active) return 'inactive'
    if (calendar.away?.some(({ startsAt, endsAt }) => startsAt <= at && at < endsAt)) return 'absent'
    if (capacity !== null && this.open.get(id)! >= capacity) return 'at_capacity'
    return atWorkOnly && !this.works(id, calendar, at) ? 'off_work' : null
  }

  private works(id: string, calendar: WorkingCalendar, at: Date): boolean {
    const known = this.working.get(id)
    if (known?.at === at) return known.works
    const works = isWorking(calendar, at)
    this.working.set(id, { at, works })
    return works
  }

  /** Whether the first one gets the lead rather than the other. */
  private isBefore(one: Rep, other: Rep, { id, strategy }: Wish['rule']): boolean {
    const load =
      strategy === 'round_robin' ? 0 : strategy === 'least_loaded' ? this.loadOf(one) - this.loadOf(other) : this.fuller(one, other)
    const turn = (rep: Rep) => this.turns.get(id)?.get(rep.id) ?? 0
    return (load || turn(one) - turn(other) || (one.id < other.id ? -1 : 1)) < 0
  }

  private loadOf({ id }: Rep): number {
    return this.open.get(id)!
  }

  /** Above 0: the first one has more of their capacity in use than the other. One without a bound has always more room than one with a bound. */
  private fuller(one: Rep, other: Rep): number {
    if (one.capacity === null || other.capacity === null)
      return one.capacity === other.capacity ? this.loadOf(one) - this.loadOf(other) : one.capacity === null ? -1 : 1
    return this.loadOf(one) * other.capacity - this.loadOf(other) * one.capacity
  }

  private give(ruleId: string, userId: string): void {
    this.open.set(userId, this.open.get(userId)! + 1)
    const turn = (this.lastTurn.get(ruleId) ?? 0) + 1
    this.noteTurn(ruleId, userId, turn)
    this.taken.set(`${ruleId} ${userId}`, { ruleId, userId, turn })
  }

  private noteTurn(ruleId: string, userId: string, turn: number): void {
    const turns = this.turns.get(ruleId) ?? new Map<string, number>()
    turns.set(userId, turn)
    this.turns.set(ruleId, turns)
    this.lastTurn.set(ruleId, Math.max(turn, this.lastTurn.get(ruleId) ?? 0))
  }
}

/** The best grades first; equally good ones as they come. */
export function byGrade<Graded extends { readonly grade: string | null }>(leads: readonly Graded[]): Graded[] {
  const rank = ({ grade }: Graded) => grade ?? 'Z'
  return [...leads].sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0))
}
