import { Controller } from '@nestjs/common'
import {
  changeAccountPoolSettings,
  claimAccount,
  getAccountPoolSettings,
  listPooledAccounts,
  releaseAccount,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { accountView } from '../account/account.queries.js'
import { AccountPoolQueries } from './account-pool.queries.js'
import { AccountPoolService } from './account-pool.service.js'

@Controller()
export class AccountPoolController {
  constructor(
    private readonly pool: AccountPoolService,
    private readonly queries: AccountPoolQueries,
  ) {}

  @Serve(getAccountPoolSettings)
  settings() {
    return this.queries.settings()
  }

  @Serve(changeAccountPoolSettings)
  changeSettings({ body }: Input<typeof changeAccountPoolSettings>) {
    return this.pool.changeSettings(body)
  }

  @Serve(listPooledAccounts)
  list({ query }: Input<typeof listPooledAccounts>) {
    return this.queries.list(query)
  }

  @Serve(releaseAccount)
  async release({ params }: Input<typeof releaseAccount>) {
    return accountView(await this.pool.release(params.id))
  }

  @Serve(claimAccount)
  async claim({ params }: Input<typeof claimAccount>) {
    return accountView(await this.pool.claim(params.id))
  }
}
