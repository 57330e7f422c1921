import { Controller } from '@nestjs/common'
import {
  assignAccount,
  changeAccount,
  getAccount,
  getAccountOverview,
  getHierarchy,
  keepAccountApart,
  listAccountDuplicates,
  listAccounts,
  mergeAccount,
  openAccount,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { OverviewQueries } from '../overview/overview.queries.js'
import { AccountLikeness } from './account-likeness.service.js'
import { AccountMerges } from './account-merge.service.js'
import { AccountQueries, accountView } from './account.queries.js'
import { AccountService } from './account.service.js'

@Controller()
export class AccountController {
  constructor(
    private readonly accounts: AccountService,
    private readonly queries: AccountQueries,
    private readonly merges: AccountMerges,
    private readonly likeness: AccountLikeness,
    private readonly overviews: OverviewQueries,
  ) {}

  @Serve(openAccount)
  async open({ body }: Input<typeof openAccount>) {
    return accountView(await this.accounts.open(body))
  }

  @Serve(listAccounts)
  list({ query }: Input<typeof listAccounts>) {
    return this.queries.list(query)
  }

  @Serve(getAccount)
  get({ params }: Input<typeof getAccount>) {
    return this.queries.get(params.id)
  }

  @Serve(changeAccount)
  async change({ params, body }: Input<typeof changeAccount>) {
    return accountView(await this.accounts.change(params.id, body))
  }

  @Serve(assignAccount)
  async assign({ params, body }: Input<typeof assignAccount>) {
    return accountView(await this.accounts.assign(params.id, body.ownerId))
  }

  @Serve(getHierarchy)
  hierarchy({ params }: Input<typeof getHierarchy>) {
    return this.queries.hierarchy(params.id)
  }

  @Serve(getAccountOverview)
  overview({ params }: Input<typeof getAccountOverview>) {
    return this.overviews.get(params.id)
  }

  @Serve(mergeAccount)
  async merge({ params, body }: Input<typeof mergeAccount>) {
    return accountView(await this.merges.merge(params.id, body))
  }

  @Serve(keepAccountApart)
  async keepApart({ params, body }: Input<typeof keepAccountApart>) {
    return accountView(await this.merges.keepApart(params.id, body.accountId))
  }

  @Serve(listAccountDuplicates)
  duplicates({ query }: Input<typeof listAccountDuplicates>) {
    return this.likeness.list(query)
  }
}
