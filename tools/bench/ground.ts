import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { Client } from 'undici'
import { apiOf, type Api } from '../parts/api.ts'
import { build, root, startPlatform, type Platform } from '../parts/platform.ts'
import { startPostgres } from '../parts/postgres.ts'
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

/** Starts the platform in the run's folder and signs a company up. `env` goes to every service. */
export async function aPlatform(run: Run, env: Record<string, string> = {}): Promise<Ground> {
  const { home, halt, report } = run
  const platform = await startPlatform({
    home,
    throwaway: true,
    seed: false,
    port: 0,
    halt,
    report,
    env: { RATE_LIMIT: '1000000000', ...env },
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
  const postgres = await startPostgres({ dir, throwaway: true, report: run.report })
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

/** Builds what changed; then the libraries can be imported. */
export async function built(run: Run): Promise<void> {
  await build(run.home, run.halt)
}

/** A built file that no package exports. */
export async function builtFile<T>(path: string): Promise<T> {
  return (await import(pathToFileURL(join(root, path)).href)) as T
}

/** What one burst of load came to. Times are in milliseconds and count from the moment a connection was free to send. */
export interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly errors: number
  readonly firstError: string | undefined
}

/** Works on `connections` at once, each as fast as it is answered, for some seconds. */
export async function underLoad(workers: readonly (() => Promise<void>)[], seconds: number, halt: AbortSignal): Promise<Load> {
  const times: number[] = []
  let errors = 0
  let firstError: string | undefined
  const began = performance.now()
  const end = began + seconds * 1_000
  await Promise.all(
    workers.map(async (work) => {
      while (performance.now() < end && !halt.aborted) {
        const sent = performance.now()
        try {
          await work()
          times.push(performance.now() - sent)
        } catch (error) {
          errors += 1
          firstError ??= (error as Error).message
          if (errors > 1_000) return
        }
      }
    }),
  )
  halt.throwIfAborted()
  const perSecond = times.length / ((performance.now() - began) / 1_000)
  return { perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99), errors, firstError }
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
export async function settled(run: Run, { platform }: Ground, apps: readonly string[]): Promise<void> {
  for (const until = performance.now() + 300_000; performance.now() < until;) {
    run.halt.throwIfAborted()
    let left = 0
    for (const app of apps) {
      const { HOST, PORT } = platform.environmentOf(app) as { HOST: string; PORT: string }
      const text = await (await fetch(`http://${HOST}:${PORT}/metrics`)).text()
      for (const [, count] of text.matchAll(/^millrace_(?:outbox_depth|consumer_lag)\S* (\d+)/gm)) left += Number(count)
    }
    if (left === 0) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error('the services do not catch up within five minutes')
}

/** Milliseconds of a clock that all processes of the machine share and that never jumps. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}
