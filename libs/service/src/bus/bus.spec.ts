import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import pg from 'pg'
// eslint-disable-next-line @nx/enforce-module-boundaries -- one test stops and starts a broker of its own
import { findKafka, startKafka } from '../../../../tools/parts/kafka.ts'
import type { Logger } from '../log.js'
import type { Bus, BusMessage, Delivery, EventLog, SubscribeOptions, Subscription } from './bus.js'
import { EmbeddedBus } from './embedded.bus.js'
import { EmbeddedLog } from './embedded.log.js'
import { KafkaBus, KafkaLog } from './kafka.bus.js'

const { TEST_POSTGRES_URL: postgresUrl, TEST_KAFKA_BROKERS: kafkaBrokers, CI: ci } = process.env
if (!postgresUrl) throw new Error('TEST_POSTGRES_URL is not set: the superuser’s URL of a Postgres for tests')
if (!kafkaBrokers && ci === 'true') throw new Error('TEST_KAFKA_BROKERS is not set, and CI=true does not allow to leave Kafka out')

/** What the Kafka client said, for the message of a test that fails while a broker comes and goes. */
const said: string[] = []
const note = (entry: object, text?: string) =>
  void said.push(`${(performance.now() / 1_000).toFixed(1)} s ${text} ${JSON.stringify(entry)}`)
const quiet = { warn: note, error: note } as Pick<Logger, 'warn' | 'error'>
const database = `bus_${randomUUID().replaceAll('-', '')}`
const databaseUrl = Object.assign(new URL(postgresUrl), { pathname: `/${database}` }).toString()

interface Kind {
  readonly name: string
  readonly missing?: string | undefined
  open(): Promise<Bus>
  log(topic: string): EventLog
  /** A bus with one topic that can be taken away for a while. */
  frail(topic: string): Promise<{ bus: Bus; away(): Promise<void>; back(): Promise<void>; end(): Promise<void> }>
  readonly noFrail?: string | undefined
}

const kafka: Kind = {
  name: 'Kafka',
  missing: kafkaBrokers ? undefined : 'TEST_KAFKA_BROKERS is not set',
  noFrail: !kafkaBrokers || findKafka() === 'java' ? undefined : 'stopping a broker needs one of our own: Java 17 and Maven',
  open: () => KafkaBus.open(kafkaBrokers!.split(','), 'bus-spec', quiet),
  log: (topic) => new KafkaLog(kafkaBrokers!.split(','), 'bus-spec', [topic]),
  async frail(topic) {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-bus-spec-'))
    let broker = await startKafka({ dir, from: 'java' })
    const bus = await KafkaBus.open([broker.brokers], 'bus-spec', quiet)
    await bus.createTopics([topic], { partitions: 3, replicas: 1, retentionDays: 1 })
    return {
      bus,
      away: () => broker.stop(),
      async back() {
        broker = await startKafka({ dir, from: 'java' })
      },
      async end() {
        await bus.close()
        await broker.stop()
        rmSync(dir, { recursive: true, force: true })
      },
    }
  },
}

const embedded: Kind = {
  name: 'The embedded log',
  open: () => EmbeddedBus.open(databaseUrl),
  log: () => new EmbeddedLog(databaseUrl),
  async frail() {
    const bus = await EmbeddedBus.open(databaseUrl)
    return {
      bus,
      async away() {
        await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`)
        await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database])
      },
      back: async () => void (await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`)),
      end: () => bus.close(),
    }
  },
}

let admin: pg.Client

beforeAll(async () => {
  admin = new pg.Client(postgresUrl)
  await admin.connect()
  await admin.query(`CREATE DATABASE ${database}`)
})

afterAll(async () => {
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`)
  await admin.end()
})

for (const kind of [kafka, embedded]) {
  const suite = kind.missing ? describe.skip : describe
  suite(kind.missing ? `${kind.name}, skipped because ${kind.missing}` : kind.name, () => {
    let bus: Bus
    let topic: string
    let group: string

    beforeAll(async () => {
      bus = await kind.open()
    })

    beforeEach(async () => {
      topic = `test.${randomUUID()}`
      group = `group-${randomUUID()}`
      await bus.createTopics([topic], { partitions: 3, replicas: 1, retentionDays: 1 })
    })

    const started: Subscription[] = []
    const subscribe = async (deliver: SubscribeOptions['deliver'], options: Partial<SubscribeOptions> = {}, on = bus) => {
      const subscription = await on.subscribe({ group, topics: [topic], deliver, ...options })
      started.push(subscription)
      return subscription
    }

    afterEach(async () => {
      await Promise.all(started.splice(0).map((subscription) => subscription.stop()))
    })

    afterAll(async () => {
      await bus.close()
    })

    const numbered = (key: string, from: number, count: number): BusMessage[] =>
      Array.from({ length: count }, (_, index) => ({ topic, key, headers: {}, value: Buffer.from(String(from + index)) }))

    it('keeps the order of each key under load', async () => {
      const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']
      const seen: Delivery[] = []
      await subscribe(async (batch) => void seen.push(...batch))
      for (let from = 0; from < 200; from += 10) {
        const messages = keys.map((key) => numbered(key, from, 10))
        await bus.publish(Array.from({ length: 100 }, (_, index) => messages[index % 10]![Math.floor(index / 10)]!))
      }
      await eventually(() => seen.length === 2_000)
      for (const key of keys) expect(numbersOf(seen, key)).toEqual(upTo(200))
    })

    it('delivers the same messages again when their delivery throws, and loses none', async () => {
      const refused: Delivery[][] = []
      const seen: Delivery[] = []
      await subscribe(async (batch) => {
        if (refused.length < 2) {
          refused.push([...batch])
          throw new Error('not now')
        }
        seen.push(...batch)
      })
      await bus.publish(numbered('a', 0, 30))
      await eventually(() => seen.length === 30)
      expect(placesOf(refused[0]!)).toEqual(placesOf(refused[1]!))
      expect(placesOf(seen).slice(0, refused[0]!.length)).toEqual(placesOf(refused[0]!))
      expect(numbersOf(seen, 'a')).toEqual(upTo(30))
    })

    it('goes on with the other streams while one of them fails', async () => {
      const seen = new Set<string>()
      let failing = ''
      let tries = 0
      await subscribe(async (batch) => {
        failing ||= batch[0]!.stream
        if (batch[0]!.stream === failing && ++tries < 4) throw new Error('not now')
        for (const { stream, key } of batch) seen.add(`${stream} ${key}`)
      })
      const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
      for (const key of keys) await bus.publish(numbered(key, 0, 1))
      await eventually(() => seen.size > 0)
      expect([...seen].some((entry) => entry.startsWith(`${failing} `))).toBe(false)
      await eventually(() => seen.size === keys.length)
    })

    it('delivers a batch again that was cut in the middle', async () => {
      const seen: Delivery[] = []
      let cut = 0
      await subscribe(async (batch) => {
        for (const [index, delivery] of batch.entries()) {
          if (!cut && index === 20) {
            cut = batch.length
            throw new Error('cut')
          }
          seen.push(delivery)
        }
      })
      await bus.publish(numbered('a', 0, 50))
      await eventually(() => seen.length >= 20 + 50)
      expect(cut).toBe(50)
      expect(numbersOf(seen, 'a')).toEqual([...upTo(20), ...upTo(50)])
    })

    it('goes on without a gap when a consumer is started again', async () => {
      const before: Delivery[] = []
      const first = await subscribe(async (batch) => void before.push(...batch))
      await bus.publish(numbered('a', 0, 20))
      await eventually(() => before.length === 20)
      await first.stop()
      expect(first.running).toBe(false)
      await bus.publish(numbered('a', 20, 20))
      const after: Delivery[] = []
      await subscribe(async (batch) => void after.push(...batch))
      await eventually(() => numbersOf(after, 'a').at(-1) === 39)
      expect(numbersOf(before, 'a')).toEqual(upTo(20))
      expect(numbersOf(after, 'a')).toEqual(upTo(40).slice(20))
    })

    it('finishes the running batch before it leaves the group', async () => {
      let finish!: () => void
      const gate = new Promise<void>((resolve) => (finish = resolve))
      const begun: Delivery[] = []
      const first = await subscribe(async (batch) => {
        begun.push(...batch)
        await gate
      })
      await bus.publish(numbered('a', 0, 3))
      await eventually(() => begun.length === 3)
      let left = false
      const leaving = first.stop().then(() => (left = true))
      await bus.publish(numbered('a', 3, 1))
      expect(left).toBe(false)
      finish()
      await leaving
      const after: Delivery[] = []
      await subscribe(async (batch) => void after.push(...batch))
      await eventually(() => after.length > 0)
      expect(numbersOf(after, 'a')).toEqual([3])
    })

    it('shares the work between two members, one of which leaves, and never gives a key to both at once', async () => {
      const other = await kind.open()
      try {
        const keys = Array.from({ length: 24 }, (_, index) => `key ${index}`)
        const seen: Delivery[] = []
        const busy = new Set<string>()
        let collisions = 0
        const by = [0, 0]
        const worker = (member: number) => async (batch: readonly Delivery[]) => {
          for (const delivery of batch) {
            if (busy.has(delivery.key)) collisions += 1
            busy.add(delivery.key)
            await turn()
            seen.push(delivery)
            by[member]! += 1
            await turn()
            busy.delete(delivery.key)
          }
        }
        let sent = 0
        const sendRound = async () => {
          const number = sent++
          await bus.publish(keys.flatMap((key) => numbered(key, number, 1)))
        }
        await subscribe(worker(0))
        await sendRound()
        const second = await subscribe(worker(1), {}, other)
        await eventually(async () => {
          await sendRound()
          return by[1]! > 100
        })
        const soFar = by[0]!
        await eventually(async () => {
          await sendRound()
          return by[0]! > soFar + 100
        })
        await second.stop()
        const bySecond = by[1]
        await sendRound()
        const inOrder = (key: string) => [...new Set(numbersOf(seen, key))]
        await eventually(() => keys.every((key) => inOrder(key).length === sent))
        for (const key of keys) expect(inOrder(key)).toEqual(upTo(sent))
        expect(collisions).toBe(0)
        expect(by[1]).toBe(bySecond)
      } finally {
        await other.close()
      }
    })

    it('gives a new group every message from the beginning', async () => {
      const first: Delivery[] = []
      await subscribe(async (batch) => void first.push(...batch))
      await bus.publish(numbered('a', 0, 10))
      await eventually(() => first.length === 10)
      const second: Delivery[] = []
      await subscribe(async (batch) => void second.push(...batch), { group: `${group}-new` })
      await eventually(() => second.length === 10)
      expect(numbersOf(second, 'a')).toEqual(upTo(10))
      expect(placesOf(second)).toEqual(placesOf(first))
    })

    it('delivers only the topics that were asked for', async () => {
      const another = `test.${randomUUID()}`
      await bus.createTopics([another], { partitions: 1, replicas: 1, retentionDays: 1 })
      const seen: Delivery[] = []
      const subscription = await subscribe(async (batch) => void seen.push(...batch))
      await bus.publish([{ topic: another, key: 'a', headers: {}, value: Buffer.from('0') }, ...numbered('a', 1, 2)])
      await bus.publish([{ topic: another, key: 'a', headers: {}, value: Buffer.from('3') }, ...numbered('a', 4, 1)])
      await eventually(() => seen.length === 3)
      expect(numbersOf(seen, 'a')).toEqual([1, 2, 4])
      expect(new Set(seen.map((delivery) => delivery.topic))).toEqual(new Set([topic]))
      await eventually(async () => (await subscription.lag()) === 0)
    })

    it('carries any bytes, keys and headers unchanged', async () => {
      const odd = {
        empty: '',
        'with space': ' a\tb\n',
        quotes: `"'\\{},$1NULL`,
        chinese: '线索到回款 🚀',
        nul: 'a\u0000b',
        long: 'x'.repeat(10_000),
      }
      const messages: BusMessage[] = [
        { topic, key: '客户·é 🚀 "\'\\,{}', headers: odd, value: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)) },
        { topic, key: 'empty', headers: {}, value: Buffer.alloc(0) },
        { topic, key: 'not utf-8', headers: { ce_id: 'x' }, value: Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0x00]) },
        { topic, key: 'not json', headers: { ce_id: 'NULL' }, value: Buffer.from('{"broken') },
      ]
      const seen: Delivery[] = []
      await subscribe(async (batch) => void seen.push(...batch))
      await bus.publish(messages)
      await eventually(() => seen.length === messages.length)
      for (const message of messages) expect(seen.find(({ key }) => key === message.key)).toMatchObject(message)
      expect(seen.find(({ key }) => key === 'empty')!.headers).toEqual({})
    })

    it('carries a message of 900 kB, and more in one call than a broker takes at once', async () => {
      const values = [900_000, 500_000, 500_000, 10].map((size) => randomBytes(size))
      const seen: Delivery[] = []
      await subscribe(async (batch) => void seen.push(...batch))
      await bus.publish(values.map((value) => ({ topic, key: 'big', headers: {}, value })))
      await eventually(() => seen.length === values.length)
      expect(seen.every(({ value }, index) => value.equals(values[index]!))).toBe(true)
    })

    it('is read beside the groups, whole and from a place on', async () => {
      const log = kind.log(topic)
      try {
        await bus.publish([...numbered('a', 0, 700), ...numbered('b', 0, 3)])
        expect(await log.lag(group, [topic])).toBe(703)
        const read = async (from: ReadonlyMap<string, string>) => {
          const extents = await log.extents()
          const seen: Delivery[] = []
          const parts = extents.map((extent) => ({ ...extent, from: from.get(extent.stream) ?? extent.from }))
          await log.read(parts, async (batch) => void seen.push(...batch.filter((delivery) => delivery.topic === topic)))
          return { seen, ends: new Map(extents.map(({ stream, to }) => [stream, to])) }
        }
        const first = await read(new Map())
        expect(numbersOf(first.seen, 'a')).toEqual(Array.from({ length: 700 }, (_, n) => n))
        expect(numbersOf(first.seen, 'b')).toEqual([0, 1, 2])
        await bus.publish(numbered('a', 700, 2))
        expect(numbersOf((await read(first.ends)).seen, 'a')).toEqual([700, 701])

        const seen: Delivery[] = []
        await subscribe(async (batch) => void seen.push(...batch))
        await eventually(() => seen.length === 705)
        await eventually(async () => (await log.lag(group, [topic])) === 0)
      } finally {
        await log.close()
      }
    })

    it('counts the messages that a group has not taken yet', async () => {
      await bus.publish([...numbered('a', 0, 5), ...numbered('b', 0, 5)])
      let open!: () => void
      const gate = new Promise<void>((resolve) => (open = resolve))
      const subscription = await subscribe(() => gate)
      await eventually(async () => (await subscription.lag()) === 10)
      open()
      await eventually(async () => (await subscription.lag()) === 0)
    })

    const outage = kind.noFrail ? it.skip : it
    outage(
      `fails to publish while the bus is away, and goes on by itself when it is back${kind.noFrail ? ` (skipped: ${kind.noFrail})` : ''}`,
      async () => {
        said.length = 0
        const frail = await kind.frail(topic)
        try {
          const seen: Delivery[] = []
          const subscription = await subscribe(async (batch) => void seen.push(...batch), {}, frail.bus)
          await frail.bus.publish(numbered('a', 0, 5))
          await eventually(() => seen.length === 5)
          await frail.away()
          const asked = performance.now()
          await expect(frail.bus.publish(numbered('a', 5, 1))).rejects.toThrow()
          await expect(frail.bus.ping()).rejects.toThrow()
          expect(performance.now() - asked).toBeLessThan(30_000)
          await frail.back()
          note({}, 'it is back')
          await eventually(() => frail.bus.publish(numbered('a', 6, 5)).then(...yesOrNo), 120_000)
          note({}, 'published again')
          await eventually(() => numbersOf(seen, 'a').at(-1) === 10, 120_000)
          await frail.bus.ping()
          expect(subscription.running).toBe(true)
          expect([...new Set(numbersOf(seen, 'a'))]).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10])
          await subscription.stop()
        } catch (error) {
          throw new Error(`${(error as Error).message}\n${said.join('\n')}`, { cause: error })
        } finally {
          await frail.end()
        }
      },
    )

    if (kind === kafka) {
      it('puts a new member in the place of one that its client has given up', async () => {
        const seen: Delivery[] = []
        const subscription = (await subscribe(async (batch) => void seen.push(...batch))) as unknown as {
          consumer: { disconnect(): Promise<void> }
          state: string
          replace(): Promise<void>
          running: boolean
        }
        await bus.publish(numbered('a', 0, 3))
        await eventually(() => seen.length === 3)
        await subscription.consumer.disconnect()
        subscription.state = 'dead'
        expect(subscription.running).toBe(false)
        await subscription.replace()
        await bus.publish(numbered('a', 3, 3))
        await eventually(() => numbersOf(seen, 'a').at(-1) === 5)
        expect([...new Set(numbersOf(seen, 'a'))]).toEqual(upTo(6))
        expect(subscription.running).toBe(true)
      })

      it('says which topic is missing', async () => {
        const missing = `test.${randomUUID()}`
        await expect(bus.publish([{ topic: missing, key: 'a', headers: {}, value: Buffer.from('') }])).rejects.toThrow(
          `no topic ${missing}`,
        )
        await expect(subscribe(async () => undefined, { topics: [missing] })).rejects.toThrow(`no topic ${missing}`)
        await bus.publish(numbered('a', 0, 1))
      })

      it('creates topics with partitions and retention, once', async () => {
        const broker = (bus as KafkaBus)['admin']
        const made = [topic, `${topic}.2`]
        await bus.createTopics(made, { partitions: 5, replicas: 1, retentionDays: 7 })
        const { topics } = await broker.use((kafka) => kafka.fetchTopicMetadata({ topics: made }), 5_000)
        expect(Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]))).toEqual({
          [topic]: 3,
          [`${topic}.2`]: 5,
        })
        const [type, configNames] = [2, ['retention.ms']]
        const { resources } = await broker.use(
          (kafka) => kafka.describeConfigs({ resources: made.map((name) => ({ type, name, configNames })), includeSynonyms: false }),
          5_000,
        )
        const days = resources.map(({ resourceName, configEntries }) => [resourceName, Number(configEntries[0]!.configValue) / 86_400_000])
        expect(Object.fromEntries(days)).toEqual({ [topic]: 1, [`${topic}.2`]: 7 })
        const tooMany = bus.createTopics([`${topic}.3`], { partitions: 1, replicas: 99, retentionDays: 1 })
        await expect(tooMany).rejects.toThrow(`${topic}.3: Replication-factor is invalid`)
      })
    }

    if (kind === embedded) {
      const query = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => {
        const client = new pg.Client(databaseUrl)
        await client.connect()
        try {
          return (await client.query<Row>(sql, values)).rows
        } finally {
          await client.end()
        }
      }

      it('stores all messages of a call or none', async () => {
        await expect(
          bus.publish([...numbered('a', 0, 3), { topic, key: 'a\u0000b', headers: {}, value: Buffer.from('') }]),
        ).rejects.toThrow()
        expect(await query('SELECT 1 FROM log WHERE topic = $1', [topic])).toEqual([])
      })

      it('gives two members four slots each, and all to the one that stays', async () => {
        const other = await kind.open()
        const shares = async () => {
          const rows = await query<{ count: string }>('SELECT count(*) FROM cursor WHERE grp = $1 AND owner IS NOT NULL GROUP BY owner', [
            group,
          ])
          return rows.map(({ count }) => Number(count))
        }
        try {
          await subscribe(async () => undefined)
          expect(await shares()).toEqual([8])
          const second = await subscribe(async () => undefined, {}, other)
          await eventually(async () => (await shares()).join() === '4,4')
          await second.stop()
          // Nobody has to wait until its lease would have run out.
          expect(await query('SELECT 1 FROM member WHERE grp = $1', [group])).toHaveLength(1)
          await eventually(async () => (await shares()).join() === '8')
        } finally {
          await other.close()
        }
      })

      it('takes over from a member that died when its lease has run out', async () => {
        await bus.publish(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'].flatMap((key) => numbered(key, 0, 1)))
        const since = performance.now()
        await query(`INSERT INTO member (grp, id, leased_until) VALUES ($1, 'dead', now() + interval '2 s')`, [group])
        await query(`INSERT INTO cursor (grp, slot, owner) SELECT $1, slot, 'dead' FROM slot`, [group])
        const seen: Delivery[] = []
        let first = 0
        await subscribe(async (batch) => {
          first ||= performance.now()
          seen.push(...batch)
        })
        await eventually(() => seen.length === 11)
        expect(first - since).toBeGreaterThan(2_000)
      })

      it('does not let a member move a cursor that another took', async () => {
        let finish!: () => void
        const gate = new Promise<void>((resolve) => (finish = resolve))
        let told: unknown
        let begun = 0
        const subscription = await subscribe(async (_, beat) => {
          begun += 1
          if (begun > 1) return
          await gate
          await eventually(() => beat().then(...noOrYes))
          told = await beat().catch((error: Error) => error.message)
        })
        await bus.publish(numbered('a', 0, 3))
        await eventually(() => begun === 1)
        const position = () =>
          query('SELECT next_offset FROM cursor WHERE grp = $1 AND slot = (SELECT slot FROM log WHERE topic = $2 LIMIT 1)', [group, topic])
        const before = await position()
        await query(`INSERT INTO member (grp, id, leased_until) VALUES ($1, 'thief', now() + interval '1 min')`, [group])
        await query(`UPDATE cursor SET owner = 'thief' WHERE grp = $1`, [group])
        finish()
        await eventually(() => told !== undefined)
        expect(told).toMatch(/taken away/)
        await subscription.stop()
        expect(await position()).toEqual(before)
      })

      it('forgets messages that are older than the retention', async () => {
        await bus.publish(numbered('a', 0, 4))
        await query(`UPDATE log SET at = now() - interval '8 days' WHERE topic = $1 AND convert_from(value, 'UTF8')::int < 3`, [topic])
        const other = await EmbeddedBus.open(databaseUrl, { retentionDays: 7 })
        await other.close()
        const seen: Delivery[] = []
        await subscribe(async (batch) => void seen.push(...batch))
        await eventually(() => seen.length > 0)
        expect(numbersOf(seen, 'a')).toEqual([3])
      })
    }
  })
}

const yesOrNo = [() => true, () => false] as const
const noOrYes = [() => false, () => true] as const

function numbersOf(deliveries: readonly Delivery[], key: string): number[] {
  return deliveries.filter((delivery) => delivery.key === key).map(({ value }) => Number(value.toString()))
}

function placesOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ stream, offset }) => `${stream}@${offset}`)
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

async function eventually(condition: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  for (const until = performance.now() + ms; !(await condition()); await delay(20)) {
    if (performance.now() > until) throw new Error(`not so within ${ms / 1_000} s: ${condition}`)
  }
}
