import { Injectable } from '@nestjs/common'
import { listPooledAccounts, type Answer, type getAccountPoolSettings, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { Account } from '../account/account.js'
import { usualRules } from './account-pool.js'

type Settings = Answer<typeof getAccountPoolSettings>

@Injectable()
export class AccountPoolQueries {
  constructor(private readonly db: Database) {}

  /** The company's rules; the usual ones when it never changed them. */
  async settings(): Promise<Settings> {
    const found = await this.db.one<Settings>(
      `SELECT active, rules, warn_days AS "warnDays", max_owned AS "maxOwned", max_per_day AS "maxPerDay", blocked_days AS "blockedDays", version
       FROM account_pool_settings`,
    )
    return found ?? { ...usualRules, rules: [...usualRules.rules], version: 0 }
  }

  list(query: Input<typeof listPooledAccounts>['query']) {
    return this.db.list(Account, listPooledAccounts, query, pooledView, { where: { sql: `status = 'pooled'`, values: [] } })
  }
}

/** What is shown of an account before it is claimed. */
function pooledView(account: Account): Answer<typeof listPooledAccounts>['data'][number] {
  const { id, version, name, industry, country, region, employees, pooledAt, createdAt } = account
  return { id, version, name, industry, country, region, employees, pooledAt, createdAt }
}
