import { commonDivisor, decimalText, divide, type Rounding } from './decimal.js'
import { Refusal } from './refusal.js'

export type { Rounding } from './decimal.js'

const decimalPattern = /^(-?\d+)(?:\.(\d+))?(%?)$/
const fractionPattern = /^(-?\d+)\/(\d+)$/
const longestText = 1000 // reducing a number of a million digits would stop the whole service for minutes

/** An exact number: a tax rate, a discount, an exchange rate, a price below the cent. Never rounded until a rounding is named. */
export class Ratio {
  static readonly zero = new Ratio(0n, 1n)
  static readonly one = new Ratio(1n, 1n)

  readonly numerator: bigint
  readonly denominator: bigint

  private constructor(numerator: bigint, denominator: bigint) {
    if (denominator === 0n) throw Refusal.invalid('ratio.division_by_zero', { numerator: numerator.toString() })
    const divisor = commonDivisor(numerator, denominator)
    this.numerator = numerator / divisor
    this.denominator = denominator / divisor
  }

  /** The quotient of two whole numbers. Refuses `ratio.malformed` and `ratio.division_by_zero`. */
  static of(numerator: bigint | number, denominator: bigint | number = 1n): Ratio {
    return new Ratio(whole(numerator), whole(denominator))
  }

  /** Reads `12.5`, `12.5%` and `1/3`. Refuses `ratio.malformed`. */
  static parse(text: string): Ratio {
    if (text.length > longestText) throw Refusal.invalid('ratio.malformed', { text: `${text.slice(0, 20)}…` })
    const decimal = decimalPattern.exec(text)
    if (decimal) {
      const [, digits = '', decimals = '', percent] = decimal
      return new Ratio(BigInt(digits + decimals), 10n ** BigInt(decimals.length + (percent ? 2 : 0)))
    }
    const [, numerator = '', denominator = '0'] = fractionPattern.exec(text) ?? []
    if (BigInt(denominator) === 0n) throw Refusal.invalid('ratio.malformed', { text })
    return new Ratio(BigInt(numerator), BigInt(denominator))
  }

  plus(other: Ratio): Ratio {
    return new Ratio(this.numerator * other.denominator + other.numerator * this.denominator, this.denominator * other.denominator)
  }

  minus(other: Ratio): Ratio {
    return this.plus(other.negate())
  }

  times(other: Ratio): Ratio {
    return new Ratio(this.numerator * other.numerator, this.denominator * other.denominator)
  }

  /** Refuses `ratio.division_by_zero`. */
  dividedBy(other: Ratio): Ratio {
    return new Ratio(this.numerator * other.denominator, this.denominator * other.numerator)
  }

  negate(): Ratio {
    return new Ratio(-this.numerator, this.denominator)
  }

  /** -1 when this is the smaller one, 0 when equal, 1 when it is the larger one. */
  compare(other: Ratio): -1 | 0 | 1 {
    const left = this.numerator * other.denominator
    const right = other.numerator * this.denominator
    return left < right ? -1 : left > right ? 1 : 0
  }

  equals(other: Ratio): boolean {
    return this.numerator === other.numerator && this.denominator === other.denominator
  }

  isZero(): boolean {
    return this.numerator === 0n
  }

  isNegative(): boolean {
    return this.numerator < 0n
  }

  /** The nearest whole number under the named rounding. */
  round(rounding: Rounding): bigint {
    return divide(this.numerator, this.denominator, rounding)
  }

  /** Decimal text with exactly so many digits after the point. */
  toDecimal(digits: number, rounding: Rounding = 'half-up'): string {
    return decimalText(divide(this.numerator * 10n ** BigInt(digits), this.denominator, rounding), digits)
  }

  /** Exact text that `parse` reads back: `12.5`, or `1/3` where decimals would never end. */
  toString(): string {
    const twos = timesDivisible(this.denominator, 2n)
    const fives = timesDivisible(this.denominator, 5n)
    const ends = 2n ** BigInt(twos) * 5n ** BigInt(fives) === this.denominator
    return ends ? this.toDecimal(twos > fives ? twos : fives) : `${this.numerator}/${this.denominator}`
  }

  toJSON(): string {
    return this.toString()
  }
}

function whole(value: bigint | number): bigint {
  if (typeof value === 'bigint') return value
  if (!Number.isSafeInteger(value)) throw Refusal.invalid('ratio.malformed', { text: String(value) })
  return BigInt(value)
}

function timesDivisible(value: bigint, divisor: bigint): number {
  let times = 0
  for (let rest = value; rest % divisor === 0n; rest /= divisor) times++
  return times
}
