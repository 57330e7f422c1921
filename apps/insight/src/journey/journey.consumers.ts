import { Controller } from '@nestjs/common'
import { events, type EventType } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { factsOf, ownerOf, recordedAt, recordsOf } from './step.js'

const declared = new Map(events.map((event) => [event.type, event]))

/** Writes down every event of every service as a step of its journey. */
@Controller()
export class JourneyConsumers {
  async note({ id, type, at, journeyId, subject, sequence, actorId, payload }: Received<EventType>, tx: Transaction): Promise<void> {
    const { name, service, aggregate } = declared.get(type)!
    const told = payload as Record<string, unknown>
    const owner = ownerOf(told)
    await tx.query(writeStep, [
      journeyId,
      id,
      at,
      recordedAt(id, at),
      service,
      name,
      aggregate,
      subject,
      sequence,
      actorId,
      JSON.stringify(factsOf(aggregate, told)),
      recordsOf(subject, told),
      owner ?? null,
      owner !== undefined,
    ])
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

const writeStep = `
  WITH step AS (
    INSERT INTO journey_step (journey_id, event_id, at, recorded_at, service, event, aggregate, subject, sequence, actor_id, facts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb) ON CONFLICT DO NOTHING)
  INSERT INTO journey_record (record_id, journey_id, told_by, owner_id, sequence)
  SELECT record_id, $1, $8, CASE WHEN record_id = $8 THEN $13 END, $9 FROM unnest($12::text[]) AS named(record_id)
  ON CONFLICT (tenant_id, record_id, journey_id, told_by) DO UPDATE SET owner_id = excluded.owner_id, sequence = excluded.sequence
  WHERE $14 AND excluded.record_id = excluded.told_by AND journey_record.sequence <= excluded.sequence`
