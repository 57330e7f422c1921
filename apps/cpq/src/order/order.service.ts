import { Injectable } from '@nestjs/common'
import { OrderPlaced } from '@millrace/contracts'
import { begun, Clock, Events, type Transaction } from '@millrace/service'
import { Numbers } from '../deal/number.service.js'
import { Order, OrderLine, type Signed } from './order.js'

/** Orders come from signed contracts and from nowhere else. */
@Injectable()
export class OrderService {
  constructor(
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly numbers: Numbers,
  ) {}

  /** Places the order of a contract that is signed in the same transaction, one line for each of its lines. */
  async place(tx: Transaction, contract: Signed, signed: readonly Omit<OrderLine, 'id' | 'orderId'>[]): Promise<Order> {
    const order = Order.place({ ...begun('order', this.clock.now()), number: await this.numbers.next('O') }, contract)
    const lines = signed.map((line) => OrderLine.of(order.id, line))
    await tx.insert(order)
    await tx.insert(lines)
    await this.events.publish(tx, OrderPlaced, order, {
      orderId: order.id,
      number: order.number,
      contractId: order.contractId,
      opportunityId: order.opportunityId,
      accountId: order.accountId,
      ownerId: order.ownerId,
      total: order.total,
      lines: lines.map(({ id, productId, name, quantity, gross }) => ({
        ...{ lineId: id, productId, name, gross },
        quantity: quantity.toString(),
      })),
    })
    return order
  }
}
