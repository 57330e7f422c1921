import { Injectable } from '@nestjs/common'
import {
  listTenants,
  TenantChanged,
  TenantCreated,
  type Answer,
  type changeCurrentTenant,
  type createTenant,
  type getCurrentTenant,
  type Input,
} from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { begun, Clock, context, Database, Events, withContext, type Transaction } from '@millrace/service'
import { OrgUnitService } from '../org-unit/org-unit.service.js'
import { UserService } from '../user/user.service.js'
import { nameKey, Tenant } from './tenant.js'

/** Use cases of the tenant. */
@Injectable()
export class TenantService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly units: OrgUnitService,
    private readonly users: UserService,
  ) {}

  /** A company begins, with its top unit and first administrator. The operator's call; what it makes belongs to the new tenant. */
  create({ administrator, ...given }: Input<typeof createTenant>['body']): Promise<Answer<typeof createTenant>> {
    return this.db.transaction(async (tx) => {
      await this.refuseTakenName(tx, given.name)
      const tenant = Tenant.found({ ...begun('tenant', this.clock.now()), ...given })
      await tx.switchTenant(tenant.id)
      const inside = { ...context(), tenantId: tenant.id, journeyId: tenant.journeyId }
      const { root, first } = await withContext(inside, async () => {
        await tx.insert(tenant)
        const { name, currency, zone } = tenant
        await this.events.publish(tx, TenantCreated, tenant, { tenantId: tenant.id, name, currency, zone })
        const root = await this.units.plant(tx, tenant.name)
        const first = await this.users.join(tx, { ...administrator, roles: ['administrator'], unitId: root.id })
        return { root, first }
      })
      await tx.switchTenant('*')
      return { ...tenantView(tenant), rootUnitId: root.id, administratorId: first.id }
    })
  }

  list(query: Input<typeof listTenants>['query']) {
    return this.db.list(Tenant, listTenants, query, tenantView)
  }

  async current(): Promise<Answer<typeof getCurrentTenant>> {
    const { tenantId } = context()
    return tenantView(await this.db.get(Tenant, tenantId))
  }

  changeCurrent(given: Input<typeof changeCurrentTenant>['body']): Promise<Answer<typeof getCurrentTenant>> {
    return this.db.transaction(async (tx) => {
      const { tenantId, target } = context()
      const before = await tx.lock(Tenant, tenantId)
      if (target?.ifMatch !== undefined && target.ifMatch !== before.version)
        throw new Refusal('version.stale', { current: before.version })
      if (given.name && nameKey(given.name) !== before.nameKey) await this.refuseTakenName(tx, given.name)
      const tenant = await tx.update(before.change(given, this.clock.now()))
      const { name, currency, zone, language } = tenant
      await this.events.publish(tx, TenantChanged, tenant, { tenantId: tenant.id, name, currency, zone, language })
      return tenantView(tenant)
    })
  }

  /** Whoever takes the same name at the same moment waits here. */
  private async refuseTakenName(tx: Transaction, name: string): Promise<void> {
    const own = tx.tenant
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('tenant name ' || $1, 7))`, [nameKey(name)])
    await tx.switchTenant('*')
    const taken = await tx.one('SELECT 1 FROM tenant WHERE name_key = $1', [nameKey(name)])
    await tx.switchTenant(own)
    if (taken) throw new Refusal('value.taken', { field: 'name' })
  }
}

function tenantView({ id, version, name, currency, zone, language, createdAt, updatedAt }: Tenant): Answer<typeof getCurrentTenant> {
  return { id, version, name, currency, zone, language, createdAt, updatedAt }
}
