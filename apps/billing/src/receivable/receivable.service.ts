import { Injectable } from '@nestjs/common'
import { ReceivableDue, ReceivableHandedOver, ReceivableWrittenOff } from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { Clock, Database, Events, inTenant, type Transaction } from '@millrace/service'
import { AccountService } from '../account/account.service.js'
import { writeOffPostings } from '../ledger/journal-entry.js'
import { LedgerService } from '../ledger/ledger.service.js'
import { LegalEntityService } from '../legal-entity/legal-entity.service.js'
import { SettlementService } from '../receipt/settlement.service.js'
import { Receivable } from './receivable.js'

/** So many receivables fall due in one transaction. */
const chunk = 500

/** What becomes of receivables besides being invoiced and paid. */
@Injectable()
export class ReceivableService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
    private readonly entities: LegalEntityService,
    private readonly ledger: LedgerService,
    private readonly settlements: SettlementService,
  ) {}

  /** The job: in every company, whatever has its day today or had it before is due. Run twice, the second time finds nothing. */
  async fallDue(): Promise<void> {
    const companies = await inTenant('*', () => this.db.query<{ tenant_id: string }>('SELECT tenant_id FROM billing_tenant'))
    const failures: unknown[] = []
    for (const { tenant_id } of companies)
      await inTenant(tenant_id, () => this.fallDueHere()).catch((error: unknown) => failures.push(error))
    if (failures.length) throw new AggregateError(failures, 'receivables of some companies could not fall due')
  }

  writeOff(id: Id<'receivable'>, reason: string): Promise<Receivable> {
    return this.db.transaction(async (tx) => {
      const { accountId } = await tx.get(Receivable, id)
      await this.accounts.lock(tx, [accountId])
      const before = await tx.lock(Receivable, id)
      const receivable = await tx.update(before.writeOff(this.clock.now()))
      if (before.invoiceId)
        await this.ledger.book(
          tx,
          { kind: 'write_off', sourceId: id, accountId, journeyId: before.journeyId, occurredOn: await this.entities.today() },
          writeOffPostings({ receivableId: id, amount: before.open }),
        )
      await this.events.publish(tx, ReceivableWrittenOff, receivable, { ...receivable.facts(), writtenOff: before.open, reason })
      return receivable
    })
  }

  /** Tells of receivables that a handover gave another owner. */
  async tellHandedOver(tx: Transaction, receivables: readonly Receivable[]): Promise<void> {
    for (const receivable of receivables) {
      const { id: receivableId, accountId, ownerId } = receivable
      await this.events.publish(tx, ReceivableHandedOver, receivable, { receivableId, accountId, ownerId: ownerId! })
    }
  }

  private async fallDueHere(): Promise<void> {
    for (;;) if ((await this.db.transaction((tx) => this.fallDueSome(tx))) < chunk) return
  }

  /** One statement for all of them; then the credit of their accounts pays what it can. */
  private async fallDueSome(tx: Transaction): Promise<number> {
    const today = await this.entities.today()
    const planned = await tx.query<{ id: Id<'receivable'>; account_id: Id<'account'> }>(
      `SELECT id, account_id FROM receivable WHERE status = 'planned' AND due_on <= $1 ORDER BY due_on, id LIMIT ${chunk}`,
      [today],
    )
    if (!planned.length) return 0
    await this.accounts.lock(
      tx,
      planned.map(({ account_id }) => account_id),
    )
    const rows = await tx.query(
      `WITH fallen AS (
         UPDATE receivable SET status = 'due', version = version + 1, updated_at = $2 WHERE id = ANY($1) AND status = 'planned' RETURNING *),
       trail AS (
         INSERT INTO audit (aggregate, aggregate_id, version, action, change)
         SELECT 'receivable', id, version, 'update', '{"status":{"from":"planned","to":"due"}}' FROM fallen)
       SELECT * FROM fallen ORDER BY due_on, id`,
      [planned.map(({ id }) => id), this.clock.now()],
    )
    const due = tx.hydrate(Receivable, rows)
    for (const receivable of due) await this.events.publish(tx, ReceivableDue, receivable, receivable.facts())
    await this.settlements.applyCredit(
      tx,
      due.filter(({ invoiceId }) => invoiceId),
    )
    return planned.length
  }
}
