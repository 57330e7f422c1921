import {
  draftQuote,
  getQuote,
  HandoverAccountsAssigned,
  HandoverPrepared,
  HandoverStarted,
  HandoverTakenBack,
  listHandedRecords,
  OpportunityChanged,
  OpportunityOpened,
  OpportunityWon,
  readAudit,
  type EventType,
  type Sent,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, eventually, type Company, type TestService, type World } from '@millrace/testing'
import { cpqService } from '../cpq.module.js'
import { aCatalogue, aDeal } from './deal.fixture.js'

let world: World
let cpq: TestService
let company: Company
let handoverId: Id<'handover'>

beforeAll(async () => {
  world = await aWorld()
  cpq = await world.start(cpqService)
})
afterAll(() => world.stop())
beforeEach(async () => {
  company = await world.company()
  handoverId = newId('handover')
})

const ask = async <E extends EventType>(event: E, asked: number, given: object = {}) =>
  void (await world.publish(company.tenantId, event, handoverId, { handoverId, asked, ...given } as Sent<E>, { sequence: asked }))
const done = (asked: number) =>
  eventually(async () => {
    const reports = (await world.events(company.tenantId)).filter(({ name }) => name === 'cpq_handover.reported')
    const { payload } = reports.at(-1)!
    expect(payload).toMatchObject({ asked, done: true, refusal: null })
    return payload['nouns'] as object[]
  })

async function aQuote() {
  const { amy, olga } = company
  const deal = await aDeal(world, cpq, company)
  const { seat } = await aCatalogue(cpq, olga)
  const body = { opportunityId: deal.opportunityId, currency: 'CNY', lines: [{ productId: seat, quantity: '2' }] }
  const quote = (await cpq.as(amy).does(draftQuote, { body })) as { id: string; total: object }
  const changed = (ownerId: Id<'user'>, sequence: number) =>
    world.publish(company.tenantId, OpportunityChanged, deal.opportunityId, { ...deal, ownerId }, { sequence })
  return { deal, quote, changed }
}

const read = (id: string) => cpq.as(company.ada).does(getQuote, { params: { id } })

it('quotes move with a handover, whether their deal tells of its new owner before or after', async () => {
  const { amy, bob } = company
  const { quote, changed } = await aQuote()
  await ask(HandoverPrepared, 1, { fromUserId: amy.id, toUserId: bob.id, onlyAccounts: false })
  expect(await done(1)).toMatchObject([{ noun: 'quote', records: 1, amounts: [quote.total] }, { noun: 'contract' }, { noun: 'order' }])
  await changed(bob.id, 2)
  await cpq.settled()
  expect(await read(quote.id)).toMatchObject({ ownerId: bob.id })
  await ask(HandoverStarted, 2)
  expect(await done(2)).toMatchObject([{ noun: 'quote', moved: 1, left: 0 }, {}, {}])
  await ask(HandoverTakenBack, 3, { because: 'undone' })
  expect(await done(3)).toMatchObject([{ noun: 'quote', moved: 0, returned: 1, stayed: 0 }, {}, {}])
  expect(await read(quote.id)).toMatchObject({ ownerId: amy.id })
  await changed(amy.id, 3)
  await cpq.settled()
  expect(await read(quote.id)).toMatchObject({ ownerId: amy.id })
  const { data } = await cpq.as(company.ada).does(readAudit, { params: { id: quote.id } })
  expect(data.slice(1).map(({ version, change }: { version: number; change: object }) => [version, change])).toEqual([
    [2, { ownerId: { from: amy.id, to: bob.id } }],
    [3, { ownerId: { from: bob.id, to: amy.id } }],
  ])
})

it('records of accounts with a receiver of their own go there, and only those when it is for a territory', async () => {
  const { amy, bob, mona, tenantId } = company
  const north = await aQuote()
  const { seat } = await aCatalogue(cpq, company.olga, 'USD')
  const south = await aDeal(world, cpq, company)
  const body = { opportunityId: south.opportunityId, currency: 'USD', lines: [{ productId: seat, quantity: '1' }] }
  const stays = (await cpq.as(amy).does(draftQuote, { body })) as { id: string }
  const accounts = [{ accountId: north.deal.accountId, toUserId: mona.id }]
  await world.publish(tenantId, HandoverAccountsAssigned, handoverId, { handoverId, accounts })
  await ask(HandoverPrepared, 1, { fromUserId: amy.id, toUserId: bob.id, onlyAccounts: true })
  expect(await done(1)).toMatchObject([{ records: 1 }, { records: 0 }, { records: 0 }])
  await ask(HandoverStarted, 2)
  await done(2)
  expect(await read(north.quote.id)).toMatchObject({ ownerId: mona.id })
  const { data } = await cpq.as(company.olga).does(listHandedRecords, { params: { id: handoverId }, query: { noun: 'quote' } })
  expect(data).toMatchObject([{ id: north.quote.id, accountId: north.deal.accountId, toUserId: mona.id, state: 'moved' }])
  expect(await read(stays.id)).toMatchObject({ ownerId: amy.id })
})

it('what a batch says of one deal counts in its order, and what is older than what is known does not', async () => {
  const { amy, bob, mona, tenantId } = company
  const { deal, quote, changed } = await aQuote()
  await changed(bob.id, 4)
  await changed(mona.id, 3)
  await world.publish(tenantId, OpportunityWon, deal.opportunityId, wonAs(deal), { sequence: 5 })
  await world.publish(tenantId, OpportunityOpened, deal.opportunityId, { ...deal, ownerId: amy.id }, { sequence: 1 })
  await cpq.settled()
  expect(await read(quote.id)).toMatchObject({ ownerId: bob.id, version: 2 })
  const body = { opportunityId: deal.opportunityId, currency: 'CNY', lines: [{ productId: newId('product'), quantity: '1' }] }
  const { code } = (await cpq.as(bob).call(draftQuote, { body })).body
  expect(code).toBe('quote.deal_closed')
})

const wonAs = ({ opportunityId, processId, stage }: Awaited<ReturnType<typeof aDeal>>): Sent<typeof OpportunityWon> => ({
  ...{ opportunityId, processId, stage, amount: null, contractId: null, exemption: 'framework contract' },
})
