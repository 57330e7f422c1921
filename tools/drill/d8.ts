import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { ServiceName } from '../../libs/contracts/src/services.ts'
import { nodeFlags, root } from '../parts/platform.ts'
import { freePort, launch } from '../parts/processes.ts'
import { captures } from './captures.ts'
import type { BusKind, Drill, DrillRun } from './drill.ts'
import type { Ground } from './ground.ts'

/** Longer than the bus waits before it takes a silent member for dead: a lease of 5 s, a session of 10 s and the time to share anew. */
const stopped: Record<BusKind, number> = { embedded: 12, kafka: 25 }
const candidates: readonly ServiceName[] = ['account', 'opportunity', 'cpq', 'billing', 'insight']
const victims = 3

/** A consumer that stands still, and wakes when another has its work. */
export const d8: Drill = {
  id: 'D8',
  title: 'a consumer stands still beyond its session',
  buses: ['embedded', 'kafka'],
  does:
    `${victims} services, which the seed chooses, get a second replica; then the first one is stopped (SIGSTOP) for ${stopped.embedded} s on the embedded bus, ${stopped.kafka} s on Kafka, in the midst of its work, and woken again (SIGCONT), while five leads a second are captured ` +
    'and converted and three callers walk journeys. The replica has to take over what the silent one had; when that wakes it believes itself still in charge, and nothing may be applied twice or lost for it.',
  async run(run) {
    const ground = await run.ground()
    const load = ground.load(3)
    const pace = captures(run, ground, 200, { convert: true, patient: true })
    const broken: string[] = []
    const saw: string[] = []
    const chosen = run.random.shuffled(candidates).slice(0, victims)
    for (const app of chosen) {
      const replica = await aReplica(run, ground, app)
      await sleep(run.random.whole(3_000, 5_000), undefined, { signal: run.halt })
      const pid = ground.platform.pidOf(app)
      run.note('SIGSTOP', { app, pid })
      process.kill(pid, 'SIGSTOP')
      const wake = () => process.kill(pid, 'SIGCONT')
      run.defer(wake)
      const before = await applied(ground, app)
      await sleep(stopped[run.bus] * 1_000, undefined, { signal: run.halt })
      const meanwhile = (await applied(ground, app)) - before
      run.note('SIGCONT', { app, meanwhile })
      wake()
      saw.push(`the replica of ${app} applied ${meanwhile} events while the first one stood still`)
      if (!meanwhile) broken.push(`the replica of ${app} applied nothing in ${stopped[run.bus]} s`)
      await sleep(2_000, undefined, { signal: run.halt })
      await replica.end()
    }
    const since = performance.now()
    await pace.stop()
    const recoverySeconds = (performance.now() - since) / 1_000 + (await ground.rest(load))
    return {
      done: [
        `${chosen.join(', ')} stood still for ${stopped[run.bus]} s each`,
        `${pace.sent()} leads captured and converted`,
        `${load.finished} journeys finished`,
      ],
      saw,
      broken: [...broken, ...pace.refused, ...load.broken],
      recoverySeconds,
    }
  },
}

/** A second process of a service, which the gateway does not know of. */
async function aReplica(run: DrillRun, ground: Ground, app: string) {
  const port = await freePort()
  const process = await launch({
    name: `${app} replica`,
    pidFile: join(run.home, 'run', `${app}-replica.pid`),
    command: globalThis.process.execPath,
    args: [...nodeFlags, join(root, 'apps', app, 'dist/main.js')],
    cwd: root,
    env: { ...ground.platform.environmentOf(app), PORT: String(port) },
    log: join(run.home, 'logs', `${app}-replica.log`),
  })
  run.defer(() => process.end())
  for (const until = performance.now() + 60_000; ; await sleep(100)) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
    await ready?.body?.cancel()
    if (ready?.ok) return process
    run.halt.throwIfAborted()
    if (performance.now() > until) throw new Error(`the replica of ${app} does not get ready`)
  }
}

async function applied(ground: Ground, app: ServiceName): Promise<number> {
  const client = new pg.Client({ connectionString: ground.installation.databases[app] })
  await client.connect()
  try {
    return (await client.query<{ count: number }>('SELECT count(*)::int AS count FROM inbox')).rows[0]!.count
  } finally {
    await client.end()
  }
}
