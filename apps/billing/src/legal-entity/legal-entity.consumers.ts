import { Controller } from '@nestjs/common'
import { TenantCreated } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { LegalEntityService } from './legal-entity.service.js'

/** What billing does when a company begins to use the platform. */
@Controller()
export class LegalEntityConsumers {
  constructor(private readonly entities: LegalEntityService) {}

  @On(TenantCreated)
  begin({ payload }: Received<typeof TenantCreated>, tx: Transaction) {
    return this.entities.begin(tx, payload)
  }
}
