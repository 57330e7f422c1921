import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { services, type ServiceName } from '../../libs/contracts/src/services.ts'
import { startKafka } from './kafka.ts'
import { startPostgres } from './postgres.ts'
import { claim, endFormers, freePort, keepRunning, lastLines, readIfThere, run, tryPort, writeWhole, type Kept } from './processes.ts'

/** The folder of the repository. */
export const root = resolve(import.meta.dirname, '../..')

/** What to start, and where. */
export interface PlatformOptions {
  /** Folder of data, logs and secrets; MILLRACE_HOME or `.millrace` by default. */
  home?: string | undefined
  /** The gateway's port; PORT or 8080 by default, 0 for any. */
  port?: number | undefined
  bus?: 'embedded' | 'kafka' | undefined
  /** Whether to create the example tenants when they are missing; true by default. */
  seed?: boolean | undefined
  /** For tests: Postgres flushes nothing to disk. The caller removes the home. */
  throwaway?: boolean | undefined
  /** Added to the environment of every service. */
  env?: Record<string, string> | undefined
  /** The longest wait before a service that crashed is started again, in milliseconds; 10,000 by default. */
  longestWait?: number | undefined
  report?: ((line: string) => void) | undefined
  /** Ends a start that is under way. */
  halt?: AbortSignal | undefined
}

/** A running platform. */
export interface Platform {
  /** The gateway's address. */
  readonly url: string
  readonly home: string
  /** The operator's client, which may create tenants. */
  readonly operator: { readonly clientId: string; readonly clientSecret: string }
  /** The environment a service was started with. */
  environmentOf(app: string): Record<string, string>
  /** The number of a service's process. */
  pidOf(app: string): number
  /** Starts one service anew and waits until it is ready. */
  restart(app: string): Promise<void>
  stop(): Promise<void>
}

interface Secrets {
  database: Record<string, string>
  identity: string
  account: string
  operator: { clientId: string; clientSecret: string }
}

const serviceNames = Object.keys(services) as ServiceName[]
const gatewayPort = 8080

/** How Node runs a service; the image says the same in NODE_OPTIONS. A small young generation keeps it 30 MB smaller, see docs/performance.md. */
export const nodeFlags = ['--max-semi-space-size=8']

/**
 * Builds what changed and starts Postgres, the bus, every service that exists and the gateway; migrates and seeds.
 * What a killed run left behind is ended first. Throws, with everything stopped again, when a step fails.
 */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const home = resolve(options.home ?? process.env['MILLRACE_HOME'] ?? join(root, '.millrace'))
  const { halt, report = () => {} } = options
  const undo: (() => unknown)[] = []
  const stop = async () => {
    for (let next = undo.pop(); next; next = undo.pop()) await next()
  }
  const step = async <T>(name: string, work: () => Promise<T> | T): Promise<T> => {
    halt?.throwIfAborted()
    const started = performance.now()
    const hint = setTimeout(() => report(`  ${name} …`), 1000)
    try {
      const result = await work()
      report(`  ${name.padEnd(24)} ${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`)
      return result
    } finally {
      clearTimeout(hint)
    }
  }
  const inHome = (name: string, args: readonly string[], env: Record<string, string>) => ({
    name,
    pidFile: join(home, 'run', `${name.replace(' ', '-')}.pid`),
    command: process.execPath,
    args,
    cwd: root,
    env: { ...env, ...options.env },
    halt,
  })

  try {
    undo.push(await claim(join(home, 'run.pid'), report))
    await endFormers(join(home, 'run'))
    if (!isBuilt()) await step('build', () => build(home, halt))
    const secrets = readSecrets(join(home, 'secrets.json'))
    const present = serviceNames.filter(isThere)
    const embedded = options.bus !== 'kafka'

    const superuser = await step('Postgres', async () => {
      const postgres = await startPostgres({ dir: join(home, 'postgres'), throwaway: options.throwaway ?? false, report })
      undo.push(() => postgres.stop())
      await createDatabases(postgres.url, present, embedded, secrets)
      return new URL(postgres.url)
    })
    const databaseUrl = (database: string, role: string) => `postgres://${role}:${secrets.database[role]}@${superuser.host}/${database}`

    const bus = embedded
      ? databaseUrl('millrace_bus', 'millrace_bus')
      : await step('Kafka', async () => {
          const kafka = await startKafka({ dir: join(home, 'kafka'), report, halt })
          undo.push(() => kafka.stop())
          return `kafka://${kafka.brokers}`
        })
    writeWhole(join(home, 'bus.url'), bus, 0o600)
    if (existsSync(topicsTool)) {
      await step('topics', () => run({ ...inHome('topics', [topicsTool], { BUS_URL: bus }), log: join(home, 'logs/topics.log') }))
    }

    const taken = new Set<number>()
    const port = await gatewayPortFor(options.port ?? Number(process.env['PORT'] ?? gatewayPort))
    taken.add(port)
    const ports: Record<string, number> = { gateway: port }
    for (const name of present) ports[name] = await freePort(options.port === 0 ? 0 : services[name].port, taken)
    const url = `http://127.0.0.1:${port}`
    const environmentOf = (app: string) => ({
      HOST: '127.0.0.1',
      PORT: String(ports[app]),
      OIDC_ISSUER: url,
      OIDC_JWKS_URL: `http://127.0.0.1:${ports['identity']}/oauth/jwks`,
      OIDC_AUDIENCE: 'millrace',
      ...(app === 'gateway' || app === 'identity' ? { PUBLIC_URL: url } : {}),
      ...(app === 'gateway'
        ? Object.fromEntries(present.map((name) => [`SERVICE_${name.toUpperCase()}_URL`, `http://127.0.0.1:${ports[name]}`]))
        : { DATABASE_URL: databaseUrl(`millrace_${app}`, `millrace_${app}_app`), BUS_URL: bus }),
      ...(app === 'account' ? { STORAGE_FOLDER: join(home, 'files', app), ACCOUNT_SECRET: secrets.account } : {}),
      ...(app === 'identity' ? { IDENTITY_SECRET: secrets.identity, ...operatorEnv(secrets) } : {}),
      ...options.env,
    })

    // To ask each service whether there is something to migrate takes as long as to start it. Beside the data, so that it goes where they go.
    const migratedFile = join(home, 'postgres', 'migrated.json')
    const migrated = JSON.parse(readIfThere(migratedFile) ?? '{}') as Record<string, string>
    const stamp = sources()
    const running = new Map<string, Kept>()
    undo.push(() => Promise.all([...running.values()].map((service) => service.stop())))
    undo.push(() => running.get('gateway')?.stop())
    const start = async (app: string) => {
      const main = join(root, 'apps', app, 'dist/main.js')
      if (app !== 'gateway' && migrated[app] !== stamp) {
        const owner = { DATABASE_URL: databaseUrl(`millrace_${app}`, `millrace_${app}_owner`) }
        const log = join(home, 'logs', `${app}-migrate.log`)
        await run({ ...inHome(`${app} migrate`, [main, 'migrate'], { ...environmentOf(app), ...owner }), log })
        halt?.throwIfAborted()
        migrated[app] = stamp
        writeWhole(migratedFile, JSON.stringify(migrated))
      }
      const log = join(home, 'logs', `${app}.log`)
      const { longestWait } = options
      const service = await keepRunning({ ...inHome(app, [...nodeFlags, main], environmentOf(app)), log, longestWait }, report)
      running.set(app, service)
      await ready(app, ports[app] ?? 0, service, log, halt)
    }
    const kept = (app: string) => {
      const service = running.get(app)
      if (!service) throw new Error(`no service "${app}" runs`)
      return service
    }
    const apps = [...present, ...(isThere('gateway') ? ['gateway'] : [])]
    const queue = [...apps]
    const workers = Array.from({ length: availableParallelism() + 1 }, async () => {
      for (let app = queue.shift(); app; app = queue.shift()) {
        const next = app
        await step(next, () => start(next))
      }
    })
    // Every worker is waited for, also when one fails: nothing may start after the undoing began.
    for (const outcome of await Promise.allSettled(workers)) if (outcome.status === 'rejected') throw outcome.reason

    const operator = secrets.operator
    if (options.seed !== false && existsSync(seedTool) && apps.includes('gateway') && !existsSync(join(home, 'seed.done'))) {
      await step('seed', () => run(inHome('seed', [seedTool], { MILLRACE_URL: url, MILLRACE_HOME: home, ...operatorEnv(secrets) })))
    }
    return {
      url,
      home,
      operator,
      environmentOf,
      pidOf: (app) => kept(app).pid,
      async restart(app) {
        const service = kept(app)
        await service.restart()
        await ready(app, ports[app] ?? 0, service, join(home, 'logs', `${app}.log`), halt)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const topicsTool = join(root, 'libs/service/dist/topics.js')
const seedTool = join(root, 'tools/seed.ts')
const buildStamp = join(root, 'node_modules/.cache/millrace-build')

function isThere(app: string): boolean {
  return existsSync(join(root, 'apps', app, 'package.json'))
}

function operatorEnv(secrets: Secrets): Record<string, string> {
  return { BOOTSTRAP_CLIENT_ID: secrets.operator.clientId, BOOTSTRAP_CLIENT_SECRET: secrets.operator.clientSecret }
}

// Nx would know as well, yet takes two seconds to say so.
function isBuilt(): boolean {
  return readIfThere(buildStamp) === sources() && projects().every((project) => existsSync(join(project, 'dist')))
}

/** Builds all projects, unless no source changed since the last time; what did not change comes from nx's cache. */
export async function build(home: string, halt?: AbortSignal): Promise<void> {
  if (isBuilt()) return
  const stamp = sources()
  const nx = join(root, 'node_modules/nx/dist/bin/nx.js')
  const args = [nx, 'run-many', '-t', 'build', '--outputStyle=static']
  const env = { NX_DAEMON: 'false', NX_TUI: 'false' }
  const log = join(home, 'logs/build.log')
  rmSync(log, { force: true })
  await run({ name: 'build', pidFile: join(home, 'run/build.pid'), command: process.execPath, args, cwd: root, env, log, halt }).catch(
    (error: Error) => {
      halt?.throwIfAborted()
      // All of it: nx ends with a summary, and what is wrong stands far above.
      throw new Error(`the build failed:\n${readIfThere(log) ?? error.message}`)
    },
  )
  writeWhole(buildStamp, stamp)
}

function projects(): string[] {
  return ['apps', 'libs'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .map((name) => join(root, folder, name))
      .filter((project) => readIfThere(join(project, 'package.json'))?.includes('"build"') && existsSync(join(project, 'src'))),
  )
}

/** Changes when a source file does: names, sizes and times of all of them. */
function sources(): string {
  const hash = createHash('sha256')
  const add = (file: string) => {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${relative(root, file)} ${size} ${mtimeMs}\n`)
  }
  for (const file of ['.swcrc', 'nx.json', 'package-lock.json']) add(join(root, file))
  for (const project of projects()) {
    add(join(project, 'package.json'))
    for (const entry of readdirSync(join(project, 'src'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.endsWith('.spec.ts')) add(join(entry.parentPath, entry.name))
    }
  }
  return hash.digest('hex')
}

function readSecrets(file: string): Secrets {
  const known = JSON.parse(readIfThere(file) ?? '{}') as Partial<Secrets>
  const random = () => randomBytes(32).toString('base64url')
  const roles = [...serviceNames.flatMap((name) => [`millrace_${name}_owner`, `millrace_${name}_app`]), 'millrace_bus']
  const secrets: Secrets = {
    database: Object.fromEntries(roles.map((role) => [role, known.database?.[role] ?? random()])),
    identity: known.identity ?? random(),
    account: known.account ?? random(),
    operator: known.operator ?? { clientId: 'platform-operator', clientSecret: random() },
  }
  writeWhole(file, `${JSON.stringify(secrets, null, 2)}\n`, 0o600)
  return secrets
}

/** Each service's database belongs to its owner role; its app role may only connect, what more it may is for the migrations to grant. */
async function createDatabases(url: string, names: readonly ServiceName[], withBus: boolean, secrets: Secrets): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const known = await client.query<{ name: string }>('SELECT rolname AS name FROM pg_roles UNION ALL SELECT datname FROM pg_database')
    const roles = new Set(known.rows.map(({ name }) => name))
    const databases = [
      ...names.map((name) => ({ database: `millrace_${name}`, owner: `millrace_${name}_owner`, app: `millrace_${name}_app` })),
      ...(withBus ? [{ database: 'millrace_bus', owner: 'millrace_bus', app: 'millrace_bus' }] : []),
    ]
    for (const { database, owner, app } of databases) {
      for (const role of new Set([owner, app])) {
        const verb = roles.has(role) ? 'ALTER' : 'CREATE'
        await client.query(`${verb} ROLE ${role} LOGIN PASSWORD '${secrets.database[role]}'`)
      }
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database])
      if (!rowCount) await client.query(`CREATE DATABASE ${database} OWNER ${owner}`)
      await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC; GRANT CONNECT ON DATABASE ${database} TO ${app}`)
    }
  } finally {
    await client.end()
  }
}

async function gatewayPortFor(wished: number): Promise<number> {
  const port = wished === 0 ? await freePort() : await tryPort(wished)
  if (port === undefined) throw new Error(`Port ${wished} is in use: stop what uses it, or choose another with PORT=${wished + 1}`)
  return port
}

async function ready(app: string, port: number, service: Kept, log: string, halt?: AbortSignal): Promise<void> {
  const started = performance.now()
  for (;;) {
    halt?.throwIfAborted()
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    if (service.failures >= 3 || performance.now() - started > 60_000)
      throw new Error(`${app} does not get ready; from ${log}:\n${lastLines(log)}`)
    await sleep(100)
  }
}
