// Loaded before a service by drill D2 (NODE_OPTIONS=--import …): kills the service between two steps of its work. No service knows of it.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Server } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { hashOf, Random } from './random.ts'

/** What a service does between two boundaries; each is told from the statement or request that begins it. */
export const steps = [
  'BEGIN',
  'statement of a use case',
  'events and audit written',
  'COMMIT of a request',
  'outbox read',
  'produce',
  'outbox deleted',
  'delivery',
  'inbox',
  'statement of a handler',
  'causes noted',
  'COMMIT of events',
  'offset moved',
] as const
export type Step = (typeof steps)[number]

/** Where in a step: not sent yet; sent, not answered; answered, not seen by the service. */
export const moments = ['before', 'sent', 'after'] as const
export type Moment = (typeof moments)[number]

/** One kill, as the dying process notes it. */
export interface Kill {
  readonly at: string
  readonly app: string
  /** Which of the service's processes it was. */
  readonly life: number
  readonly step: Step
  readonly moment: Moment
  /** At which of such boundaries since it served. */
  readonly nth: number
}

/** What a service's former lives came to: how many there were, and how often each step was waited for in vain. */
interface Past {
  lives: number
  readonly missed: Record<string, number>
}

/** What is known of a connection: which transaction it is in. */
interface Work {
  events: boolean
  writes: boolean
}

/** The step that a statement is, if it is one worth dying at. Changes what is known of its connection. */
export function stepOf(text: string, work: Work): Step | undefined {
  if (/^BEGIN/i.test(text)) {
    work.events = work.writes = false
    return 'BEGIN'
  }
  if (/^COMMIT/i.test(text)) return work.events ? 'COMMIT of events' : work.writes ? 'COMMIT of a request' : undefined
  if (/INTO inbox/i.test(text)) {
    work.events = true
    return 'inbox'
  }
  if (/FROM outbox\b.*ORDER BY seq/is.test(text)) return 'outbox read'
  if (/DELETE FROM outbox/i.test(text)) return 'outbox deleted'
  if (/INSERT INTO log\b/i.test(text)) return 'produce'
  if (/\bFROM log\b/i.test(text) && /next_offset AS head/i.test(text)) return 'delivery'
  if (/UPDATE cursor SET next_offset/i.test(text)) return 'offset moved'
  if (/UPDATE inbox SET caused/i.test(text)) return 'causes noted'
  if (/INTO (outbox|audit|idempotency)/i.test(text)) return written(work, 'events and audit written')
  if (/\b(INSERT INTO|UPDATE|DELETE FROM|FOR UPDATE)\b/i.test(text) && !/\b(member|cursor|slot|parked)\b/i.test(text))
    return work.events ? 'statement of a handler' : written(work, 'statement of a use case')
  return undefined
}

function written(work: Work, step: Step): Step {
  work.writes = true
  return step
}

/** A point to die at: the nth such boundary from now on. */
export interface Aim {
  readonly step: Step
  readonly moment: Moment
  readonly nth: number
}

/** The kind of point whose turn it is: one of those that killed least often in any service. A step that this service waited for in vain counts for many. */
export function choose(random: Random, killed: readonly Pick<Kill, 'step' | 'moment'>[], missed: Readonly<Record<string, number>>): Aim {
  const all = steps.flatMap((step) =>
    moments.map((moment) => ({
      step,
      moment,
      tried: killed.filter((kill) => kill.step === step && kill.moment === moment).length + 8 * (missed[step] ?? 0),
    })),
  )
  const least = Math.min(...all.map(({ tried }) => tried))
  const { step, moment } = random.pick(all.filter(({ tried }) => tried === least))
  return { step, moment, nth: random.whole(1, 3) }
}

/** The kills that were noted in a folder. */
export function killsIn(folder: string): Kill[] {
  const file = join(folder, 'kills.jsonl')
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as Kill)
}

const folder = process.env['DRILL_FAULTS'] ?? ''
const patience = Number(process.env['DRILL_PATIENCE'] ?? 8) * 1_000

if (folder && process.argv[2] !== 'migrate' && process.argv[1]?.endsWith('main.js') && process.env['BUS_URL']) arm(process.env['BUS_URL'])

function arm(busUrl: string): void {
  const app = basename(dirname(dirname(process.argv[1] ?? '')))
  const file = join(folder, `${app}.json`)
  const past: Past = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Past) : { lives: 0, missed: {} }
  const life = (past.lives += 1)
  const keep = () => writeFileSync(file, JSON.stringify(past))
  keep()
  const random = new Random(Number(process.env['DRILL_SEED']) ^ hashOf(`${app} ${life}`))
  const seen = new Set<Step>()
  let aim: Aim | undefined

  const isOver = () => existsSync(join(folder, 'over'))
  const serves = () => {
    if (isOver()) return
    aim = choose(random, killsIn(folder), past.missed)
    const waiting = setInterval(() => {
      if (isOver()) {
        aim = undefined
        return clearInterval(waiting)
      }
      if (aim && !seen.has(aim.step)) {
        past.missed[aim.step] = (past.missed[aim.step] ?? 0) + 1
        keep()
      }
      // What was wished for does not come: anything that does come will do.
      if (seen.size) aim = { step: random.pick([...seen]), moment: random.pick(moments), nth: 1 }
    }, patience).unref()
  }
  const { listen } = Server.prototype
  Server.prototype.listen = function (this: Server, ...given: unknown[]) {
    this.once('listening', serves)
    return (listen as (...args: unknown[]) => Server).apply(this, given)
  } as typeof listen

  const die = ({ step, moment, nth }: Aim) => {
    if (isOver()) return
    const kill: Kill = { at: new Date().toISOString(), app, life, step, moment, nth }
    appendFileSync(join(folder, 'kills.jsonl'), `${JSON.stringify(kill)}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
  const pass = passing(
    () => aim,
    (step) => void seen.add(step),
    die,
  )
  wrapPostgres(pass)
  if (busUrl.startsWith('kafka:')) wrapKafka(pass)
}

type Pass = <T>(step: Step, send: (answered: () => void) => T) => T

/** Passes steps on and counts those that are aimed at; dies at the nth, before it is sent, when it is sent or when it was answered. */
export function passing(aimed: () => Aim | undefined, seen: (step: Step) => void, die: (aim: Aim) => void): Pass {
  let counted: { aim: Aim; times: number } | undefined
  return (step, send) => {
    seen(step)
    const aim = aimed()
    if (aim?.step !== step) return send(() => undefined)
    if (counted?.aim !== aim) counted = { aim, times: 0 }
    if ((counted.times += 1) !== aim.nth) return send(() => undefined)
    if (aim.moment === 'before') die(aim)
    if (aim.moment === 'sent') setImmediate(() => die(aim))
    return send(() => aim.moment === 'after' && die(aim))
  }
}

function wrapPostgres(pass: Pass): void {
  const { Client } = createRequire(import.meta.url)('pg') as { Client: { prototype: { query: (...given: unknown[]) => unknown } } }
  const { query } = Client.prototype
  const works = new WeakMap<object, Work>()
  Client.prototype.query = function (this: object, ...given: unknown[]) {
    const work = works.get(this) ?? { events: false, writes: false }
    works.set(this, work)
    const [first] = given
    const text = typeof first === 'string' ? first : ((first as { text?: string } | null)?.text ?? '')
    const step = stepOf(text.trim(), work)
    if (!step) return query.apply(this, given)
    return pass(step, (answered) => {
      const last = given.length - 1
      const callback = given[last]
      if (typeof callback === 'function') {
        const heard = (...answer: unknown[]) => {
          answered()
          return (callback as (...answer: unknown[]) => unknown)(...answer)
        }
        return query.apply(this, [...given.slice(0, last), heard])
      }
      const result = query.apply(this, given)
      if (!(result instanceof Promise)) return result
      return result.then((answer: unknown) => {
        answered()
        return answer
      })
    })
  }
}

function wrapKafka(pass: Pass): void {
  const Broker = createRequire(import.meta.url)('kafkajs/src/broker') as {
    prototype: Record<string, (...given: unknown[]) => Promise<unknown>>
  }
  for (const [name, step] of Object.entries({ produce: 'produce', offsetCommit: 'offset moved' } as const)) {
    const original = Broker.prototype[name]!
    Broker.prototype[name] = function (...given) {
      return pass(step, (answered) =>
        original.apply(this, given).then((answer) => {
          answered()
          return answer
        }),
      )
    }
  }
  // It asks all the time; only an answer with messages is a step.
  const fetch = Broker.prototype['fetch']!
  Broker.prototype['fetch'] = async function (...given) {
    const answer = await fetch.apply(this, given)
    if (hasMessages(answer)) pass('delivery', (answered) => answered())
    return answer
  }
}

function hasMessages(answer: unknown): boolean {
  const { responses = [] } = answer as { responses?: { partitions: { messages: unknown[] }[] }[] }
  return responses.some(({ partitions }) => partitions.some(({ messages }) => messages.length > 0))
}
