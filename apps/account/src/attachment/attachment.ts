import { Refusal, type Id } from '@millrace/domain'

/** So many files can an activity have. */
export const attachmentsAtMost = 50

/** A file that belongs to an activity. Once removed, only that it was there is known. Every method returns the attachment as it is afterwards. */
export class Attachment {
  declare readonly id: Id<'attachment'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly activityId: Id<'activity'>
  declare readonly fileId: Id<'file'>
  declare readonly name: string
  declare readonly bytes: number
  /** Of the content, in hex. */
  declare readonly sha256: string
  /** Null: a program, or an e-mail, brought it. */
  declare readonly addedById: Id<'user'> | null
  declare readonly removedAt: Date | null
  declare readonly removedById: string | null

  /** Adds a file to those that are there; the same one under the same name is the one that is there. */
  static add(given: Omit<Attachment, 'removedAt' | 'removedById' | 'remove'>, present: readonly Attachment[]): Attachment {
    const same = present.find(({ name, sha256 }) => name === given.name && sha256 === given.sha256)
    if (same) return same
    if (present.length >= attachmentsAtMost) throw new Refusal('attachment.too_many', { limit: attachmentsAtMost })
    return Object.assign(Object.create(Attachment.prototype) as Attachment, given, { removedAt: null, removedById: null })
  }

  remove(by: string | null, at: Date): Attachment {
    if (this.removedAt) return this
    return Object.assign(Object.create(Attachment.prototype) as Attachment, this, { removedAt: at, removedById: by, updatedAt: at })
  }
}
