import { lifecycle, Ratio, Refusal, type CalendarDate, type Id, type Money } from '@millrace/domain'
import { answerTo, type ItemValue } from './item-value.js'
import { evidence, firstStage, itemOf, missing, stageOf, wonStage, type Road, type RoadStage, type Wording } from './road.js'

/** A lost deal is won after all when its contract is signed. */
export const opportunityStatus = lifecycle('opportunity', {
  open: ['won', 'lost'],
  lost: ['won'],
  won: [],
})
export type OpportunityStatus = typeof opportunityStatus.state

/** What a deal is about; quantity as exact decimal text, price of one. */
export interface ProductLine {
  readonly productId: Id<'product'>
  readonly name: string
  readonly quantity: string | null
  readonly price: { readonly amount: string; readonly currency: string } | null
}

/** A checklist item that is done. */
export interface DoneItem {
  readonly item: string
  readonly value: ItemValue
  /** Instant as text, as JSON keeps it. */
  readonly at: string
  readonly by: string | null
}

/** One stay in a stage. */
export interface Visit {
  readonly stage: string
  readonly name: Wording
  /** Instant as text, as JSON keeps it. */
  readonly at: string
  readonly direction: 'start' | 'forward' | 'back'
  /** Keys of the stages that were passed over. */
  readonly skipped: readonly string[]
  readonly by: string | null
}

/** One possible deal with one account. Every method returns the deal as it is afterwards, or refuses. */
export class Opportunity {
  declare readonly id: Id<'opportunity'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: OpportunityStatus
  declare readonly title: string
  declare readonly accountId: Id<'account'> | null
  declare readonly accountName: string | null
  declare readonly ownerId: Id<'user'> | null
  declare readonly processId: Id<'process'>
  /** Key of the stage that the deal stands in. */
  declare readonly stage: string
  declare readonly stageName: Wording
  declare readonly stageEnteredAt: Date
  /** Evidence, in %: what the done items add up to, never above the ceiling; 100 when won, 0 when lost. */
  declare readonly probability: Ratio
  /** The most that the stage allows, in %. */
  declare readonly ceiling: Ratio
  declare readonly done: readonly DoneItem[]
  declare readonly visits: readonly Visit[]
  declare readonly amount: Money | null
  declare readonly products: readonly ProductLine[]
  declare readonly expectedCloseOn: CalendarDate | null
  declare readonly source: string | null
  declare readonly externalId: string | null
  declare readonly leadId: Id<'lead'> | null
  declare readonly contractId: Id<'contract'> | null
  /** Why it counts as won without a signed contract. */
  declare readonly exemption: string | null
  declare readonly lossReason: string | null
  declare readonly competitor: string | null
  declare readonly closeNote: string | null
  declare readonly closedAt: Date | null

  /** A new deal, in the first stage of its process. */
  static open(
    road: Road,
    given: Pick<Opportunity, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'title'> & Partial<DealData>,
    by: string | null,
  ): Opportunity {
    const stage = firstStage(road)
    const visit: Visit = { stage: stage.key, name: stage.name, at: given.createdAt.toISOString(), direction: 'start', skipped: [], by }
    return Object.assign(Object.create(Opportunity.prototype) as Opportunity, nothing, given, {
      status: opportunityStatus.initial,
      processId: road.id,
      stage: stage.key,
      stageName: stage.name,
      stageEnteredAt: given.createdAt,
      probability: Ratio.zero,
      ceiling: Ratio.parse(stage.probability),
      visits: [visit],
    })
  }

  change(data: Partial<DealData>, at: Date): Opportunity {
    this.mustBeOpen()
    return this.with({ ...data, updatedAt: at })
  }

  /** The same deal with the account that its own became part of, whatever its status. */
  moveTo(account: Pick<Opportunity, 'accountId' | 'accountName'>, updatedAt: Date): Opportunity {
    return this.with({ ...account, updatedAt })
  }

  assign(ownerId: Id<'user'>, at: Date): Opportunity {
    return this.ownerId === ownerId ? this : this.with({ ownerId, updatedAt: at })
  }

  /** Goes to another stage. Forward only past gates whose required items are done; back always. */
  move(road: Road, key: string, by: string | null, at: Date): Opportunity {
    const to = stageOf(road, key)
    if (this.status === 'lost' || (this.status === 'won' && to.outcome !== 'won')) this.refuseClosed()
    if (this.status === 'open' && to.outcome === 'won') throw new Refusal('opportunity.not_signed', { stage: key })
    if (to.key === this.stage) return this
    const stages = road.stages
    const left = stages.slice(this.placeIn(road), stages.indexOf(to)).filter(({ gate }) => gate === 'block')
    const lacking = missing(left, this.answered())
    if (lacking.length) throw new Refusal('opportunity.items_missing', { items: lacking.map(({ item }) => item), missing: lacking })
    return this.enter(road, to, by, at)
  }

  /** The stage that won deals come to; where it is already, or a process without such a stage: unchanged. */
  reachWonStage(road: Road, by: string | null, at: Date): Opportunity {
    const to = wonStage(road)
    return !to || stageOf(road, this.stage).outcome === 'won' ? this : this.enter(road, to, by, at)
  }

  /** Goes to a stage, whatever its gates say: for history that took place elsewhere, and for a deal that is won. */
  enter(road: Road, to: RoadStage, by: string | null, at: Date): Opportunity {
    const [from, target] = [this.placeIn(road), road.stages.indexOf(to)]
    const visit: Visit = {
      stage: to.key,
      name: to.name,
      at: at.toISOString(),
      direction: target > from ? 'forward' : 'back',
      skipped: road.stages.slice(from + 1, Math.max(from + 1, target)).map(({ key }) => key),
      by,
    }
    return this.with({ stage: to.key, stageName: to.name, stageEnteredAt: at, visits: [...this.visits, visit], updatedAt: at }).weighed(
      road,
    )
  }

  /** Answers an item of any stage of the process. The same answer again changes nothing. */
  complete(road: Road, key: string, value: ItemValue, by: string | null, at: Date): Opportunity {
    if (this.status === 'lost') this.refuseClosed()
    const answer = answerTo(itemOf(road, key), value)
    const before = this.done.find(({ item }) => item === key)
    if (before && same(before.value, answer)) return this
    return this.withDone([{ item: key, value: answer, at: at.toISOString(), by }], at).weighed(road)
  }

  /** Takes the answer to an item back. */
  reopen(road: Road, key: string, at: Date): Opportunity {
    this.mustBeOpen()
    itemOf(road, key)
    if (!this.answered().has(key)) return this
    return this.with({ done: this.done.filter(({ item }) => item !== key), updatedAt: at }).weighed(road)
  }

  /** Won by a signed contract, also when it was counted as lost. Its amount becomes what was signed. */
  winBySignature(road: Road, { contractId, total }: { contractId: Id<'contract'>; total: Money }, at: Date): Opportunity {
    if (this.status === 'won') return this
    const answered = this.answered()
    const proven = road.stages
      .flatMap(({ items }) => items)
      .filter(({ key, kind }) => kind === 'contract' && !answered.has(key))
      .map(({ key }) => ({ item: key, value: contractId, at: at.toISOString(), by: null }))
    return this.withDone(proven, at)
      .with({ contractId, amount: total, lossReason: null, competitor: null, closeNote: null })
      .close(road, 'won', at)
  }

  /** Won without a signed contract, for a stated reason. */
  winByExemption(road: Road, exemption: string, at: Date): Opportunity {
    this.mustBeOpen()
    return this.with({ exemption }).close(road, 'won', at)
  }

  lose(road: Road, { reason, competitor, note }: { reason: string; competitor?: string | undefined; note?: string | undefined }, at: Date) {
    this.mustBeOpen()
    return this.with({ lossReason: reason, competitor: competitor ?? null, closeNote: note ?? null }).close(road, 'lost', at)
  }

  /** Keys of the items that are done. */
  answered(): ReadonlySet<string> {
    return new Set(this.done.map(({ item }) => item))
  }

  private close(road: Road, status: OpportunityStatus, at: Date): Opportunity {
    return this.with({ status: opportunityStatus.move(this.status, status), closedAt: at, updatedAt: at }).weighed(road)
  }

  private weighed(road: Road): Opportunity {
    const ceiling = Ratio.parse(stageOf(road, this.stage).probability)
    if (this.status !== 'open') return this.with({ ceiling, probability: this.status === 'won' ? hundred : Ratio.zero })
    const sum = evidence(road.stages, this.answered())
    return this.with({ ceiling, probability: sum.compare(ceiling) > 0 ? ceiling : sum })
  }

  private withDone(answers: readonly DoneItem[], at: Date): Opportunity {
    const answered = new Set(answers.map(({ item }) => item))
    return this.with({ done: [...this.done.filter(({ item }) => !answered.has(item)), ...answers], updatedAt: at })
  }

  private placeIn(road: Road): number {
    return road.stages.indexOf(stageOf(road, this.stage))
  }

  private mustBeOpen(): void {
    if (this.status !== 'open') this.refuseClosed()
  }

  private refuseClosed(): never {
    throw new Refusal('opportunity.closed', { status: this.status })
  }

  private with(change: Partial<Opportunity>): Opportunity {
    return Object.assign(Object.create(Opportunity.prototype) as Opportunity, this, change)
  }
}

/** What is known of a deal from the beginning. */
export type DealData = Pick<
  Opportunity,
  'title' | 'accountId' | 'accountName' | 'ownerId' | 'amount' | 'products' | 'expectedCloseOn' | 'source' | 'externalId' | 'leadId'
>

const nothing = {
  accountId: null,
  accountName: null,
  ownerId: null,
  done: [],
  amount: null,
  products: [],
  expectedCloseOn: null,
  source: null,
  externalId: null,
  leadId: null,
  contractId: null,
  exemption: null,
  lossReason: null,
  competitor: null,
  closeNote: null,
  closedAt: null,
}

const hundred = Ratio.of(100)

/** Whether two answers say the same; what JSON keeps has its own order of names. */
function same(left: ItemValue, right: ItemValue): boolean {
  const plain = (value: ItemValue) => JSON.stringify(typeof value === 'object' ? Object.entries(value).sort() : value)
  return plain(left) === plain(right)
}
