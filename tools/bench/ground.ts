import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { Client } from 'undici'
import { services } from '../../libs/contracts/src/services.ts'
import { apiOf, type Api } from '../parts/api.ts'
import { build, nodeFlags, root, startPlatform, type Platform } from '../parts/platform.ts'
import { startPostgres } from '../parts/postgres.ts'
import { freePort, lastLines } from '../parts/processes.ts'
import { clientToken, signIn } from '../sign-in.ts'
import { quantile, type Run } from './measure.ts'

/** A platform of its own with one company in it, and a program that may do everything in sales. */
export interface Ground {
  readonly platform: Platform
  readonly tenantId: string
  /** An access token of the company's program. */
  readonly token: string
  readonly superuser: string
}

/** Starts the platform in the run's folder and signs a company up. `env` goes to every service; it may depend on the platform's address. */
export async function aPlatform(run: Run, env: Record<string, string> | ((url: string) => Record<string, string>) = {}): Promise<Ground> {
  const { home, halt, report } = run
  const port = await freePort()
  const platform = await startPlatform({
    home,
    throwaway: !run.durable,
    seed: false,
    port,
    halt,
    report,
    env: { RATE_LIMIT: '1000000000', ...(typeof env === 'function' ? env(`http://127.0.0.1:${port}`) : env) },
  })
  run.defer(() => platform.stop())
  const { url, operator } = platform
  const administrator = { name: 'Bench', email: 'bench@example.com', password: crypto.randomUUID() }
  const asOperator = apiFor(url, async () => (await clientToken(url, operator.clientId, operator.clientSecret)).access_token)
  const company = { name: 'Bench Ltd', currency: 'CNY', zone: 'Asia/Shanghai', language: 'en', administrator }
  const { id: tenantId } = await asOperator.post('/v1/tenants', company)
  const asAdministrator = apiFor(url, async () => (await signIn(url, administrator.email, administrator.password)).access_token)
  const { clientId, clientSecret } = await asAdministrator.post('/v1/api-clients', { name: 'load', roles: ['integrator'] })
  const { access_token } = await clientToken(url, clientId, clientSecret)
  return { platform, tenantId, token: access_token, superuser: superuserOf(home) }
}

function apiFor(url: string, token: () => Promise<string>): Api {
  let asked: Promise<string> | undefined
  return apiOf(url, () => (asked ??= token()))
}

function superuserOf(home: string): string {
  const [password, port] = ['password', 'port'].map((file) => readFileSync(join(home, 'postgres', file), 'utf8').trim())
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
}

/** A Postgres without a platform. Answers the superuser's URL. */
export async function aPostgres(run: Run): Promise<string> {
  const dir = join(run.home, 'postgres')
  mkdirSync(dir, { recursive: true })
  const postgres = await startPostgres({ dir, throwaway: !run.durable, report: run.report })
  run.defer(() => postgres.stop())
  return postgres.url
}

/** A new database with its owner's and its application's role. */
export async function aDatabase(superuser: string, name: string): Promise<{ url: string; ownerUrl: string; superuserUrl: string }> {
  const client = new pg.Client({ connectionString: superuser })
  await client.connect()
  try {
    for (const role of [`${name}_owner`, `${name}_app`]) await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'bench'`)
    await client.query(`CREATE DATABASE ${name} OWNER ${name}_owner`)
  } finally {
    await client.end()
  }
  const as = (user?: string) => {
    const url = new URL(superuser)
    url.pathname = `/${name}`
    if (user) Object.assign(url, { username: user, password: 'bench' })
    return url.href
  }
  return { url: as(`${name}_app`), ownerUrl: as(`${name}_owner`), superuserUrl: as() }
}

/** Works with a connection of its own. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** The columns of a table, with their types. */
export async function columnsOf(client: pg.Client, table: string): Promise<{ name: string; type: string }[]> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attidentity = '' ORDER BY attnum`,
    [table],
  )
  return rows
}

/** An insert of many rows, as somebody writes it who wants them in fast. */
export interface Insert {
  readonly name: string
  readonly text: string
  readonly values: readonly (readonly unknown[])[]
}

/** The rows of a table as inserts, cut into so many parts. */
export async function insertsOf(client: pg.Client, table: string, parts: number, where = 'true'): Promise<Insert[]> {
  const columns = await columnsOf(client, table)
  const { rows } = await client.query<unknown[]>({
    text: `SELECT ${columns.map(({ name }) => `${name}::text`).join(', ')} FROM ${table} WHERE ${where}`,
    rowMode: 'array',
  })
  const names = columns.map(({ name }) => name).join(', ')
  const text = `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${columns.map(({ type }, n) => `$${n + 1}::${type}[]`).join(', ')}) ON CONFLICT DO NOTHING`
  const size = Math.ceil(rows.length / parts)
  return Array.from({ length: size ? Math.ceil(rows.length / size) : 0 }, (_, part) => {
    const own = rows.slice(part * size, (part + 1) * size)
    return { name: table, text, values: columns.map((_, n) => own.map((row) => row[n])) }
  })
}

/** A process that answers /readyz, and how long it took to. */
export interface Started {
  readonly pid: number
  readonly url: string
  readonly seconds: number
  end(): Promise<void>
}

/** Starts a service on a free port and waits until it is ready. */
export async function aProcess(run: Run, main: string, env: Record<string, string>): Promise<Started> {
  const port = await freePort()
  run.halt.throwIfAborted()
  const log = join(run.home, `process-${port}.log`)
  const output = openSync(log, 'a')
  const began = performance.now()
  const child = spawn(process.execPath, [...nodeFlags, main], {
    cwd: root,
    env: { ...process.env, ...env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const gone = once(child, 'exit')
  const end = async () => {
    child.kill()
    await gone
  }
  run.defer(() => child.exitCode ?? child.signalCode ?? end())
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    const ready = await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (ready) return { pid: child.pid!, url, seconds: (performance.now() - began) / 1_000, end }
    run.halt.throwIfAborted()
    if (child.exitCode !== null) throw new Error(`${main} ended with ${child.exitCode}:\n${lastLines(log)}`)
    if (performance.now() - began > 120_000) throw new Error(`${main} does not get ready:\n${lastLines(log)}`)
    await sleep(10)
  }
}

/** Connections to a database that are closed when the run ends. */
export function pgClients(run: Run, url: string, count: number): Promise<pg.Client[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = new pg.Client({ connectionString: url })
      client.on('error', () => {})
      await client.connect()
      run.defer(() => client.end())
      return client
    }),
  )
}

/** Builds what changed; then the libraries can be imported. */
export async function built(run: Run): Promise<void> {
  await build(run.home, run.halt)
}

/** A built file that no package exports. */
export async function builtFile<T>(path: string): Promise<T> {
  return (await import(pathToFileURL(join(root, path)).href)) as T
}

/** What one burst of load came to. Times are in milliseconds. */
export interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly errors: number
  readonly firstError: string | undefined
  /** Share of its one core that the load generator took, in per cent. Near 100 it is the generator that is measured. */
  readonly generator: number
}

type Worker = () => Promise<void>

/** Each worker sends as soon as it was answered: how much gets through. Times count from the sending. */
export function underLoad(workers: readonly Worker[], seconds: number, halt: AbortSignal): Promise<Load> {
  return loaded(halt, async (send, began) => {
    const end = began + seconds * 1_000
    await Promise.all(
      workers.map(async (work) => {
        for (let now = performance.now(); now < end && !halt.aborted; now = performance.now()) await send(work, now)
      }),
    )
  })
}

/**
 * Requests are due by the clock, whether or not the former ones were answered; the workers take them in turn. Times count from the moment a
 * request was due, so that one that has to wait for a worker is not counted as fast.
 */
export function atRate(workers: readonly Worker[], perSecond: number, seconds: number, halt: AbortSignal): Promise<Load> {
  return loaded(halt, async (send, began) => {
    const all = Math.max(1, Math.round(perSecond * seconds))
    let next = 0
    await Promise.all(
      workers.map(async (work) => {
        for (let n = next++; n < all && !halt.aborted; n = next++) {
          const due = began + (n / perSecond) * 1_000
          const early = due - performance.now()
          if (early > 0) await sleep(early)
          await send(work, due)
        }
      }),
    )
  })
}

async function loaded(
  halt: AbortSignal,
  send: (send: (work: Worker, from: number) => Promise<void>, began: number) => Promise<void>,
): Promise<Load> {
  const times: number[] = []
  let errors = 0
  let firstError: string | undefined
  const began = performance.now()
  const before = process.cpuUsage()
  await send(async (work, from) => {
    try {
      await work()
      times.push(performance.now() - from)
    } catch (error) {
      errors += 1
      firstError ??= (error as Error).message
      if (errors > 1_000) throw new Error(`more than 1,000 errors, the first: ${firstError}`, { cause: error })
    }
  }, began)
  halt.throwIfAborted()
  const milliseconds = performance.now() - began
  const { user, system } = process.cpuUsage(before)
  return {
    perSecond: times.length / (milliseconds / 1_000),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    errors,
    firstError,
    generator: (user + system) / 10 / milliseconds,
  }
}

/** Senders of HTTP requests, one connection each. */
export function httpSenders(
  run: Run,
  url: string,
  connections: number,
  request: () => { method: 'POST' | 'GET'; path: string; headers: Record<string, string>; body?: string },
  expected: number,
): (() => Promise<void>)[] {
  return Array.from({ length: connections }, () => {
    const client = new Client(url, { pipelining: 1 })
    run.defer(() => client.destroy())
    return async () => {
      const { statusCode, body } = await client.request(request())
      if (statusCode !== expected) throw new Error(`${statusCode} ${(await body.text()).slice(0, 300)}`)
      await body.dump()
    }
  })
}

/** Waits until every service has sent its events and applied those of the others: nobody works on while the other side is measured. */
export async function settled(run: Run, { superuser }: Ground): Promise<void> {
  const urls = ['bus', ...Object.keys(services)].map((name) => databaseUrl(superuser, `millrace_${name}`))
  const clients = await Promise.all(
    urls.map(async (connectionString) => {
      const client = new pg.Client({ connectionString })
      await client.connect()
      return client
    }),
  )
  try {
    const [bus, ...senders] = clients
    const behind = `SELECT coalesce(sum(s.next_offset - c.next_offset), 0) AS left FROM cursor c JOIN slot s USING (slot)`
    const waiting = 'SELECT count(*) AS left FROM outbox'
    for (const until = performance.now() + 300_000; performance.now() < until; await sleep(100)) {
      run.halt.throwIfAborted()
      const unsent = await Promise.all(senders.map((client) => client.query<{ left: string }>(waiting)))
      const unread = await bus!.query<{ left: string }>(behind)
      if ([...unsent, unread].every(({ rows }) => rows[0]!.left === '0')) return
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
  throw new Error('the services do not catch up within five minutes')
}

/** A database of the platform, as the superuser. */
export function databaseUrl(superuser: string, name: string): string {
  const url = new URL(superuser)
  url.pathname = `/${name}`
  return url.href
}

/** Milliseconds of a clock that all processes of the machine share and that never jumps. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}
