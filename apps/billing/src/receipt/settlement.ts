import { Money, type CalendarDate, type Id } from '@millrace/domain'

/** An invoiced receivable that is open, as far as money is matched with it. */
export interface Payable {
  readonly id: Id<'receivable'>
  readonly status: string
  readonly dueOn: CalendarDate
  readonly number: number
  readonly open: Money
  readonly invoiceId: Id<'invoice'> | null
  readonly invoiceNumber: string | null
  readonly contractNumber: string
}

/** So much of a receipt for this receivable. */
export interface Allocation {
  readonly receivableId: Id<'receivable'>
  readonly amount: Money
}

/** That an amount of a receipt pays a receivable, until it is undone. */
export class Settlement {
  declare readonly id: Id<'settlement'>
  declare readonly receiptId: Id<'receipt'>
  declare readonly receivableId: Id<'receivable'>
  declare readonly amount: Money
  declare readonly entryId: Id<'journal_entry'>
  declare readonly settledAt: Date
  declare readonly undoneAt: Date | null

  static of(given: Omit<Settlement, 'undoneAt'>): Settlement {
    return Object.assign(Object.create(Settlement.prototype) as Settlement, given, { undoneAt: null })
  }
}

/**
 * Which receivables an amount pays: first those that the payer names (an invoice, an instalment as contract/number, then a whole contract;
 * of several the one of exactly the amount, then the oldest), then one receivable or one invoice of exactly the amount, then what is due, the oldest first. Before its day a receivable is paid in full
 * or not at all, and only when it is named or meant by the exact amount. What is left over is not in the answer.
 */
export function match(amount: Money, reference: string | null, payables: readonly Payable[]): Allocation[] {
  const oldestFirst = payables
    .filter(({ open, invoiceId }) => open.currency === amount.currency && open.isPositive() && invoiceId !== null)
    .toSorted((a, b) => compare(a.dueOn, b.dueOn) || a.number - b.number || compare(a.id, b.id))
  const allocations = new Map<Id<'receivable'>, Money>()
  let left = amount
  const pay = (chosen: readonly Payable[]) => {
    for (const { id, open, status } of chosen) {
      if (allocations.has(id) || !left.isPositive() || (status === 'planned' && left.compare(open) < 0)) continue
      const part = Money.min(left, open)
      allocations.set(id, part)
      left = left.minus(part)
    }
  }
  const exactFirst = (named: readonly Payable[]) => pay(named.toSorted((a, b) => Number(b.open.equals(left)) - Number(a.open.equals(left))))
  const unpaid = () => oldestFirst.filter(({ id }) => !allocations.has(id))

  if (reference) {
    const text = folded(reference)
    pay(oldestFirst.filter(({ contractNumber, number }) => mentions(text, contractNumber, `\\s*[/#-]\\s*${number}`)))
    exactFirst(oldestFirst.filter(({ invoiceNumber }) => invoiceNumber && mentions(text, invoiceNumber)))
    exactFirst(oldestFirst.filter(({ contractNumber }) => mentions(text, contractNumber)))
  }
  const same = unpaid().find(({ open }) => open.equals(left))
  pay(same ? [same] : wholeInvoice(unpaid(), left))
  pay(unpaid().filter(({ status }) => status !== 'planned'))
  return [...allocations].map(([receivableId, part]) => ({ receivableId, amount: part }))
}

/** The receivables of the first invoice of which exactly the amount is open. */
function wholeInvoice(payables: readonly Payable[], amount: Money): readonly Payable[] {
  const invoices = Map.groupBy(payables, ({ invoiceId }) => invoiceId)
  return (
    [...invoices.values()].find((all) =>
      Money.sum(
        all.map(({ open }) => open),
        amount.currency,
      ).equals(amount),
    ) ?? []
  )
}

/** Capitals, half-width: what banks and keyboards do to a number. */
function folded(text: string): string {
  return text.normalize('NFKC').toUpperCase()
}

/** Whether a number stands in a text by itself, with whatever signs between its parts: `INV-VS-000012` in `pay inv vs 000012`. */
function mentions(text: string, number: string, ending = ''): boolean {
  const parts = folded(number).match(/[\p{L}\p{N}]+/gu)
  if (!parts) return false
  return new RegExp(`(?<![A-Z0-9])${parts.join('[^\\p{L}\\p{N}]*')}${ending}(?![A-Z0-9])`, 'u').test(text)
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
