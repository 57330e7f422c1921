import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bus, BusMessage, ServiceDefinition } from '@millrace/service'
import pg from 'pg'
import { root } from '../parts/platform.ts'
import { onEachBus, type BusUnderTest } from './events.ts'
import { aDatabase, aProcess, builtFile, insertsOf, withClient, type Insert } from './ground.ts'
import { inTurn, type Benchmark, type Figure, type Run } from './measure.ts'

const tenantId = 'tenant_01k00000000000000000000000'
/** As many as the consumer works on at once. */
const writers = 4
const rowsAtOnce = 1_000
const journeysAtOnce = 50
const fillAtOnce = 1_000

/** Events as the services sent them during one `npm run demo`, read from the log of the embedded bus. */
interface Recorded {
  readonly topic: string
  readonly key: string
  readonly headers: Record<string, string>
  readonly value: object
}

/** B5: how fast a service applies events. */
export const apply: Benchmark = {
  id: 'B5',
  title: 'Events applied by a consumer',
  meaning:
    'How fast a service catches up after it was away, and how many events a second a projection can follow: from the log through inbox and handlers to rows, each event exactly once.',
  how: 'The real `insight` service as a process of its own. A lock on its inbox holds it while the log is filled (3,000 events for each second of a round); time from the lock’s end until all are applied, counted in the inbox. “Captured”: only `lead.captured`, each of another lead. “Journey”: all events of recorded journeys from lead to cash, 50 journeys going on at once, ids made anew. It begins each round with empty tables.',
  yardstick: `What the service has written in that round (inbox and projection, the rows as they are in the end), written again into tables of the same kind in the same Postgres: \`INSERT … SELECT FROM unnest … ON CONFLICT DO NOTHING\`, ${rowsAtOnce.toLocaleString('en')} events in one transaction, ${writers} connections as the consumer has, no row-level security; from memory, so it reads no log and parses nothing.`,
  run: (run) => onEachBus(run, applied),
}

async function applied(run: Run, bus: BusUnderTest): Promise<Figure[]> {
  const { migrate, migrationsOf, openBus } = await import('@millrace/service')
  const { insightService } = await builtFile<{ insightService: ServiceDefinition }>('apps/insight/dist/insight.module.js')
  const name = bus.name.toLowerCase()
  const [ours, plain] = [await aDatabase(bus.postgres, `insight_${name}`), await aDatabase(bus.postgres, `plain_${name}`)]
  for (const { ownerUrl } of [ours, plain]) await migrate(ownerUrl, migrationsOf(insightService))
  const publisher = await openBus(bus.url, 'bench-fill')
  run.defer(() => publisher.close())
  await aProcess(run, join(root, 'apps/insight/dist/main.js'), {
    ...{ DATABASE_URL: ours.url, BUS_URL: bus.url, OIDC_ISSUER: 'http://127.0.0.1', OIDC_JWKS_URL: 'http://127.0.0.1/jwks' },
    LOG_LEVEL: 'warn',
  })
  const figures: Figure[] = []
  for (const [mix, events] of [
    ['captured', (count: number) => captured(count)],
    ['journey', (count: number) => journeys(count)],
  ] as const) {
    const messages = await events(3_000 * run.seconds)
    const sides = {
      ours: async () => {
        await withClient(ours.superuserUrl, empty)
        return byService(run, publisher, ours.superuserUrl, messages)
      },
      yardstick: () => byHand(run, ours.superuserUrl, plain.superuserUrl, messages.length),
    }
    run.report(`  ${mix}: ${messages.length.toLocaleString('en')} events a round; warming up`)
    await sides.ours()
    await sides.yardstick()
    const rounds = await inTurn(run, sides)
    figures.push({
      name: `${bus.name}: ${mix}, events applied`,
      unit: '1/s',
      better: 'more',
      rounds,
      ratio: 0.5,
      stretch: 0.8,
      guarded: true,
    })
  }
  return figures
}

/** Fills the log while the consumer is held; answers how many events a second it applies from then on. */
export async function byService(run: Run, bus: Bus, url: string, messages: readonly BusMessage[]): Promise<number> {
  const ids = messages.map(({ headers }) => headers['ce_id'])
  return withClient(url, async (client) => {
    await client.query('BEGIN; LOCK TABLE inbox')
    for (let from = 0; from < messages.length; from += fillAtOnce) {
      run.halt.throwIfAborted()
      await bus.publish(messages.slice(from, from + fillAtOnce))
    }
    await client.query('COMMIT')
    const began = performance.now()
    const applied = async (wanted: readonly unknown[]) => {
      const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM inbox WHERE event_id = ANY($1)', [wanted])
      return Number(rows[0]!.count) === wanted.length
    }
    // The last of each stream are among the last of all, and cheap to look for.
    while (!(await applied(ids.slice(-200))) || !(await applied(ids))) {
      run.halt.throwIfAborted()
      if (performance.now() - began > 120_000) throw new Error('insight does not apply the events within two minutes')
      await sleep(10)
    }
    const perSecond = messages.length / ((performance.now() - began) / 1_000)
    const { rows } = await client.query<{ code: string; reason: string }>(
      'SELECT code, reason FROM parked WHERE event_id = ANY($1) LIMIT 1',
      [ids],
    )
    if (rows[0]) throw new Error(`insight parked an event: ${rows[0].code}, ${rows[0].reason}`)
    return perSecond
  })
}

/** Writes what the service has written; answers events a second. */
async function byHand(run: Run, from: string, to: string, events: number): Promise<number> {
  const parts = Math.ceil(events / rowsAtOnce)
  const batches: Insert[][] = Array.from({ length: parts }, () => [])
  await withClient(from, async (client) => {
    for (const table of (await tablesOf(client)).filter((name) => !name.startsWith('directory_')))
      for (const [part, insert] of (await insertsOf(client, table, parts)).entries()) batches[part]!.push(insert)
  })
  await withClient(to, empty)
  const clients = await Promise.all(
    Array.from({ length: writers }, async () => {
      const client = new pg.Client({ connectionString: to })
      await client.connect()
      return client
    }),
  )
  try {
    const began = performance.now()
    let next = 0
    await Promise.all(
      clients.map(async (client) => {
        for (let batch = batches[next++]; batch; batch = batches[next++]) {
          run.halt.throwIfAborted()
          await client.query('BEGIN')
          for (const insert of batch) await client.query(insert as unknown as pg.QueryConfig)
          await client.query('COMMIT')
        }
      }),
    )
    return events / ((performance.now() - began) / 1_000)
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function empty(client: pg.Client): Promise<void> {
  await client.query(`TRUNCATE ${(await tablesOf(client)).join(', ')}`)
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(relname) AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'migration'`,
  )
  return rows.map(({ name }) => name)
}

/** Captures of as many leads; `tenant` says whose. */
export async function captured(count: number, tenant = () => tenantId): Promise<BusMessage[]> {
  const first = recorded().find(({ headers }) => headers['ce_type'] === 'millrace.lead.captured.v1')!
  const again = await renewed([first], tenant)
  return Array.from({ length: count }, () => again()[0]!)
}

/** Journeys in groups that go on at once: the first step of each, then the second of each … */
async function journeys(count: number): Promise<BusMessage[]> {
  const again = await renewed(recorded(), () => tenantId)
  const result: BusMessage[] = []
  while (result.length < count) {
    const group = Array.from({ length: journeysAtOnce }, again)
    for (const step of group[0]!.keys()) result.push(...group.map((steps) => steps[step]!))
  }
  return result.slice(0, count)
}

function recorded(): Recorded[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'journey.json'), 'utf8')) as Recorded[]
}

/** The same events as of another journey: each id that they name becomes another one, the company's own excepted. */
async function renewed(events: readonly Recorded[], tenant: () => string): Promise<() => BusMessage[]> {
  const { newId } = await import('@millrace/domain')
  const parts = JSON.stringify(events).split(
    /"((?:event|journey|lead|account|contact|opportunity|quote|contract|order|collection_plan|receivable|invoice|receipt)_[0-9a-z]{26})"/,
  )
  return () => {
    const ids = new Map<string, string>()
    const ce_tenantid = tenant()
    const fresh = (id: string) => {
      const known = ids.get(id) ?? newId(id.slice(0, -27) as 'lead')
      ids.set(id, known)
      return `"${known}"`
    }
    const copies = JSON.parse(parts.map((part, n) => (n % 2 ? fresh(part) : part)).join('')) as Recorded[]
    return copies.map(({ topic, key, headers, value }) => ({
      ...{ topic, key },
      headers: { ...headers, ce_tenantid },
      value: Buffer.from(JSON.stringify(value)),
    }))
  }
}
