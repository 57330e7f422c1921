import {
  AccountOpened,
  checkLedger,
  ContractSigned,
  getCollectionPlan,
  getReceivable,
  issueInvoice,
  listCollectionPlans,
  listParkedEvents,
  recordReceipt,
  TenantCreated,
  type Sent,
} from '@millrace/contracts'
import { Money, newId, Ratio, type Currency, type Id } from '@millrace/domain'
import type { Caller, Company, Recorded, TestService, World } from '@millrace/testing'

type Term = Sent<typeof ContractSigned>['terms'][number]

/** A contract as a test needs it. */
export interface Deal {
  readonly accountId?: Id<'account'>
  readonly contractId?: Id<'contract'>
  readonly number?: string
  readonly total?: string
  readonly currency?: Currency
  /** In %, inside the total; 13 by default. */
  readonly vat?: number
  readonly ownerId?: Id<'user'>
  readonly terms?: readonly Partial<Term>[]
  readonly journeyId?: string
  /** Replaces parts of the event, to break it. */
  readonly event?: Partial<Sent<typeof ContractSigned>>
}

/** The day that contracts of tests are signed on, long past for the clock of the tests. */
export const signedOn = '2026-11-02'

/** A company that sells, its customer, and the short ways to what tests do all the time. */
export class Seller {
  private contracts = 0

  private constructor(
    private readonly world: World,
    readonly billing: TestService,
    readonly company: Company,
    readonly accountId: Id<'account'>,
  ) {}

  static async open(world: World, billing: TestService, zone = 'Asia/Shanghai'): Promise<Seller> {
    const company = await world.company()
    const { tenantId } = company
    await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'Ridgeway', currency: 'CNY', zone })
    const seller = new Seller(world, billing, company, newId('account'))
    await seller.announce(seller.accountId, '云图科技', company.amy.id)
    await billing.settled()
    return seller
  }

  get fred(): Caller {
    return this.billing.as(this.company.fred)
  }

  /** Another customer, or the same under another name. */
  async announce(accountId: Id<'account'>, name: string, ownerId: Id<'user'> | null = null, sequence = 1): Promise<void> {
    const payload = { accountId, name, ownerId, parentId: null, industry: null, country: null }
    await this.world.publish(this.company.tenantId, AccountOpened, accountId, payload, { sequence })
  }

  /** Sends the event of a signed contract; nobody waits for it to be applied. */
  async sends({ total = '113.00', currency = 'CNY', vat = 13, terms, journeyId, event, ...deal }: Deal = {}): Promise<Id<'contract'>> {
    const contractId = deal.contractId ?? newId('contract')
    const gross = Money.parse(total, currency)
    const net = gross.times(Ratio.of(100, 100 + vat))
    const line = { productId: newId('product'), name: 'GTX Pro', quantity: '1', net, tax: gross.minus(net), gross }
    this.contracts += 1
    const payload = {
      contractId,
      number: deal.number ?? `C-2026-${this.contracts.toString().padStart(4, '0')}`,
      quoteId: newId('quote'),
      opportunityId: newId('opportunity'),
      accountId: deal.accountId ?? this.accountId,
      ownerId: deal.ownerId ?? this.company.amy.id,
      total: gross,
      signedOn,
      signedAt: `${signedOn}T08:00:00Z`,
      customerSigner: '李雷',
      lines: [line],
      terms: (terms ?? [{ share: '100', daysAfterSigning: 0 }]).map((term) => ({ ...nothing, ...term })),
      ...event,
    }
    await this.world.publish(this.company.tenantId, ContractSigned, contractId, payload as never, journeyId ? { journeyId } : {})
    return contractId
  }

  /** Signs a contract; answers its collection plan. */
  async signs(deal: Deal = {}) {
    const contractId = await this.sends(deal)
    await this.billing.settled()
    const { data } = await this.fred.does(listCollectionPlans, { query: { contractId } })
    return (await this.fred.does(getCollectionPlan, { params: { id: data[0].id } })) as {
      id: Id<'collection_plan'>
      version: number
      journeyId: string
      contractId: Id<'contract'>
      total: { amount: string; currency: string }
      tax: { amount: string }
      instalments: {
        id: Id<'receivable'>
        number: number
        status: string
        amount: { amount: string }
        tax: { amount: string }
        dueOn: string
      }[]
    }
  }

  /** A receivable of so much that is due; the day it fell due orders it among others. */
  async owes(total: string, dueOn = signedOn, deal: Deal = {}): Promise<Id<'receivable'>> {
    const plan = await this.signs({ total, terms: [{ share: '100', dueOn }], ...deal })
    return plan.instalments[0]!.id
  }

  async invoices(...receivableIds: Id<'receivable'>[]) {
    return (await this.fred.does(issueInvoice, { body: { receivableIds, kind: 'vat_ordinary' } })) as {
      id: Id<'invoice'>
      number: string
      total: { amount: string }
      version: number
    }
  }

  async receives(amount: string, given: Record<string, unknown> = {}) {
    const body = { accountId: this.accountId, amount: yuan(amount), receivedOn: '2026-11-20', ...given }
    return (await this.fred.does(recordReceipt, { body })) as {
      id: Id<'receipt'>
      version: number
      credit: { amount: string }
      allocations: { receivableId: Id<'receivable'>; amount: { amount: string } }[]
      journeyId: string
      ownerId: string | null
    }
  }

  receivable(id: Id<'receivable'>) {
    return this.fred.does(getReceivable, { params: { id } })
  }

  check() {
    return this.fred.does(checkLedger)
  }

  /** Codes of the events that billing could not apply. */
  async parked(): Promise<string[]> {
    const { data } = await this.billing.as(this.company.ada).does(listParkedEvents, { query: { service: 'billing' } })
    return data.map(({ code }: { code: string }) => code)
  }

  /** Every event billing sent for this company, oldest first, in the order of arrival per aggregate. */
  async told(): Promise<Recorded[]> {
    const events = await this.world.events(this.company.tenantId)
    return events.filter(({ name }) => /^(collection_plan|receivable|invoice|receipt)\./.test(name))
  }

  /** Names of events, sorted: topics do not wait for each other. */
  async toldNames(after = 0): Promise<string[]> {
    return (await this.told())
      .map(({ name }) => name)
      .slice(after)
      .sort()
  }
}

const nothing = { share: null, amount: null, dueOn: null, daysAfterSigning: null, label: 'all of it' }

export const yuan = (amount: string) => ({ amount, currency: 'CNY' })
