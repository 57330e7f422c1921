import { Controller } from '@nestjs/common'
import { LeadConverted } from '@millrace/contracts'
import { On, type Received } from '@millrace/service'
import { ContactService } from '../contact/contact.service.js'
import { AccountService } from './account.service.js'

/** What the account service does when a lead becomes a customer. */
@Controller()
export class AccountConsumers {
  constructor(
    private readonly accounts: AccountService,
    private readonly contacts: ContactService,
  ) {}

  /**
   * Opens account and contact under the ids of the conversion, with those of the lead's custom fields that they have under the same key. An account
   * that the lead names but nobody opened is opened too: the deal needs one.
   */
  @On(LeadConverted)
  async open({ payload, at }: Received<typeof LeadConverted>) {
    const { account, contact, ownerId, custom } = payload
    await this.accounts.openConverted(account.id, { name: account.name, ownerId, custom }, at)
    if (contact?.isNew) await this.contacts.addConverted(contact.id, { ...contact, accountId: account.id, custom }, at)
  }
}
