import { Injectable } from '@nestjs/common'
import { listOrders, type Answer, type getOrder, type Input } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { Database } from '@millrace/service'
import { Order, OrderLine } from './order.js'

@Injectable()
export class OrderQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listOrders>['query']) {
    return this.db.list(Order, listOrders, query, (order) => order)
  }

  async get(id: Id<'order'>): Promise<Answer<typeof getOrder>> {
    const order = await this.db.find(Order, id)
    if (!order) throw Refusal.notFound('order', id)
    const lines = await this.db.findBy(OrderLine, { order_id: id })
    return {
      ...order,
      lines: lines
        .sort((a, b) => a.position - b.position)
        .map(({ orderId: _, quantity, ...line }) => ({ ...line, quantity: quantity.toString() })),
    }
  }
}
