import { Injectable } from '@nestjs/common'
import {
  listOrgUnits,
  OrgUnitChanged,
  OrgUnitCreated,
  type Answer,
  type changeOrgUnit,
  type createOrgUnit,
  type getOrgUnit,
  type Input,
  type Sent,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { OrgUnit, unitKey } from './org-unit.js'

/** Use cases of the organisational unit. Whoever changes the tree has it alone: two moves at once could otherwise make a circle. */
@Injectable()
export class OrgUnitService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {}

  list(query: Input<typeof listOrgUnits>['query']) {
    return this.db.list(OrgUnit, listOrgUnits, query, unitView)
  }

  async get(id: string) {
    return unitView(await this.db.get(OrgUnit, id))
  }

  create({ name, parentId }: Input<typeof createOrgUnit>['body']): Promise<Answer<typeof createOrgUnit>> {
    return this.db.transaction(async (tx) => {
      await this.holdTree(tx)
      return unitView(await this.add(tx, name, parentId ? await this.named(tx, parentId, 'parentId') : await this.root(tx)))
    })
  }

  change(id: Id<'org_unit'>, { name, parentId }: Input<typeof changeOrgUnit>['body']): Promise<Answer<typeof changeOrgUnit>> {
    return this.db.transaction(async (tx) => {
      await this.holdTree(tx)
      const before = await tx.lock(OrgUnit, id)
      const at = this.clock.now()
      const below = await tx.query<{ id: string; level: number }>(
        `SELECT id, cardinality(string_to_array(path, '/')) - 2 AS level FROM org_unit WHERE starts_with(path, $1) AND id <> $2 ORDER BY path`,
        [before.path, id],
      )
      const depth = Math.max(before.level, ...below.map(({ level }) => level)) - before.level
      const moved = parentId ? before.moveTo(await this.named(tx, parentId, 'parentId'), at, depth) : before
      const unit = name === undefined ? moved : moved.rename(name, at)
      if (unit === before) return unitView(unit)
      await this.refuseTakenName(tx, unit)
      await tx.update(unit)
      await this.events.publish(tx, OrgUnitChanged, unit, facts(unit))
      if (unit.path === before.path) return unitView(unit)
      for (const { id: inner } of below) {
        const follower = await tx.update((await tx.lock(OrgUnit, inner)).follow(before, unit, at))
        await this.events.publish(tx, OrgUnitChanged, follower, facts(follower))
      }
      return unitView(unit)
    })
  }

  /** The top of a new company. */
  plant(tx: Transaction, name: string): Promise<OrgUnit> {
    return this.add(tx, name, null)
  }

  /** Adds a unit below another; for imports too, which have to hold the tree. */
  async add(tx: Transaction, name: string, parent: OrgUnit | null): Promise<OrgUnit> {
    const unit = OrgUnit.add({ ...begun('org_unit', this.clock.now()), name }, parent)
    await this.refuseTakenName(tx, unit)
    await tx.insert(unit)
    await this.events.publish(tx, OrgUnitCreated, unit, facts(unit))
    return unit
  }

  /** The top of the company. The platform's operator has none. */
  async root(tx: Transaction): Promise<OrgUnit> {
    const [root] = tx.hydrate(OrgUnit, await tx.query('SELECT * FROM org_unit WHERE parent_id IS NULL'))
    if (!root) throw Refusal.forbidden('tenant.none')
    return root
  }

  /** The unit that a request names in a field. */
  async named(tx: Transaction, id: string, field: string): Promise<OrgUnit> {
    const found = await tx.find(OrgUnit, id)
    if (!found) throw Refusal.invalid('reference.unknown', { field, value: id })
    return found
  }

  all(tx: Transaction): Promise<OrgUnit[]> {
    return tx.findBy(OrgUnit, {})
  }

  async holdTree(tx: Transaction): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('org units ' || $1, 7))`, [tx.tenant])
  }

  private async refuseTakenName(tx: Transaction, { id, name, parentId }: OrgUnit): Promise<void> {
    const taken = await tx.one('SELECT 1 FROM org_unit WHERE parent_id IS NOT DISTINCT FROM $1 AND name_key = $2 AND id <> $3', [
      parentId,
      unitKey(name),
      id,
    ])
    if (taken) throw new Refusal('value.taken', { field: 'name' })
  }
}

function unitView({ id, version, name, parentId, path, createdAt, updatedAt }: OrgUnit): Answer<typeof getOrgUnit> {
  return { id, version, name, parentId, path, createdAt, updatedAt }
}

function facts({ id, name, parentId, path }: OrgUnit): Sent<typeof OrgUnitCreated> {
  return { unitId: id, name, parentId, path }
}
