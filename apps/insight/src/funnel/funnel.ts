import { Money, Ratio, type Currency } from '@millrace/domain'
import { isoDuration, wholeDays } from './duration.js'

/** A stage of the process, in its order. */
export interface FunnelStage {
  readonly key: string
  readonly name: string
}

/** What the deals of a scope did in one stage. Seconds are of the deals that were lost in it or advanced. */
export interface StageCount {
  readonly key: string
  readonly lost: number
  readonly stuck: number
  readonly advanced: number
  readonly medianSeconds: Ratio | null
  readonly meanSeconds: Ratio | null
}

/** What became of the deals of a scope. */
export interface DealCount {
  readonly won: number
  readonly lost: number
  readonly open: number
  /** Deals that entered the first stage, and those of them that were won. */
  readonly enteredFirst: number
  readonly wonFromFirst: number
  readonly meanCycleSeconds: Ratio | null
  /** Sum of the won deals that have an amount, one entry a currency. */
  readonly wonAmounts: readonly { readonly currency: Currency; readonly minor: bigint; readonly deals: number }[]
}

/** The figures of a funnel: entered = lost + stuck + advanced in each stage. */
export function funnelFigures(stages: readonly FunnelStage[], counts: readonly StageCount[], deals: DealCount) {
  const byKey = new Map(counts.map((count) => [count.key, count]))
  return {
    stages: stages.map(({ key, name }) => {
      const { lost, stuck, advanced, medianSeconds, meanSeconds } = byKey.get(key) ?? nobody
      const entered = lost + stuck + advanced
      return {
        key,
        name,
        entered,
        lost,
        stuck,
        advanced,
        lossPct: percent(lost, entered, 1),
        conversionPct: percent(advanced, entered, 1),
        medianTimeInStage: medianSeconds && isoDuration(medianSeconds),
        timeInStageDays: meanSeconds && wholeDays(meanSeconds),
      }
    }),
    deals: deals.won + deals.lost + deals.open,
    won: deals.won,
    lost: deals.lost,
    open: deals.open,
    winPct: percent(deals.wonFromFirst, deals.enteredFirst, 1),
    wonAmount: deals.wonAmounts.map(({ currency, minor }) => Money.of(minor, currency)),
    averageDeal: deals.wonAmounts.map((won) => Money.of(won.minor, won.currency).times(Ratio.of(1, won.deals), 'half-up')),
    cycleDays: deals.meanCycleSeconds && wholeDays(deals.meanCycleSeconds),
  }
}

/** A share in %, half up to so many decimals; null when there is nothing to have a share of. */
export function percent(part: number, whole: number, decimals: number): string | null {
  return whole === 0 ? null : Ratio.of(part, whole).times(Ratio.of(100)).toDecimal(decimals, 'half-up')
}

const nobody = { lost: 0, stuck: 0, advanced: 0, medianSeconds: null, meanSeconds: null }
