/**
 * How fast it is, as ratios of ours to a yardstick measured in the same run.
 *
 *   npm run bench                              everything; writes bench/results and docs/performance.md
 *   npm run bench -- B1 B3                     some of it
 *   npm run bench -- B1 --rounds 2 --seconds 3 shorter; the page stays as it is
 *   npm run bench -- --page                    measures nothing; writes the page from the newest results
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as prettier from 'prettier'
import { createLead } from './bench/create-lead.ts'
import { delivery, drain } from './bench/events.ts'
import { footprint } from './bench/footprint.ts'
import { aligned, heading, rowsOf, type Benchmark, type Outcome } from './bench/measure.ts'
import { performancePage, type Measured, type Result } from './bench/page.ts'
import { root } from './parts/platform.ts'
import { claim, endFormers, readIfThere, writeWhole } from './parts/processes.ts'

const benchmarks: readonly Benchmark[] = [createLead, delivery, drain, footprint]
const usual = { rounds: '5', seconds: '10' }
const folder = join(root, 'bench/results')
const page = join(root, 'docs/performance.md')
// Always the same, so that a run finds and ends what a killed one left.
const home = join(root, '.millrace/bench')

const halt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) process.on(signal, () => halt.abort(new Error('stopped')))
process.on('disconnect', () => halt.abort(new Error('stopped')))
const halted = new Promise<never>((_, reject) => halt.signal.addEventListener('abort', () => reject(halt.signal.reason as Error)))
halted.catch(() => {})

try {
  await main()
  process.exit(0)
} catch (error) {
  console.error(halt.signal.aborted ? 'stopped' : (error as Error).message)
  process.exit(halt.signal.aborted ? 130 : 1)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: usual.rounds },
      seconds: { type: 'string', default: usual.seconds },
      page: { type: 'boolean', default: false },
    },
  })
  const [rounds, seconds] = [wholeNumber('rounds', values.rounds), wholeNumber('seconds', values.seconds)]
  const wanted = positionals.map((id) => id.toUpperCase())
  const unknown = wanted.filter((id) => !benchmarks.some((benchmark) => benchmark.id === id))
  if (unknown.length)
    throw new Error(`No benchmark ${unknown.join(', ')}; there are ${benchmarks.map(({ id, title }) => `${id} (${title})`).join(', ')}`)
  if (values.page) return writePage()

  const busy = loadavg()[0] ?? 0
  if (busy > availableParallelism() / 2)
    console.log(`The machine is busy (load ${busy.toFixed(1)}): the figures will be worse than they could be`)
  const unclaim = await claim(join(root, '.millrace/bench.pid'), console.log)
  const measured: Measured[] = []
  try {
    for (const benchmark of benchmarks) {
      if (wanted.length && !wanted.includes(benchmark.id)) continue
      console.log(`${benchmark.id} ${benchmark.title}`)
      const date = new Date().toISOString()
      measured.push({ id: benchmark.id, date, machine: machine(), rounds, seconds, ...(await measure(benchmark, rounds, seconds)) })
    }
  } finally {
    unclaim()
  }
  console.log(`\n${aligned([heading, ...measured.flatMap(({ id, figures }) => rowsOf(id, figures))])}\n`)
  for (const { id, remarks } of measured) for (const remark of remarks) console.log(`${id}: ${remark}`)
  for (const { id, yardstick } of benchmarks) if (measured.some((result) => result.id === id)) console.log(`${id} yardstick: ${yardstick}`)

  const short = rounds < Number(usual.rounds) || seconds < Number(usual.seconds)
  const name = `${measured[0]!.date.slice(0, 10)}-${commit()}${short ? '-short' : ''}.json`
  await keep(name, measured)
  console.log(`kept in bench/results/${name}`)
  if (short) console.log('a short run: docs/performance.md stays as it is')
  else await writePage()
}

async function measure(benchmark: Benchmark, rounds: number, seconds: number): Promise<Outcome> {
  const undo: (() => unknown)[] = []
  const clean = async () => {
    for (const dir of ['', 'postgres', 'kafka', 'run', 'idle/run', 'idle/postgres', 'again/run', 'again/postgres'])
      await endFormers(join(home, dir))
    rmSync(home, { recursive: true, force: true })
  }
  await clean()
  mkdirSync(home, { recursive: true })
  const run = { rounds, seconds, home, halt: halt.signal, report: console.log, defer: (step: () => unknown) => void undo.push(step) }
  const running = benchmark.run(run)
  try {
    return await Promise.race([running, halted])
  } finally {
    await cleanUp(undo)
    // Broken off, it goes on until it meets what has ended; what it started meanwhile is undone as well.
    await running.catch(() => {})
    await cleanUp(undo)
    await clean()
  }
}

async function cleanUp(undo: (() => unknown)[]): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) await Promise.resolve(step()).catch(() => {})
}

/** A second run on the same day and commit replaces the benchmarks that it measured. */
async function keep(name: string, measured: readonly Measured[]): Promise<void> {
  const others = resultIn(name)?.benchmarks.filter(({ id }) => !measured.some((own) => own.id === id)) ?? []
  const result: Result = { commit: commit(), benchmarks: [...others, ...measured] }
  writeWhole(join(folder, name), await formatted(JSON.stringify(result), name))
}

async function writePage(): Promise<void> {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json') && !name.endsWith('-short.json')) : []
  writeWhole(
    page,
    await formatted(
      performancePage(
        benchmarks,
        names.flatMap((name) => resultIn(name) ?? []),
      ),
      page,
    ),
  )
  console.log('wrote docs/performance.md')
}

function resultIn(name: string): Result | undefined {
  const text = readIfThere(join(folder, name))
  return text === undefined ? undefined : (JSON.parse(text) as Result)
}

function machine(): Measured['machine'] {
  const [load = 0] = loadavg()
  const platform = `${process.platform} ${process.arch}`
  return { cores: availableParallelism(), memoryGb: Math.round(totalmem() / 1e9), platform, node: process.versions.node, load }
}

async function formatted(text: string, file: string): Promise<string> {
  return prettier.format(text, { ...(await prettier.resolveConfig(file)), filepath: file })
}

/** The commit that was measured; `-changed` when files differ from it. */
function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'apps', 'libs') ? '-changed' : '')
  } catch {
    return 'unknown'
  }
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number, e.g. --${name} 3`)
  return value
}
