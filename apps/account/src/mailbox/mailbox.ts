import { Refusal, type CalendarDate, type Id } from '@millrace/domain'

/** What an administrator says of a mailbox, its password apart. */
export interface MailboxSettings {
  readonly name: string
  readonly host: string
  readonly port: number
  /** `tls` from the first byte, `starttls` before anything is told, `none` inside the house only. */
  readonly security: 'tls' | 'starttls' | 'none'
  /** Certificates (PEM) that its server is trusted by; null: those that everybody trusts. */
  readonly trusts: string | null
  readonly username: string
  readonly folder: string
  readonly after: 'mark_seen' | 'move'
  readonly moveTo: string | null
  /** E-mails that came before this day are left alone. */
  readonly since: CalendarDate
  readonly active: boolean
}

/** A mailbox of the company that is read by IMAP. Every method returns it as it is afterwards, or refuses. */
export class Mailbox implements MailboxSettings {
  declare readonly id: Id<'mailbox'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly host: string
  declare readonly port: number
  declare readonly security: MailboxSettings['security']
  declare readonly trusts: string | null
  declare readonly username: string
  declare readonly folder: string
  declare readonly after: MailboxSettings['after']
  declare readonly moveTo: string | null
  declare readonly since: CalendarDate
  declare readonly active: boolean

  static add(given: MailboxSettings & Pick<Mailbox, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Mailbox {
    return checked(Object.assign(Object.create(Mailbox.prototype) as Mailbox, given))
  }

  change(given: Partial<MailboxSettings>, at: Date): Mailbox {
    return checked(Object.assign(Object.create(Mailbox.prototype) as Mailbox, this, given, { updatedAt: at }))
  }

  /** Whether the other one's password belongs to another server or user. */
  isElsewhere({ host, username }: Mailbox): boolean {
    return host.toLowerCase() !== this.host.toLowerCase() || username !== this.username
  }

  /** Whether what was read of the other one says nothing of this one: it is read from its beginning. */
  beginsAnew(other: Mailbox): boolean {
    return this.isElsewhere(other) || this.port !== other.port || this.folder !== other.folder || this.since !== other.since
  }
}

const minuteMs = 60_000
const longestPauseMs = 60 * minuteMs

/** How long a mailbox rests before its next turn: a minute, after failures twice as long each time, an hour at most. */
export function pauseMs(failures: number): number {
  return Math.min(minuteMs * 2 ** Math.min(failures, 10), longestPauseMs)
}

function checked(mailbox: Mailbox): Mailbox {
  const { after, moveTo, folder } = mailbox
  if (after === 'move' && moveTo === null) throw Refusal.invalid('mailbox.no_target')
  if (after === 'move' && moveTo === folder) throw Refusal.invalid('mailbox.same_folder')
  return mailbox
}
