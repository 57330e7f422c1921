import { Controller } from '@nestjs/common'
import { addMailbox, changeMailbox, checkMailbox, deleteMailbox, getMailbox, listMailboxes, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { MailboxQueries } from './mailbox.queries.js'
import { MailboxReader } from './mailbox-reader.service.js'
import { MailboxService } from './mailbox.service.js'

@Controller()
export class MailboxController {
  constructor(
    private readonly mailboxes: MailboxService,
    private readonly reader: MailboxReader,
    private readonly queries: MailboxQueries,
  ) {}

  @Serve(addMailbox)
  async add({ body }: Input<typeof addMailbox>) {
    return this.queries.view(await this.mailboxes.add(body))
  }

  @Serve(listMailboxes)
  list({ query }: Input<typeof listMailboxes>) {
    return this.queries.list(query)
  }

  @Serve(getMailbox)
  get({ params }: Input<typeof getMailbox>) {
    return this.queries.get(params.id)
  }

  @Serve(changeMailbox)
  async change({ params, body }: Input<typeof changeMailbox>) {
    return this.queries.view(await this.mailboxes.change(params.id, body))
  }

  @Serve(deleteMailbox)
  delete({ params }: Input<typeof deleteMailbox>) {
    return this.mailboxes.delete(params.id)
  }

  @Serve(checkMailbox)
  check({ params }: Input<typeof checkMailbox>) {
    return this.reader.check(params.id)
  }
}
