import type { Readable } from 'node:stream'
import { Controller } from '@nestjs/common'
import {
  assignUnmatchedMail,
  discardUnmatchedMail,
  fileMail,
  getMailAddress,
  listUnmatchedMails,
  renewMailAddress,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ActivityQueries } from '../activity/activity.queries.js'
import { MailAddressService } from './mail-address.service.js'
import { MailQueries, takenView, unmatchedMailView } from './mail.queries.js'
import { MailService } from './mail.service.js'

@Controller()
export class MailController {
  constructor(
    private readonly mails: MailService,
    private readonly queries: MailQueries,
    private readonly addresses: MailAddressService,
    private readonly activities: ActivityQueries,
  ) {}

  @Serve(fileMail)
  async file({ query, body }: Input<typeof fileMail>) {
    return takenView(await this.mails.file(body as unknown as Readable, query.ownerId))
  }

  @Serve(listUnmatchedMails)
  list({ query }: Input<typeof listUnmatchedMails>) {
    return this.queries.list(query)
  }

  @Serve(assignUnmatchedMail)
  async assign({ params, body }: Input<typeof assignUnmatchedMail>) {
    const { activity, leftOut } = await this.mails.assign(params.id, body)
    return { activity: await this.activities.detail(activity), leftOut }
  }

  @Serve(discardUnmatchedMail)
  async discard({ params }: Input<typeof discardUnmatchedMail>) {
    return unmatchedMailView(await this.mails.discard(params.id))
  }

  @Serve(getMailAddress)
  address() {
    return this.addresses.get()
  }

  @Serve(renewMailAddress)
  renewAddress() {
    return this.addresses.renew()
  }
}
