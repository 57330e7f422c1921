import { Controller } from '@nestjs/common'
import { assignAccount, changeAccount, getAccount, getHierarchy, listAccounts, openAccount, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { AccountQueries, accountView } from './account.queries.js'
import { AccountService } from './account.service.js'

@Controller()
export class AccountController {
  constructor(
    private readonly accounts: AccountService,
    private readonly queries: AccountQueries,
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
}
