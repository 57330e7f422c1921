import { Controller } from '@nestjs/common'
import { TenantChanged, TenantCreated } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'

/** Learns the zone that the company's days begin in. */
@Controller()
export class TenantConsumers {
  @On(TenantCreated)
  create(event: Received<typeof TenantCreated>, tx: Transaction) {
    return keepZone(tx, event)
  }

  @On(TenantChanged)
  change(event: Received<typeof TenantChanged>, tx: Transaction) {
    return keepZone(tx, event)
  }
}

async function keepZone(tx: Transaction, { sequence, payload }: { sequence: number; payload: { zone: string } }): Promise<void> {
  await tx.query(
    `INSERT INTO known_tenant (zone, sequence) VALUES ($1, $2)
     ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, sequence = excluded.sequence WHERE known_tenant.sequence <= excluded.sequence`,
    [payload.zone, sequence],
  )
}
