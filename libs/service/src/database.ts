import { Injectable } from '@nestjs/common'
import type { CustomRecord, ListQuery, Operation, Page } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import type { Pool, PoolConfig } from 'pg'
import pg from 'pg'
import { DataSource, type EntitySchema } from 'typeorm'
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js'
import { visibleOwners } from './access.js'
import { context, inTenant, withContext } from './context.js'
import { pageSql, readPage, type CustomList, type PageRequest } from './list.js'
import { Table } from './schema.js'
import { Transaction, type CustomRecords } from './transaction.js'

/** Postgres types as the domain wants them: bigint exact, days as text, numeric as text. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === pg.types.builtins.INT8) return BigInt
    if (oid === pg.types.builtins.DATE || oid === pg.types.builtins.NUMERIC) return String
    return pg.types.getTypeParser(oid, format as 'text')
  },
}

export interface DatabaseOptions {
  readonly url: string
  readonly schemas: readonly EntitySchema[]
  readonly poolSize: number
  /** How long to wait for a connection. */
  readonly waitSeconds: number
  readonly service: string
  /** The longest that one statement may take. */
  readonly statementSeconds: number
}

/** The service's own database. */
@Injectable()
export class Database {
  private readonly tables = new Map<unknown, Table>()
  /** Called after a commit that put events into the outbox. */
  onPublished: () => void = () => undefined
  /** Fields that companies add to their records. */
  custom: (CustomRecords & { listing(record: CustomRecord, query: ListQuery): Promise<CustomList | undefined> }) | undefined

  private constructor(
    private readonly source: DataSource,
    readonly url: string,
  ) {
    for (const metadata of source.entityMetadatas) this.tables.set(metadata.target, new Table(metadata))
  }

  static async open({ url, schemas, poolSize, waitSeconds, service, statementSeconds }: DatabaseOptions): Promise<Database> {
    const extra: PoolConfig & { pipeline: boolean } = {
      max: poolSize,
      pipeline: true,
      types: types as never,
      application_name: `millrace-${service}`,
      connectionTimeoutMillis: waitSeconds * 1_000,
      idle_in_transaction_session_timeout: 60_000,
      statement_timeout: statementSeconds * 1_000,
      keepAlive: true,
    }
    const source = new DataSource({ type: 'postgres', url, entities: [...schemas], extra, logging: false, installExtensions: false })
    await source.initialize()
    const database = new Database(source, url)
    // A broken connection fails the statement it carries and is replaced by the pool; without a listener it would end the process.
    database.pool.on('error', () => undefined)
    database.pool.on('connect', (client) => client.on('error', () => undefined))
    return database
  }

  get pool(): Pool {
    return (this.source.driver as PostgresDriver).master as Pool
  }

  tableOf = (target: unknown): Table => {
    const table = this.tables.get(target)
    if (!table) throw new Error(`${(target as { name?: string }).name ?? String(target)} has no schema in this service`)
    return table
  }

  /** The classes whose records are searched for. */
  get searched(): Table[] {
    return [...this.tables.values()].filter(({ found }) => found.length)
  }

  /**
   * Runs a use case in one transaction of the context's tenant: all of it or nothing. Inside a request that writes, and while an event is
   * applied, it joins the transaction that is already open.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const current = context()
    if (current.transaction) return work(current.transaction)
    return this.onConnection(current.tenantId, async (tx) => {
      const result = await withContext({ ...current, transaction: tx }, () => work(tx))
      await tx.commit()
      if (tx.publishes) this.onPublished()
      return result
    })
  }

  private async onConnection<T>(tenantId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.pool.connect()
    const tx = new Transaction(client, tenantId, this.tableOf, this.custom)
    let broken: Error | undefined
    try {
      tx.begin()
      return await work(tx)
    } catch (error) {
      await tx.rollback().catch((failure: Error) => (broken = failure))
      throw error
    } finally {
      client.release(broken)
    }
  }

  /** Runs one statement for the context's tenant, in one round trip; joins an open transaction. */
  async query<Row extends object = Record<string, any>>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { transaction, tenantId } = context()
    if (transaction) return transaction.query<Row>(sql, values)
    return this.onConnection(tenantId, (tx) => tx.queryAndCommit<Row>(sql, values))
  }

  async one<Row extends object = Record<string, any>>(sql: string, values: readonly unknown[] = []): Promise<Row | undefined> {
    return (await this.query<Row>(sql, values))[0]
  }

  /** The record as the actor may see it, or "not found". */
  get<T extends object>(target: { prototype: T }, id: string): Promise<T> {
    return this.transaction((tx) => tx.get(target, id))
  }

  find<T extends object>(target: { prototype: T }, id: string): Promise<T | undefined> {
    return this.transaction((tx) => tx.find(target, id))
  }

  findBy<T extends object>(target: { prototype: T }, where: Record<string, unknown>): Promise<T[]> {
    return this.transaction((tx) => tx.findBy(target, where))
  }

  /** Domain values of rows of own SQL (`SELECT * …`). */
  hydrate<T extends object>(target: { prototype: T }, rows: readonly object[]): T[] {
    const table = this.tableOf(target)
    return rows.map((row) => table.hydrate(row as Record<string, unknown>) as T)
  }

  /**
   * One page of a list operation, filtered, sorted and cut as the query wishes, and only what the actor may see (records with an `ownerId`).
   * `fields` names columns or SQL expressions for filters that are not plain properties; `where` narrows further.
   */
  async list<T extends object, View extends object>(
    target: { prototype: T },
    operation: Operation,
    query: ListQuery,
    view: (value: T) => View,
    {
      fields = {},
      where,
    }: { fields?: Record<string, { sql: string; type: string; nullable: boolean }>; where?: { sql: string; values: unknown[] } } = {},
  ): Promise<Page<View>> {
    const table = this.tableOf(target)
    const custom = operation.list?.custom && (await this.custom?.listing(operation.list.custom, query))
    const request: PageRequest = {
      from: table.name,
      field: (name) => fields[name] ?? table.fields.get(name),
      operation,
      query,
      custom,
      few: context().visibility === 'own',
      narrow: (offset) => {
        const visible = table.fields.has('ownerId') ? visibleOwners('owner_id', offset + (where?.values.length ?? 0)) : undefined
        const given = where ? [where.sql.replace(/\?/g, () => `$${++offset}`)] : []
        return {
          sql: [...given, ...(visible ? [visible.sql] : [])].join(' AND '),
          values: [...(where?.values ?? []), ...(visible?.values ?? [])],
        }
      },
    }
    const page = pageSql(request)
    const rows = await this.query(page.sql, page.values).catch((error: { code?: string }) => {
      // The filters were checked; what the database cannot read as a value was in a cursor that somebody made up.
      throw query.cursor && error.code?.startsWith('22') ? Refusal.invalid('cursor.malformed') : error
    })
    if (page.more && rows.length <= query.limit) {
      const without = pageSql({ ...request, query: { ...query, limit: query.limit - rows.length } }, 'without value')
      rows.push(...(await this.query(without.sql, without.values)))
    }
    return readPage(rows, page, query, (row) => view(table.hydrate(row) as T))
  }

  /** Whether this service keeps such records, and companies may add fields to them. */
  holds(record: CustomRecord): boolean {
    return [...this.tables.values()].some(({ custom }) => custom === record)
  }

  /** A connection outside the pool, for a lock that is held as long as the process lives. */
  async dedicated(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url, types: types as never, keepAlive: true, pipeline: true } as pg.ClientConfig)
    await client.connect()
    return client
  }

  /** Committed events that are not on the bus yet, over all tenants. */
  async outboxDepth(): Promise<number> {
    const [row] = await inTenant('*', () => this.query<{ count: bigint }>('SELECT count(*) AS count FROM outbox'))
    return Number(row!.count)
  }

  /** Forgets the answers of idempotent requests that were kept longer than this, over all tenants. */
  async forgetAnswers(days: number): Promise<void> {
    await inTenant('*', () => this.query('DELETE FROM idempotency WHERE created_at < now() - make_interval(days => $1)', [days]))
  }

  async close(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy()
  }
}
