import { Injectable } from '@nestjs/common'
import {
  ContractApproved,
  ContractDrafted,
  ContractRejected,
  ContractSigned,
  ContractSubmitted,
  type changeContract,
  type draftContract,
  type Input,
  type Sent,
  type signContract,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Events } from '@millrace/service'
import { Deals } from '../deal/deal.service.js'
import { Numbers } from '../deal/number.service.js'
import { OrderService } from '../order/order.service.js'
import { Quote, QuoteLine, QuoteVersion } from '../quote/quote.js'
import { checkedTerms, termsOf } from '../quote/terms.js'
import { Contract, ContractLine } from './contract.js'

/** Use cases of the contract. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class ContractService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly deals: Deals,
    private readonly numbers: Numbers,
    private readonly orders: OrderService,
  ) {}

  /** Makes the contract of an accepted quote; the quote stays locked meanwhile, so that there is one. Asked again, answers the same. */
  draft({ quoteId, title }: Input<typeof draftContract>['body']): Promise<Contract> {
    return this.db.transaction(async (tx) => {
      const quote = await tx.lock(Quote, quoteId)
      const [existing] = await tx.findBy(Contract, { quote_id: quoteId })
      if (existing) return existing
      if (quote.status !== 'accepted') throw new Refusal('contract.quote_not_accepted', { status: quote.status })
      const [accepted] = await tx.findBy(QuoteVersion, { quote_id: quoteId, number: quote.acceptedNumber })
      const { opportunityId, accountId, ownerId, journeyId } = quote
      const { id: versionId, number: quoteVersion, net, tax, gross, terms, signer } = accepted!
      const contract = Contract.draft(
        {
          ...begun('contract', this.clock.now()),
          ...{ quoteId, quoteVersion, opportunityId, accountId, ownerId, journeyId, net, tax, terms },
          number: await this.numbers.next('C'),
          title: title ?? quote.title,
          customerName: await this.deals.accountName(accountId),
          total: gross,
          customerSigner: signer,
        },
        actorId(),
      )
      const lines = await tx.findBy(QuoteLine, { quote_version_id: versionId })
      await tx.insert(contract)
      await tx.insert(lines.map((line) => ContractLine.of(contract.id, line)))
      await this.events.publish(tx, ContractDrafted, contract, facts(contract))
      return contract
    })
  }

  change(id: Id<'contract'>, { title, customerSigner, terms }: Input<typeof changeContract>['body']): Promise<Contract> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Contract, id)
      const change = {
        ...(title !== undefined && { title }),
        ...(customerSigner !== undefined && { customerSigner }),
        ...(terms && { terms: checkedTerms(termsOf(terms, context().language), before.total) }),
      }
      return tx.update(before.change(change, actorId(), this.clock.now()))
    })
  }

  submit(id: Id<'contract'>): Promise<Contract> {
    return this.db.transaction(async (tx) => {
      const contract = await tx.update((await tx.lock(Contract, id)).submit(actorId(), this.clock.now()))
      await this.events.publish(tx, ContractSubmitted, contract, facts(contract))
      return contract
    })
  }

  approve(id: Id<'contract'>): Promise<Contract> {
    return this.db.transaction(async (tx) => {
      const contract = await tx.update((await tx.lock(Contract, id)).approve(actorId(), this.clock.now()))
      const { actor } = context()
      const approvedBy = actor?.kind === 'user' ? (actor.id as Id<'user'>) : null
      await this.events.publish(tx, ContractApproved, contract, { ...facts(contract), approvedBy })
      return contract
    })
  }

  reject(id: Id<'contract'>, reason: string): Promise<Contract> {
    return this.db.transaction(async (tx) => {
      const contract = await tx.update((await tx.lock(Contract, id)).reject(reason, this.clock.now()))
      await this.events.publish(tx, ContractRejected, contract, { ...facts(contract), reason })
      return contract
    })
  }

  /** Records the signatures and places the order: both or neither. */
  sign(id: Id<'contract'>, { customerSigner, ourSigner, signedOn }: Input<typeof signContract>['body']): Promise<Contract> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Contract, id)
      const [now, { today }] = [this.clock.now(), await this.deals.company()]
      const by = { customerSigner: customerSigner ?? null, ourSigner: ourSigner ?? null, signedOn: signedOn ?? today, signedBy: actorId() }
      const contract = await tx.update(before.sign(by, now, today))
      const lines = (await tx.findBy(ContractLine, { contract_id: id })).sort((a, b) => a.position - b.position)
      await this.events.publish(tx, ContractSigned, contract, {
        ...facts(contract),
        signedOn: contract.signedOn!,
        signedAt: now,
        customerSigner: contract.customerSigner!,
        lines: lines.map(({ productId, name, quantity, net, tax, gross }) => ({
          ...{ productId, name, net, tax, gross },
          quantity: quantity.toString(),
        })),
        terms: [...contract.terms],
      })
      await this.orders.place(tx, contract, lines)
      return contract
    })
  }
}

/** Who acts; a contract is always somebody's doing. */
function actorId(): string {
  const { actor } = context()
  if (!actor) throw new Error('contracts are written, approved and signed by somebody')
  return actor.id
}

function facts({ id, number, quoteId, opportunityId, accountId, ownerId, total }: Contract): Sent<typeof ContractDrafted> {
  return { contractId: id, number, quoteId, opportunityId, accountId, ownerId, total }
}
