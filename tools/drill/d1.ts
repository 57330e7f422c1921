import { setTimeout as sleep } from 'node:timers/promises'
import type { Drill } from './drill.ts'
import { serviceNames } from './ground.ts'

const rounds = 2

/** Every process killed with -9, one after the other. */
export const d1: Drill = {
  id: 'D1',
  title: 'kill -9 each service in turn',
  buses: ['embedded', 'kafka'],
  does:
    `Each service and the gateway is killed with SIGKILL, ${rounds} times, in an order that the seed gives, while eight callers walk journeys; whoever keeps ` +
    'the services starts it again. Between two kills the services get one to four seconds. Journeys must be delayed by it and not disturbed: each is finished, with every step once.',
  async run(run) {
    const ground = await run.ground()
    const load = ground.load(8)
    const kills = new Map<string, number>()
    for (let round = 0; round < rounds; round += 1)
      for (const app of run.random.shuffled(['gateway', ...serviceNames])) {
        await sleep(run.random.whole(1_000, 4_000), undefined, { signal: run.halt })
        const pid = ground.platform.pidOf(app)
        run.note('kill', { app, pid })
        process.kill(pid, 'SIGKILL')
        kills.set(app, (kills.get(app) ?? 0) + 1)
      }
    const recoverySeconds = await ground.rest(load)
    return {
      done: [`${[...kills].map(([app, times]) => `${app} ${times}`).join(', ')} killed`, `${load.finished} journeys finished`],
      saw: [],
      broken: load.broken,
      recoverySeconds,
    }
  },
}
