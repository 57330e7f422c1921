import {
  addContact,
  CollectionPlanMade,
  InvoiceIssued,
  logActivity,
  mergeAccount,
  openAccount,
  OpportunityLost,
  OpportunityOpened,
  OpportunityWon,
  OrderPlaced,
  ReceiptRecorded,
  TenantChanged,
} from '@millrace/contracts'
import { Money, newId, type CalendarDate, type Id } from '@millrace/domain'
import { inTenant } from '@millrace/service'
import { aWorld, type Company, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'
import { AccountFigures, type AccountValues } from './account-figures.queries.js'
import { Account } from './account.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(() => service.clock.set(new Date('2026-11-20T04:00:00Z')))

const cny = (amount: string) => Money.parse(amount, 'CNY')
const eur = (amount: string) => Money.parse(amount, 'EUR')
const stage = { key: 'contact', name: 'Contact' }

async function aCompany(): Promise<Company> {
  const company = await world.company()
  const { tenantId } = company
  await world.publish(tenantId, TenantChanged, tenantId, {
    tenantId,
    name: 'We',
    currency: 'CNY',
    zone: 'Asia/Shanghai',
    language: 'zh-CN',
  })
  return company
}
const open = (company: Company, body: object = {}): Promise<Account> =>
  service.as(company.amy).does(openAccount, { body: { name: '云图', ...body } })

/** What an account ordered and owes; half is overdue. */
async function orders({ tenantId }: Company, accountId: Id<'account'>, total: Money, at: Date): Promise<void> {
  const [contractId, orderId, planId] = [newId('contract'), newId('order'), newId('collection_plan')]
  const order = { orderId, number: 'O-1', contractId, accountId, ownerId: null, total, lines: [] }
  await world.publish(tenantId, OrderPlaced, orderId, order, { at })
  const [first, second] = total.allocate([1n, 1n])
  const part = (number: number, amount: Money, dueOn: string) => ({
    ...{ receivableId: newId('receivable'), number, label: `Part ${number}`, amount, dueOn: dueOn as CalendarDate },
  })
  const instalments = [part(1, first!, '2026-11-19'), part(2, second!, '2026-12-19')]
  await world.publish(tenantId, CollectionPlanMade, planId, { planId, contractId, accountId, ownerId: null, total, instalments })
}

async function deal({ tenantId }: Company, accountId: Id<'account'>, amount: Money, end?: 'won' | 'lost'): Promise<void> {
  const [opportunityId, processId] = [newId('opportunity'), newId('process')]
  await world.publish(tenantId, OpportunityOpened, opportunityId, {
    ...{ opportunityId, title: 'Seats', accountId, ownerId: null, processId, stage, amount, products: [], source: null },
    ...{ expectedCloseOn: '2026-12-31', probability: '10' },
  })
  const ended = { opportunityId, processId, stage }
  const second = { sequence: 2 }
  if (end === 'won')
    await world.publish(tenantId, OpportunityWon, opportunityId, { ...ended, amount, contractId: null, exemption: 'x' }, second)
  if (end === 'lost') await world.publish(tenantId, OpportunityLost, opportunityId, { ...ended, reason: 'price', competitor: null }, second)
}

async function figures(company: Company, ids: readonly string[]): Promise<(AccountValues & Record<string, any>)[]> {
  await service.settled()
  return inTenant(company.tenantId, async () => {
    const { database } = service
    const accounts = await database.transaction((tx) => tx.lockAll(Account, ids))
    const values = await service.app.get(AccountFigures).of(accounts)
    return ids.map((id) => values.get(id)!)
  })
}

describe('what rules see of an account', () => {
  it('is what it is worth, what it owes and what was done with it', async () => {
    const company = await aCompany()
    const parent = await open(company, { name: 'Head' })
    const { id } = await open(company, { industry: 'Machines', employees: 120, parentId: parent.id })
    await deal(company, id, cny('300.50'), 'won')
    await deal(company, id, cny('99.00'))
    await deal(company, id, eur('70.00'))
    await deal(company, id, cny('1.00'), 'lost')
    await orders(company, id, cny('300.50'), new Date('2026-11-09T17:00:00Z')) // the tenth in Shanghai
    const [invoiceId, receiptId] = [newId('invoice'), newId('receipt')]
    await world.publish(company.tenantId, InvoiceIssued, invoiceId, {
      ...{ invoiceId, number: 'I-1', legalEntityId: newId('legal_entity'), accountId: id, ownerId: null, total: cny('150.25') },
      ...{ receivableIds: [], issuedOn: '2026-11-10' },
    })
    await world.publish(company.tenantId, ReceiptRecorded, receiptId, {
      ...{ receiptId, accountId: id, ownerId: null, amount: cny('100.00'), receivedOn: '2026-11-11', reference: null },
    })
    await service.as(company.amy).does(addContact, { body: { accountId: id, name: '李雷' } })
    for (const takesPlaceAt of ['2026-06-01T08:00:00Z', '2026-11-17T08:00:00Z', '2026-12-01T08:00:00Z'])
      await service.as(company.amy).does(logActivity, { body: { accountId: id, kind: 'call', subject: 'Call', takesPlaceAt } })

    const [values, above] = await figures(company, [id, parent.id])
    expect(values).toMatchObject({
      ...{ name: '云图', industry: 'Machines', employees: 120, status: 'active', isSubsidiary: true, hierarchyLevel: 2, subsidiaries: 0 },
      ...{ wonDeals: 1, openDeals: 2, lostDeals: 1, openQuotes: 0, orders: 1, contacts: 1 },
      ...{ wonAmount: cny('300.50'), openAmount: cny('99.00'), orderedAmount: cny('300.50') },
      ...{ invoicedAmount: cny('150.25'), paidAmount: cny('100.00'), overdueAmount: cny('150.25') },
      ...{ firstOrderOn: '2026-11-10', lastOrderOn: '2026-11-10', daysSinceOrder: 10 },
      ...{ activities: 2, recentActivities: 1, daysSinceActivity: 3 },
    })
    expect(above).toMatchObject({
      hierarchyLevel: 1,
      subsidiaries: 1,
      wonDeals: 0,
      wonAmount: cny('0.00'),
      lastOrderOn: null,
      daysSinceActivity: null,
    })
  })

  it('is asked for in rules, with the company’s own fields; what is not known holds nowhere', async () => {
    const company = await aCompany()
    const { id } = await open(company)
    await orders(company, id, cny('1000.00'), new Date('2026-11-01T08:00:00Z'))
    const [values] = await figures(company, [id])
    const holds = await inTenant(company.tenantId, async () => {
      const rules = await service.app.get(AccountFigures).expressions()
      return (condition: string) => rules.condition(condition).of({ account: values! }, service.clock.now())
    })
    expect(holds('account.orderedAmount >= 1000 && account.daysSinceOrder < 30')).toBe(true)
    expect(holds('account.lastOrderOn > timestamp("2026-10-31T00:00:00Z")')).toBe(true)
    expect(holds('account.daysSinceActivity > 3')).toBeUndefined()
    expect(holds('!has(account.daysSinceActivity)')).toBe(true)
  })

  it('counts for the account that it became part of', async () => {
    const company = await aCompany()
    const [one, two] = [await open(company, { name: 'One' }), await open(company, { name: 'Two' })]
    await orders(company, two.id, cny('10.00'), new Date('2026-11-01T08:00:00Z'))
    await service.settled()
    await service.as(company.olga).does(mergeAccount, { params: { id: one.id }, body: { accountId: two.id } })
    const [values] = await figures(company, [one.id])
    expect(values).toMatchObject({ orders: 1, orderedAmount: cny('10.00'), overdueAmount: cny('5.00') })
  })
})
