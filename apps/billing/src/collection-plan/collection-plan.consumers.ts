import { Controller } from '@nestjs/common'
import { ContractSigned } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { CollectionPlanService } from './collection-plan.service.js'

/** What billing does when a contract is signed. */
@Controller()
export class CollectionPlanConsumers {
  constructor(private readonly plans: CollectionPlanService) {}

  @On(ContractSigned)
  make({ payload }: Received<typeof ContractSigned>, tx: Transaction) {
    return this.plans.make(tx, payload)
  }
}
