import { Injectable } from '@nestjs/common'
import {
  type AccountMerged,
  OpportunityChanged,
  OpportunityLost,
  OpportunityOpened,
  OpportunityWon,
  StageEntered,
  type changeOpportunity,
  type Input,
  type loseOpportunity,
  type openOpportunity,
  type PayloadOf,
  type ContractSigned,
  type LeadConverted,
  type Sent,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Directory, Events, type Transaction } from '@millrace/service'
import { ProcessService } from '../process/process.service.js'
import { Process } from '../process/process.js'
import type { ItemValue } from './item-value.js'
import { KnownRecords } from './known-records.queries.js'
import { Opportunity, type DealData, type ProductLine } from './opportunity.js'

type ProductsGiven = NonNullable<Input<typeof openOpportunity>['body']['products']>

/** Use cases of the deal. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class OpportunityService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly processes: ProcessService,
    private readonly known: KnownRecords,
  ) {}

  open({ processId, ownerId, accountId, products = [], ...given }: Input<typeof openOpportunity>['body']): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      if (ownerId) await this.directory.colleague(ownerId)
      const { actor } = context()
      const owner = ownerId ?? (actor?.kind === 'user' && actor.roles.includes('sales_rep') ? (actor.id as Id<'user'>) : null)
      const process = processId ? await this.processes.published(tx, processId) : await this.processes.standard(tx)
      const opportunity = Opportunity.open(
        process,
        {
          ...begun('opportunity', this.clock.now()),
          ...(given as Pick<DealData, 'title'> & Partial<DealData>),
          ownerId: owner,
          ...(await this.known.account(tx, accountId)),
          products: await this.lines(tx, products),
        },
        who(),
      )
      await tx.insert(opportunity)
      await this.tellOpened(tx, opportunity)
      return opportunity
    })
  }

  /** Opens the deal that a conversion named, in the company's usual process. The account may become known here only later. */
  async openFromLead(
    tx: Transaction,
    { leadId, ownerId, account, opportunity: wish, source }: PayloadOf<typeof LeadConverted>,
    at: Date,
  ): Promise<void> {
    if (!wish?.isNew || (await tx.find(Opportunity, wish.id))) return
    await this.known.expectAccount(tx, account)
    const opportunity = Opportunity.open(
      await this.processes.standard(tx),
      {
        ...begun('opportunity', at, wish.id),
        title: wish.title,
        amount: wish.amount,
        ...(await this.known.account(tx, account.id)),
        ownerId,
        leadId,
        source,
      },
      null,
    )
    await tx.insert(opportunity)
    await this.tellOpened(tx, opportunity, at)
  }

  change(id: Id<'opportunity'>, { accountId, products, ...given }: Input<typeof changeOpportunity>['body']): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Opportunity, id)
      const data: Partial<DealData> = {
        ...(given as Partial<DealData>),
        ...(accountId && (await this.known.account(tx, accountId))),
        ...(products && { products: await this.lines(tx, products) }),
      }
      return this.saveChange(tx, before, before.change(data, this.clock.now()))
    })
  }

  /** The deals of an account that became part of another one are deals of that one, closed ones included. */
  async followAccount(tx: Transaction, merged: PayloadOf<typeof AccountMerged>, sequence: number, at: Date): Promise<void> {
    await this.known.mergeAccount(tx, merged, sequence)
    const survivor = await this.known.account(tx, merged.accountId)
    const deals = (await tx.lockBy(Opportunity, { account_id: merged.accountId })).map((deal) => deal.moveTo(survivor, at))
    await tx.updateAll(deals)
    for (const deal of deals) await this.events.publish(tx, OpportunityChanged, deal, facts(deal), at)
  }

  assign(id: Id<'opportunity'>, ownerId: Id<'user'>): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Opportunity, id)
      await this.directory.colleague(ownerId)
      return this.saveChange(tx, before, before.assign(ownerId, this.clock.now()))
    })
  }

  complete(id: Id<'opportunity'>, item: string, value: ItemValue): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      const [before, road] = await this.lock(tx, id)
      return this.saveChange(tx, before, before.complete(road, item, value, who(), this.clock.now()))
    })
  }

  reopen(id: Id<'opportunity'>, item: string): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      const [before, road] = await this.lock(tx, id)
      return this.saveChange(tx, before, before.reopen(road, item, this.clock.now()))
    })
  }

  move(id: Id<'opportunity'>, stage: string): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      const [before, road] = await this.lock(tx, id)
      return this.saveStage(tx, before, before.move(road, stage, who(), this.clock.now()))
    })
  }

  winByExemption(id: Id<'opportunity'>, exemption: string): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      const [before, road] = await this.lock(tx, id)
      const at = this.clock.now()
      const arrived = await this.saveStage(tx, before, before.reachWonStage(road, who(), at), at)
      return this.saveWon(tx, arrived.winByExemption(road, exemption, at), at)
    })
  }

  /** Both sides signed: the deal is won, in whatever stage it stands. Told again, or of a second contract, changes nothing. */
  async winBySignature(tx: Transaction, { opportunityId, contractId, total }: PayloadOf<typeof ContractSigned>, at: Date): Promise<void> {
    const [before, road] = await this.lock(tx, opportunityId)
    if (before.status === 'won') return
    const arrived = await this.saveStage(tx, before, before.reachWonStage(road, null, at), at)
    await this.saveWon(tx, arrived.winBySignature(road, { contractId, total }, at), at)
  }

  lose(id: Id<'opportunity'>, given: Input<typeof loseOpportunity>['body']): Promise<Opportunity> {
    return this.db.transaction(async (tx) => {
      const [before, road] = await this.lock(tx, id)
      const at = this.clock.now()
      const opportunity = await tx.update(before.lose(road, given, at))
      await this.tellLost(tx, opportunity, at)
      return opportunity
    })
  }

  tellOpened(tx: Transaction, opportunity: Opportunity, at?: Date): Promise<void> {
    return this.events.publish(tx, OpportunityOpened, opportunity, facts(opportunity), at)
  }

  /** Tells of deals that a handover gave another owner. */
  async tellHandedOver(tx: Transaction, opportunities: readonly Opportunity[]): Promise<void> {
    for (const opportunity of opportunities) await this.events.publish(tx, OpportunityChanged, opportunity, facts(opportunity))
  }

  /** Tells of the last visit. */
  tellStageEntered(tx: Transaction, opportunity: Opportunity, at?: Date): Promise<void> {
    const [from, to] = opportunity.visits.slice(-2)
    return this.events.publish(
      tx,
      StageEntered,
      opportunity,
      {
        opportunityId: opportunity.id,
        processId: opportunity.processId,
        from: { key: from!.stage, name: from!.name.en },
        to: { key: to!.stage, name: to!.name.en },
        direction: to!.direction as 'forward' | 'back',
        skipped: [...to!.skipped],
        probability: opportunity.probability.toString(),
      },
      at,
    )
  }

  tellWon(tx: Transaction, opportunity: Opportunity, at: Date): Promise<void> {
    const { amount, contractId, exemption } = opportunity
    return this.events.publish(tx, OpportunityWon, opportunity, { ...place(opportunity), amount, contractId, exemption }, at)
  }

  tellLost(tx: Transaction, opportunity: Opportunity, at: Date): Promise<void> {
    const { lossReason, competitor } = opportunity
    return this.events.publish(tx, OpportunityLost, opportunity, { ...place(opportunity), reason: lossReason!, competitor }, at)
  }

  private async lock(tx: Transaction, id: Id<'opportunity'>): Promise<[Opportunity, Process]> {
    const opportunity = await tx.lock(Opportunity, id)
    return [opportunity, await tx.get(Process, opportunity.processId)]
  }

  private async saveChange(tx: Transaction, before: Opportunity, after: Opportunity): Promise<Opportunity> {
    if (after === before) return before
    const opportunity = await tx.update(after)
    await this.events.publish(tx, OpportunityChanged, opportunity, facts(opportunity))
    return opportunity
  }

  private async saveStage(tx: Transaction, before: Opportunity, after: Opportunity, at?: Date): Promise<Opportunity> {
    if (after === before) return before
    const opportunity = await tx.update(after)
    await this.tellStageEntered(tx, opportunity, at)
    return opportunity
  }

  private async saveWon(tx: Transaction, won: Opportunity, at: Date): Promise<Opportunity> {
    const opportunity = await tx.update(won)
    await this.tellWon(tx, opportunity, at)
    return opportunity
  }

  private async lines(tx: Transaction, given: ProductsGiven): Promise<ProductLine[]> {
    const names = await this.known.productNames(
      tx,
      given.map(({ productId }) => productId),
    )
    return given.map(({ productId, quantity, price }) => {
      const name = names.get(productId)
      if (name === undefined) throw Refusal.invalid('reference.unknown', { field: 'productId', value: productId })
      return { productId, name, quantity: quantity ?? null, price: price?.toJSON() ?? null }
    })
  }
}

function who(): string | null {
  return context().actor?.id ?? null
}

function place({ id, processId, stage, stageName }: Opportunity) {
  return { opportunityId: id, processId, stage: { key: stage, name: stageName.en } }
}

function facts(opportunity: Opportunity): Sent<typeof OpportunityOpened> {
  const { title, accountId, ownerId, amount, products, expectedCloseOn, source, probability } = opportunity
  return {
    ...place(opportunity),
    title,
    accountId,
    ownerId,
    amount,
    products: products.map(({ productId, name }) => ({ productId, name })),
    expectedCloseOn,
    source,
    probability: probability.toString(),
  }
}
