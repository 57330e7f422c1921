import { Injectable } from '@nestjs/common'
import {
  CollectionPlanHandedOver,
  CollectionPlanMade,
  ReceivableDue,
  type ContractSigned,
  type Input,
  type PayloadOf,
  type replanCollection,
} from '@millrace/contracts'
import { Money, newId, Ratio, Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { AccountService } from '../account/account.service.js'
import { LegalEntityService } from '../legal-entity/legal-entity.service.js'
import { Receivable } from '../receivable/receivable.js'
import { CollectionPlan, type Term } from './collection-plan.js'

type Signed = PayloadOf<typeof ContractSigned>
type GivenTerm = Input<typeof replanCollection>['body']['terms'][number] | Signed['terms'][number]

/** Use cases of the collection plan. */
@Injectable()
export class CollectionPlanService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
    private readonly entities: LegalEntityService,
  ) {}

  /** Lays a signed contract out over its instalments. One that has a plan keeps it. */
  async make(tx: Transaction, { terms, number, ...contract }: Signed): Promise<void> {
    const [known] = await tx.findBy(CollectionPlan, { contract_id: contract.contractId })
    if (known) return
    const { contractId, ownerId, total, signedOn, lines } = contract
    const accountId = await this.accounts.standing(tx, contract.accountId)
    const plan = CollectionPlan.make({
      ...begun('collection_plan', this.clock.now()),
      contractId,
      contractNumber: number,
      accountId,
      ownerId,
      total,
      signedOn,
      lines,
    })
    await tx.query('INSERT INTO billing_tenant DEFAULT VALUES ON CONFLICT DO NOTHING')
    await tx.insert(plan)
    await this.layOut(tx, plan, terms)
  }

  /** Lays the total out anew; its instalments get new ids. Refuses once something of it is due, invoiced or paid. */
  replan(id: Id<'collection_plan'>, terms: readonly GivenTerm[]): Promise<CollectionPlan> {
    return this.db.transaction(async (tx) => {
      const { accountId } = await tx.get(CollectionPlan, id)
      await this.accounts.lock(tx, [accountId])
      const before = await tx.lock(CollectionPlan, id)
      const receivables = (await tx.findBy(Receivable, { plan_id: id })).filter(({ status }) => status !== 'cancelled')
      const begunAlready = receivables.filter(({ status, invoiceId }) => status !== 'planned' || invoiceId)
      if (begunAlready.length) throw new Refusal('collection_plan.begun', { receivables: begunAlready.map((each) => each.id) })
      for (const receivable of receivables) await tx.update(receivable.cancel(this.clock.now()))
      const plan = await tx.update(before.replanned(this.clock.now()))
      await this.layOut(tx, plan, terms)
      return plan
    })
  }

  /** Tells of plans that a handover gave another owner. */
  async tellHandedOver(tx: Transaction, plans: readonly CollectionPlan[]): Promise<void> {
    for (const plan of plans) {
      const { id: planId, accountId, ownerId } = plan
      await this.events.publish(tx, CollectionPlanHandedOver, plan, { planId, accountId, ownerId: ownerId! })
    }
  }

  private async layOut(tx: Transaction, plan: CollectionPlan, terms: readonly GivenTerm[]): Promise<void> {
    const today = await this.entities.today()
    const { contractId, contractNumber, accountId, ownerId, journeyId, total } = plan
    const receivables = plan.layOut(terms.map(termOf)).map((instalment) =>
      Receivable.plan(
        {
          ...begun('receivable', this.clock.now(), newId('receivable')),
          journeyId,
          planId: plan.id,
          contractId,
          contractNumber,
          accountId,
          ownerId,
          ...instalment,
        },
        today,
      ),
    )
    await tx.insert(receivables)
    await this.events.publish(tx, CollectionPlanMade, plan, {
      planId: plan.id,
      contractId,
      accountId,
      ownerId,
      total,
      instalments: receivables.map(({ id, number, label, amount, dueOn }) => ({ receivableId: id, number, label, amount, dueOn })),
    })
    for (const receivable of receivables)
      if (receivable.status === 'due') await this.events.publish(tx, ReceivableDue, receivable, receivable.facts())
  }
}

function termOf({ share, amount, dueOn, daysAfterSigning, label }: GivenTerm, n: number): Term {
  return {
    share: share ? Ratio.parse(share) : null,
    amount: amount ? Money.parse(amount.amount, amount.currency) : null,
    dueOn: dueOn ?? null,
    daysAfterSigning: daysAfterSigning ?? null,
    label: label ?? `${n + 1}`,
  }
}
