import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endFormer, freePort, keepRunning, lastLines, readIfThere, run, writeWhole } from './processes.ts'

const root = resolve(import.meta.dirname, '../..')
const windows = process.platform === 'win32'
const pom = join(root, 'tools/kafka/pom.xml')

/** A Kafka broker to use. */
export interface Kafka {
  /** `host:port`, several separated by commas. */
  readonly brokers: string
  readonly from: KafkaSource
  stop(): Promise<void>
}

/** Where a broker can come from, best first: named in KAFKA_BROKERS, a Docker engine, Java ≥ 17 with Maven. */
export type KafkaSource = 'environment' | 'docker' | 'java'

/** Where the broker keeps its data, and how it is started. */
export interface KafkaOptions {
  dir: string
  /** The port to use; by default the one of last time when it is free, else any. */
  port?: number
  /** Where to take it from; by default the first there is. */
  from?: KafkaSource | undefined
  log?: string
  report?: (line: string) => void
  halt?: AbortSignal | undefined
}

/** What to say when there is no Kafka. */
export const noKafka =
  'No Kafka here: name brokers in KAFKA_BROKERS (host:port,…), or start a Docker engine, or install Java 17 or newer and Maven (java and mvn on PATH).'

/** The first source of a broker on this machine; undefined when there is none. */
export function findKafka(): KafkaSource | undefined {
  if (process.env['KAFKA_BROKERS']) return 'environment'
  if (existsSync(join(root, 'docker-compose.yml')) && says('docker', ['info', '--format', '{{.ServerVersion}}'])) return 'docker'
  return javaIsThere() ? 'java' : undefined
}

/** Whether a broker can be started without Docker: Java ≥ 17 and Maven. */
export function javaIsThere(): boolean {
  return javaVersion() >= 17 && says(maven(), ['--version'])
}

/** Starts a single-node Kafka without auto-created topics, or answers the brokers of the environment. Throws `noKafka` when there is none. */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const from = options.from ?? findKafka()
  if (from === 'environment') return { brokers: process.env['KAFKA_BROKERS'] ?? '', from, stop: async () => {} }
  if (from === 'docker') return startInDocker(options)
  if (from === 'java') return startInJava(options)
  throw new Error(noKafka)
}

/** Compose reads the whole file, so it wants the secrets of services that are not started here too: a stand-in for each. */
export function standInSecrets(): Record<string, string> {
  const compose = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
  return Object.fromEntries([...compose.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => [name, '-']))
}

async function startInDocker({ dir, report, halt }: KafkaOptions): Promise<Kafka> {
  const compose = (args: string[], name: string) =>
    run({
      name,
      pidFile: join(dir, 'compose.pid'),
      command: 'docker',
      args: ['compose', ...args],
      cwd: root,
      env: { ...standInSecrets(), ...process.env },
      log: join(dir, 'compose.log'),
      halt,
    })
  await compose(['up', '--detach', '--wait', 'kafka'], 'docker compose up kafka')
  report?.('Kafka runs in Docker')
  return {
    brokers: '127.0.0.1:9092',
    from: 'docker',
    stop: () =>
      run({
        name: 'docker compose stop',
        pidFile: join(dir, 'compose.pid'),
        command: 'docker',
        args: ['compose', 'stop', 'kafka'],
        cwd: root,
        env: { ...standInSecrets(), ...process.env },
        log: join(dir, 'compose.log'),
      }),
  }
}

async function startInJava(options: KafkaOptions): Promise<Kafka> {
  const dir = resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  const log = options.log ?? join(dir, 'kafka.log')
  const pidFile = join(dir, 'kafka.pid')
  await endFormer(pidFile)
  const jars = await fetchJars(dir, options)
  const { broker, controller } = await ports(join(dir, 'ports.json'), options.port)
  const properties = join(dir, 'server.properties')
  const data = join(dir, 'data')
  writeWhole(properties, propertiesOf(broker, controller, data))
  const java = (heap: string, main: string, ...args: string[]) => ({
    command: javaCommand(),
    args: [heap, '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*'), main, ...args],
    cwd: dir,
    log,
  })
  if (!existsSync(join(data, 'meta.properties'))) {
    rmSync(data, { recursive: true, force: true })
    const id = randomBytes(16).toString('base64url').replace(/^-/, '_')
    await run({
      name: 'Kafka format',
      pidFile: join(dir, 'format.pid'),
      halt: options.halt,
      ...java('-Xmx128m', 'kafka.tools.StorageTool', 'format', '--standalone', '-t', id, '-c', properties),
    })
  }
  const server = await keepRunning({ name: 'Kafka', pidFile, ...java('-Xmx256m', 'kafka.Kafka', properties) }, options.report)
  for (let waited = 0; !(await accepts(broker)); waited += 50) {
    if (server.failures >= 3 || waited > 60_000 || options.halt?.aborted) {
      await server.stop()
      options.halt?.throwIfAborted()
      throw new Error(`Kafka does not start; from ${log}:\n${lastLines(log)}`)
    }
    await sleep(50)
  }
  return { brokers: `127.0.0.1:${broker}`, from: 'java', stop: () => server.stop() }
}

// Kept beside the build, not in a home: every home and every test run shares it.
async function fetchJars(dir: string, { report, halt }: KafkaOptions): Promise<string> {
  const version = /<kafka.version>(.+)<\/kafka.version>/.exec(readFileSync(pom, 'utf8'))?.[1]
  const jars = join(root, '.millrace', `kafka-${version}`)
  if (existsSync(jars)) return jars
  report?.(`fetching Kafka ${version} with Maven, once (44 MB)`)
  const part = `${jars}.${process.pid}.part`
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${part}`]
  const [command, ...shellArgs] = windows ? ['cmd', '/c', maven()] : [maven()]
  await run({
    name: 'mvn',
    pidFile: join(dir, 'maven.pid'),
    command: command ?? 'mvn',
    args: [...shellArgs, ...args],
    cwd: dir,
    log: join(dir, 'maven.log'),
    halt,
  })
  try {
    renameSync(part, jars)
  } catch (error) {
    // Another run was faster.
    if (!existsSync(jars)) throw error
    rmSync(part, { recursive: true, force: true })
  }
  return jars
}

async function ports(file: string, wished?: number): Promise<{ broker: number; controller: number }> {
  const last = JSON.parse(readIfThere(file) ?? '{}') as { broker?: number; controller?: number }
  const taken = new Set<number>()
  const broker = await freePort(wished ?? last.broker, taken)
  if (wished && broker !== wished) throw new Error(`port ${wished} for Kafka is in use`)
  const controller = await freePort(last.controller, taken)
  writeWhole(file, JSON.stringify({ broker, controller }))
  return { broker, controller }
}

function propertiesOf(broker: number, controller: number, data: string): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${data.replaceAll('\\', '/')}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function javaCommand(): string {
  const home = process.env['JAVA_HOME']
  return home ? join(home, 'bin', windows ? 'java.exe' : 'java') : 'java'
}

function javaVersion(): number {
  const { stderr } = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8', windowsHide: true })
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0)
}

function maven(): string {
  return windows ? 'mvn.cmd' : 'mvn'
}

function says(command: string, args: readonly string[]): boolean {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 10_000,
    shell: windows && command.endsWith('.cmd'),
    windowsHide: true,
  })
  return status === 0 && stdout.trim() !== ''
}
