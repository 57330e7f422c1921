import { Controller } from '@nestjs/common'
import { getReceivable, listReceivables, writeOffReceivable, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ReceivableQueries } from './receivable.queries.js'
import { ReceivableService } from './receivable.service.js'

@Controller()
export class ReceivableController {
  constructor(
    private readonly receivables: ReceivableService,
    private readonly queries: ReceivableQueries,
  ) {}

  @Serve(listReceivables)
  list({ query }: Input<typeof listReceivables>) {
    return this.queries.list(query)
  }

  @Serve(getReceivable)
  get({ params }: Input<typeof getReceivable>) {
    return this.queries.get(params.id)
  }

  @Serve(writeOffReceivable)
  async writeOff({ params, body }: Input<typeof writeOffReceivable>) {
    return this.queries.view(await this.receivables.writeOff(params.id, body.reason))
  }
}
