import { setTimeout as sleep } from 'node:timers/promises'
import { captures } from './captures.ts'
import type { Drill } from './drill.ts'

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
    `Kafka is killed with SIGKILL and stays away for ${usualSeconds} s (with \`--long\` for five minutes more, later), then comes back with its data. Three callers walk journeys, and five leads a second are captured and ` +
    `converted: each of those writes has to be accepted at once, within ${slowestWrite} s, with or without a broker. When it is back, what waited in the outboxes has to go out and be applied, without anybody’s help.`,
  async run(run) {
    const ground = await run.ground()
    const broker = ground.broker!
    const load = ground.load(3)
    const pace = captures(run, ground, 200, { convert: true })
    await sleep(5_000, undefined, { signal: run.halt })
    const outages = run.long ? [usualSeconds, longSeconds] : [usualSeconds]
    const broken: string[] = []
    for (const seconds of outages) {
      const before = pace.sent()
      run.note('kill the broker', { seconds })
      await broker.kill()
      await sleep(seconds * 1_000, undefined, { signal: run.halt })
      for (const app of ['lead', 'gateway']) {
        const { status } = await fetch(`http://127.0.0.1:${ground.platform.environmentOf(app)['PORT']}/readyz`)
        if (status !== 200) broken.push(`${app} took itself out of service while the broker was away: ${status}`)
      }
      if (pace.sent() - before < seconds * 2)
        broken.push(`only ${pace.sent() - before} leads were sent in ${seconds} s: the drill itself was too slow`)
      await broker.start()
      run.note('the broker is back', { sent: pace.sent() - before })
      if (seconds !== outages.at(-1)) await ground.quiet(180)
    }
    const since = performance.now()
    await pace.stop()
    const recoverySeconds = (performance.now() - since) / 1_000 + (await ground.rest(load))
    if (pace.slowest() > slowestWrite) broken.push(`a write took ${pace.slowest().toFixed(1)} s`)
    return {
      done: [
        `the broker was away for ${outages.join(' s and ')} s`,
        `${pace.sent()} leads captured and converted`,
        `${load.finished} journeys finished`,
      ],
      saw: [`the slowest of those writes took ${pace.slowest().toFixed(1)} s`],
      broken: [...broken, ...pace.refused.map((what) => `a write was not accepted: ${what}`), ...load.broken],
      recoverySeconds,
    }
  },
}
