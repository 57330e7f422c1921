import { Money, Ratio, Refusal } from '@millrace/domain'

/**
 * What a company turns over in a year, read from decimal text that counts units or millions. Exact: digits below the smallest unit of the
 * currency are refused (`money.too_precise`), never rounded. Refuses `money.negative` and `money.unknown_currency`.
 */
export function annualRevenue(amount: string, currency: string, unit: 'units' | 'millions' = 'units'): Money {
  const factor = Ratio.of(unit === 'millions' ? 1_000_000n : 1n)
  const revenue = Money.parse(Ratio.parse(amount).times(factor).toString(), currency)
  if (revenue.isNegative()) throw Refusal.invalid('money.negative', { amount })
  return revenue
}
