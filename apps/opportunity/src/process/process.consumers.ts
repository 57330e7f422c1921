import { Controller } from '@nestjs/common'
import { TenantCreated } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { ProcessService } from './process.service.js'

/** What the sales process does when others speak. */
@Controller()
export class ProcessConsumers {
  constructor(private readonly processes: ProcessService) {}

  /** A company begins with a process, so that its first conversion has one to open a deal in. */
  @On(TenantCreated)
  async begin(_: Received<typeof TenantCreated>, tx: Transaction): Promise<void> {
    await this.processes.standard(tx)
  }
}
