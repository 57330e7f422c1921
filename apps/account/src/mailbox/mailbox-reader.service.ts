import { Readable } from 'node:stream'
import { Inject, Injectable } from '@nestjs/common'
import type { Answer, checkMailbox } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import {
  Clock,
  Config,
  context,
  createLogger,
  Database,
  inTenant,
  Jobs,
  networks,
  refusalOf,
  withContext,
  type Logger,
} from '@millrace/service'
import type { ImapFlow } from 'imapflow'
import type { AccountConfig } from '../config.js'
import { MailService } from '../mail/mail.service.js'
import { finish, numbersAfter, openFolder, sourceOf, troubleOf, type Connecting, type OpenFolder } from './mailbox-connection.service.js'
import { Mailbox, pauseMs } from './mailbox.js'
import { troubleView, type Trouble } from './mailbox.queries.js'
import { MailboxService } from './mailbox.service.js'

/** Of one mailbox in one turn at most. */
const mailsOfOneTurn = 50
const bytesOfOneTurn = 50 * 1_048_576
const longestTurnMs = 600_000
/** Mailboxes that are read at once. */
const readAtOnce = 4
const dueAtOnce = 500
/** An e-mail that could not be filed so often, each time for a reason of its own, is passed by: those behind it wait. */
const triesAtMost = 5

/** How far a mailbox has been read. */
interface Place {
  /** Changes with each change of the mailbox: what was read before then says nothing any more. */
  readonly place: number
  readonly uid_validity: bigint | null
  readonly last_uid: bigint
  readonly failures: number
  readonly stuck_uid: bigint | null
  readonly stuck: number
}

/** What became of an e-mail. */
type Outcome = { readonly filed: boolean } | { readonly passedBy: Trouble }

/** The mailbox was changed or deleted, or the service stops: this turn ends and says nothing. */
class Ended extends Error {}

/** One e-mail could not be filed. */
class NotFiled extends Error {
  constructor(
    readonly uid: number,
    readonly own: boolean,
    override readonly cause: unknown,
  ) {
    super('an e-mail could not be filed')
  }
}

/**
 * Reads mailboxes by IMAP and files what is in them as if it had been sent to the company's address. An e-mail is filed, then marked or moved, and then the
 * mailbox is known to be read so far: after a crash between them it is read once more, and its Message-ID tells that it is known.
 */
@Injectable()
export class MailboxReader {
  private readonly connecting: Connecting
  private readonly log: Logger
  private readonly clients = new Set<ImapFlow>()
  private stopped = false

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly mails: MailService,
    private readonly mailboxes: MailboxService,
    jobs: Jobs,
    @Inject(Config) private readonly config: AccountConfig,
  ) {
    this.connecting = { privateNetworks: networks(config.MAILBOX_PRIVATE_NETWORKS), timeoutMs: config.MAILBOX_TIMEOUT_SECONDS * 1_000 }
    this.log = createLogger('account', config.LOG_LEVEL)
    jobs.every(15, 'mailboxes are read', () => this.readDue())
    jobs.onStop(() => {
      this.stopped = true
      for (const client of this.clients) client.close()
    })
  }

  /** Tries a mailbox now, without reading it. */
  async check(id: Id<'mailbox'>): Promise<Answer<typeof checkMailbox>> {
    const mailbox = await this.db.get(Mailbox, id)
    try {
      const { messages } = await this.within(mailbox, async (folder) => folder)
      return { ok: true, trouble: null, messages }
    } catch (error) {
      const { code, details } = troubleOf(error)
      return { ok: false, trouble: troubleView({ code, details }), messages: null }
    }
  }

  /** The job: reads the mailboxes whose time has come, of all companies, some at once. */
  async readDue(): Promise<void> {
    const due = await inTenant('*', () =>
      this.db.query<{ tenant_id: string; mailbox_id: Id<'mailbox'> }>(
        'SELECT tenant_id, mailbox_id FROM mailbox_state WHERE next_read_at <= $1 ORDER BY next_read_at LIMIT $2',
        [this.clock.now(), dueAtOnce],
      ),
    )
    const failures: unknown[] = []
    await Promise.all(
      Array.from({ length: readAtOnce }, async () => {
        for (let next = due.shift(); next && !this.stopped; next = due.shift()) {
          const { tenant_id, mailbox_id } = next
          await inTenant(tenant_id, () => this.read(mailbox_id)).catch((error: unknown) => failures.push(error))
        }
      }),
    )
    if (failures.length) throw new AggregateError(failures, 'some mailboxes could not be read')
  }

  /** One turn of one mailbox; how it ended is noted. */
  private async read(id: Id<'mailbox'>): Promise<void> {
    const mailbox = await this.db.find(Mailbox, id)
    const place = await this.db.one<Place>(
      'SELECT place, uid_validity, last_uid, failures, stuck_uid, stuck FROM mailbox_state WHERE mailbox_id = $1',
      [id],
    )
    if (!mailbox?.active || !place) return
    try {
      const more = await this.within(mailbox, (folder) => this.readOn(mailbox, place, folder))
      const now = this.clock.now()
      await this.db.query(
        `UPDATE mailbox_state SET last_read_at = $3, next_read_at = $4, failures = 0, error = NULL, stuck = 0 WHERE mailbox_id = $1 AND place = $2`,
        [id, place.place, now, more ? now : new Date(now.getTime() + pauseMs(0))],
      )
    } catch (error) {
      if (error instanceof Ended || this.stopped) return
      await this.noteFailure(id, place, error)
    }
  }

  private async noteFailure(id: Id<'mailbox'>, { place, failures }: Place, error: unknown): Promise<void> {
    const stuck = error instanceof NotFiled && error.own ? error.uid : null
    if (error instanceof NotFiled)
      this.log.error({ err: error.cause, mailboxId: id }, 'an e-mail of a mailbox could not be filed; it is tried again')
    const { code, details } = error instanceof NotFiled ? new Refusal('mailbox.not_filed') : troubleOf(error)
    this.log.warn({ mailboxId: id, code, failures: failures + 1 }, 'a mailbox could not be read')
    await this.db.query(
      `UPDATE mailbox_state SET failures = failures + 1, error = $3::jsonb, next_read_at = $4, stuck_uid = $5,
         stuck = CASE WHEN $5::bigint IS NULL THEN 0 WHEN stuck_uid = $5 THEN stuck + 1 ELSE 1 END
       WHERE mailbox_id = $1 AND place = $2`,
      [id, place, JSON.stringify({ code, details }), new Date(this.clock.now().getTime() + pauseMs(failures + 1)), stuck],
    )
  }

  /** Works in the open folder, and closes the connection whatever happens, at the latest after ten minutes. */
  private async within<T>(mailbox: Mailbox, work: (folder: OpenFolder) => Promise<T>): Promise<T> {
    const secret = await this.mailboxes.secretOf(mailbox.id)
    let client: ImapFlow | undefined
    const longest = setTimeout(() => client?.close(), longestTurnMs).unref()
    try {
      return await work(
        await openFolder(mailbox, secret, this.connecting, (made) => {
          client = made
          this.clients.add(made)
        }),
      )
    } finally {
      clearTimeout(longest)
      if (client) {
        this.clients.delete(client)
        client.close()
      }
    }
  }

  /** Reads what has come since; answers whether there is more. */
  private async readOn(mailbox: Mailbox, place: Place, folder: OpenFolder): Promise<boolean> {
    const same = place.uid_validity === folder.uidValidity
    const numbers = await numbersAfter(folder, same ? Number(place.last_uid) : 0, mailbox.since)
    const some = numbers.slice(0, mailsOfOneTurn)
    const sizes = some.length ? await folder.client.fetchAll(some, { uid: true, size: true }, { uid: true }) : []
    const sizeOf = new Map(sizes.map(({ uid, size }) => [uid, size ?? 0]))
    let bytes = 0
    for (const uid of some) {
      const size = sizeOf.get(uid)
      if (size === undefined) continue // somebody took it away meanwhile
      bytes += Math.min(size, this.config.MAIL_LIMIT)
      if (bytes > bytesOfOneTurn && bytes > size) return true
      if (this.stopped) throw new Ended()
      const outcome = await this.take(folder, uid, size, place)
      if (outcome === 'later') return false
      if ('filed' in outcome) await finish(folder, uid, mailbox)
      await this.noteRead(mailbox.id, place.place, folder.uidValidity, uid, outcome)
    }
    return numbers.length > some.length
  }

  /** Files one e-mail. `later`: its sender has sent too many for now. */
  private async take(folder: OpenFolder, uid: number, size: number, { stuck_uid, stuck }: Place): Promise<Outcome | 'later'> {
    if (size > this.config.MAIL_LIMIT) return passedBy('request.too_large', { limit: this.config.MAIL_LIMIT })
    let broken: unknown
    const content = Readable.from(
      (async function* () {
        try {
          yield* sourceOf(folder, uid)
        } catch (error) {
          broken = error
          throw error
        }
      })(),
      { objectMode: false },
    )
    content.on('error', () => undefined) // whoever reads it is told
    try {
      const taken = await withContext({ ...context(), channel: 'mail' }, () => this.mails.accept(content))
      return { filed: taken?.status === 'filed' || taken?.status === 'unmatched' }
    } catch (error) {
      if (broken) throw broken
      const refusal = refusalOf(error)
      const code = refusal?.code ?? ''
      if (code === 'mail.too_many') return 'later'
      if (/^(mail\.sender_unknown|mail\.unreadable|file\.empty|request\.too_large)$/.test(code)) return passedBy(code, refusal!.details)
      // The database or the store is away: that is no e-mail's fault.
      const away = code === 'service.unavailable' || code === 'request.timeout' || /^E[A-Z]+$/.test((error as { code?: string }).code ?? '')
      if (!away && Number(stuck_uid) === uid && stuck >= triesAtMost) return passedBy('mailbox.not_filed', {})
      throw new NotFiled(uid, !away, error)
    } finally {
      content.destroy()
    }
  }

  /** The mailbox is read up to this e-mail. */
  private async noteRead(id: string, place: number, uidValidity: bigint, uid: number, outcome: Outcome): Promise<void> {
    const passed = 'passedBy' in outcome ? JSON.stringify(outcome.passedBy) : null
    const noted = await this.db.query(
      `UPDATE mailbox_state SET uid_validity = $3, filed = filed + $5, passed_by = passed_by + $6, passed = coalesce($7::jsonb, passed),
         last_uid = CASE WHEN uid_validity = $3 THEN greatest(last_uid, $4) ELSE $4 END
       WHERE mailbox_id = $1 AND place = $2 AND next_read_at IS NOT NULL RETURNING mailbox_id`,
      [id, place, uidValidity, uid, 'filed' in outcome && outcome.filed ? 1 : 0, passed ? 1 : 0, passed],
    )
    if (!noted.length) throw new Ended()
  }
}

function passedBy(code: string, details: Readonly<Record<string, unknown>>): Outcome {
  return { passedBy: { code, details } }
}
