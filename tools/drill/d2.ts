import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { captures } from './captures.ts'
import type { BusKind, Drill, DrillRun } from './drill.ts'
import { killsIn, moments, steps, type Kill } from './fault-points.ts'
import type { Ground } from './ground.ts'

/** How many kill points a full run has, by bus. */
const usualPoints: Record<BusKind, number> = { embedded: 700, kafka: 300 }
/** How long a process waits for the point it aims at: longer than the bus takes to hand a dead member's share to the next. */
const patience: Record<BusKind, number> = { embedded: 9, kafka: 16 }
/** Every kind of point is demanded from so many kills on. */
const enoughForAll = 250

/** Kills between each pair of steps. */
export const d2: Drill = {
  id: 'D2',
  title: 'kill between each pair of steps',
  buses: ['embedded', 'kafka'],
  does:
    'Every service that owns data is killed with SIGKILL again and again, each time between two steps of its work: before a statement or request leaves the process, when it is sent and not answered, when the answer has come and the ' +
    'service has not seen it. The points are found by wrapping the Postgres and Kafka clients in a file that the drill loads before the service; production code has no fault points. The seed chooses kind, moment and which occurrence; kinds that ' +
    `killed least are aimed at first. ${usualPoints.embedded} points on the embedded bus and ${usualPoints.kafka} on Kafka are a full run (\`--points\` changes it), more when a rare step was not met by then, all services dying beside each other, started again at once. Six callers walk journeys meanwhile, leads are captured and converted, and an administrator changes the organisation, which every service hears of.`,
  async run(run) {
    const folder = join(run.folder, 'faults')
    mkdirSync(folder, { recursive: true })
    const preload = pathToFileURL(join(import.meta.dirname, 'fault-points.ts')).href
    writeFileSync(join(folder, 'over'), '')
    const ground = await run.ground({
      longestWait: 0,
      env: {
        NODE_OPTIONS: `--import ${preload}`,
        DRILL_FAULTS: folder,
        DRILL_SEED: String(run.seed),
        DRILL_PATIENCE: String(patience[run.bus]),
      },
    })
    const load = ground.load(6)
    const pace = captures(run, ground, 800, { convert: true, patient: true })
    const organisation = changes(run, ground)
    const wanted = run.points ?? usualPoints[run.bus]
    begin(run, ground, folder)
    const since = performance.now()
    let kills = killsIn(folder)
    const unmet = () => steps.filter((step) => !kills.some((kill) => kill.step === step))
    // A step that is rare and was not met yet is waited for, beyond the wish.
    const goesOn = () => kills.length < wanted || (wanted >= enoughForAll && unmet().length > 0)
    const overdue = () => performance.now() - since > wanted * 8_000 + 60_000
    for (let told = 0; goesOn() && !overdue(); kills = killsIn(folder)) {
      await sleep(500, undefined, { signal: run.halt })
      if (kills.length >= told + 100) {
        told = Math.floor(kills.length / 100) * 100
        run.report(`${kills.length} of ${wanted} kills, ${load.finished} journeys finished`)
      }
    }
    if (kills.length < wanted) throw new Error(`only ${kills.length} of ${wanted} kills came about`)
    writeFileSync(join(folder, 'over'), '')
    await organisation.stop()
    await pace.stop()
    const recoverySeconds = await ground.rest(load)
    const perApp = Map.groupBy(kills, ({ app }) => app)
    const never = unmet()
    return {
      done: [
        `${kills.length} kills: ${[...perApp]
          .map(([app, own]) => `${app} ${own.length}`)
          .sort()
          .join(', ')}`,
        `${load.finished} journeys finished, ${pace.sent()} leads converted, ${organisation.changed()} changes of the organisation`,
      ],
      saw: [],
      broken: [
        ...load.broken,
        ...organisation.broken,
        ...(kills.length >= enoughForAll && never.length ? [`never killed at: ${never.join(', ')}`] : []),
      ],
      recoverySeconds,
      table: tableOf(kills),
    }
  },
}

/** How many kills each kind of point had. */
export function tableOf(kills: readonly Kill[]): string[][] {
  return [
    ['Step', 'before it is sent', 'sent, not answered', 'answered, not seen'],
    ...steps.map((step) => [
      step,
      ...moments.map((moment) => String(kills.filter((kill) => kill.step === step && kill.moment === moment).length)),
    ]),
  ]
}

/** The processes that run now were started unarmed; from here on each one dies by its plan. */
function begin(run: DrillRun, ground: Ground, folder: string): void {
  rmSync(join(folder, 'over'))
  for (const app of run.random.shuffled(Object.keys(ground.installation.databases))) {
    run.note('armed', { app })
    process.kill(ground.platform.pidOf(app), 'SIGKILL')
  }
}

/** An administrator who adds people and units all the time: every service keeps a directory of them. */
function changes(run: DrillRun, ground: Ground) {
  let wanted = true
  let changed = 0
  const broken: string[] = []
  const random = run.random.apart('organisation')
  const working = (async () => {
    while (wanted && !run.halt.aborted) {
      const api = random.pick(ground.companies).as('integration')
      const salt = crypto.randomUUID().slice(0, 8)
      try {
        if (random.chance(0.3)) await api.post('/v1/org-units', { name: `Unit ${salt}` })
        else await api.post('/v1/users', { name: `Person ${salt}`, email: `${salt}@drill.example`, roles: ['sales_rep'] })
        changed += 1
      } catch (error) {
        if (!run.halt.aborted) broken.push((error as Error).message)
      }
      await sleep(random.whole(100, 600))
    }
  })()
  return {
    broken,
    changed: () => changed,
    async stop() {
      wanted = false
      await working
    },
  }
}
