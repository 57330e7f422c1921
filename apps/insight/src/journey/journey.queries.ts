import { Injectable } from '@nestjs/common'
import type { Answer, getJourney, Input, listJourneys } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { Database, visibleOwners } from '@millrace/service'
import type { Facts } from './step.js'

interface StepRow {
  readonly service: string
  readonly event: string
  readonly at: Date
  readonly recorded_at: Date
  readonly aggregate: string
  readonly subject: string
  readonly actor_id: string | null
  readonly actor_name: string | null
  readonly facts: Facts
}

/** Reads of journeys. A journey is seen by who sees the owner of one of its records. */
@Injectable()
export class JourneyQueries {
  constructor(private readonly db: Database) {}

  async get(id: Id<'journey'>): Promise<Answer<typeof getJourney>> {
    const { sql, values } = seen('$1', 1)
    const rows = await this.db.query<StepRow>(
      // Ids of events are minted when they are written, so they order what happened at one instant, across services too.
      `SELECT s.service, s.event, s.at, s.recorded_at, s.aggregate, s.subject, s.actor_id, u.name AS actor_name, s.facts
       FROM journey_step s LEFT JOIN directory_user u ON u.id = s.actor_id WHERE s.journey_id = $1 AND ${sql} ORDER BY s.at, s.event_id`,
      [id, ...values],
    )
    const [first, last] = [rows[0], rows.at(-1)]
    if (!first || !last) throw Refusal.notFound('journey', id)
    const steps = rows.map(({ event, recorded_at, actor_id, actor_name, ...step }) => ({
      ...step,
      step: event.slice(event.indexOf('.') + 1),
      event,
      recordedAt: recorded_at,
      actor: actor_id === null ? null : { id: actor_id, name: actor_name },
    }))
    return { id, startedAt: first.at, lastAt: last.at, steps }
  }

  async list({ subject, limit, cursor }: Input<typeof listJourneys>['query']): Promise<Answer<typeof listJourneys>> {
    const { sql, values } = seen('named.id', 3)
    const rows = await this.db.query<{ id: Id<'journey'>; startedAt: Date; lastAt: Date; steps: number }>(
      `WITH named AS (SELECT DISTINCT journey_id AS id FROM journey_record WHERE record_id = $1 AND ($2::text IS NULL OR journey_id < $2)),
            page AS (SELECT id FROM named WHERE ${sql} ORDER BY id DESC LIMIT $3)
       SELECT id, min(s.at) AS "startedAt", max(s.at) AS "lastAt", count(*)::int AS steps
       FROM page JOIN journey_step s ON s.journey_id = page.id GROUP BY id ORDER BY id DESC`,
      [subject, cursor ?? null, limit + 1, ...values],
    )
    const data = rows.slice(0, limit)
    return { data, next: rows.length > limit ? data.at(-1)!.id : null }
  }
}

function seen(journey: string, offset: number): { sql: string; values: unknown[] } {
  const owned = visibleOwners('r.owner_id', offset)
  if (!owned) return { sql: 'true', values: [] }
  return { sql: `EXISTS (SELECT 1 FROM journey_record r WHERE r.journey_id = ${journey} AND ${owned.sql})`, values: owned.values }
}
