import { Controller } from '@nestjs/common'
import { getOrder, listOrders, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { OrderQueries } from './order.queries.js'

@Controller()
export class OrderController {
  constructor(private readonly queries: OrderQueries) {}

  @Serve(listOrders)
  list({ query }: Input<typeof listOrders>) {
    return this.queries.list(query)
  }

  @Serve(getOrder)
  get({ params }: Input<typeof getOrder>) {
    return this.queries.get(params.id)
  }
}
