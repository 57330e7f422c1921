import type { CustomRecord } from '@millrace/contracts'
import { newId, Refusal, type CustomValues, type Id } from '@millrace/domain'
import { hash } from 'node:crypto'
import type { Socket } from 'node:net'
import type { PoolClient, QueryResult } from 'pg'
import { visibleOwners } from './access.js'
import { context, type Context } from './context.js'
import { difference, plain } from './difference.js'
import type { Table } from './schema.js'
import { insertOf, prepared, type Rows } from './statements.js'

/** What every aggregate has besides its own fields. */
export interface Aggregate {
  readonly id: string
  readonly version: number
  readonly journeyId: string | null
}

type Mapped<T> = { prototype: T }

/** A record with a company's own fields, before and after it was stored; new ones had no before. */
export interface StoredChange {
  readonly before: Customised | undefined
  readonly after: Customised
}
interface Customised {
  readonly id: string
  readonly status?: string
  readonly custom: CustomValues
}

/** What a company's own fields do to the records that may have them: all whose table has a column `custom`. */
export interface CustomRecords {
  /** Called before they are stored, in the same transaction: refuses where something required is missing, and keeps the index. */
  stored(tx: Transaction, record: CustomRecord, changes: readonly StoredChange[]): Promise<void>
  /** The values that events may tell. */
  told(record: CustomRecord, values: CustomValues): Promise<CustomValues>
}

/** Writes rows that were gathered in a transaction, as few statements as it can. */
export type GatheredWrite<Row = any> = (tx: Transaction, rows: readonly Row[]) => Promise<void> | void

/** One event waiting in the transaction to be written to the outbox at commit. */
export interface OutboxEntry {
  readonly tenant_id: string
  readonly event_id: string
  readonly topic: string
  readonly key: string
  readonly headers: Record<string, string>
  readonly payload: string
}

interface AuditEntry {
  readonly tenant_id: string
  readonly aggregate: string
  readonly aggregate_id: string
  readonly version: number
  readonly action: 'insert' | 'update'
  readonly actor_id: string | null
  readonly change: string
  readonly trace_id: string | null
  readonly channel: string
  readonly address: string | null
}

/** The answer of an idempotent request, kept with its effect. */
export interface KeptAnswer {
  readonly key: string
  readonly body_hash: string
  readonly status: number
  readonly answer: string
  /** A JSON object of strings. */
  readonly headers: string
}

/**
 * One database transaction of one tenant. Everything a use case needs: lock a record, save it, run SQL. What needs no answer travels with the
 * next statement that does, and events, audit rows and the kept answer with COMMIT: a usual use case takes three round trips.
 */
export class Transaction {
  private readonly outbox: OutboxEntry[] = []
  private readonly audits: AuditEntry[] = []
  private readonly known = new Map<string, object>()
  private readonly afterCommit: (() => void)[] = []
  private readonly gathered = new Map<GatheredWrite, unknown[]>()
  private kept: KeptAnswer | undefined
  /** Statements that were sent and whose outcome nobody has looked at yet, in their order. */
  private sent: Promise<unknown>[] = []
  /** The last insert, as long as nothing came after it: what the transaction leaves at its commit is written by the same statement. */
  private insertion: { readonly table: Table; readonly entities: readonly object[] } | undefined
  private readonly locked = new Set<string>()
  private readonly socket: Pick<Socket, 'cork' | 'uncork'>
  private corked = false

  constructor(
    private readonly client: PoolClient,
    private tenantId: string,
    private readonly tableOf: (target: unknown) => Table,
    readonly custom?: CustomRecords,
  ) {
    this.socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
  }

  /** Opens the transaction; travels with the first statement that is awaited. */
  begin(): void {
    this.hold()
    this.later(this.client.query(`BEGIN; SET LOCAL millrace.tenant = '${checkedTenant(this.tenantId)}'`))
  }

  /** Event batches only: goes on for another tenant. */
  async switchTenant(tenantId: string): Promise<void> {
    if (tenantId === this.tenantId) return
    await this.writeGathered()
    this.tenantId = tenantId
    this.sendInsertion()
    this.later(this.client.query(`SET LOCAL millrace.tenant = '${checkedTenant(tenantId)}'`))
  }

  /**
   * Runs SQL whose answer nobody needs. It travels with the next statement that is awaited, which then also throws what went wrong here; at the
   * latest with the commit.
   */
  send(sql: string, values: readonly unknown[] = []): void {
    this.hold()
    this.sendInsertion()
    this.later(this.client.query(prepared(sql, values)))
  }

  private sendInsertion(): void {
    const { insertion } = this
    if (!insertion) return
    this.insertion = undefined
    const { table, entities } = insertion
    if (entities.length > few) this.send(table.insertSql, table.insertValues(entities))
    else this.send(...insertOf([rowsOf(insertion)]))
  }

  /** Until the end of the transaction, nobody else of the tenant holds one of these keys. Waits for them with the next statement. */
  lockKeys(keys: readonly string[]): void {
    const numbers = keys.map((key) => hash('sha256', `${this.tenantId} ${key}`, 'buffer').readBigInt64BE())
    const ordered = [...new Set(numbers)].sort((a, b) => (a < b ? -1 : 1)) // two that want the same keys do not wait for each other
    this.send(`SELECT ${ordered.map((_, n) => `pg_advisory_xact_lock($${n + 1})`).join(', ')}`, ordered)
  }

  private later(answer: Promise<unknown>): void {
    answer.catch(() => undefined)
    this.sent.push(answer)
  }

  /** What is sent from here on leaves together. */
  private hold(): void {
    if (this.corked) return
    this.corked = true
    this.socket.cork()
  }

  private release(): void {
    if (!this.corked) return
    this.corked = false
    this.socket.uncork()
  }

  /** Runs SQL for the tenant; row-level security sees to it that no other tenant's row is touched. */
  async query<Row extends object = Record<string, any>>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.run(sql, values)).rows as Row[]
  }

  /** Runs a transaction of one statement. */
  async queryAndCommit<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    this.hold()
    const result = this.client.query(prepared(sql, values))
    this.later(result)
    this.later(this.client.query('COMMIT'))
    this.release()
    for (const answer of this.sent) await answer
    return (await result).rows as Row[]
  }

  /** The first row, if any. */
  async one<Row extends object = Record<string, any>>(sql: string, values: readonly unknown[] = []): Promise<Row | undefined> {
    return (await this.query<Row>(sql, values))[0]
  }

  /** Runs SQL and answers how many rows it touched. */
  async count(sql: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.run(sql, values)).rowCount ?? 0
  }

  private async run(sql: string, values: readonly unknown[]): Promise<QueryResult> {
    this.hold()
    this.sendInsertion()
    const before = this.sent
    this.sent = []
    const result = this.client.query(prepared(sql, values))
    this.release()
    if (!before.length) return result
    result.catch(() => undefined)
    // Answers come in the order of the statements; after one that failed, the others only say that the transaction is over.
    for (const answer of before) await answer
    return result
  }

  /** The record, if it exists and the actor may see it. */
  async find<T extends object>(target: Mapped<T>, id: string): Promise<T | undefined> {
    return (await this.select(target, 'id = $1', [id], ''))[0]
  }

  /** The record, or a "not found" that does not tell whether it exists for others. */
  async get<T extends object>(target: Mapped<T>, id: string): Promise<T> {
    return (await this.find(target, id)) ?? refuseMissing(this.tableOf(target).noun, id)
  }

  /** All records where the columns (snake_case) have these values, by id. */
  async findBy<T extends object>(target: Mapped<T>, where: Record<string, unknown>): Promise<T[]> {
    const names = Object.keys(where)
    return this.select(target, names.map((name, n) => `${name} = $${n + 1}`).join(' AND ') || 'true', Object.values(where), '')
  }

  /**
   * The record, locked until commit. Refuses when it is not visible with the operation's permission (`not_found`), and when the
   * request named this very record with an outdated If-Match (`version.stale`).
   */
  async lock<T extends object>(target: Mapped<T>, id: string): Promise<T> {
    const [found] = await this.select(target, 'id = $1', [id], ' FOR UPDATE')
    const { name, noun } = this.tableOf(target)
    if (!found) refuseMissing(noun, id)
    this.locked.add(`${name}/${id}`)
    const { target: named } = context()
    const { version } = found as { version?: number }
    if (named?.id === id && named.ifMatch !== undefined && version !== undefined && named.ifMatch !== version) {
      throw new Refusal('version.stale', { current: version }, 'refused')
    }
    return found
  }

  /** Those of these records that the actor may see, locked until commit in the order of their ids. */
  async lockAll<T extends object>(target: Mapped<T>, ids: readonly string[]): Promise<T[]> {
    const found = await this.select(target, 'id = ANY($1::text[])', [ids], ' FOR UPDATE')
    for (const entity of found) this.locked.add(`${this.tableOf(target).name}/${(entity as { id: string }).id}`)
    return found
  }

  /**
   * All records where the columns (snake_case) have these values, locked until commit in the order of their ids. Whoever owns them: for what
   * follows from a change that the actor may make.
   */
  async lockBy<T extends object>(target: Mapped<T>, where: Record<string, unknown>): Promise<T[]> {
    const names = Object.keys(where)
    const condition = names.map((name, n) => `${name} = $${n + 1}`).join(' AND ')
    const found = await this.select(target, condition, Object.values(where), ' FOR UPDATE', 'whoever owns them')
    for (const { id } of found as { id: string }[]) this.locked.add(`${this.tableOf(target).name}/${id}`)
    return found
  }

  private async select<T extends object>(
    target: Mapped<T>,
    where: string,
    values: unknown[],
    suffix: string,
    sight?: 'whoever owns them',
  ): Promise<T[]> {
    const table = this.tableOf(target)
    const visible = table.fields.has('ownerId') && !sight ? visibleOwners('owner_id', values.length) : undefined
    const condition = visible ? `(${where}) AND ${visible.sql}` : where
    const rows = await this.query(
      `SELECT ${table.columnNames} FROM ${table.name} WHERE ${condition} ORDER BY id${suffix}`,
      visible ? [...values, ...visible.values] : values,
    )
    return rows.map((row) => {
      const entity = table.hydrate(row) as T
      this.known.set(`${table.name}/${(entity as { id: string }).id}`, entity)
      return entity
    })
  }

  /**
   * Stores new values (any number in one statement); aggregates begin at version 1 and are audited. What the database has against them is
   * thrown by the next statement or by the commit.
   */
  async insert<T extends object>(given: T | readonly T[]): Promise<void> {
    const entities = (Array.isArray(given) ? given : [given]) as T[]
    if (!entities.length) return
    const table = this.tableOf(entities[0]!.constructor)
    if (table.custom)
      await this.custom?.stored(
        this,
        table.custom,
        entities.map((after) => ({ before: undefined, after: after as never })),
      )
    if (table.versioned) for (const entity of entities) this.audit(table, entity as never, 'insert', undefined)
    this.letFind(table, entities as never, { areNew: true })
    this.sendInsertion()
    this.insertion = { table, entities }
  }

  /** Stores the changed value of a record that was read in this transaction; its version goes up by one. */
  async update<T extends object>(entity: T & { id: string; version?: number }): Promise<T> {
    const table = this.tableOf(entity.constructor)
    const key = `${table.name}/${entity.id}`
    if (table.custom) await this.custom?.stored(this, table.custom, [{ before: this.known.get(key) as never, after: entity as never }])
    // Nobody else changes what is locked here, so nobody needs to wait for the answer.
    if (this.locked.has(key)) this.send(table.updateSql, table.updateValues(entity as never))
    else if (!(await this.count(table.updateSql, table.updateValues(entity as never))))
      throw new Refusal('version.stale', { current: 'unknown' })
    if (table.versioned) {
      const stored = entity as { version: number }
      stored.version += 1
      const before = this.known.get(key)
      this.audit(table, entity as never, 'update', before)
      this.letFind(table, [entity], { before })
      this.known.set(key, entity) // a second update in this transaction tells only what it changed itself
    }
    return entity
  }

  /** Stores the changed values of records that are locked, any number by one statement; their versions go up by one. */
  async updateAll<T extends object>(entities: readonly (T & { id: string; version?: number })[]): Promise<void> {
    if (!entities.length) return
    const table = this.tableOf(entities[0]!.constructor)
    const keys = entities.map(({ id }) => `${table.name}/${id}`)
    const unlocked = keys.find((key) => !this.locked.has(key))
    if (unlocked) throw new Error(`${unlocked} is not locked`)
    if (table.custom) {
      const changes = entities.map((after, n) => ({ before: this.known.get(keys[n]!) as never, after: after as never }))
      await this.custom?.stored(this, table.custom, changes)
    }
    this.send(table.updateAllSql, table.updateAllValues(entities as never))
    if (!table.versioned) return
    entities.forEach((entity, n) => {
      ;(entity as { version: number }).version += 1
      const before = this.known.get(keys[n]!)
      this.audit(table, entity as never, 'update', before)
      this.letFind(table, [entity], { before })
      this.known.set(keys[n]!, entity)
    })
  }

  /** Lets the search find records by what they hold now, and no more by what one of them held before. */
  letFind(
    table: Table,
    entities: readonly { id: string }[],
    { before, areNew }: { before?: object | undefined; areNew?: boolean } = {},
  ): void {
    if (!table.found.length || (before && table.isFoundAlike(before, entities[0]!))) return
    const known = new Set(before && table.searchTokens(before))
    const rows = entities.flatMap((entity) => table.searchTokens(entity).map((token) => ({ id: entity.id, token })))
    const fresh = rows.filter(({ token }) => !known.has(token))
    for (const { token } of rows) known.delete(token)
    if (known.size)
      this.send(`DELETE FROM ${table.name}_search WHERE tenant_id = $1 AND record_id = $2 AND token = ANY($3::text[])`, [
        this.tenantId,
        entities[0]!.id,
        [...known],
      ])
    if (!fresh.length) return
    this.send(
      `INSERT INTO ${table.name}_search (tenant_id, token, record_id) SELECT $1, token, id FROM unnest($2::text[], $3::text[]) AS given(token, id)` +
        (areNew ? '' : ' ON CONFLICT DO NOTHING'), // looking for a conflict is half of what it costs
      [this.tenantId, fresh.map(({ token }) => token), fresh.map(({ id }) => id)],
    )
  }

  /** Hydrates rows of own SQL (`SELECT * …`). */
  hydrate<T extends object>(target: Mapped<T>, rows: readonly object[]): T[] {
    const table = this.tableOf(target)
    return rows.map((row) => table.hydrate(row as Record<string, unknown>) as T)
  }

  /** Notes in the audit trail what changes no record, e.g. that a list was exported. */
  noteInAudit(aggregate: string, id: string, version: number, change: Record<string, unknown>): void {
    this.trail(aggregate, id, version, version === 1 ? 'insert' : 'update', change)
  }

  private audit(table: Table, entity: Aggregate, action: 'insert' | 'update', before: object | undefined): void {
    this.trail(table.noun, entity.id, entity.version, action, difference(before, entity))
  }

  private trail(aggregate: string, id: string, version: number, action: 'insert' | 'update', change: Record<string, unknown>): void {
    const { actor, traceparent, channel, from } = context()
    this.audits.push({
      tenant_id: this.tenantId,
      aggregate,
      aggregate_id: id,
      version,
      action,
      actor_id: actor?.id ?? null,
      change: plain(change),
      trace_id: traceparent?.split('-')[1] ?? null,
      channel: channel ?? (from ? 'api' : 'platform'),
      address: from?.address ?? null,
    })
  }

  /**
   * Leaves a row to be written together with others like it before the transaction ends: what each of a batch of events adds takes one statement.
   * Not for rows that are read again in the same transaction.
   */
  gather<Row>(write: GatheredWrite<Row>, row: Row): void {
    const rows = this.gathered.get(write)
    if (rows) rows.push(row)
    else this.gathered.set(write, [row])
  }

  private async writeGathered(): Promise<void> {
    // What is written may leave rows of its own.
    while (this.gathered.size) {
      const writes = [...this.gathered]
      this.gathered.clear()
      for (const [write, rows] of writes) await write(this, rows)
    }
  }

  /** For Events only: the event goes out if and when this transaction commits. */
  enqueue(entry: OutboxEntry): void {
    this.outbox.push(entry)
  }

  /** For the HTTP layer only: keeps the answer of an idempotent request with its effect. */
  keep(answer: KeptAnswer): void {
    this.kept = answer
  }

  /** Runs after a successful commit. */
  onCommit(work: () => void): void {
    this.afterCommit.push(work)
  }

  get tenant(): string {
    return this.tenantId
  }

  get publishes(): boolean {
    return this.outbox.length > 0
  }

  async commit(): Promise<void> {
    await this.writeGathered()
    this.hold()
    this.leaveRecords()
    const commit = this.client.query('COMMIT')
    this.release()
    const outcomes = await Promise.allSettled([...this.sent, commit])
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
    if ((await commit).command !== 'COMMIT') throw new Error('the database rolled the transaction back')
    for (const work of this.afterCommit) work()
  }

  /** Sends the events, the audit rows, the kept answer and the last insert: what is usual, each a row or two, in one statement. */
  private leaveRecords(): void {
    const { outbox, audits, kept, insertion } = this
    if (outbox.length > few || audits.length > few || (insertion?.entities.length ?? 0) > few) {
      this.sendInsertion()
      return this.send(insertRecords, [
        ...columnsOf(outbox, outboxColumns),
        ...columnsOf(audits, auditColumns),
        ...(kept ? keptColumns.map((column) => kept[column]) : keptColumns.map(() => null)),
      ])
    }
    this.insertion = undefined
    const writes: Rows[] = [
      ...(insertion ? [rowsOf(insertion)] : []),
      { table: 'outbox', columns: outboxColumns, rows: outbox.map((entry) => outboxColumns.map((column) => entry[column])) },
      { table: 'audit', columns: auditColumns, rows: audits.map((entry) => auditColumns.map((column) => entry[column])) },
      { table: 'idempotency', columns: keptColumns, rows: kept ? [keptColumns.map((column) => kept[column])] : [] },
    ].filter(({ rows }) => rows.length)
    if (writes.length) this.send(...insertOf(writes))
  }

  async rollback(): Promise<void> {
    this.hold()
    this.later(this.client.query('ROLLBACK'))
    this.release()
    const outcomes = await Promise.allSettled(this.sent)
    const rolledBack = outcomes.at(-1)!
    if (rolledBack.status === 'rejected') throw rolledBack.reason
  }
}

/** So many rows of a table are written as values; from there on as arrays, one a column. */
const few = 4
const outboxColumns = ['tenant_id', 'event_id', 'topic', 'key', 'headers', 'payload'] as const
const auditColumns = [
  'tenant_id',
  'aggregate',
  'aggregate_id',
  'version',
  'action',
  'actor_id',
  'change',
  'trace_id',
  'channel',
  'address',
] as const
const keptColumns = ['key', 'body_hash', 'status', 'answer', 'headers'] as const

const insertRecords = `WITH told AS (
    INSERT INTO outbox (tenant_id, event_id, topic, key, headers, payload)
    SELECT t, e, tp, k, h::jsonb, p FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS o(t, e, tp, k, h, p, n) ORDER BY n
  ), kept AS (
    INSERT INTO idempotency (key, body_hash, status, answer, headers)
    SELECT $17::text, $18::text, $19::int, $20::text, $21::jsonb WHERE $17::text IS NOT NULL
  )
  INSERT INTO audit (tenant_id, aggregate, aggregate_id, version, action, actor_id, change, trace_id, channel, address)
  SELECT t, a, i, v, c, u, d::jsonb, r, h, f
  FROM unnest($7::text[], $8::text[], $9::text[], $10::int[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[]) AS o(t, a, i, v, c, u, d, r, h, f)`

function columnsOf<T extends object>(entries: readonly T[], columns: readonly (keyof T)[]): unknown[] {
  return columns.map((column) => entries.map((entry) => entry[column]))
}

function rowsOf({ table, entities }: { readonly table: Table; readonly entities: readonly object[] }): Rows {
  return { table: table.name, columns: table.columns.map(({ name }) => name), rows: entities.map((entity) => table.rowValues(entity)) }
}

function refuseMissing(noun: string, id: string): never {
  throw Refusal.notFound(noun, id)
}

/** The tenant travels inside the statement; anything but an id is refused here. */
function checkedTenant(tenantId: string): string {
  if (tenantId !== '*' && !/^tenant_[0-9a-z]{26}$/.test(tenantId)) throw new Error('a transaction needs a tenant')
  return tenantId
}

/** A new id for an aggregate, with the fields every aggregate begins with. */
export function begun<Noun extends string>(noun: Noun, at: Date, id: Id<Noun> = newId(noun)) {
  return { id, version: 1, journeyId: currentJourney(), createdAt: at, updatedAt: at }
}

function currentJourney(): string {
  return (context() as Context).journeyId ?? newId('journey')
}
