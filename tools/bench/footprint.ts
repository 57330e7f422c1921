import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root, startPlatform } from '../parts/platform.ts'
import { aDatabase, aPlatform, aProcess } from './ground.ts'
import { median, type Benchmark, type Figure, type Run } from './measure.ts'

const idleSeconds = 20
const starts = 3

interface Use {
  /** MB, shared pages counted in full. */
  readonly rss: number
  /** MB, shared pages counted by share; null where the system does not tell. */
  readonly pss: number | null
  /** Seconds of processor time since the start. */
  readonly cpu: number
}

/** B12: what the platform takes when nobody uses it, and how fast it is there. */
export const footprint: Benchmark = {
  id: 'B12',
  title: 'Memory and processor when idle, time to ready',
  meaning:
    'What a laptop or a small server gives up for the platform, and how long a crash or a new version keeps a service away. RSS is what `top` shows; it counts the pages of the Node executable (about 55 MB) once for every process, though all share them. PSS counts shared pages by share: the sum over all processes is what the machine really gives.',
  how: `All services with an empty company, embedded bus: memory after ${idleSeconds} s without a request, processor time over the next ${idleSeconds} s as a share of one core. Then each service is started beside the running ones, from spawn to the first 200 of \`/readyz\`, one at a time. Last, the whole platform is stopped and started again over the same data (durable, without the example companies).`,
  yardstick:
    'A bare process of the same frameworks: Nest on Fastify with one route, TypeORM with one connection, nothing of ours; same Node, same flags.',
  async run(run) {
    const fullHome = { ...run, home: join(run.home, 'idle') }
    const ground = await aPlatform(fullHome, { METRICS: 'on' })
    const { platform } = ground
    const apps = ['gateway', ...['identity', 'lead', 'account', 'opportunity', 'cpq', 'billing', 'insight']].filter((app) =>
      pidOf(platform.home, app),
    )
    const database = await aDatabase(ground.superuser, 'bare')
    const bareEnv = { DATABASE_URL: database.url }
    const bareMain = join(root, 'tools/bench/bare-service.mjs')
    const bare = await aProcess(run, bareMain, bareEnv)
    const figures: Figure[] = []
    const remarks: string[] = []

    run.report(`  idle for ${2 * idleSeconds} s`)
    await sleep(idleSeconds * 1_000, undefined, { signal: run.halt })
    if (existsSync('/proc/self/smaps_rollup')) {
      const pids = apps.map((app) => pidOf(platform.home, app)!)
      const before = pids.map(useOf)
      await sleep(idleSeconds * 1_000, undefined, { signal: run.halt })
      const after = pids.map(useOf)
      const plain = useOf(bare.pid)
      const of = (name: string, ours: number, yardstick: number | null, target: Partial<Figure> = {}): Figure => ({
        ...{ name, unit: 'MB', better: 'less', ...target },
        rounds: [{ ours, yardstick }],
      })
      for (const [n, app] of apps.entries()) figures.push(of(`${app} RSS`, after[n]!.rss, plain.rss, { absolute: 110, stretch: 80 }))
      for (const [n, app] of apps.entries()) figures.push(of(`${app} PSS`, after[n]!.pss!, plain.pss, { absolute: 110, stretch: 80 }))
      figures.push(of('all services together PSS', sum(after.map(({ pss }) => pss!)), null))
      const cpu = (100 * sum(after.map((use, n) => use.cpu - before[n]!.cpu))) / idleSeconds
      figures.push({ ...of('processor, all services idle', cpu, null, { absolute: 10 }), unit: '% of one core' })
    } else remarks.push('Memory and idle processor time are read from /proc, which this system does not have.')
    await bare.end()

    run.report(`  ${starts} starts of each service`)
    const plainStarts: number[] = []
    const ownStarts = new Map<string, number[]>(apps.map((app) => [app, []]))
    for (let round = 0; round < starts; round += 1) {
      for (const app of apps) {
        const main = join(root, 'apps', app, 'dist/main.js')
        ownStarts.get(app)!.push(await timed(run, main, platform.environmentOf(app)))
        plainStarts.push(await timed(run, bareMain, bareEnv))
      }
    }
    const plainStart = median(plainStarts)
    for (const [app, seconds] of ownStarts) {
      const rounds = seconds.map((ours) => ({ ours, yardstick: plainStart }))
      figures.push({ name: `${app} start to ready`, unit: 's', better: 'less', rounds, absolute: 1.5 })
    }
    await platform.stop()

    run.report(`  ${starts} starts of the platform over the same data`)
    const home = join(run.home, 'again')
    const whole = async () => {
      const began = performance.now()
      const again = await startPlatform({ home, seed: false, port: 0, halt: run.halt })
      const seconds = (performance.now() - began) / 1_000
      await again.stop()
      return { ours: seconds, yardstick: null }
    }
    await whole() // creates the databases
    const rounds: Awaited<ReturnType<typeof whole>>[] = []
    for (let round = 0; round < starts; round += 1) rounds.push(await whole())
    figures.push({ name: 'npm start, again', unit: 's', better: 'less', rounds, absolute: 15 })
    return { figures, remarks }
  },
}

async function timed(run: Run, main: string, env: Record<string, string>): Promise<number> {
  const { seconds, end } = await aProcess(run, main, env)
  await end()
  return seconds
}

function pidOf(home: string, app: string): number | undefined {
  const file = join(home, 'run', `${app}.pid`)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid : undefined
}

function useOf(pid: number): Use {
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const megabytes = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(memory)?.[1]) * 1_024) / 1e6
  // Linux counts processor time in hundredths of a second, whatever the kernel's own tick.
  return { rss: megabytes('Rss'), pss: megabytes('Pss'), cpu: (Number(fields[11]) + Number(fields[12])) / 100 }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
