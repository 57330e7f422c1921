import { setTimeout as sleep } from 'node:timers/promises'
import { disturbedGround } from './disturbed.ts'
import type { Drill } from './drill.ts'

const seconds = 40
const held = ['account', 'opportunity', 'cpq', 'billing', 'insight'] as const
/** Those that act on a converted lead; the others learn of it from these. */
const first = ['account', 'opportunity', 'insight'] as const
const conversions = 40

/** Events out of turn, and a day late. */
export const d6: Drill = {
  id: 'D6',
  title: 'events out of turn, and 24 hours late',
  buses: ['embedded', 'kafka'],
  does:
    `While six callers walk journeys for ${seconds} s, each batch comes up to 1.5 s late, the events of different records come in any order, and now and then up to 50 ` +
    'events of the stream come once more, older ones after newer ones. (The events of one record never overtake each other on either bus: order per key is what both promise; what can come late there is a repetition.) ' +
    `Then ${held.join(', ')} get nothing while ${conversions} leads are captured and converted, and are started again with a clock that is 24 hours ahead: only now they learn of it. ` +
    'Each projection must be what the log says, nothing doubled; afterwards journeys go on as ever.',
  async run(run) {
    const ground = await disturbedGround(run, { shuffle: true })
    const before = ground.load(6)
    await sleep(seconds * 1_000, undefined, { signal: run.halt })
    await before.stop()
    await ground.quiet()
    const { disturbed } = ground.delivered()

    ground.order({ hold: held })
    for (let n = 0; n < conversions; n += 1) {
      const company = run.random.pick(ground.companies)
      const api = company.as('integration')
      const salt = crypto.randomUUID()
      const lead = await api.post('/v1/leads', {
        companyName: `Late ${salt}`,
        email: `${salt}@late.example`,
        ownerId: run.random.pick(company.reps).id,
      })
      await api.post(`/v1/leads/${lead.id}/qualify`)
      await api.post(`/v1/leads/${lead.id}/convert`, { opportunity: { title: 'Late' } })
    }
    const late = await ground.quiet(0).then(
      () => '',
      (error: Error) => error.message,
    )
    const unheld = first.filter((app) => !late.includes(`${app} has `))
    ground.order({ hoursAhead: 24 })
    for (const app of held) await ground.platform.restart(app)
    await ground.quiet()
    ground.order({})
    for (const app of held) await ground.platform.restart(app)
    const after = ground.load(4)
    await sleep(5_000, undefined, { signal: run.halt })
    const recoverySeconds = await ground.rest(after)
    return {
      done: [
        `${disturbed} deliveries out of turn or once more`,
        `${conversions} conversions learnt 24 h late by ${held.length} services`,
        `${before.finished + after.finished} journeys finished`,
      ],
      saw: [],
      broken: [...before.broken, ...after.broken, ...unheld.map((app) => `${app} was not held back`)],
      recoverySeconds,
    }
  },
}
