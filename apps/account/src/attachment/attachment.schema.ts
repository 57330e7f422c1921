import { aggregateSchema } from '@millrace/service'
import { Attachment } from './attachment.js'

export const AttachmentSchema = aggregateSchema(Attachment, 'attachment', {
  activityId: 'text',
  fileId: 'text',
  name: 'text',
  bytes: 'integer',
  sha256: 'text',
  addedById: 'text?',
  removedAt: 'instant?',
  removedById: 'text?',
})
