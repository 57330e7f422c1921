import pg from 'pg'
import type { Delivery, EventLog, Extent } from './bus.js'

const batchSize = 500
const batchBytes = 4_000_000
const concurrency = 4

/** The log of the embedded bus, over connections that can only read. */
export class EmbeddedLog implements EventLog {
  private readonly pool: pg.Pool

  constructor(url: string) {
    this.pool = new pg.Pool({
      connectionString: url,
      max: 1,
      connectionTimeoutMillis: 5_000,
      statement_timeout: 60_000,
      options: '-c default_transaction_read_only=on',
    })
    this.pool.on('error', () => undefined) // the next query says what is wrong
  }

  async extents(): Promise<Extent[]> {
    const known = await this.pool.query<{ ours: boolean }>(
      `SELECT to_regclass('slot') IS NOT NULL AND to_regclass('log') IS NOT NULL AND to_regclass('cursor') IS NOT NULL AS ours`,
    )
    if (!known.rows[0]!.ours) throw new Error('this database holds no event bus of Millrace')
    const { rows } = await this.pool.query<Extent>(
      `SELECT 'slot/' || slot AS stream, coalesce((SELECT min("offset") FROM log WHERE log.slot = slot.slot), next_offset)::text AS "from",
         next_offset::text AS "to" FROM slot ORDER BY slot`,
    )
    return rows
  }

  async read(parts: readonly Extent[], take: (batch: readonly Delivery[]) => Promise<void>): Promise<void> {
    const queue = [...parts]
    const work = async () => {
      for (let part = queue.shift(); part; part = queue.shift()) await this.readStream(part, take)
    }
    await Promise.all(Array.from({ length: concurrency }, work))
  }

  private async readStream({ stream, from, to }: Extent, take: (batch: readonly Delivery[]) => Promise<void>): Promise<void> {
    for (let next = from; BigInt(next) < BigInt(to);) {
      const { rows } = await this.pool.query<Omit<Delivery, 'stream'>>({ name: 'log', text: page, values: [stream.slice(5), next, to] })
      if (!rows.length) return
      await take(rows.map((row) => ({ ...row, stream })))
      next = String(BigInt(rows.at(-1)!.offset) + 1n)
    }
  }

  async lag(group: string, topics: readonly string[]): Promise<number> {
    const { rows } = await this.pool.query<{ lag: string }>(
      `SELECT count(*) AS lag FROM log LEFT JOIN cursor c ON c.grp = $1 AND c.slot = log.slot
       WHERE "offset" >= coalesce(c.next_offset, 0) AND topic = ANY($2::text[])`,
      [group, topics],
    )
    return Number(rows[0]!.lag)
  }

  close(): Promise<void> {
    return this.pool.end()
  }
}

const page = `
  SELECT "offset", topic, key, headers, value FROM (
    SELECT *, sum(octet_length(value)) OVER (ORDER BY "offset") - octet_length(value) AS before FROM (
      SELECT "offset", topic, key, headers, value FROM log WHERE slot = $1 AND "offset" >= $2 AND "offset" < $3 ORDER BY "offset" LIMIT ${batchSize}
    ) few
  ) counted WHERE before < ${batchBytes} ORDER BY "offset"`
