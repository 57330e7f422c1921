import { setTimeout as sleep } from 'node:timers/promises'
import type { DrillRun } from './drill.ts'
import type { Ground } from './ground.ts'

/** Leads captured at a steady pace, each converted at once when wished; what a fault does to single writes is seen here. */
export interface Captures {
  readonly sent: () => number
  /** The slowest answer so far, in seconds. */
  readonly slowest: () => number
  /** Writes that were not accepted at once, in words, the first twenty. */
  readonly refused: readonly string[]
  stop(): Promise<void>
}

const mostWaiting = 8

/** Sends a write every so many milliseconds, whether the one before was answered or not. A refusal is noted and not tried again, unless `patient`. */
export function captures(run: DrillRun, ground: Ground, everyMs: number, { convert = false, patient = false } = {}): Captures {
  const random = run.random.apart('captures')
  const refused: string[] = []
  const under = new Set<Promise<void>>()
  let sent = 0
  let slowest = 0
  let wanted = true
  const one = async () => {
    const company = random.pick(ground.companies)
    // Nobody waits for events here.
    const write = async (path: string, body: object) => {
      const began = performance.now()
      try {
        return await company.as('integration', patient ? {} : { patience: 0 }).post(path, body)
      } finally {
        slowest = Math.max(slowest, (performance.now() - began) / 1_000)
      }
    }
    const salt = crypto.randomUUID()
    try {
      sent += 1
      const lead = await write('/v1/leads', {
        companyName: `Pace ${salt}`,
        email: `${salt}@pace.example`,
        ownerId: random.pick(company.reps).id,
      })
      if (!convert) return
      await write(`/v1/leads/${lead.id}/qualify`, {})
      await write(`/v1/leads/${lead.id}/convert`, { opportunity: { title: 'Pace' } })
    } catch (error) {
      if (!run.halt.aborted && refused.length < 20) refused.push((error as Error).message)
    }
  }
  const pacing = (async () => {
    while (wanted && !run.halt.aborted) {
      await sleep(everyMs)
      // Who is patient does not pile up.
      if (patient && under.size >= mostWaiting) continue
      const work: Promise<void> = one().finally(() => under.delete(work))
      under.add(work)
    }
  })()
  const stop = async () => {
    wanted = false
    await pacing
    await Promise.all(under)
  }
  run.defer(stop)
  return { sent: () => sent, slowest: () => slowest, refused, stop }
}
