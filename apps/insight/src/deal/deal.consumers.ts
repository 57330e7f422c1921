import { Controller } from '@nestjs/common'
import { OpportunityChanged, OpportunityLost, OpportunityOpened, OpportunityWon, StageEntered, type PayloadOf } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { DealBook, type Deal } from './deal-book.js'

/** What an event writes into the book, and the deal it concerns. */
interface Entry {
  readonly dealId: string
  readonly enter: (book: DealBook) => void
}

/**
 * Keeps each deal and the stages it visited, at the time that the business gave. A batch of events is entered into the book in memory, so that
 * it costs four statements however many they are.
 */
@Controller()
export class DealConsumers {
  @On(OpportunityOpened)
  open({ id, at, sequence, payload }: Received<typeof OpportunityOpened>, tx: Transaction): void {
    const { opportunityId: dealId, stage } = payload
    const place = { stageKey: stage.key, stageName: stage.name }
    const deal: Deal = { id: dealId, sequence, status: 'open', ...place, ...factsOf(payload), openedAt: at, closedAt: null }
    tx.gather<Entry>(keepDeals, { dealId, enter: (book) => book.open(deal, id) })
  }

  @On(OpportunityChanged)
  change({ sequence, payload }: Received<typeof OpportunityChanged>, tx: Transaction): void {
    const dealId = payload.opportunityId
    tx.gather<Entry>(keepDeals, { dealId, enter: (book) => book.change(dealId, sequence, factsOf(payload)) })
  }

  @On(StageEntered)
  move({ id, at, sequence, payload }: Received<typeof StageEntered>, tx: Transaction): void {
    const { opportunityId: dealId, processId, to } = payload
    const stage = { processId, stageKey: to.key, stageName: to.name }
    tx.gather<Entry>(keepDeals, { dealId, enter: (book) => book.move(dealId, sequence, stage, at, id) })
  }

  /** What it was won for replaces what it was thought to be worth. */
  @On(OpportunityWon)
  win({ at, sequence, payload: { opportunityId: dealId, amount } }: Received<typeof OpportunityWon>, tx: Transaction): void {
    tx.gather<Entry>(keepDeals, {
      dealId,
      enter: (book) => book.close(dealId, sequence, { status: 'won', ...(amount && priceOf(amount)) }, at),
    })
  }

  @On(OpportunityLost)
  lose({ at, sequence, payload: { opportunityId: dealId } }: Received<typeof OpportunityLost>, tx: Transaction): void {
    tx.gather<Entry>(keepDeals, { dealId, enter: (book) => book.close(dealId, sequence, { status: 'lost' }, at) })
  }
}

function factsOf({ accountId, ownerId, processId, products, amount }: PayloadOf<typeof OpportunityChanged>) {
  return { accountId, ownerId, processId, productIds: products.map(({ productId }) => productId), ...priceOf(amount) }
}

function priceOf(amount: { readonly minor: bigint; readonly currency: string } | null) {
  return { amountMinor: amount?.minor ?? null, amountCurrency: amount?.currency ?? null }
}

async function keepDeals(tx: Transaction, entries: readonly Entry[]): Promise<void> {
  const stored = await tx.query<Deal>(
    `SELECT id, sequence, account_id AS "accountId", owner_id AS "ownerId", process_id AS "processId", stage_key AS "stageKey", stage_name AS "stageName",
            status, product_ids AS "productIds", amount_minor AS "amountMinor", amount_currency AS "amountCurrency", opened_at AS "openedAt", closed_at AS "closedAt"
     FROM deal WHERE tenant_id = $1 AND id = ANY($2::text[]) ORDER BY id FOR UPDATE`,
    [tx.tenant, [...new Set(entries.map(({ dealId }) => dealId))]],
  )
  const book = new DealBook(stored)
  for (const { enter } of entries) enter(book)

  const { changed: deals, departures, visits } = book
  const column = <Row, T>(rows: readonly Row[], pick: (row: Row) => T) => rows.map(pick)
  if (!deals.length) return
  tx.send(
    `INSERT INTO deal (id, sequence, account_id, owner_id, process_id, stage_key, stage_name, status, product_ids, amount_minor, amount_currency, opened_at, closed_at)
     SELECT id, sequence, account, owner, process, stage, name, status, products::jsonb, minor, currency, opened, closed
     FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::timestamptz[], $13::timestamptz[])
       AS given(id, sequence, account, owner, process, stage, name, status, products, minor, currency, opened, closed)
     ON CONFLICT (tenant_id, id) DO UPDATE SET sequence = excluded.sequence, account_id = excluded.account_id, owner_id = excluded.owner_id,
       process_id = excluded.process_id, stage_key = excluded.stage_key, stage_name = excluded.stage_name, status = excluded.status,
       product_ids = excluded.product_ids, amount_minor = excluded.amount_minor, amount_currency = excluded.amount_currency, closed_at = excluded.closed_at`,
    [
      column(deals, ({ id }) => id),
      column(deals, ({ sequence }) => sequence),
      column(deals, ({ accountId }) => accountId),
      column(deals, ({ ownerId }) => ownerId),
      column(deals, ({ processId }) => processId),
      column(deals, ({ stageKey }) => stageKey),
      column(deals, ({ stageName }) => stageName),
      column(deals, ({ status }) => status),
      column(deals, ({ productIds }) => JSON.stringify(productIds)),
      column(deals, ({ amountMinor }) => amountMinor),
      column(deals, ({ amountCurrency }) => amountCurrency),
      column(deals, ({ openedAt }) => openedAt),
      column(deals, ({ closedAt }) => closedAt),
    ],
  )
  if (departures.length)
    tx.send(
      `UPDATE stage_visit v SET left_at = departed.at FROM unnest($2::text[], $3::timestamptz[]) AS departed(deal, at)
       WHERE v.tenant_id = $1 AND v.deal_id = departed.deal AND v.left_at IS NULL`,
      [tx.tenant, column(departures, ([dealId]) => dealId), column(departures, ([, at]) => at)],
    )
  if (visits.length)
    tx.send(
      `INSERT INTO stage_visit (deal_id, event_id, stage_key, entered_at, left_at)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) ON CONFLICT DO NOTHING`,
      [
        column(visits, ({ dealId }) => dealId),
        column(visits, ({ eventId }) => eventId),
        column(visits, ({ stageKey }) => stageKey),
        column(visits, ({ enteredAt }) => enteredAt),
        column(visits, ({ leftAt }) => leftAt),
      ],
    )
}
