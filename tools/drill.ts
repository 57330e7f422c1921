/**
 * Faults under load, and whether every promise holds all the same.
 *
 *   npm run drill                              all drills on both buses; keeps bench/drills, writes docs/operations/drills.md
 *   npm run drill -- D1 D4                     some of them
 *   npm run drill -- --bus kafka               on one bus: embedded or kafka
 *   npm run drill -- D2 --seed 7 --points 50   with the choices of a former run; shorter (then the page stays as it is)
 *   npm run drill -- --repeat <folder>         a drill again as its history says
 *   npm run drill -- --page                    drills nothing; writes the page from the newest results
 */
import { randomInt } from 'node:crypto'
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { drills } from './drill/all.ts'
import type { BusKind, Drill, DrillRun, Outcome } from './drill/drill.ts'
import { ownKafka, startGround, type Ground } from './drill/ground.ts'
import { drillsPage, passed, type Drilled, type Results } from './drill/page.ts'
import { hashOf, Random } from './drill/random.ts'
import { javaIsThere } from './parts/kafka.ts'
import { root } from './parts/platform.ts'
import { claim, endFormers, readIfThere, writeWhole } from './parts/processes.ts'
import { commit, formatted, machine, runTool, undoing } from './parts/tool.ts'
import { verify } from './verify/verify.ts'

const results = join(root, 'bench/drills')
const page = join(root, 'docs/operations/drills.md')
const base = resolve(process.env['MILLRACE_HOME'] ?? join(root, '.millrace'))
// Always the same, so that a run finds and ends what a killed one left.
const home = join(base, 'drill')
const history = join(base, 'drills')
const mostSeed = 2 ** 31 - 1

/** One drill on one bus, with the choices that repeat it. */
interface Wish {
  readonly drill: Drill
  readonly bus: BusKind
  readonly seed: number
  readonly points: number | undefined
  readonly long: boolean
}

await runTool(async (halt) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      bus: { type: 'string' },
      points: { type: 'string' },
      long: { type: 'boolean', default: false },
      repeat: { type: 'string' },
      page: { type: 'boolean', default: false },
    },
  })
  if (values.page) return writePage()
  const seed = whole('seed', values.seed, mostSeed) ?? randomInt(1, mostSeed)
  const wishes = values.repeat
    ? [wishIn(values.repeat)]
    : wished(positionals, values.bus, { seed, points: whole('points', values.points, 100_000), long: values.long })
  console.log(`seed ${wishes[0]!.seed}`)
  const unclaim = await claim(`${home}.pid`, console.log)
  const done: Drilled[] = []
  try {
    for (const wish of wishes) {
      const drilled = await drillOnce(wish, halt)
      done.push(drilled)
      tell(drilled)
      // At once: the next one may be broken off.
      await keep(done)
    }
  } finally {
    unclaim()
  }
  const name = resultName(done)
  console.log(`kept in bench/drills/${name}`)
  if (isShort(done)) console.log('a short run: docs/operations/drills.md stays as it is')
  else await writePage()
  const failed = done.filter((drilled) => !passed(drilled))
  console.log(`\n${done.length - failed.length} of ${done.length} drills passed`)
  if (failed.length) throw new Error(`failed: ${failed.map(({ id, bus }) => `${id} on ${bus}`).join(', ')}`)
})

function wished(ids: readonly string[], bus: string | undefined, choices: Omit<Wish, 'drill' | 'bus'>): Wish[] {
  const unknown = ids.filter((id) => !drills.some((drill) => drill.id === id.toUpperCase()))
  if (unknown.length)
    throw new Error(`No drill ${unknown.join(', ')}; there are ${drills.map(({ id, title }) => `${id} (${title})`).join(', ')}`)
  if (bus !== undefined && bus !== 'embedded' && bus !== 'kafka') throw new Error('--bus is embedded or kafka')
  const chosen = drills.filter(({ id }) => !ids.length || ids.some((wish) => wish.toUpperCase() === id))
  const onKafka = bus !== 'embedded' && chosen.some(({ buses }) => buses.includes('kafka'))
  const kafka = onKafka && javaIsThere()
  if (bus && onKafka && !kafka) throw new Error(ownKafka)
  if (onKafka && !kafka) console.log(`Only the embedded bus is drilled. ${ownKafka}`)
  const buses: BusKind[] = bus ? [bus] : kafka ? ['embedded', 'kafka'] : ['embedded']
  const wishes = buses.flatMap((one) => chosen.filter(({ buses }) => buses.includes(one)).map((drill) => ({ drill, bus: one, ...choices })))
  if (!wishes.length) throw new Error(chosen.map(({ id, buses }) => `${id} is drilled on ${buses.join(' and ')} only`).join('; '))
  return wishes
}

/** What the history of a drill says, to do it again. */
function wishIn(folder: string): Wish {
  const text = readIfThere(join(folder, 'wish.json')) ?? readIfThere(join(history, folder, 'wish.json'))
  if (text === undefined) throw new Error(`${folder} is no history of a drill: it has no wish.json`)
  const { id, ...choices } = JSON.parse(text) as Omit<Wish, 'drill'> & { id: string }
  const drill = drills.find((one) => one.id === id)
  if (!drill) throw new Error(`there is no drill ${id} any more`)
  if (choices.bus === 'kafka' && !javaIsThere()) throw new Error(ownKafka)
  return { drill, ...choices, points: choices.points ?? undefined }
}

async function drillOnce({ drill, bus, seed, points, long }: Wish, halt: AbortSignal): Promise<Drilled> {
  const { id } = drill
  const date = new Date().toISOString()
  const folder = join(history, `${date.slice(0, 19).replaceAll(':', '')}-${id}-${bus}-${seed}`)
  mkdirSync(folder, { recursive: true })
  writeWhole(join(folder, 'wish.json'), JSON.stringify({ id, bus, seed, points, long }))
  const note = (what: string, details: object = {}) =>
    appendFileSync(join(folder, 'history.jsonl'), `${JSON.stringify({ at: new Date().toISOString(), what, ...details })}\n`)
  const report = (line: string) => {
    console.log(`  ${line}`)
    note(line)
  }
  console.log(`${id} ${drill.title}, on ${bus === 'kafka' ? 'Kafka' : 'the embedded bus'}, seed ${seed}`)
  const clean = async () => {
    for (const dir of ['', 'postgres', 'kafka', 'run']) await endFormers(join(home, dir))
    rmSync(home, { recursive: true, force: true })
  }
  await clean()
  const started = performance.now()
  try {
    return await undoing(halt, async (defer) => {
      let ground: Ground | undefined
      const run: DrillRun = {
        seed,
        random: new Random(seed ^ hashOf(id)),
        bus,
        folder,
        home,
        long,
        points,
        halt,
        report,
        note,
        defer,
        ground: async (options = {}) => (ground = await startGround(run, options)),
      }
      const outcome = await drill.run(run).catch((error: Error): Outcome => {
        halt.throwIfAborted()
        if (!ground) throw error
        note('broken off', { reason: error.stack })
        return { done: [], saw: [], broken: [`it could not be finished: ${error.message}`] }
      })
      if (!ground) throw new Error(`${id} never started a platform`)
      const acknowledged = join(folder, 'acknowledged.jsonl')
      const verdicts = await verify(ground.installation, { acknowledged, halt, report: note })
      const broken = [...ground.broken, ...outcome.broken]
      const drilled: Drilled = {
        id,
        bus,
        date,
        commit: commit(),
        machine: machine(),
        seed,
        short: points !== undefined,
        seconds: Math.round((performance.now() - started) / 1_000),
        acknowledged: ground.log.acknowledged,
        ...outcome,
        saw: [ground.log.saw(), ...outcome.saw],
        broken,
        verdicts,
      }
      writeWhole(join(folder, 'outcome.json'), JSON.stringify(drilled, null, 2))
      return drilled
    })
  } catch (error) {
    note('broken off', { reason: (error as Error).stack })
    throw error
  } finally {
    if (existsSync(join(home, 'logs'))) cpSync(join(home, 'logs'), join(folder, 'logs'), { recursive: true })
    await clean()
  }
}

function tell(drilled: Drilled): void {
  const { id, bus, acknowledged, done, saw, recoverySeconds, verdicts, broken, seconds } = drilled
  for (const line of [...done, ...saw]) console.log(`  ${line}`)
  console.log(
    `  ${acknowledged} acknowledged writes${recoverySeconds === undefined ? '' : `; at rest ${recoverySeconds.toFixed(1)} s after the last fault`}`,
  )
  for (const { invariant, title, checked, violations, more, note, unchecked } of verdicts) {
    if (unchecked) console.log(`  ${invariant} ${title}: could not be checked: ${unchecked}`)
    if (violations.length) console.log(`  ${invariant} ${title}: ${violations.length + more} of ${checked} are wrong`)
    for (const { says, record, timeline } of violations.slice(0, 5)) console.log(`    ${record ?? ''} ${says} ${timeline ?? ''}`)
    if (note) console.log(`  ${invariant}: ${note}`)
  }
  for (const line of broken) console.log(`  broken: ${line}`)
  console.log(`  ${id} on ${bus} ${passed(drilled) ? 'passed' : 'FAILED'} (${seconds} s)`)
}

/** A second run on the same day and commit replaces the drills that it did. */
async function keep(done: readonly Drilled[]): Promise<void> {
  const name = resultName(done)
  const others = resultsIn(name).filter(({ id, bus }) => !done.some((own) => own.id === id && own.bus === bus))
  const all: Results = { drills: [...others, ...done] }
  writeWhole(join(results, name), await formatted(JSON.stringify(all), name))
}

function resultName(done: readonly Drilled[]): string {
  return `${done[0]!.date.slice(0, 10)}-${done[0]!.commit}${isShort(done) ? '-short' : ''}.json`
}

function isShort(done: readonly Drilled[]): boolean {
  return done.some(({ short }) => short)
}

async function writePage(): Promise<void> {
  const names = existsSync(results) ? readdirSync(results).filter((name) => name.endsWith('.json') && !name.endsWith('-short.json')) : []
  writeWhole(page, await formatted(drillsPage(drills, names.flatMap(resultsIn)), page))
  console.log('wrote docs/operations/drills.md')
}

function resultsIn(name: string): readonly Drilled[] {
  const text = readIfThere(join(results, name))
  return text === undefined ? [] : (JSON.parse(text) as Results).drills
}

function whole(name: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > most) throw new Error(`--${name} takes a whole number from 1 to ${most}`)
  return value
}
