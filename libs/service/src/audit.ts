import { Controller, Injectable } from '@nestjs/common'
import { listAuditSeals, readAudit, type Answer, type Input } from '@millrace/contracts'
import { auditRowHash, beforeFirstSeal, keptOfRow, sealHash } from './audit-hash.js'
import { Clock } from './clock.js'
import { inTenant } from './context.js'
import { Database } from './database.js'
import { Jobs } from './jobs.js'
import { Serve } from './operation-server.js'

const sealedAtOnce = 2_000

interface Row {
  readonly tenant_id: string
  readonly txid: bigint
  readonly seq: bigint
  readonly hash: Buffer
}

/**
 * Seals the audit trail: each seal of a company covers the rows since the one before it, and its hash goes on from that one's. A row that is
 * changed, taken out or put in later no longer fits (`npm run verify`, I14). Rows are taken in the order of their transactions, those under way
 * and all later ones left for the next time: so none comes too late, and writing them waits for nobody.
 */
@Injectable()
export class AuditSeals {
  private stopped = false

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    jobs: Jobs,
  ) {
    jobs.every(10, 'seal the audit trail', () => this.seal())
    jobs.onStop(() => (this.stopped = true))
  }

  /** Seals what is there. */
  async seal(): Promise<void> {
    while (!this.stopped && (await inTenant('*', () => this.sealSome())) === sealedAtOnce);
  }

  private sealSome(): Promise<number> {
    return this.database.transaction(async (tx) => {
      tx.lockKeys(['seal the audit trail'])
      const reached = await tx.one<{ upto_txid: bigint; upto_seq: bigint }>('SELECT upto_txid, upto_seq FROM audit_sealing')
      const rows = await tx.query<Row>(
        `SELECT r.tenant_id, r.txid, r.seq, ${auditRowHash} AS hash FROM audit r
         WHERE (r.txid, r.seq) > ($1, $2) AND r.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint ORDER BY r.txid, r.seq LIMIT ${sealedAtOnce}`,
        [reached?.upto_txid ?? -1n, reached?.upto_seq ?? -1n],
      )
      const last = rows.at(-1)
      if (!last) return 0
      const tenants = Map.groupBy(rows, ({ tenant_id }) => tenant_id)
      const former = await tx.query<{ tenant_id: string; n: number; hash: string }>(
        `SELECT s.tenant_id, s.n, s.hash FROM unnest($1::text[]) AS given(id),
           LATERAL (SELECT * FROM audit_seal WHERE tenant_id = given.id ORDER BY n DESC LIMIT 1) AS s`,
        [[...tenants.keys()]],
      )
      for (const [tenantId, own] of tenants) {
        const before = former.find(({ tenant_id }) => tenant_id === tenantId)
        const hashes = own.map(({ hash }) => hash)
        tx.send(
          'INSERT INTO audit_seal (tenant_id, n, upto_txid, upto_seq, rows, row_hashes, hash, sealed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
          [
            ...[tenantId, (before?.n ?? 0) + 1, own.at(-1)!.txid, own.at(-1)!.seq, own.length],
            ...[
              Buffer.concat(hashes.map((hash) => hash.subarray(0, keptOfRow))),
              sealHash(before?.hash ?? beforeFirstSeal, hashes),
              this.clock.now(),
            ],
          ],
        )
      }
      tx.send(
        `INSERT INTO audit_sealing (upto_txid, upto_seq) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET upto_txid = excluded.upto_txid, upto_seq = excluded.upto_seq`,
        [last.txid, last.seq],
      )
      return rows.length
    })
  }
}

/** Who changed what, and the seals on it. */
@Controller()
export class AuditController {
  constructor(private readonly database: Database) {}

  @Serve(readAudit)
  async read({ params }: Input<typeof readAudit>): Promise<Answer<typeof readAudit>> {
    const rows = await this.database.query<{ seq: bigint } & Omit<Answer<typeof readAudit>['data'][number], 'id'>>(
      `SELECT seq, aggregate, version, action, actor_id AS "actorId", channel, address, change, trace_id AS "traceId", at
       FROM audit WHERE aggregate_id = $1 ORDER BY seq LIMIT 500`,
      [params.id],
    )
    return { data: rows.map(({ seq, ...entry }) => ({ id: String(seq), ...entry })), next: null }
  }

  @Serve(listAuditSeals)
  async seals({ query }: Input<typeof listAuditSeals>): Promise<Answer<typeof listAuditSeals>> {
    const rows = await this.database.query<{ n: number; rows: number; hash: string; sealed_at: Date }>(
      'SELECT n, rows, hash, sealed_at FROM audit_seal WHERE $1::int IS NULL OR n < $1 ORDER BY n DESC LIMIT $2',
      [query.before ?? null, query.limit],
    )
    return { data: rows.map(({ sealed_at, ...seal }) => ({ ...seal, sealedAt: sealed_at })), next: null }
  }
}
