import { once } from 'node:events'
import { statfsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { BusMessage, ServiceDefinition } from '@millrace/service'
import { byService, captured } from './apply.ts'
import { connections, errorsOf, leadSenders, leadWriters } from './create-lead.ts'
import {
  aDatabase,
  aPlatform,
  builtFile,
  databaseUrl,
  httpSenders,
  settled,
  underLoad,
  withClient,
  type Ground,
  type Load,
  pgClients,
} from './ground.ts'
import { median, type Benchmark, type Figure, type Outcome, type Run } from './measure.ts'

/** Of each other company; with all of them it is a million in ten thousand steps. */
const leadsOfOthers = 1_000
const fillAtOnce = 1_000_000
const bytesPerLead = 5_500
const flat = 1.2

/** What is measured at each size. */
type Probe = 'create' | 'createByHand' | 'list' | 'listByHand' | 'apply'
type Round = Record<Probe, number> & { clock: number }

interface Stage {
  readonly name: string
  readonly rounds: readonly Round[]
}

/** How the cost of B1, B5 and a list page grows with the leads of a company, and with the companies. */
export const growth: Benchmark = {
  id: 'growth',
  title: 'How cost grows with what is stored',
  alone: true,
  meaning: `Whether the platform is as fast in its fifth year as on its first day. The figures are what one lead created, one page read and one event applied costs, as a multiple of what it cost with the first size and one company; flat is up to ${flat}.`,
  how: `A platform whose databases are filled by SQL: leads with keys of their own as the services make them (e-mail, phone, company and contact, so that the look-up of like leads has something to look through), kept answers of requests, and in insight the inbox and the timeline of each lead; indexes whole, vacuumed and analysed. With the first size one company is asked, then 10 in turn, then 1,000 in turn (each of the others has ${leadsOfOthers.toLocaleString('en')} leads); then the first company grows. Created: as in B1. Page: the newest 50 leads, the newest 50 qualified ones by their creation, and 50 from a random place, over ${connections} connections through the gateway. Applied: as B5, \`lead.captured\` on the embedded bus, beside all other services. Sizes cannot be measured in turn: at each one the statement of B1’s yardstick, on a table that stays small, tells how fast the machine is just then, and the costs are divided by it.`,
  yardstick:
    'The same by hand on the tables that have grown: B1’s statement, and the same three pages with `tenant_id = …` in the statement. What grows there as well is Postgres: random places in large indexes are written whole to the log once after each checkpoint, and are not in the cache.',
  async run(run) {
    const most = Math.max(...run.leads)
    needDisk(run, most, bytesPerLead)
    const { newId } = await import('@millrace/domain')
    const { migrate, migrationsOf, openBus } = await import('@millrace/service')
    const { leadService } = await builtFile<{ leadService: ServiceDefinition }>('apps/lead/dist/lead.module.js')
    const issuer = await anIssuer(run)
    const ground = await aPlatform(run, (url) => ({
      OIDC_ISSUER: `${url},${issuer.url}`,
      OIDC_JWKS_URL: `${url}/oauth/jwks,${issuer.url}/jwks`,
    }))
    const small = await aDatabase(ground.superuser, 'clock')
    await migrate(small.ownerUrl, migrationsOf(leadService))
    const [leadUrl, insightUrl] = [databaseUrl(ground.superuser, 'millrace_lead'), databaseUrl(ground.superuser, 'millrace_insight')]
    // By hand the events go nowhere: the relay would carry them while the hand is measured.
    await withClient(leadUrl, (client) => client.query('CREATE TABLE unsent (LIKE outbox INCLUDING ALL)'))
    const bus = await openBus(databaseUrl(ground.superuser, 'millrace_bus'), 'bench-fill')
    run.defer(() => bus.close())

    const tenants = [ground.tenantId, ...Array.from({ length: 999 }, () => newId('tenant'))]
    const tokens = await Promise.all(tenants.map((tenant) => issuer.tokenOf(tenant)))
    let asked = 1
    let turn = 0
    const next = () => (turn = (turn + 1) % asked)
    const clocks = await leadWriters(run, small.superuserUrl, () => ground.tenantId)
    const create = leadSenders(run, ground.platform.url, () => tokens[next()]!)
    const createByHand = await leadWriters(run, leadUrl, () => tenants[next()]!, 'unsent')
    const list = pages(run, ground, () => tokens[next()]!)
    const listByHand = await pagesByHand(run, leadUrl, () => tenants[next()]!)
    const clock = async () => {
      await withClient(small.superuserUrl, (client) => client.query('TRUNCATE lead, outbox'))
      return (await underLoad(clocks, run.seconds / 4, run.halt)).perSecond
    }
    const failures: Load[] = []
    const rate = async (workers: (() => Promise<void>)[], seconds: number) => {
      const load = await underLoad(workers, seconds, run.halt)
      failures.push(load)
      return load.perSecond
    }
    const round = async (messages: readonly BusMessage[]): Promise<Round> => {
      const before = await clock()
      const created = await rate(create, run.seconds / 2)
      await settled(run, ground)
      const byHand = await rate(createByHand, run.seconds / 4)
      const listed = await rate(list, run.seconds / 4)
      const listedByHand = await rate(listByHand, run.seconds / 4)
      const applied = await byService(run, bus, insightUrl, messages)
      await settled(run, ground)
      const machine = (before + (await clock())) / 2
      return { create: created, createByHand: byHand, list: listed, listByHand: listedByHand, apply: applied, clock: machine }
    }
    const stages: Stage[] = []
    const measure = async (name: string) => {
      run.report(`  ${name}`)
      const messages = async () => captured(300 * run.seconds, () => tenants[next()]!)
      await round(await messages()) // warms up
      const rounds: Round[] = []
      for (let n = 1; n <= run.rounds; n += 1) {
        run.report(`    round ${n} of ${run.rounds}`)
        rounds.push(await round(await messages()))
      }
      stages.push({ name, rounds })
    }
    const fill = (tenant: readonly string[], from: number, to: number) => grow(run, { leadUrl, insightUrl }, tenant, from, to)

    const [first, ...larger] = run.leads
    await fill([ground.tenantId], 0, first!)
    await measure(`${first!.toLocaleString('en')} leads`)
    for (const count of [10, 1_000]) {
      await fill(tenants.slice(asked, count), 0, leadsOfOthers)
      asked = count
      await measure(`${count.toLocaleString('en')} companies`)
    }
    asked = 1
    for (const [n, size] of larger.entries()) {
      await fill([ground.tenantId], run.leads[n]!, size)
      await measure(`${size.toLocaleString('en')} leads`)
    }
    return outcomeOf(stages, failures)
  },
}

/** Each stage's cost, divided by the machine's speed just then, as a multiple of the first stage's. */
function outcomeOf(stages: readonly Stage[], failures: readonly Load[]): Outcome {
  const cost = (round: Round, probe: Probe) => round.clock / round[probe]
  const began = (probe: Probe) => median(stages[0]!.rounds.map((round) => cost(round, probe)))
  const figure = (what: string, ours: Probe, hand: Probe | undefined, { name, rounds }: Stage): Figure => ({
    ...{ name: `${what}, ${name}`, unit: `times the cost with ${stages[0]!.name}`, better: 'less', absolute: flat },
    rounds: rounds.map((round) => ({
      ours: cost(round, ours) / began(ours),
      yardstick: hand ? cost(round, hand) / began(hand) : null,
    })),
  })
  const absolute = (what: string, ours: Probe, hand: Probe | undefined, { name, rounds }: Stage): Figure => ({
    ...{ name: `${what}, ${name}`, unit: '1/s', better: 'more' },
    rounds: rounds.map((round) => ({ ours: round[ours], yardstick: hand ? round[hand] : null })),
  })
  const kinds = [
    ['lead created', 'create', 'createByHand'],
    ['page read', 'list', 'listByHand'],
    ['event applied', 'apply', undefined],
  ] as const
  const errors = failures.reduce((sum, load) => sum + load.errors, 0)
  return {
    figures: [
      ...kinds.flatMap(([what, ours, hand]) => stages.slice(1).map((stage) => figure(what, ours, hand, stage))),
      ...kinds.flatMap(([what, ours, hand]) => stages.map((stage) => absolute(what, ours, hand, stage))),
      { name: 'errors', unit: 'count', better: 'less', rounds: [{ ours: errors, yardstick: null }], absolute: 0 },
    ],
    remarks: errorsOf(failures),
  }
}

const pageSize = 50

/** A place somewhere among the leads that `grow` makes. */
function somewhere(): string {
  return idAt('lead', Math.floor(Math.random() * 1e3))
}

function pages(run: Run, { platform }: Ground, token: () => string): (() => Promise<void>)[] {
  let n = 0
  return httpSenders(
    run,
    platform.url,
    connections,
    () => {
      const place = somewhere()
      const cursor = Buffer.from(JSON.stringify(['-id', place, place])).toString('base64url')
      const wish = ['', '&status=qualified&sort=-createdAt', `&cursor=${cursor}`][n++ % 3]!
      return { method: 'GET', path: `/v1/leads?limit=${pageSize}${wish}`, headers: { authorization: `Bearer ${token()}` } }
    },
    200,
  )
}

async function pagesByHand(run: Run, url: string, tenant: () => string): Promise<(() => Promise<void>)[]> {
  const text = [
    'SELECT * FROM lead WHERE tenant_id = $1 ORDER BY id DESC LIMIT 51',
    `SELECT * FROM lead WHERE tenant_id = $1 AND status = 'qualified' ORDER BY created_at DESC, id DESC LIMIT 51`,
    'SELECT * FROM lead WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT 51',
  ]
  let n = 0
  const clients = await pgClients(run, url, connections)
  return clients.map((client) => async () => {
    const kind = n++ % 3
    await client.query({ name: `page${kind}`, text: text[kind]!, values: kind === 2 ? [tenant(), somewhere()] : [tenant()] })
  })
}

/** An id of a lead that was stored before any that the services make now, as far along as `n` says. */
function idAt(noun: string, n: number): string {
  return `${noun}_01g${n.toString(16).padStart(9, '0')}${'0'.repeat(14)}`
}

// `h` is random yet the same in both databases; ids are sortable by n.
const given = `FROM unnest($1::text[]) AS t(tenant), generate_series($2::int, $3::int) AS n,
  LATERAL (SELECT md5(tenant || n) AS h, lpad(to_hex(n), 9, '0') AS place) AS made`
const called = `LATERAL (SELECT '+861' || (3000000000 + ('x' || substr(h, 19, 8))::bit(32)::bigint % 5999999999)::text AS phone) AS called`
const id = (noun: string) => `'${noun}_01g' || place || substr(h, 1, 14)`
const at = `timestamptz '2026-01-01' + n * interval '1 second'`

/** Leads with keys of their own, `$2` … `$3` of each of the companies `$1`. */
export const insertLeads = `INSERT INTO lead (tenant_id, id, version, journey_id, created_at, updated_at, status, company_name, company_key, contact_name,
    contact_key, job_title, email, email_key, phone, phone_key, country, source, channel, owner_id, external_id, duplicate_of)
  SELECT tenant, ${id('lead')}, 1 + n % 4, ${id('journey')}, ${at}, ${at},
    (ARRAY['new', 'new', 'new', 'new', 'assigned', 'assigned', 'assigned', 'working', 'working', 'working', 'qualified', 'converted', 'converted', 'disqualified', 'disqualified', 'nurturing'])[1 + n % 16],
    'Works ' || substr(h, 1, 10) || ' Ltd', 'works ' || substr(h, 1, 10), 'Li ' || substr(h, 11, 8), 'li ' || substr(h, 11, 8), 'Buyer',
    'li@' || substr(h, 1, 12) || '.example', 'li@' || substr(h, 1, 12) || '.example', phone, phone, 'CN', 'Bench', 'Fair',
    CASE WHEN n % 5 < 3 THEN 'user_01g' || lpad((n % 200)::text, 23, '0') END, CASE WHEN n % 2 = 0 THEN h END, '[]'
  ${given}, ${called}`

/** Fills the tables of lead and insight; each of the companies gets the leads `from` … `to`. */
async function grow(
  run: Run,
  { leadUrl, insightUrl }: { leadUrl: string; insightUrl: string },
  tenants: readonly string[],
  from: number,
  to: number,
): Promise<void> {
  const began = performance.now()
  const rows = (to - from) * tenants.length
  await filled(run, leadUrl, ['lead', 'lead_company_token', 'lead_search', 'idempotency'], rows, tenants, from, to, [
    insertLeads,
    `INSERT INTO lead_company_token (tenant_id, token, lead_id)
     SELECT tenant, token, ${id('lead')} ${given}, unnest(ARRAY['works' || substr(h, 1, 10), substr(h, 1, 10) || ' works']) AS token`,
    `INSERT INTO lead_search (tenant_id, token, record_id)
     SELECT tenant, token, ${id('lead')} ${given}, ${called},
       unnest(ARRAY['works', substr(h, 1, 10), 'li', substr(h, 11, 8), 'li' || substr(h, 1, 12) || 'example', substr(h, 1, 12) || 'example', '#' || reverse(substr(phone, 2))]
         || CASE WHEN n % 2 = 0 THEN ARRAY[h] ELSE '{}' END) AS token`,
    // Requests came at other moments than their leads: their keys say nothing about the place.
    `INSERT INTO idempotency (tenant_id, key, body_hash, status, answer, headers)
     SELECT tenant, h, h || h, 201, '{"id":"' || ${id('lead')} || '"}', '{}' ${given} WHERE n % 10 = 0`,
  ])
  await filled(run, insightUrl, ['inbox', 'journey_step', 'journey_record'], rows, tenants, from, to, [
    `INSERT INTO inbox (tenant_id, event_id) SELECT tenant, ${id('event')} ${given}`,
    `INSERT INTO journey_step (tenant_id, journey_id, event_id, at, recorded_at, service, event, aggregate, subject, sequence, facts)
     SELECT tenant, ${id('journey')}, ${id('event')}, ${at}, ${at}, 'lead', 'lead.captured', 'lead', ${id('lead')}, 1, jsonb_build_object('title', 'Works ' || substr(h, 1, 10) || ' Ltd')
     ${given}`,
    `INSERT INTO journey_record (tenant_id, record_id, journey_id, told_by, owner_sequence) SELECT tenant, ${id('lead')}, ${id('journey')}, ${id('lead')}, 1 ${given}`,
  ])
  run.report(`  ${rows.toLocaleString('en')} leads more: ${Math.round((performance.now() - began) / 1_000)} s`)
}

function needDisk({ home }: Run, rows: number, bytesEach: number): void {
  const needed = rows * bytesEach + 5e9
  const { bavail, bsize } = statfsSync(home)
  if (bytesEach && bavail * bsize < needed)
    throw new Error(
      `${rows.toLocaleString('en')} records need ${Math.ceil(needed / 1e9)} GB of free disk; there are ${Math.floor((bavail * bsize) / 1e9)} GB. Fewer: --leads 10000,1000000`,
    )
}

/** Runs the inserts; many rows are faster in without the indexes, which are then built anew. */
export async function filled(
  run: Run,
  url: string,
  tables: readonly string[],
  rows: number,
  tenants: readonly string[],
  from: number,
  to: number,
  inserts: readonly string[],
  bytesEach = 0,
): Promise<void> {
  needDisk(run, rows, bytesEach)
  await withClient(url, async (client) => {
    const each = async (...statements: string[]) => {
      for (const statement of statements) await client.query(statement)
    }
    await each(
      'SET synchronous_commit = off',
      "SET maintenance_work_mem = '1GB'",
      "ALTER SYSTEM SET max_wal_size = '16GB'",
      'SELECT pg_reload_conf()',
    )
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `SELECT i.relname AS name, pg_get_indexdef(i.oid) AS definition FROM pg_index x JOIN pg_class i ON i.oid = indexrelid
       WHERE indrelid = ANY($1::regclass[]) AND NOT indisprimary`,
      [tables],
    )
    const anew = rows > fillAtOnce ? indexes : []
    for (const { name } of anew) await client.query(`DROP INDEX ${name}`)
    const step = Math.max(1, Math.floor(fillAtOnce / tenants.length))
    for (const text of inserts)
      for (let n = from; n < to; n += step) {
        run.halt.throwIfAborted()
        await client.query(text, [tenants, n, Math.min(n + step, to) - 1])
      }
    for (const { definition } of anew) {
      run.halt.throwIfAborted()
      await client.query(definition)
    }
    for (const table of tables) await client.query(`VACUUM (ANALYZE) ${table}`)
    await each('ALTER SYSTEM RESET max_wal_size', 'SELECT pg_reload_conf()', 'CHECKPOINT')
  })
}

/** Signs access tokens of any company, as an identity provider of the customer's own would: of a program, unless it is told whose. */
export async function anIssuer(
  run: Run,
): Promise<{ url: string; tokenOf: (tenantId: string, whose?: { id: string; roles: readonly string[] }) => Promise<string> }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] })
  const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(keys))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  run.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { newId } = await import('@millrace/domain')
  return {
    url,
    tokenOf: (tenant, { id, roles } = { id: newId('api_client'), roles: ['integrator'] }) =>
      new SignJWT({ tenant, roles })
        .setProtectedHeader({ alg: 'ES256', kid: 'bench' })
        .setIssuer(url)
        .setAudience('millrace')
        .setSubject(id)
        .setIssuedAt()
        .setExpirationTime('2h')
        .sign(privateKey),
  }
}
