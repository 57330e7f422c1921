import { lifecycle, Refusal, type Id } from '@millrace/domain'

export const handoverStatus = lifecycle('handover', {
  preparing: ['ready', 'cancelled', 'returning'],
  ready: ['moving', 'cancelled'],
  moving: ['moved', 'returning'],
  moved: ['undoing'],
  returning: ['failed'],
  failed: [],
  undoing: ['undone'],
  undone: [],
  cancelled: [],
})
export type HandoverStatus = typeof handoverStatus.state

/** While it is in one of these, its leaver can have no other. */
export const underWay: readonly HandoverStatus[] = ['preparing', 'ready', 'moving', 'returning', 'undoing']

const undoMs = 30 * 86_400_000

/** What the services are asked for, one after the other. */
type Step = 'count' | 'move' | 'recheck' | 'move_back'

/** Accounts with a receiver of their own. */
export interface Assignment {
  readonly toUserId: Id<'user'>
  /** The condition that they fulfil; null: they were named. */
  readonly when: string | null
  readonly accounts: number
}

/** Why a service could not move its records. */
export interface Failure {
  readonly service: string
  readonly code: string
  readonly details: Readonly<Record<string, string>>
}

/** A line of a handover's log. */
interface LogEntry {
  /** Instant as text, as JSON keeps it. */
  readonly at: string
  readonly byId: string | null
  readonly what: string
}

/** How far a service is with what it was asked for last. */
export interface Progress {
  readonly service: string
  readonly asked: number
  readonly done: boolean
  readonly refusal: Omit<Failure, 'service'> | null
}

/** The move of somebody's whole book to colleagues. Every method returns the handover as it is afterwards, or refuses. */
export class Handover {
  declare readonly id: Id<'handover'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: HandoverStatus
  /** Whose book moves: who sees that person's records sees the handover. */
  declare readonly ownerId: Id<'user'>
  /** Receives what no assignment takes. */
  declare readonly toUserId: Id<'user'>
  declare readonly assignments: readonly Assignment[]
  /** The condition that accounts must fulfil to move at all. */
  declare readonly scope: string | null
  declare readonly reason: string
  /** What the services are asked for, and its number. */
  declare readonly step: Step
  declare readonly asked: number
  declare readonly failure: Failure | null
  declare readonly movedAt: Date | null
  declare readonly log: readonly LogEntry[]

  static prepare(
    given: Pick<
      Handover,
      'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'ownerId' | 'toUserId' | 'assignments' | 'scope' | 'reason'
    >,
    byId: string | null,
  ): Handover {
    const { ownerId, toUserId, assignments, createdAt } = given
    if ([toUserId, ...assignments.map((each) => each.toUserId)].includes(ownerId)) throw Refusal.invalid('handover.to_themselves')
    const begun = { status: handoverStatus.initial, step: 'count' as const, asked: 1, failure: null, movedAt: null, log: [] }
    return Object.assign(Object.create(Handover.prototype) as Handover, given, begun).noting('prepared', byId, createdAt)
  }

  get receivers(): Id<'user'>[] {
    return [...new Set([this.toUserId, ...this.assignments.map(({ toUserId }) => toUserId)])]
  }

  /** The last moment at which it can be undone; null: there is nothing to undo. */
  get undoUntil(): Date | null {
    return this.movedAt && new Date(this.movedAt.getTime() + undoMs)
  }

  /** Whether every service has done what it was asked for. */
  isAnswered(parts: readonly Progress[]): boolean {
    return parts.every(({ asked, done }) => asked === this.asked && done)
  }

  /** The service that cannot do what it was asked for, while that can still be taken back. */
  refusedBy(parts: readonly Progress[]): Failure | undefined {
    if (this.status !== 'preparing' && this.status !== 'moving') return undefined
    const found = parts.find(({ asked, refusal }) => asked === this.asked && refusal)
    return found && { service: found.service, ...found.refusal! }
  }

  /** All services have counted. */
  counted(at: Date): Handover {
    return this.to('ready', at).noting('counted', null, at)
  }

  /** Asked again while it moves, stays as it is. */
  start(byId: string | null, at: Date): Handover {
    return this.status === 'moving' ? this : this.to('moving', at).asking('move').noting('started', byId, at)
  }

  /** All services have moved what they knew of. */
  recheck(at: Date): Handover {
    return this.asking('recheck').noting('rechecked', null, at)
  }

  moved(at: Date): Handover {
    return this.to('moved', at).with({ movedAt: at }).noting('moved', null, at)
  }

  /** One service cannot: all move back. */
  takeBack(failure: Failure, at: Date): Handover {
    return this.to('returning', at).asking('move_back').with({ failure }).noting(`refused by ${failure.service}: ${failure.code}`, null, at)
  }

  /** Refuses after its days. Asked again while it is undone, stays as it is. */
  undo(byId: string | null, at: Date): Handover {
    if (this.status === 'undoing') return this
    const undoing = this.to('undoing', at)
    if (at > this.undoUntil!) throw new Refusal('handover.too_late', { until: this.undoUntil!.toISOString() })
    return undoing.asking('move_back').noting('taken back', byId, at)
  }

  /** All services have moved back. */
  returned(at: Date): Handover {
    const end = this.status === 'undoing' ? 'undone' : 'failed'
    return this.to(end, at).noting(end, null, at)
  }

  cancel(byId: string | null, at: Date): Handover {
    return this.to('cancelled', at).noting('cancelled', byId, at)
  }

  private to(status: HandoverStatus, at: Date): Handover {
    return this.with({ status: handoverStatus.move(this.status, status), updatedAt: at })
  }

  private asking(step: Step): Handover {
    return this.with({ step, asked: this.asked + 1 })
  }

  private noting(what: string, byId: string | null, at: Date): Handover {
    return this.with({ log: [...this.log, { at: at.toISOString(), byId, what }] })
  }

  private with(change: Partial<Handover>): Handover {
    return Object.assign(Object.create(Handover.prototype) as Handover, this, change)
  }
}
