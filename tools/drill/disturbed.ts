import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeWhole } from '../parts/processes.ts'
import type { Delivered, Orders } from './deliveries.ts'
import type { DrillRun } from './drill.ts'
import { serviceNames, type Ground } from './ground.ts'

/** A platform whose deliveries a drill can disturb. */
export interface Disturbed extends Ground {
  order(orders: Orders): void
  /** What was delivered so far, over all services. */
  delivered(): Delivered
}

/** Starts a platform with `deliveries.ts` loaded before each service. */
export async function disturbedGround(run: DrillRun, first: Orders): Promise<Disturbed> {
  const folder = join(run.folder, 'deliveries')
  mkdirSync(folder, { recursive: true })
  const order = (orders: Orders) => {
    writeWhole(join(folder, 'orders.json'), JSON.stringify(orders))
    run.note('orders', orders)
  }
  order(first)
  const preload = pathToFileURL(join(import.meta.dirname, 'deliveries.ts')).href
  const ground = await run.ground({ env: { NODE_OPTIONS: `--import ${preload}`, DRILL_DELIVERIES: folder, DRILL_SEED: String(run.seed) } })
  const delivered = () => {
    const total: Delivered = { events: 0, times: [0, 0, 0, 0, 0], disturbed: 0 }
    for (const app of serviceNames) {
      const file = join(folder, `delivered-${app}.json`)
      if (!existsSync(file)) continue
      const { events, times, disturbed } = JSON.parse(readFileSync(file, 'utf8')) as Delivered
      total.events += events
      total.disturbed += disturbed
      times.forEach((count, n) => (total.times[n]! += count))
    }
    return total
  }
  return { ...ground, order, delivered }
}
