import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { topics as ourTopics } from '@millrace/contracts'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import type { Admin, Consumer, EachBatchPayload, KafkaMessage, LogEntry, Message, TopicMessages } from 'kafkajs'
import { createLogger, type Logger } from '../log.js'
import type { Bus, BusMessage, Delivery, EventLog, Extent, SubscribeOptions, Subscription, TopicOptions } from './bus.js'

const publishMs = 10_000
const askMs = 10_000
const pingMs = 3_000
const commitMs = 500
const beatMs = 1_000
/** Attempts, a second apart: a member that outlasts the outage goes on at once; one that crashed waits until its former self is counted as dead. */
const rideThrough = 60
const leaveMs = 5_000
const batchSize = 500
/** Below the 1 MB that a broker takes per partition by default; larger messages travel alone. */
const sendBytes = 800_000
const firstWait = 200
const longestWait = 10_000

/** The event bus on Kafka, for every real installation. The only file that knows kafkajs. */
export class KafkaBus implements Bus {
  private readonly producer = new Link(() => openProducer(this.client()))
  private readonly admin: Link<Admin> = new Link(() => this.client().admin())
  private readonly subscriptions = new Set<KafkaSubscription>()

  private constructor(
    private readonly brokers: string[],
    private readonly clientId: string,
    private readonly log: Pick<Logger, 'warn' | 'error'>,
  ) {}

  /** Connects on first use. `log` gets warnings and errors of the Kafka client, never a payload. */
  static async open(
    brokers: readonly string[],
    clientId: string,
    log: Pick<Logger, 'warn' | 'error'> = createLogger(clientId, 'warn'),
  ): Promise<KafkaBus> {
    return new KafkaBus([...brokers], clientId, log)
  }

  async publish(messages: readonly BusMessage[]): Promise<void> {
    for (const part of cut(messages)) {
      try {
        await this.producer.use((producer) => producer.send(byTopic(part)), publishMs)
      } catch (error) {
        throw missingTopic(error) ? unknownTopic(part.map(({ topic }) => topic)) : error
      }
    }
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const known = new Set(await this.admin.use((admin) => admin.listTopics(), askMs))
    const missing = options.topics.filter((topic) => !known.has(topic))
    if (missing.length) throw unknownTopic(missing)
    // A client of its own: consumers of one client share the positions of a group, and one that joins clears them for all.
    const subscription = new KafkaSubscription(
      () => this.client(rideThrough),
      options,
      this.admin,
      () => this.subscriptions.delete(subscription),
    )
    this.subscriptions.add(subscription)
    try {
      await subscription.start()
    } catch (error) {
      await subscription.stop()
      throw error
    }
    return subscription
  }

  async createTopics(topics: readonly string[], { partitions, replicas, retentionDays }: TopicOptions): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const known = new Set(await this.admin.use((admin) => admin.listTopics(), askMs))
      const missing = topics.filter((topic) => !known.has(topic))
      if (!missing.length) return
      const configEntries = [
        { name: 'retention.ms', value: String(retentionDays * 86_400_000) },
        // By the broker's own clock: it refuses, for ever, what a sender dates an hour ahead of it.
        { name: 'message.timestamp.type', value: 'LogAppendTime' },
      ]
      const wishes = missing.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }))
      try {
        return void (await this.admin.use((admin) => admin.createTopics({ topics: wishes, timeout: 20_000 }), 30_000))
      } catch (error) {
        // A busy broker creates a topic before it knows of it, and kafkajs gives up at once when it asks for the leaders: it is there in a moment.
        if (missingTopic(error) && attempt < 20) {
          await delay(500)
          continue
        }
        const { errors = [] } = error as { errors?: { topic: string; message: string }[] }
        throw errors.length ? new Error(errors.map(({ topic, message }) => `${topic}: ${message}`).join('; '), { cause: error }) : error
      }
    }
  }

  async ping(): Promise<void> {
    await this.admin.use((admin) => admin.describeCluster(), pingMs)
  }

  async close(): Promise<void> {
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()))
    await Promise.all([this.producer.close(), this.admin.close()])
  }

  private client(retries = 4): Kafka {
    return new Kafka({
      ...clientOptions(this.brokers, this.clientId, retries),
      logLevel: logLevel.WARN,
      logCreator: () => (entry) => this.report(entry),
    })
  }

  private readonly reported = new Map<string, number>()

  // A broker that is away is reported by every connection and attempt: one line per 10 s and message is enough.
  private report({ level, log: { message, error, groupId, broker, topic, partition } }: LogEntry): void {
    // We limit the retries because the callers retry, with a new producer and receivers that know what they have read.
    if (message.startsWith('Limiting retries for the idempotent producer')) return
    const now = performance.now()
    if (now < (this.reported.get(message) ?? 0)) return
    if (this.reported.size > 1_000) this.reported.clear()
    this.reported.set(message, now + 10_000)
    const reason = error instanceof Error ? error.message : error
    this.log[level === logLevel.WARN ? 'warn' : 'error']({ reason, groupId, broker, topic, partition }, `Kafka client: ${message}`)
  }
}

/** The log on Kafka. To read it a group is needed, which is removed again afterwards. */
export class KafkaLog implements EventLog {
  private readonly kafka: Kafka
  private readonly admin: Link<Admin>

  constructor(
    brokers: string[],
    private readonly clientId: string,
    private readonly topics: readonly string[] = ourTopics,
  ) {
    this.kafka = new Kafka({ ...clientOptions(brokers, clientId, 4), logLevel: logLevel.NOTHING })
    this.admin = new Link(() => this.kafka.admin())
  }

  async extents(): Promise<Extent[]> {
    return this.admin.use(async (admin) => {
      const known = new Set(await admin.listTopics())
      const missing = this.topics.filter((topic) => !known.has(topic))
      if (missing.length) throw unknownTopic(missing)
      const places = await Promise.all(this.topics.map((topic) => admin.fetchTopicOffsets(topic)))
      return this.topics.flatMap((topic, n) =>
        places[n]!.map(({ partition, low, high }) => ({ stream: `${topic}/${partition}`, from: low, to: high })),
      )
    }, askMs)
  }

  async read(parts: readonly Extent[], take: (batch: readonly Delivery[]) => Promise<void>): Promise<void> {
    const left = new Map(parts.filter(({ from, to }) => BigInt(from) < BigInt(to)).map((part) => [part.stream, part]))
    if (!left.size) return
    const groupId = `${this.clientId}-${randomUUID()}`
    const consumer = this.kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 100, retry: { retries: 2 } })
    try {
      await within(askMs, consumer.connect())
      await consumer.subscribe({ topics: [...new Set([...left.keys()].map(topicOfStream))], fromBeginning: true })
      await new Promise<void>((resolve, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
        consumer
          .run({
            autoCommit: false,
            eachBatchAutoResolve: false,
            partitionsConsumedConcurrently: 4,
            eachBatch: async ({ batch: { topic, partition, messages }, resolveOffset, heartbeat, pause }) => {
              const stream = `${topic}/${partition}`
              const part = left.get(stream)
              const wanted = part
                ? messages.filter(({ offset }) => BigInt(offset) >= BigInt(part.from) && BigInt(offset) < BigInt(part.to))
                : []
              for (let n = 0; n < wanted.length; n += batchSize) {
                const chunk = wanted.slice(n, n + batchSize)
                try {
                  await take(chunk.map((message) => read(topic, stream, message)))
                } catch (error) {
                  reject(error as Error)
                  throw error
                }
                await heartbeat()
              }
              const last = messages.at(-1)?.offset
              if (last === undefined) return
              resolveOffset(last)
              if (part && BigInt(last) + 1n < BigInt(part.to)) return void left.set(stream, { ...part, from: String(BigInt(last) + 1n) })
              left.delete(stream)
              pause()
              if (!left.size) resolve()
            },
          })
          .catch(reject)
        for (const { stream, from } of left.values())
          consumer.seek({ topic: topicOfStream(stream), partition: Number(stream.slice(stream.lastIndexOf('/') + 1)), offset: from })
      })
    } finally {
      await within(leaveMs, consumer.disconnect()).catch(() => undefined)
      await this.admin.use((admin) => admin.deleteGroups([groupId]), askMs).catch(() => undefined)
    }
  }

  lag(group: string, topics: readonly string[]): Promise<number> {
    return this.admin.use((admin) => lagOf(admin, group, topics), askMs)
  }

  close(): Promise<void> {
    return this.admin.close()
  }
}

function topicOfStream(stream: string): string {
  return stream.slice(0, stream.lastIndexOf('/'))
}

function clientOptions(brokers: string[], clientId: string, retries: number) {
  return {
    clientId,
    brokers,
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries },
  }
}

/** Messages of the topics that the group has not consumed yet. */
async function lagOf(admin: Admin, groupId: string, topics: readonly string[]): Promise<number> {
  const [committed, ...ends] = await Promise.all([
    admin.fetchOffsets({ groupId, topics: [...topics] }),
    ...topics.map((topic) => admin.fetchTopicOffsets(topic)),
  ])
  let lag = 0
  topics.forEach((topic, index) => {
    const reached = committed.find((entry) => entry.topic === topic)?.partitions ?? []
    for (const { partition, low, high } of ends[index]!) {
      const offset = reached.find((entry) => entry.partition === partition)?.offset ?? '-1'
      lag += Number(high) - Math.max(Number(offset), Number(low))
    }
  })
  return lag
}

class KafkaSubscription implements Subscription {
  private consumer: Consumer
  private readonly timer: NodeJS.Timeout
  private readonly failures = new Map<string, number>()
  private readonly resumes = new Set<NodeJS.Timeout>()
  /** Next offsets of finished batches that are not committed yet, by stream. Those of an earlier membership are forgotten: another may own them. */
  private finished = new Map<string, { topic: string; partition: number; offset: string }>()
  private commitNow: EachBatchPayload['commitOffsetsIfNecessary'] | undefined
  private committing: Promise<void> = Promise.resolve()
  private state: 'joining' | 'joined' | 'restarting' | 'dead' = 'joining'
  private changed: () => void = () => undefined
  private stopping: Promise<void> | undefined
  private replacing: Promise<void> | undefined

  constructor(
    private readonly client: () => Kafka,
    private readonly options: SubscribeOptions,
    private readonly admin: Link<Admin>,
    private readonly stopped: () => void,
  ) {
    this.consumer = this.member()
    this.timer = setInterval(() => void this.commit(), commitMs).unref()
  }

  get running(): boolean {
    return !this.stopping && this.state !== 'dead'
  }

  start(): Promise<void> {
    return this.begin(this.consumer)
  }

  private member(): Consumer {
    const consumer = this.client().consumer({
      groupId: this.options.group,
      allowAutoTopicCreation: false,
      // A fetch answers as soon as there is a message; the wait is how long a stop, a heartbeat or a resumed partition may have to wait.
      maxWaitTimeInMs: 500,
      minBytes: 1,
      heartbeatInterval: beatMs,
      // A member that died is replaced after this, and one that lost its broker and joins anew has to wait for its own former self.
      sessionTimeout: 10_000,
      rebalanceTimeout: 60_000,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5, restartOnFailure: async () => !this.stopping },
    })
    const { GROUP_JOIN, REBALANCING, CRASH } = consumer.events
    const ours = (work: () => void) => () => {
      if (consumer === this.consumer) work()
    }
    consumer.on(
      GROUP_JOIN,
      ours(() => {
        this.finished = new Map()
        this.turn('joined')
      }),
    )
    consumer.on(
      REBALANCING,
      ours(() => void this.commit()),
    )
    consumer.on(CRASH, ({ payload }) => {
      if (consumer !== this.consumer) return
      this.turn(payload.restart ? 'restarting' : 'dead')
      if (!payload.restart) this.replacing ??= this.replace().finally(() => (this.replacing = undefined))
    })
    return consumer
  }

  /** kafkajs gives up for ever on some errors of a moment, as when the broker goes away while a member joins again: another member takes its place. */
  private async replace(): Promise<void> {
    for (let wait = firstWait; !this.stopping; wait = Math.min(wait * 2, longestWait)) {
      await delay(wait, undefined, { ref: false })
      if (this.stopping) return
      const former = this.consumer
      this.consumer = this.member()
      this.turn('joining')
      void within(leaveMs, former.disconnect()).catch(() => undefined)
      const begun = await this.begin(this.consumer).then(
        () => true,
        () => false,
      )
      if (begun && this.current() !== 'dead') return
    }
  }

  private current(): typeof this.state {
    return this.state
  }

  private async begin(consumer: Consumer): Promise<void> {
    await within(askMs, consumer.connect())
    await consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true })
    // Committing with each batch would cost 55 ms a delivery (measured); receivers know what they have read, so late commits are safe.
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 12,
      eachBatch: (payload) => this.take(payload),
    })
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.leave())
  }

  async lag(): Promise<number> {
    const { group, topics } = this.options
    return this.admin.use((admin) => lagOf(admin, group, topics), askMs)
  }

  private async leave(): Promise<void> {
    // A member that is just joining again cannot be stopped by kafkajs: it would stay for ever.
    if (this.state === 'restarting')
      await Promise.race([new Promise<void>((resolve) => (this.changed = resolve)), delay(leaveMs, undefined, { ref: false })])
    await Promise.race([this.replacing, delay(leaveMs, undefined, { ref: false })])
    await this.commit()
    await within(leaveMs, this.consumer.disconnect()).catch(() => undefined)
    clearInterval(this.timer)
    for (const resume of this.resumes) clearTimeout(resume)
    this.stopped()
  }

  private turn(state: typeof this.state): void {
    this.state = state
    // kafkajs notes only afterwards that it runs.
    setImmediate(this.changed)
  }

  private async take({
    batch,
    resolveOffset,
    heartbeat,
    pause,
    commitOffsetsIfNecessary,
    isRunning,
    isStale,
  }: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = batch
    const stream = `${topic}/${partition}`
    const { finished } = this
    this.commitNow = commitOffsetsIfNecessary
    let lost: unknown
    const beat = async () => {
      if (isStale()) throw new Error(`${stream} was taken away`)
      await heartbeat().catch((error: unknown) => {
        lost = error
        throw error
      })
    }
    // Beside the deliveries, so that a slow one does not cost the membership.
    const pulse = setInterval(() => void beat().catch(() => undefined), beatMs)
    try {
      for (let from = 0; from < messages.length && isRunning() && !this.stopping && !isStale(); from += batchSize) {
        const chunk = messages.slice(from, from + batchSize)
        try {
          await this.options.deliver(
            chunk.map((message) => read(topic, stream, message)),
            beat,
          )
        } catch {
          // Membership is for kafkajs to mend: it joins again and fetches from the committed offset.
          if (lost) throw lost
          this.backOff(stream, pause())
          break
        }
        this.failures.delete(stream)
        const last = chunk.at(-1)!.offset
        resolveOffset(last)
        finished.set(stream, { topic, partition, offset: String(BigInt(last) + 1n) })
        if (from + batchSize < messages.length) await beat()
      }
    } finally {
      clearInterval(pulse)
    }
    if (this.stopping) await this.commit()
  }

  /** Rests one partition, so that the others go on; what was not delivered is fetched again afterwards. */
  private backOff(stream: string, resume: () => void): void {
    const failures = this.failures.get(stream) ?? 0
    this.failures.set(stream, failures + 1)
    const timer = setTimeout(
      () => {
        this.resumes.delete(timer)
        resume()
      },
      Math.min(firstWait * 2 ** failures, longestWait),
    ).unref()
    this.resumes.add(timer)
  }

  private commit(): Promise<void> {
    return (this.committing = this.committing.then(async () => {
      const finished = this.finished
      if (!finished.size) return
      const offsets = [...finished.values()]
      const topics = [...new Set(offsets.map(({ topic }) => topic))].map((topic) => ({
        topic,
        partitions: offsets.filter((entry) => entry.topic === topic),
      }))
      try {
        await this.commitNow?.({ topics })
        for (const entry of offsets) {
          const stream = `${entry.topic}/${entry.partition}`
          if (finished.get(stream) === entry) finished.delete(stream)
        }
      } catch {
        // Tried again with the next commit; until then the messages may be delivered a second time.
      }
    }))
  }
}

interface Client {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

/** A connection made on first use, and made anew after a failure. */
class Link<T extends Client> {
  private current: Promise<T> | undefined

  constructor(private readonly make: () => T) {}

  async use<R>(work: (client: T) => Promise<R>, ms: number): Promise<R> {
    const current = (this.current ??= this.open())
    const working = current.then(work)
    try {
      return await within(ms, working)
    } catch (error) {
      if (this.current === current) this.current = undefined
      void end(current, working)
      throw error
    }
  }

  async close(): Promise<void> {
    const current = this.current
    this.current = undefined
    await current?.then((client) => client.disconnect()).catch(() => undefined)
  }

  private async open(): Promise<T> {
    const client = this.make()
    try {
      await client.connect()
    } catch (error) {
      await client.disconnect().catch(() => undefined)
      throw error
    }
    return client
  }
}

/** Disconnects a client, and once more when its last work ended: kafkajs connects again for each retry. */
async function end(opening: Promise<Client>, working: Promise<unknown>): Promise<void> {
  try {
    const client = await opening
    await client.disconnect()
    await working.catch(() => undefined)
    await client.disconnect()
  } catch {
    // was not connected
  }
}

interface Sender extends Client {
  send(topicMessages: TopicMessages[]): Promise<void>
}

/**
 * An idempotent producer. One failure ends it: the broker may have stored what failed, and would take other messages under the same sequence
 * numbers for repetitions and drop them in silence.
 */
function openProducer(kafka: Kafka): Sender {
  let ended = false
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: () => {
      const choose = Partitioners.DefaultPartitioner()
      return (message) => {
        // Each attempt passes here: one that is left behind must not send when the caller has already been told that it failed.
        if (ended) throw Object.assign(new Error('the producer was closed'), { retriable: false })
        return choose(message)
      }
    },
  })
  return {
    connect: () => producer.connect(),
    disconnect: () => {
      ended = true
      return producer.disconnect()
    },
    send: async (topicMessages) => void (await producer.sendBatch({ acks: -1, timeout: 8_000, topicMessages })),
  }
}

/** Messages in their order, in parts that a broker takes at once. */
function* cut(messages: readonly BusMessage[]): Generator<BusMessage[]> {
  let part: BusMessage[] = []
  let bytes = 0
  for (const message of messages) {
    const size =
      message.value.length +
      message.key.length +
      Object.entries(message.headers).reduce((sum, [name, text]) => sum + name.length + text.length, 0)
    if (part.length && bytes + size > sendBytes) {
      yield part
      part = []
      bytes = 0
    }
    part.push(message)
    bytes += size
  }
  if (part.length) yield part
}

function byTopic(messages: readonly BusMessage[]): TopicMessages[] {
  const topics = new Map<string, Message[]>()
  for (const { topic, key, headers, value } of messages) {
    const list = topics.get(topic) ?? []
    topics.set(topic, list)
    list.push({ key, value, headers: { ...headers } })
  }
  return [...topics].map(([topic, list]) => ({ topic, messages: list }))
}

function read(topic: string, stream: string, { key, headers, value, offset }: KafkaMessage): Delivery {
  const texts: Record<string, string> = {}
  for (const name in headers) {
    const bytes = headers[name]
    texts[name] = String((Array.isArray(bytes) ? bytes.at(-1) : bytes) ?? '')
  }
  return { topic, stream, offset, key: key?.toString() ?? '', value: value ?? Buffer.alloc(0), headers: texts }
}

function missingTopic(error: unknown): boolean {
  const { type, cause } = error as { type?: string; cause?: unknown }
  return type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'INVALID_TOPIC_EXCEPTION' || (cause !== undefined && missingTopic(cause))
}

function unknownTopic(topics: readonly string[]): Error {
  return new Error(`Kafka has no topic ${[...new Set(topics)].join(', ')}, or not all of these: npm run topics creates what is missing`)
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Kafka did not answer within ${ms / 1_000} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

interface RequestQueue {
  pending: unknown[]
  throttledUntil: number
  scheduleCheckPendingRequests(): void
}

/**
 * kafkajs schedules a check for waiting requests after every answer, though none waits: an idle consumer then spins a 1 ms timer (5.5 % of a
 * core, 0.9 % with this) and Node warns of negative time-outs. https://github.com/tulios/kafkajs/issues/1751 and …/1556.
 */
const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
const schedule = prototype.scheduleCheckPendingRequests
prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length || this.throttledUntil > performance.timeOrigin + performance.now()) schedule.call(this)
}
