import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventLog, ServiceDefinition } from '@millrace/service'
import pg from 'pg'
import { services, type ServiceName } from '../../libs/contracts/src/services.ts'
import { LogIndex } from './log-index.ts'
import type { Installation, VerifyOptions } from './verify.ts'

const pageSize = 2_000
const statementMs = 120_000

/** A table as the database has it. */
export interface TableFacts {
  readonly name: string
  readonly columns: readonly string[]
  /** Columns of the primary key. */
  readonly key: readonly string[]
  /** Whether row-level security is on and holds for the owner too. */
  readonly forced: boolean
  /** About how many rows it has. */
  readonly size: number
}

/** What to read page by page, in the order of a unique key, so that no statement is long and little is kept in memory. */
export interface Paged {
  /** Table with its alias: `journal_entry r`. */
  readonly from: string
  /** What to select besides the key, which is `r`'s. */
  readonly columns: string
  /** Columns of the key; a key that begins with `tenant_id` reads one company's part quickly. */
  readonly key?: readonly string[]
  readonly where?: string
  readonly size?: number
}

/** What every question is limited by; the company is known only when the databases are open. */
interface Scope {
  tenant: string | undefined
  readonly halt: AbortSignal | undefined
}

/** A service's database, over one connection that can only read. */
export class Reader {
  readonly service: ServiceName
  private readonly client: pg.Client
  private readonly scope: Scope
  private known: TableFacts[] | undefined

  private constructor(service: ServiceName, client: pg.Client, scope: Scope) {
    this.service = service
    this.client = client
    this.scope = scope
  }

  static async open(service: ServiceName, url: string, scope: Scope): Promise<Reader> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      statement_timeout: statementMs,
      application_name: 'millrace-verify',
      options: '-c default_transaction_read_only=on -c timezone=UTC',
    })
    client.on('error', () => undefined) // the next statement says what is wrong
    const reader = new Reader(service, client, scope)
    try {
      await client.connect()
      await reader.check()
    } catch (error) {
      await client.end().catch(() => undefined)
      throw new Error(`The database of ${service} cannot be verified: ${(error as Error).message}`, { cause: error })
    }
    return reader
  }

  async query<Row extends object = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    this.scope.halt?.throwIfAborted()
    return (await this.client.query<Row>(sql, values as unknown[])).rows
  }

  /** Rows of a table, in pages; only the company's when one was named. */
  async *pages<Row extends object>({
    from,
    columns,
    key = ['tenant_id', 'id'],
    where = 'true',
    size = pageSize,
  }: Paged): AsyncGenerator<(Row & Record<string, unknown>)[]> {
    const { tenant } = this.scope
    const names = key.map((name) => `r.${name}`).join(', ')
    let last: unknown[] | undefined
    do {
      const values: unknown[] = tenant ? [tenant] : []
      const after = last ? `(${names}) > (${last.map((_, n) => `$${values.length + n + 1}`).join(', ')})` : 'true'
      const rows = await this.query<Row & Record<string, unknown>>(
        `SELECT ${names}, ${columns} FROM ${from} WHERE ${tenant ? 'r.tenant_id = $1' : 'true'} AND ${after} AND (${where}) ORDER BY ${names} LIMIT ${size}`,
        [...values, ...(last ?? [])],
      )
      if (rows.length) yield rows
      last = rows.length === size ? key.map((name) => rows.at(-1)![name]) : undefined
    } while (last)
  }

  /** Runs statements as another role, for one company; what they change in the session ends with them. */
  async as<T>(role: string, tenant: string, work: () => Promise<T>): Promise<T> {
    await this.query('BEGIN READ ONLY')
    try {
      await this.query(`SET LOCAL ROLE ${pg.escapeIdentifier(role)}`)
      await this.query(`SELECT set_config('millrace.tenant', $1, true)`, [tenant])
      return await work()
    } finally {
      await this.client.query('ROLLBACK')
    }
  }

  async tables(): Promise<TableFacts[]> {
    return (this.known ??= await this.query<TableFacts>(`
      SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced, greatest(c.reltuples, 0)::float8 AS size,
        ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns,
        ARRAY(SELECT a.attname::text
              FROM (SELECT * FROM pg_index WHERE indrelid = c.oid AND indisunique AND indpred IS NULL AND indexprs IS NULL
                    ORDER BY indisprimary DESC, indexrelid LIMIT 1) i
              CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k(n, place)
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n ORDER BY place) AS key
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migration' ORDER BY 1`))
  }

  /** The role that the service works with: it may write, and owns nothing. */
  async appRole(): Promise<string | undefined> {
    const [row] = await this.query<{ role: string }>(`
      SELECT g.grantee::regrole::text AS role FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g
      WHERE c.oid = 'outbox'::regclass AND g.privilege_type = 'INSERT' AND g.grantee <> c.relowner AND g.grantee <> 0 LIMIT 1`)
    return row?.role
  }

  close(): Promise<void> {
    return this.client.end()
  }

  private async check(): Promise<void> {
    const table = tableOf(services[this.service].aggregates[0] ?? 'journey_step')
    const [row] = await this.query<{ ours: boolean; all: boolean; role: string }>(
      `SELECT to_regclass('outbox') IS NOT NULL AND to_regclass('schema_migration') IS NOT NULL AND to_regclass($1) IS NOT NULL AS ours,
         rolsuper OR rolbypassrls AS all, rolname AS role FROM pg_roles WHERE rolname = current_user`,
      [table],
    )
    if (!row!.ours) throw new Error(`it is not one of Millrace’s ${this.service} service`)
    if (!row!.all) throw new Error(`the role ${row!.role} does not see all rows: it needs BYPASSRLS, see docs/operations/verify.md`)
  }
}

/** What all checks stand on: databases, bus, and the index of the log, which is read when somebody first asks for it. */
export interface Ground {
  readonly installation: Installation
  readonly readers: ReadonlyMap<ServiceName, Reader>
  readonly log: EventLog
  readonly tenant: string | undefined
  readonly halt: AbortSignal | undefined
  readonly acknowledged: string | undefined
  /** Whether this invariant was asked for by name. */
  asked(invariant: string): boolean
  report(line: string): void
  /** A folder for what does not fit into memory. It is removed at the end. */
  folder(): string
  index(): Promise<LogIndex>
  definition(service: ServiceName): Promise<ServiceDefinition>
  /** What still looks wrong when it had time to arrive; asks again and again until then. */
  lasting<T>(suspects: readonly T[], still: (suspects: readonly T[]) => Promise<readonly T[]>): Promise<readonly T[]>
  /** The path of a record's time line, if it is on a journey. */
  timeline(tenantId: string | null, record: string | null): Promise<string | null>
  close(): Promise<void>
}

/** Connects to everything, and refuses what is not ours. */
export async function openGround(installation: Installation, options: VerifyOptions, asked: readonly string[]): Promise<Ground> {
  const { halt } = options
  const given = Object.entries(installation.databases) as [ServiceName, string][]
  if (!given.length) throw new Error('No database is given: there is nothing to verify')
  const readers = new Map<ServiceName, Reader>()
  let log: EventLog | undefined
  let folder: string | undefined
  let index: Promise<LogIndex> | undefined
  const close = async () => {
    await (await index?.catch(() => undefined))?.close()
    await Promise.all([...readers.values()].map((reader) => reader.close().catch(() => undefined)))
    await log?.close().catch(() => undefined)
    if (folder) rmSync(folder, { recursive: true, force: true })
  }
  try {
    const scope: Scope = { tenant: undefined, halt }
    for (const [service, url] of given) readers.set(service, await Reader.open(service, url, scope))
    scope.tenant = options.tenant === undefined ? undefined : await tenantOf(options.tenant, readers)
    const { openLog } = await import('@millrace/service')
    log = await openLog(installation.bus, 'millrace-verify')
    const extents = await log.extents().catch((error: Error) => {
      throw new Error(`The bus cannot be verified: ${error.message || String((error as { code?: string }).code)}`, { cause: error })
    })
    const opened = log
    let patience = (options.settleSeconds ?? 60) * 1_000
    const ground: Ground = {
      installation,
      readers,
      log,
      tenant: scope.tenant,
      halt,
      acknowledged: options.acknowledged,
      asked: (id) => asked.includes(id),
      report: options.report ?? (() => {}),
      folder: () => (folder ??= mkdtempSync(join(tmpdir(), 'millrace-verify-'))),
      index: () => (index ??= LogIndex.read(opened, extents, ground)),
      definition: async (service) => ((await import(`@millrace/${service}`)) as Record<string, ServiceDefinition>)[`${service}Service`]!,
      async lasting(suspects, still) {
        for (const begun = performance.now(); suspects.length; await delay(500)) {
          halt?.throwIfAborted()
          suspects = await still(suspects)
          if (performance.now() - begun >= patience) break
        }
        // Where something does not arrive, the next need not be waited for as long.
        if (suspects.length) patience = Math.min(patience, 5_000)
        return suspects
      },
      async timeline(tenantId, record) {
        if (record === null) return null
        if (record.startsWith('journey_')) return `/v1/journeys/${record}`
        const noun = record.slice(0, -27)
        for (const reader of readers.values()) {
          const table = (await reader.tables()).find(
            ({ name, columns }) => name === tableOf(noun) && columns.includes('id') && columns.includes('journey_id'),
          )
          if (!table) continue
          const [row] = await reader.query<{ journey_id: string | null }>(
            `SELECT journey_id FROM ${pg.escapeIdentifier(table.name)} WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2)`,
            [record, tenantId],
          )
          if (row) return row.journey_id && `/v1/journeys/${row.journey_id}`
        }
        return null
      },
      close,
    }
    return ground
  } catch (error) {
    await close()
    throw error
  }
}

/** The table that holds the records of a noun. */
export function tableOf(noun: string): string {
  return noun === 'order' ? 'sales_order' : noun
}

/** The nouns that a service has events of, with their tables quoted. */
export function aggregatesOf(service: ServiceName): { aggregate: string; table: string }[] {
  return services[service].aggregates.map((aggregate) => ({ aggregate, table: pg.escapeIdentifier(tableOf(aggregate)) }))
}

async function tenantOf(wanted: string, readers: ReadonlyMap<ServiceName, Reader>): Promise<string> {
  const identity = readers.get('identity')
  const known = identity
    ? await identity.query<{ id: string; name: string }>('SELECT id, name FROM tenant ORDER BY name LIMIT 1000')
    : await [...readers.values()][0]!.query<{ id: string; name: string }>(
        'SELECT DISTINCT tenant_id AS id, tenant_id AS name FROM directory_user ORDER BY 1 LIMIT 1000',
      )
  const found = known.find(({ id, name }) => id === wanted || name.toLowerCase() === wanted.toLowerCase())
  if (found) return found.id
  const some = known.slice(0, 10).map(({ name }) => name)
  throw new Error(
    `There is no company ${wanted}; there ${known.length ? `are ${some.join(', ')}${known.length > some.length ? ', …' : ''}` : 'is none'}`,
  )
}
