import type { z } from 'zod'
import { serviceOf, topicOf, type AggregateName, type ServiceName } from './services.js'

/** One kind of event, declared once: its name on the wire, its payload, the topic it travels on. */
export interface EventType<Payload extends z.ZodType = z.ZodType> {
  /** Business name, e.g. `lead.converted`. */
  readonly name: string
  readonly version: number
  /** CloudEvents type on the wire, e.g. `millrace.lead.converted.v1`. */
  readonly type: string
  readonly aggregate: string
  readonly service: ServiceName
  readonly topic: string
  readonly payload: Payload
  /** What it means to a receiver, in one sentence. */
  readonly doc: string
}

/** What a sender gives. */
export type Sent<E extends EventType> = z.input<E['payload']>

/** What a receiver gets. */
export type PayloadOf<E extends EventType> = z.output<E['payload']>

/** Every event of the platform, in the order of declaration. The AsyncAPI document and the golden schemas are made from it. */
export const events: EventType[] = []

/** Declares an event. Adding an optional field later keeps the version; anything else is a new declaration sent beside the old one. */
export function defineEvent<Payload extends z.ZodType>(
  name: `${AggregateName}.${string}`,
  version: number,
  payload: Payload,
  doc: string,
): EventType<Payload> {
  const aggregate = name.slice(0, name.indexOf('.'))
  const type = `millrace.${name}.v${version}`
  if (events.some((event) => event.type === type)) throw new Error(`${type} is declared twice`)
  const event = { name, version, type, aggregate, service: serviceOf(aggregate), topic: topicOf(aggregate), payload, doc }
  events.push(event)
  return event
}
