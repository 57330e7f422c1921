import { Money, Ratio, type Currency } from '@millrace/domain'

/** Deals of one group that became the same, in the same stage and currency. */
export interface DealCount {
  readonly status: 'open' | 'won' | 'lost'
  readonly stage: { readonly key: string; readonly name: string; readonly position: number }
  readonly currency: Currency | null
  readonly deals: number
  /** Sum of those that have an amount. */
  readonly minor: bigint | null
}

/** What became of deals and what they brought in. Open stages stand in the order of their process. */
export function salesFigures(counts: readonly DealCount[]) {
  const sum = (status: DealCount['status']) => counts.reduce((all, count) => all + (count.status === status ? count.deals : 0), 0)
  const [won, lost, open] = [sum('won'), sum('lost'), sum('open')]
  return {
    deals: won + lost + open,
    won,
    lost,
    open,
    openByStage: openByStage(counts),
    revenue: revenue(counts),
    winRatePct:
      won + lost === 0
        ? null
        : Ratio.of(won, won + lost)
            .times(Ratio.of(100))
            .toDecimal(2, 'half-up'),
  }
}

function openByStage(counts: readonly DealCount[]): { key: string; name: string; deals: number }[] {
  const stages = new Map<string, { key: string; name: string; position: number; deals: number }>()
  for (const { status, stage, deals } of counts) {
    if (status === 'open') stages.set(stage.key, { ...stage, deals: deals + (stages.get(stage.key)?.deals ?? 0) })
  }
  return [...stages.values()]
    .toSorted((left, right) => left.position - right.position || (left.key < right.key ? -1 : 1))
    .map(({ key, name, deals }) => ({ key, name, deals }))
}

function revenue(counts: readonly DealCount[]): Money[] {
  const sums = new Map<Currency, Money>()
  for (const { status, currency, minor } of counts) {
    if (status !== 'won' || currency === null || minor === null) continue
    sums.set(currency, Money.of(minor, currency).plus(sums.get(currency) ?? Money.zero(currency)))
  }
  return [...sums.values()].toSorted((left, right) => (left.currency < right.currency ? -1 : 1))
}
