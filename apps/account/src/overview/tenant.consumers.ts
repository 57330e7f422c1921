import { Controller } from '@nestjs/common'
import { TenantChanged, TenantCreated } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'

/** Learns the zone that the company's days begin in, and the currency that it counts in. */
@Controller()
export class TenantConsumers {
  @On(TenantCreated)
  create(event: Received<typeof TenantCreated>, tx: Transaction) {
    return keepCompany(tx, event)
  }

  @On(TenantChanged)
  change(event: Received<typeof TenantChanged>, tx: Transaction) {
    return keepCompany(tx, event)
  }
}

async function keepCompany(
  tx: Transaction,
  { sequence, payload }: { sequence: number; payload: { zone: string; currency: string } },
): Promise<void> {
  await tx.query(
    `INSERT INTO known_tenant (zone, currency, sequence) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, currency = excluded.currency, sequence = excluded.sequence
     WHERE known_tenant.sequence <= excluded.sequence`,
    [payload.zone, payload.currency, sequence],
  )
}
