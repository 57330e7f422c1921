import { newId, Refusal } from '@millrace/domain'
import type { Delivery } from './bus/bus.js'
import { inTenant } from './context.js'
import type { Database } from './database.js'
import type { Transaction } from './transaction.js'

interface ParkedRow {
  readonly id: string
  readonly topic: string
  readonly key: string
  readonly headers: Record<string, string>
  readonly payload: Buffer
  readonly stream: string
  readonly position: string
  readonly blocks: boolean
}

/** Events that could not be applied: kept with the reason, in order, until somebody replays them. */
export class Parking {
  constructor(
    private readonly database: Database,
    private readonly service: string,
  ) {}

  async park(tx: Transaction, delivery: Delivery, why: { code: string; reason: string; blocks: boolean }): Promise<void> {
    const { topic, key, headers, value, stream, offset } = delivery
    const tenantId = headers['ce_tenantid'] ?? '*'
    await tx.query(
      `INSERT INTO parked (tenant_id, id, event_id, type, topic, key, headers, payload, stream, position, code, reason, blocks)
       VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, $13) ON CONFLICT (stream, position) DO NOTHING`,
      [
        tenantId,
        newId(`${this.service}_parked`),
        headers['ce_id'] ?? '',
        headers['ce_type'] ?? '',
        topic,
        key,
        JSON.stringify(headers),
        value,
        stream,
        offset,
        why.code,
        why.reason,
        why.blocks,
      ],
    )
  }

  /** Parks an event only because an earlier one of its aggregate is parked; not when it was applied already. */
  async parkBehind(tx: Transaction, delivery: Delivery): Promise<void> {
    if (await tx.one('SELECT 1 FROM inbox WHERE event_id = $1', [delivery.headers['ce_id']])) return
    await this.park(tx, delivery, { code: 'event.behind', reason: 'an earlier event of the same record is parked', blocks: true })
  }

  /** Keeps replay and delivery of these aggregates apart until commit. */
  async lockKeys(tx: Transaction, keys: readonly string[]): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('parked ' || key)) FROM unnest($1::text[]) AS k(key) ORDER BY key`, [keys])
  }

  /** The parked event and, when it blocks its aggregate, all others of that aggregate, in order. */
  async queue(id: string): Promise<{ id: string; delivery: Delivery }[]> {
    const rows = await this.database.query<ParkedRow>(
      `SELECT p.* FROM parked p JOIN parked chosen ON chosen.id = $1 WHERE p.id = chosen.id OR (chosen.blocks AND p.blocks AND p.key = chosen.key) ORDER BY p.seq`,
      [id],
    )
    if (!rows.length) throw Refusal.notFound('parked_event', id)
    return rows.map(({ id, topic, key, headers, payload, stream, position }) => ({
      id,
      delivery: { topic, key, headers, value: payload, stream, offset: position },
    }))
  }

  async release(tx: Transaction, id: string, key: string): Promise<void> {
    await this.lockKeys(tx, [key])
    if (!(await tx.count('DELETE FROM parked WHERE id = $1', [id]))) throw Refusal.notFound('parked_event', id)
  }

  async failedAgain(id: string, error: unknown): Promise<void> {
    const reason = (error as Error).message.slice(0, 2_000)
    await this.database.query('UPDATE parked SET attempts = attempts + 1, reason = $2 WHERE id = $1', [id, reason])
  }

  /** How many events are parked, over all tenants. */
  async count(): Promise<number> {
    const [row] = await inTenant('*', () => this.database.query<{ count: bigint }>('SELECT count(*) AS count FROM parked'))
    return Number(row!.count)
  }
}
