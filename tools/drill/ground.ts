import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { services, type ServiceName } from '../../libs/contracts/src/services.ts'
import { apiOf, type Api, type ApiOptions, type Json } from '../parts/api.ts'
import { javaIsThere, startKafka } from '../parts/kafka.ts'
import { startPlatform, type Platform } from '../parts/platform.ts'
import { freePort } from '../parts/processes.ts'
import { clientToken, signIn } from '../sign-in.ts'
import type { Installation } from '../verify/verify.ts'
import type { DrillRun } from './drill.ts'
import { AnswerLog, Load } from './load.ts'

/** How a drill's platform is started. */
export interface GroundOptions {
  /** Added to the environment of every service. */
  readonly env?: Readonly<Record<string, string>>
  /** The gateway's port; any by default. */
  readonly port?: number
  /** The longest wait before a service that crashed is started again, in milliseconds: 10,000 by default. */
  readonly longestWait?: number
}

/** A platform of the drill's own with two companies in it. */
export interface Ground {
  readonly platform: Platform
  readonly companies: readonly [Company, Company]
  readonly installation: Installation
  /** The broker; none on the embedded bus. */
  readonly broker: Broker | undefined
  /** Every answer that a caller got, and the file of acknowledged writes. */
  readonly log: AnswerLog
  /** Walks journeys from lead to settled receipt in these companies, both by default, several at a time, until it is stopped. */
  load(parallel: number, companies?: readonly Company[]): Load
  /** Waits until every service is ready, has sent its events and applied those of the others; throws after some seconds, 120 by default. */
  quiet(seconds?: number): Promise<void>
  /** After the faults: lets the journeys under way finish and waits for quiet. Answers how many seconds it took; no quiet counts as broken. */
  rest(load: Load): Promise<number>
  /** Demands of every drill that did not hold, in words. */
  readonly broken: readonly string[]
}

/** A company with three salespeople and two products. */
export interface Company {
  readonly name: string
  readonly tenantId: string
  readonly administrator: { readonly email: string; readonly password: string }
  readonly reps: readonly { readonly id: string; readonly name: string }[]
  /** Calls the API as one of its programs: `integration` may do everything in sales, `reporting` approves. Each caller reads its own writes. */
  as(client: ClientName, options?: ApiOptions): Api
  /** An access token of one of its programs. */
  token(client: ClientName): Promise<string>
}

type ClientName = 'integration' | 'reporting'

/** A Kafka broker that a drill may kill. */
export interface Broker {
  /** Ends it as a power cut does; it stays away until it is started. */
  kill(): Promise<void>
  /** Starts it again with the data that it had. */
  start(): Promise<void>
}

/** How many seconds a caller tries again: longer than the longest outage, the five minutes of D4. */
const longestTrouble = 420

/** Services that own data. */
export const serviceNames = Object.keys(services) as ServiceName[]

/** Starts a platform in the run's home and signs two companies up. */
export async function startGround(run: DrillRun, { env = {}, port = 0, longestWait }: GroundOptions): Promise<Ground> {
  const { home, halt } = run
  mkdirSync(home, { recursive: true })
  const report = (line: string) => run.note(line.trim())
  const broker = run.bus === 'kafka' ? await startBroker(run) : undefined
  const platform = await startPlatform({
    home,
    throwaway: true,
    seed: false,
    port,
    bus: run.bus,
    halt,
    report,
    env: { RATE_LIMIT: '1000000000', ...env },
    ...(longestWait !== undefined && { longestWait }),
  })
  run.defer(() => platform.stop())
  const { url, operator } = platform
  const superuser = superuserOf(home)
  const log = new AnswerLog(join(run.folder, 'acknowledged.jsonl'), await operationsOf(url))
  const asOperator = apiOf(
    url,
    lasting(() => clientToken(url, operator.clientId, operator.clientSecret)),
    { halt },
  )
  const companies = [await aCompany('Ridge'), await aCompany('North')] as const
  const addressOf = (app: string) => `http://127.0.0.1:${platform.environmentOf(app)['PORT']}`
  const quiet = async (seconds = 120) => {
    const until = performance.now() + seconds * 1_000
    for (let left = await unfinished(addressOf); left; left = await unfinished(addressOf)) {
      halt.throwIfAborted()
      if (performance.now() > until) throw new Error(`the services did not come to rest within ${seconds} s: ${left}`)
      await sleep(100)
    }
  }
  await quiet()
  const broken = log.faults
  return {
    platform,
    companies,
    installation: {
      databases: Object.fromEntries(serviceNames.map((name) => [name, databaseOf(superuser, name)])),
      bus: readFileSync(join(home, 'bus.url'), 'utf8'),
      url,
      superuser,
    },
    broker,
    log,
    load: (parallel, where = companies) => {
      const load = new Load(where, parallel, run.random, run.report, halt)
      run.defer(() => load.stop())
      return load
    },
    quiet,
    async rest(load) {
      const since = performance.now()
      await load.stop()
      await quiet().catch((error: Error) => {
        halt.throwIfAborted()
        broken.push(error.message)
      })
      return (performance.now() - since) / 1_000
    },
    broken,
  }

  async function aCompany(name: string): Promise<Company> {
    const administrator = { name: `${name} administrator`, email: `admin@${name.toLowerCase()}.example`, password: crypto.randomUUID() }
    const { id: tenantId } = await asOperator.post('/v1/tenants', {
      name,
      currency: 'CNY',
      zone: 'Asia/Shanghai',
      language: 'en',
      administrator,
    })
    const heard = log.heard(tenantId)
    const admin = apiOf(
      url,
      lasting(() => signIn(url, administrator.email, administrator.password)),
      { halt, heard },
    )
    const tokens = {} as Record<ClientName, () => Promise<string>>
    for (const [client, roles] of [
      ['integration', ['administrator', 'integrator']],
      ['reporting', ['executive']],
    ] as const) {
      // Its secret is none of the acknowledged writes' business.
      const quietly = apiOf(
        url,
        lasting(() => signIn(url, administrator.email, administrator.password)),
        { halt },
      )
      const { clientId, clientSecret } = await quietly.post('/v1/api-clients', { name: client, roles })
      tokens[client] = lasting(() => clientToken(url, clientId, clientSecret))
    }
    const reps: Json[] = []
    for (const person of ['Amy', 'Ben', 'Cora'])
      reps.push(
        await admin.post('/v1/users', {
          name: person,
          email: `${person.toLowerCase()}@${name.toLowerCase()}.example`,
          roles: ['sales_rep'],
        }),
      )
    const process = await admin.post('/v1/processes', {
      family: 'drill',
      name: 'Drill sales',
      stages: ['50', '100'].map((probability, n) => ({
        key: `stage-${n + 1}`,
        name: `Stage ${n + 1}`,
        probability,
        expectedDays: 30,
        items: [{ key: `item-${n + 1}`, name: `Item ${n + 1}`, weight: '50' }],
      })),
    })
    await admin.post(`/v1/processes/${process.id}/publish`, { isDefault: true })
    const book = await admin.post('/v1/price-books', { name: 'List', currency: 'CNY' })
    for (const [code, amount] of [
      ['SEAT', '1200.00'],
      ['SETUP', '3599.90'],
    ] as const) {
      const product = await admin.post('/v1/products', { code, name: `${name} ${code}` })
      await admin.put(`/v1/price-books/${book.id}/entries/${product.id}`, { price: { amount, currency: 'CNY' } })
    }
    return {
      name,
      tenantId,
      administrator,
      reps,
      as: (client, options) => apiOf(url, tokens[client], { patience: longestTrouble, pause: 250, halt, heard, ...options }),
      token: (client) => tokens[client](),
    }
  }
}

/** An access token that is asked for again before it ends. */
function lasting(ask: () => Promise<{ access_token: string; expires_in: number }>): () => Promise<string> {
  let token: Promise<string> | undefined
  let until = 0
  return () => {
    if (!token || performance.now() > until) {
      until = Infinity
      token = ask().then(({ access_token, expires_in }) => {
        until = performance.now() + expires_in * 500
        return access_token
      })
      token.catch(() => (token = undefined))
    }
    return token
  }
}

/** What is not at rest, in words; empty: all is. */
async function unfinished(addressOf: (app: string) => string): Promise<string> {
  const states = await Promise.all(
    ['gateway', ...serviceNames].map(async (app) => {
      try {
        const ask = (path: string) => fetch(`${addressOf(app)}${path}`, { signal: AbortSignal.timeout(10_000) })
        const ready = await ask('/readyz')
        const { status, missing } = (await ready.json()) as { status: string; missing: string[] }
        if (status !== 'ready') return `${app} is ${status}: ${missing.join('; ').slice(0, 200)}`
        if (app === 'gateway') return ''
        const text = await (await ask('/metrics')).text()
        const left = [...text.matchAll(/^millrace_(outbox_depth|consumer_lag)\S* (\d+)/gm)].filter(([, , count]) => Number(count) > 0)
        return left.length ? `${app} has ${left.map(([, name, count]) => `${name} ${count}`).join(', ')}` : ''
      } catch (error) {
        return `${app} does not answer: ${(error as Error).message}`
      }
    }),
  )
  return states.filter(Boolean).join('; ')
}

/** Names the operation of a request, by the API's own document. */
async function operationsOf(url: string): Promise<(method: string, path: string) => string> {
  const { paths } = (await (await fetch(`${url}/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId?: string }>>
  }
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId = '' }]) => ({
      method: method.toUpperCase(),
      pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
      operationId,
    })),
  )
  return (method, path) => {
    const [bare = ''] = path.split('?')
    return known.find((one) => one.method === method && one.pattern.test(bare))?.operationId ?? ''
  }
}

function superuserOf(home: string): string {
  const [password, port] = ['password', 'port'].map((file) => readFileSync(join(home, 'postgres', file), 'utf8').trim())
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
}

function databaseOf(superuser: string, service: string): string {
  const url = new URL(superuser)
  url.pathname = `/millrace_${service}`
  return url.href
}

/** A broker of the drill's own: one that others use must neither be killed nor fed with what a drill makes up. */
async function startBroker(run: DrillRun): Promise<Broker> {
  if (!javaIsThere()) throw new Error(ownKafka)
  const port = await freePort()
  const options = { dir: join(run.home, 'kafka'), port, from: 'java' as const, halt: run.halt, report: (line: string) => run.note(line) }
  let kafka = await startKafka(options)
  run.defer(() => kafka.stop())
  process.env['KAFKA_BROKERS'] = kafka.brokers
  run.defer(() => delete process.env['KAFKA_BROKERS'])
  return {
    async kill() {
      const { pid } = JSON.parse(readFileSync(join(options.dir, 'kafka.pid'), 'utf8')) as { pid: number }
      process.kill(pid, 'SIGKILL')
      await kafka.stop()
    },
    async start() {
      kafka = await startKafka(options)
    },
  }
}

/** What to say when there is no broker that a drill may have for itself. */
export const ownKafka = 'A drill on Kafka starts a broker of its own: it needs Java 17 or newer and Maven (java and mvn on PATH).'
