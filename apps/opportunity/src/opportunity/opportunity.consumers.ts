import { Controller } from '@nestjs/common'
import {
  AccountChanged,
  AccountMerged,
  AccountOpened,
  ContractSigned,
  LeadConverted,
  ProductChanged,
  ProductCreated,
} from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { KnownRecords } from './known-records.queries.js'
import { OpportunityService } from './opportunity.service.js'

/** What the deal does when others speak. Each runs once per event, in the transaction that marks it read. */
@Controller()
export class OpportunityConsumers {
  constructor(
    private readonly opportunities: OpportunityService,
    private readonly known: KnownRecords,
  ) {}

  @On(LeadConverted)
  open({ payload, at }: Received<typeof LeadConverted>, tx: Transaction) {
    return this.opportunities.openFromLead(tx, payload, at)
  }

  @On(ContractSigned)
  win({ payload, at }: Received<typeof ContractSigned>, tx: Transaction) {
    return this.opportunities.winBySignature(tx, payload, at)
  }

  @On(AccountOpened)
  accountOpened({ payload, sequence }: Received<typeof AccountOpened>, tx: Transaction) {
    return this.known.keepAccount(tx, payload, sequence)
  }

  @On(AccountChanged)
  accountChanged({ payload, sequence }: Received<typeof AccountChanged>, tx: Transaction) {
    return this.known.keepAccount(tx, payload, sequence)
  }

  @On(AccountMerged)
  accountMerged({ payload, sequence, at }: Received<typeof AccountMerged>, tx: Transaction) {
    return this.opportunities.followAccount(tx, payload, sequence, at)
  }

  @On(ProductCreated)
  productCreated({ payload, sequence }: Received<typeof ProductCreated>, tx: Transaction) {
    return this.known.keepProduct(tx, payload, sequence)
  }

  @On(ProductChanged)
  productChanged({ payload, sequence }: Received<typeof ProductChanged>, tx: Transaction) {
    return this.known.keepProduct(tx, payload, sequence)
  }
}
