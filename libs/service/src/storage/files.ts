import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { newId, Refusal, type Id } from '@millrace/domain'
import { Unavailable } from '../access.js'
import type { Clock } from '../clock.js'
import { context, inTenant } from '../context.js'
import type { Database } from '../database.js'
import type { Jobs } from '../jobs.js'
import type { Transaction } from '../transaction.js'
import { storedName, type Storage } from './storage.js'

/** A file that has arrived whole. */
export interface StoredFile {
  readonly id: Id<'file'>
  readonly bytes: number
  readonly sha256: string
}

/** What is looked at to tell what a file is. */
const headBytes = 4_096
/** Longer than any upload or e-mail may take. */
const longestUpload = 3_600_000

/**
 * Files of a service's records. One is received first and belongs to nobody; the transaction that makes a record of it keeps it. What is never kept, or
 * whose record lets it go, is removed: at once where that is possible, else by a job. So a crash at any moment leaves neither a file without a record
 * nor a record without its file.
 */
export class Files {
  constructor(
    private readonly storage: Storage,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
  ) {
    jobs.every(60, 'files', () => this.tidy())
  }

  /**
   * Streams a file into the store; size and hash are taken on the way, and `look` may refuse it by its first bytes. Refuses one that is empty or larger
   * than `limit` bytes. A file that is refused, or that breaks off, leaves nothing.
   */
  async receive(content: Readable, limit: number, look: (head: Buffer) => void = () => undefined): Promise<StoredFile> {
    const { tenantId } = context()
    const id = newId('file')
    const hash = createHash('sha256')
    let bytes = 0
    const measured = async function* (): AsyncGenerator<Buffer> {
      let head: Buffer | undefined = Buffer.alloc(0)
      for await (const part of content.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        bytes += part.length
        if (bytes > limit) throw new Refusal('request.too_large', { limit })
        hash.update(part)
        head = head && Buffer.concat([head, part])
        if (head && head.length < headBytes) continue
        if (head) look(head)
        yield head ?? part
        head = undefined
      }
      if (!bytes) throw Refusal.invalid('file.empty')
      if (!head) return
      look(head)
      yield head
    }
    try {
      // By itself: when a transaction is open, its end must not take away what tells of the file.
      await inTenant(tenantId, () =>
        this.database.query(`INSERT INTO stored_file (id, status, created_at) VALUES ($1, 'receiving', $2)`, [id, this.clock.now()]),
      )
      await this.storage.put(storedName(tenantId, id), Readable.from(measured(), { objectMode: false }))
    } catch (error) {
      content.resume() // the rest is read and dropped: who is still sending would not see the answer
      await this.forget([id])
      throw error
    }
    return { id, bytes, sha256: hash.digest('hex') }
  }

  /** In the transaction that makes a record of them: they stay. */
  async keep(tx: Transaction, ids: readonly Id<'file'>[]): Promise<void> {
    if (!ids.length) return
    const kept = await tx.count(`UPDATE stored_file SET status = 'kept' WHERE id = ANY($1) AND status = 'receiving'`, [ids])
    if (kept < ids.length) throw new Unavailable('a file was given up before its record was made')
  }

  /** In the transaction whose record lets them go: they are removed once it is committed. */
  drop(tx: Transaction, ids: readonly Id<'file'>[]): void {
    if (!ids.length) return
    const { tenant } = tx
    tx.send(`UPDATE stored_file SET status = 'dropped' WHERE id = ANY($1)`, [ids])
    tx.onCommit(() => this.jobs.begin('files', () => this.remove(tenant, ids)))
  }

  /** Removes those that were received and that nobody kept. What cannot be removed now, the job removes. */
  async forget(ids: readonly Id<'file'>[]): Promise<void> {
    if (!ids.length) return
    const { tenantId } = context()
    try {
      const dropped = await inTenant(tenantId, () =>
        this.database.query<{ id: Id<'file'> }>(
          `UPDATE stored_file SET status = 'dropped' WHERE id = ANY($1) AND status = 'receiving' RETURNING id`,
          [ids],
        ),
      )
      await this.remove(
        tenantId,
        dropped.map(({ id }) => id),
      )
    } catch {
      // The row says enough for the job; who asked has a better answer than this one's.
    }
  }

  open(id: Id<'file'>): Promise<Readable> {
    return this.storage.open(storedName(context().tenantId, id))
  }

  /** Removes what a crash, or a store that was away, has left. */
  async tidy(): Promise<void> {
    const found = await inTenant('*', async () => {
      await this.database.query(`UPDATE stored_file SET status = 'dropped' WHERE status = 'receiving' AND created_at < $1`, [
        new Date(this.clock.now().getTime() - longestUpload),
      ])
      return this.database.query<{ tenant_id: string; id: Id<'file'> }>(
        `SELECT tenant_id, id FROM stored_file WHERE status = 'dropped' ORDER BY tenant_id LIMIT 1000`,
      )
    })
    // One that cannot be removed does not keep the others from it.
    const outcomes: PromiseSettledResult<void>[] = []
    for (const { tenant_id, id } of found) outcomes.push(...(await Promise.allSettled([this.remove(tenant_id, [id])])))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  }

  private async remove(tenantId: string, ids: readonly Id<'file'>[]): Promise<void> {
    for (const id of ids) await this.storage.remove(storedName(tenantId, id))
    await inTenant(tenantId, () => this.database.query(`DELETE FROM stored_file WHERE id = ANY($1) AND status = 'dropped'`, [ids]))
  }
}
