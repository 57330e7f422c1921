import { Controller } from '@nestjs/common'
import {
  AccountChanged,
  AccountMerged,
  AccountOpened,
  OpportunityChanged,
  OpportunityLost,
  OpportunityOpened,
  OpportunityWon,
  TenantCreated,
} from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { On, type Received, type Transaction } from '@millrace/service'
import { Contract } from '../contract/contract.js'
import { Order } from '../order/order.js'
import { Quote } from '../quote/quote.js'

/** Keeps what quotes and contracts need to know of the company, its accounts and its deals. */
@Controller()
export class DealConsumers {
  @On(TenantCreated)
  async learnCompany({ payload }: Received<typeof TenantCreated>, tx: Transaction) {
    await tx.query(
      `INSERT INTO known_company (zone, currency) VALUES ($1, $2)
       ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, currency = excluded.currency`,
      [payload.zone, payload.currency],
    )
  }

  @On(AccountOpened)
  openAccount(event: Received<typeof AccountOpened>, tx: Transaction) {
    return this.keepAccount(event, tx)
  }

  @On(AccountChanged)
  changeAccount(event: Received<typeof AccountChanged>, tx: Transaction) {
    return this.keepAccount(event, tx)
  }

  /** Quotes, contracts and orders of an account that became part of another one are that one’s. */
  @On(AccountMerged)
  async mergeAccount({ payload: { accountId, into }, sequence, at }: Received<typeof AccountMerged>, tx: Transaction) {
    await tx.query('UPDATE known_account SET merged_into = $2, version = $3 WHERE id = $1 AND version <= $3', [accountId, into, sequence])
    for (const kind of [Quote, Contract, Order]) {
      const records: Owned[] = await tx.lockBy<Owned>(kind, { account_id: accountId })
      tx.updateAll(records.map((record) => record.moveTo(into, at)))
    }
  }

  @On(OpportunityOpened)
  openDeal(event: Received<typeof OpportunityOpened>, tx: Transaction) {
    return this.keepDeal(event, tx)
  }

  /** Quotes, contracts and orders of a deal belong to whoever it belongs to. */
  @On(OpportunityChanged)
  async changeDeal(event: Received<typeof OpportunityChanged>, tx: Transaction) {
    if (!(await this.keepDeal(event, tx))) return
    const { opportunityId, ownerId } = event.payload
    await handOver(tx, Quote, opportunityId, ownerId, event.at)
    await handOver(tx, Contract, opportunityId, ownerId, event.at)
    await handOver(tx, Order, opportunityId, ownerId, event.at)
  }

  @On(OpportunityWon)
  async win({ payload, sequence }: Received<typeof OpportunityWon>, tx: Transaction) {
    await close(tx, payload.opportunityId, 'won', sequence)
  }

  @On(OpportunityLost)
  async lose({ payload, sequence }: Received<typeof OpportunityLost>, tx: Transaction) {
    await close(tx, payload.opportunityId, 'lost', sequence)
  }

  private async keepAccount({ payload, sequence }: Received<typeof AccountOpened>, tx: Transaction): Promise<void> {
    await tx.query(
      `INSERT INTO known_account (id, name, version) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, version = excluded.version WHERE known_account.version <= excluded.version`,
      [payload.accountId, payload.name, sequence],
    )
  }

  /** One version of a deal may send several events, which arrive in order: only an older version is ignored. */
  private async keepDeal({ payload, sequence, journeyId }: Received<typeof OpportunityOpened>, tx: Transaction): Promise<boolean> {
    const { opportunityId, title, accountId, ownerId } = payload
    const kept = await tx.count(
      `INSERT INTO known_opportunity (id, title, account_id, owner_id, journey_id, status, version) VALUES ($1, $2, $3, $4, $5, 'open', $6)
       ON CONFLICT (tenant_id, id) DO UPDATE SET title = excluded.title, account_id = excluded.account_id, owner_id = excluded.owner_id, version = excluded.version
       WHERE known_opportunity.version <= excluded.version`,
      [opportunityId, title, accountId, ownerId, journeyId, sequence],
    )
    return kept > 0
  }
}

async function close(tx: Transaction, opportunityId: Id<'opportunity'>, status: 'won' | 'lost', sequence: number): Promise<void> {
  await tx.query('UPDATE known_opportunity SET status = $2, version = $3 WHERE id = $1 AND version <= $3', [
    opportunityId,
    status,
    sequence,
  ])
}

type Owned = Quote | Contract | Order

async function handOver<T extends Owned>(
  tx: Transaction,
  kind: { prototype: T },
  opportunityId: Id<'opportunity'>,
  ownerId: Id<'user'> | null,
  at: Date,
): Promise<void> {
  for (const { id } of await tx.findBy(kind, { opportunity_id: opportunityId })) {
    const record: Owned = await tx.lock(kind, id)
    if (record.ownerId !== ownerId) await tx.update(record.handOver(ownerId, at))
  }
}
