import { Injectable } from '@nestjs/common'
import { Refusal } from '@millrace/domain'
import { CsvError } from 'csv-parse'
import { Clock } from '../clock.js'
import { context, inTenant, withContext } from '../context.js'
import { Database } from '../database.js'
import { Jobs } from '../jobs.js'
import { refusalOf } from '../problem.js'
import type { Transaction } from '../transaction.js'
import { ImportKinds, type ImportKind } from './import-kinds.js'
import { cellsOf, findStyles, forget, rowsAtOnce, type ImportRecord } from './import-record.js'
import { invalidRow, readRow, refusalOfRow, type Cells, type Checked, type Rule } from './rows.js'

interface Rejection {
  readonly row: number
  readonly cells: Cells
  readonly refusal: Refusal
}

const longestUpload = 3_600_000
/** How long a file waits for its start. */
const longestWait = 24 * 3_600_000

/** Works imports off in the background: in chunks of one transaction each that also notes how far it came, so nothing is doubled. */
@Injectable()
export class ImportRunner {
  private readonly running = new Set<string>()
  private stopped = false

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
    private readonly kinds: ImportKinds,
  ) {
    jobs.every(30, 'imports', () => this.resume())
    jobs.onStop(() => (this.stopped = true))
  }

  /** Begins an import; who asks does not wait for it. */
  begin(tenantId: string, id: string): void {
    this.jobs.begin('imports', () => this.work(tenantId, id))
  }

  /**
   * Goes on with what a stop or crash interrupted. A file whose upload it cut off will not be completed: its sender got no answer. One that waited for a
   * day is not wanted any more.
   */
  private async resume(): Promise<void> {
    const waiting = await inTenant('*', () =>
      this.database.query<ImportRecord>(
        `SELECT id, tenant_id, status FROM import
         WHERE status IN ('queued', 'running') OR (status = 'receiving' AND created_at < $1) OR (status = 'waiting' AND created_at < $2)`,
        [new Date(this.clock.now().getTime() - longestUpload), new Date(this.clock.now().getTime() - longestWait)],
      ),
    )
    for (const { id, tenant_id, status } of waiting)
      await (status === 'queued' || status === 'running'
        ? this.work(tenant_id, id)
        : inTenant(tenant_id, () => forget(this.database, id, status)))
  }

  /** Works an import off; a lock keeps a second replica from doing the same. */
  private async work(tenantId: string, id: string): Promise<void> {
    if (this.running.has(id)) return
    this.running.add(id)
    const lock = await this.database.dedicated().catch(() => undefined)
    try {
      const held = (await lock?.query<{ held: boolean }>('SELECT pg_try_advisory_lock(hashtext($1)) AS held', [id]))?.rows[0]?.held
      if (held) await inTenant(tenantId, () => this.workThrough(id))
    } catch (error) {
      // When the database went away, resume() finds the import again. Anything else would fail each time.
      if (this.stopped || refusalOf(error)?.code === 'service.unavailable') return
      await inTenant(tenantId, () => this.finish(id, 'failed', 'fault'))
      throw error
    } finally {
      await lock?.end().catch(() => undefined)
      this.running.delete(id)
    }
  }

  private async workThrough(id: string): Promise<void> {
    const record = await this.database.one<ImportRecord>(
      `UPDATE import SET status = 'running' WHERE id = $1 AND status IN ('queued', 'running') RETURNING *`,
      [id],
    )
    const kind = record && this.kinds.find(record.kind)
    if (!record || !kind) return
    const acting = { ...context(), actor: record.actor, channel: 'import' as const }
    const styles = record.styles ?? (await findStyles(this.database, id, kind, record, record.mapping))
    if (!record.styles) await this.database.query('UPDATE import SET styles = $2::jsonb WHERE id = $1', [id, JSON.stringify(styles)])
    const reading = { ...kind, custom: await this.kinds.customNames(kind), mapping: record.mapping, styles }
    let row = 0
    let chunk: Checked[] = []
    // One transaction at a time, in the file's order; while it waits for the database, the next rows are read and checked.
    let applying: Promise<void> = Promise.resolve()
    const flush = async () => {
      const ready = chunk
      chunk = []
      await applying
      if (ready.length) applying = withContext({ ...acting, caused: [] }, () => this.applyChunk(id, kind, ready))
      applying.catch(() => undefined)
    }
    try {
      for await (const cells of cellsOf(this.database, id, record)) {
        row += 1
        if (row <= record.rows) continue
        chunk.push(readRow(reading, row, cells))
        if (chunk.length < rowsAtOnce) continue
        await flush()
        if (this.stopped) return
      }
      await flush()
      await applying
      await this.finish(id, 'done', null)
    } catch (error) {
      if (!(error instanceof CsvError)) throw error
      await flush()
      await applying
      await this.finish(id, 'failed', 'import.bad_csv')
    } finally {
      await applying.catch(() => undefined)
    }
  }

  private async finish(id: string, status: 'done' | 'failed', problem: string | null): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query('UPDATE import SET status = $2, problem = $3, finished_at = $4 WHERE id = $1', [id, status, problem, this.clock.now()])
      await tx.query('DELETE FROM import_chunk WHERE import_id = $1', [id])
    })
  }

  /** One transaction: the rows' effect and the progress. When a row refuses, each half is tried by itself, so that only the guilty one is left out. */
  private async applyChunk(id: string, kind: ImportKind, chunk: readonly Checked[]): Promise<void> {
    try {
      await this.database.transaction((tx) => this.applyRows(tx, id, kind, chunk))
    } catch (error) {
      if (chunk.length > 1) {
        const half = chunk.length >> 1
        await this.applyChunk(id, kind, chunk.slice(0, half))
        return this.applyChunk(id, kind, chunk.slice(half))
      }
      const refusal = refusalOfRow(error)
      if (!refusal) throw error
      await this.database.transaction((tx) =>
        this.note(tx, id, chunk[0]!.row, { added: 0, existing: 0 }, [{ ...chunk[0]!, refusal }], chunk[0]!.rules),
      )
    }
  }

  private async applyRows(tx: Transaction, id: string, kind: ImportKind, read: readonly Checked[]): Promise<void> {
    const chunk = await this.kinds.withCustom(kind, read)
    const good = chunk.filter(({ problems }) => !problems.length)
    const rejections: Rejection[] = chunk.flatMap(({ row, cells, problems }) =>
      problems.length ? { row, cells, refusal: invalidRow(problems) } : [],
    )
    const outcomes = good.length ? await kind.apply(tx, good as never) : []
    outcomes.forEach((outcome, n) => {
      if (outcome instanceof Refusal) rejections.push({ row: good[n]!.row, cells: good[n]!.cells, refusal: outcome })
    })
    const counts = {
      added: outcomes.filter((outcome) => outcome === 'added').length,
      existing: outcomes.filter((outcome) => outcome === 'existing').length,
    }
    const rules = chunk.flatMap((each) => each.rules)
    await this.note(tx, id, chunk.at(-1)!.row, counts, rejections, rules)
  }

  private async note(
    tx: Transaction,
    id: string,
    row: number,
    counts: { added: number; existing: number },
    rejections: readonly Rejection[],
    rules: readonly Rule[],
  ): Promise<void> {
    if (rejections.length)
      await tx.query(
        `INSERT INTO import_rejection (import_id, row, cells, code, details) SELECT $1, r, c::jsonb, k, d::jsonb FROM unnest($2::int[], $3::text[], $4::text[], $5::text[]) AS given(r, c, k, d)`,
        [
          id,
          rejections.map(({ row }) => row),
          rejections.map(({ cells }) => JSON.stringify(cells)),
          rejections.map(({ refusal }) => refusal.code),
          rejections.map(({ refusal }) => JSON.stringify(refusal.details)),
        ],
      )
    const found = await tx.one<ImportRecord>(
      'UPDATE import SET rows = $2, added = added + $3, existing = existing + $4, rejected = rejected + $5 WHERE id = $1 RETURNING rules',
      [id, row, counts.added, counts.existing, rejections.length],
    )
    if (rules.length)
      await tx.query('UPDATE import SET rules = $2::jsonb WHERE id = $1', [id, JSON.stringify(counted(found!.rules, rules))])
  }
}

function counted(before: ImportRecord['rules'], applied: readonly Rule[]): ImportRecord['rules'] {
  const counts = new Map(before.map((rule) => [`${rule.rule} ${rule.field} ${rule.from}`, { ...rule }]))
  for (const rule of applied) {
    const key = `${rule.rule} ${rule.field} ${rule.from}`
    const found = counts.get(key)
    if (found) found.rows += 1
    else counts.set(key, { ...rule, rows: 1 })
  }
  return [...counts.values()]
}
