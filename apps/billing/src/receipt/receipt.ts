import { Refusal, type CalendarDate, type Id, type Money } from '@millrace/domain'

/** Money that arrived. What of it pays nothing yet is credit of the account. */
export class Receipt {
  declare readonly id: Id<'receipt'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly accountId: Id<'account'>
  declare readonly ownerId: Id<'user'> | null
  declare readonly amount: Money
  declare readonly credit: Money
  declare readonly receivedOn: CalendarDate
  /** As the payer wrote it. */
  declare readonly reference: string | null
  declare readonly bankAccount: string | null
  /** The bank's own id of it; no two receipts have the same. */
  declare readonly externalId: string | null

  static record(given: Omit<Receipt, 'credit' | 'spend' | 'regain' | 'moveTo' | 'isSameAs'>): Receipt {
    return Object.assign(Object.create(Receipt.prototype) as Receipt, given, { credit: given.amount })
  }

  /** Uses credit to pay receivables. Never more than there is. */
  spend(amount: Money, at: Date): Receipt {
    if (amount.compare(this.credit) > 0) throw new Refusal('receipt.over_allocated', { credit: String(this.credit) })
    return this.with({ credit: this.credit.minus(amount), updatedAt: at })
  }

  /** What it paid is credit again. */
  regain(amount: Money, at: Date): Receipt {
    return this.with({ credit: this.credit.plus(amount), updatedAt: at })
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): Receipt {
    return this.with({ accountId, updatedAt })
  }

  /** Whether the bank tells of the same money again. */
  isSameAs({ accountId, amount, receivedOn }: Pick<Receipt, 'accountId' | 'amount' | 'receivedOn'>): boolean {
    return this.accountId === accountId && this.amount.equals(amount) && this.receivedOn === receivedOn
  }

  private with(change: Partial<Receipt>): Receipt {
    return Object.assign(Object.create(Receipt.prototype) as Receipt, this, change)
  }
}
