import { randomBytes } from 'node:crypto'
import type { Bus, Delivery, ServiceDefinition, SubscribeOptions } from '@millrace/service'
import pg from 'pg'
import { services, type ServiceName } from '../../libs/contracts/src/services.ts'
import { tableOf, type Ground, type Reader, type TableFacts } from './ground.ts'
import { mintedAt, type Opening } from './log-index.ts'
import { ScratchServer } from './scratch.ts'
import type { Findings, Invariant } from './verify.ts'

/** Steps of a handover: each service acts on them and answers. */
const handover = ['handover.accounts_assigned', 'handover.prepared', 'handover.started', 'handover.rechecked', 'handover.taken_back']

/**
 * Events that make a service decide something of its own. They are not applied again; that each was applied once is seen by what it opened. What
 * `lead.converted` opens in account is opened in the copy as well, as account keeps of which leads an account came.
 */
const decisions: Partial<Record<ServiceName, readonly string[]>> = {
  lead: handover,
  account: [...handover, ...['lead', 'account', 'opportunity', 'cpq', 'billing'].map((service) => `${service}_handover.reported`)],
  opportunity: ['tenant.created', 'lead.converted', 'contract.signed', ...handover],
  cpq: handover,
  billing: ['tenant.created', 'contract.signed', ...handover],
}

/** Columns that hold when or how this copy learnt something, by table: they may differ. None does today; all times are those of the events. */
const local: Record<string, readonly string[]> = {}

const pageSize = 2_000
const mostSuspects = 10_000

/** I3: what was learnt from events is what all of them say, each applied once. */
export const rebuilt: Invariant = {
  id: 'I3',
  title: 'every event applied once: projections are the fold of the log',
  async check(ground, findings) {
    const index = await ground.index()
    await opened(ground, findings)
    const { superuser } = ground.installation
    if (!superuser) {
      const missing = 'projections are not rebuilt: a superuser is needed to make scratch databases (VERIFY_SUPERUSER_URL)'
      return void (ground.asked('I3') ? findings.unchecked : findings.notes).push(missing)
    }
    const whole = await reached(ground, findings)
    if (whole?.size === 0) return
    const server = await ScratchServer.open(superuser)
    const copies: Copy[] = []
    ground.report(`  making scratch databases ${server.prefix}…`)
    try {
      for (const reader of ground.readers.values()) copies.push(await Copy.make(server, reader, await ground.definition(reader.service)))
      ground.report(`  applying ${index.count()} events again, from the first …`)
      const places = new Map<string, string>()
      await replay(ground, copies, places)
      for (const copy of copies) await compare(ground, copies, copy, places, whole, findings)
    } finally {
      for (const copy of copies) await copy.stop()
      await server.drop()
    }
  },
}

/** Companies whose whole history is on the bus; undefined: that of all. */
async function reached(ground: Ground, findings: Findings): Promise<Set<string> | undefined> {
  const index = await ground.index()
  if (!index.cut.size) return undefined
  const begun = index.db.prepare(`SELECT tenant, id FROM event WHERE type = 'tenant.created'`).all() as { tenant: string; id: string }[]
  const whole = new Set(begun.filter(({ id }) => index.reachesBackTo(mintedAt(id))).map(({ tenant }) => tenant))
  const all = ground.tenant
    ? [ground.tenant]
    : (
        await Promise.all(
          [...ground.readers.values()].map((reader) => reader.query<{ id: string }>('SELECT DISTINCT tenant_id AS id FROM directory_unit')),
        )
      ).flatMap((rows) => rows.map(({ id }) => id))
  const lacking = [...new Set(all)].filter((id) => !whole.has(id))
  if (lacking.length)
    findings.unchecked.push(
      `the log does not reach back to the beginning of ${lacking.slice(0, 3).join(', ')}${lacking.length > 3 ? ` and ${lacking.length - 3} more` : ''}: ${index.cut.size} streams have lost theirs (retention)`,
    )
  return whole
}

/** One service's projections, built anew in a scratch database by its own consumers. */
class Copy {
  readonly reader: Reader
  private readonly client: pg.Client
  private readonly skipped: ReadonlySet<string>
  private readonly parked = new Set<string>()
  private readonly running: { stop(): Promise<void> }
  private readonly deliver: SubscribeOptions['deliver'] | undefined

  private constructor(
    reader: Reader,
    client: pg.Client,
    skipped: ReadonlySet<string>,
    running: { stop(): Promise<void> },
    subscribed: SubscribeOptions | undefined,
  ) {
    this.reader = reader
    this.client = client
    this.skipped = skipped
    this.running = running
    this.deliver = subscribed?.deliver
  }

  static async make(server: ScratchServer, reader: Reader, definition: ServiceDefinition): Promise<Copy> {
    const { events } = await import('@millrace/contracts')
    const { migrate, migrationsOf, startConsumers } = await import('@millrace/service')
    const scratch = await server.create(reader.service)
    await migrate(scratch.ownerUrl, migrationsOf(definition))
    const client = new pg.Client({ connectionString: scratch.superuserUrl })
    client.on('error', () => undefined)
    await client.connect()
    let subscribed: SubscribeOptions | undefined
    const bus: Bus = {
      subscribe: async (options) => {
        subscribed = options
        return { running: true, stop: async () => undefined, lag: async () => 0 }
      },
      // What consumers publish while they learn was published long ago.
      publish: async () => undefined,
      createTopics: async () => undefined,
      ping: async () => undefined,
      close: async () => undefined,
    }
    const nowhere = 'http://127.0.0.1:9'
    const environment = {
      DATABASE_URL: scratch.appUrl,
      DATABASE_POOL: '5',
      BUS_URL: 'postgres://nowhere',
      OIDC_ISSUER: nowhere,
      OIDC_JWKS_URL: nowhere,
      PUBLIC_URL: nowhere,
      IDENTITY_SECRET: randomBytes(32).toString('hex'),
      LOG_LEVEL: 'silent',
    }
    try {
      const running = await startConsumers(definition, environment, bus)
      const decides = new Set(decisions[reader.service])
      return new Copy(reader, client, new Set(events.filter(({ name }) => decides.has(name)).map(({ type }) => type)), running, subscribed)
    } catch (error) {
      await client.end()
      throw error
    }
  }

  /** Notes what the service itself could not apply yet: it is left out here as well. */
  async leaveOutParked(): Promise<void> {
    for await (const rows of this.reader.pages<{ event_id: string }>({ from: 'parked r', columns: 'r.event_id', key: ['seq'] }))
      for (const { event_id } of rows) this.parked.add(event_id)
  }

  async apply(batch: readonly Delivery[]): Promise<void> {
    const chunk = batch.filter(
      ({ headers: { ce_id = '', ce_type = '' } }) => ce_id && !this.parked.has(ce_id) && !this.skipped.has(ce_type),
    )
    if (chunk.length) await this.deliver?.(chunk, async () => undefined)
  }

  async query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(sql, values)).rows
  }

  /** The tables that hold nothing but what events said. */
  async projections(): Promise<TableFacts[]> {
    const common =
      /^(outbox|inbox|parked|idempotency|audit|audit_seal|audit_sealing|import|import_chunk|import_mapping|import_rejection|custom_field|custom_value)$/
    const onlyReads = services[this.reader.service].aggregates.length === 0
    // Where a new company is a decision, its event is not applied again, and its zone is not learnt.
    const unlearnt = decisions[this.reader.service]?.includes('tenant.created') ? 'directory_company' : undefined
    return (await this.reader.tables()).filter(
      ({ name, key }) => key.length > 0 && name !== unlearnt && (/^(known|directory)_/.test(name) || (onlyReads && !common.test(name))),
    )
  }

  async stop(): Promise<void> {
    await this.running.stop().catch(() => undefined)
    await this.client.end().catch(() => undefined)
  }
}

/** Applies what came to the log since the places reached before. */
async function replay(ground: Ground, copies: readonly Copy[], places: Map<string, string>): Promise<void> {
  for (const copy of copies) await copy.leaveOutParked()
  const parts = (await ground.log.extents()).map(({ stream, from, to }) => ({ stream, from: places.get(stream) ?? from, to }))
  await ground.log.read(parts, async (batch) => {
    ground.halt?.throwIfAborted()
    const wanted = ground.tenant ? batch.filter(({ headers }) => headers['ce_tenantid'] === ground.tenant) : batch
    if (wanted.length) await Promise.all(copies.map((copy) => copy.apply(wanted)))
  })
  for (const { stream, to } of parts) places.set(stream, to)
}

interface Difference {
  readonly table: TableFacts
  readonly key: string
  readonly says: string
  readonly row: Record<string, unknown>
}

/** Row by row, both ways. What differs may have been changed meanwhile: it is compared again after the events that came since. */
async function compare(
  ground: Ground,
  copies: readonly Copy[],
  copy: Copy,
  places: Map<string, string>,
  whole: ReadonlySet<string> | undefined,
  findings: Findings,
): Promise<void> {
  const { reader } = copy
  for (const table of await copy.projections()) {
    const suspects = new Map<string, Difference>()
    const look = async (from: 'live' | 'copy') => {
      for await (const keys of from === 'live'
        ? reader.pages({ from: `${pg.escapeIdentifier(table.name)} r`, columns: '1', key: table.key, size: pageSize })
        : pagesOf(copy, table)) {
        if (from === 'live') findings.checked += keys.length
        for (const difference of await differing(copy, table, keys))
          if (suspects.size < mostSuspects) suspects.set(difference.key, difference)
      }
    }
    await look('live')
    await look('copy')
    const known = [...suspects.values()].filter(({ row }) => !whole || whole.has(String(row['tenant_id'])))
    const left = await ground.lasting(known, async (differences) => {
      await replay(ground, copies, places)
      return differing(
        copy,
        table,
        differences.map(({ row }) => row),
      )
    })
    for (const { says, row } of left) {
      const about = ['journey_id', 'deal_id', 'id', 'record_id', 'process_id']
        .map((name) => row[name])
        .find((value) => typeof value === 'string')
      const record = ['id', 'deal_id', 'event_id', 'record_id', 'process_id']
        .map((name) => row[name])
        .find((value) => typeof value === 'string')
      findings.add(
        String(row['tenant_id']),
        (record as string) ?? null,
        `${reader.service}.${table.name} ${says}`,
        (about as string) ?? null,
      )
    }
  }
  const failed = await copy.query<{ tenant_id: string; key: string; type: string; event_id: string; reason: string }>(
    `SELECT tenant_id, key, type, event_id, reason FROM parked WHERE code <> 'event.behind' AND blocks ORDER BY seq LIMIT 100`,
  )
  for (const { tenant_id, key, type, event_id, reason } of failed)
    if (!whole || whole.has(tenant_id))
      findings.add(tenant_id, key, `${reader.service} cannot apply ${type} ${event_id} again: ${reason.split('\n')[0]}`)
}

/** Pages of keys of the copy's table. */
async function* pagesOf(copy: Copy, { name, key }: TableFacts): AsyncGenerator<Record<string, unknown>[]> {
  let last: unknown[] | undefined
  do {
    const after = last ? `WHERE (${key.join(', ')}) > (${last.map((_, n) => `$${n + 1}`).join(', ')})` : ''
    const rows = await copy.query<Record<string, unknown>>(
      `SELECT ${key.join(', ')} FROM ${pg.escapeIdentifier(name)} ${after} ORDER BY ${key.join(', ')} LIMIT ${pageSize}`,
      last ?? [],
    )
    if (rows.length) yield rows
    last = rows.length === pageSize ? key.map((column) => rows.at(-1)![column]) : undefined
  } while (last)
}

/** The rows with these keys that are not the same in the service and in the copy. */
async function differing(copy: Copy, table: TableFacts, keys: readonly Record<string, unknown>[]): Promise<Difference[]> {
  const { name, key } = table
  const left = (local[name] ?? []).map((column) => ` - '${column}'`).join('')
  const sql = `SELECT n, (to_jsonb(t)${left})::text AS row FROM jsonb_to_recordset($1::jsonb) AS g(n int, ${key.map((column) => `${column} text`).join(', ')})
    JOIN ${pg.escapeIdentifier(name)} t ON ${key.map((column) => `t.${column} = g.${column}${column === 'number' || column === 'position' ? '::int' : ''}`).join(' AND ')}`
  const given = [JSON.stringify(keys.map((row, n) => ({ n, ...Object.fromEntries(key.map((column) => [column, row[column]])) })))]
  const [live, again] = await Promise.all([
    copy.reader.query<{ n: number; row: string }>(sql, given),
    copy.query<{ n: number; row: string }>(sql, given),
  ])
  const there = new Map(live.map(({ n, row }) => [n, row]))
  const rebuilt = new Map(again.map(({ n, row }) => [n, row]))
  return keys.flatMap((row, n) => {
    const [is, should] = [there.get(n), rebuilt.get(n)]
    if (is === should) return []
    const name = key.filter((column) => column !== 'tenant_id').map((column) => row[column] as string)
    return [{ table, key: JSON.stringify(key.map((column) => row[column])), says: `${name.join(' ')} ${difference(is, should)}`, row }]
  })
}

function difference(is: string | undefined, should: string | undefined): string {
  if (is === undefined) return 'is missing, the log has it'
  if (should === undefined) return 'is there, the log knows nothing of it'
  const [has, ought] = [JSON.parse(is) as Record<string, unknown>, JSON.parse(should) as Record<string, unknown>]
  const columns = Object.keys({ ...has, ...ought }).filter((column) => JSON.stringify(has[column]) !== JSON.stringify(ought[column]))
  return columns.map((column) => `has ${column} ${JSON.stringify(has[column])}, the log says ${JSON.stringify(ought[column])}`).join(', ')
}

/** How what an event opens is found: by its id, or by what it names. */
const finders: Record<string, { service: ServiceName; column: string; where?: string; once: boolean }> = {
  account: { service: 'account', column: 'id', once: true },
  contact: { service: 'account', column: 'id', once: true },
  opportunity: { service: 'opportunity', column: 'id', once: true },
  collection_plan: { service: 'billing', column: 'contract_id', once: true },
  order: { service: 'cpq', column: 'contract_id', once: true },
  legal_entity: { service: 'billing', column: 'tenant_id', where: 't.is_default', once: true },
  process: { service: 'opportunity', column: 'tenant_id', where: 't.is_default', once: true },
}

/** Each record that an event opens elsewhere is there once, opened once. */
async function opened(ground: Ground, findings: Findings): Promise<void> {
  const index = await ground.index()
  let batch: Opening[] = []
  for (const opening of index.openings()) {
    batch.push(opening)
    if (batch.length < 1_000) continue
    await openedOnce(ground, batch, findings)
    batch = []
  }
  await openedOnce(ground, batch, findings)
}

async function openedOnce(ground: Ground, openings: readonly Opening[], findings: Findings): Promise<void> {
  for (const [noun, those] of Map.groupBy(openings, (opening) => opening.noun)) {
    const { service, column, where = 'true' } = finders[noun]!
    const reader = ground.readers.get(service)
    if (!reader) continue
    const parked = await reader.query<{ event_id: string }>('SELECT event_id FROM parked WHERE event_id = ANY($1)', [
      those.map(({ event }) => event),
    ])
    const wanted = those.filter(({ event }) => !parked.some(({ event_id }) => event_id === event))
    findings.checked += wanted.length
    const count = (suspects: readonly Opening[]) =>
      reader.query<{ n: string; records: number; begun: number }>(
        `SELECT n, count(t.id)::int AS records, coalesce(sum((SELECT count(*) FROM audit a
             WHERE a.tenant_id = t.tenant_id AND a.aggregate_id = t.id AND a.action = 'insert')), 0)::int AS begun
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g(tenant, record, n)
         LEFT JOIN ${pg.escapeIdentifier(tableOf(noun))} t ON t.tenant_id = g.tenant AND t.${column} = g.record AND ${where} GROUP BY n ORDER BY n`,
        [suspects.map(({ tenant }) => tenant), suspects.map(({ record }) => record)],
      )
    const wrong = await ground.lasting(wanted, async (suspects) => {
      const rows = await count(suspects)
      return suspects.filter((_, n) => rows[n]!.records !== 1 || rows[n]!.begun !== 1)
    })
    if (!wrong.length) continue
    const rows = await count(wrong)
    wrong.forEach(({ tenant, type, event, subject, record }, n) => {
      const { records, begun } = rows[n]!
      findings.add(
        tenant,
        subject,
        `${type} ${event} opened ${records} ${noun} for ${record}${records === 1 ? `, begun ${begun} times` : ''}; it is to be one`,
      )
    })
  }
}
