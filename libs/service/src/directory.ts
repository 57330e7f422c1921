import { Controller, Injectable } from '@nestjs/common'
import {
  AbsenceChanged,
  AbsenceNoted,
  AbsenceWithdrawn,
  CalendarChanged,
  CalendarCreated,
  OrgUnitChanged,
  OrgUnitCreated,
  TenantChanged,
  TenantCreated,
  UserChanged,
  UserCreated,
} from '@millrace/contracts'
import { officeHours, Refusal, type Id, type WorkingCalendar } from '@millrace/domain'
import { inTenant } from './context.js'
import { Database } from './database.js'
import { On, type Received } from './events.js'
import { Remembered } from './remembered.js'
import type { Transaction } from './transaction.js'

/** A colleague as this service knows them. */
export interface Colleague {
  readonly id: Id<'user'>
  readonly name: string
  readonly email: string
  readonly unitId: Id<'org_unit'> | null
  readonly active: boolean
}

/** Somebody who is away. */
export interface Absentee {
  readonly userId: Id<'user'>
  readonly endsAt: Date
  readonly deputyId: Id<'user'> | null
}

/** An absence as Postgres puts it into JSON. */
interface Away {
  readonly startsAt: string
  readonly endsAt: string
}

interface KnownCalendar extends WorkingCalendar {
  readonly isDefault: boolean
  readonly unitIds: readonly string[]
  readonly userIds: readonly string[]
}

/** Who works in the company, where and when: learnt from identity's events, kept in each service's own database. */
@Injectable()
export class Directory {
  /** The company's zone and its calendars, as they were at most a second ago. */
  readonly times = new Remembered(() => this.readTimes())

  constructor(private readonly database: Database) {}

  /** The active colleague with this id; refuses an unknown or departed one, naming the field that asked. */
  async colleague(userId: string, field = 'ownerId'): Promise<Colleague> {
    const found = await this.database.one<Colleague>(
      'SELECT id, name, email, unit_id AS "unitId", active FROM directory_user WHERE id = $1 AND active',
      [userId],
    )
    if (!found) throw Refusal.invalid('reference.unknown', { field, value: userId })
    return found
  }

  /** The active colleagues with these ids; refuses the first that is unknown or departed, naming the field that asked. */
  async colleagues(userIds: readonly string[], field: string): Promise<Colleague[]> {
    if (!userIds.length) return []
    const found = await this.database.query<Colleague>(
      'SELECT id, name, email, unit_id AS "unitId", active FROM directory_user WHERE id = ANY($1) AND active',
      [userIds],
    )
    const unknown = userIds.find((userId) => !found.some(({ id }) => id === userId))
    if (unknown !== undefined) throw Refusal.invalid('reference.unknown', { field, value: unknown })
    return found
  }

  /** All colleagues by e-mail and by name (lower-case), for imports. */
  async byEmailOrName(): Promise<Map<string, Colleague>> {
    const all = await this.database.query<Colleague>('SELECT id, name, email, unit_id AS "unitId", active FROM directory_user')
    return new Map(all.flatMap((user) => [[user.name.toLowerCase(), user] as const, [user.email.toLowerCase(), user] as const]))
  }

  /** The zone that the company's days begin in. */
  async zone(): Promise<string> {
    return (await this.times.get()).zone
  }

  /**
   * When somebody works, without the times after `from` in which they are away: by their own calendar, that of the nearest unit above them that
   * has one, the company's default, or Monday to Friday from nine to six.
   */
  async calendarOf(userId: string, from: Date): Promise<WorkingCalendar> {
    return (await this.calendarsOf([userId], from)).get(userId)!
  }

  /** The same for several. */
  async calendarsOf(userIds: readonly string[], from: Date): Promise<Map<string, WorkingCalendar>> {
    const calendarOf = await this.calendars()
    const rows = await this.database.query<{ id: string; path: string | null; away: Away[] | null }>(calendarsSql, [userIds, from])
    return new Map(rows.map(({ id, path, away }) => [id, calendarOf(id, path, away ?? [])]))
  }

  /** For statements that read people themselves: the calendar of a person, by the path of their unit, with their absences in it. */
  async calendars(): Promise<(userId: string, path: string | null, away: readonly Away[]) => WorkingCalendar> {
    const { zone, calendars } = await this.times.get()
    return (userId, path, away) => {
      const { zone: place, week, exceptions } = calendarFor(calendars, userId, path) ?? officeHours(zone)
      const times = away.map(({ startsAt, endsAt }) => ({ startsAt: new Date(startsAt), endsAt: new Date(endsAt) }))
      return { zone: place, week, exceptions, away: times }
    }
  }

  /** Who of these people is away at an instant, until when, and who stands in. */
  absentAt(userIds: readonly string[], at: Date): Promise<Absentee[]> {
    return this.database.query<Absentee>(
      `SELECT user_id AS "userId", ends_at AS "endsAt", deputy_id AS "deputyId" FROM directory_absence
       WHERE user_id = ANY($1::text[]) AND ends_at > $2 AND starts_at <= $2 AND NOT withdrawn ORDER BY user_id`,
      [userIds, at],
    )
  }

  private async readTimes(): Promise<{ zone: string; calendars: readonly KnownCalendar[] }> {
    const found = await this.database.one<{ zone: string | null; calendars: KnownCalendar[] | null }>(
      `SELECT (SELECT zone FROM directory_company) AS zone,
         (SELECT jsonb_agg(jsonb_build_object('zone', zone, 'week', week, 'exceptions', exceptions, 'isDefault', is_default, 'unitIds', unit_ids, 'userIds', user_ids)
                           ORDER BY id DESC) FROM directory_calendar) AS calendars`,
    )
    return { zone: found?.zone ?? 'UTC', calendars: found?.calendars ?? [] }
  }
}

/** A person's own calendar, or that of the nearest unit above them, or the default. */
function calendarFor(calendars: readonly KnownCalendar[], userId: string, path: string | null): KnownCalendar | undefined {
  const units = path?.split('/').reverse() ?? []
  return (
    calendars.find(({ userIds }) => userIds.includes(userId)) ??
    units.map((unit) => calendars.find(({ unitIds }) => unitIds.includes(unit))).find((found) => found !== undefined) ??
    calendars.find(({ isDefault }) => isDefault)
  )
}

const calendarsSql = `
  SELECT given.id, unit.path,
    (SELECT jsonb_agg(jsonb_build_object('startsAt', a.starts_at, 'endsAt', a.ends_at) ORDER BY a.starts_at) FROM directory_absence a
     WHERE a.user_id = given.id AND a.ends_at > $2 AND NOT a.withdrawn) AS away
  FROM unnest($1::text[]) AS given(id) LEFT JOIN directory_user person ON person.id = given.id LEFT JOIN directory_unit unit ON unit.id = person.unit_id`

/** Keeps the directory up to date. */
@Controller()
export class DirectoryConsumers {
  constructor(private readonly directory: Directory) {}

  @On(TenantCreated)
  foundCompany(event: Received<typeof TenantCreated>, tx: Transaction) {
    return this.keepCompany(event, tx)
  }

  @On(TenantChanged)
  changeCompany(event: Received<typeof TenantChanged>, tx: Transaction) {
    return this.keepCompany(event, tx)
  }

  @On(CalendarCreated)
  addCalendar(event: Received<typeof CalendarCreated>, tx: Transaction) {
    return this.keepCalendar(event, tx)
  }

  @On(CalendarChanged)
  changeCalendar(event: Received<typeof CalendarChanged>, tx: Transaction) {
    return this.keepCalendar(event, tx)
  }

  @On(AbsenceNoted)
  noteAbsence(event: Received<typeof AbsenceNoted>, tx: Transaction) {
    return this.keepAbsence(event, tx, false)
  }

  @On(AbsenceChanged)
  changeAbsence(event: Received<typeof AbsenceChanged>, tx: Transaction) {
    return this.keepAbsence(event, tx, false)
  }

  @On(AbsenceWithdrawn)
  withdrawAbsence(event: Received<typeof AbsenceWithdrawn>, tx: Transaction) {
    return this.keepAbsence(event, tx, true)
  }

  @On(OrgUnitCreated)
  addUnit(event: Received<typeof OrgUnitCreated>, tx: Transaction) {
    return this.keepUnit(event, tx)
  }

  @On(OrgUnitChanged)
  changeUnit(event: Received<typeof OrgUnitChanged>, tx: Transaction) {
    return this.keepUnit(event, tx)
  }

  @On(UserCreated)
  addUser(event: Received<typeof UserCreated>, tx: Transaction) {
    return this.keepUser(event, tx)
  }

  @On(UserChanged)
  changeUser(event: Received<typeof UserChanged>, tx: Transaction) {
    return this.keepUser(event, tx)
  }

  private async keepCompany(
    { payload, sequence, tenantId }: Pick<Received<typeof TenantCreated>, 'payload' | 'sequence' | 'tenantId'>,
    tx: Transaction,
  ): Promise<void> {
    await tx.query(
      `INSERT INTO directory_company (zone, version) VALUES ($1, $2)
       ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, version = excluded.version WHERE directory_company.version < excluded.version`,
      [payload.zone, sequence],
    )
    tx.onCommit(() => inTenant(tenantId, () => this.directory.times.forget()))
  }

  private async keepCalendar({ payload, sequence, tenantId }: Received<typeof CalendarCreated>, tx: Transaction): Promise<void> {
    const { calendarId, zone, week, exceptions, isDefault, unitIds, userIds } = payload
    await tx.query(
      `INSERT INTO directory_calendar (id, zone, week, exceptions, is_default, unit_ids, user_ids, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (tenant_id, id) DO UPDATE SET zone = excluded.zone, week = excluded.week, exceptions = excluded.exceptions,
         is_default = excluded.is_default, unit_ids = excluded.unit_ids, user_ids = excluded.user_ids, version = excluded.version
       WHERE directory_calendar.version < excluded.version`,
      [
        calendarId,
        zone,
        ...[week, exceptions].map((list) => JSON.stringify(list)),
        isDefault,
        ...[unitIds, userIds].map((list) => JSON.stringify(list)),
        sequence,
      ],
    )
    tx.onCommit(() => inTenant(tenantId, () => this.directory.times.forget()))
  }

  private async keepAbsence({ payload, sequence }: Received<typeof AbsenceNoted>, tx: Transaction, withdrawn: boolean): Promise<void> {
    const { absenceId, userId, startsAt, endsAt, deputyId } = payload
    await tx.query(
      `INSERT INTO directory_absence (id, user_id, starts_at, ends_at, deputy_id, withdrawn, version) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (tenant_id, id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at, deputy_id = excluded.deputy_id,
         withdrawn = excluded.withdrawn, version = excluded.version
       WHERE directory_absence.version < excluded.version`,
      [absenceId, userId, startsAt, endsAt, deputyId, withdrawn, sequence],
    )
  }

  private async keepUnit({ payload, sequence }: Received<typeof OrgUnitCreated>, tx: Transaction): Promise<void> {
    await tx.query(
      `INSERT INTO directory_unit (id, name, parent_id, path, version) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, parent_id = excluded.parent_id, path = excluded.path, version = excluded.version
       WHERE directory_unit.version < excluded.version`,
      [payload.unitId, payload.name, payload.parentId, payload.path, sequence],
    )
  }

  private async keepUser({ payload, sequence }: Received<typeof UserCreated>, tx: Transaction): Promise<void> {
    await tx.query(
      `INSERT INTO directory_user (id, name, email, unit_id, active, roles, version) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, email = excluded.email, unit_id = excluded.unit_id, active = excluded.active,
         roles = excluded.roles, version = excluded.version
       WHERE directory_user.version < excluded.version`,
      [payload.userId, payload.name, payload.email, payload.unitId, payload.active, JSON.stringify(payload.roles), sequence],
    )
  }
}
