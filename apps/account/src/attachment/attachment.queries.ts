import { Injectable } from '@nestjs/common'
import type { addAttachment, Answer } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { Attachment } from './attachment.js'

@Injectable()
export class AttachmentQueries {
  constructor(private readonly db: Database) {}

  /** What is attached to each of these activities, in the order it was added. */
  async of(activityIds: readonly string[]): Promise<(activityId: string) => Answer<typeof addAttachment>[]> {
    const found = await this.db.transaction(async (tx) =>
      tx.hydrate(
        Attachment,
        activityIds.length
          ? await tx.query('SELECT * FROM attachment WHERE activity_id = ANY($1) AND removed_at IS NULL ORDER BY id', [activityIds])
          : [],
      ),
    )
    return (activityId) => found.filter((attachment) => attachment.activityId === activityId).map(attachmentView)
  }
}

/** An attachment as the API shows it: without the name it is stored under. */
export function attachmentView({ id, activityId, name, bytes, sha256, addedById, createdAt }: Attachment): Answer<typeof addAttachment> {
  return { id, activityId, name, bytes, sha256, addedById, createdAt }
}
