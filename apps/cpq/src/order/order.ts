import { newId, type CalendarDate, type Id, type Money, type Ratio } from '@millrace/domain'

/** What of a signed contract an order takes over. */
export interface Signed {
  readonly id: Id<'contract'>
  readonly journeyId: string
  readonly opportunityId: Id<'opportunity'>
  readonly accountId: Id<'account'>
  readonly customerName: string | null
  readonly ownerId: Id<'user'> | null
  readonly total: Money
  readonly signedOn: CalendarDate | null
}

/** What a signed contract promised, to be delivered. Its lines add up to its total, which is the contract's. */
export class Order {
  declare readonly id: Id<'order'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly number: string
  declare readonly contractId: Id<'contract'>
  declare readonly opportunityId: Id<'opportunity'>
  declare readonly accountId: Id<'account'>
  declare readonly customerName: string | null
  declare readonly ownerId: Id<'user'> | null
  declare readonly total: Money
  declare readonly placedOn: CalendarDate

  static place(given: Pick<Order, 'id' | 'version' | 'createdAt' | 'updatedAt' | 'number'>, contract: Signed): Order {
    const { id: contractId, journeyId, opportunityId, accountId, customerName, ownerId, total, signedOn } = contract
    const from = { contractId, journeyId, opportunityId, accountId, customerName, ownerId, total, placedOn: signedOn }
    return Object.assign(Object.create(Order.prototype) as Order, given, from)
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): Order {
    return Object.assign(Object.create(Order.prototype) as Order, this, { accountId, updatedAt })
  }
}

/** What is to be delivered of one product. Never changes. */
export class OrderLine {
  declare readonly id: Id<'order_line'>
  declare readonly orderId: Id<'order'>
  declare readonly position: number
  declare readonly productId: Id<'product'>
  declare readonly name: string
  declare readonly quantity: Ratio
  declare readonly net: Money
  declare readonly tax: Money
  declare readonly gross: Money

  /** The line of the contract, as it was signed. */
  static of(orderId: Id<'order'>, signed: Omit<OrderLine, 'id' | 'orderId'>): OrderLine {
    const { position, productId, name, quantity, net, tax, gross } = signed
    const line = { id: newId('order_line'), orderId, position, productId, name, quantity, net, tax, gross }
    return Object.assign(Object.create(OrderLine.prototype) as OrderLine, line)
  }
}
