import { Injectable } from '@nestjs/common'
import { Refusal } from '@millrace/domain'
import { Clock, Database, inTenant, type Transaction } from '@millrace/service'
import { Attempts, type Limit } from './attempts.js'

/** How many may wait at one door; more are a flood, not people. */
const longestQueue = 20

/** Counts wrong tries, for accounts that exist and for those that do not alike, so that a lock tells nothing. */
@Injectable()
export class AttemptService {
  private readonly queues = new Map<string, { last: Promise<unknown>; length: number }>()

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** Tries a door: answers what `work` found; undefined counts as a wrong try. Refuses `sign_in.locked`, without a try, while it is locked. */
  async at<T>(door: string, limit: Limit, work: () => Promise<T | undefined>): Promise<T | undefined> {
    const before = await this.asPlatform((tx) => read(tx, door))
    if (before.isLocked(this.clock.now())) throw locked(before.lockedUntil!)
    const found = await work()
    if (found === undefined) await this.asPlatform((tx) => this.fail(tx, door, limit))
    else if (before.failures) await this.asPlatform((tx) => tx.query('DELETE FROM sign_in_attempt WHERE key = $1', [door]))
    return found
  }

  /** Like `at`, but tries at one door go one after the other, so that many at once do not get more guesses than many in a row. */
  async inTurn<T>(door: string, limit: Limit, work: () => Promise<T | undefined>): Promise<T | undefined> {
    const queue = this.queues.get(door) ?? { last: Promise.resolve(), length: 0 }
    if (queue.length >= longestQueue) throw locked(new Date(this.clock.now().getTime() + 60_000))
    this.queues.set(door, queue)
    queue.length += 1
    const turn = queue.last.then(() => this.at(door, limit, work))
    queue.last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      queue.length -= 1
      if (!queue.length) this.queues.delete(door)
    }
  }

  /** Forgets what nobody will ask for again. */
  async forgetOld(tx: Transaction): Promise<void> {
    await tx.query(`DELETE FROM sign_in_attempt WHERE last_at < $1::timestamptz - interval '2 days'`, [this.clock.now()])
  }

  private async fail(tx: Transaction, door: string, limit: Limit): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('door ' || $1, 7))`, [door])
    const { failures, lastAt, lockedUntil } = (await read(tx, door)).failed(this.clock.now(), limit)
    await tx.query(
      `INSERT INTO sign_in_attempt (key, failures, last_at, locked_until) VALUES ($1, $2, $3, $4)
       ON CONFLICT (tenant_id, key) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at, locked_until = excluded.locked_until`,
      [door, failures, lastAt, lockedUntil],
    )
  }

  /** In a transaction of its own: a wrong try stays counted whatever becomes of the request. */
  private asPlatform<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return inTenant('*', () => this.db.transaction(work))
  }
}

async function read(tx: Transaction, door: string): Promise<Attempts> {
  const row = await tx.one<{ failures: number; last_at: Date; locked_until: Date | null }>(
    'SELECT failures, last_at, locked_until FROM sign_in_attempt WHERE key = $1',
    [door],
  )
  return row ? new Attempts(row.failures, row.last_at, row.locked_until) : Attempts.none
}

function locked(until: Date): Refusal {
  return new Refusal('sign_in.locked', { until: until.toISOString() })
}
