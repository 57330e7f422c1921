import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Delivery, EventLog, Extent } from '@millrace/service'
import type { Ground } from './ground.ts'

/** An event of ours on the bus, without what it says. */
export interface Entry {
  readonly id: string
  readonly tenant: string
  readonly type: string
  readonly key: string
  readonly sequence: number
  readonly stream: string
}

/** A record that an event opens in another service. */
export interface Opening {
  readonly event: string
  readonly tenant: string
  readonly type: string
  readonly subject: string
  readonly noun: string
  readonly record: string
}

/** Records that others open because of an event, as its payload names them. */
const openings: Record<string, (payload: never) => { noun: string; record: string }[]> = {
  'lead.converted': (payload: Record<'account' | 'contact' | 'opportunity', { id: string; isNew: boolean } | null>) =>
    (['account', 'contact', 'opportunity'] as const).flatMap((noun) => (payload[noun]?.isNew ? [{ noun, record: payload[noun].id }] : [])),
  'contract.signed': ({ contractId }: { contractId: string }) => [
    { noun: 'collection_plan', record: contractId },
    { noun: 'order', record: contractId },
  ],
  'tenant.created': ({ tenantId }: { tenantId: string }) => [
    { noun: 'process', record: tenantId },
    { noun: 'legal_entity', record: tenantId },
  ],
}

/** Ids, keys and sequences of all events on the bus, in a file: the log is read once, however many checks need it. */
export class LogIndex {
  /** Messages that are no events of ours: broken, or of unknown type. */
  foreign = 0
  firstForeign: string | undefined
  /** Streams whose beginning is gone, with the time of the first event they still hold; null: they hold none. */
  readonly cut = new Map<string, number | null>()
  private readonly add: StatementSync
  private readonly addOpening: StatementSync
  private readonly newest: StatementSync
  private readonly places = new Map<string, string>()
  readonly db: DatabaseSync
  private readonly log: EventLog
  private readonly tenant: string | undefined
  private readonly poison: ReadonlySet<string>
  private readonly types: ReadonlyMap<string, { name: string; aggregate: string }>

  private constructor(
    log: EventLog,
    ground: Ground,
    poison: ReadonlySet<string>,
    types: ReadonlyMap<string, { name: string; aggregate: string }>,
  ) {
    const db = (this.db = new DatabaseSync(join(ground.folder(), 'log.db')))
    this.log = log
    this.tenant = ground.tenant
    this.poison = poison
    this.types = types
    db.exec(`
      PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -16000;
      CREATE TABLE event (n INTEGER PRIMARY KEY, id TEXT UNIQUE, tenant TEXT, type TEXT, aggregate TEXT, key TEXT, sequence INT, stream TEXT, poison INT);
      CREATE TABLE opening (event TEXT, tenant TEXT, type TEXT, subject TEXT, noun TEXT, record TEXT);`)
    this.add = db.prepare(
      'INSERT OR IGNORE INTO event (id, tenant, type, aggregate, key, sequence, stream, poison) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    this.newest = db.prepare('SELECT max(sequence) AS last FROM event WHERE aggregate = ? AND key = ?')
    this.addOpening = db.prepare('INSERT INTO opening VALUES (?, ?, ?, ?, ?, ?)')
  }

  static async read(log: EventLog, extents: readonly Extent[], ground: Ground): Promise<LogIndex> {
    ground.report('  reading the event log …')
    const { events } = await import('@millrace/contracts')
    // An event that no retry can mend was never one of ours, unless it was sent by a newer version of a service; who parked it says so.
    const poison = new Set<string>()
    for (const reader of ground.readers.values())
      for (const { event_id } of await reader.query<{ event_id: string }>('SELECT event_id FROM parked WHERE NOT blocks LIMIT 100000'))
        poison.add(event_id)
    const index = new LogIndex(log, ground, poison, new Map(events.map((event) => [event.type, event])))
    for (const { stream, from } of extents) {
      if (from !== '0') index.cut.set(stream, null)
      index.places.set(stream, from)
    }
    await index.readOn(extents, ground.halt)
    index.db.exec('CREATE INDEX event_key ON event (aggregate, key, n)')
    ground.report(`  ${index.count()} events in ${extents.length} streams`)
    return index
  }

  /** Reads what arrived since. */
  async catchUp(halt?: AbortSignal): Promise<void> {
    await this.readOn(await this.log.extents(), halt)
  }

  /** Entries of the events of a noun in batches, a record after the other. */
  *entries(aggregate: string, size = 1_000): Generator<Entry[]> {
    const next = this.db.prepare(
      `SELECT n, id, tenant, type, key, sequence, stream FROM event WHERE aggregate = ? AND (key, n) > (?, ?) AND NOT poison ORDER BY key, n LIMIT ${size}`,
    )
    let last = { key: '', n: 0 }
    for (;;) {
      const batch = next.all(aggregate, last.key, last.n) as unknown as (Entry & { n: number })[]
      if (!batch.length) return
      yield batch
      last = batch.at(-1)!
    }
  }

  /** Keys of a noun with the sequences of their events in order of arrival, a key after the other. */
  keys(aggregate: string): Iterable<Entry> {
    return this.db
      .prepare('SELECT id, tenant, type, key, sequence, stream FROM event WHERE aggregate = ? AND NOT poison ORDER BY key, n')
      .iterate(aggregate) as unknown as Iterable<Entry>
  }

  openings(): Iterable<Opening> {
    return this.db.prepare('SELECT * FROM opening').iterate() as unknown as Iterable<Opening>
  }

  has(eventId: string): boolean {
    return this.db.prepare('SELECT 1 FROM event WHERE id = ?').get(eventId) !== undefined
  }

  /** The sequences of a record's events. */
  sequences(aggregate: string, key: string): Set<number> {
    const rows = this.db.prepare('SELECT sequence FROM event WHERE aggregate = ? AND key = ?').all(aggregate, key) as unknown as {
      sequence: number
    }[]
    return new Set(rows.map(({ sequence }) => sequence))
  }

  /** The version that the newest event of a record tells of; 0 when there is none. */
  last(aggregate: string, key: string): number {
    return (this.newest.get(aggregate, key) as { last: number | null }).last ?? 0
  }

  count(): number {
    return (this.db.prepare('SELECT count(*) AS count FROM event').get() as { count: number }).count
  }

  /** Whether nothing of what happened from this moment on can be missing: what was removed is older. Milliseconds since 1970. */
  reachesBackTo(ms: number): boolean {
    return [...this.cut.values()].every((first) => first !== null && first < ms)
  }

  close(): void {
    this.db.close()
  }

  private async readOn(extents: readonly Extent[], halt: AbortSignal | undefined): Promise<void> {
    const parts = extents.map(({ stream, from, to }) => ({ stream, from: this.places.get(stream) ?? from, to }))
    await this.log.read(parts, async (batch) => {
      halt?.throwIfAborted()
      this.db.exec('BEGIN')
      for (const delivery of batch) this.note(delivery)
      this.db.exec('COMMIT')
    })
    for (const { stream, to } of parts) this.places.set(stream, to)
  }

  private note({ stream, offset, key, headers, value }: Delivery): void {
    const { ce_id: id = '', ce_type: type = '', ce_tenantid: tenant = '', ce_sequence, ce_subject: subject = key } = headers
    const declared = this.types.get(type)
    const sequence = Number(ce_sequence)
    if (/^event_[0-7][0-9a-z]{25}$/.test(id) && this.cut.get(stream) === null) this.cut.set(stream, mintedAt(id))
    let payload: unknown
    try {
      payload = JSON.parse(value.toString())
    } catch {
      payload = undefined
    }
    if (!declared || !id || payload === undefined || !Number.isInteger(sequence) || !/^tenant_[0-9a-z]{26}$/.test(tenant)) {
      this.foreign += 1
      this.firstForeign ??= `${stream} ${offset}`
      return
    }
    if (this.tenant && tenant !== this.tenant) return
    const poison = this.poison.has(id)
    if (poison) {
      this.foreign += 1
      this.firstForeign ??= `${stream} ${offset}`
    }
    const { changes } = this.add.run(id, tenant, declared.name, declared.aggregate, key, sequence, stream, Number(poison))
    if (changes && !poison)
      for (const { noun, record } of openings[declared.name]?.(payload as never) ?? [])
        this.addOpening.run(id, tenant, declared.name, subject, noun, record)
  }
}

/** When an id was made, in milliseconds since 1970: the first 48 bits of its UUIDv7. */
export function mintedAt(id: string): number {
  const letters = '0123456789abcdefghjkmnpqrstvwxyz'
  return [...id.slice(-26, -16)].reduce((sum, letter) => sum * 32 + letters.indexOf(letter), 0)
}
