import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bus, BusMessage, Migration, ServiceDefinition } from '@millrace/service'
import pg from 'pg'
import type { Relay as RelayClass } from '../../libs/service/src/relay.ts'
import { findKafka, noKafka, startKafka } from '../parts/kafka.ts'
import { aDatabase, aPostgres, built, builtFile, monotonic, withClient } from './ground.ts'
import { inTurn, quantile, type Benchmark, type Figure, type Outcome, type Run } from './measure.ts'

const perSecond = 500
const drained = 20_000
const batch = 1_000
const tenantId = 'tenant_01k00000000000000000000000'

/** The table that a handler of the receiver writes to, and the sender's use case. */
export const probe: readonly Migration[] = [
  {
    name: '0100-probe',
    sql: `CREATE TABLE probe (tenant_id text NOT NULL DEFAULT current_tenant(), id text COLLATE "C" NOT NULL, PRIMARY KEY (tenant_id, id));
          SELECT tenant_table('probe');`,
  },
]

/** What both sides of a measurement talk to. */
export interface BusUrls {
  readonly bus: string
  readonly sender: string
  readonly senderSuperuser: string
  readonly receiver: string
  /** Where the raw log on Postgres is. */
  readonly raw: string
  readonly rawTopic: string
}

/** B3: how long after the commit another service has acted on an event. */
export const delivery: Benchmark = {
  id: 'B3',
  title: 'From commit to applied in another service',
  meaning:
    'How far the services lag behind each other: the time from the sender’s commit (row and event in one transaction) until the receiver has committed what it does about the event, through outbox, relay, bus, inbox and handler.',
  how: `${perSecond} transactions a second, sent by the clock and not by the answer, on a sender with its relay; a receiving service in a second process with one handler that writes a row. Both clocks are the machine’s monotonic one.`,
  yardstick:
    'The same rate of messages of the same size through the same client and broker with nothing around it: kafkajs produce (acks=all, idempotent) to consume; on Postgres an insert with NOTIFY to the read after LISTEN. Nothing is written by the receiver.',
  run: (run) => onEachBus(run, deliverAt500),
}

/** B4: how fast committed events leave the outbox. */
export const drain: Benchmark = {
  id: 'B4',
  title: 'Drain of the outbox',
  meaning:
    'How fast a backlog goes out after the bus was away, or while a bulk import runs: events a second from outbox to bus, in commit order, one relay.',
  how: `${drained.toLocaleString('en')} events of 1,000 aggregates wait in the outbox; time from the relay’s start until all are on the bus and deleted from the outbox. Batches of ${batch.toLocaleString('en')}.`,
  yardstick:
    'The same messages in the same batches from memory: kafkajs sendBatch (acks=all, idempotent, one at a time); on Postgres one multi-row insert with NOTIFY a batch.',
  run: (run) => onEachBus(run, drainAll),
}

/** A bus that runs, and a Postgres beside it. */
export interface BusUnderTest {
  readonly name: 'embedded' | 'Kafka'
  readonly url: string
  readonly postgres: string
}

/** Measures on the embedded bus, and on Kafka where there is one. */
export async function onEachBus(run: Run, measure: (run: Run, bus: BusUnderTest) => Promise<Figure[]>): Promise<Outcome> {
  await built(run)
  const postgres = await aPostgres(run)
  const { openBus } = await import('@millrace/service')
  const { topics } = await import('@millrace/contracts')
  const figures: Figure[] = []
  const buses: [BusUnderTest['name'], () => Promise<string>][] = [['embedded', async () => (await aDatabase(postgres, 'log')).superuserUrl]]
  if (run.kafka && findKafka())
    buses.push([
      'Kafka',
      async () => {
        const dir = join(run.home, 'kafka')
        mkdirSync(dir, { recursive: true })
        const kafka = await startKafka({ dir, report: run.report, halt: run.halt })
        run.defer(() => kafka.stop())
        return `kafka://${kafka.brokers}`
      },
    ])
  for (const [name, start] of buses) {
    run.report(`  ${name} bus`)
    const url = await start()
    const bus = await openBus(url, 'bench-topics')
    await bus.createTopics(topics, { partitions: 3, replicas: 1, retentionDays: 1 })
    await bus.close()
    figures.push(...(await measure(run, { name, url, postgres })))
  }
  return { figures, remarks: buses.length > 1 ? [] : [`Only the embedded bus was measured.${run.kafka ? ` ${noKafka}` : ''}`] }
}

/** Databases of a sender and a receiver, and a topic for the yardstick. */
async function betweenTwo({ name, url, postgres }: BusUnderTest): Promise<BusUrls> {
  const { migrate, migrationsOf, openBus } = await import('@millrace/service')
  const definition = { migrations: probe } as ServiceDefinition
  const [sender, receiver] = [
    await aDatabase(postgres, `sender_${name.toLowerCase()}`),
    await aDatabase(postgres, `receiver_${name.toLowerCase()}`),
  ]
  for (const { ownerUrl } of [sender, receiver]) await migrate(ownerUrl, migrationsOf(definition))
  await withClient(sender.superuserUrl, (client) =>
    client.query(
      'CREATE TABLE raw_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text, key text, headers json, value bytea)',
    ),
  )
  const rawTopic = `bench.raw.${Date.now()}`
  const bus = await openBus(url, 'bench-topics')
  await bus.createTopics([rawTopic], { partitions: 3, replicas: 1, retentionDays: 1 })
  await bus.close()
  const raw = sender.superuserUrl
  return { bus: url, sender: sender.url, senderSuperuser: raw, receiver: receiver.url, raw, rawTopic }
}

async function deliverAt500(run: Run, on: BusUnderTest): Promise<Figure[]> {
  const urls = await betweenTwo(on)
  const { Clock, createLogger, Events, inTenant } = await import('@millrace/service')
  const { LeadCaptured } = await import('@millrace/contracts')
  const { newId } = await import('@millrace/domain')
  const { Relay, bus, database } = await aSender(run, urls)
  const relay = new Relay(database, bus, createLogger('bench', 'warn'))
  database.onPublished = () => relay.wake()
  relay.start()
  run.defer(() => relay.stop())
  const events = new Events(new Clock())
  const raw = await rawProducer(run, urls)
  const receivers = { own: await aReceiver(run, 'own', urls), raw: await aReceiver(run, 'raw', urls) }

  const send = {
    own: async (sent: Map<string, number>) => {
      const id = newId('lead')
      await inTenant(tenantId, () =>
        database.transaction(async (tx) => {
          await tx.query('INSERT INTO probe (id) VALUES ($1)', [id])
          const facts = {
            leadId: id,
            companyName: 'Cloudmap Ltd',
            contactName: 'Li Lei',
            ownerId: null,
            source: 'Bench',
            channel: null,
            campaign: null,
          }
          await events.publish(tx, LeadCaptured, { id, version: 1, journeyId: newId('journey') }, facts)
        }),
      )
      sent.set(id, monotonic())
    },
    raw: async (sent: Map<string, number>) => {
      const message = aMessage(newId('lead'), newId('event'))
      sent.set(message.key, monotonic())
      await raw([message])
    },
  }
  const measure = async (kind: 'own' | 'raw', seconds = run.seconds) => {
    const sent = new Map<string, number>()
    const working = new Set<Promise<unknown>>()
    const failures: Error[] = []
    const count = perSecond * seconds
    for (let began = performance.now(), n = 0; n < count; await sleep(1)) {
      run.halt.throwIfAborted()
      for (const due = Math.min(count, ((performance.now() - began) * perSecond) / 1_000); n < due; n += 1) {
        const work: Promise<unknown> = send[kind](sent)
          .catch((error: Error) => failures.push(error))
          .finally(() => working.delete(work))
        working.add(work)
      }
    }
    await Promise.all(working)
    if (failures.length)
      throw new Error(
        `${failures.length} of ${count} sends at ${perSecond} a second failed (is the machine busy?): ${failures[0]!.message}`,
        { cause: failures[0] },
      )
    const times: number[] = []
    for (const until = performance.now() + 30_000; times.length < count; await sleep(50)) {
      for (const [key, at] of await receivers[kind]()) if (sent.has(key)) times.push(Math.max(0, at - sent.get(key)!))
      if (performance.now() > until) throw new Error(`${count - times.length} of ${count} events did not arrive within 30 s`)
    }
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
  }
  await measure('own', 2)
  await measure('raw', 2)
  const rounds = await inTurn(run, { ours: () => measure('own'), yardstick: () => measure('raw') })
  const figure = (name: 'p50' | 'p99', target: Partial<Figure> = {}): Figure => ({
    ...{ name: `${on.name}: ${name}`, unit: 'ms', better: 'less', ...target },
    rounds: rounds.map(({ ours, yardstick }) => ({ ours: ours[name], yardstick: yardstick[name] })),
  })
  return [figure('p50', { guarded: true }), figure('p99', { ratio: 2, stretch: 1.3, absolute: 15 })]
}

async function drainAll(run: Run, on: BusUnderTest): Promise<Figure[]> {
  const urls = await betweenTwo(on)
  const { createLogger } = await import('@millrace/service')
  const { newId } = await import('@millrace/domain')
  const { Relay, bus, database } = await aSender(run, urls)
  const raw = await rawProducer(run, urls)
  const keys = Array.from({ length: 1_000 }, () => newId('lead'))
  const messages = Array.from({ length: drained }, (_, n) => aMessage(keys[n % keys.length]!, newId('event')))
  const log = createLogger('bench', 'warn')
  const clean = async () => {
    await withClient(urls.senderSuperuser, (client) => client.query('TRUNCATE outbox, raw_log'))
    if (!urls.bus.startsWith('kafka:')) await withClient(urls.bus, (client) => client.query('TRUNCATE log'))
  }
  const timed = async (work: () => Promise<void>) => {
    const began = performance.now()
    await work()
    return drained / ((performance.now() - began) / 1_000)
  }
  const ours = async () => {
    await clean()
    await withClient(urls.senderSuperuser, (client) =>
      client.query(
        `INSERT INTO outbox (tenant_id, event_id, topic, key, headers, payload)
         SELECT $1, h ->> 'ce_id', 'millrace.lead.lead.v1', k, h, p FROM unnest($2::text[], $3::jsonb[], $4::text[]) WITH ORDINALITY AS o(k, h, p, n) ORDER BY n`,
        [
          tenantId,
          messages.map(({ key }) => key),
          messages.map(({ headers }) => JSON.stringify(headers)),
          messages.map(({ value }) => value.toString()),
        ],
      ),
    )
    await withClient(urls.senderSuperuser, (client) => client.query('VACUUM ANALYZE outbox'))
    return timed(async () => {
      let sent = 0
      let all!: () => void
      const done = new Promise<void>((resolve) => (all = resolve))
      const counting: Pick<Bus, 'publish'> = {
        async publish(batch) {
          await bus.publish(batch)
          if ((sent += batch.length) >= drained) all()
        },
      }
      const relay = new Relay(database, counting as Bus, log)
      relay.start()
      run.halt.addEventListener('abort', all)
      await done
      await relay.stop()
    })
  }
  const yardstick = async () => {
    await clean()
    return timed(async () => {
      for (let from = 0; from < messages.length; from += batch) await raw(messages.slice(from, from + batch))
    })
  }
  await ours()
  await yardstick()
  const rounds = await inTurn(run, { ours, yardstick })
  return [{ name: `${on.name}: events drained`, unit: '1/s', better: 'more', rounds, ratio: 0.8, stretch: 0.95 }]
}

async function aSender(run: Run, urls: BusUrls) {
  const { Database, openBus } = await import('@millrace/service')
  const { Relay } = await builtFile<{ Relay: typeof RelayClass }>('libs/service/dist/relay.js')
  const database = await Database.open({
    url: urls.sender,
    schemas: [],
    poolSize: 10,
    waitSeconds: 2,
    service: 'bench',
    statementSeconds: 60,
  })
  run.defer(() => database.close())
  const bus = await openBus(urls.bus, 'bench-sender')
  run.defer(() => bus.close())
  return { Relay, bus, database }
}

/** Sends a batch with the bus's client alone. */
async function rawProducer(run: Run, urls: BusUrls): Promise<(messages: readonly BusMessage[]) => Promise<void>> {
  if (urls.bus.startsWith('kafka:')) {
    const { Kafka, logLevel } = await import('kafkajs')
    const kafka = new Kafka({ clientId: 'bench-raw', brokers: urls.bus.slice('kafka://'.length).split(','), logLevel: logLevel.NOTHING })
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
    await producer.connect()
    run.defer(() => producer.disconnect())
    return async (messages) => {
      const list = messages.map(({ key, headers, value }) => ({ key, value, headers: { ...headers } }))
      await producer.sendBatch({ acks: -1, topicMessages: [{ topic: urls.rawTopic, messages: list }] })
    }
  }
  const client = new pg.Client({ connectionString: urls.raw })
  await client.connect()
  run.defer(() => client.end())
  let former: Promise<unknown> = Promise.resolve()
  return async (messages) => {
    const query = {
      name: 'raw',
      text: `WITH added AS (INSERT INTO raw_log (topic, key, headers, value) SELECT * FROM unnest($1::text[], $2::text[], $3::json[], $4::bytea[]))
             SELECT pg_notify('raw_log', '')`,
      values: [
        messages.map(({ topic }) => topic),
        messages.map(({ key }) => key),
        messages.map(({ headers }) => JSON.stringify(headers)),
        messages.map(({ value }) => value),
      ],
    }
    await (former = former.then(() => client.query(query)))
  }
}

/** A message as the outbox holds them. */
function aMessage(key: string, id: string): BusMessage {
  const payload = {
    leadId: key,
    companyName: 'Cloudmap Ltd',
    contactName: 'Li Lei',
    ownerId: null,
    source: 'Bench',
    channel: null,
    campaign: null,
  }
  return {
    topic: 'millrace.lead.lead.v1',
    key,
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: '/millrace/lead',
      ce_type: 'millrace.lead.captured.v1',
      ce_subject: key,
      ce_time: '2026-11-02T08:00:00.000Z',
      ce_tenantid: tenantId,
      ce_journeyid: 'journey_01k00000000000000000000000',
      ce_sequence: '1',
    },
    value: Buffer.from(JSON.stringify(payload)),
  }
}

/** Starts a receiver; asked, it answers what has arrived since the last time: key and moment. */
async function aReceiver(run: Run, kind: 'own' | 'raw', urls: BusUrls): Promise<() => Promise<[string, number][]>> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'receiver.ts'), [kind, JSON.stringify(urls)])
  const gone = once(child, 'exit')
  run.defer(async () => {
    if (child.connected) child.disconnect()
    await Promise.race([gone, sleep(5_000, undefined, { ref: false })])
    child.kill('SIGKILL')
  })
  const answer = async () => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      gone.then(() => Promise.reject(new Error(`the ${kind} receiver of B3 ended`))),
    ])) as [unknown]
    return message
  }
  await answer()
  return async () => {
    const answered = answer()
    child.send('take')
    return (await answered) as [string, number][]
  }
}
