import { Injectable } from '@nestjs/common'
import { EventPattern, Transport } from '@nestjs/microservices'
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js'
import { customRecords, type CustomRecord, type EventType, type PayloadOf, type Sent } from '@millrace/contracts'
import { newId, Refusal, type CustomValues } from '@millrace/domain'
import { z } from 'zod'
import { Clock } from './clock.js'
import { context } from './context.js'
import type { Aggregate, Transaction } from './transaction.js'

/** An event as a consumer gets it. */
export interface Received<E extends EventType> {
  readonly id: string
  readonly type: string
  /** The aggregate that it is about. */
  readonly subject: string
  readonly tenantId: string
  readonly journeyId: string
  /** When it happened, in business. */
  readonly at: Date
  /** Version of the aggregate after it. */
  readonly sequence: number
  /** Who did it: a user or API client; null: the platform itself. */
  readonly actorId: string | null
  readonly payload: PayloadOf<E>
}

/** The transport that carries our events inside Nest. */
export const eventTransport = Symbol('millrace-events')

/**
 * Marks the method that acts on an event: `open(event: Received<typeof LeadConverted>, tx: Transaction)`. It runs once per event, in the
 * transaction that marks the event as read; when it throws, nothing of it stays and the event is tried again, then parked.
 */
export function On(event: EventType): MethodDecorator {
  return (target, key, descriptor) => {
    EventPattern(event.type, eventTransport as unknown as Transport)(target, key, descriptor as never)
    // Event and transaction as they are: as decorated parameters they would go through two asynchronous pipelines, for every event.
    Reflect.defineMetadata(PARAM_ARGS_METADATA, {}, target.constructor, key)
  }
}

/** Longest payload in characters. */
const largestPayload = 250_000

/** Tells others what happened. */
@Injectable()
export class Events {
  constructor(private readonly clock: Clock) {}

  /**
   * The event goes out if and when the transaction commits, in the order of commits per aggregate. `about` is the aggregate as it is stored
   * afterwards (call it after `tx.insert`/`tx.update`); `at` is when it happened in business, now by default. An event that is declared with
   * `custom` tells the company's own fields of the record as well, but for those that are private.
   */
  async publish<E extends EventType>(
    tx: Transaction,
    event: E,
    about: Aggregate,
    payload: Sent<E>,
    at: Date = this.clock.now(),
  ): Promise<void> {
    const json = JSON.stringify({ ...(payload as object), ...(await customOf(tx, event, about)) })
    const checked = event.payload.safeParse(JSON.parse(json))
    if (!checked.success)
      throw new Error(
        `${event.type} has a wrong payload: ${checked.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}`,
      )
    // The bus refuses more than 1 MB for ever, and the outbox would stand still behind it.
    if (json.length > largestPayload) throw new Refusal('request.too_large', { limit: largestPayload })
    const { actor, journeyId, traceparent, caused } = context()
    const eventId = newId('event')
    tx.enqueue({
      tenant_id: tx.tenant,
      event_id: eventId,
      topic: event.topic,
      key: about.id,
      payload: json,
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: eventId,
        ce_source: `/millrace/${event.service}`,
        ce_type: event.type,
        ce_subject: about.id,
        ce_time: at.toISOString(),
        ce_tenantid: tx.tenant,
        ce_journeyid: about.journeyId ?? journeyId ?? newId('journey'),
        ce_sequence: String(about.version),
        ...(actor && { ce_actorid: actor.id }),
        ...(traceparent && { ce_traceparent: traceparent }),
      },
    })
    caused.push(`${event.name}/${eventId}`)
  }
}

async function customOf(tx: Transaction, { aggregate, payload }: EventType, about: Aggregate): Promise<{ custom?: CustomValues }> {
  const { custom = {} } = about as { custom?: CustomValues }
  if (!Object.keys(custom).length || !Object.hasOwn(customRecords, aggregate) || !tells(payload)) return {}
  const told = await tx.custom?.told(aggregate as CustomRecord, custom)
  return told && Object.keys(told).length ? { custom: told } : {}
}

function tells(payload: EventType['payload']): boolean {
  return payload instanceof z.ZodObject && Object.hasOwn(payload.shape, 'custom')
}
