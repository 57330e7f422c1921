import { Controller } from '@nestjs/common'
import { events, type EventType } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { factsOf, ownerOf, recordedAt, recordsOf, type Facts } from './step.js'

const declared = new Map(events.map((event) => [event.type, event]))

/** A step as it is stored, and the records that it tells of. */
interface Step {
  readonly journeyId: string
  readonly eventId: string
  readonly at: Date
  readonly recordedAt: Date
  readonly event: EventType
  readonly subject: string
  readonly sequence: number
  readonly actorId: string | null
  readonly facts: Facts
  readonly records: readonly string[]
  /** Undefined: the event does not say who owns the record. */
  readonly ownerId: string | null | undefined
}

/** Writes down every event of every service as a step of its journey. */
@Controller()
export class JourneyConsumers {
  note({ id, type, at, journeyId, subject, sequence, actorId, payload }: Received<EventType>, tx: Transaction): void {
    const event = declared.get(type)!
    const told = payload as Record<string, unknown>
    tx.gather(writeSteps, {
      journeyId,
      eventId: id,
      at,
      recordedAt: recordedAt(id, at),
      event,
      subject,
      sequence,
      actorId,
      facts: factsOf(event.aggregate, told),
      records: recordsOf(subject, told),
      ownerId: ownerOf(told),
    })
  }
}

// One method per declared event, so that an event declared tomorrow is on the timeline without a line here.
for (const event of events) {
  const method = {
    configurable: true,
    writable: true,
    value(this: JourneyConsumers, received: Received<EventType>, tx: Transaction) {
      return this.note(received, tx)
    },
  }
  Object.defineProperty(JourneyConsumers.prototype, event.type, method)
  On(event)(JourneyConsumers.prototype, event.type, method)
}

/** Stores the steps of a batch of events. Of a record's owner the latest word counts, here as between batches. */
function writeSteps(tx: Transaction, steps: readonly Step[]): void {
  const column = <T>(pick: (step: Step) => T) => steps.map(pick)
  tx.send(
    `INSERT INTO journey_step (journey_id, event_id, at, recorded_at, service, event, aggregate, subject, sequence, actor_id, facts)
     SELECT j, id, at, recorded, service, event, aggregate, subject, sequence, actor, facts::jsonb
     FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::text[], $11::text[])
       AS step(j, id, at, recorded, service, event, aggregate, subject, sequence, actor, facts)
     ON CONFLICT DO NOTHING`,
    [
      column(({ journeyId }) => journeyId),
      column(({ eventId }) => eventId),
      column(({ at }) => at),
      column((step) => step.recordedAt),
      column(({ event }) => event.service),
      column(({ event }) => event.name),
      column(({ event }) => event.aggregate),
      column(({ subject }) => subject),
      column(({ sequence }) => sequence),
      column(({ actorId }) => actorId),
      column(({ facts }) => JSON.stringify(facts)),
    ],
  )
  const named = steps.flatMap((step) => step.records.map((record) => ({ record, step })))
  const owner = ({ record, step }: (typeof named)[number]) => (record === step.subject ? step.ownerId : undefined)
  tx.send(
    `INSERT INTO journey_record (record_id, journey_id, told_by, owner_id, owner_sequence)
     SELECT DISTINCT ON (record, journey, told_by) record, journey, told_by, owner, sequence
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[]) WITH ORDINALITY AS named(record, journey, told_by, owner, sequence, n)
     ORDER BY record, journey, told_by, sequence DESC NULLS LAST, n DESC
     ON CONFLICT (tenant_id, record_id, journey_id, told_by) DO UPDATE SET owner_id = excluded.owner_id, owner_sequence = excluded.owner_sequence
     WHERE excluded.owner_sequence IS NOT NULL AND coalesce(journey_record.owner_sequence, 0) <= excluded.owner_sequence`,
    [
      named.map(({ record }) => record),
      named.map(({ step }) => step.journeyId),
      named.map(({ step }) => step.subject),
      named.map((each) => owner(each) ?? null),
      named.map((each) => (owner(each) === undefined ? null : each.step.sequence)),
    ],
  )
}
