import {
  AccountOpened,
  events as declared,
  getJourney,
  InvoiceIssued,
  LeadAssigned,
  LeadCaptured,
  LeadConverted,
  LeadQualified,
  listJourneys,
  OpportunityOpened,
  OpportunityWon,
  ProductCreated,
  ReceiptSettled,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { EventConsumer } from '@millrace/service'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { Telling } from '../deal/deals.fixture.js'
import { insightService } from '../insight.module.js'

const monday = new Date('2026-11-02T08:00:00Z')
const tuesday = new Date('2026-11-03T08:00:00Z')

let world: World
let insight: TestService

beforeAll(async () => {
  world = await aWorld()
  insight = await world.start(insightService)
})
afterAll(() => world.stop())

/** A lead of Amy's that becomes an account and a deal at one instant. */
async function aRoad(company: Company, journeyId: Id<'journey'>, ownerId = company.amy.id) {
  const ids = { leadId: newId('lead'), accountId: newId('account'), opportunityId: newId('opportunity') }
  const { leadId, accountId, opportunityId } = ids
  const lead = { leadId, companyName: '云图', contactName: 'Li Lei', ownerId, source: null, channel: null, campaign: null }
  const amount = { amount: '120000.00', currency: 'CNY' }
  const telling = new Telling(company.tenantId)
  const processId = newId('process')
  const stage = { key: 'first', name: 'First' }
  telling
    .tell(LeadCaptured, leadId, lead, { at: monday, journeyId, actorId: company.amy.id })
    .tell(LeadQualified, leadId, { leadId, ownerId }, { at: tuesday, journeyId, sequence: 2, actorId: company.amy.id })
    .tell(
      LeadConverted,
      leadId,
      {
        leadId,
        ownerId,
        account: { id: accountId, name: '云图', isNew: true },
        contact: null,
        opportunity: { id: opportunityId, title: 'CRM', amount, isNew: true },
        source: null,
      },
      { at: tuesday, journeyId, sequence: 3, actorId: company.amy.id },
    )
    .tell(
      AccountOpened,
      accountId,
      { accountId, name: '云图', ownerId, parentId: null, industry: null, country: null },
      { at: tuesday, journeyId },
    )
    .tell(
      OpportunityOpened,
      opportunityId,
      { opportunityId, title: 'CRM', accountId, ownerId, processId, stage, amount, products: [], expectedCloseOn: null, source: null },
      { at: tuesday, journeyId },
    )
    .tell(
      OpportunityWon,
      opportunityId,
      { opportunityId, processId, stage, amount, contractId: null, exemption: 'framework contract' },
      { at: tuesday, journeyId, sequence: 2, actorId: 'client_1' },
    )
  await telling.send(world.bus)
  await insight.settled()
  return ids
}

const read = (person: Person, id: string) => insight.as(person).call(getJourney, { params: { id } })

describe('a journey', () => {
  it('tells every step in order: what, where, when, who, and the facts', async () => {
    const company = await world.company()
    const journeyId = newId('journey')
    const { leadId, accountId, opportunityId } = await aRoad(company, journeyId)
    const { body } = await read(company.amy, journeyId)
    const amy = { id: company.amy.id, name: 'Amy' }
    const amount = { amount: '120000.00', currency: 'CNY' }
    const at = tuesday.toISOString()
    expect(body).toMatchObject({ id: journeyId, startedAt: monday.toISOString(), lastAt: at })
    expect(body.steps.map(({ recordedAt: _, ...step }: { recordedAt: string }) => step)).toEqual([
      {
        step: 'captured',
        event: 'lead.captured',
        service: 'lead',
        at: monday.toISOString(),
        aggregate: 'lead',
        subject: leadId,
        actor: amy,
        facts: { title: '云图' },
      },
      { step: 'qualified', event: 'lead.qualified', service: 'lead', at, aggregate: 'lead', subject: leadId, actor: amy, facts: {} },
      {
        step: 'converted',
        event: 'lead.converted',
        service: 'lead',
        at,
        aggregate: 'lead',
        subject: leadId,
        actor: amy,
        facts: { title: 'CRM', amount },
      },
      {
        step: 'opened',
        event: 'account.opened',
        service: 'account',
        at,
        aggregate: 'account',
        subject: accountId,
        actor: null,
        facts: { title: '云图' },
      },
      {
        step: 'opened',
        event: 'opportunity.opened',
        service: 'opportunity',
        at,
        aggregate: 'opportunity',
        subject: opportunityId,
        actor: null,
        facts: { title: 'CRM', amount, stage: 'First' },
      },
      {
        step: 'won',
        event: 'opportunity.won',
        service: 'opportunity',
        at,
        aggregate: 'opportunity',
        subject: opportunityId,
        actor: { id: 'client_1', name: null },
        facts: { amount, stage: 'First', reason: 'framework contract' },
      },
    ])
    expect(Date.parse(body.steps[0].recordedAt)).toBeGreaterThan(Date.parse('2020-01-01'))
  })

  it('is made of every event that is declared anywhere', async () => {
    const forgotten = declared.filter(({ type }) => !insight.app.get(EventConsumer).handles(type.replace(/^millrace\.(.*)\.v\d+$/, '$1')))
    expect(forgotten).toEqual([])
    const company = await world.company()
    const journeyId = newId('journey')
    const productId = newId('product')
    const telling = new Telling(company.tenantId)
    telling.tell(ProductCreated, productId, { productId, code: 'P', name: 'Prism', family: null, active: true }, { at: monday, journeyId })
    await telling.send(world.bus)
    await insight.settled()
    expect((await read(company.ada, journeyId)).body.steps).toMatchObject([{ event: 'product.created', facts: { title: 'Prism' } }])
    expect((await read(company.amy, journeyId)).status).toBe(404)
  })

  it('does not tell a step twice that is delivered twice', async () => {
    const company = await world.company()
    const journeyId = newId('journey')
    const leadId = newId('lead')
    const telling = new Telling(company.tenantId)
    telling.tell(LeadAssigned, leadId, { leadId, ownerId: company.amy.id }, { at: monday, journeyId })
    const messages = telling.messagesSoFar()
    await world.bus.publish([...messages, ...messages])
    await world.bus.publish(messages)
    await insight.settled()
    expect((await read(company.amy, journeyId)).body.steps).toHaveLength(1)
  })
})

describe('who sees which journey', () => {
  it('is who sees the owner of one of its records today', async () => {
    const company = await world.company()
    const journeyId = newId('journey')
    const { leadId } = await aRoad(company, journeyId)
    const stranger = await world.company()
    const status = async (person: Person) => (await read(person, journeyId)).status
    expect(await status(company.amy)).toBe(200)
    expect(await status(company.mona)).toBe(200)
    expect(await status(company.fred)).toBe(200)
    expect(await status(company.bob)).toBe(404)
    expect(await status(stranger.ada)).toBe(404)
    expect((await insight.as(company.bob).does(listJourneys, { query: { subject: leadId } })).data).toEqual([])
  })

  it('changes when a record changes hands', async () => {
    const company = await world.company()
    const journeyId = newId('journey')
    const leadId = newId('lead')
    const telling = new Telling(company.tenantId)
    const assigned = (ownerId: Id<'user'>, sequence: number) =>
      telling.tell(LeadAssigned, leadId, { leadId, ownerId }, { at: monday, journeyId, sequence })
    assigned(company.amy.id, 1)
    assigned(company.bob.id, 2)
    assigned(company.amy.id, 1) // late
    await telling.send(world.bus)
    await insight.settled()
    expect((await read(company.amy, journeyId)).status).toBe(404)
    expect((await read(company.bob, journeyId)).status).toBe(200)
  })

  it('is told by a problem for ids that are none', async () => {
    const company = await world.company()
    expect((await read(company.ada, newId('journey'))).body).toMatchObject({ status: 404, code: 'journey.not_found' })
    expect((await read(company.ada, 'journey_1')).status).toBe(400)
    const list = async (query: Record<string, unknown>) => (await insight.as(company.ada).call(listJourneys, { query })).status
    expect(await list({})).toBe(400)
    expect(await list({ subject: 'lead_1' })).toBe(400)
    expect(await list({ subject: newId('lead'), limit: 0 })).toBe(400)
    expect(await list({ subject: newId('lead'), cursor: 'nonsense' })).toBe(400)
  })
})

describe('finding the journeys of a record', () => {
  it('leads from any record of the road, and from one that is only named, to them', async () => {
    const company = await world.company()
    const [first, second, third] = [newId('journey'), newId('journey'), newId('journey')]
    const { leadId, accountId, opportunityId } = await aRoad(company, first)
    const telling = new Telling(company.tenantId)
    const [invoiceId, receiptId, receivableId] = [newId('invoice'), newId('receipt'), newId('receivable')]
    const total = { amount: '1.00', currency: 'CNY' }
    telling
      .tell(
        InvoiceIssued,
        invoiceId,
        {
          invoiceId,
          number: 'INV-1',
          legalEntityId: newId('legal_entity'),
          accountId,
          ownerId: company.amy.id,
          total,
          receivableIds: [receivableId],
          issuedOn: '2026-11-03',
        },
        { at: tuesday, journeyId: second },
      )
      .tell(
        ReceiptSettled,
        receiptId,
        {
          receiptId,
          accountId,
          ownerId: company.bob.id,
          allocations: [{ receivableId, amount: total }],
          credit: { amount: '0.00', currency: 'CNY' },
        },
        { at: tuesday, journeyId: third },
      )
    await telling.send(world.bus)
    await insight.settled()
    const found = async (person: Person, subject: string, query = {}) => {
      const { data, next } = await insight.as(person).does(listJourneys, { query: { subject, ...query } })
      return [...data.map(({ id }: { id: string }) => id), ...(next ? ['…'] : [])]
    }
    expect(await found(company.eva, leadId)).toEqual([first])
    expect(await found(company.eva, opportunityId)).toEqual([first])
    expect(await found(company.eva, receivableId)).toEqual([third, second])
    expect(await found(company.eva, accountId)).toEqual([third, second, first])
    expect(await found(company.amy, accountId)).toEqual([second, first])
    expect(await found(company.eva, accountId, { limit: 2 })).toEqual([third, second, '…'])
    expect(await found(company.eva, accountId, { limit: 2, cursor: second })).toEqual([first])
    const { data } = await insight.as(company.eva).does(listJourneys, { query: { subject: leadId } })
    expect(data).toEqual([{ id: first, startedAt: monday.toISOString(), lastAt: tuesday.toISOString(), steps: 6 }])
  })
})
