import { Injectable } from '@nestjs/common'
import { ReceiptHandedOver, ReceiptRecorded, type Input, type recordReceipt, type settleReceipt } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { AccountService } from '../account/account.service.js'
import { receiptPostings } from '../ledger/journal-entry.js'
import { LedgerService } from '../ledger/ledger.service.js'
import { Receipt } from './receipt.js'
import { match } from './settlement.js'
import { SettlementService } from './settlement.service.js'

/** Use cases of the receipt. */
@Injectable()
export class ReceiptService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
    private readonly ledger: LedgerService,
    private readonly settlements: SettlementService,
  ) {}

  /** Records money that arrived and settles it at once. Told of the same money again (`externalId`), answers the receipt that is there. */
  record({ reference = null, bankAccount = null, externalId = null, ...given }: Input<typeof recordReceipt>['body']): Promise<Receipt> {
    return this.db.transaction(async (tx) => {
      const { amount, receivedOn } = given
      const account = await this.accounts.known(tx, given.accountId)
      const accountId = account.id
      await this.accounts.lock(tx, [accountId])
      const [known] = externalId ? await tx.findBy(Receipt, { external_id: externalId }) : []
      if (known && !known.isSameAs({ accountId, amount, receivedOn })) throw new Refusal('receipt.differs', { receiptId: known.id })
      if (known) return known

      const payables = await this.settlements.payables(tx, accountId, amount)
      const allocations = match(amount, reference, payables)
      const first = payables.find(({ id }) => id === allocations[0]?.receivableId)
      const fresh = begun('receipt', this.clock.now())
      const receipt = Receipt.record({
        ...fresh,
        journeyId: first?.journeyId ?? fresh.journeyId,
        ownerId: first ? first.ownerId : account.ownerId,
        accountId,
        amount,
        receivedOn,
        reference,
        bankAccount,
        externalId,
      })
      await tx.insert(receipt)
      const { id, journeyId, ownerId } = receipt
      await this.ledger.book(tx, { kind: 'receipt', sourceId: id, accountId, journeyId, occurredOn: receivedOn }, receiptPostings(amount))
      await this.events.publish(tx, ReceiptRecorded, receipt, { receiptId: id, accountId, ownerId, amount, receivedOn, reference })
      return this.settlements.settle(tx, receipt, allocations)
    })
  }

  /** Settles what is left of a receipt: as somebody decides, otherwise by the usual rules. */
  settle(id: Id<'receipt'>, wished: Input<typeof settleReceipt>['body']['allocations']): Promise<Receipt> {
    return this.db.transaction(async (tx) => {
      const receipt = await this.lock(tx, id)
      if (wished) return this.settlements.settle(tx, receipt, wished)
      const payables = await this.settlements.payables(tx, receipt.accountId, receipt.credit)
      return this.settlements.settle(tx, receipt, match(receipt.credit, receipt.reference, payables))
    })
  }

  unsettle(id: Id<'receipt'>): Promise<Receipt> {
    return this.db.transaction(async (tx) => this.settlements.undo(tx, await this.lock(tx, id)))
  }

  /** Tells of receipts that a handover gave another owner. */
  async tellHandedOver(tx: Transaction, receipts: readonly Receipt[]): Promise<void> {
    for (const receipt of receipts) {
      const { id: receiptId, accountId, ownerId } = receipt
      await this.events.publish(tx, ReceiptHandedOver, receipt, { receiptId, accountId, ownerId: ownerId! })
    }
  }

  private async lock(tx: Transaction, id: Id<'receipt'>): Promise<Receipt> {
    const { accountId } = await tx.get(Receipt, id)
    await this.accounts.lock(tx, [accountId])
    return tx.lock(Receipt, id)
  }
}
