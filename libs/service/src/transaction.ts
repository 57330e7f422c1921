import { newId, Refusal, type Id } from '@millrace/domain'
import type { PoolClient, QueryConfig, QueryResult } from 'pg'
import { context, type Context } from './context.js'
import type { Table } from './schema.js'
import { visibleOwners } from './access.js'

/** What every aggregate has besides its own fields. */
export interface Aggregate {
  readonly id: string
  readonly version: number
  readonly journeyId: string | null
}

type Mapped<T> = { prototype: T }

/** Writes rows that were gathered in a transaction, as few statements as it can. */
export type GatheredWrite<Row = any> = (tx: Transaction, rows: readonly Row[]) => Promise<unknown>

/** One event waiting in the transaction to be written to the outbox at commit. */
export interface OutboxEntry {
  readonly eventId: string
  readonly tenantId: string
  readonly topic: string
  readonly key: string
  readonly headers: Record<string, string>
  readonly payload: string
}

interface AuditEntry {
  readonly tenantId: string
  readonly aggregate: string
  readonly aggregateId: string
  readonly version: number
  readonly action: 'insert' | 'update'
  readonly actorId: string | null
  readonly change: string
  readonly traceId: string | null
}

/** The answer of an idempotent request, kept with its effect. */
export interface KeptAnswer {
  readonly key: string
  readonly bodyHash: string
  readonly status: number
  readonly answer: string
  readonly headers: Record<string, string>
}

/**
 * One database transaction of one tenant. Everything a use case needs: lock a record, save it, run SQL. Events, audit rows and the kept
 * answer are collected and written by one statement each just before COMMIT, in the same round trip.
 */
export class Transaction {
  private readonly outbox: OutboxEntry[] = []
  private readonly audits: AuditEntry[] = []
  private readonly known = new Map<string, object>()
  private readonly afterCommit: (() => void)[] = []
  private readonly gathered = new Map<GatheredWrite, unknown[]>()
  private kept: KeptAnswer | undefined
  private began: Promise<unknown> | undefined

  constructor(
    private readonly client: PoolClient,
    private tenantId: string,
    private readonly tableOf: (target: unknown) => Table,
  ) {}

  /** Opens the transaction. The answer is awaited with the first statement: both travel in one round trip. */
  begin(): void {
    this.began = this.client.query(`BEGIN; SELECT set_config('millrace.tenant', '${quoteTenant(this.tenantId)}', true)`)
    this.began.catch(() => undefined)
  }

  /** Event batches only: goes on for another tenant. */
  async switchTenant(tenantId: string): Promise<void> {
    if (tenantId === this.tenantId) return
    await this.writeGathered()
    this.tenantId = tenantId
    await this.query(`SELECT set_config('millrace.tenant', $1, true)`, [tenantId])
  }

  /** Runs SQL for the tenant; row-level security sees to it that no other tenant's row is touched. */
  async query<Row extends object = Record<string, any>>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.run(sql, values)).rows as Row[]
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
    const result = this.client.query(prepared(sql, values))
    if (this.began) {
      const began = this.began
      this.began = undefined
      result.catch(() => undefined)
      await began
    }
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
    if (!found) refuseMissing(this.tableOf(target).noun, id)
    const { target: named } = context()
    const { version } = found as { version?: number }
    if (named?.id === id && named.ifMatch !== undefined && version !== undefined && named.ifMatch !== version) {
      throw new Refusal('version.stale', { current: version }, 'refused')
    }
    return found
  }

  private async select<T extends object>(target: Mapped<T>, where: string, values: unknown[], suffix: string): Promise<T[]> {
    const table = this.tableOf(target)
    const visible = table.fields.has('ownerId') ? visibleOwners('owner_id', values.length) : undefined
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

  /** Stores new values (any number in one statement); aggregates begin at version 1 and are audited. */
  async insert<T extends object>(given: T | readonly T[]): Promise<void> {
    const entities = (Array.isArray(given) ? given : [given]) as T[]
    if (!entities.length) return
    const table = this.tableOf(entities[0]!.constructor)
    if (table.versioned) for (const entity of entities) this.audit(table, entity as never, 'insert', undefined)
    await this.query(table.insertSql(), table.insertValues(entities))
  }

  /** Stores the changed value of a record that was read in this transaction; its version goes up by one. */
  async update<T extends object>(entity: T & { id: string; version?: number }): Promise<T> {
    const table = this.tableOf(entity.constructor)
    const touched = await this.count(table.updateSql(), table.updateValues(entity as never))
    if (!touched) throw new Refusal('version.stale', { current: 'unknown' })
    if (table.versioned) {
      const stored = entity as { version: number }
      stored.version += 1
      this.audit(table, entity as never, 'update', this.known.get(`${table.name}/${entity.id}`))
      this.known.set(`${table.name}/${entity.id}`, entity) // a second update in this transaction tells only what it changed itself
    }
    return entity
  }

  /** Hydrates rows of own SQL (`SELECT * …`). */
  hydrate<T extends object>(target: Mapped<T>, rows: readonly object[]): T[] {
    const table = this.tableOf(target)
    return rows.map((row) => table.hydrate(row as Record<string, unknown>) as T)
  }

  private audit(table: Table, entity: Aggregate, action: 'insert' | 'update', before: object | undefined): void {
    const { actor, traceparent } = context()
    this.audits.push({
      tenantId: this.tenantId,
      aggregate: table.noun,
      aggregateId: entity.id,
      version: entity.version,
      action,
      actorId: actor?.id ?? null,
      change: JSON.stringify(difference(before, entity)),
      traceId: traceparent?.split('-')[1] ?? null,
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
    const writes = [...this.gathered]
    this.gathered.clear()
    for (const [write, rows] of writes) await write(this, rows)
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
    const writes: Promise<unknown>[] = this.began ? [this.began] : []
    const write = (sql: string, values: unknown[]) => void writes.push(this.client.query(prepared(sql, values)))
    if (this.outbox.length) write(insertOutbox, columnsOf(this.outbox, ['tenantId', 'eventId', 'topic', 'key', 'headers', 'payload']))
    if (this.audits.length)
      write(
        insertAudit,
        columnsOf(this.audits, ['tenantId', 'aggregate', 'aggregateId', 'version', 'action', 'actorId', 'change', 'traceId']),
      )
    if (this.kept)
      write(insertAnswer, [this.kept.key, this.kept.bodyHash, this.kept.status, this.kept.answer, JSON.stringify(this.kept.headers)])
    const commit = this.client.query('COMMIT')
    writes.push(commit)
    const outcomes = await Promise.allSettled(writes)
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
    if ((await commit).command !== 'COMMIT') throw new Error('the database rolled the transaction back')
    for (const work of this.afterCommit) work()
  }

  async rollback(): Promise<void> {
    await this.began?.catch(() => undefined)
    await this.client.query('ROLLBACK')
  }
}

/** Statements that each connection parses and plans once. Own code's statements are few; more than this are made up from wishes (list filters). */
const names = new Map<string, string>()
const namesAtMost = 400

/** The statement under a name, so that Postgres keeps its plan. Not with `*`: the plan would break when a migration adds a column. */
function prepared(text: string, values: readonly unknown[]): QueryConfig {
  const query = { text, values: values as unknown[] }
  if (!values.length || text.includes('*')) return query
  let name = names.get(text)
  if (!name && names.size < namesAtMost) names.set(text, (name = `m${names.size}`))
  return name ? { ...query, name } : query
}

const insertOutbox = `INSERT INTO outbox (tenant_id, event_id, topic, key, headers, payload)
  SELECT t, e, tp, k, h::jsonb, p FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS o(t, e, tp, k, h, p, n) ORDER BY n`
const insertAudit = `INSERT INTO audit (tenant_id, aggregate, aggregate_id, version, action, actor_id, change, trace_id)
  SELECT t, a, i, v, c, u, d::jsonb, r FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[]) AS o(t, a, i, v, c, u, d, r)`
const insertAnswer = `INSERT INTO idempotency (key, body_hash, status, answer, headers) VALUES ($1, $2, $3, $4, $5)`

function columnsOf<T extends object>(entries: readonly T[], names: readonly (keyof T)[]): unknown[] {
  return names.map((name) =>
    entries.map((entry) => (typeof entry[name] === 'object' && entry[name] !== null ? JSON.stringify(entry[name]) : entry[name])),
  )
}

function refuseMissing(noun: string, id: string): never {
  throw Refusal.notFound(noun, id)
}

/** The tenant travels inside a simple query; anything but an id is refused here. */
function quoteTenant(tenantId: string): string {
  if (tenantId !== '*' && !/^tenant_[0-9a-z]{26}$/.test(tenantId)) throw new Error('a transaction needs a tenant')
  return tenantId
}

function difference(before: object | undefined, after: object): Record<string, unknown> {
  const change: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(after)) {
    if (name === 'version' || name === 'updatedAt') continue
    const old = (before as Record<string, unknown> | undefined)?.[name]
    const [from, to] = [plain(old), plain(value)]
    if (from === to) continue
    change[name] = before ? { from: JSON.parse(from), to: JSON.parse(to) } : JSON.parse(to)
  }
  return change
}

function plain(value: unknown): string {
  return JSON.stringify(value ?? null, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))
}

/** A new id for an aggregate, with the fields every aggregate begins with. */
export function begun<Noun extends string>(noun: Noun, at: Date, id: Id<Noun> = newId(noun)) {
  return { id, version: 1, journeyId: currentJourney(), createdAt: at, updatedAt: at }
}

function currentJourney(): string {
  return (context() as Context).journeyId ?? newId('journey')
}
