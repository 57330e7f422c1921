import { Controller, Injectable } from '@nestjs/common'
import { OrgUnitChanged, OrgUnitCreated, UserChanged, UserCreated } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { Database } from './database.js'
import { On, type Received } from './events.js'
import type { Transaction } from './transaction.js'

/** A colleague as this service knows them. */
export interface Colleague {
  readonly id: Id<'user'>
  readonly name: string
  readonly email: string
  readonly unitId: Id<'org_unit'> | null
  readonly active: boolean
}

/** Who works in the company and where: learnt from identity's events, kept in each service's own database. */
@Injectable()
export class Directory {
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

  /** All colleagues by e-mail and by name (lower-case), for imports. */
  async byEmailOrName(): Promise<Map<string, Colleague>> {
    const all = await this.database.query<Colleague>('SELECT id, name, email, unit_id AS "unitId", active FROM directory_user')
    return new Map(all.flatMap((user) => [[user.name.toLowerCase(), user] as const, [user.email.toLowerCase(), user] as const]))
  }
}

/** Keeps the directory up to date. */
@Controller()
export class DirectoryConsumers {
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
      `INSERT INTO directory_user (id, name, email, unit_id, active, version) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, email = excluded.email, unit_id = excluded.unit_id, active = excluded.active, version = excluded.version
       WHERE directory_user.version < excluded.version`,
      [payload.userId, payload.name, payload.email, payload.unitId, payload.active, sequence],
    )
  }
}
