import { Controller } from '@nestjs/common'
import { OpportunityChanged, OpportunityLost, OpportunityOpened, OpportunityWon, StageEntered } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'

/**
 * Keeps each deal and the stages it visited, at the time that the business gave. Several events may come from one version of the opportunity
 * (an import opens and closes at once), so only older versions are stale.
 */
@Controller()
export class DealConsumers {
  @On(OpportunityOpened)
  async open({ id, at, sequence, payload }: Received<typeof OpportunityOpened>, tx: Transaction): Promise<void> {
    const { opportunityId, accountId, ownerId, processId, stage, products, amount } = payload
    await tx.query(
      `WITH opened AS (
         INSERT INTO deal (id, sequence, account_id, owner_id, process_id, stage_key, stage_name, product_ids, amount_minor, amount_currency, opened_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING id)
       INSERT INTO stage_visit (deal_id, event_id, stage_key, entered_at) SELECT id, $12, $6, $11 FROM opened`,
      [
        opportunityId,
        sequence,
        accountId,
        ownerId,
        processId,
        stage.key,
        stage.name,
        JSON.stringify(products.map(({ productId }) => productId)),
        amount?.minor ?? null,
        amount?.currency ?? null,
        at,
        id,
      ],
    )
  }

  @On(OpportunityChanged)
  async change({ sequence, payload }: Received<typeof OpportunityChanged>, tx: Transaction): Promise<void> {
    const { opportunityId, accountId, ownerId, processId, products, amount } = payload
    const changed = await tx.count(
      `UPDATE deal SET sequence = $2, account_id = $3, owner_id = $4, process_id = $5, product_ids = $6::jsonb, amount_minor = $7, amount_currency = $8
       WHERE id = $1 AND sequence <= $2`,
      [
        opportunityId,
        sequence,
        accountId,
        ownerId,
        processId,
        JSON.stringify(products.map(({ productId }) => productId)),
        amount?.minor ?? null,
        amount?.currency ?? null,
      ],
    )
    if (!changed) await mustBeKnown(tx, opportunityId)
  }

  @On(StageEntered)
  async move({ id, at, sequence, payload }: Received<typeof StageEntered>, tx: Transaction): Promise<void> {
    const { opportunityId, processId, to } = payload
    const [moved] = await tx.query(
      `WITH moved AS (
         UPDATE deal SET sequence = $2, process_id = $3, stage_key = $4, stage_name = $5 WHERE id = $1 AND sequence <= $2 RETURNING id),
       departed AS (
         UPDATE stage_visit v SET left_at = $6 FROM moved WHERE v.deal_id = moved.id AND v.left_at IS NULL),
       entered AS (
         INSERT INTO stage_visit (deal_id, event_id, stage_key, entered_at) SELECT id, $7, $4, $6 FROM moved ON CONFLICT DO NOTHING)
       SELECT id FROM moved`,
      [opportunityId, sequence, processId, to.key, to.name, at, id],
    )
    if (!moved) await mustBeKnown(tx, opportunityId)
  }

  @On(OpportunityWon)
  win({ at, sequence, payload: { opportunityId, amount } }: Received<typeof OpportunityWon>, tx: Transaction): Promise<void> {
    return close(tx, opportunityId, sequence, 'won', at, amount)
  }

  @On(OpportunityLost)
  lose({ at, sequence, payload: { opportunityId } }: Received<typeof OpportunityLost>, tx: Transaction): Promise<void> {
    return close(tx, opportunityId, sequence, 'lost', at, null)
  }
}

/** Closes the deal in the stage it stands in. What it was won for replaces what it was thought to be worth. */
async function close(
  tx: Transaction,
  id: string,
  sequence: number,
  status: 'won' | 'lost',
  at: Date,
  amount: { minor: bigint; currency: string } | null,
): Promise<void> {
  const [closed] = await tx.query(
    `WITH closed AS (
       UPDATE deal SET sequence = $2, status = $3, closed_at = $4, amount_minor = coalesce($5, amount_minor), amount_currency = coalesce($6, amount_currency)
       WHERE id = $1 AND sequence <= $2 RETURNING id),
     departed AS (
       UPDATE stage_visit v SET left_at = $4 FROM closed WHERE v.deal_id = closed.id AND v.left_at IS NULL)
     SELECT id FROM closed`,
    [id, sequence, status, at, amount?.minor ?? null, amount?.currency ?? null],
  )
  if (!closed) await mustBeKnown(tx, id)
}

/** A deal that was never opened here would be missing in every figure: the event is parked where somebody sees it. */
async function mustBeKnown(tx: Transaction, id: string): Promise<void> {
  if (!(await tx.one('SELECT 1 FROM deal WHERE id = $1', [id]))) throw new Error(`the deal ${id} was never opened`)
}
