import { lifecycle, Money, Refusal, type CalendarDate, type Id } from '@millrace/domain'

export const receivableStatus = lifecycle('receivable', {
  planned: ['due', 'settled', 'cancelled'],
  due: ['partly_settled', 'settled', 'written_off'],
  partly_settled: ['due', 'settled', 'written_off'],
  settled: ['planned', 'due', 'partly_settled'],
  written_off: [],
  cancelled: [],
})
export type ReceivableStatus = typeof receivableStatus.state

/** What an invoice says of a receivable; net and tax make the gross. */
export interface Billable {
  readonly receivableId: Id<'receivable'>
  readonly label: string
  readonly net: Money
  readonly tax: Money
  readonly gross: Money
}

/** An amount that a customer owes from a day on. Every method returns it as it is afterwards, or refuses. */
export class Receivable {
  declare readonly id: Id<'receivable'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly planId: Id<'collection_plan'>
  declare readonly contractId: Id<'contract'>
  declare readonly contractNumber: string
  declare readonly accountId: Id<'account'>
  declare readonly ownerId: Id<'user'> | null
  /** Of the instalment in its plan, from 1. */
  declare readonly number: number
  declare readonly label: string
  declare readonly status: ReceivableStatus
  /** In the seller's zone. */
  declare readonly dueOn: CalendarDate
  declare readonly amount: Money
  /** Contained in the amount. */
  declare readonly tax: Money
  declare readonly settled: Money
  /** Taken off by credit notes, with the tax in it. */
  declare readonly credited: Money
  declare readonly creditedTax: Money
  declare readonly open: Money
  declare readonly invoiceId: Id<'invoice'> | null
  declare readonly invoiceNumber: string | null

  /** One whose day has come is due at once. */
  static plan(given: ReceivableFacts, today: CalendarDate): Receivable {
    const nothing = Money.zero(given.amount.currency)
    const planned = Object.assign(Object.create(Receivable.prototype) as Receivable, given, {
      status: 'planned' as const,
      settled: nothing,
      credited: nothing,
      creditedTax: nothing,
      open: given.amount,
      invoiceId: null,
      invoiceNumber: null,
    })
    return planned.dueOn <= today ? planned.with({ status: receivableStatus.move('planned', 'due') }) : planned
  }

  isOverdue(today: CalendarDate): boolean {
    return this.dueOn < today && this.open.isPositive()
  }

  /** What others are told of it. */
  facts() {
    const { id, contractId, accountId, ownerId, amount, open, dueOn } = this
    return { receivableId: id, contractId, accountId, ownerId, amount, open, dueOn }
  }

  /** What an invoice would say of it. Refuses what is invoiced or closed. */
  billable(): Billable {
    if (this.invoiceId) throw new Refusal('receivable.invoiced', { invoiceId: this.invoiceId, number: this.invoiceNumber })
    if (this.status !== 'planned' && this.status !== 'due') throw new Refusal('receivable.closed', { status: this.status })
    const tax = this.tax.minus(this.creditedTax)
    return { receivableId: this.id, label: this.label, net: this.open.minus(tax), tax, gross: this.open }
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): Receivable {
    return this.with({ accountId, updatedAt })
  }

  invoice(invoiceId: Id<'invoice'>, invoiceNumber: string, at: Date): Receivable {
    this.billable()
    return this.with({ invoiceId, invoiceNumber, updatedAt: at })
  }

  /** Its invoice was taken back as a whole: it can be invoiced again. Refuses while something is paid on it. */
  uninvoice(at: Date): Receivable {
    if (!this.settled.isZero() || this.status === 'written_off') throw new Refusal('invoice.paid')
    return this.with({ invoiceId: null, invoiceNumber: null, updatedAt: at })
  }

  /** A credit note makes the customer owe less. At most what is open. */
  credit(amount: Money, tax: Money, at: Date): Receivable {
    return this.rebalanced({ credited: this.credited.plus(amount), creditedTax: this.creditedTax.plus(tax) }, at)
  }

  /** Pays it in part or in full. Before its day, in full only: an early part stays credit of the account. */
  settle(amount: Money, at: Date): Receivable {
    if (this.status === 'settled' || receivableStatus.isFinal(this.status)) throw new Refusal('receivable.closed', { status: this.status })
    if (!this.invoiceId) throw new Refusal('receivable.not_invoiced')
    if (amount.compare(this.open) > 0) throw new Refusal('receivable.over_settled', { open: String(this.open) })
    if (this.status === 'planned' && !amount.equals(this.open))
      throw new Refusal('receivable.not_due', { dueOn: this.dueOn, open: String(this.open) })
    return this.rebalanced({ settled: this.settled.plus(amount) }, at)
  }

  /** A settlement is undone. What was paid before its day is planned again when the day has not come. */
  reopen(amount: Money, today: CalendarDate, at: Date): Receivable {
    if (this.status === 'written_off') throw new Refusal('receivable.written_off')
    const wasEarly = this.status === 'settled' && this.dueOn > today
    return this.rebalanced({ settled: this.settled.minus(amount) }, at, wasEarly ? 'planned' : 'due')
  }

  /** What is open is given up. */
  writeOff(at: Date): Receivable {
    return this.with({ status: receivableStatus.move(this.status, 'written_off'), open: Money.zero(this.open.currency), updatedAt: at })
  }

  /** The plan is laid out anew without it. Refuses what is due, invoiced or paid. */
  cancel(at: Date): Receivable {
    const status = receivableStatus.move(this.status, 'cancelled')
    return this.with({ status, open: Money.zero(this.open.currency), updatedAt: at })
  }

  private rebalanced(change: Partial<Receivable>, at: Date, unpaid: 'planned' | 'due' = this.status === 'planned' ? 'planned' : 'due') {
    const next = this.with({ ...change, updatedAt: at })
    const open = next.amount.minus(next.settled).minus(next.credited)
    const status = open.isZero() ? 'settled' : next.settled.isZero() ? unpaid : 'partly_settled'
    return next.with({ open, status: status === this.status ? status : receivableStatus.move(this.status, status) })
  }

  private with(change: Partial<Receivable>): Receivable {
    return Object.assign(Object.create(Receivable.prototype) as Receivable, this, change)
  }
}

type ReceivableFacts = Pick<
  Receivable,
  | 'id'
  | 'version'
  | 'journeyId'
  | 'createdAt'
  | 'updatedAt'
  | 'planId'
  | 'contractId'
  | 'contractNumber'
  | 'accountId'
  | 'ownerId'
  | 'number'
  | 'label'
  | 'dueOn'
  | 'amount'
  | 'tax'
>
