import { setTimeout as sleep } from 'node:timers/promises'
import { disturbedGround } from './disturbed.ts'
import type { Drill } from './drill.ts'

const seconds = 40

/** Every event delivered one to five times. */
export const d5: Drill = {
  id: 'D5',
  title: 'every event delivered one to five times',
  buses: ['embedded', 'kafka'],
  does:
    'What the bus delivers to a service is multiplied before the service sees it: each event comes once to five times, the seed says how often; the copies come right behind it, at the end ' +
    `of its batch, or with a later batch after newer events of the same record. Six callers walk journeys for ${seconds} s. Each event must have its effect once.`,
  async run(run) {
    const ground = await disturbedGround(run, { repeat: true })
    const load = ground.load(6)
    await sleep(seconds * 1_000, undefined, { signal: run.halt })
    const recoverySeconds = await ground.rest(load)
    await sleep(1_500) // the last copies
    await ground.quiet()
    const { events, times, disturbed } = ground.delivered()
    const counts = times.map((count, n) => `${count} × ${n + 1}`).join(', ')
    return {
      done: [`${events} deliveries became ${events + disturbed}`, `${load.finished} journeys finished`],
      saw: [`an event was delivered so often: ${counts}`],
      broken: [...load.broken, ...(times.every((count) => count > 0) ? [] : [`not every number of times occurred: ${counts}`])],
      recoverySeconds,
    }
  },
}
