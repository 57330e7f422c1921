import { Controller } from '@nestjs/common'
import { getParkedEvent, listParkedEvents, replayParkedEvent, replayParkedEvents, type Answer, type Input } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { EventConsumer } from './consumer.js'
import { Database } from './database.js'
import { Serve } from './operation-server.js'

interface ParkedRow {
  readonly id: string
  readonly event_id: string
  readonly type: string
  readonly key: string
  readonly topic: string
  readonly stream: string
  readonly position: string
  readonly code: string
  readonly reason: string
  readonly attempts: number
  readonly blocks: boolean
  readonly parked_at: Date
  readonly headers: Record<string, string>
  readonly payload: Buffer
}

/** What administrators see and do about events that could not be applied. */
@Controller()
export class ParkedController {
  constructor(
    private readonly database: Database,
    private readonly consumer: EventConsumer,
  ) {}

  @Serve(listParkedEvents)
  async list(): Promise<Answer<typeof listParkedEvents>> {
    const rows = await this.database.query<ParkedRow>('SELECT * FROM parked ORDER BY seq LIMIT 200')
    return { data: rows.map(view), next: null }
  }

  @Serve(getParkedEvent)
  async get({ params }: Input<typeof getParkedEvent>): Promise<Answer<typeof getParkedEvent>> {
    const row = await this.database.one<ParkedRow>('SELECT * FROM parked WHERE id = $1', [params.id])
    if (!row) throw Refusal.notFound('parked_event', params.id)
    return { ...view(row), headers: row.headers, payload: row.payload.toString() }
  }

  @Serve(replayParkedEvent)
  replay({ params }: Input<typeof replayParkedEvent>): Promise<Answer<typeof replayParkedEvent>> {
    return this.consumer.replay(params.id)
  }

  @Serve(replayParkedEvents)
  async replayAll(): Promise<Answer<typeof replayParkedEvents>> {
    const rows = await this.database.query<ParkedRow>(
      'SELECT DISTINCT ON (CASE WHEN blocks THEN key ELSE id END) id FROM parked ORDER BY CASE WHEN blocks THEN key ELSE id END, seq',
    )
    const total: Answer<typeof replayParkedEvents> = { applied: 0, failed: null }
    for (const { id } of rows) {
      const { applied, failed } = await this.consumer.replay(id)
      total.applied += applied
      total.failed ??= failed
    }
    return total
  }
}

function view(row: ParkedRow): Answer<typeof listParkedEvents>['data'][number] {
  return {
    id: row.id,
    eventId: row.event_id,
    type: row.type,
    subject: row.key,
    topic: row.topic,
    stream: row.stream,
    offset: row.position,
    code: row.code,
    reason: row.reason,
    attempts: row.attempts,
    blocks: row.blocks,
    parkedAt: row.parked_at,
  }
}
