import { Controller, Module } from '@nestjs/common'
import { defineOperation, LeadAssigned, LeadCaptured, LeadQualified, permission, type Input } from '@millrace/contracts'
import {
  begun,
  Clock,
  Database,
  Events,
  migration,
  On,
  Serve,
  aggregateSchema,
  type Received,
  type ServiceDefinition,
  type Transaction,
} from '@millrace/service'
import { Refusal, type Id } from '@millrace/domain'
import { z } from 'zod'

/** What the probe's handlers do with the next events; tests set it. */
export const probe: { fail: (subject: string) => Error | undefined } = { fail: () => undefined }

/** A note that the probe keeps: the smallest aggregate there is. */
export class Note {
  declare readonly id: Id<'lead'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly text: string
}

const NoteSchema = aggregateSchema(Note, 'note', { text: 'text' })
const rule = permission('probe.use', { administrator: 'company', sales_rep: 'own' })

export const writeNote = defineOperation({
  id: 'probeWrite',
  service: 'insight',
  method: 'POST',
  path: '/v1/probe-notes',
  summary: 'probe',
  rule,
  body: z.strictObject({ text: z.string(), fail: z.boolean().optional() }),
  answer: z.any(),
})
export const readNotes = defineOperation({
  id: 'probeRead',
  service: 'insight',
  method: 'GET',
  path: '/v1/probe-notes',
  summary: 'probe',
  rule,
  answer: z.any(),
})
export const faultyNote = defineOperation({
  id: 'probeFault',
  service: 'insight',
  method: 'GET',
  path: '/v1/probe-faults',
  summary: 'probe',
  rule,
  answer: z.any(),
})

@Controller()
class ProbeController {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {}

  @Serve(writeNote)
  write({ body }: Input<typeof writeNote>) {
    return this.db.transaction(async (tx) => {
      const note = Object.assign(Object.create(Note.prototype) as Note, begun('lead', this.clock.now()), { text: body.text })
      await tx.insert(note)
      await this.events.publish(tx, LeadCaptured, note, {
        leadId: note.id,
        companyName: body.text,
        contactName: null,
        ownerId: null,
        source: null,
        channel: null,
        campaign: null,
      })
      if (body.fail) throw new Refusal('probe.failed')
      return { id: note.id, text: note.text }
    })
  }

  @Serve(readNotes)
  async read() {
    return {
      notes: await this.db.query('SELECT text FROM note ORDER BY id'),
      seen: await this.db.query('SELECT subject, name FROM seen ORDER BY n'),
    }
  }

  @Serve(faultyNote)
  fault(): never {
    throw new Error('a secret of the inside: password=hunter2')
  }

  @On(LeadCaptured)
  captured(event: Received<typeof LeadCaptured>, tx: Transaction) {
    return this.see(event.subject, 'captured', tx)
  }

  @On(LeadAssigned)
  assigned(event: Received<typeof LeadAssigned>, tx: Transaction) {
    return this.see(event.subject, 'assigned', tx)
  }

  /** Tells on: what it publishes is caused by what it read. */
  @On(LeadQualified)
  async qualified({ subject, journeyId, sequence }: Received<typeof LeadQualified>, tx: Transaction) {
    await this.see(subject, 'qualified', tx)
    const about = { id: subject, journeyId, version: sequence + 1 }
    await this.events.publish(tx, LeadAssigned, about, { leadId: subject as Id<'lead'>, ownerId: 'user_00000000000000000000000000' })
  }

  private async see(subject: string, name: string, tx: Transaction): Promise<void> {
    await tx.query('INSERT INTO seen (subject, name) VALUES ($1, $2)', [subject, name])
    const failure = probe.fail(subject)
    if (failure) throw failure
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

/** A service that only notes what it is told: the service library is tested through it. */
export const probeService: ServiceDefinition = {
  name: 'insight',
  module: ProbeModule,
  schemas: [NoteSchema],
  migrations: [
    migration(
      '0900-probe',
      `CREATE TABLE note (tenant_id text NOT NULL DEFAULT current_tenant(), id text NOT NULL, version int NOT NULL, journey_id text NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, text text NOT NULL, PRIMARY KEY (tenant_id, id));
       SELECT tenant_table('note');
       CREATE TABLE seen (tenant_id text NOT NULL DEFAULT current_tenant(), n bigint GENERATED ALWAYS AS IDENTITY, subject text NOT NULL, name text NOT NULL, PRIMARY KEY (tenant_id, n));
       SELECT tenant_table('seen');`,
    ),
  ],
}
