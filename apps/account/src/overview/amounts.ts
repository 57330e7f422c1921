import { Money, type Currency } from '@millrace/domain'

/** So many smallest units of a currency, as sums come from the database; nulls are sums of nothing. */
export interface Sum {
  readonly minor: bigint | string | null
  readonly currency: string | null
}

/** What sums come to, one amount of each currency in the order of their codes. Nothing is left out, and no currency is added to another. */
export function amountsOf(sums: Iterable<Sum>): Money[] {
  const totals = new Map<string, Money>()
  for (const { minor, currency } of sums) {
    if (minor === null || currency === null) continue
    const amount = Money.of(BigInt(minor), currency as Currency)
    totals.set(currency, totals.get(currency)?.plus(amount) ?? amount)
  }
  return [...totals.values()].filter((total) => !total.isZero()).sort((a, b) => (a.currency < b.currency ? -1 : 1))
}

/** The amounts of one list less those of another. */
export function less(amounts: readonly Money[], others: readonly Money[]): Money[] {
  return amountsOf([...amounts, ...others.map((amount) => amount.negate())])
}
