import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { Bus } from './bus/bus.js'
import type { Database } from './database.js'
import type { Logger } from './log.js'

interface OutboxRow {
  readonly seq: bigint
  readonly topic: string
  readonly key: string
  readonly headers: Record<string, string>
  readonly payload: string
}

const batchSize = 1_000
const pollMs = 1_000
/** The shortest time between two rounds: what is committed meanwhile goes together. The first after a rest goes at once. */
const paceMs = 5

/**
 * Carries committed events from the outbox to the bus, in order. One relay per service works at a time: it holds an advisory lock, the others
 * wait for it. Woken in process after each commit, and by a slow poll for what other replicas committed.
 */
export class Relay {
  private stopped = false
  private wakeUp: () => void = () => undefined
  private woken = Promise.resolve()
  private running: Promise<void> = Promise.resolve()

  constructor(
    private readonly database: Database,
    private readonly bus: Bus,
    private readonly log: Logger,
  ) {
    this.reset()
  }

  start(): void {
    this.running = this.run()
  }

  /** There is something new in the outbox. */
  wake(): void {
    this.wakeUp()
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.wake()
    await this.running
  }

  private reset(): void {
    this.woken = new Promise((resolve) => (this.wakeUp = resolve))
  }

  private async run(): Promise<void> {
    let failures = 0
    while (!this.stopped) {
      try {
        await this.holdAndDrain(() => (failures = 0))
      } catch (error) {
        failures += 1
        if (failures === 1 || failures % 20 === 0)
          this.log.warn({ reason: (error as Error).message, failures }, 'the outbox cannot be carried now; trying again')
        await Promise.race([
          delay(Math.min(100 * 2 ** Math.min(failures, 6), 5_000), undefined, { ref: false }),
          this.stopped ? undefined : delay(5_000, undefined, { ref: false }),
        ])
      }
    }
  }

  private async holdAndDrain(healthy: () => void): Promise<void> {
    const client = await this.database.dedicated()
    let lost: Error | undefined
    client.on('error', (error) => (lost = error))
    try {
      // What was sent and is there again after a crash of the server is sent once more, and read once: no need to wait for the disk.
      await client.query(`SELECT set_config('millrace.tenant', '*', false), set_config('synchronous_commit', 'off', false)`)
      while (!this.stopped) {
        const { rows } = await client.query<{ held: boolean }>(`SELECT pg_try_advisory_lock(hashtext('millrace outbox')) AS held`)
        if (rows[0]!.held) break
        await Promise.race([this.woken, delay(pollMs * 2, undefined, { ref: false })])
      }
      let ahead: Promise<OutboxRow[]> | undefined
      let removed: Promise<unknown> = Promise.resolve()
      while (!this.stopped) {
        const began = performance.now()
        this.reset()
        const rows = await (ahead ?? outboxAfter(client, []))
        ahead = undefined
        if (rows.length) {
          const taken = rows.map(({ seq }) => seq)
          const published = this.bus.publish(
            rows.map(({ topic, key, headers, payload }) => ({ topic, key, headers, value: Buffer.from(payload) })),
          )
          if (rows.length === batchSize) ahead = outboxAfter(client, taken)
          ahead?.catch(() => undefined)
          await published
          await removed
          removed = client.query({ name: 'outbox-sent', text: 'DELETE FROM outbox WHERE seq = ANY($1::bigint[])', values: [taken] })
          removed.catch(() => undefined)
        }
        healthy()
        if (lost) throw lost
        if (ahead) continue // what was sent is removed while the next goes out
        await removed
        await Promise.race([this.woken, delay(pollMs, undefined, { ref: false })])
        const early = paceMs - (performance.now() - began)
        if (early > 0 && !this.stopped) await delay(early)
      }
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

/** The next events in their order, without those that are just on their way. Not "after the last one": numbers do not follow the commits. */
async function outboxAfter(client: pg.Client, taken: readonly bigint[]): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: 'outbox-next',
    text: 'SELECT seq, topic, key, headers, payload FROM outbox WHERE seq <> ALL($2::bigint[]) ORDER BY seq LIMIT $1',
    values: [batchSize, taken],
  })
  return rows
}
