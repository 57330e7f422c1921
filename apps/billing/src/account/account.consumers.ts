import { Controller } from '@nestjs/common'
import { AccountChanged, AccountMerged, AccountOpened } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { AccountMerges } from './account-merge.service.js'
import { AccountService } from './account.service.js'

/** What billing remembers of accounts when they are opened or changed. */
@Controller()
export class AccountConsumers {
  constructor(
    private readonly accounts: AccountService,
    private readonly merges: AccountMerges,
  ) {}

  @On(AccountOpened)
  opened(event: Received<typeof AccountOpened>, tx: Transaction) {
    return this.accounts.keep(event, tx)
  }

  @On(AccountChanged)
  changed(event: Received<typeof AccountChanged>, tx: Transaction) {
    return this.accounts.keep(event, tx)
  }

  @On(AccountMerged)
  merged(event: Received<typeof AccountMerged>, tx: Transaction) {
    return this.merges.follow(event, tx)
  }
}
