import { setTimeout as sleep } from 'node:timers/promises'
import { captures } from './captures.ts'
import type { Drill, DrillRun } from './drill.ts'
import type { Ground } from './ground.ts'

const usualSeconds = 30
const longSeconds = 300
/** The longest that a write may take while the broker is away. */
const slowestWrite = 5

/** The broker killed for a while. */
export const d4: Drill = {
  id: 'D4',
  title: 'the broker is killed for 30 seconds',
  buses: ['kafka'],
  does:
    `Kafka is killed with SIGKILL and stays away for ${usualSeconds} s (with \`--long\` for five minutes more, when it has recovered), then comes back with its data. Three callers walk journeys, and five leads a second are captured and ` +
    `converted: each of those writes has to be accepted at once, within ${slowestWrite} s, with or without a broker. When it is back, what waited in the outboxes has to go out and be applied, without anybody’s help.`,
  async run(run) {
    const ground = await run.ground()
    const outages = run.long ? [usualSeconds, longSeconds] : [usualSeconds]
    const broken: string[] = []
    let sent = 0
    let finished = 0
    let slowest = 0
    let recoverySeconds = 0
    for (const seconds of outages) {
      const load = ground.load(3)
      const pace = captures(run, ground, 200, { convert: true })
      await sleep(5_000, undefined, { signal: run.halt })
      const before = pace.sent()
      await away(run, ground, seconds, broken)
      run.note('the broker is back', { sent: pace.sent() - before })
      if (pace.sent() - before < seconds * 2)
        broken.push(`only ${pace.sent() - before} leads were sent in ${seconds} s: the drill itself was too slow`)
      const since = performance.now()
      await pace.stop()
      recoverySeconds = (performance.now() - since) / 1_000 + (await ground.rest(load))
      sent += pace.sent()
      finished += load.finished
      slowest = Math.max(slowest, pace.slowest())
      broken.push(...pace.refused.map((what) => `a write was not accepted: ${what}`), ...load.broken)
    }
    if (slowest > slowestWrite) broken.push(`a write took ${slowest.toFixed(1)} s`)
    return {
      done: [
        `the broker was away for ${outages.join(' s and ')} s`,
        `${sent} leads captured and converted`,
        `${finished} journeys finished`,
      ],
      saw: [`the slowest of those writes took ${slowest.toFixed(1)} s`],
      broken,
      recoverySeconds,
    }
  },
}

/** Kills the broker and starts it again after so many seconds; nobody may take itself out of service meanwhile. */
async function away(run: DrillRun, ground: Ground, seconds: number, broken: string[]): Promise<void> {
  const broker = ground.broker!
  run.note('kill the broker', { seconds })
  await broker.kill()
  await sleep(seconds * 1_000, undefined, { signal: run.halt })
  for (const app of ['lead', 'gateway']) {
    const { status } = await fetch(`http://127.0.0.1:${ground.platform.environmentOf(app)['PORT']}/readyz`)
    if (status !== 200) broken.push(`${app} took itself out of service while the broker was away: ${status}`)
  }
  await broker.start()
}
