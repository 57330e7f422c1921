import { Controller } from '@nestjs/common'
import { addContact, changeContact, getContact, listContacts, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ContactQueries, contactView } from './contact.queries.js'
import { ContactService } from './contact.service.js'

@Controller()
export class ContactController {
  constructor(
    private readonly contacts: ContactService,
    private readonly queries: ContactQueries,
  ) {}

  @Serve(addContact)
  async add({ body }: Input<typeof addContact>) {
    return contactView(await this.contacts.add(body))
  }

  @Serve(listContacts)
  list({ query }: Input<typeof listContacts>) {
    return this.queries.list(query)
  }

  @Serve(getContact)
  get({ params }: Input<typeof getContact>) {
    return this.queries.get(params.id)
  }

  @Serve(changeContact)
  async change({ params, body }: Input<typeof changeContact>) {
    return contactView(await this.contacts.change(params.id, body))
  }
}
