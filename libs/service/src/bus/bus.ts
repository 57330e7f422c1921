/** One event as the bus carries it. */
export interface BusMessage {
  readonly topic: string
  /** The aggregate id. Events of one key arrive in the order they were sent. */
  readonly key: string
  /** CloudEvents attributes (`ce_…`), see house rules on the wire format. */
  readonly headers: Readonly<Record<string, string>>
  readonly value: Buffer
}

/** A message as it arrives, with its place in the log. */
export interface Delivery extends BusMessage {
  /** Ordered stream this message is part of, e.g. `topic/partition`. */
  readonly stream: string
  readonly offset: string
}

export interface SubscribeOptions {
  /** Members of one group share the work; each group gets every message. A new group begins at the beginning. */
  readonly group: string
  readonly topics: readonly string[]
  /** Types (`ce_type`) that the group has no use for. A bus may leave them out, or deliver them all the same. */
  readonly ignored?: readonly string[]
  /**
   * Called with the next messages of one stream, in order. Resolves when their effect is safe; it may see a message again.
   * When it throws, the same messages are delivered again later. `beat` keeps the member alive in long batches; it throws when the stream was
   * taken away.
   */
  readonly deliver: (batch: readonly Delivery[], beat: () => Promise<void>) => Promise<void>
}

export interface Subscription {
  /** Finishes the running batches and leaves the group. */
  stop(): Promise<void>
  /** Messages not yet consumed by the group, over all streams. */
  lag(): Promise<number>
  /** Whether it takes messages now. */
  readonly running: boolean
}

/** What one stream holds: the messages from offset `from` to before `to`. `from` above 0: its beginning is gone. */
export interface Extent {
  readonly stream: string
  readonly from: string
  readonly to: string
}

/** The log of the bus, read beside the groups: nobody's place in it moves, and nobody misses a message for it. */
export interface EventLog {
  /** All streams, with what they hold now. Throws when the bus cannot be reached or is not ours. */
  extents(): Promise<Extent[]>
  /** Reads these parts of the log, a few streams at once; messages of one stream come in order, its next batch when the one before was taken. */
  read(parts: readonly Extent[], take: (batch: readonly Delivery[]) => Promise<void>): Promise<void>
  /** Messages of these topics that the group has not consumed yet. */
  lag(group: string, topics: readonly string[]): Promise<number>
  close(): Promise<void>
}

/** The event bus. Two real ones exist: Kafka, and a log on Postgres for a bare laptop. */
export interface Bus {
  /** Stores messages durably, in the given order per key; all or an error. */
  publish(messages: readonly BusMessage[]): Promise<void>
  subscribe(options: SubscribeOptions): Promise<Subscription>
  /** Creates the topics that are missing. */
  createTopics(topics: readonly string[], options: TopicOptions): Promise<void>
  /** Throws when the bus cannot be reached. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface TopicOptions {
  readonly partitions: number
  readonly replicas: number
  readonly retentionDays: number
}
