import { lifecycle, type Id } from '@millrace/domain'
import type { Party } from './mail.js'

export const unmatchedMailStatus = lifecycle('unmatched_mail', {
  waiting: ['assigned', 'discarded'],
  assigned: [],
  discarded: [],
})
export type UnmatchedMailStatus = typeof unmatchedMailStatus.state

/** An e-mail in which nobody is known: somebody decides where it belongs. Every method returns it as it is afterwards, or refuses. */
export class UnmatchedMail {
  declare readonly id: Id<'unmatched_mail'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: UnmatchedMailStatus
  /** Who handed it in or sent it; null: a program. */
  declare readonly ownerId: Id<'user'> | null
  declare readonly messageKey: string
  /** Its source, as it was received. */
  declare readonly fileId: Id<'file'>
  declare readonly sender: Party | null
  declare readonly recipients: readonly Party[]
  declare readonly subject: string
  declare readonly excerpt: string
  declare readonly sentAt: Date
  declare readonly activityId: Id<'activity'> | null

  static keep(given: Omit<UnmatchedMail, 'status' | 'activityId' | 'assign' | 'discard' | 'mustWait'>): UnmatchedMail {
    return Object.assign(Object.create(UnmatchedMail.prototype) as UnmatchedMail, given, { status: 'waiting', activityId: null })
  }

  mustWait(): void {
    unmatchedMailStatus.move(this.status, 'assigned')
  }

  assign(activityId: Id<'activity'>, at: Date): UnmatchedMail {
    return this.with({ status: unmatchedMailStatus.move(this.status, 'assigned'), activityId }, at)
  }

  discard(at: Date): UnmatchedMail {
    if (this.status === 'discarded') return this
    const status = unmatchedMailStatus.move(this.status, 'discarded')
    return this.with({ status, sender: null, recipients: [], subject: '', excerpt: '' }, at)
  }

  private with(change: Partial<UnmatchedMail>, at: Date): UnmatchedMail {
    return Object.assign(Object.create(UnmatchedMail.prototype) as UnmatchedMail, this, change, { updatedAt: at })
  }
}
