import type { Readable } from 'node:stream'
import { Controller, StreamableFile } from '@nestjs/common'
import { addAttachment, downloadAttachment, removeAttachment, type Input } from '@millrace/contracts'
import { asAttachment, Serve } from '@millrace/service'
import { attachmentView } from './attachment.queries.js'
import { AttachmentService } from './attachment.service.js'

@Controller()
export class AttachmentController {
  constructor(private readonly attachments: AttachmentService) {}

  @Serve(addAttachment)
  async add({ params, query, body }: Input<typeof addAttachment>) {
    return attachmentView(await this.attachments.add(params.id, query.name, body as unknown as Readable))
  }

  @Serve(downloadAttachment)
  async download({ params }: Input<typeof downloadAttachment>) {
    const { attachment, content } = await this.attachments.open(params.id)
    // Never by the type that its name suggests: a browser is to save it, and nothing else.
    return new StreamableFile(content, {
      type: 'application/octet-stream',
      disposition: asAttachment(attachment.name),
      length: attachment.bytes,
    })
  }

  @Serve(removeAttachment)
  async remove({ params }: Input<typeof removeAttachment>) {
    await this.attachments.remove(params.id)
  }
}
