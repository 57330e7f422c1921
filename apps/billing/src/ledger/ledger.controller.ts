import { Controller } from '@nestjs/common'
import { checkLedger, listLedgerBalances, listLedgerEntries, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { LedgerQueries } from './ledger.queries.js'

@Controller()
export class LedgerController {
  constructor(private readonly queries: LedgerQueries) {}

  @Serve(listLedgerEntries)
  entries({ query }: Input<typeof listLedgerEntries>) {
    return this.queries.entries(query)
  }

  @Serve(listLedgerBalances)
  balances({ query }: Input<typeof listLedgerBalances>) {
    return this.queries.balances(query)
  }

  @Serve(checkLedger)
  check() {
    return this.queries.check()
  }
}
