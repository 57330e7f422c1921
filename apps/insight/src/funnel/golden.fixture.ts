import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Id } from '@millrace/domain'
import type { Road, Telling } from '../deal/deals.fixture.js'

interface Golden {
  readonly stages: readonly string[]
  readonly rep: Figures & { readonly name: string; readonly stuck: readonly number[]; readonly medianTimeInStage: readonly string[] }
  readonly company: Figures & { readonly timeInStageDays: readonly number[] }
}

interface Figures {
  readonly entered: readonly number[]
  readonly lost: readonly number[]
  readonly won: number
  readonly lossPct: readonly number[]
  readonly conversionPct: readonly number[]
  readonly winPct: number
  readonly averageDeal: { readonly amount: string; readonly currency: string }
  readonly cycleDays: number
}

/** The published figures that the funnel has to reproduce; the file names its source. */
export const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'golden/funnel.json'), 'utf8')) as Golden

/** A deal that is not told yet: seconds in each stage that it left, and how it ended in the last one it came to. */
interface Draft {
  readonly seconds: number[]
  readonly reached: number
  readonly fate: 'won' | 'lost' | 'open'
  amount?: bigint
}

const hour = 3600
const day = 24 * hour
const opened = Date.parse('2026-01-05T01:00:00Z')

/**
 * Deals of the rep and of his colleagues whose true figures are the published ones: counts per stage and fate; the rep's median and the
 * company's mean time in each stage; both mean cycles and both mean amounts. Times and amounts differ from deal to deal.
 */
export function tellGolden(telling: Telling, road: Road, repId: Id<'user'>, colleagues: readonly Id<'user'>[]): void {
  const { rep, company } = golden
  const others = { entered: minus(company.entered, rep.entered), lost: minus(company.lost, rep.lost), won: company.won - rep.won }
  const [his, theirs] = [drafts(rep), drafts(others)]
  const medians = rep.medianTimeInStage.map(secondsOf)

  // His won deals take the medians, and in the first stage what is missing to the mean cycle. Of the others as many lie below each median as above.
  const missing = rep.cycleDays * day - sum(medians)
  medians.forEach((median, stage) => {
    const left = his.filter((deal) => leaves(deal, stage))
    const [winners, rest] = [left.filter(({ fate }) => fate === 'won'), left.filter(({ fate }) => fate !== 'won')]
    for (const deal of winners) deal.seconds[stage] = stage === 0 ? median + missing : median
    const below = Math.floor(rest.length / 3)
    const above = below - (stage === 0 ? winners.length : 0)
    rest.forEach((deal, n) => {
      const step = n < below ? -1 - n : n < below + above ? n - below + 1 : 0
      deal.seconds[stage] = median + step * Math.floor(median / (below + 1))
    })
  })

  // Whatever his deals leave of the company's totals, his colleagues' deals share, some more, some less, to the last second and fen.
  const wonSeconds = spread(company.cycleDays * day * company.won - rep.cycleDays * day * rep.won, others.won)
  const totals = company.timeInStageDays.map((days, stage) => {
    const all = [...his, ...theirs].filter((deal) => leaves(deal, stage)).length
    return days * day * all - sum(his.filter((deal) => leaves(deal, stage)).map(({ seconds }) => seconds[stage]!))
  })
  const winners = theirs.filter(({ fate }) => fate === 'won')
  for (let stage = totals.length - 1; stage > 0; stage -= 1) {
    const left = theirs.filter((deal) => leaves(deal, stage))
    spread(totals[stage]!, left.length).forEach((seconds, n) => (left[n]!.seconds[stage] = seconds))
  }
  winners.forEach((deal, n) => (deal.seconds[0] = wonSeconds[n]! - sum(deal.seconds.slice(1))))
  const rest = theirs.filter((deal) => deal.fate !== 'won' && leaves(deal, 0))
  const restSeconds = spread(totals[0]! - sum(winners.map(({ seconds }) => seconds[0]!)), rest.length)
  rest.forEach((deal, n) => (deal.seconds[0] = restSeconds[n]!))

  const fen = ({ averageDeal, won }: Figures) => BigInt(averageDeal.amount.replace('.', '')) * BigInt(won)
  const share = (deals: Draft[], total: bigint) =>
    spread(Number(total), deals.length).forEach((minor, n) => (deals[n]!.amount = BigInt(minor)))
  share(
    his.filter(({ fate }) => fate === 'won'),
    fen(rep),
  )
  share(winners, fen(company) - fen(rep))

  his.forEach((draft, n) => tell(telling, road, draft, repId, n))
  theirs.forEach((draft, n) => tell(telling, road, draft, colleagues[n % colleagues.length]!, n))
}

function tell(telling: Telling, road: Road, { seconds, reached, fate, amount }: Draft, ownerId: Id<'user'>, n: number): void {
  let time = opened + (n % 60) * day * 1000
  const deal = telling.deal(road, new Date(time), { ownerId })
  for (let stage = 0; stage < reached; stage += 1) {
    time += seconds[stage]! * 1000
    deal.to(stage + 1, new Date(time))
  }
  const end = new Date(time + (seconds[reached] ?? 0) * 1000)
  if (fate === 'lost') deal.lose(end)
  if (fate === 'won') deal.win(end, { amount: `${amount! / 100n}.${String(amount! % 100n).padStart(2, '0')}`, currency: 'CNY' })
}

function drafts({ entered, lost, won }: Pick<Figures, 'entered' | 'lost' | 'won'>): Draft[] {
  return entered.flatMap((came, reached) => {
    const further = entered[reached + 1] ?? won
    const many = (fate: Draft['fate'], count: number) => Array.from({ length: count }, (): Draft => ({ seconds: [], reached, fate }))
    const last = reached === entered.length - 1
    return [...many('lost', lost[reached]!), ...many('open', came - lost[reached]! - further), ...(last ? many('won', won) : [])]
  })
}

const leaves = ({ reached, fate }: Draft, stage: number) => reached > stage || (reached === stage && fate !== 'open')

/** So many whole numbers that add up to the total, from three to five quarters of their mean. */
function spread(total: number, count: number): number[] {
  const mean = Math.floor(total / count)
  const parts = Array.from({ length: count }, (_, n) => mean + Math.round((((n * 7919) % count) / count - 0.5) * (mean / 2)))
  const left = total - sum(parts)
  const each = Math.floor(left / count)
  return parts.map((part, n) => part + each + (n < left - each * count ? 1 : 0))
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0)
const minus = (left: readonly number[], right: readonly number[]) => left.map((one, n) => one - right[n]!)

function secondsOf(duration: string): number {
  const [, days, hours] = /^P(?:(\d+)D)?(?:T(\d+)H)?$/.exec(duration)!
  return Number(days ?? 0) * day + Number(hours ?? 0) * hour
}
