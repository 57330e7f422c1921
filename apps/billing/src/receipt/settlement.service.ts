import { Injectable } from '@nestjs/common'
import { ReceiptSettled, ReceivableReopened, ReceivableSettled, SettlementUndone } from '@millrace/contracts'
import { Money, newId, Refusal, type Id } from '@millrace/domain'
import { Clock, Events, type Transaction } from '@millrace/service'
import { settlementPostings, type JournalEntry } from '../ledger/journal-entry.js'
import { LedgerService } from '../ledger/ledger.service.js'
import { LegalEntityService } from '../legal-entity/legal-entity.service.js'
import { Receivable } from '../receivable/receivable.js'
import { ReceivableQueries } from '../receivable/receivable.queries.js'
import { Receipt } from './receipt.js'
import { match, Settlement, type Allocation } from './settlement.js'

/** At most so many open receivables of an account are looked at for one receipt, the oldest first. */
const mostPayables = 1_000

/** Matches money with what is owed, and undoes it. The caller holds the lock of the account. */
@Injectable()
export class SettlementService {
  constructor(
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly ledger: LedgerService,
    private readonly entities: LegalEntityService,
    private readonly receivables: ReceivableQueries,
  ) {}

  /** What an amount of the account would pay by the usual rules, oldest first. */
  async payables(tx: Transaction, accountId: Id<'account'>, { currency }: Money): Promise<Receivable[]> {
    const rows = await tx.query(
      `SELECT * FROM receivable WHERE account_id = $1 AND open_currency = $2 AND open_minor > 0 AND invoice_id IS NOT NULL
       ORDER BY due_on, number, id LIMIT $3`,
      [accountId, currency, mostPayables],
    )
    return tx.hydrate(Receivable, rows)
  }

  /** Pays receivables with a receipt's credit: all of the allocations or none. Answers the receipt as it is then. */
  async settle(tx: Transaction, receipt: Receipt, allocations: readonly Allocation[]): Promise<Receipt> {
    if (!allocations.length) return receipt
    const at = this.clock.now()
    const before = await this.receivables.lock(
      tx,
      allocations.map(({ receivableId }) => receivableId),
    )
    for (const { id, accountId, amount } of before) {
      if (accountId !== receipt.accountId) throw new Refusal('receipt.other_account', { receivableId: id })
      if (amount.currency !== receipt.amount.currency)
        throw new Refusal('receipt.other_currency', { receivable: amount.currency, receipt: receipt.amount.currency })
    }
    const total = Money.sum(
      allocations.map(({ amount }) => amount),
      receipt.amount.currency,
    )
    const spent = receipt.spend(total, at)
    const paid = new Map(allocations.map(({ receivableId, amount }) => [receivableId, amount]))
    const receivables = before.map((receivable) => receivable.settle(paid.get(receivable.id)!, at))

    const entry = await this.ledger.book(
      tx,
      { kind: 'settlement', sourceId: receipt.id, ...(await this.bookedFor(receipt)) },
      settlementPostings(allocations),
    )
    await tx.insert(
      allocations.map((allocation) =>
        Settlement.of({ id: newId('settlement'), receiptId: receipt.id, ...allocation, entryId: entry.id, settledAt: at }),
      ),
    )
    const stored = await tx.update(spent)
    await this.tellReceipt(tx, ReceiptSettled, stored, allocations)
    await this.store(tx, receivables, ReceivableSettled)
    return stored
  }

  /** Takes back everything that the receipt pays. Refuses when it pays nothing, so that of two at once one wins. */
  async undo(tx: Transaction, receipt: Receipt): Promise<Receipt> {
    const at = this.clock.now()
    const rows = await tx.query('SELECT * FROM settlement WHERE receipt_id = $1 AND undone_at IS NULL ORDER BY id', [receipt.id])
    const settlements = tx.hydrate(Settlement, rows)
    if (!settlements.length) throw new Refusal('receipt.not_settled')
    const taken = settlements.reduce(
      (sums, { receivableId, amount }) => sums.set(receivableId, sums.get(receivableId)?.plus(amount) ?? amount),
      new Map<Id<'receivable'>, Money>(),
    )
    const allocations = [...taken].map(([receivableId, amount]) => ({ receivableId, amount }))
    const today = await this.entities.today()
    const before = await this.receivables.lock(
      tx,
      allocations.map(({ receivableId }) => receivableId),
    )
    const receivables = before.map((receivable) => receivable.reopen(taken.get(receivable.id)!, today, at))

    for (const entryId of new Set(settlements.map((settlement) => settlement.entryId)))
      await this.ledger.reverse(tx, entryId, { kind: 'settlement_undone', ...(await this.bookedFor(receipt)) })
    await tx.query('UPDATE settlement SET undone_at = $2 WHERE receipt_id = $1 AND undone_at IS NULL', [receipt.id, at])
    const total = Money.sum(taken.values(), receipt.amount.currency)
    const stored = await tx.update(receipt.regain(total, at))
    await this.tellReceipt(tx, SettlementUndone, stored, allocations)
    await this.store(tx, receivables, ReceivableReopened)
    return stored
  }

  /** Uses the credit of accounts for receivables that have just become payable, the older receipt first. */
  async applyCredit(tx: Transaction, payable: readonly Receivable[]): Promise<void> {
    if (!payable.length) return
    const rows = await tx.query(
      `SELECT * FROM receipt WHERE account_id = ANY($1) AND credit_minor > 0 ORDER BY account_id, received_on, id`,
      [[...new Set(payable.map(({ accountId }) => accountId))]],
    )
    const open = new Map(payable.map((receivable) => [receivable.id, receivable]))
    for (const { id } of tx.hydrate(Receipt, rows)) {
      const receipt = await tx.lock(Receipt, id)
      const theirs = [...open.values()].filter(({ accountId }) => accountId === receipt.accountId)
      const allocations = match(receipt.credit, receipt.reference, theirs)
      await this.settle(tx, receipt, allocations)
      for (const { receivableId } of allocations) open.set(receivableId, await tx.get(Receivable, receivableId))
    }
  }

  /** Stores receivables whose open amount changed, and says so. */
  private async store(tx: Transaction, receivables: readonly Receivable[], event: typeof ReceivableSettled): Promise<void> {
    for (const receivable of receivables) {
      const stored = await tx.update(receivable)
      await this.events.publish(tx, event, stored, stored.facts())
    }
  }

  private tellReceipt(tx: Transaction, event: typeof ReceiptSettled, receipt: Receipt, allocations: readonly Allocation[]): Promise<void> {
    const { id, accountId, ownerId, credit } = receipt
    return this.events.publish(tx, event, receipt, { receiptId: id, accountId, ownerId, allocations: [...allocations], credit })
  }

  private async bookedFor({ accountId, journeyId }: Receipt): Promise<Pick<JournalEntry, 'accountId' | 'journeyId' | 'occurredOn'>> {
    return { accountId, journeyId, occurredOn: await this.entities.today() }
  }
}
