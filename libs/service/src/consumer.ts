import { setTimeout as delay } from 'node:timers/promises'
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices'
import { events as declaredEvents, type EventType } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { isObservable, lastValueFrom } from 'rxjs'
import type { Bus, Delivery, Subscription } from './bus/bus.js'
import { withContext, type Context } from './context.js'
import type { Database } from './database.js'
import { eventTransport, type Received } from './events.js'
import type { Logger } from './log.js'
import type { Parking } from './parking.js'
import type { Telemetry } from './telemetry.js'
import { together } from './together.js'
import type { Transaction } from './transaction.js'

/** How often a handler is tried before its event is parked, and the wait before each new try. */
const retryWaits = [50, 200, 800]
/** How often one is tried that the database broke off for its time: with the usual limit of 20 s this outlives a lock of five minutes. */
const timeoutsAtMost = 15
const batchSize = 500
/** While the database works on one, the next is read and checked. */
const transactionsAtOnce = 3

/**
 * Applies events: each once, in order per aggregate, its effect and the note that it was read in one transaction. An event that cannot be
 * applied is parked where administrators see it and can replay it; the later events of the same aggregate wait behind it, the others go on.
 */
export class EventConsumer extends Server implements CustomTransportStrategy {
  override transportId = eventTransport
  private subscription: Subscription | undefined
  private readonly handlers = new Map<string, MessageHandler[]>()
  private readonly types = new Map(declaredEvents.map((event) => [event.type, event]))
  private readonly waiters = new Set<() => void>()
  private stopping = false

  constructor(
    private readonly service: string,
    private readonly database: Database,
    private readonly bus: Bus,
    private readonly log: Logger,
    private readonly telemetry: Telemetry,
    private readonly parking: Parking,
  ) {
    super()
  }

  /**
   * Several methods may act on one event; here they run one after the other. Nest would chain them to the first one and start all at once, and
   * then one that fails ends the transaction under the others.
   */
  override addHandler(type: string, handler: MessageHandler, isEventHandler = false): void {
    const known = this.handlers.get(type)
    if (known) known.push(handler)
    else {
      this.handlers.set(type, [handler])
      super.addHandler(type, handler, isEventHandler)
    }
  }

  /** Types that this service acts on. */
  handles(name: string): boolean {
    return declaredEvents.some((event) => event.name === name && this.messageHandlers.has(event.type))
  }

  async listen(done: (error?: unknown) => void): Promise<void> {
    try {
      const topics = [...new Set([...this.messageHandlers.keys()].map((type) => this.types.get(type)!.topic))]
      if (topics.length)
        this.subscription = await this.bus.subscribe({
          group: `millrace-${this.service}`,
          topics,
          ignored: declaredEvents.flatMap(({ type }) => (this.messageHandlers.has(type) ? [] : [type])),
          deliver: (batch, beat) => this.deliver(batch, beat),
        })
      done()
    } catch (error) {
      done(error)
    }
  }

  async close(): Promise<void> {
    this.stopping = true
    await this.subscription?.stop()
  }

  on(): void {
    // no status events of its own
  }

  unwrap<T>(): T {
    return this.subscription as T
  }

  get running(): boolean {
    return !this.subscription || this.subscription.running
  }

  async lag(): Promise<number> {
    return (await this.subscription?.lag()) ?? 0
  }

  /**
   * Waits until these events were applied here, at most `ms`. Answers what they caused here, or the ones still missing. A parked one is not waited
   * for: only a person can mend it, and whoever wrote it could read nothing here until then, not even what is parked.
   */
  async applied(eventIds: readonly string[], ms: number): Promise<{ missing: string[]; caused: string[] }> {
    const until = performance.now() + ms
    for (;;) {
      let wake!: () => void
      const woken = new Promise<void>((resolve) => (wake = resolve))
      this.waiters.add(wake)
      try {
        const rows = await this.database.query<{ event_id: string; caused: string[] }>(
          `SELECT event_id, caused FROM inbox WHERE event_id = ANY($1::text[])
           UNION ALL SELECT event_id, '[]' FROM parked WHERE event_id = ANY($1::text[])`,
          [eventIds],
        )
        const missing = eventIds.filter((id) => !rows.some(({ event_id }) => event_id === id))
        const left = until - performance.now()
        if (!missing.length || left <= 0) return { missing, caused: rows.flatMap(({ caused }) => caused) }
        await Promise.race([woken, delay(Math.min(left, 100), undefined, { ref: false })])
      } finally {
        this.waiters.delete(wake)
      }
    }
  }

  private async deliver(batch: readonly Delivery[], beat: () => Promise<void>): Promise<void> {
    for (let from = 0; from < batch.length; from += batchSize) {
      const chunk = batch.slice(from, from + batchSize).filter((delivery) => this.concernsUs(delivery))
      if (chunk.length) {
        if (!(await this.apply(chunk))) await this.applyParts(chunk, beat)
        for (const wake of this.waiters) wake()
      }
      await beat()
    }
  }

  private concernsUs({ headers }: Delivery): boolean {
    const type = headers['ce_type']
    return !type || this.messageHandlers.has(type) || !this.types.has(type)
  }

  /** Applies the next events of a stream, with those of other streams that wait as well. Answers whether that went well. */
  private readonly apply = together<readonly Delivery[], boolean>(
    async (chunks) => {
      const applied = await this.applyTogether(chunks.flat()).then(yes, no)
      return chunks.map(() => applied)
    },
    { most: batchSize, atOnce: transactionsAtOnce, sizeOf: (chunk) => chunk.length },
  )

  /** Halves events that could not be applied together until the one is found that cannot be applied at all. */
  private async applyParts(chunk: readonly Delivery[], beat: () => Promise<void>): Promise<void> {
    if (chunk.length === 1) return this.applyOrPark(chunk[0]!, beat)
    const half = chunk.length >> 1
    for (const part of [chunk.slice(0, half), chunk.slice(half)]) {
      const applied = part.length > 1 && (await this.applyTogether(part).then(yes, no))
      if (!applied) await this.applyParts(part, beat)
      await beat()
    }
  }

  private async applyOrPark(delivery: Delivery, beat: () => Promise<void>): Promise<void> {
    for (let [attempt, timeouts] = [0, 0]; ;) {
      try {
        return await this.applyTogether([delivery])
      } catch (error) {
        if (this.stopping) throw error
        const timedOut = isTimeout(error)
        if (timedOut) timeouts += 1
        const wait =
          error instanceof Poison || timeouts > timeoutsAtMost
            ? undefined
            : timedOut
              ? 200
              : isPassing(error)
                ? 1_000
                : retryWaits[attempt++]
        if (wait === undefined) return await this.park(delivery, error)
        await delay(wait)
        await beat()
      }
    }
  }

  /** Applies deliveries in one transaction; all or none. */
  private async applyTogether(deliveries: readonly Delivery[], first?: (tx: Transaction) => Promise<void>): Promise<void> {
    await withContext(platform(), () =>
      this.database.transaction(async (tx) => {
        await first?.(tx)
        const caused: { id: string; entries: string[] }[] = []
        for (const delivery of byTenant(await this.unread(tx, deliveries, first !== undefined))) {
          const event = this.read(delivery)
          const traceparent = delivery.headers['ce_traceparent']
          const context: Context = {
            ...platform(),
            channel: 'event',
            tenantId: event.tenantId,
            journeyId: event.journeyId,
            traceparent,
            transaction: tx,
          }
          await tx.switchTenant(event.tenantId)
          await withContext(context, () => this.telemetry.consuming(event, delivery, () => this.handle(event, tx)))
          if (context.caused.length) caused.push({ id: event.id, entries: context.caused })
        }
        await tx.switchTenant('*')
        if (caused.length) await tx.query(noteCaused, [caused.map(({ id }) => id), caused.map(({ entries }) => JSON.stringify(entries))])
      }),
    )
  }

  /** Notes the deliveries as read and answers those that were not read before. Those behind a parked event of their aggregate are parked too. */
  private async unread(tx: Transaction, deliveries: readonly Delivery[], replaying: boolean): Promise<Delivery[]> {
    const note = () =>
      tx.one<{ fresh: string[]; blocked: string[] }>(noteRead, [
        deliveries.map(({ headers }) => headers['ce_id'] ?? ''),
        deliveries.map(({ key }) => key),
        deliveries.map(({ headers }) => headers['ce_tenantid'] ?? '*'),
        replaying,
      ])
    let { fresh, blocked } = (await note())!
    if (blocked.length) {
      await this.parking.lockKeys(tx, blocked)
      const again = (await note())!
      ;[fresh, blocked] = [[...fresh, ...again.fresh], again.blocked]
    }
    const unread = new Set(fresh)
    const result: Delivery[] = []
    for (const delivery of deliveries) {
      const id = delivery.headers['ce_id']
      if (!id)
        result.push(delivery) // has no identity: read() refuses it and it gets parked
      else if (blocked.includes(delivery.key)) await this.parking.parkBehind(tx, delivery)
      else if (unread.delete(id)) result.push(delivery)
    }
    return result
  }

  private read(delivery: Delivery): Received<EventType> {
    const { headers, value } = delivery
    const type = headers['ce_type'] ?? ''
    const declared = this.types.get(type)
    if (!declared) throw new Poison('event.unknown_type', type)
    const tenantId = headers['ce_tenantid']
    const at = new Date(headers['ce_time'] ?? '')
    if (!headers['ce_id'] || !tenantId || !/^tenant_[0-9a-z]{26}$/.test(tenantId) || Number.isNaN(at.getTime()))
      throw new Poison('event.bad_headers', type)
    let json: unknown
    try {
      json = JSON.parse(value.toString())
    } catch {
      throw new Poison('event.bad_json', type)
    }
    const payload = declared.payload.safeParse(json)
    if (!payload.success) throw new Poison('event.broken_schema', payload.error.issues.map(({ path }) => path.join('.')).join(', '))
    return {
      id: headers['ce_id'],
      type,
      subject: headers['ce_subject'] ?? delivery.key,
      tenantId,
      journeyId: headers['ce_journeyid'] ?? '',
      at,
      sequence: Number(headers['ce_sequence'] ?? 0),
      actorId: headers['ce_actorid'] ?? null,
      payload: payload.data,
    }
  }

  private async handle(event: Received<EventType>, tx: Transaction): Promise<void> {
    for (const handler of this.handlers.get(event.type) ?? []) {
      const result = await handler(event, tx)
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined })
    }
  }

  private async park(delivery: Delivery, error: unknown): Promise<void> {
    const known = error instanceof Poison || error instanceof Refusal
    const code = known ? error.code : 'event.handler_failed'
    const reason = known ? error.message : ((error as Error).stack ?? String(error)).slice(0, 2_000)
    const { headers, stream, offset } = delivery
    this.log.error({ eventId: headers['ce_id'], type: headers['ce_type'], stream, offset, code }, 'event parked')
    await withContext(platform(), () =>
      this.database.transaction((tx) => this.parking.park(tx, delivery, { code, reason, blocks: !(error instanceof Poison) })),
    )
    this.telemetry.parked(headers['ce_type'] ?? 'unknown')
  }

  /** Applies a parked event again, and in order those that wait behind it. Answers how many were applied; stops at one that fails again. */
  async replay(parkedId: string): Promise<{ applied: number; failed: string | null }> {
    const queue = await this.parking.queue(parkedId)
    let applied = 0
    for (const { id, delivery } of queue) {
      try {
        await this.applyTogether([delivery], (tx) => this.parking.release(tx, id, delivery.key))
        applied += 1
      } catch (error) {
        await this.parking.failedAgain(id, error)
        return { applied, failed: id }
      }
    }
    for (const wake of this.waiters) wake()
    return { applied, failed: null }
  }
}

const yes = () => true
const no = () => false

const noteCaused =
  'UPDATE inbox SET caused = given.caused::jsonb FROM unnest($1::text[], $2::text[]) AS given(id, caused) WHERE event_id = given.id'

const noteRead = `
  WITH given AS (SELECT DISTINCT ON (id) id, key, tenant FROM unnest($1::text[], $2::text[], $3::text[]) AS d(id, key, tenant) WHERE id <> ''),
       blocked AS (SELECT DISTINCT key FROM parked WHERE blocks AND key = ANY($2::text[]) AND NOT $4),
       fresh AS (INSERT INTO inbox (tenant_id, event_id) SELECT tenant, id FROM given WHERE key NOT IN (SELECT key FROM blocked)
                 ON CONFLICT DO NOTHING RETURNING event_id)
  SELECT coalesce((SELECT jsonb_agg(event_id) FROM fresh), '[]') AS fresh, coalesce((SELECT jsonb_agg(key) FROM blocked), '[]') AS blocked`

/** Tenant after tenant, in each the order they came in: what is gathered is written once a tenant. */
function byTenant(deliveries: readonly Delivery[]): readonly Delivery[] {
  const tenants = new Map<string, Delivery[]>()
  for (const delivery of deliveries) {
    const tenant = delivery.headers['ce_tenantid'] ?? ''
    const known = tenants.get(tenant)
    if (known) known.push(delivery)
    else tenants.set(tenant, [delivery])
  }
  return tenants.size > 1 ? [...tenants.values()].flat() : deliveries
}

function platform(): Context {
  return { tenantId: '*', visibility: 'company', language: 'en', caused: [] }
}

/** An event that no retry can mend. */
class Poison extends Error {
  constructor(
    readonly code: string,
    what: string,
  ) {
    super(`${code}: ${what}`)
  }
}

/** Whether the database broke a statement off as it took too long: for what others did at the moment, or for what the event asks. */
function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown }).code === '57014'
}

/** Whether a failure is of the moment (database away, deadlock), not of the event. */
function isPassing(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string }
  if (typeof code === 'string' && /^(08|53|57P|40)/.test(code)) return true
  return (
    /ECONN|EPIPE|ETIMEDOUT|timeout|terminat|Connection/i.test(`${code ?? ''} ${message ?? ''}`) &&
    !(error instanceof Poison) &&
    !(error instanceof Refusal)
  )
}
