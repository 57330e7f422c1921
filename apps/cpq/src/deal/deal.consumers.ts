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
      const records = await tx.lockBy<Quote | Contract | Order>(kind, { account_id: accountId })
      await tx.updateAll(records.map((record) => record.moveTo(into, at)))
    }
  }

  @On(OpportunityOpened)
  openDeal({ payload, journeyId, sequence, at }: Received<typeof OpportunityOpened>, tx: Transaction): void {
    const { opportunityId: id, title, accountId, ownerId } = payload
    tx.gather<Told>(keepDeals, { id, sequence, at, facts: { title, accountId, ownerId, journeyId }, handsOver: false })
  }

  /** Quotes, contracts and orders of a deal belong to whoever it belongs to. */
  @On(OpportunityChanged)
  changeDeal({ payload, journeyId, sequence, at }: Received<typeof OpportunityChanged>, tx: Transaction): void {
    const { opportunityId: id, title, accountId, ownerId } = payload
    tx.gather<Told>(keepDeals, { id, sequence, at, facts: { title, accountId, ownerId, journeyId }, handsOver: true })
  }

  @On(OpportunityWon)
  win({ payload: { opportunityId: id }, sequence, at }: Received<typeof OpportunityWon>, tx: Transaction): void {
    tx.gather<Told>(keepDeals, { id, sequence, at, status: 'won' })
  }

  @On(OpportunityLost)
  lose({ payload: { opportunityId: id }, sequence, at }: Received<typeof OpportunityLost>, tx: Transaction): void {
    tx.gather<Told>(keepDeals, { id, sequence, at, status: 'lost' })
  }

  private keepAccount({ payload, sequence }: Received<typeof AccountOpened>, tx: Transaction): void {
    tx.send(
      `INSERT INTO known_account (id, name, version) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, version = excluded.version WHERE known_account.version <= excluded.version`,
      [payload.accountId, payload.name, sequence],
    )
  }
}

interface Facts {
  readonly title: string
  readonly accountId: Id<'account'> | null
  readonly ownerId: Id<'user'> | null
  readonly journeyId: string
}

interface Deal extends Facts {
  readonly id: Id<'opportunity'>
  readonly status: 'open' | 'won' | 'lost'
  readonly version: number
}

/** What an event says of a deal: its facts, or how it ended. */
interface Told {
  readonly id: Id<'opportunity'>
  readonly sequence: number
  readonly at: Date
  readonly facts?: Facts
  readonly handsOver?: boolean
  readonly status?: 'won' | 'lost'
}

/**
 * Keeps what a batch of events says of deals, and hands over what belongs to them. One version of a deal may send several events, which arrive in
 * order: only an older version is ignored.
 */
async function keepDeals(tx: Transaction, told: readonly Told[]): Promise<void> {
  const ids = [...new Set(told.map(({ id }) => id))]
  const known = await tx.query<Deal>(
    `SELECT id, title, account_id AS "accountId", owner_id AS "ownerId", journey_id AS "journeyId", status, version
     FROM known_opportunity WHERE tenant_id = $1 AND id = ANY($2::text[]) ORDER BY id FOR UPDATE`,
    [tx.tenant, ids],
  )
  const deals = new Map(known.map((deal) => [deal.id, deal]))
  const handedOver = new Map<Id<'opportunity'>, Date>()
  for (const { id, sequence, at, facts, handsOver, status } of told) {
    const before = deals.get(id)
    if (before && before.version > sequence) continue
    if (facts)
      deals.set(id, { status: 'open', ...before, ...facts, journeyId: before?.journeyId ?? facts.journeyId, id, version: sequence })
    else if (before) deals.set(id, { ...before, status: status!, version: sequence })
    if (handsOver) handedOver.set(id, at)
  }
  const kept = [...deals.values()]
  tx.send(
    `INSERT INTO known_opportunity (id, title, account_id, owner_id, journey_id, status, version)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[])
     ON CONFLICT (tenant_id, id) DO UPDATE SET title = excluded.title, account_id = excluded.account_id, owner_id = excluded.owner_id,
       status = excluded.status, version = excluded.version`,
    [
      kept.map(({ id }) => id),
      kept.map(({ title }) => title),
      kept.map(({ accountId }) => accountId),
      kept.map(({ ownerId }) => ownerId),
      kept.map(({ journeyId }) => journeyId),
      kept.map(({ status }) => status),
      kept.map(({ version }) => version),
    ],
  )
  const changed = [...handedOver]
  // In the order in which a handover takes them too, so that the two never wait for each other.
  if (changed.length)
    for (const table of owned)
      tx.send(
        `WITH held AS (
           SELECT r.id, r.owner_id AS former, deal.owner, deal.at FROM ${table} r JOIN unnest($2::text[], $3::text[], $4::timestamptz[]) AS deal(id, owner, at)
             ON r.opportunity_id = deal.id WHERE r.tenant_id = $1 AND r.owner_id IS DISTINCT FROM deal.owner ORDER BY r.id FOR UPDATE OF r),
         moved AS (
           UPDATE ${table} r SET owner_id = held.owner, version = r.version + 1, updated_at = held.at FROM held WHERE r.tenant_id = $1 AND r.id = held.id
           RETURNING r.id, r.version, held.former, r.owner_id)
         INSERT INTO audit (aggregate, aggregate_id, version, action, channel, change)
         SELECT $5, id, version, 'update', 'event', jsonb_build_object('ownerId', jsonb_build_object('from', former, 'to', owner_id)) FROM moved`,
        [tx.tenant, changed.map(([id]) => id), changed.map(([id]) => deals.get(id)!.ownerId), changed.map(([, at]) => at), table],
      )
}

/** Tables of what belongs to the owner of a deal. */
const owned = ['quote', 'contract', 'sales_order']
