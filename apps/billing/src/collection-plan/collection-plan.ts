import { addDays, Money, Ratio, Refusal, type CalendarDate, type Id } from '@millrace/domain'

/** When which part of a contract is to be paid: a share in % of the total or an amount; a day or so many days after signing. */
export interface Term {
  readonly share: Ratio | null
  readonly amount: Money | null
  readonly dueOn: CalendarDate | null
  readonly daysAfterSigning: number | null
  readonly label: string
}

/** One part of a plan. The tax is contained in the amount. */
export interface Instalment {
  readonly number: number
  readonly label: string
  readonly amount: Money
  readonly tax: Money
  readonly dueOn: CalendarDate
}

/** A line of the signed contract, as far as billing must know it. */
export interface ContractLine {
  readonly net: Money
  readonly tax: Money
  readonly gross: Money
}

/** How the total of a contract is to be paid. Its instalments are receivables; they add up to it to the last minor unit. */
export class CollectionPlan {
  declare readonly id: Id<'collection_plan'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly contractId: Id<'contract'>
  declare readonly contractNumber: string
  declare readonly accountId: Id<'account'>
  declare readonly ownerId: Id<'user'> | null
  declare readonly total: Money
  declare readonly tax: Money
  declare readonly signedOn: CalendarDate

  /** Refuses a contract whose lines do not make its total: `collection_plan.lines_differ`. */
  static make({ lines, ...given }: PlanFacts & { lines: readonly ContractLine[] }): CollectionPlan {
    const { currency } = given.total
    const sum = (part: (line: ContractLine) => Money) => Money.sum(lines.map(part), currency)
    const [net, tax, gross] = [sum((line) => line.net), sum((line) => line.tax), sum((line) => line.gross)]
    if (!gross.equals(given.total) || !net.plus(tax).equals(gross) || tax.isNegative() || net.isNegative())
      throw Refusal.invalid('collection_plan.lines_differ', { lines: String(net.plus(tax)), total: String(given.total) })
    return Object.assign(Object.create(CollectionPlan.prototype) as CollectionPlan, given, { tax })
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): CollectionPlan {
    return Object.assign(Object.create(CollectionPlan.prototype) as CollectionPlan, this, { accountId, updatedAt })
  }

  replanned(at: Date): CollectionPlan {
    return Object.assign(Object.create(CollectionPlan.prototype) as CollectionPlan, this, { updatedAt: at })
  }

  /**
   * Lays the total out. Amounts stand as they are, the shares divide what they leave by largest remainder, and so does the tax over all.
   * An instalment of nothing is left out. Refuses terms that do not make the total exactly: `collection_plan.does_not_add_up`.
   */
  layOut(terms: readonly Term[]): Instalment[] {
    const { total } = this
    const days = terms.map((term, n) => this.dayOf(term, n + 1))
    const fixed = terms.map(({ amount }) => amount ?? Money.zero(total.currency))
    const shares = terms.map(({ share }) => share ?? Ratio.zero)
    const left = total.minus(Money.sum(fixed, total.currency))
    const shared = Ratio.of(total.minor)
      .times(shares.reduce((sum, share) => sum.plus(share), Ratio.zero))
      .dividedBy(Ratio.of(100))
    if (!shared.equals(Ratio.of(left.minor)))
      throw Refusal.invalid('collection_plan.does_not_add_up', {
        sum: String(total.minus(left).plus(Money.of(shared.round('half-up'), total.currency))),
        total: String(total),
      })
    const parts = left.isZero() ? fixed : left.allocate(shares).map((part, n) => part.plus(fixed[n]!))
    const taxes = total.isZero() ? parts : this.tax.allocate(parts.map(({ minor }) => minor))
    return terms
      .map(({ label }, n) => ({ number: n + 1, label, amount: parts[n]!, tax: taxes[n]!, dueOn: days[n]! }))
      .filter(({ amount }) => amount.isPositive())
  }

  private dayOf({ share, amount, dueOn, daysAfterSigning }: Term, number: number): CalendarDate {
    if ((share === null) === (amount === null) || (dueOn === null) === (daysAfterSigning === null))
      throw Refusal.invalid('collection_plan.vague_term', { number })
    if (share?.isNegative() || amount?.isNegative() || (daysAfterSigning ?? 0) < 0)
      throw Refusal.invalid('collection_plan.negative_term', { number })
    return dueOn ?? addDays(this.signedOn, daysAfterSigning!)
  }
}

type PlanFacts = Omit<CollectionPlan, 'tax' | 'layOut' | 'moveTo' | 'replanned'>
