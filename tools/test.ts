/**
 * Checks everything: types, format, lint, the canary of the lint rules, generated documents, and the tests of every project.
 *
 *   npm test                   all of it
 *   npm test -- lead cpq       the tests of these projects
 *   npm test -- lint canary    these checks
 *   npm test -- affected       the tests of the projects that depend on what differs from main, as `nx affected` finds them
 *
 * Several run at a time, the longest first, on one Postgres and one Kafka; what each says is shown when it has ended.
 * The last line counts tests and checks alike: `N passed, N failed, N skipped`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import * as prettier from 'prettier'
import { canary, projectGraph, projects } from './canary.ts'
import { findKafka, noKafka, startKafka } from './parts/kafka.ts'
import { build, root } from './parts/platform.ts'
import { startPostgres } from './parts/postgres.ts'
import { endFormers, isTaken, launch } from './parts/processes.ts'

const module = (path: string) => join(root, 'node_modules', path)

/** Projects that need no database, and those with suites on a real Kafka. */
const pure = ['domain', 'contracts']
const onKafka = ['service', 'journeys']

/** A check, the tests of a project, or one file of tests that takes as long as a project. */
interface Task {
  readonly name: string
  /** Very roughly its seconds: the longest begin first. */
  readonly weight: number
  /** Answers what it counted, if more than itself; throws when it does not hold. */
  run(): Promise<Counts | void>
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const remarks: string[] = []
const halt = new AbortController()
const stops: (() => Promise<void>)[] = []
/** Whether there is one task only: it talks while it runs. */
let alone = false

const built = once(() => build(folder, halt.signal))
const graph = once(async () => {
  // Not beside the build, which is nx as well.
  await built()
  await projectGraph(root, halt.signal)
})
const postgres = once(async () => {
  const { url, stop } = await startPostgres({ throwaway: true, report: console.log })
  stops.push(stop)
  return url
})
const kafka = once(async () => {
  if (!findKafka()) {
    if (process.env['CI'] === 'true') throw new Error(`The Kafka suites have to run in CI. ${noKafka}`)
    remarks.push(`The Kafka suites are skipped. ${noKafka}`)
    return undefined
  }
  const { brokers, stop } = await startKafka({ dir: join(folder, 'kafka'), report: console.log, halt: halt.signal })
  stops.push(stop)
  return brokers
})

const checks: Task[] = [
  {
    name: 'lint',
    weight: 30,
    async run() {
      await graph()
      // All projects in one process: what takes time is reading the types, once. `nx lint lead` does the same for one.
      await node('lint', [module('eslint/bin/eslint.js'), '.'])
    },
  },
  { name: 'types', weight: 20, run: () => node('types', [module('typescript/bin/tsc'), '--noEmit', '--project', 'tsconfig.json']) },
  { name: 'format', weight: 15, run: formatted },
  {
    name: 'canary',
    weight: 10,
    async run() {
      const { passed, failed } = await canary(halt.signal)
      if (failed) throw new Error(`canary: ${failed} rows do not hold, ${passed} do`)
      return { passed, failed, skipped: 0 }
    },
  },
  {
    name: 'docs',
    weight: 5,
    async run() {
      await built()
      await node('docs', [join(root, 'tools/docs.ts'), '--check'])
    },
  },
]

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => halt.abort(new Error('stopped')))
process.on('disconnect', () => halt.abort(new Error('stopped')))
await removeForgotten()
const folder = mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`))

try {
  await main(process.argv.slice(2))
} catch (error) {
  fail((error as Error).message)
} finally {
  for (const stop of stops.reverse()) await stop().catch((error: Error) => fail(error.message))
  rmSync(folder, { recursive: true, force: true })
}
for (const line of remarks) console.log(line)
const { passed, failed, skipped } = total
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`, () =>
  process.exit(halt.signal.aborted ? 130 : failed ? 1 : 0),
)

async function main(wishes: string[]) {
  const names = wishes.flatMap((name) => (name === 'affected' ? affected() : name))
  const known = [...checks.map(({ name }) => name), ...projects.map(({ root }) => basename(root)), 'affected']
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length) throw new Error(`No project or check ${unknown.join(', ')}; there are ${known.join(', ')}`)

  const wanted = (name: string) => !wishes.length || names.includes(name)
  const tested = projects.filter(({ root, targets }) => 'test' in targets && wanted(basename(root)))
  const tasks = [...checks.filter(({ name }) => wanted(name)), ...tested.flatMap(({ root }) => testsOf(root))]
  tasks.sort((a, b) => b.weight - a.weight)
  alone = tasks.length === 1
  // One more than there are cores: a suite often waits, for Postgres, Kafka or a service that starts. Not more than their connections allow.
  const lanes = Array.from({ length: Math.min(availableParallelism() + 1, 8) }, async () => {
    for (let task = tasks.shift(); task && !halt.signal.aborted; task = tasks.shift()) await perform(task)
  })
  await Promise.all(lanes)
  halt.signal.throwIfAborted()
}

/** The projects that a change could break: what differs from the branch main, committed or not, and what depends on it. */
function affected(): string[] {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [module('nx/dist/bin/nx.js'), 'show', 'projects', '--affected', '--withTarget=test', '--json'],
    { cwd: root, env: { ...process.env, NX_DAEMON: 'false' }, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`nx does not know what is affected: ${stderr}${stdout}`)
  const names = (JSON.parse(stdout) as string[]).map((name) => name.slice(name.indexOf('/') + 1))
  console.log(`affected: ${names.join(', ') || 'none'}`)
  return names
}

async function perform({ name, run }: Task) {
  const since = performance.now()
  let how = 'passed'
  if (alone) console.log(`── ${name}`)
  try {
    const { passed, failed, skipped } = (await run()) ?? { passed: 1, failed: 0, skipped: 0 }
    total.passed += passed
    total.failed += failed
    total.skipped += skipped
    if (failed) how = 'FAILED'
  } catch (error) {
    if (halt.signal.aborted) return
    fail((error as Error).message)
    how = 'FAILED'
  }
  const log = logOf(name)
  const said = existsSync(log) ? readFileSync(log, 'utf8').trimEnd() : ''
  console.log(`${said && `\n── ${name}\n${said}\n`}${name} ${how} in ${seconds(since)}`)
}

/** The tests of a project; those of a project on Kafka file by file. */
function testsOf(project: string): Task[] {
  const name = basename(project)
  const sources = join(root, project, 'src')
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(spec|journey)\.ts$/.test(file))
  const weigh = (tests: string[]) => tests.reduce((sum, file) => sum + statSync(join(sources, file)).size, 0) / 2_000
  if (!onKafka.includes(name)) return [{ name, weight: weigh(files), run: () => jest(name, project) }]
  return files.map((file) => ({
    name: `${name}/${file}`,
    weight: weigh([file]) + (file.endsWith('.journey.ts') ? 200 : 100),
    run: () => jest(`${name}/${file}`, project, join('src', file)),
  }))
}

/** Runs jest in a project as its nx target does, on our Postgres and Kafka, and counts. */
async function jest(name: string, project: string, ...files: string[]): Promise<Counts> {
  const env: Record<string, string> = {}
  if (!pure.includes(basename(project))) env['TEST_POSTGRES_URL'] = await postgres()
  if (onKafka.includes(basename(project))) {
    await built()
    const brokers = await kafka()
    if (brokers) env['TEST_KAFKA_BROKERS'] = brokers
  }
  const { targetDefaults } = JSON.parse(readFileSync(join(root, 'nx.json'), 'utf8')) as NxJson
  const [, ...args] = targetDefaults.test.options.command.split(' ')
  const output = join(folder, `${name.replaceAll(/[\\/]/g, '-')}.json`)
  const only = files.length ? ['--runTestsByPath', ...files] : []
  const workers = alone ? [] : ['--runInBand']
  let ended: unknown
  await node(name, [...args, '--json', `--outputFile=${output}`, ...workers, ...only], { cwd: join(root, project), env }).catch(
    (error: Error) => (ended = error),
  )
  halt.signal.throwIfAborted()
  if (!existsSync(output)) throw new Error(`${name}: jest gave no result`)
  const counts = count(output)
  if (ended && !counts.failed) throw ended
  return counts
}

type NxJson = { targetDefaults: { test: { options: { command: string } } } }

function count(output: string): Counts {
  const result: JestResult = JSON.parse(readFileSync(output, 'utf8'))
  const counts: Counts = { passed: result.numPassedTests, failed: 0, skipped: 0 }
  const failed = (what: string) => {
    counts.failed++
    remarks.push(`FAILED ${what}`)
  }
  for (const { name, message, assertionResults } of result.testResults) {
    const path = relative(root, name)
    const of = (...statuses: string[]) => assertionResults.filter(({ status }) => statuses.includes(status))
    for (const { fullName } of of('failed')) failed(`${path}: ${fullName}`)
    if (!assertionResults.length && message) failed(`${path}: does not run`)
    const skipped = of('pending', 'todo', 'skipped', 'disabled').length
    counts.skipped += skipped
    if (skipped) remarks.push(`skipped in ${path}: ${skipped}`)
  }
  return counts
}

type JestResult = {
  numPassedTests: number
  testResults: { name: string; message: string; assertionResults: { fullName: string; status: string }[] }[]
}

function fail(what: string) {
  total.failed++
  remarks.push(`FAILED ${what}`)
}

/** Runs a Node program to its end; throws when it does not end well. */
async function node(name: string, args: string[], { cwd = root, env = {} }: { cwd?: string; env?: Record<string, string> } = {}) {
  halt.signal.throwIfAborted()
  const colours = process.stdout.isTTY && { FORCE_COLOR: '1' }
  const child = await launch({
    name,
    pidFile: `${logOf(name)}.pid`,
    command: process.execPath,
    args,
    cwd,
    env: { NX_DAEMON: 'false', NX_TUI: 'false', ...colours, ...env },
    ...(!alone && { log: logOf(name) }),
  })
  const end = () => void child.end()
  halt.signal.addEventListener('abort', end)
  const how = await child.ended
  halt.signal.removeEventListener('abort', end)
  halt.signal.throwIfAborted()
  if (how !== 'exit 0') throw new Error(`${name}: ${how}`)
}

function logOf(task: string): string {
  return join(folder, `${task.replaceAll(/[\\/]/g, '-')}.log`)
}

/** Compares the tracked files with how prettier writes them; outside git, or before the first commit, all of them. */
async function formatted(): Promise<void> {
  const git = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  const tracked = (git.stdout ?? '').split('\0').filter((file) => file && existsSync(join(root, file)))
  if (!tracked.length) return node('format', [module('prettier/bin/prettier.cjs'), '--check', '.'])
  let good = true
  for (const file of tracked) {
    halt.signal.throwIfAborted()
    const path = join(root, file)
    const { ignored, inferredParser } = await prettier.getFileInfo(path, { ignorePath: join(root, '.prettierignore') })
    if (ignored || !inferredParser) continue
    if (await prettier.check(readFileSync(path, 'utf8'), { ...(await prettier.resolveConfig(path)), filepath: path })) continue
    good = false
    console.log(`not formatted: ${file}`)
  }
  if (!good) throw new Error('format: npm run format puts it right')
}

/** What a run that was killed left running: its programs and its Kafka. (Postgres sees to its own.) */
async function removeForgotten() {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^millrace-test-(\d+)-/.exec(name)?.[1]
    if (!pid || isTaken(Number(pid))) continue
    const former = join(tmpdir(), name)
    await endFormers(join(former, 'kafka'))
    await endFormers(join(former, 'run'))
    await endFormers(former)
    rmSync(former, { recursive: true, force: true })
  }
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let working: Promise<T> | undefined
  return () => (working ??= work())
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
