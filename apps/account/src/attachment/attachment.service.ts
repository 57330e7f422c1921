import type { Readable } from 'node:stream'
import { Inject, Injectable } from '@nestjs/common'
import { Refusal, type Id } from '@millrace/domain'
import {
  begun,
  Clock,
  Config,
  context,
  Database,
  Files,
  mustBeAccepted,
  mustBeWhatItSays,
  safeFileName,
  type StoredFile,
  type Transaction,
} from '@millrace/service'
import { Activity } from '../activity/activity.js'
import type { AccountConfig } from '../config.js'
import { Attachment } from './attachment.js'

/** A file that has arrived, under the name it is to have. */
export interface NamedFile extends StoredFile {
  readonly name: string
}

/** Use cases of attachments. The file arrives first; one transaction makes it an attachment. */
@Injectable()
export class AttachmentService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly files: Files,
    @Inject(Config) private readonly config: AccountConfig,
  ) {}

  async add(activityId: Id<'activity'>, given: string, content: Readable): Promise<Attachment> {
    let file: NamedFile | undefined
    try {
      await this.db.get(Activity, activityId) // nobody sends 25 MB to be told that there is no such activity
      file = await this.receive(given, content)
      const received = file
      return await this.db.transaction(async (tx) => {
        const activity = await tx.lock(Activity, activityId)
        const [attachment] = await this.store(tx, activity, [received])
        return attachment!
      })
    } finally {
      content.resume()
      if (file) await this.files.forget([file.id]) // where it was there already, or was refused at last
    }
  }

  /** Takes a file in, if it is of a kind that is accepted and what its name says. It is nobody's until `store`. */
  async receive(given: string, content: Readable): Promise<NamedFile> {
    const name = safeFileName(given)
    mustBeAccepted(name)
    return { ...(await this.files.receive(content, this.config.FILE_LIMIT, (head) => mustBeWhatItSays(name, head))), name }
  }

  /** Makes files attachments of an activity that the transaction holds. Those that it has already stay as they are. */
  async store(tx: Transaction, activity: Pick<Activity, 'id' | 'journeyId'>, files: readonly NamedFile[]): Promise<Attachment[]> {
    const { actor } = context()
    const present = await presentOn(tx, activity.id)
    const added: Attachment[] = []
    const all = files.map(({ id, name, bytes, sha256 }) => {
      const attachment = Attachment.add(
        {
          ...begun('attachment', this.clock.now()),
          journeyId: activity.journeyId,
          activityId: activity.id,
          fileId: id,
          name,
          bytes,
          sha256,
          addedById: actor?.kind === 'user' ? (actor.id as Id<'user'>) : null,
        },
        [...present, ...added],
      )
      if (attachment.fileId === id) added.push(attachment)
      return attachment
    })
    await this.files.keep(
      tx,
      added.map(({ fileId }) => fileId),
    )
    await tx.insert(added)
    return all
  }

  /** The file of an attachment, if its activity may be seen. */
  async open(id: Id<'attachment'>): Promise<{ attachment: Attachment; content: Readable }> {
    const there = async () => {
      const attachment = await this.db.transaction((tx) => visible(tx, id, (one) => tx.find(Attachment, one)))
      if (attachment.removedAt) throw Refusal.notFound('attachment', id)
      return attachment
    }
    const attachment = await there()
    const content = await this.files.open(attachment.fileId).catch(async (error: unknown) => {
      await there() // it may have been removed meanwhile
      throw error
    })
    return { attachment, content }
  }

  remove(id: Id<'attachment'>): Promise<void> {
    return this.db.transaction(async (tx) => {
      const before = await visible(tx, id, (one) => tx.lock(Attachment, one))
      const attachment = before.remove(context().actor?.id ?? null, this.clock.now())
      if (attachment === before) return
      await tx.update(attachment)
      this.files.drop(tx, [attachment.fileId])
    })
  }
}

async function presentOn(tx: Transaction, activityId: Id<'activity'>): Promise<Attachment[]> {
  return tx.hydrate(Attachment, await tx.query('SELECT * FROM attachment WHERE activity_id = $1 AND removed_at IS NULL', [activityId]))
}

/** Whoever sees the activity sees its attachments; for everybody else there is none. */
async function visible(
  tx: Transaction,
  id: Id<'attachment'>,
  find: (id: Id<'attachment'>) => Promise<Attachment | undefined>,
): Promise<Attachment> {
  const attachment = await find(id)
  if (!attachment || !(await tx.find(Activity, attachment.activityId))) throw Refusal.notFound('attachment', id)
  return attachment
}
