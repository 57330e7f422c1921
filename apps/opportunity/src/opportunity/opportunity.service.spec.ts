import {
  AccountChanged,
  AccountMerged,
  AccountOpened,
  assignOpportunity,
  changeOpportunity,
  completeItem,
  ContractSigned,
  draftProcess,
  getImport,
  getOpportunity,
  LeadConverted,
  listOpportunities,
  listParkedEvents,
  listProcesses,
  listRejections,
  loseOpportunity,
  moveOpportunity,
  newProcessVersion,
  openOpportunity,
  ProductCreated,
  publishProcess,
  readAudit,
  reopenItem,
  startImport,
  winOpportunity,
  type Sent,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, eventually, type Caller, type Company, type TestService, type World } from '@millrace/testing'
import { opportunityService } from '../opportunity.module.js'

let world: World
let service: TestService
let company: Company
let accountId: Id<'account'>

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(opportunityService)
  company = await world.company()
  accountId = await anAccount(company, 'Isdom')
})
afterAll(() => world.stop())

async function anAccount({ tenantId }: Company, name: string, id = newId('account'), sequence = 1): Promise<Id<'account'>> {
  const payload = { accountId: id, name, ownerId: null, parentId: null, industry: null, country: null }
  await world.publish(tenantId, sequence === 1 ? AccountOpened : AccountChanged, id, payload, { sequence })
  await service.settled()
  return id
}

async function aProduct({ tenantId }: Company, name: string): Promise<Id<'product'>> {
  const id = newId('product')
  await world.publish(tenantId, ProductCreated, id, { productId: id, code: name, name, family: null, active: true })
  await service.settled()
  return id
}

/** A deal of Amy's in the template that a company begins with. */
async function aDeal(caller: Caller = service.as(company.amy), body: object = {}) {
  return caller.does(openOpportunity, { body: { title: '120 seats', accountId, ...body } })
}

const ofDeal = async ({ tenantId }: Company, id: string) => (await world.events(tenantId)).filter(({ subject }) => subject === id)
const names = (events: { name: string }[]) => events.map(({ name }) => name)
const contact = { contactId: newId('contact'), role: 'buyer' }

describe('opening a deal', () => {
  it('puts it into the first stage of the usual process and tells others once', async () => {
    const fresh = await world.company()
    const account = await anAccount(fresh, 'Cancity')
    const product = await aProduct(fresh, 'GTX Pro')
    const body = {
      title: '120 seats',
      accountId: account,
      amount: { amount: '4821.00', currency: 'USD' },
      products: [{ productId: product, quantity: '2', price: { amount: '2410.50', currency: 'USD' } }],
      expectedCloseOn: '2026-12-31',
      source: 'fair',
    }
    const answer = await service.as(fresh.amy).call(openOpportunity, { body })
    expect(answer.status).toBe(201)
    const deal = answer.body
    expect(deal).toMatchObject({
      status: 'open',
      ownerId: fresh.amy.id,
      accountName: 'Cancity',
      stage: { key: 'first-contact', name: { en: 'First contact', 'zh-CN': '初步接洽' } },
      probability: '0',
      ceiling: '10',
      amount: { amount: '4821.00', currency: 'USD' },
      products: [{ productId: product, name: 'GTX Pro', quantity: '2', price: { amount: '2410.50', currency: 'USD' } }],
      expectedCloseOn: '2026-12-31',
      missing: [{ stage: 'first-contact', item: 'contact' }],
      history: [{ stage: { key: 'first-contact' }, direction: 'start', by: fresh.amy.id }],
    })
    expect(deal.checklist.map(({ stage }: { stage: { key: string } }) => stage.key)).toHaveLength(5)
    const events = await ofDeal(fresh, deal.id)
    expect(events).toEqual([expect.objectContaining({ name: 'opportunity.opened', journeyId: deal.journeyId })])
    expect(events[0]!.payload).toEqual({
      opportunityId: deal.id,
      title: '120 seats',
      accountId: account,
      ownerId: fresh.amy.id,
      processId: deal.processId,
      stage: { key: 'first-contact', name: 'First contact' },
      amount: { amount: '4821.00', currency: 'USD' },
      products: [{ productId: product, name: 'GTX Pro' }],
      expectedCloseOn: '2026-12-31',
      source: 'fair',
      probability: '0',
    })
  })

  it('gives a company that has no process one, however many deals begin at once', async () => {
    const fresh = await world.company()
    const body = { title: 'first', accountId: await anAccount(fresh, 'First Ltd') }
    const deals = await Promise.all([1, 2, 3, 4, 5].map(() => service.as(fresh.amy).does(openOpportunity, { body })))
    const { data } = await service.as(fresh.amy).does(listProcesses)
    expect(data).toEqual([expect.objectContaining({ status: 'published', isDefault: true })])
    expect(new Set(deals.map(({ processId }) => processId))).toEqual(new Set([data[0].id]))
  })

  it('refuses records it does not know and processes that are not in use', async () => {
    const amy = service.as(company.amy)
    const refused = async (body: object) => (await amy.call(openOpportunity, { body: { title: 't', accountId, ...body } })).body
    expect(await refused({ accountId: newId('account') })).toMatchObject({ status: 422, code: 'reference.unknown', field: 'accountId' })
    expect(await refused({ ownerId: newId('user') })).toMatchObject({ status: 422, code: 'reference.unknown', field: 'ownerId' })
    expect(await refused({ products: [{ productId: newId('product') }] })).toMatchObject({ status: 422, field: 'productId' })
    expect(await refused({ processId: newId('process') })).toMatchObject({ status: 422, field: 'processId' })
    const draft = await service.as(company.olga).does(draftProcess, { body: { template: 'simple' } })
    expect(await refused({ processId: draft.id })).toMatchObject({ status: 409, code: 'process.not_published' })
    const stranger = await world.company()
    expect(await refused({ accountId: await anAccount(stranger, 'Elsewhere') })).toMatchObject({ status: 422, field: 'accountId' })
  })

  it('refuses nonsense field by field', async () => {
    const errors = async (body: object) =>
      (
        (await service.as(company.amy).call(openOpportunity, { body: { title: 't', accountId, ...body } })).body.errors as {
          pointer: string
          code: string
        }[]
      )
        .map(({ pointer, code }) => `${pointer} ${code}`)
        .join()
    expect(await errors({ amount: { amount: '10.005', currency: 'USD' } })).toBe('/amount money.too_precise')
    expect(await errors({ amount: { amount: '-1', currency: 'USD' } })).toBe('/amount money.negative')
    expect(await errors({ expectedCloseOn: '2026-02-30' })).toBe('/expectedCloseOn date.malformed')
    expect(await errors({ title: 'x'.repeat(201) })).toBe('/title field.too_big')
    expect(await errors({ accountId: 'account_x' })).toBe('/accountId id.malformed')
    expect(await errors({ products: [{ productId: newId('product'), quantity: '0' }] })).toBe('/products/0/quantity opportunity.quantity')
    expect(await errors({ stage: 'won' })).toBe('/stage field.unrecognized_keys')
  })
})

describe('a lead that is converted', () => {
  const converted = (fresh: Company, given: Partial<Sent<typeof LeadConverted>> = {}): Sent<typeof LeadConverted> => ({
    leadId: newId('lead'),
    ownerId: fresh.amy.id,
    account: { id: newId('account'), name: '云图科技', isNew: true },
    contact: null,
    opportunity: { id: newId('opportunity'), title: 'CRM', amount: { amount: '120000.00', currency: 'CNY' }, isNew: true },
    source: 'web',
    ...given,
  })
  const tell = async (fresh: Company, payload: Sent<typeof LeadConverted>, journeyId = newId('journey')) => {
    await world.publish(fresh.tenantId, LeadConverted, payload.leadId, payload, { journeyId })
    await service.settled()
    return journeyId
  }

  it('opens the deal under the id and on the journey of the lead, before its account is heard of', async () => {
    const fresh = await world.company()
    const payload = converted(fresh)
    const journeyId = await tell(fresh, payload)
    const params = { id: payload.opportunity!.id }
    const deal = await service.as(fresh.amy).does(getOpportunity, { params })
    expect(deal).toMatchObject({
      title: 'CRM',
      journeyId,
      leadId: payload.leadId,
      accountId: payload.account.id,
      accountName: '云图科技',
      ownerId: fresh.amy.id,
      source: 'web',
      amount: { amount: '120000.00', currency: 'CNY' },
      createdAt: '2026-11-02T08:00:00.000Z',
    })
    await anAccount(fresh, '云图科技有限公司', payload.account.id)
    expect((await service.as(fresh.amy).does(getOpportunity, { params })).accountName).toBe('云图科技有限公司')
    const events = await ofDeal(fresh, params.id)
    expect(events.map(({ name, journeyId: on, at }) => [name, on, at])).toEqual([
      ['opportunity.opened', journeyId, '2026-11-02T08:00:00.000Z'],
    ])
  })

  it('opens it once, and none when there is none to open', async () => {
    const fresh = await world.company()
    const payload = converted(fresh)
    await tell(fresh, payload)
    await tell(fresh, payload)
    await tell(fresh, converted(fresh, { opportunity: null }))
    await tell(fresh, converted(fresh, { opportunity: { id: newId('opportunity'), title: 'old', amount: null, isNew: false } }))
    const { data } = await service.as(fresh.amy).does(listOpportunities)
    expect(data.map(({ id }: { id: string }) => id)).toEqual([payload.opportunity!.id])
    expect((await service.as(fresh.ada).does(listParkedEvents, { query: { service: 'opportunity' } })).data).toEqual([])
  })
})

describe('the road of a deal', () => {
  it('goes stage by stage on evidence, and each step is told', async () => {
    const fresh = await world.company()
    const amy = service.as(fresh.amy)
    const deal = await amy.does(openOpportunity, { body: { title: 'Road', accountId: await anAccount(fresh, 'Road Ltd') } })
    const params = { id: deal.id }
    const refused = await amy.call(moveOpportunity, { params, body: { stage: 'needs-confirmed' }, headers: { 'accept-language': 'zh-CN' } })
    expect(refused.body).toMatchObject({
      status: 409,
      code: 'opportunity.items_missing',
      items: ['contact'],
      missing: [{ stage: 'first-contact', item: 'contact', name: { 'zh-CN': '联系人及其角色' } }],
    })
    expect(await amy.does(completeItem, { params, body: { item: 'contact', value: contact } })).toMatchObject({
      probability: '5',
      missing: [],
    })
    const moved = await amy.does(moveOpportunity, { params, body: { stage: 'needs-confirmed' } })
    expect(moved).toMatchObject({ stage: { key: 'needs-confirmed' }, ceiling: '30', probability: '5' })
    for (const [item, value] of [
      ['need', 'faster quotes'],
      ['budget', { amount: '1000.00', currency: 'CNY' }],
    ] as const)
      await amy.does(completeItem, { params, body: { item, value } })
    const back = await amy.does(moveOpportunity, { params, body: { stage: 'first-contact' } })
    expect(back).toMatchObject({ probability: '10', ceiling: '10' })
    const far = await amy.does(moveOpportunity, { params, body: { stage: 'quotation' } })
    expect(far).toMatchObject({ probability: '18', missing: [{ item: 'quote-sent' }] })
    expect(far.history.map(({ stage, direction, skipped }: any) => [stage.key, direction, skipped])).toEqual([
      ['first-contact', 'start', []],
      ['needs-confirmed', 'forward', []],
      ['first-contact', 'back', []],
      ['quotation', 'forward', ['needs-confirmed']],
    ])
    expect(await amy.does(reopenItem, { params, body: { item: 'budget' } })).toMatchObject({ probability: '13' })
    expect(far.checklist[1]).toMatchObject({ evidence: '13', ceiling: '30' })
    expect(far.checklist[1].items[0]).toMatchObject({ key: 'need', done: { value: 'faster quotes', by: fresh.amy.id } })
    const events = await ofDeal(fresh, deal.id)
    expect(names(events)).toEqual([
      'opportunity.opened',
      'opportunity.changed',
      'opportunity.stage_entered',
      'opportunity.changed',
      'opportunity.changed',
      'opportunity.stage_entered',
      'opportunity.stage_entered',
      'opportunity.changed',
    ])
    expect(events[6]!.payload).toEqual({
      opportunityId: deal.id,
      processId: deal.processId,
      from: { key: 'first-contact', name: 'First contact' },
      to: { key: 'quotation', name: 'Quotation' },
      direction: 'forward',
      skipped: ['needs-confirmed'],
      probability: '18',
    })
    expect(events.at(-1)!.payload).toMatchObject({ probability: '13' })
  })

  it('refuses stages, items and answers that the process does not have', async () => {
    const amy = service.as(company.amy)
    const params = { id: (await aDeal()).id }
    const code = async (operation: Parameters<Caller['call']>[0], body: object) => {
      const answer = (await amy.call(operation, { params, body })).body
      return `${answer.status} ${answer.code}`
    }
    expect(await code(moveOpportunity, { stage: 'heaven' })).toBe('422 opportunity.unknown_stage')
    expect(await code(moveOpportunity, { stage: 'won' })).toBe('409 opportunity.not_signed')
    expect(await code(completeItem, { item: 'colour', value: true })).toBe('422 opportunity.unknown_item')
    expect(await code(completeItem, { item: 'budget', value: 'much' })).toBe('422 opportunity.wrong_value')
    expect(await code(completeItem, { item: 'budget', value: { amount: '10.005', currency: 'CNY' } })).toBe('422 money.too_precise')
    expect(await code(completeItem, { item: 'budget', value: 12 })).toBe('400 request.invalid')
    expect(await code(reopenItem, { item: 'colour' })).toBe('422 opportunity.unknown_item')
    expect((await amy.does(getOpportunity, { params })).version).toBe(1)
  })

  it('takes an answer once when it is given many times at once', async () => {
    const params = { id: (await aDeal()).id }
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(() => service.as(company.amy).does(completeItem, { params, body: { item: 'contact', value: contact } })),
    )
    expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([2]))
    expect(names(await ofDeal(company, params.id))).toEqual(['opportunity.opened', 'opportunity.changed'])
  })

  it('stays on the version of the process that it was opened in', async () => {
    const fresh = await world.company()
    const deal = await service.as(fresh.amy).does(openOpportunity, { body: { title: 'Old', accountId: await anAccount(fresh, 'Old Ltd') } })
    const olga = service.as(fresh.olga)
    const draft = await olga.does(newProcessVersion, { params: { id: deal.processId } })
    await olga.does(publishProcess, { params: { id: draft.id } })
    const later = await service.as(fresh.amy).does(openOpportunity, { body: { title: 'New', accountId: deal.accountId } })
    expect(later.processId).toBe(draft.id)
    const params = { id: deal.id }
    await service.as(fresh.amy).does(completeItem, { params, body: { item: 'contact', value: contact } })
    expect(await service.as(fresh.amy).does(moveOpportunity, { params, body: { stage: 'needs-confirmed' } })).toMatchObject({
      processId: deal.processId,
      stage: { key: 'needs-confirmed' },
    })
  })
})

describe('changing a deal', () => {
  it('needs the version that was read, refuses an old one, and leaves a trail', async () => {
    const amy = service.as(company.amy)
    const params = { id: (await aDeal()).id }
    expect((await amy.call(changeOpportunity, { params, body: { title: 'a' } })).status).toBe(428)
    const change = (title: string) => amy.call(changeOpportunity, { params, body: { title }, headers: { 'if-match': '"1"' } })
    expect((await change('a')).headers['etag']).toBe('"2"')
    expect((await change('b')).body).toMatchObject({ status: 412, code: 'version.stale', current: 2 })
    expect(await amy.does(getOpportunity, { params })).toMatchObject({ title: 'a', amount: null })
    const { data } = await service.as(company.ada).does(readAudit, { params })
    expect(data[1]).toMatchObject({ actorId: company.amy.id, change: { title: { from: '120 seats', to: 'a' } } })
    const told = await ofDeal(company, params.id)
    expect(names(told)).toEqual(['opportunity.opened', 'opportunity.changed'])
    expect(told[1]!.payload).toMatchObject({ title: 'a' })
  })

  it('lets one of two changes of the same version through', async () => {
    const params = { id: (await aDeal()).id }
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((title) =>
        service.as(company.amy).call(changeOpportunity, { params, body: { title }, headers: { 'if-match': '"1"' } }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412])
  })

  it('hands it over to a colleague, by those who may', async () => {
    const params = { id: (await aDeal()).id }
    const body = { ownerId: company.bob.id }
    expect((await service.as(company.amy).call(assignOpportunity, { params, body })).body).toMatchObject({ status: 403 })
    expect(await service.as(company.mona).does(assignOpportunity, { params, body })).toMatchObject({ ownerId: company.bob.id })
    expect((await service.as(company.amy).call(getOpportunity, { params })).status).toBe(404)
    expect((await ofDeal(company, params.id)).at(-1)).toMatchObject({ name: 'opportunity.changed', payload: { ownerId: company.bob.id } })
  })

  it('shows the account under its latest name, whichever event came last', async () => {
    const fresh = await world.company()
    const id = await anAccount(fresh, 'First')
    const deal = await service.as(fresh.amy).does(openOpportunity, { body: { title: 'Names', accountId: id } })
    await anAccount(fresh, 'Third', id, 3)
    await anAccount(fresh, 'Second', id, 2)
    expect(await service.as(fresh.amy).does(getOpportunity, { params: { id: deal.id } })).toMatchObject({
      accountName: 'Third',
      version: 1,
    })
  })
})

describe('who sees which deal', () => {
  it('shows a rep her own, a manager his part of the company, another tenant nothing', async () => {
    const params = { id: (await aDeal(undefined, { title: 'Private' })).id }
    const stranger = await world.company()
    const status = async (person: Company['amy']) => (await service.as(person).call(getOpportunity, { params })).status
    expect(await Promise.all([company.amy, company.mona, company.eva, company.fred].map(status))).toEqual([200, 200, 200, 200])
    expect(await Promise.all([company.bob, stranger.ada].map(status))).toEqual([404, 404])
    for (const operation of [moveOpportunity, winOpportunity, loseOpportunity, completeItem, reopenItem]) {
      const body = {
        moveOpportunity: { stage: 'quotation' },
        winOpportunity: { exemption: 'x' },
        loseOpportunity: { reason: 'price' },
        completeItem: { item: 'contact', value: contact },
        reopenItem: { item: 'contact' },
      }[operation.id]
      expect((await service.as(company.bob).call(operation, { params, body })).status).toBe(404)
      expect((await service.as(company.fred).call(operation, { params, body })).status).toBe(403)
    }
    expect((await service.as(company.bob).does(listOpportunities, { query: { title: 'Private' } })).data).toEqual([])
    expect((await service.as(company.mona).does(listOpportunities, { query: { title: 'Private' } })).data).toHaveLength(1)
  })
})

describe('listing deals', () => {
  it('filters, sorts and pages without gap or double', async () => {
    const fresh = await world.company()
    const id = await anAccount(fresh, 'Listed Ltd')
    const amy = service.as(fresh.amy)
    for (let n = 0; n < 7; n += 1)
      await amy.does(openOpportunity, {
        body: {
          title: `Deal ${n}`,
          accountId: id,
          ...(n % 2 && { amount: { amount: `${n}.00`, currency: 'USD' } }),
          source: n < 3 ? 'web' : 'fair',
        },
      })
    for (const sort of ['id', '-amount', 'amount', 'probability', '-createdAt', 'title']) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: { data: { id: string }[]; next: string | null } = await amy.does(listOpportunities, {
          query: { limit: 3, sort, ...(cursor && { cursor }) },
        })
        seen.push(...page.data.map((deal) => deal.id))
        cursor = page.next
      } while (cursor)
      expect(seen).toHaveLength(7)
      expect(new Set(seen).size).toBe(7)
    }
    const query = { source: 'web', stage: 'first-contact', accountName: 'Listed Ltd', 'probability.lte': '0', fields: 'title,stage' }
    const { data } = await amy.does(listOpportunities, { query })
    expect(data).toHaveLength(3)
    expect(Object.keys(data[0]).sort()).toEqual(['stage', 'title'])
    expect((await amy.call(listOpportunities, { query: { colour: 'red' } })).status).toBe(400)
  })
})

describe('closing a deal', () => {
  const signed = (opportunityId: Id<'opportunity'>, given: Partial<Sent<typeof ContractSigned>> = {}): Sent<typeof ContractSigned> => ({
    contractId: newId('contract'),
    number: 'C-2026-0001',
    quoteId: newId('quote'),
    opportunityId,
    accountId,
    ownerId: company.amy.id,
    total: { amount: '1130.00', currency: 'CNY' },
    signedOn: '2026-11-20',
    signedAt: '2026-11-20T09:00:00.000Z',
    customerSigner: 'Li Lei',
    lines: [],
    terms: [{ share: '100', amount: null, dueOn: null, daysAfterSigning: 30, label: 'All' }],
    ...given,
  })
  const sign = async (payload: Sent<typeof ContractSigned>) => {
    await world.publish(company.tenantId, ContractSigned, payload.contractId, payload, { at: new Date('2026-11-20T09:00:00Z') })
    await service.settled()
  }

  it('is won by its signed contract in whatever stage it stands, once', async () => {
    const deal = await aDeal()
    const payload = signed(deal.id)
    await sign(payload)
    await sign(payload)
    await sign(signed(deal.id))
    expect(await service.as(company.amy).does(getOpportunity, { params: { id: deal.id } })).toMatchObject({
      status: 'won',
      stage: { key: 'won' },
      probability: '100',
      contractId: payload.contractId,
      exemption: null,
      amount: { amount: '1130.00', currency: 'CNY' },
      closedAt: '2026-11-20T09:00:00.000Z',
      missing: [],
    })
    const events = await ofDeal(company, deal.id)
    expect(names(events)).toEqual(['opportunity.opened', 'opportunity.stage_entered', 'opportunity.won'])
    expect(events[1]).toMatchObject({
      at: '2026-11-20T09:00:00.000Z',
      payload: { to: { key: 'won' }, skipped: ['needs-confirmed', 'quotation', 'contract-drafting'] },
    })
    expect(events[2]).toMatchObject({ at: '2026-11-20T09:00:00.000Z', journeyId: deal.journeyId })
    expect(events[2]!.payload).toEqual({
      opportunityId: deal.id,
      processId: deal.processId,
      stage: { key: 'won', name: 'Won' },
      amount: { amount: '1130.00', currency: 'CNY' },
      contractId: payload.contractId,
      exemption: null,
    })
  })

  it('is won without a contract only with a stated exemption', async () => {
    const params = { id: (await aDeal(undefined, { amount: { amount: '10.00', currency: 'CNY' } })).id }
    const amy = service.as(company.amy)
    expect((await amy.call(winOpportunity, { params, body: {} })).status).toBe(400)
    expect(await amy.does(winOpportunity, { params, body: { exemption: 'framework order' } })).toMatchObject({
      status: 'won',
      exemption: 'framework order',
      contractId: null,
      history: [{}, { stage: { key: 'won' } }],
    })
    expect((await amy.call(winOpportunity, { params, body: { exemption: 'again' } })).body).toMatchObject({
      status: 409,
      code: 'opportunity.closed',
    })
    const won = (await ofDeal(company, params.id)).at(-1)!
    expect(won).toMatchObject({
      name: 'opportunity.won',
      payload: { exemption: 'framework order', amount: { amount: '10.00', currency: 'CNY' } },
    })
  })

  it('is lost for a reason of the list, and won after all when its contract is signed', async () => {
    const deal = await aDeal()
    const params = { id: deal.id }
    const amy = service.as(company.amy)
    expect((await amy.call(loseOpportunity, { params, body: { reason: 'bored' } })).status).toBe(400)
    expect((await amy.call(loseOpportunity, { params, body: { reason: 'imported' } })).status).toBe(400)
    const body = { reason: 'competitor', competitor: 'Acme', note: 'much cheaper' }
    expect(await amy.does(loseOpportunity, { params, body })).toMatchObject({
      status: 'lost',
      lossReason: 'competitor',
      competitor: 'Acme',
      closeNote: 'much cheaper',
      probability: '0',
      missing: [],
    })
    for (const [operation, wish] of [
      [loseOpportunity, body],
      [moveOpportunity, { stage: 'quotation' }],
      [completeItem, { item: 'contact', value: contact }],
    ] as const)
      expect((await amy.call(operation, { params, body: wish })).body).toMatchObject({ status: 409, code: 'opportunity.closed' })
    expect((await amy.call(changeOpportunity, { params, body: { title: 'x' }, headers: { 'if-match': '"2"' } })).body.code).toBe(
      'opportunity.closed',
    )
    expect((await ofDeal(company, deal.id)).at(-1)).toMatchObject({
      name: 'opportunity.lost',
      payload: { opportunityId: deal.id, stage: { key: 'first-contact', name: 'First contact' }, reason: 'competitor', competitor: 'Acme' },
    })
    await sign(signed(deal.id))
    expect(await amy.does(getOpportunity, { params })).toMatchObject({ status: 'won', lossReason: null })
  })

  it('ends one way when it is won and lost at the same moment', async () => {
    const params = { id: (await aDeal()).id }
    const answers = await Promise.all([
      service.as(company.amy).call(winOpportunity, { params, body: { exemption: 'race' } }),
      service.as(company.amy).call(loseOpportunity, { params, body: { reason: 'price' } }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    const closings = names(await ofDeal(company, params.id)).filter((name) => /won|lost/.test(name))
    expect(closings).toHaveLength(1)
  })
})

describe('importing the history of a company', () => {
  const header = 'opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value'
  const mapping = {
    columns: {
      externalId: 'opportunity_id',
      owner: 'sales_agent',
      product: 'product',
      account: 'account',
      stage: 'deal_stage',
      createdAt: 'engage_date',
      stageEnteredAt: 'engage_date',
      closedAt: 'close_date',
      amount: 'close_value',
    },
    values: { product: { GTXPro: 'GTX Pro' } },
    defaults: { account: 'Unnamed account', createdAt: '2016-10-01', currency: 'USD' },
  }
  const ofHardware = {
    name: 'Hardware',
    stages: [
      { key: 'prospecting', name: 'Prospecting', probability: '20', items: [{ key: 'contacted', name: 'Contacted', weight: '20' }] },
      { key: 'engaging', name: 'Engaging', probability: '60', items: [{ key: 'engaged', name: 'Engaged', weight: '40' }] },
    ],
  }

  async function aHardwareCompany() {
    const fresh = await world.company()
    const draft = await service.as(fresh.olga).does(draftProcess, { body: ofHardware })
    await service.as(fresh.olga).does(publishProcess, { params: { id: draft.id }, body: { isDefault: true } })
    for (const name of ['Cancity', 'Isdom', 'Unnamed account']) await anAccount(fresh, name)
    for (const name of ['GTX Pro', 'MG Special']) await aProduct(fresh, name)
    return fresh
  }
  async function imported({ olga }: Company, csv: string, rules: object = mapping) {
    const query = { kind: 'opportunities', mapping: JSON.stringify(rules) }
    const { id } = await service.as(olga).does(startImport, { query, body: csv })
    return eventually(async () => {
      const report = await service.as(olga).does(getImport, { params: { id } })
      return ['done', 'failed'].includes(report.status) && report
    })
  }

  it('takes deals step by step as they went, with each step at its own time', async () => {
    const fresh = await aHardwareCompany()
    const rows = [
      'W1,Amy,GTXPro,Cancity,Won,2016-10-20,2017-03-01,1054',
      'L1,Bob,MG Special,,Lost,2016-10-25,2017-03-11,0',
      'E1,Amy,GTX Pro,isdom,Engaging,2016-11-25,,',
      'P1,Amy,MG Special,,Prospecting,,,',
    ]
    expect(await imported(fresh, [header, ...rows].join('\n'))).toMatchObject({ status: 'done', rows: 4, added: 4, rejected: 0 })
    const { data } = await service.as(fresh.eva).does(listOpportunities, { query: { sort: 'id' } })
    const seen = data.map(({ externalId, status, stage, accountName, title, amount, lossReason, ownerId, closedAt, version }: any) => [
      externalId,
      status,
      stage.key,
      accountName,
      title,
      amount?.amount ?? null,
      lossReason,
      ownerId,
      closedAt,
      version,
    ])
    const { amy, bob } = fresh
    expect(seen).toEqual([
      ['W1', 'won', 'engaging', 'Cancity', 'Cancity – GTX Pro', '1054.00', null, amy.id, '2017-03-01T00:00:00.000Z', 3],
      [
        'L1',
        'lost',
        'engaging',
        'Unnamed account',
        'Unnamed account – MG Special',
        '0.00',
        'imported',
        bob.id,
        '2017-03-11T00:00:00.000Z',
        3,
      ],
      ['E1', 'open', 'engaging', 'Isdom', 'Isdom – GTX Pro', null, null, amy.id, null, 2],
      ['P1', 'open', 'prospecting', 'Unnamed account', 'Unnamed account – MG Special', null, null, amy.id, null, 1],
    ])
    const told = async (n: number) => (await ofDeal(fresh, data[n].id)).map(({ name, at }) => `${name} ${at.slice(0, 10)}`)
    expect(await told(0)).toEqual(['opportunity.opened 2016-10-20', 'opportunity.stage_entered 2016-10-20', 'opportunity.won 2017-03-01'])
    expect(await told(1)).toEqual(['opportunity.opened 2016-10-25', 'opportunity.stage_entered 2016-10-25', 'opportunity.lost 2017-03-11'])
    expect(await told(2)).toEqual(['opportunity.opened 2016-11-25', 'opportunity.stage_entered 2016-11-25'])
    expect(await told(3)).toEqual(['opportunity.opened 2016-10-01'])
    const [opened, , won] = await ofDeal(fresh, data[0].id)
    expect(opened!.payload).toMatchObject({ stage: { key: 'prospecting' }, products: [{ name: 'GTX Pro' }] })
    expect(won!.payload).toMatchObject({ amount: { amount: '1054.00', currency: 'USD' }, contractId: null, exemption: 'imported history' })
  })

  it('takes hundreds of rows at once; a repeat adds nothing and says what each rule did', async () => {
    const fresh = await aHardwareCompany()
    const stages = ['Won', 'Lost', 'Engaging', 'Prospecting'] as const
    const row = (n: number) => {
      const stage = stages[n % 4]!
      const [from, to] = [stage === 'Prospecting' ? '' : '2016-12-01', n % 4 < 2 ? '2017-02-01' : '']
      return `X${n},${n % 2 ? 'Amy' : 'Bob'},${n % 3 ? 'GTXPro' : 'MG Special'},${n % 5 ? 'Cancity' : ''},${stage},${from},${to},${to && n}`
    }
    const csv = [header, ...Array.from({ length: 600 }, (_, n) => row(n))].join('\n')
    const report = await imported(fresh, csv)
    expect(report).toMatchObject({ status: 'done', rows: 600, added: 600, existing: 0, rejected: 0 })
    const counts = Object.fromEntries(report.rules.map(({ field, from, rows }: any) => [`${field} ${from ?? '∅'}`, rows]))
    expect(counts).toEqual({ 'product GTXPro': 400, 'account ∅': 120, 'createdAt ∅': 150, 'currency ∅': 600 })
    const before = await world.events(fresh.tenantId)
    const count = (name: string) => before.filter((event) => event.name === name).length
    expect(['opened', 'stage_entered', 'won', 'lost'].map((name) => count(`opportunity.${name}`))).toEqual([600, 450, 150, 150])
    expect(await imported(fresh, csv)).toMatchObject({ status: 'done', rows: 600, added: 0, existing: 600, rejected: 0 })
    expect(await world.events(fresh.tenantId)).toHaveLength(before.length)
  })

  it('rejects what cannot be, row by row, and takes the rest', async () => {
    const fresh = await aHardwareCompany()
    const rows = [
      'A,Amy,GTX Pro,Cancity,Won,2016-10-20,2017-03-01,1054',
      'A,Amy,GTX Pro,Cancity,Won,2016-10-20,2017-03-01,1054',
      'B,Nobody,GTX Pro,Cancity,Won,2016-10-20,2017-03-01,1054',
      'C,Amy,GTX Ultra,Cancity,Won,2016-10-20,2017-03-01,1054',
      'D,Amy,GTX Pro,Atlantis,Won,2016-10-20,2017-03-01,1054',
      'E,Amy,GTX Pro,Cancity,Dreaming,2016-10-20,,',
      'F,Amy,GTX Pro,Cancity,Won,2016-10-20,,1054',
      'G,Amy,GTX Pro,Cancity,Won,2017-10-20,2017-03-01,1054',
      'H,Amy,GTX Pro,Cancity,Won,2016-10-20,2017-03-01,10.005',
      'I,Amy,GTX Pro,Cancity,Won,2016-10-20,2017-03-01,-1',
      'J,Amy,GTX Pro,Cancity,Won,2016-02-30,2017-03-01,1',
      ',Amy,GTX Pro,Cancity,Won,2016-10-20,2017-03-01,1',
    ]
    const report = await imported(fresh, [header, ...rows].join('\n'))
    expect(report).toMatchObject({ status: 'done', rows: 12, added: 1, existing: 1, rejected: 10 })
    const csv = (await service.as(fresh.olga).call(listRejections, { params: { id: report.id } })).text
    const reasons = csv.split('\n').slice(1).filter(Boolean)
    expect(reasons).toHaveLength(10)
    for (const [n, words] of [
      'owner Nobody',
      'product GTX Ultra',
      'account Atlantis',
      'Prospecting, Engaging, won, lost',
      'closedAt',
      'not in order',
      'decimals',
      'negative',
      'not a day',
      'externalId',
    ].entries())
      expect(reasons[n]).toContain(words)
  })

  it('goes into the named process and stage, in either language', async () => {
    const fresh = await aHardwareCompany()
    const value = await service.as(fresh.olga).does(draftProcess, { body: { template: 'value-selling' } })
    await service.as(fresh.olga).does(publishProcess, { params: { id: value.id } })
    const csv = [
      'externalId,process,stage,lastStage,createdAt,stageEnteredAt,closedAt,amount,currency',
      '1,价值销售,赢得支持者,,2026-01-01,2026-01-05,,,',
      '2,value-selling,won,商务谈判,2026-01-01,2026-01-05,2026-02-01T10:00:00+08:00,100.00,CNY',
      '3,value-selling,lost,,2026-01-01,,2026-02-01,100.00,',
      '4,value-selling,签约,,2026-01-01,2026-01-05,,,',
    ].join('\n')
    expect(await imported(fresh, csv, {})).toMatchObject({ added: 2, rejected: 2 })
    const { data } = await service.as(fresh.eva).does(listOpportunities, { query: { sort: 'id' } })
    expect(data.map(({ stage, status, title }: any) => [stage.key, status, title])).toEqual([
      ['supporter-won', 'open', '1'],
      ['signed', 'won', '2'],
    ])
    const events = await ofDeal(fresh, data[1].id)
    expect(events.map(({ name, at, payload }) => [name, at, payload['to']?.key])).toEqual([
      ['opportunity.opened', '2026-01-01T00:00:00.000Z', undefined],
      ['opportunity.stage_entered', '2026-01-05T00:00:00.000Z', 'negotiation'],
      ['opportunity.stage_entered', '2026-02-01T02:00:00.000Z', 'signed'],
      ['opportunity.won', '2026-02-01T02:00:00.000Z', undefined],
    ])
  })
})

describe('the deals of an account that became part of another one', () => {
  it('are that one’s, closed ones included, and others are told', async () => {
    const fresh = await world.company()
    const [gone, into] = [await anAccount(fresh, 'Gone'), await anAccount(fresh, 'Survivor')]
    const caller = service.as(fresh.amy)
    const [open, lost] = [await aDeal(caller, { accountId: gone }), await aDeal(caller, { accountId: gone })]
    await caller.does(loseOpportunity, { params: { id: lost.id }, body: { reason: 'price' } })
    await world.publish(fresh.tenantId, AccountMerged, gone, { accountId: gone, into }, { sequence: 2 })
    await service.settled()
    for (const { id } of [open, lost])
      expect(await caller.does(getOpportunity, { params: { id } })).toMatchObject({ accountId: into, accountName: 'Survivor' })
    const told = (await world.events(fresh.tenantId)).filter(({ name }) => name === 'opportunity.changed')
    expect(told.map(({ subject, payload }) => [subject, payload['accountId']]).sort()).toEqual(
      [open, lost].map(({ id }) => [id, into]).sort(),
    )
    const { data } = await service.as(fresh.ada).does(readAudit, { params: { id: open.id } })
    expect(data.at(-1)).toMatchObject({ version: 2, change: { accountId: { from: gone, to: into } } })
    expect(await aDeal(caller, { accountId: gone })).toMatchObject({ accountId: into, accountName: 'Survivor' })
  })
})
