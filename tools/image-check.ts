/**
 * `npm run image:check`: builds the image without a container engine and runs the whole platform from it, in a temporary folder.
 *
 * Follows the lines of the Dockerfile (COPY as .dockerignore allows, RUN in a shell, on this Node 24), then does what docker-compose.yml
 * says: databases.sh on a new Postgres, the topics, every migration, every service, and the health check of each. Names of hosts become
 * ports of this machine; the bus is Kafka where there is one (`--bus embedded`: never). Needs bash and psql. Takes some minutes.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, matchesGlob, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, parseEnv } from 'node:util'
import { services, type ServiceName } from '../libs/contracts/src/services.ts'
import { readCompose, type ComposeService } from './parts/compose.ts'
import { findKafka, startKafka } from './parts/kafka.ts'
import { startPostgres } from './parts/postgres.ts'
import { freePort, lastLines, launch, run, untilStopped, type Launched } from './parts/processes.ts'
import { clientToken } from './sign-in.ts'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({ options: { bus: { type: 'string' }, keep: { type: 'boolean', default: false } } })

/** What the image brings: Node 24 and the system's programs, nothing of this checkout. */
const path = [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter).filter((part) => !part.includes('node_modules'))]
const bare = Object.fromEntries(
  Object.entries({ ...process.env, PATH: path.join(delimiter) }).filter(
    ([name]) => !/^(npm_(?!config)|NODE_ENV|NODE_OPTIONS|NX_)/.test(name),
  ),
) as Record<string, string>

const undo: (() => Promise<void> | void)[] = []
const started = performance.now()

await untilStopped(async (halt) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-image-'))
  if (values.keep) console.log(folder)
  else undo.push(() => rmSync(folder, { recursive: true, force: true }))
  const stop = async () => {
    for (let next = undo.pop(); next; next = undo.pop()) await next()
  }
  try {
    const image = build(folder)
    report(`the image holds ${size(image.folder)}`)
    await platform(folder, image, halt)
    report('the image is good')
  } catch (error) {
    process.exitCode = 1
    console.error((error as Error).message)
  }
  await stop()
  process.exit()
})

interface Image {
  folder: string
  env: Record<string, string>
}

/** Follows the Dockerfile; answers the last stage. */
function build(folder: string): Image {
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#'))
  const stages = new Map<string, string>()
  let image: Image = { folder: '', env: {} }
  let workdir = '/'
  let stage = ''
  const inStage = (path: string) => join(stage, path.startsWith('/') ? path : join(workdir, path))
  for (const line of lines) {
    const [word, ...words] = line.trim().split(/\s+/)
    if (word !== 'CMD' && word !== 'EXPOSE' && word !== 'USER') report(line)
    if (word === 'FROM') {
      const name = words[2] ?? 'last'
      stage = join(folder, name)
      stages.set(name, stage)
      workdir = '/'
      image = { folder: stage, env: {} }
    } else if (word === 'WORKDIR') {
      workdir = words[0]!
      mkdirSync(inStage('.'), { recursive: true })
      image.folder = inStage('.')
    } else if (word === 'ENV') {
      for (const pair of words) image.env[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1)
    } else if (word === 'COPY') {
      const from = words[0]!.startsWith('--from=') ? stages.get(words.shift()!.slice(7)) : undefined
      const target = words.pop()!
      for (const source of words)
        copy(from ? join(from, source) : join(root, source), inStage(target), from === undefined, target.endsWith('./'))
    } else if (word === 'RUN') {
      shell(words.join(' '), inStage('.'), image.env)
    } else if (word !== 'CMD' && word !== 'EXPOSE' && word !== 'USER') {
      throw new Error(`this check cannot follow ${word}`)
    }
  }
  return image
}

/** COPY: a folder's content, or a file into a folder. Only what comes from the checkout goes past .dockerignore. */
function copy(source: string, target: string, fromContext: boolean, intoFolder: boolean): void {
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter(Boolean)
  const isSent = (file: string) => !fromContext || !ignored.some((pattern) => matchesGlob(file.slice(root.length + 1), pattern))
  if (!isSent(source)) throw new Error(`${source} is in .dockerignore`)
  const to = statSync(source).isFile() && intoFolder ? join(target, basename(source)) : target
  cpSync(source, to, { recursive: true, verbatimSymlinks: true, filter: isSent })
}

function shell(command: string, cwd: string, env: Record<string, string>): void {
  const { status } = spawnSync('sh', ['-c', command], { cwd, env: { ...bare, ...env }, stdio: 'inherit' })
  if (status !== 0) throw new Error(`failed: ${command}`)
}

/** Runs what docker-compose.yml says, on this machine's ports. */
async function platform(folder: string, image: Image, halt: AbortSignal): Promise<void> {
  const file = join(folder, '.env')
  shell(`node ${join(root, 'tools/compose-env.mjs')} ${file}`, folder, {})
  const postgres = await startPostgres({ throwaway: true })
  undo.push(() => postgres.stop())
  const server = new URL(postgres.url)
  const names = Object.keys(services) as ServiceName[]
  const taken = new Set<number>()
  const ports: Record<string, number> = {}
  for (const name of [...names, 'gateway']) ports[name] = await freePort(undefined, taken)
  const url = `http://127.0.0.1:${ports['gateway']}`
  const variables: Record<string, string> = { ...(parseEnv(readFileSync(file, 'utf8')) as Record<string, string>), PUBLIC_URL: url }
  const compose = readCompose(variables)
  const service = (name: string): ComposeService => compose.services[name]!

  const kafka = values.bus !== 'embedded' && findKafka()
  let bus = postgres.url
  if (kafka) {
    const broker = await startKafka({ dir: join(folder, 'kafka'), from: kafka, halt })
    undo.push(() => broker.stop())
    bus = `kafka://${broker.brokers}`
  }
  report(`Postgres is up; the bus is ${kafka ? `Kafka (${kafka})` : 'the embedded one'}`)

  const { status } = spawnSync('bash', [join(root, 'deploy/compose/databases.sh')], {
    env: {
      ...bare,
      ...service('postgres').environment,
      PGHOST: server.hostname,
      PGPORT: server.port,
      PGUSER: server.username,
      PGPASSWORD: server.password,
    },
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('databases.sh failed')
  report('databases.sh made the databases')

  /** The hosts of compose's network are ports here. */
  const here = (name: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries({ ...service(name).environment, HOST: '127.0.0.1' }).map(([variable, value]) => [
        variable,
        variable === 'PORT'
          ? String(ports[name])
          : variable === 'BUS_URL'
            ? bus
            : value
                .replace('@postgres:5432/', `@${server.host}/`)
                .replace(/^http:\/\/(\w+):8080\b/, (whole, host: string) => (host in ports ? `http://127.0.0.1:${ports[host]}` : whole)),
      ]),
    )
  const program = (name: string) => {
    const [command = '', ...args] = service(name).command ?? []
    return {
      name,
      command,
      args,
      cwd: image.folder,
      env: { ...blank(), ...bare, ...image.env, ...here(name) },
      pidFile: join(folder, `${name}.pid`),
      log: join(folder, `${name}.log`),
    }
  }
  const before = performance.timeOrigin + performance.now()
  const running = new Map<string, Launched>()
  undo.push(() => Promise.all([...running.values()].map((launched) => launched.end())).then(() => {}))
  for (const name of inOrder(compose.services)) {
    if (!service(name).command) continue
    if (!service(name).healthcheck) await run({ ...program(name), halt })
    else {
      running.set(name, await launch(program(name)))
      await healthy(name, service(name), ports[name]!, { ...bare, ...image.env }, join(folder, `${name}.log`), halt)
    }
    report(`${name} ${service(name).healthcheck ? 'is healthy' : 'is done'}`)
  }

  const ready = await fetch(`${url}/readyz`)
  if (!ready.ok) throw new Error(`the gateway is not ready: ${await ready.text()}`)
  const { access_token } = await clientToken(url, 'operator', variables['BOOTSTRAP_CLIENT_SECRET']!)
  if (!access_token) throw new Error('the operator got no token')
  report('the gateway is ready, and the operator has a token')

  for (const [name, launched] of [...running].reverse()) {
    await launched.end()
    const how = await launched.ended
    if (how !== 'exit 0') throw new Error(`${name} did not stop by itself: ${how}`)
  }
  report('all stopped by themselves')
  // The container's user may not write there.
  const changed = files(image.folder).filter((file) => Math.max(statSync(file).mtimeMs, statSync(file).ctimeMs) > before)
  if (changed.length) throw new Error(`written to in the image: ${changed.join(', ')}`)
}

/** launch() adds to this process' environment; what is not in the container's is taken away. */
function blank(): Record<string, undefined> {
  return Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]))
}

/** Runs the container's own health check until it succeeds. */
async function healthy(
  name: string,
  { healthcheck }: ComposeService,
  port: number,
  env: Record<string, string>,
  log: string,
  halt: AbortSignal,
): Promise<void> {
  const [, command = '', ...args] = healthcheck!.test.map((word) => word.replace('127.0.0.1:8080', `127.0.0.1:${port}`))
  const until = performance.now() + 60_000
  for (;;) {
    halt.throwIfAborted()
    if (spawnSync(command, args, { env, stdio: 'ignore' }).status === 0) return
    if (performance.now() > until) throw new Error(`${name} does not get healthy; from its log:\n${lastLines(log)}`)
    await sleep(250)
  }
}

/** The containers, each after those it waits for. */
function inOrder(all: Record<string, ComposeService>): string[] {
  const order = new Set<string>()
  const visit = (name: string) => {
    Object.keys(all[name]?.depends_on ?? {}).forEach(visit)
    order.add(name)
  }
  Object.keys(all).forEach(visit)
  return [...order]
}

function size(folder: string): string {
  const megabytes = (path: string) => `${Math.round(bytes(path) / 1_000_000)} MB`
  const largest = globSync(['node_modules/*', 'node_modules/@*/*'], { cwd: folder })
    .filter((name) => !/@[^/]*$/.test(name) && existsSync(join(folder, name)))
    .map((name) => ({ name: name.replace('node_modules/', ''), bytes: bytes(join(folder, name)) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 5)
  return `${megabytes(folder)} beside Node itself, ${megabytes(join(folder, 'node_modules'))} of it packages; the largest: ${largest
    .map(({ name, bytes }) => `${name} ${Math.round(bytes / 1_000_000)} MB`)
    .join(', ')}`
}

function bytes(folder: string): number {
  return files(folder).reduce((sum, file) => sum + statSync(file).size, 0)
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function report(line: string): void {
  console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}`)
}
