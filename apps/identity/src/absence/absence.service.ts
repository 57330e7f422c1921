import { Injectable } from '@nestjs/common'
import {
  AbsenceChanged,
  AbsenceNoted,
  AbsenceWithdrawn,
  listAbsences,
  type Answer,
  type changeAbsence,
  type getAbsence,
  type Input,
  type noteAbsence,
  type Sent,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Events, visibleOwners, type Transaction } from '@millrace/service'
import { Absence, type AbsenceData } from './absence.js'

/** Use cases of the absence. */
@Injectable()
export class AbsenceService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {}

  list(query: Input<typeof listAbsences>['query']) {
    return this.db.list(Absence, listAbsences, query, absenceView, {
      fields: { userId: { sql: 'owner_id', type: 'text', nullable: false } },
      where: { sql: 'withdrawn_at IS NULL', values: [] },
    })
  }

  async get(id: string) {
    return absenceView(await this.db.get(Absence, id))
  }

  note({ userId, ...given }: Input<typeof noteAbsence>['body']): Promise<Answer<typeof noteAbsence>> {
    return this.db.transaction(async (tx) => {
      const ownerId = userId ?? me()
      await this.mustLead(tx, ownerId)
      const absence = Absence.note({ ...begun('absence', this.clock.now()), ...given, ownerId })
      await this.check(tx, absence)
      await tx.insert(absence)
      await this.events.publish(tx, AbsenceNoted, absence, facts(absence))
      return absenceView(absence)
    })
  }

  change(id: Id<'absence'>, given: Input<typeof changeAbsence>['body']): Promise<Answer<typeof getAbsence>> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Absence, id)
      const said = Object.entries(given).filter(([, value]) => value !== undefined)
      const absence = before.change(Object.fromEntries(said) as Partial<AbsenceData>, this.clock.now())
      await this.check(tx, absence)
      await tx.update(absence)
      await this.events.publish(tx, AbsenceChanged, absence, facts(absence))
      return absenceView(absence)
    })
  }

  withdraw(id: Id<'absence'>): Promise<Answer<typeof getAbsence>> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Absence, id)
      const absence = before.withdraw(this.clock.now())
      if (absence === before) return absenceView(absence)
      await tx.update(absence)
      await this.events.publish(tx, AbsenceWithdrawn, absence, facts(absence))
      return absenceView(absence)
    })
  }

  /** Refuses somebody whom the actor does not lead as if they did not exist. */
  private async mustLead(tx: Transaction, userId: string): Promise<void> {
    const seen = visibleOwners('id', 1)
    const found = await tx.one(`SELECT 1 FROM "user" WHERE id = $1 ${seen ? `AND ${seen.sql}` : ''}`, [userId, ...(seen?.values ?? [])])
    if (!found) throw Refusal.invalid('reference.unknown', { field: 'userId', value: userId })
  }

  /** Refuses what overlaps with another absence of the person, also with one that is noted at this moment; and a deputy who is not there. */
  private async check(tx: Transaction, { id, ownerId, startsAt, endsAt, deputyId }: Absence): Promise<void> {
    tx.lockKeys([`absences of ${ownerId}`])
    const other = await tx.one<{ starts_at: Date; ends_at: Date }>(
      `SELECT starts_at, ends_at FROM absence
       WHERE owner_id = $1 AND ends_at > $2 AND starts_at < $3 AND id <> $4 AND withdrawn_at IS NULL ORDER BY ends_at LIMIT 1`,
      [ownerId, startsAt, endsAt, id],
    )
    if (other) throw new Refusal('absence.overlaps', { startsAt: other.starts_at.toISOString(), endsAt: other.ends_at.toISOString() })
    if (deputyId && !(await tx.one('SELECT 1 FROM "user" WHERE id = $1 AND active', [deputyId])))
      throw Refusal.invalid('reference.unknown', { field: 'deputyId', value: deputyId })
  }
}

function me(): Id<'user'> {
  const { actor } = context()
  if (actor?.kind !== 'user') throw Refusal.invalid('absence.whose')
  return actor.id as Id<'user'>
}

function absenceView({ journeyId: _, ownerId, ...absence }: Absence): Answer<typeof getAbsence> {
  return { ...absence, userId: ownerId, kind: absence.kind as Answer<typeof getAbsence>['kind'] }
}

function facts({ id, ownerId, startsAt, endsAt, deputyId }: Absence): Sent<typeof AbsenceNoted> {
  return { absenceId: id, userId: ownerId, startsAt, endsAt, deputyId }
}
