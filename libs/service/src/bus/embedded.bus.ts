import { hash, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { together } from '../together.js'
import type { Bus, BusMessage, Delivery, SubscribeOptions, Subscription } from './bus.js'

const slots = 8
/** Of one slot; all together are held in memory. */
const batchSize = 500
const batchBytes = 1_000_000
const pollMs = 1_000
const leaseMs = 5_000
const firstWait = 200
const longestWait = 10_000
const answerMs = 10_000

const tables = `
SELECT pg_advisory_xact_lock(hashtext('millrace bus'));
CREATE TABLE IF NOT EXISTS slot (slot int PRIMARY KEY, next_offset bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
INSERT INTO slot (slot) SELECT generate_series(0, ${slots - 1}) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS log (
  slot int,
  "offset" bigint,
  topic text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  headers json NOT NULL,
  value bytea NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (slot, "offset")
);
ALTER TABLE log ADD COLUMN IF NOT EXISTS type text COLLATE "C";
CREATE TABLE IF NOT EXISTS member (grp text, id text, leased_until timestamptz NOT NULL, PRIMARY KEY (grp, id)) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS cursor (grp text, slot int, next_offset bigint NOT NULL DEFAULT 0, owner text, PRIMARY KEY (grp, slot)) WITH (fillfactor = 50);`

/**
 * The event bus as a log on Postgres, for a bare laptop. It owns its database. A key belongs to one of 8 slots; the members of a group share
 * the slots between them.
 */
export class EmbeddedBus implements Bus {
  private readonly subscriptions = new Set<EmbeddedSubscription>()
  private readonly daily: NodeJS.Timeout

  private constructor(
    private readonly url: string,
    private readonly pool: pg.Pool,
    private readonly retentionDays: number,
  ) {
    this.daily = setInterval(() => void this.forget().catch(() => undefined), 86_400_000).unref()
  }

  /** Creates the tables that are missing. Messages older than `retentionDays` are removed, now and daily. */
  static async open(url: string, { retentionDays = 30 } = {}): Promise<EmbeddedBus> {
    const pool = new pg.Pool({
      connectionString: url,
      min: 1,
      max: 4,
      connectionTimeoutMillis: 5_000,
      query_timeout: answerMs,
      keepAlive: true,
    })
    pool.on('error', () => undefined) // an idle connection broke: the pool opens another when it needs one
    const bus = new EmbeddedBus(url, pool, retentionDays)
    try {
      await pool.query(tables)
      await bus.forget()
    } catch (error) {
      await bus.close()
      throw error
    }
    return bus
  }

  async publish(messages: readonly BusMessage[]): Promise<void> {
    if (!messages.length) return
    await this.pool.query({
      name: 'publish',
      text: append,
      values: [
        messages.map(({ key }) => slotOf(key)),
        messages.map(({ topic }) => topic),
        messages.map(({ key }) => key),
        messages.map(({ headers }) => JSON.stringify(headers)),
        messages.map(({ value }) => value),
        messages.map(({ headers }) => headers['ce_type'] ?? null),
      ],
    })
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const subscription = new EmbeddedSubscription(this.url, this.pool, options, () => this.subscriptions.delete(subscription))
    this.subscriptions.add(subscription)
    try {
      await subscription.start()
    } catch (error) {
      await subscription.stop()
      throw error
    }
    return subscription
  }

  /** Topics need no preparation here. */
  async createTopics(): Promise<void> {}

  async ping(): Promise<void> {
    await this.pool.query('SELECT 1')
  }

  async close(): Promise<void> {
    clearInterval(this.daily)
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()))
    await this.pool.end()
  }

  private async forget(): Promise<void> {
    await this.pool.query('DELETE FROM log WHERE at < now() - make_interval(days => $1)', [this.retentionDays])
  }
}

/** What this member knows of one slot of its group. */
interface Share {
  readonly slot: number
  /** Ours, as long as our lease lasts. */
  owned: boolean
  /** To be given to another member when its batch is finished. */
  leaving: boolean
  running: boolean
  /** There may be messages from `next` on. */
  wanted: boolean
  next: string
  failures: number
  rest: NodeJS.Timeout | undefined
}

/** One member of a group. It does all its work on one connection: when that breaks, it owns nothing until it is connected again. */
class EmbeddedSubscription implements Subscription {
  private readonly id = randomUUID()
  private readonly topics: Set<string>
  private readonly ignored: Set<string>
  private readonly shares: Share[] = Array.from({ length: slots }, (_, slot) => ({
    slot,
    owned: false,
    leaving: false,
    running: false,
    wanted: false,
    next: '0',
    failures: 0,
    rest: undefined,
  }))
  private client: pg.Client | undefined
  private asked: Promise<unknown> = Promise.resolve()
  private leasedUntil = 0
  private poll: NodeJS.Timeout | undefined
  private connecting: Promise<void> | undefined
  private balancing: Promise<void> | undefined
  private balanceAgain = false
  private readonly steps = new Set<Promise<void>>()
  private stopping: Promise<void> | undefined

  constructor(
    private readonly url: string,
    private readonly pool: pg.Pool,
    private readonly options: SubscribeOptions,
    private readonly stopped: () => void,
  ) {
    this.topics = new Set(options.topics)
    this.ignored = new Set(options.ignored)
  }

  get running(): boolean {
    return !this.stopping
  }

  async start(): Promise<void> {
    await this.connect()
    this.poll = setInterval(() => void this.balance(), pollMs)
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.leave())
  }

  async lag(): Promise<number> {
    const { rows } = await this.pool.query<{ lag: number }>(
      `SELECT count(l)::int AS lag FROM slot s LEFT JOIN cursor c ON c.grp = $1 AND c.slot = s.slot CROSS JOIN LATERAL (
         SELECT 1 FROM log WHERE slot = s.slot AND "offset" >= coalesce(c.next_offset, 0) AND topic = ANY($2::text[]) AND (type IS NULL OR type <> ALL($3::text[]))
       ) l`,
      [this.options.group, [...this.topics], [...this.ignored]],
    )
    return rows[0]!.lag
  }

  private async leave(): Promise<void> {
    clearInterval(this.poll)
    for (const { rest } of this.shares) clearTimeout(rest)
    await Promise.allSettled(this.steps)
    await Promise.allSettled([this.connecting, this.balancing])
    try {
      if (this.client) await this.ask(this.client, { text: depart, values: [this.options.group, this.id] })
    } catch {
      // The others take over when our lease has run out.
    }
    await this.client?.end().catch(() => undefined)
    this.stopped()
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: 5_000,
      query_timeout: answerMs,
      keepAlive: true,
      // A cursor or lease that a crash of the server takes back only means that messages are seen again.
      options: '-c synchronous_commit=off',
    })
    client.on('error', () => this.lose(client))
    client.on('end', () => this.lose(client))
    client.on('notification', ({ channel, payload = '' }) => this.hear(channel, payload))
    try {
      await client.connect()
      await client.query('LISTEN millrace_log; LISTEN millrace_members')
      await client.query({ text: join, values: [this.options.group, this.id, leaseMs] })
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
    this.client = client
    await this.balance()
  }

  /** One question at a time on the one connection. */
  private ask<Row extends pg.QueryResultRow>(client: pg.Client, query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    const answer = this.asked.then(() => client.query<Row>(query))
    this.asked = answer.catch(() => undefined)
    return answer
  }

  private lose(client: pg.Client): void {
    if (this.client !== client) return
    this.client = undefined
    for (const share of this.shares) share.owned = false
    void client.end().catch(() => undefined)
    this.connecting ??= this.reconnect().finally(() => (this.connecting = undefined))
  }

  private async reconnect(): Promise<void> {
    for (let wait = 100; !this.stopping && !this.client; wait = Math.min(wait * 2, 2_000)) {
      await this.connect().catch(() => delay(wait))
    }
  }

  private hear(channel: string, payload: string): void {
    if (channel === 'millrace_members') {
      if (payload === this.options.group) void this.balance()
      return
    }
    const [slot, topic, type] = payload.split(' ')
    if (!this.topics.has(topic ?? '') || this.ignored.has(type ?? '')) return // the cursor passes over it with the next poll
    this.shares[Number(slot)]!.wanted = true
    this.pump()
  }

  /** Renews the lease, gives away and takes slots until the share is fair, and looks for messages. One at a time. */
  private balance(): Promise<void> {
    if (this.balancing) {
      this.balanceAgain = true
      return this.balancing
    }
    const client = this.client
    if (!client || this.stopping) return Promise.resolve()
    this.balancing = this.balanceOn(client)
      .catch(() => this.lose(client))
      .finally(() => {
        this.balancing = undefined
        if (this.balanceAgain) void this.balance()
      })
    return this.balancing
  }

  private async balanceOn(client: pg.Client): Promise<void> {
    this.balanceAgain = false
    const { group } = this.options
    const asked = performance.now()
    const { rows } = await this.ask<Place>(client, { name: 'renew', text: renew, values: [group, this.id, leaseMs] })
    this.leasedUntil = asked + leaseMs
    for (const { slot, next_offset, owner, head } of rows) {
      const share = this.shares[slot]!
      if (owner !== this.id) share.owned = false
      else if (!share.owned && !share.running) Object.assign(share, { owned: true, leaving: false, next: next_offset })
      if (share.owned && BigInt(head) > BigInt(share.next)) share.wanted = true
    }
    const { members, rank } = rows[0]!
    const fair = Math.floor(slots / members) + (rank < slots % members ? 1 : 0)
    const mine = rows.filter(({ owner }) => owner === this.id).map(({ slot }) => this.shares[slot]!)
    mine.forEach((share, index) => (share.leaving = index >= fair))
    const going = mine.filter(({ leaving, running }) => leaving && !running)
    for (const share of going) share.owned = false
    if (going.length) await this.ask(client, { text: release, values: [group, this.id, going.map(({ slot }) => slot)] })
    const free = rows
      .filter(({ owner, alive, slot }) => owner !== this.id && !alive && !this.shares[slot]!.running)
      .slice(0, Math.max(0, fair - mine.length))
    if (free.length) {
      const taken = await this.ask<Pick<Place, 'slot' | 'next_offset'>>(client, {
        text: take,
        values: [group, this.id, free.map(({ slot }) => slot), free.map(({ owner }) => owner)],
      })
      for (const { slot, next_offset } of taken.rows) {
        Object.assign(this.shares[slot]!, { owned: true, leaving: false, next: next_offset, wanted: true, failures: 0 })
      }
    }
    this.pump()
  }

  private pump(): void {
    for (const share of this.shares) {
      if (this.stopping || !this.client || performance.now() >= this.leasedUntil) return
      if (!share.owned || share.leaving || share.running || share.rest || !share.wanted) continue
      share.wanted = false
      share.running = true
      const step = this.step(share, this.client).finally(() => {
        share.running = false
        this.steps.delete(step)
        if (share.leaving) void this.balance()
        this.pump()
      })
      this.steps.add(step)
    }
  }

  /** Delivers the next messages of one slot and moves its cursor on. */
  private async step(share: Share, client: pg.Client): Promise<void> {
    const { slot } = share
    const held = () => share.owned && this.client === client && performance.now() < this.leasedUntil
    const beat = async () => {
      if (!held()) throw new Error(`slot/${slot} was taken away`)
    }
    try {
      const { head, batch } = await this.next({ slot, from: share.next, client })
      await beat()
      if (batch.length) await this.options.deliver(batch, beat)
      const full = batch.length === batchSize || batch.reduce((sum, { value }) => sum + value.length, 0) >= batchBytes
      const next = full ? String(BigInt(batch.at(-1)!.offset) + 1n) : head
      if (!(await this.advance({ slot, next, client }))) share.owned = false
      share.next = next
      share.failures = 0
      if (full) share.wanted = true
    } catch {
      share.wanted = true
      if (held()) this.backOff(share)
    }
  }

  /** The messages of a slot from an offset on, and where the slot ends; one statement for all slots that ask. */
  private readonly next = together<{ slot: number; from: string; client: pg.Client }, { head: string; batch: Delivery[] }>(
    async (asked) => {
      const { rows } = await this.ask<Entry>(asked[0]!.client, {
        name: 'next',
        text: nextOnes,
        values: [asked.map(({ slot }) => slot), asked.map(({ from }) => from), [...this.topics], batchSize, batchBytes, [...this.ignored]],
      })
      const found = new Map(asked.map(({ slot }) => [slot, { head: '0', batch: [] as Delivery[] }]))
      for (const { slot, head, offset, topic, key, headers, value } of rows) {
        const entry = found.get(slot)!
        entry.head = head
        if (offset !== null) entry.batch.push({ stream: `slot/${slot}`, offset, topic, key, headers, value })
      }
      return [...found.values()]
    },
  )

  /** Moves the cursor of a slot; answers whether it was still ours. */
  private readonly advance = together<{ slot: number; next: string; client: pg.Client }, boolean>(async (asked) => {
    const { rows } = await this.ask<{ slot: number }>(asked[0]!.client, {
      name: 'advance',
      text: advance,
      values: [this.options.group, this.id, asked.map(({ slot }) => slot), asked.map(({ next }) => next)],
    })
    return asked.map(({ slot }) => rows.some((row) => row.slot === slot))
  })

  private backOff(share: Share): void {
    const wait = Math.min(firstWait * 2 ** share.failures++, longestWait)
    share.rest = setTimeout(() => {
      share.rest = undefined
      this.pump()
    }, wait)
  }
}

/** A slot of the group, and how the group stands. */
interface Place {
  readonly slot: number
  readonly next_offset: string
  readonly head: string
  readonly owner: string | null
  readonly alive: boolean
  readonly members: number
  readonly rank: number
}

type Entry = { readonly slot: number; readonly head: string } & (
  | {
      readonly offset: string
      readonly topic: string
      readonly key: string
      readonly headers: Record<string, string>
      readonly value: Buffer
    }
  | { readonly offset: null; readonly topic: null; readonly key: null; readonly headers: null; readonly value: null }
)

// The slots are locked in their order, so that two publishers never wait for each other, and until the commit, so that whoever sees an offset
// sees all before it. NOTIFY is good enough here: this database has no other writers that it could hold up.
const append = `
  WITH given AS (
    SELECT *, row_number() OVER (PARTITION BY slot ORDER BY ord) - 1 AS place
    FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[]) WITH ORDINALITY AS m(slot, topic, key, headers, value, type, ord)
  ), locked AS MATERIALIZED (
    SELECT slot FROM slot WHERE slot = ANY($1::int[]) ORDER BY slot FOR UPDATE
  ), moved AS (
    UPDATE slot SET next_offset = slot.next_offset + n.count
    FROM locked JOIN (SELECT slot, count(*) FROM given GROUP BY slot) n USING (slot)
    WHERE slot.slot = locked.slot
    RETURNING slot.slot, slot.next_offset - n.count AS first
  ), added AS (
    INSERT INTO log (slot, "offset", topic, key, headers, value, type)
    SELECT slot, first + place, topic, key, headers::json, value, type FROM given JOIN moved USING (slot)
  )
  SELECT pg_notify('millrace_log', concat_ws(' ', slot, topic, type)) FROM (SELECT DISTINCT slot, topic, type FROM given) touched`

const join = `
  WITH joined AS (
    INSERT INTO member (grp, id, leased_until) VALUES ($1, $2, now() + $3 * interval '1 ms')
    ON CONFLICT (grp, id) DO UPDATE SET leased_until = excluded.leased_until
  ), gone AS (
    DELETE FROM member WHERE leased_until < now() - interval '1 hour'
  ), started AS (
    INSERT INTO cursor (grp, slot) SELECT $1, slot FROM slot ON CONFLICT DO NOTHING
  )
  SELECT pg_notify('millrace_members', $1)`

const renew = `
  WITH renewed AS (
    INSERT INTO member AS m (grp, id, leased_until) VALUES ($1, $2, now() + $3 * interval '1 ms')
    ON CONFLICT (grp, id) DO UPDATE SET leased_until = excluded.leased_until
  ), alive AS (
    SELECT id FROM member WHERE grp = $1 AND leased_until > now() UNION SELECT $2
  )
  SELECT c.slot, c.next_offset, s.next_offset AS head, c.owner, coalesce(c.owner IN (SELECT id FROM alive), false) AS alive,
    (SELECT count(*)::int FROM alive) AS members, (SELECT count(*)::int FROM alive WHERE id < $2) AS rank
  FROM cursor c JOIN slot s USING (slot) WHERE c.grp = $1 ORDER BY c.slot`

const release = `
  WITH released AS (UPDATE cursor SET owner = NULL WHERE grp = $1 AND owner = $2 AND slot = ANY($3::int[]))
  SELECT pg_notify('millrace_members', $1)`

// Only from the owner that was seen dead: of two members that take at once, one gets it.
const take = `
  UPDATE cursor SET owner = $2 FROM unnest($3::int[], $4::text[]) AS seen(slot, owner)
  WHERE cursor.grp = $1 AND cursor.slot = seen.slot AND cursor.owner IS NOT DISTINCT FROM seen.owner
  RETURNING cursor.slot, cursor.next_offset`

const depart = `
  WITH released AS (UPDATE cursor SET owner = NULL WHERE grp = $1 AND owner = $2),
       gone AS (DELETE FROM member WHERE grp = $1 AND id = $2)
  SELECT pg_notify('millrace_members', $1)`

// The head is read with the messages: all before it are visible here, as its row is locked until they are.
const nextOnes = `
  SELECT s.slot, s.next_offset AS head, l.* FROM unnest($1::int[], $2::bigint[]) AS w(slot, next) JOIN slot s USING (slot) LEFT JOIN LATERAL (
    SELECT "offset", topic, key, headers, value FROM (
      SELECT *, sum(octet_length(value)) OVER (ORDER BY "offset") - octet_length(value) AS before FROM (
        SELECT "offset", topic, key, headers, value FROM log
        WHERE slot = w.slot AND "offset" >= w.next AND topic = ANY($3::text[]) AND (type IS NULL OR type <> ALL($6::text[]))
        ORDER BY "offset" LIMIT $4
      ) few
    ) counted WHERE before < $5 ORDER BY "offset"
  ) l ON true`

const advance = `
  UPDATE cursor SET next_offset = moved.next FROM unnest($3::int[], $4::bigint[]) AS moved(slot, next)
  WHERE grp = $1 AND owner = $2 AND cursor.slot = moved.slot RETURNING cursor.slot`

function slotOf(key: string): number {
  return hash('sha256', key, 'buffer')[0]! % slots
}
