/** A deal as the last event left it. The amount is in minor units of its currency. */
export interface Deal {
  readonly id: string
  /** Version of the opportunity that it was told of last. */
  readonly sequence: number
  readonly accountId: string | null
  readonly ownerId: string | null
  readonly processId: string
  readonly stageKey: string
  readonly stageName: string
  readonly status: 'open' | 'won' | 'lost'
  readonly productIds: readonly string[]
  readonly amountMinor: bigint | null
  readonly amountCurrency: string | null
  readonly openedAt: Date
  readonly closedAt: Date | null
}

/** A stay of a deal in a stage. The event is the one that brought it there. */
interface Visit {
  readonly dealId: string
  readonly eventId: string
  readonly stageKey: string
  readonly enteredAt: Date
  leftAt: Date | null
}

/**
 * What a batch of events makes of the deals they tell of. Several events may come from one version of the opportunity (an import opens and
 * closes at once), so only older versions are stale. A deal that was never opened would be missing in every figure: its event is refused, and
 * so parked where somebody sees it.
 */
export class DealBook {
  private readonly deals: Map<string, Deal>
  private readonly touched = new Set<string>()
  private readonly left = new Map<string, Date>()
  private readonly standing = new Map<string, Visit>()
  /** Stages that deals came into, in that order. */
  readonly visits: Visit[] = []

  constructor(known: readonly Deal[]) {
    this.deals = new Map(known.map((deal) => [deal.id, deal]))
  }

  /** Deals that the batch changed. */
  get changed(): Deal[] {
    return [...this.touched].map((id) => this.deals.get(id)!)
  }

  /** Deals that left the stage they stood in before the batch, and when. */
  get departures(): [dealId: string, at: Date][] {
    return [...this.left]
  }

  open(deal: Deal, eventId: string): void {
    if (this.deals.has(deal.id)) return
    this.keep(deal)
    this.come({ dealId: deal.id, eventId, stageKey: deal.stageKey, enteredAt: deal.openedAt, leftAt: null })
  }

  /** Who owned a deal when it was won or lost stays its owner in the figures, also when the customer's whole book goes to somebody else. */
  change(id: string, sequence: number, facts: Partial<Deal>): void {
    const deal = this.current(id, sequence)
    if (!deal) return
    const { ownerId } = deal.status === 'open' ? { ...deal, ...facts } : deal
    this.keep({ ...deal, ...facts, ownerId, sequence })
  }

  move(id: string, sequence: number, stage: Pick<Deal, 'processId' | 'stageKey' | 'stageName'>, at: Date, eventId: string): void {
    const deal = this.current(id, sequence)
    if (!deal) return
    this.keep({ ...deal, ...stage, sequence })
    this.leave(id, at)
    this.come({ dealId: id, eventId, stageKey: stage.stageKey, enteredAt: at, leftAt: null })
  }

  close(id: string, sequence: number, outcome: Partial<Deal> & Pick<Deal, 'status'>, at: Date): void {
    const deal = this.current(id, sequence)
    if (!deal) return
    this.keep({ ...deal, ...outcome, sequence, closedAt: at })
    this.leave(id, at)
  }

  /** The deal, unless it is known in a later version already. */
  private current(id: string, sequence: number): Deal | undefined {
    const deal = this.deals.get(id)
    if (!deal) throw new Error(`the deal ${id} was never opened`)
    return deal.sequence <= sequence ? deal : undefined
  }

  private keep(deal: Deal): void {
    this.deals.set(deal.id, deal)
    this.touched.add(deal.id)
  }

  private come(visit: Visit): void {
    this.visits.push(visit)
    this.standing.set(visit.dealId, visit)
  }

  private leave(dealId: string, at: Date): void {
    const visit = this.standing.get(dealId)
    if (visit) visit.leftAt ??= at
    else if (!this.left.has(dealId)) this.left.set(dealId, at)
  }
}
