import type { Id, Money } from '@millrace/domain'
import type { Offer, QuoteLine } from './quote.js'

/** A product's line in two versions of a quote; null where a version has none. */
export interface ComparedLine {
  readonly change: 'added' | 'removed' | 'changed' | 'same'
  readonly productId: Id<'product'>
  readonly name: string
  readonly from: QuoteLine | null
  readonly to: QuoteLine | null
  readonly difference: Money
}

const sums = ['list', 'lineDiscount', 'headerDiscount', 'net', 'tax', 'gross'] as const
type Sum = (typeof sums)[number]

/** What differs between two versions: line by line (the nth line of a product with the nth), in total, and in the conditions. */
export function compareOffers(from: Offer, to: Offer) {
  const zero = from.version.gross.minus(from.version.gross)
  const waiting = new Map<string, QuoteLine[]>()
  for (const line of from.lines) waiting.set(line.productId, [...(waiting.get(line.productId) ?? []), line])

  const lines = to.lines.map((line): ComparedLine => {
    const before = waiting.get(line.productId)?.shift() ?? null
    return {
      change: !before ? 'added' : sameOffer(before, line) ? 'same' : 'changed',
      productId: line.productId,
      name: line.name,
      from: before,
      to: line,
      difference: line.gross.minus(before?.gross ?? zero),
    }
  })
  const removed = [...waiting.values()].flat().map((line): ComparedLine => {
    return { change: 'removed', productId: line.productId, name: line.name, from: line, to: null, difference: line.gross.negate() }
  })
  const totals = Object.fromEntries(
    sums.map((sum) => [sum, { from: from.version[sum], to: to.version[sum], difference: to.version[sum].minus(from.version[sum]) }]),
  ) as Record<Sum, { from: Money; to: Money; difference: Money }>
  const conditions = ['validUntil', 'vat', 'discount', 'notes', 'terms'] as const
  const changed = conditions.filter((name) => JSON.stringify(from.version[name]) !== JSON.stringify(to.version[name]))
  return { lines: [...lines, ...removed], totals, changed }
}

/** The price for one unit that the line was reckoned with. */
export function unitPrice({ price, listPrice }: QuoteLine): Money {
  return (price ?? listPrice)! // a line without either was never priced
}

function sameOffer(one: QuoteLine, other: QuoteLine): boolean {
  return (
    one.quantity.equals(other.quantity) &&
    one.discount.equals(other.discount) &&
    one.vatRate.equals(other.vatRate) &&
    one.vatMode === other.vatMode &&
    unitPrice(one).equals(unitPrice(other)) &&
    one.net.equals(other.net) &&
    one.gross.equals(other.gross)
  )
}
