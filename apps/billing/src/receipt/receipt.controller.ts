import { Controller } from '@nestjs/common'
import { getReceipt, listReceipts, recordReceipt, settleReceipt, unsettleReceipt, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ReceiptQueries } from './receipt.queries.js'
import { ReceiptService } from './receipt.service.js'

@Controller()
export class ReceiptController {
  constructor(
    private readonly receipts: ReceiptService,
    private readonly queries: ReceiptQueries,
  ) {}

  @Serve(recordReceipt)
  async record({ body }: Input<typeof recordReceipt>) {
    const { id } = await this.receipts.record(body)
    return this.queries.get(id)
  }

  @Serve(listReceipts)
  list({ query }: Input<typeof listReceipts>) {
    return this.queries.list(query)
  }

  @Serve(getReceipt)
  get({ params }: Input<typeof getReceipt>) {
    return this.queries.get(params.id)
  }

  @Serve(settleReceipt)
  async settle({ params, body }: Input<typeof settleReceipt>) {
    const { id } = await this.receipts.settle(params.id, body.allocations)
    return this.queries.get(id)
  }

  @Serve(unsettleReceipt)
  async unsettle({ params }: Input<typeof unsettleReceipt>) {
    const { id } = await this.receipts.unsettle(params.id)
    return this.queries.get(id)
  }
}
