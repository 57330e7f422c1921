// Loaded before a service by the drills that disturb deliveries (NODE_OPTIONS=--import …): wraps how the bus delivers. No service knows of it.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Bus, Delivery, SubscribeOptions } from '../../libs/service/src/bus/bus.ts'
import { hashOf, Random } from './random.ts'

type Deliver = SubscribeOptions['deliver']

/** What the drill wants now; read anew with each delivery. */
export interface Orders {
  /** Each event is delivered one to five times. */
  readonly repeat?: boolean
  /** Batches come late, events of different records in any order, and parts of the stream once more. */
  readonly shuffle?: boolean
  /** Services that get nothing. */
  readonly hold?: readonly string[]
  /** How far ahead the clock of a service is that starts now, in hours. */
  readonly hoursAhead?: number
}

/** What was delivered to a service so far. */
export interface Delivered {
  events: number
  /** How often an event was delivered, by times: the first entry is once. */
  times: number[]
  /** Deliveries that were out of turn or once more. */
  disturbed: number
}

const folder = process.env['DRILL_DELIVERIES'] ?? ''
const app = basename(dirname(dirname(process.argv[1] ?? '')))
const remembered = 200

if (folder && process.argv[2] !== 'migrate' && process.argv[1]?.endsWith('main.js') && process.env['BUS_URL'])
  await disturb(process.env['BUS_URL'])

async function disturb(busUrl: string): Promise<void> {
  const random = new Random(Number(process.env['DRILL_SEED']) ^ hashOf(app))
  const { hoursAhead = 0 } = orders()
  if (hoursAhead) moveClock(hoursAhead * 3_600_000)
  const name = busUrl.startsWith('kafka:') ? 'KafkaBus' : 'EmbeddedBus'
  const file = join(import.meta.dirname, `../../libs/service/dist/bus/${name === 'KafkaBus' ? 'kafka' : 'embedded'}.bus.js`)
  const { [name]: bus } = (await import(pathToFileURL(file).href)) as Record<string, { prototype: Bus }>
  const { subscribe } = bus!.prototype
  bus!.prototype.subscribe = function (options) {
    return subscribe.call(this, { ...options, deliver: disturbed(options.deliver, random) })
  }
}

function disturbed(deliver: Deliver, random: Random): Deliver {
  const counted: Delivered = { events: 0, times: [0, 0, 0, 0, 0], disturbed: 0 }
  const later = new Map<string, Delivery[]>()
  const past = new Map<string, Delivery[]>()
  const turns = new Map<string, Promise<void>>()
  /** One at a time in a stream, as the bus has it. */
  const inTurn = (stream: string, work: () => Promise<void>): Promise<void> => {
    const turn = (turns.get(stream) ?? Promise.resolve()).catch(() => undefined).then(work)
    turns.set(stream, turn)
    return turn
  }
  const owed = (stream: string) => {
    const copies = later.get(stream) ?? []
    later.delete(stream)
    return copies
  }
  const idle = async () => undefined
  setInterval(() => {
    for (const stream of later.keys())
      inTurn(stream, async () => {
        const copies = owed(stream)
        if (copies.length) await deliver(copies, idle)
      }).catch(() => undefined)
    // Whole or not at all: the drill reads it at any moment.
    const file = join(folder, `delivered-${app}.json`)
    writeFileSync(`${file}.part`, JSON.stringify(counted))
    renameSync(`${file}.part`, file)
  }, 500).unref()

  const repeated = (batch: readonly Delivery[], stream: string): Delivery[] => {
    const beside: Delivery[] = []
    const behind: Delivery[] = []
    for (const delivery of batch) {
      beside.push(delivery)
      const extra = random.whole(0, 4)
      for (let n = 0; n < extra; n += 1) random.pick([beside, behind, later.get(stream) ?? remember(later, stream)]).push(delivery)
      counted.times[extra]! += 1
      counted.disturbed += extra
    }
    return [...beside, ...behind]
  }
  const shuffled = (batch: readonly Delivery[], stream: string): Delivery[] => {
    const known = past.get(stream) ?? remember(past, stream)
    const again = random.chance(0.3) ? known.slice(-random.whole(1, 50)) : []
    known.push(...batch)
    known.splice(0, Math.max(0, known.length - remembered))
    counted.disturbed += again.length + batch.length
    for (const _ of batch) counted.times[0]! += 1
    return random.chance(0.5) ? [...again, ...interleaved(batch, random)] : [...interleaved(batch, random), ...again]
  }

  return (batch, beat) => {
    const stream = batch[0]!.stream
    return inTurn(stream, async () => {
      const { repeat, shuffle, hold = [] } = orders()
      if (hold.includes(app)) throw new Error('held back by the drill')
      if (shuffle) await sleep(random.whole(0, 1_500))
      counted.events += batch.length
      const now = repeat ? [...owed(stream), ...repeated(batch, stream)] : shuffle ? shuffled(batch, stream) : batch
      await deliver(now, beat)
    })
  }
}

function remember(where: Map<string, Delivery[]>, stream: string): Delivery[] {
  const list: Delivery[] = []
  where.set(stream, list)
  return list
}

/** The events of one record stay in their order; those of different records come in any. */
export function interleaved<T extends { readonly key: string }>(batch: readonly T[], random: Random): T[] {
  const byKey = [...Map.groupBy(batch, ({ key }) => key).values()]
  const result: T[] = []
  while (byKey.length) {
    const at = random.whole(0, byKey.length - 1)
    result.push(byKey[at]!.shift()!)
    if (!byKey[at]!.length) byKey.splice(at, 1)
  }
  return result
}

function orders(): Orders {
  const file = join(folder, 'orders.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Orders) : {}
}

/** What a process sees that starts so much later. */
function moveClock(by: number): void {
  const Real = Date
  globalThis.Date = class extends Real {
    constructor(...given: unknown[]) {
      if (given.length) super(...(given as [number]))
      else super(Real.now() + by)
    }

    static override now(): number {
      return Real.now() + by
    }
  } as DateConstructor
}
