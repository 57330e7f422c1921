/** Which neighbour a value between two wholes becomes. `up` is away from zero, `down` towards zero; `half-…` rules only on ties. */
export type Rounding = 'half-up' | 'half-even' | 'half-down' | 'up' | 'down' | 'ceiling' | 'floor'

/** The quotient as a whole number. The denominator is positive. */
export function divide(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  const towardsZero = numerator / denominator
  const remainder = numerator - towardsZero * denominator
  if (remainder === 0n || !leavesZero(towardsZero, remainder, denominator, rounding)) return towardsZero
  return remainder < 0n ? towardsZero - 1n : towardsZero + 1n
}

/** The largest number that divides both, with the sign of the second. */
export function commonDivisor(left: bigint, right: bigint): bigint {
  let divisor = right
  for (let rest = left; rest !== 0n;) [divisor, rest] = [rest, divisor % rest]
  return divisor < 0n === right < 0n ? divisor : -divisor
}

/** A whole number of the smallest unit, written with so many decimals: 123450 with 2 is `1234.50`. */
export function decimalText(units: bigint, digits: number): string {
  if (digits === 0) return units.toString()
  const sign = units < 0n ? '-' : ''
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, '0')
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`
}

function leavesZero(towardsZero: bigint, remainder: bigint, denominator: bigint, rounding: Rounding): boolean {
  switch (rounding) {
    case 'up':
      return true
    case 'down':
      return false
    case 'ceiling':
      return remainder > 0n
    case 'floor':
      return remainder < 0n
  }
  const twice = remainder < 0n ? remainder * -2n : remainder * 2n
  if (twice !== denominator) return twice > denominator
  return rounding === 'half-up' || (rounding === 'half-even' && towardsZero % 2n !== 0n)
}
