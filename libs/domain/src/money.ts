import { currencies, isCurrency, type Currency } from './currency.js'
import { commonDivisor, decimalText, divide, type Rounding } from './decimal.js'
import { Ratio } from './ratio.js'
import { Refusal } from './refusal.js'

const pattern = /^(-?)(\d+)(?:\.(\d+))?$/
const largest = 2n ** 63n - 1n // what a bigint column of Postgres holds

/** An exact amount of one currency, counted in its smallest unit: cents, fen, yen. Bounded to 2^63-1 of them: `money.too_large`. */
export class Money {
  private constructor(
    readonly minor: bigint,
    readonly currency: Currency,
  ) {
    if (minor > largest || minor < -largest) throw Refusal.invalid('money.too_large', { currency })
  }

  /** So many of the smallest units. Refuses `money.malformed` and `money.unknown_currency`. */
  static of(minor: bigint | number, currency: Currency): Money {
    if (!isCurrency(currency)) throw Refusal.invalid('money.unknown_currency', { currency })
    return new Money(whole(minor), currency)
  }

  static zero(currency: Currency): Money {
    return Money.of(0n, currency)
  }

  /** Reads `1234.50`. Refuses `money.unknown_currency`, `money.malformed` and more decimals than the currency has: `money.too_precise`. */
  static parse(amount: string, currency: string): Money {
    if (!isCurrency(currency)) throw Refusal.invalid('money.unknown_currency', { currency })
    const [text, sign = '', units = '', decimals = ''] = pattern.exec(amount) ?? []
    if (text === undefined) throw Refusal.invalid('money.malformed', { amount })
    const digits = currencies[currency]
    if (decimals.length > digits) throw Refusal.invalid('money.too_precise', { amount, currency, digits })
    return new Money(BigInt(sign + units + decimals.padEnd(digits, '0')), currency)
  }

  /** The sum of a list. An empty list adds up to nothing. */
  static sum(list: Iterable<Money>, currency: Currency): Money {
    let total = Money.zero(currency)
    for (const money of list) total = total.plus(money)
    return total
  }

  static min(first: Money, ...others: Money[]): Money {
    return others.reduce((least, money) => (money.compare(least) < 0 ? money : least), first)
  }

  static max(first: Money, ...others: Money[]): Money {
    return others.reduce((most, money) => (money.compare(most) > 0 ? money : most), first)
  }

  /** Decimal text with exactly the decimals of the currency: `1234.50`. */
  get amount(): string {
    return decimalText(this.minor, currencies[this.currency])
  }

  /** Refuses `money.mixed_currencies`. */
  plus(other: Money): Money {
    this.mustMatch(other)
    return new Money(this.minor + other.minor, this.currency)
  }

  /** Refuses `money.mixed_currencies`. */
  minus(other: Money): Money {
    this.mustMatch(other)
    return new Money(this.minor - other.minor, this.currency)
  }

  negate(): Money {
    return new Money(-this.minor, this.currency)
  }

  /** A multiple or a share, rounded once to the smallest unit. */
  times(factor: Ratio | bigint, rounding: Rounding = 'half-up'): Money {
    if (typeof factor === 'bigint') return new Money(this.minor * factor, this.currency)
    return new Money(divide(this.minor * factor.numerator, factor.denominator, rounding), this.currency)
  }

  /**
   * Shares this amount out by weight. The parts add up exactly, each is within one smallest unit of its exact share, and a unit left
   * over goes to whoever lost most by rounding, the earlier on ties. Refuses `money.no_weights` and `money.negative_weight`.
   */
  allocate(weights: readonly bigint[] | readonly Ratio[]): Money[] {
    const wholes = wholeWeights(weights)
    const all = wholes.reduce((sum, weight) => sum + weight, 0n)
    if (wholes.some((weight) => weight < 0n)) throw Refusal.invalid('money.negative_weight', { weights: weights.map(String) })
    if (all === 0n) throw Refusal.invalid('money.no_weights')

    const sign = this.minor < 0n ? -1n : 1n // a credit note is shared out like the invoice it mirrors
    const total = this.minor * sign
    const shares = wholes.map((weight) => ({ units: (total * weight) / all, lost: (total * weight) % all }))
    let left = shares.reduce((rest, share) => rest - share.units, total)
    for (const share of shares.toSorted((a, b) => (a.lost === b.lost ? 0 : a.lost > b.lost ? -1 : 1))) {
      if (left === 0n) break
      share.units += 1n
      left -= 1n
    }
    return shares.map((share) => new Money(share.units * sign, this.currency))
  }

  /** What share of the other this is. Refuses `money.mixed_currencies`, and a share of nothing: `ratio.division_by_zero`. */
  ratioOf(other: Money): Ratio {
    this.mustMatch(other)
    return Ratio.of(this.minor, other.minor)
  }

  /** -1 when this is the smaller one, 0 when equal, 1 when it is the larger one. Refuses `money.mixed_currencies`. */
  compare(other: Money): -1 | 0 | 1 {
    this.mustMatch(other)
    return this.minor < other.minor ? -1 : this.minor > other.minor ? 1 : 0
  }

  /** Same amount of the same currency. */
  equals(other: Money): boolean {
    return this.minor === other.minor && this.currency === other.currency
  }

  isZero(): boolean {
    return this.minor === 0n
  }

  isNegative(): boolean {
    return this.minor < 0n
  }

  isPositive(): boolean {
    return this.minor > 0n
  }

  toJSON(): { amount: string; currency: Currency } {
    return { amount: this.amount, currency: this.currency }
  }

  toString(): string {
    return `${this.amount} ${this.currency}`
  }

  private mustMatch(other: Money) {
    if (this.currency === other.currency) return
    throw Refusal.invalid('money.mixed_currencies', { left: this.currency, right: other.currency })
  }
}

function whole(minor: bigint | number): bigint {
  if (typeof minor === 'bigint') return minor
  if (!Number.isSafeInteger(minor)) throw Refusal.invalid('money.malformed', { amount: String(minor) })
  return BigInt(minor)
}

/** The same proportions in whole numbers. */
function wholeWeights(weights: readonly (bigint | Ratio)[]): readonly bigint[] {
  if (weights.every((weight) => typeof weight === 'bigint')) return weights
  const ratios = weights.map((weight) => (typeof weight === 'bigint' ? Ratio.of(weight) : weight))
  const denominator = ratios.reduce((all, ratio) => (all / commonDivisor(all, ratio.denominator)) * ratio.denominator, 1n)
  return ratios.map((ratio) => (ratio.numerator * denominator) / ratio.denominator)
}
