import { Inject, Injectable } from '@nestjs/common'
import type { addMailbox, changeMailbox, Input } from '@millrace/contracts'
import { addDays, dayOf, Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Config, Database, Sealing, type Transaction } from '@millrace/service'
import type { AccountConfig } from '../config.js'
import { Mailbox, type MailboxSettings } from './mailbox.js'

const mostMailboxes = 50

/** Use cases of mailboxes. Their passwords are kept sealed, in a table of their own: nothing that shows, tells or notes a mailbox has them at hand. */
@Injectable()
export class MailboxService {
  private readonly sealing: Sealing | undefined

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    @Inject(Config) { ACCOUNT_SECRET }: AccountConfig,
  ) {
    this.sealing = ACCOUNT_SECRET ? new Sealing(ACCOUNT_SECRET) : undefined
  }

  add({ secret, since, ...given }: Input<typeof addMailbox>['body']): Promise<Mailbox> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['mailboxes'])
      const { count } = (await tx.one<{ count: number }>('SELECT count(*)::int AS count FROM mailbox'))!
      if (count >= mostMailboxes) throw new Refusal('mailbox.too_many', { limit: mostMailboxes })
      const now = this.clock.now()
      // Servers count days in zones of their own: what comes from now on may be of yesterday there.
      const mailbox = Mailbox.add({ ...begun('mailbox', now), ...given, since: since ?? addDays(dayOf(now, 'UTC'), -1) })
      await tx.insert(mailbox)
      this.keepSecret(tx, mailbox.id, secret)
      await tx.query('INSERT INTO mailbox_state (mailbox_id, next_read_at) VALUES ($1, $2)', [mailbox.id, mailbox.active ? now : null])
      return mailbox
    })
  }

  /** Changes what is given. It is tried at once, however long it was to rest. */
  change(id: Id<'mailbox'>, { secret, ...given }: Input<typeof changeMailbox>['body']): Promise<Mailbox> {
    const settings = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<MailboxSettings>
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Mailbox, id)
      const mailbox = await tx.update(before.change(settings, this.clock.now()))
      if (mailbox.isElsewhere(before) && secret === undefined) throw Refusal.invalid('mailbox.secret_needed')
      if (secret !== undefined) this.keepSecret(tx, id, secret)
      await tx.query(
        `UPDATE mailbox_state SET next_read_at = $2, failures = 0, error = NULL, stuck = 0, place = place + 1,
           uid_validity = CASE WHEN $3 THEN NULL ELSE uid_validity END, last_uid = CASE WHEN $3 THEN 0 ELSE last_uid END
         WHERE mailbox_id = $1`,
        [id, mailbox.active ? this.clock.now() : null, mailbox.beginsAnew(before)],
      )
      return mailbox
    })
  }

  delete(id: Id<'mailbox'>): Promise<void> {
    return this.db.transaction(async (tx) => {
      const { version, name } = await tx.lock(Mailbox, id)
      await tx.query('DELETE FROM mailbox WHERE id = $1', [id])
      tx.noteInAudit('mailbox', id, version + 1, { deleted: name })
    })
  }

  /** The password, for whoever signs in with it. Refuses `mailbox.no_key` and `mailbox.secret_sealed`. */
  async secretOf(id: Id<'mailbox'>): Promise<string> {
    const sealing = this.mustHaveKey()
    const row = await this.db.one<{ sealed: Buffer }>('SELECT sealed FROM mailbox_secret WHERE mailbox_id = $1', [id])
    try {
      return sealing.open<string>(`mailbox ${id}`, row!.sealed)
    } catch {
      throw new Refusal('mailbox.secret_sealed')
    }
  }

  private keepSecret(tx: Transaction, id: Id<'mailbox'>, secret: string): void {
    tx.send(
      'INSERT INTO mailbox_secret (mailbox_id, sealed) VALUES ($1, $2) ON CONFLICT (tenant_id, mailbox_id) DO UPDATE SET sealed = excluded.sealed',
      [id, this.mustHaveKey().seal(`mailbox ${id}`, secret)],
    )
  }

  private mustHaveKey(): Sealing {
    if (!this.sealing) throw new Refusal('mailbox.no_key')
    return this.sealing
  }
}
