import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Inject, Injectable } from '@nestjs/common'
import type { assignUnmatchedMail, Input } from '@millrace/contracts'
import { emailKey, newId, Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Config, context, Database, Files, visibleOwners, type StoredFile, type Transaction } from '@millrace/service'
import { AccountService } from '../account/account.service.js'
import { Activity } from '../activity/activity.js'
import { ActivityService } from '../activity/activity.service.js'
import { attachmentsAtMost, type Attachment } from '../attachment/attachment.js'
import { AttachmentService, type NamedFile } from '../attachment/attachment.service.js'
import type { AccountConfig } from '../config.js'
import { everybodyIn, excerptOf, sentWhen, type Mail } from './mail.js'
import { readMail } from './mail.import.js'
import { UnmatchedMail } from './unmatched-mail.js'

/** An attachment that was not kept, and why. */
export interface LeftOut {
  readonly name: string
  readonly code: string
}

/** What became of an e-mail. */
export interface Taken {
  readonly status: 'filed' | 'unmatched' | 'known'
  readonly activity: Activity | null
  readonly unmatchedMailId: Id<'unmatched_mail'> | null
  readonly attachments: readonly Attachment[]
  readonly leftOut: readonly LeftOut[]
}

/** A contact who is in an e-mail. */
interface Known {
  readonly id: Id<'contact'>
  readonly accountId: Id<'account'>
}

/** A Message-ID that was received, or referred to, before. */
interface Seen {
  readonly key: string
  readonly threadId: string
  readonly activityId: Id<'activity'> | null
  readonly receivedAt: Date | null
}

/** What is known of those that an e-mail belongs with, itself included when it came before. */
interface Thread {
  readonly id: string
  readonly mails: readonly Seen[]
}

/**
 * Use cases of e-mails. An e-mail and its files arrive first, as files of nobody; one transaction then makes an activity of them, or puts the e-mail among
 * those that nobody is known in. Received twice, it adds nothing.
 */
@Injectable()
export class MailService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly files: Files,
    private readonly accounts: AccountService,
    private readonly activities: ActivityService,
    private readonly attachments: AttachmentService,
    @Inject(Config) private readonly config: AccountConfig,
  ) {}

  /** Files an e-mail that somebody hands in. It is theirs when nobody in it is known, or whose they say. */
  async file(content: Readable, wished: Id<'user'> | undefined): Promise<Taken> {
    const { actor } = context()
    const me = actor?.kind === 'user' ? (actor.id as Id<'user'>) : null
    try {
      if (wished && wished !== me) await this.mustSee(wished)
    } catch (error) {
      content.resume()
      throw error
    }
    return (await this.take(content, async () => wished ?? me))!
  }

  /**
   * Files an e-mail that was sent to the company's address. Refuses one in which neither the sender is of the company nor anybody a contact, and one of
   * too many. Undefined: a machine wrote it, so it is not kept; it is not refused either, or a machine would answer.
   */
  accept(content: Readable): Promise<Taken | undefined> {
    return this.take(content, async (mail, contacts) => {
      if (mail.automatic) return undefined
      const sender = mail.from && emailKey(mail.from.address)
      const colleague = sender ? await this.colleagueAt(sender) : null
      if (!colleague && !contacts.length) throw Refusal.forbidden('mail.sender_unknown')
      const minuteAgo = new Date(this.clock.now().getTime() - 60_000)
      const sent = await this.db.one<{ count: number }>(
        'SELECT count(*)::int AS count FROM mail_message WHERE sender_key = $1 AND received_at > $2',
        [sender ?? '', minuteAgo],
      )
      if (sent!.count >= this.config.MAIL_SENDER_RATE) throw new Refusal('mail.too_many', { limit: this.config.MAIL_SENDER_RATE })
      return colleague
    })
  }

  /** Files an unmatched e-mail at an account. Asked again, answers what it became. */
  async assign(
    id: Id<'unmatched_mail'>,
    given: Input<typeof assignUnmatchedMail>['body'],
  ): Promise<{ activity: Activity; leftOut: readonly LeftOut[] }> {
    const { accountId, contactId } = given
    const waiting = await this.db.get(UnmatchedMail, id)
    if (waiting.activityId) {
      const activity = await this.db.find(Activity, waiting.activityId)
      if (activity?.accountId === accountId) return { activity, leftOut: [] }
    }
    waiting.mustWait()
    await this.db.transaction((tx) => this.accounts.standing(tx, accountId))
    const enclosed: NamedFile[] = []
    try {
      const leftOut: LeftOut[] = []
      const mail = await this.read(waiting.fileId, enclosed, leftOut).catch(async (error: unknown) => {
        // Whoever was faster let its source go.
        const now = await this.db.get(UnmatchedMail, id)
        now.mustWait()
        throw error
      })
      const contacts = await this.contactsIn(mail)
      return await this.db.transaction(async (tx) => {
        const before = await tx.lock(UnmatchedMail, id)
        before.mustWait()
        const thread = await this.hold(tx, before.messageKey, mail)
        const { activity } = await this.log(tx, mail, thread, {
          accountId,
          contactId: contactId ?? contacts.find((contact) => contact.accountId === accountId)?.id ?? null,
          loggedById: before.ownerId,
          enclosed,
        })
        await tx.update(before.assign(activity.id, this.clock.now()))
        this.files.drop(tx, [before.fileId])
        tx.send('UPDATE mail_message SET activity_id = $2, unmatched_mail_id = NULL WHERE key = $1', [before.messageKey, activity.id])
        return { activity, leftOut }
      })
    } finally {
      await this.files.forget(enclosed.map((file) => file.id))
    }
  }

  discard(id: Id<'unmatched_mail'>): Promise<UnmatchedMail> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(UnmatchedMail, id)
      const mail = before.discard(this.clock.now())
      if (mail === before) return mail
      await tx.update(mail)
      this.files.drop(tx, [mail.fileId])
      return mail
    })
  }

  /** `whose` decides whom it belongs to, once it was read; undefined: it is not to be kept. */
  private async take(
    content: Readable,
    whose: (mail: Mail, contacts: readonly Known[]) => Promise<Id<'user'> | null | undefined>,
  ): Promise<Taken | undefined> {
    const raw = await this.files.receive(content, this.config.MAIL_LIMIT)
    const enclosed: NamedFile[] = []
    try {
      const mail = await this.read(raw.id)
      const contacts = await this.contactsIn(mail)
      const ownerId = await whose(mail, contacts)
      if (ownerId === undefined) return undefined
      const key = keyOf(mail.messageId ?? `content ${raw.sha256}`)
      const known = await this.db.transaction((tx) => knownAs(tx, key))
      if (known) return known
      const leftOut: LeftOut[] = []
      if (contacts.length) await this.read(raw.id, enclosed, leftOut)
      return await this.db.transaction(async (tx) => {
        const thread = await this.hold(tx, key, mail)
        if (thread.mails.some((each) => each.key === key && each.receivedAt)) return (await knownAs(tx, key))!
        if (!contacts.length) return this.keepUnmatched(tx, mail, thread, { key, raw, ownerId })
        const account = await accountOf(tx, thread)
        const { id: contactId, accountId } = contacts.find((each) => each.accountId === account) ?? contacts[0]!
        const { activity, attachments } = await this.log(tx, mail, thread, { accountId, contactId, loggedById: ownerId, enclosed })
        this.note(tx, key, mail, thread, { activityId: activity.id })
        return { status: 'filed', activity, unmatchedMailId: null, attachments, leftOut }
      })
    } finally {
      await this.files.forget([raw.id, ...enclosed.map(({ id }) => id)])
    }
  }

  /** Reads a stored e-mail; its files are taken in one after the other, when they are wanted. */
  private async read(id: Id<'file'>, enclosed?: NamedFile[], leftOut: LeftOut[] = []): Promise<Mail> {
    return readMail(await this.files.open(id), async ({ name, content }) => {
      if (!enclosed) return
      try {
        if (enclosed.length >= attachmentsAtMost) throw new Refusal('attachment.too_many', { limit: attachmentsAtMost })
        enclosed.push(await this.attachments.receive(name, content))
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        if (leftOut.length < attachmentsAtMost) leftOut.push({ name: name.toWellFormed().slice(0, 200), code: error.code })
      }
    })
  }

  /** Two of one thread, or one that comes twice at the same moment, are filed one after the other. Answers what is known of the thread. */
  private async hold(tx: Transaction, key: string, { references }: Mail): Promise<Thread> {
    const keys = [key, ...references.map(keyOf)]
    tx.lockKeys(keys.map((each) => `mail ${each}`))
    const mails = await tx.query<Seen & object>(
      `SELECT key, thread_id AS "threadId", activity_id AS "activityId", received_at AS "receivedAt"
       FROM mail_message WHERE key = ANY($1) ORDER BY received_at NULLS LAST, key`,
      [keys],
    )
    return { id: mails[0]?.threadId ?? newId('thread'), mails }
  }

  private async log(
    tx: Transaction,
    mail: Mail,
    thread: Thread,
    given: { accountId: Id<'account'>; contactId: Id<'contact'> | null; loggedById: Id<'user'> | null; enclosed: readonly NamedFile[] },
  ): Promise<{ activity: Activity; attachments: Attachment[] }> {
    const account = await this.accounts.standing(tx, given.accountId)
    const { from, to, cc } = mail
    const activity = await this.activities.logMail(tx, account, {
      contactId: given.contactId,
      opportunityId: await dealOf(tx, thread, account.id),
      subject: mail.subject || '(no subject)',
      text: mail.text,
      takesPlaceAt: sentWhen(mail, this.clock.now()),
      loggedById: given.loggedById,
      mail: { threadId: thread.id, from, to, cc },
    })
    return { activity, attachments: await this.attachments.store(tx, activity, given.enclosed) }
  }

  private async keepUnmatched(
    tx: Transaction,
    mail: Mail,
    thread: Thread,
    { key, raw, ownerId }: { key: string; raw: StoredFile; ownerId: Id<'user'> | null },
  ): Promise<Taken> {
    const now = this.clock.now()
    const unmatched = UnmatchedMail.keep({
      ...begun('unmatched_mail', now),
      ownerId,
      messageKey: key,
      fileId: raw.id,
      sender: mail.from,
      recipients: [...mail.to, ...mail.cc],
      subject: mail.subject,
      excerpt: excerptOf(mail),
      sentAt: sentWhen(mail, now),
    })
    await this.files.keep(tx, [raw.id])
    await tx.insert(unmatched)
    this.note(tx, key, mail, thread, { unmatchedMailId: unmatched.id })
    return { status: 'unmatched', activity: null, unmatchedMailId: unmatched.id, attachments: [], leftOut: [] }
  }

  /** Remembers the Message-ID and those that it refers to, all as one thread. */
  private note(
    tx: Transaction,
    key: string,
    { from, references }: Mail,
    thread: Thread,
    became: { activityId?: Id<'activity'>; unmatchedMailId?: Id<'unmatched_mail'> },
  ): void {
    const others = [...new Set(references.map(keyOf))].filter((each) => each !== key)
    if (others.length)
      tx.send('INSERT INTO mail_message (key, thread_id) SELECT k, $2 FROM unnest($1::text[]) AS k ON CONFLICT DO NOTHING', [
        others,
        thread.id,
      ])
    tx.send(
      `INSERT INTO mail_message (key, thread_id, activity_id, unmatched_mail_id, sender_key, received_at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (tenant_id, key) DO UPDATE SET thread_id = excluded.thread_id, activity_id = excluded.activity_id, unmatched_mail_id = excluded.unmatched_mail_id,
         sender_key = excluded.sender_key, received_at = excluded.received_at`,
      [key, thread.id, became.activityId ?? null, became.unmatchedMailId ?? null, from && emailKey(from.address), this.clock.now()],
    )
  }

  /** The contacts in an e-mail that may be seen, in the order they are named, the newest first of those with one address. Colleagues are none. */
  private async contactsIn(mail: Mail): Promise<Known[]> {
    const everybody = everybodyIn(mail)
    if (!everybody.length) return []
    const colleagues = await this.db.query<{ key: string }>('SELECT lower(email) AS key FROM directory_user WHERE lower(email) = ANY($1)', [
      everybody,
    ])
    const keys = everybody.filter((each) => !colleagues.some(({ key }) => key === each))
    const visible = visibleOwners('c.owner_id', 1)
    return this.db.query<Known & object>(
      `SELECT c.id, c.account_id AS "accountId" FROM unnest($1::text[]) WITH ORDINALITY AS named(key, n) JOIN contact c ON c.email_key = named.key
       ${visible ? `WHERE ${visible.sql}` : ''}
       ORDER BY named.n, c.id DESC LIMIT 200`,
      [keys, ...(visible?.values ?? [])],
    )
  }

  private async colleagueAt(address: string): Promise<Id<'user'> | null> {
    const found = await this.db.one<{ id: Id<'user'> }>('SELECT id FROM directory_user WHERE lower(email) = $1 AND active LIMIT 1', [
      address,
    ])
    return found?.id ?? null
  }

  private async mustSee(userId: Id<'user'>): Promise<void> {
    const visible = visibleOwners('u.id', 1)
    const found = await this.db.one(`SELECT 1 FROM directory_user u WHERE u.id = $1 AND u.active${visible ? ` AND ${visible.sql}` : ''}`, [
      userId,
      ...(visible?.values ?? []),
    ])
    if (!found) throw Refusal.invalid('reference.unknown', { field: 'ownerId', value: userId })
  }
}

/** A Message-ID may be a thousand letters long, and anybody may write anything into it. */
function keyOf(messageId: string): string {
  return hash('sha256', messageId, 'base64url')
}

/** What became of the e-mail when it was received before, as far as the actor may see it. */
async function knownAs(tx: Transaction, key: string): Promise<Taken | undefined> {
  const found = await tx.one<{ activity: Id<'activity'> | null; unmatched: Id<'unmatched_mail'> | null }>(
    'SELECT activity_id AS activity, unmatched_mail_id AS unmatched FROM mail_message WHERE key = $1 AND received_at IS NOT NULL',
    [key],
  )
  if (!found) return undefined
  const activity = found.activity ? ((await tx.find(Activity, found.activity)) ?? null) : null
  const unmatched = found.unmatched ? await tx.find(UnmatchedMail, found.unmatched) : undefined
  return { status: 'known', activity, unmatchedMailId: unmatched?.id ?? null, attachments: [], leftOut: [] }
}

/** The account at which the thread is filed. */
async function accountOf(tx: Transaction, { mails }: Thread): Promise<Id<'account'> | undefined> {
  const ids = mails.flatMap(({ activityId }) => activityId ?? [])
  if (!ids.length) return undefined
  const found = await tx.one<{ id: Id<'account'> }>(
    'SELECT account_id AS id FROM activity WHERE id = ANY($1) ORDER BY takes_place_at DESC, id LIMIT 1',
    [ids],
  )
  return found?.id
}

/** The deal that the thread is about, if its e-mails were noted for one of this account. */
async function dealOf(tx: Transaction, { mails }: Thread, accountId: Id<'account'>): Promise<Id<'opportunity'> | null> {
  const ids = mails.flatMap(({ activityId }) => activityId ?? [])
  if (!ids.length) return null
  const found = await tx.one<{ id: Id<'opportunity'> }>(
    `SELECT a.opportunity_id AS id FROM activity a JOIN known_opportunity o ON o.id = a.opportunity_id
     WHERE a.id = ANY($1) AND a.account_id = $2 AND (o.account_id IS NULL OR o.account_id = $2) ORDER BY a.takes_place_at DESC, a.id LIMIT 1`,
    [ids, accountId],
  )
  return found?.id ?? null
}
