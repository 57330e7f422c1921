/**
 * How fast it is, as ratios of ours to a yardstick measured in the same run.
 *
 *   npm run bench                              everything; writes bench/results and docs/performance.md
 *   npm run bench -- B1 B3                     some of it
 *   npm run bench -- B1 --rounds 2 --seconds 3 shorter; the page stays as it is
 *   npm run bench -- growth                    how cost grows with what is stored
 *   npm run bench -- B9 search                 a page deep in a list; search among a million records
 *   npm run bench -- overview claims handover  a customer’s page among a million; a race for leads; a leaver’s book
 *   npm run bench -- --smoke                   B1, B3 and B5 in short; fails when a ratio fell far below the last full result
 *   npm run bench -- B1 --no-flush             Postgres flushes nothing to disk; the page stays as it is
 *   npm run bench -- B3 --no-kafka             the embedded bus alone; the page stays as it is
 *   npm run bench -- --page                    measures nothing; writes the page from the newest results
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { apply } from './bench/apply.ts'
import { claims } from './bench/claims.ts'
import { createLead } from './bench/create-lead.ts'
import { deepPage } from './bench/deep-page.ts'
import { delivery, drain } from './bench/events.ts'
import { footprint } from './bench/footprint.ts'
import { growth } from './bench/growth.ts'
import { handover } from './bench/handover.ts'
import { importLeads } from './bench/import-leads.ts'
import { aligned, heading, number, rowsOf, summed, type Benchmark, type Outcome, type Run } from './bench/measure.ts'
import { overview } from './bench/overview.ts'
import { searching } from './bench/search.ts'
import { rowSecurity, telemetry } from './bench/switched.ts'
import { performancePage, type Measured, type Result } from './bench/page.ts'
import { root } from './parts/platform.ts'
import { claim, endFormers, readIfThere, writeWhole } from './parts/processes.ts'
import { commit, formatted, machine, runTool, undoing } from './parts/tool.ts'

const benchmarks: readonly Benchmark[] = [
  createLead,
  importLeads,
  delivery,
  drain,
  apply,
  rowSecurity,
  telemetry,
  footprint,
  growth,
  deepPage,
  searching,
  overview,
  claims,
  handover,
]
const usual = { rounds: 5, seconds: 10 }
const smoke = { ids: ['B1', 'B3', 'B5'], rounds: 3, seconds: 3 }
/** Leads at which growth is measured. */
const sizes = [10_000, 1_000_000, 10_000_000]
/** Share of the last full ratio that `--smoke` puts up with. */
const tolerated = 0.7
const folder = join(root, 'bench/results')
const page = join(root, 'docs/performance.md')
// Always the same, so that a run finds and ends what a killed one left.
const home = join(process.env['MILLRACE_HOME'] ?? join(root, '.millrace'), 'bench')

await runTool(main)

async function main(halt: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      leads: { type: 'string', default: sizes.join() },
      smoke: { type: 'boolean', default: false },
      page: { type: 'boolean', default: false },
      'no-kafka': { type: 'boolean', default: false },
      'no-flush': { type: 'boolean', default: false },
    },
  })
  const ordinary = values.smoke ? smoke : usual
  const [rounds, seconds] = [
    wholeNumber('rounds', values.rounds, ordinary.rounds),
    wholeNumber('seconds', values.seconds, ordinary.seconds),
  ]
  const leads = values.leads.split(',').map(Number)
  if (leads.length < 2 || leads.some((size, n) => !Number.isInteger(size) || size < 1_000 || size <= (leads[n - 1] ?? 0)))
    throw new Error('--leads takes growing numbers from 1000 on, e.g. --leads 10000,1000000')
  const [kafka, durable] = [!values['no-kafka'] && !values.smoke, !values['no-flush']]
  const names = positionals.map((id) => id.toUpperCase())
  const unknown = names.filter((name) => !benchmarks.some(({ id }) => id.toUpperCase() === name))
  if (unknown.length)
    throw new Error(`No benchmark ${unknown.join(', ')}; there are ${benchmarks.map(({ id, title }) => `${id} (${title})`).join(', ')}`)
  if (values.smoke && names.length) throw new Error(`--smoke runs ${smoke.ids.join(', ')}; name no others`)
  if (values.page) return writePage()
  const chosen = benchmarks.filter(({ id, alone }) =>
    values.smoke ? smoke.ids.includes(id) : names.length ? names.includes(id.toUpperCase()) : !alone,
  )

  const busy = loadavg()[0] ?? 0
  if (busy > availableParallelism() / 2)
    console.log(`The machine is busy (load ${busy.toFixed(1)}): the figures will be worse than they could be`)
  const unclaim = await claim(`${home}.pid`, console.log)
  const short = rounds < usual.rounds || seconds < usual.seconds || !durable || values['no-kafka'] || values.leads !== sizes.join()
  const name = `${new Date().toISOString().slice(0, 10)}-${commit()}.json`
  const measured: Measured[] = []
  try {
    for (const benchmark of chosen) {
      console.log(`${benchmark.id} ${benchmark.title}`)
      const [date, load] = [new Date().toISOString(), loadavg()[0] ?? 0]
      const outcome = await measure(benchmark, { rounds, seconds, kafka, durable, leads, halt })
      measured.push({ id: benchmark.id, date, machine: { ...machine(), load }, rounds, seconds, durable, ...outcome })
      // At once: the next one may be broken off.
      await keep(short ? join(dirname(home), 'bench-short.json') : join(folder, name), measured, !short)
    }
  } finally {
    unclaim()
  }
  console.log(`\n${aligned([heading, ...measured.flatMap(({ id, figures }) => rowsOf(id, figures))])}\n`)
  for (const { id, remarks } of measured) for (const remark of remarks) console.log(`${id}: ${remark}`)
  for (const { id, yardstick } of chosen) console.log(`${id} yardstick: ${yardstick}`)
  if (values.smoke) return judge(measured)
  if (short) return console.log('not a full run: neither bench/results nor docs/performance.md changes')
  console.log(`kept in bench/results/${name}`)
  await writePage()
}

/** Fails when a guarded ratio is far worse than it was when it was last measured in full. */
function judge(measured: readonly Measured[]): void {
  const fallen = measured.flatMap(({ id, figures }) => {
    const last = newestOf(id)
    return figures.flatMap((figure) => {
      const known = last?.figures.find(({ name }) => name === figure.name)
      const [now, then] = [summed(figure).ratio, known ? summed(known).ratio : null]
      if (!figure.guarded || now === null) return []
      if (then === null) {
        console.log(`${id} ${figure.name}: there is no full result to compare with`)
        return []
      }
      const share = figure.better === 'more' ? now / then : then / now
      console.log(`${id} ${figure.name}: ratio ${number(now)}, ${Math.round(100 * share)} % of the ${number(then)} in bench/results`)
      return share < tolerated ? [`${id} ${figure.name}`] : []
    })
  })
  if (fallen.length) throw new Error(`under ${100 * tolerated} % of the last full result: ${fallen.join(', ')}`)
  console.log('no ratio has fallen')
}

async function measure(benchmark: Benchmark, wish: Omit<Run, 'home' | 'report' | 'defer'>): Promise<Outcome> {
  const clean = async () => {
    for (const dir of ['', 'idle', 'again', 'on', 'off'])
      for (const part of ['', 'postgres', 'kafka', 'run']) await endFormers(join(home, dir, part))
    rmSync(home, { recursive: true, force: true })
  }
  await clean()
  mkdirSync(home, { recursive: true })
  try {
    return await undoing(wish.halt, (defer) => benchmark.run({ ...wish, home, report: console.log, defer }))
  } finally {
    await clean()
  }
}

/** A second run on the same day and commit replaces the benchmarks that it measured. */
async function keep(file: string, measured: readonly Measured[], withOthers: boolean): Promise<void> {
  const others = (withOthers && resultIn(file)?.benchmarks.filter(({ id }) => !measured.some((own) => own.id === id))) || []
  const result: Result = { commit: commit(), benchmarks: [...others, ...measured] }
  writeWhole(file, await formatted(JSON.stringify(result), file))
}

function results(): Result[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
  return names.flatMap((name) => resultIn(join(folder, name)) ?? [])
}

function newestOf(id: string): Measured | undefined {
  const own = results().flatMap(({ benchmarks }) => benchmarks.filter((measured) => measured.id === id))
  return own.sort((a, b) => (a.date < b.date ? 1 : -1))[0]
}

async function writePage(): Promise<void> {
  writeWhole(page, await formatted(performancePage(benchmarks, results()), page))
  console.log('wrote docs/performance.md')
}

function resultIn(file: string): Result | undefined {
  const text = readIfThere(file)
  return text === undefined ? undefined : (JSON.parse(text) as Result)
}

function wholeNumber(name: string, text: string | undefined, ordinary: number): number {
  const value = text === undefined ? ordinary : Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on, e.g. --${name} 3`)
  return value
}
