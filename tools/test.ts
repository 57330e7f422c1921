/**
 * Checks everything: types, format, lint, the canary of the lint rules, generated documents, and the tests of every project.
 *
 *   npm test                   all of it
 *   npm test -- lead cpq       the tests of these projects
 *   npm test -- lint canary    these checks
 *
 * The last line counts tests and checks alike: `N passed, N failed, N skipped`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import * as prettier from 'prettier'
import { canary, projectGraph, projects, sweep } from './canary.ts'
import { findKafka, noKafka, startKafka } from './parts/kafka.ts'
import { startPostgres } from './parts/postgres.ts'
import { endFormers, isTaken, launch } from './parts/processes.ts'

const root = join(import.meta.dirname, '..')
const module = (path: string) => join(root, 'node_modules', path)
const nx = module('nx/dist/bin/nx.js')
const eslint = module('eslint/bin/eslint.js')

/** Projects that need no database, and those with suites on a real Kafka. */
const pure = ['domain', 'contracts']
const onKafka = ['service', 'journeys']

const total = { passed: 0, failed: 0, skipped: 0 }
const remarks: string[] = []
const halt = new AbortController()
const stops: (() => Promise<void>)[] = []

const checks: Record<string, () => Promise<boolean>> = {
  types: () => node('types', module('typescript/bin/tsc'), '--noEmit', '--project', 'tsconfig.json'),
  format: formatted,
  // All projects in one process: what takes time is reading the types, once. `nx lint lead` does the same for one.
  lint: async () => {
    projectGraph()
    return node('lint', eslint, '.')
  },
  canary: async () => {
    const { passed, failed } = await canary()
    console.log(`${passed} rows hold, ${failed} do not`)
    // The check itself counts as one.
    total.passed += failed ? passed : passed - 1
    total.failed += failed ? failed - 1 : 0
    return failed === 0
  },
  ...(existsSync(join(root, 'tools/docs.ts')) && { docs: () => node('docs', join(root, 'tools/docs.ts'), '--check') }),
}

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

async function main(names: string[]) {
  sweep()
  const known = projects.map(({ root }) => basename(root))
  const unknown = names.filter((name) => !known.includes(name) && !(name in checks))
  if (unknown.length)
    throw new Error(`No project or check ${unknown.join(', ')}; there are ${[...Object.keys(checks), ...known].join(', ')}`)

  for (const name of Object.keys(checks)) if (!names.length || names.includes(name)) await check(name)
  const tested = projects.filter(({ root, targets }) => 'test' in targets && (!names.length || names.includes(basename(root))))
  if (tested.length) await test(tested)
}

async function check(name: string) {
  console.log(`\n── ${name}`)
  const since = performance.now()
  const holds = await checks[name]!()
  console.log(`${name} ${holds ? 'passed' : 'FAILED'} in ${seconds(since)}`)
  if (holds) total.passed++
  else fail(name)
}

/** Runs jest in each project, two at a time, on one Postgres and one Kafka, and adds up what it counts. */
async function test(tested: typeof projects) {
  const names = tested.map(({ root }) => basename(root))
  console.log(`\n── tests of ${names.join(', ')}`)
  const since = performance.now()
  const env: Record<string, string> = { MILLRACE_TEST_RESULTS: folder }
  if (names.some((name) => !pure.includes(name))) {
    const postgres = await startPostgres({ throwaway: true, report: console.log })
    stops.push(postgres.stop)
    env['TEST_POSTGRES_URL'] = postgres.url
    console.log(`Postgres is up after ${seconds(since)}`)
  }
  if (names.some((name) => onKafka.includes(name))) {
    const brokers = await kafka()
    if (brokers) env['TEST_KAFKA_BROKERS'] = brokers
  }
  halt.signal.throwIfAborted()

  const before = total.failed
  const only = tested.map(({ name }) => name).join()
  const green = await node(
    'tests',
    nx,
    'run-many',
    '--target=test',
    `--projects=${only}`,
    '--parallel=2',
    '--outputStyle=stream',
    '--',
    '--json',
    env,
  )
  for (const name of names) count(name)
  if (!green && total.failed === before) fail('tests: jest ended with an error')
  console.log(`tests took ${seconds(since)}`)
}

async function kafka(): Promise<string | undefined> {
  const since = performance.now()
  if (!findKafka()) {
    if (process.env['CI'] === 'true') throw new Error(`The Kafka suites have to run in CI. ${noKafka}`)
    remarks.push(`The Kafka suites are skipped. ${noKafka}`)
    return undefined
  }
  const { brokers, from, stop } = await startKafka({ dir: join(folder, 'kafka'), report: console.log, halt: halt.signal })
  stops.push(stop)
  console.log(`Kafka (${from}) is up after ${seconds(since)}`)
  return brokers
}

function count(project: string) {
  const file = join(folder, `${project}.json`)
  if (!existsSync(file)) return fail(`${project}: jest gave no result`)
  const result: JestResult = JSON.parse(readFileSync(file, 'utf8'))
  total.passed += result.numPassedTests
  for (const { name, message, assertionResults } of result.testResults) {
    const path = relative(root, name)
    const of = (...statuses: string[]) => assertionResults.filter(({ status }) => statuses.includes(status))
    for (const { fullName } of of('failed')) fail(`${path}: ${fullName}`)
    if (!assertionResults.length && message) fail(`${path}: does not run`)
    const skipped = of('pending', 'todo', 'skipped', 'disabled').length
    total.skipped += skipped
    if (skipped) remarks.push(`skipped in ${path}: ${skipped}`)
  }
}

type JestResult = {
  numPassedTests: number
  testResults: { name: string; message: string; assertionResults: { fullName: string; status: string }[] }[]
}

function fail(what: string) {
  total.failed++
  remarks.push(`FAILED ${what}`)
}

/** Runs a Node program to its end, visibly; answers whether it ended well. */
async function node(name: string, ...args: (string | Record<string, string>)[]): Promise<boolean> {
  halt.signal.throwIfAborted()
  const words = args.filter((arg) => typeof arg === 'string')
  const env = Object.assign({ NX_DAEMON: 'false', NX_TUI: 'false' }, ...args.filter((arg) => typeof arg !== 'string'))
  const child = await launch({ name, pidFile: join(folder, `${name}.pid`), command: process.execPath, args: words, cwd: root, env })
  const end = () => void child.end()
  halt.signal.addEventListener('abort', end)
  const how = await child.ended
  halt.signal.removeEventListener('abort', end)
  halt.signal.throwIfAborted()
  return how === 'exit 0'
}

/** Whether the tracked files are formatted; outside git, or before the first commit, all of them. */
async function formatted(): Promise<boolean> {
  const git = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  const tracked = (git.stdout ?? '').split('\0').filter((file) => file && existsSync(join(root, file)))
  if (!tracked.length) return node('format', module('prettier/bin/prettier.cjs'), '--check', '.')
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
  if (!good) console.log('npm run format puts it right')
  return good
}

/** What a run that was killed left running: its programs and its Kafka. (Postgres sees to its own.) */
async function removeForgotten() {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^millrace-test-(\d+)-/.exec(name)?.[1]
    if (!pid || isTaken(Number(pid))) continue
    const former = join(tmpdir(), name)
    await endFormers(join(former, 'kafka'))
    await endFormers(former)
    rmSync(former, { recursive: true, force: true })
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
