import { Injectable } from '@nestjs/common'
import type { AccountMerged } from '@millrace/contracts'
import { Money, type Currency } from '@millrace/domain'
import type { Received, Transaction } from '@millrace/service'
import { CollectionPlan } from '../collection-plan/collection-plan.js'
import { Invoice } from '../invoice/invoice.js'
import { mirrored, type LedgerAccount, type Wish } from '../ledger/journal-entry.js'
import { LedgerService } from '../ledger/ledger.service.js'
import { LegalEntityService } from '../legal-entity/legal-entity.service.js'
import { Receipt } from '../receipt/receipt.js'
import { Receivable } from '../receivable/receivable.js'
import { AccountService } from './account.service.js'

type Owing = CollectionPlan | Receivable | Invoice | Receipt

interface Balance {
  readonly ledgerAccount: LedgerAccount
  readonly currency: Currency
  readonly minor: string
}

/** What becomes of the money of an account that became part of another one. */
@Injectable()
export class AccountMerges {
  constructor(
    private readonly accounts: AccountService,
    private readonly ledger: LedgerService,
    private readonly entities: LegalEntityService,
  ) {}

  /** Plans, receivables, invoices and receipts are the other one’s; what is booked stays, and its balances are booked over. */
  async follow(event: Received<typeof AccountMerged>, tx: Transaction): Promise<void> {
    const { accountId: from, into } = event.payload
    await this.accounts.merge(event, tx)
    await this.accounts.lock(tx, [from, into])
    for (const kind of [CollectionPlan, Receivable, Invoice, Receipt]) {
      const records = await tx.lockBy<Owing>(kind, { account_id: from })
      await tx.updateAll(records.map((record) => record.moveTo(into, event.at)))
    }
    const balances = await tx.query<Balance>(
      `SELECT ledger_account AS "ledgerAccount", amount_currency AS currency, sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END)::text AS minor
       FROM posting WHERE account_id = $1 GROUP BY 1, 2 HAVING sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0 ORDER BY 1, 2`,
      [from],
    )
    if (balances.length) await this.bookOver(tx, event, balances.map(postingOf))
  }

  private async bookOver(
    tx: Transaction,
    { payload: { accountId, into }, journeyId }: Received<typeof AccountMerged>,
    postings: readonly Wish[],
  ): Promise<void> {
    const entry = { kind: 'account_merged' as const, sourceId: accountId, journeyId, occurredOn: await this.entities.today() }
    await this.ledger.book(tx, { ...entry, accountId }, postings.map(mirrored))
    await this.ledger.book(tx, { ...entry, accountId: into }, postings)
  }
}

function postingOf({ ledgerAccount, currency, minor }: Balance): Wish {
  const amount = Money.of(BigInt(minor), currency)
  return { ledgerAccount, side: amount.isNegative() ? 'credit' : 'debit', amount: amount.isNegative() ? amount.negate() : amount }
}
