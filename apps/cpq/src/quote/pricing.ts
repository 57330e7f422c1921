import { Money, Ratio, Refusal, type Currency } from '@millrace/domain'

/** Value added tax: its rate in %, and whether prices come without it (on top) or contain it (inside). */
export interface Vat {
  readonly rate: Ratio
  readonly mode: 'on_top' | 'inside'
}

/** What is asked for on one line. Prices are for one unit; the discount is in % of the line. */
export interface LineOffer {
  readonly listPrice: Money | null
  /** Given instead of the list price. */
  readonly price: Money | null
  readonly quantity: Ratio
  readonly discount: Ratio
  readonly vat: Vat
}

/** A discount on the whole quote, in % or as an amount of prices as quoted. */
export interface HeaderDiscount {
  readonly percent: Ratio | null
  readonly amount: Money | null
}

/** One step of a price, by the rule that made it. Kept as it goes over the wire, so that a kept waterfall equals a recomputed one. */
export interface Step {
  readonly step: 'list' | 'price_override' | 'line_discount' | 'header_discount' | 'net' | 'tax' | 'gross'
  readonly rule: string
  readonly amount: { readonly amount: string; readonly currency: string }
}

/** A line with its price. `list` is at the list price; the discounts are what they took off. */
export interface PricedLine {
  readonly list: Money
  readonly lineDiscount: Money
  readonly headerDiscount: Money
  readonly net: Money
  readonly tax: Money
  readonly gross: Money
  readonly waterfall: readonly Step[]
}

/** What one rate and mode of VAT comes to over the quote. */
export interface TaxTotal {
  readonly rate: string
  readonly mode: Vat['mode']
  readonly net: Step['amount']
  readonly tax: Step['amount']
  readonly gross: Step['amount']
}

/** A priced quote. Every total is the sum of its lines, to the smallest unit. */
export interface Priced {
  readonly lines: readonly PricedLine[]
  readonly totals: Omit<PricedLine, 'waterfall'>
  readonly taxes: readonly TaxTotal[]
}

const hundred = Ratio.of(100)

/**
 * Prices a quote; the same offer always gives the same prices. Each line is rounded half up once at its list price and once for its discount;
 * the discount on the whole, and the tax of each rate, are rounded once and shared out over the lines by largest remainder (ADR 10).
 * Refuses `money.mixed_currencies`, `money.negative`, `money.too_large`, `quote.no_lines`, `quote.no_price`, `quote.quantity_not_positive`,
 * `quote.discount_out_of_range`, `quote.discount_too_large` and `vat.rate_out_of_range`.
 */
export function priceQuote(currency: Currency, offers: readonly LineOffer[], discount: HeaderDiscount | null): Priced {
  if (!offers.length) throw Refusal.invalid('quote.no_lines')
  const begun = offers.map((offer, n) => beginLine(currency, offer, n + 1))
  const offered = begun.map((line) => line.offered)
  const sum = Money.sum(offered, currency)
  const shares = share(headerDiscount(discount, sum), offered)
  const asked = offered.map((money, n) => money.minus(shares[n]!))
  const { taxes, totals } = taxesOf(currency, offers, asked)

  const lines = begun.map((line, n): PricedLine => {
    const { vat } = offers[n]!
    const tax = taxes[n]!
    const [net, gross] = vat.mode === 'on_top' ? [asked[n]!, asked[n]!.plus(tax)] : [asked[n]!.minus(tax), asked[n]!]
    return {
      list: line.list,
      lineDiscount: line.discount,
      headerDiscount: shares[n]!,
      net,
      tax,
      gross,
      waterfall: [
        ...line.steps,
        ...(discount ? [step('header_discount', describe(discount), shares[n]!.negate())] : []),
        step('net', 'net', net),
        step('tax', `vat:${vat.rate.toString()}%:${vat.mode}`, tax),
        step('gross', 'gross', gross),
      ],
    }
  })
  const total = (of: (line: PricedLine) => Money) => Money.sum(lines.map(of), currency)
  return {
    lines,
    totals: {
      list: total(({ list }) => list),
      lineDiscount: total(({ lineDiscount }) => lineDiscount),
      headerDiscount: total(({ headerDiscount }) => headerDiscount),
      net: total(({ net }) => net),
      tax: total(({ tax }) => tax),
      gross: total(({ gross }) => gross),
    },
    taxes: totals,
  }
}

/** The line before what concerns the whole quote: list price, price given instead, own discount. */
function beginLine(currency: Currency, { listPrice, price, quantity, discount, vat }: LineOffer, line: number) {
  if (quantity.compare(Ratio.zero) <= 0) throw Refusal.invalid('quote.quantity_not_positive', { line, quantity: quantity.toString() })
  mustBePercent(discount, 'quote.discount_out_of_range', { line })
  mustBePercent(vat.rate, 'vat.rate_out_of_range', { line })
  const unit = price ?? listPrice
  if (!unit) throw Refusal.invalid('quote.no_price', { line, currency })
  const list = (listPrice ?? unit).times(quantity)
  const base = unit.times(quantity)
  for (const amount of [list, base]) mustNotBeNegative(amount)
  const off = base.times(discount.dividedBy(hundred))
  return {
    list,
    discount: off,
    offered: base.minus(off),
    steps: [
      step('list', listPrice ? 'price_book' : 'price_given', list),
      ...(listPrice && price ? [step('price_override', 'price_given', base.minus(list))] : []),
      ...(discount.isZero() ? [] : [step('line_discount', `${discount.toString()}%`, off.negate())]),
    ],
  }
}

function headerDiscount(discount: HeaderDiscount | null, sum: Money): Money {
  if (discount?.percent) {
    mustBePercent(discount.percent, 'quote.discount_out_of_range', {})
    return sum.times(discount.percent.dividedBy(hundred))
  }
  if (!discount?.amount) return Money.zero(sum.currency)
  mustNotBeNegative(discount.amount)
  if (discount.amount.compare(sum) > 0) throw Refusal.invalid('quote.discount_too_large', { most: sum.amount, currency: sum.currency })
  return discount.amount
}

/** The tax of each line, and of each rate over the whole quote. */
function taxesOf(currency: Currency, offers: readonly LineOffer[], asked: readonly Money[]): { taxes: Money[]; totals: TaxTotal[] } {
  const taxes = asked.map(() => Money.zero(currency))
  const groups = Map.groupBy(offers.keys(), (n) => `${offers[n]!.vat.mode} ${offers[n]!.vat.rate.toString()}`)
  const totals = [...groups.values()].map((lines): TaxTotal => {
    const { rate, mode } = offers[lines[0]!]!.vat
    const sum = Money.sum(
      lines.map((n) => asked[n]!),
      currency,
    )
    const tax = mode === 'on_top' ? sum.times(rate.dividedBy(hundred)) : sum.minus(sum.times(hundred.dividedBy(hundred.plus(rate))))
    const parts = share(
      tax,
      lines.map((n) => asked[n]!),
    )
    lines.forEach((n, part) => (taxes[n] = parts[part]!))
    const [net, gross] = mode === 'on_top' ? [sum, sum.plus(tax)] : [sum.minus(tax), sum]
    return { rate: rate.toString(), mode, net: net.toJSON(), tax: tax.toJSON(), gross: gross.toJSON() }
  })
  return { taxes, totals }
}

/** Shares an amount out in proportion to others; where all of those are nothing, so is each share. */
function share(amount: Money, over: readonly Money[]): Money[] {
  return over.every((money) => money.isZero()) ? [...over] : amount.allocate(over.map(({ minor }) => minor))
}

function mustBePercent(value: Ratio, code: string, details: Record<string, unknown>): void {
  if (value.isNegative() || value.compare(hundred) > 0) throw Refusal.invalid(code, { ...details, value: value.toString() })
}

function mustNotBeNegative(amount: Money): void {
  if (amount.isNegative()) throw Refusal.invalid('money.negative', { amount: amount.amount })
}

function describe({ percent, amount }: HeaderDiscount): string {
  return percent ? `${percent.toString()}%` : String(amount)
}

function step(name: Step['step'], rule: string, amount: Money): Step {
  return { step: name, rule, amount: amount.toJSON() }
}
