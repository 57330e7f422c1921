import {
  addCustomField,
  changeAccount,
  changeSegment,
  createSegment,
  getImport,
  getSegment,
  listAccounts,
  listSegmentFields,
  listSegments,
  logActivity,
  mergeAccount,
  openAccount,
  OpportunityOpened,
  previewSegment,
  startImport,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'
import { SegmentService } from './segment.service.js'

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
beforeEach(async () => {
  service.clock.set(new Date('2026-11-02T08:00:00Z'))
  company = await world.company()
})
afterAll(() => world.stop())

const open = async (person: Person, name: string, body: object = {}) =>
  (await service.as(person).does(openAccount, { body: { name, ...body } })) as { id: Id<'account'>; version: number }
const find = () => service.app.get(SegmentService).findMembers()
const create = async (condition: string, name = 'Some') => {
  const segment = await service.as(company.mona).does(createSegment, { body: { name, condition } })
  await find()
  return segment as { id: string; version: number }
}
const members = async (person: Person, segmentId: string, query: object = {}) =>
  (await service.as(person).does(listAccounts, { query: { segmentId, sort: 'name', ...query } })).data.map(
    ({ name }: { name: string }) => name,
  )

describe('a segment', () => {
  it('has the accounts that its condition holds for, each caller those that they see', async () => {
    const { amy, bob, mona, olga } = company
    await open(amy, 'Alpha', { industry: 'software', country: 'CN', class: 'key', employees: 800 })
    await open(amy, 'Beta', { industry: 'software', employees: 20 })
    await open(bob, 'Gamma', { industry: 'software', class: 'key', employees: 900 })
    await open(bob, 'Delta', { industry: 'retail', class: 'key' })
    const { id } = await create('account.industry == "software" && account.class == "key" && account.employees > 500')
    expect(await members(olga, id)).toEqual(['Alpha', 'Gamma'])
    expect([await members(amy, id), await members(bob, id), await members(mona, id)]).toEqual([['Alpha'], ['Gamma'], ['Alpha']])
    const view = await service.as(amy).does(getSegment, { params: { id } })
    expect(view).toMatchObject({ members: 1, active: true })
    expect(view.evaluatedAt).toMatch(/^2026-11-02T08:0/)
    expect((await service.as(olga).does(listSegments, { query: { name: 'Some' } })).data).toMatchObject([{ id, members: 2 }])
    expect(await members(olga, id, { country: 'CN' })).toEqual(['Alpha'])
    const first = await service.as(olga).does(listAccounts, { query: { segmentId: id, sort: 'name', limit: 1 } })
    expect(await members(olga, id, { limit: 1, cursor: first.next })).toEqual(['Gamma'])
  })

  it('knows what customers bought and how long ago, and what a company keeps in fields of its own', async () => {
    const { amy, ada, olga, tenantId } = company
    const body = { key: 'need', type: 'text', labels: { en: 'Need', 'zh-CN': '需求' } }
    await service.as(ada).does(addCustomField, { query: { record: 'account' }, body })
    const buyer = await open(amy, 'Buyer')
    await open(amy, 'Needy', { custom: { need: 'CRM' } })
    const opportunityId = newId('opportunity')
    const place = { opportunityId, processId: newId('process'), stage: { key: 'a', name: 'A' } }
    const deal = {
      ...place,
      title: 'x',
      accountId: buyer.id,
      ownerId: amy.id,
      amount: null,
      products: [],
      expectedCloseOn: null,
      source: null,
    }
    await world.publish(tenantId, OpportunityOpened, opportunityId, deal)
    await service.settled()
    const [bought, wish] = [await create('account.openDeals >= 1.0'), await create('account.custom.need == "CRM"')]
    expect(await members(olga, bought.id)).toEqual(['Buyer'])
    expect(await members(olga, wish.id)).toEqual(['Needy'])
    const { fields } = await service.as(amy).does(listSegmentFields)
    expect(fields).toMatchObject({ wonDeals: 'number', class: 'text', lastOrderOn: 'instant', 'custom.need': 'text' })
  })

  it('follows accounts that change, days that pass and conditions that are mended, whatever it was looking at before', async () => {
    const { amy, olga, mona } = company
    const account = await open(amy, 'Alpha', { class: 'sme' })
    const { id, version } = await create('account.class == "key"')
    expect(await members(olga, id)).toEqual([])
    const change = { params: { id: account.id }, body: { class: 'key' }, headers: { 'if-match': '*' } }
    await service.as(amy).does(changeAccount, change)
    await find()
    expect(await members(olga, id)).toEqual([])
    service.clock.advance({ hours: 6 })
    await find()
    expect(await members(olga, id)).toEqual(['Alpha'])
    await service.as(amy).does(logActivity, { body: { kind: 'call', accountId: account.id, subject: 'x' } })
    const headers = { 'if-match': `"${version}"` }
    const condition = 'account.daysSinceActivity > 30.0'
    expect(await service.as(mona).does(changeSegment, { params: { id }, body: { condition }, headers })).toMatchObject({
      evaluatedAt: null,
    })
    await find()
    expect(await members(olga, id)).toEqual([])
    service.clock.advance({ days: 31 })
    await find()
    expect(await members(olga, id)).toEqual(['Alpha'])
    await service.as(mona).does(changeSegment, { params: { id }, body: { active: false }, headers: { 'if-match': '*' } })
    await find()
    expect(await members(olga, id)).toEqual([])
  })

  it('of many accounts is found in batches, and has no account twice or that became part of another one', async () => {
    const { amy, olga } = company
    const rows = Array.from({ length: 1_203 }, (_, n) => `Account ${n},${n % 3 ? 'sme' : 'key'}`)
    const started = await service.as(olga).does(startImport, { query: { kind: 'accounts' }, body: `name,class\n${rows.join('\n')}\n` })
    await eventually(async () => (await service.as(olga).does(getImport, { params: { id: started.id } })).status === 'done')
    const { id } = await create('account.class == "key"')
    expect(await service.as(olga).does(getSegment, { params: { id } })).toMatchObject({ members: 401 })
    await Promise.all([find(), find()])
    expect(await service.as(olga).does(getSegment, { params: { id } })).toMatchObject({ members: 401 })
    const [one, other] = [await open(amy, 'Twin', { class: 'key' }), await open(amy, 'Twin', { class: 'key' })]
    service.clock.advance({ hours: 6 })
    await find()
    expect(await members(amy, id)).toEqual(['Twin', 'Twin'])
    await service.as(olga).does(mergeAccount, { params: { id: one.id }, body: { accountId: other.id } })
    expect(await members(amy, id)).toEqual(['Twin'])
  })

  it('is tried before it is made: how many of one’s own accounts it has, and the first of them', async () => {
    const { amy, bob } = company
    for (const name of ['Alpha', 'Beta', 'Gamma']) await open(amy, name, { class: name === 'Beta' ? null : 'key' })
    await open(bob, 'Delta', { class: 'key' })
    const preview = await service.as(amy).does(previewSegment, { body: { condition: 'account.class == "key"' } })
    expect(preview).toMatchObject({ matches: 2, looked: 3, complete: true })
    expect(preview.first.map(({ name }: { name: string }) => name)).toEqual(['Gamma', 'Alpha'])
  })

  it.each([
    ['account.nothing == 1', 8],
    ['account.industry', 0],
    ['account.name.matches("(a+)+$")', 0],
  ])('is refused with the place of what is wrong: %s', async (condition, position) => {
    const asked = await service.as(company.amy).call(previewSegment, { body: { condition } })
    const made = await service.as(company.mona).call(createSegment, { body: { name: 'x', condition } })
    for (const answer of [asked, made]) expect(answer.body).toMatchObject({ status: 422, code: 'expression.malformed' })
    if (position) expect(made.body.position).toBe(position)
  })

  it('is made by managers, and another company knows nothing of it', async () => {
    const { id } = await create('true')
    const stranger = await world.company()
    expect((await service.as(company.amy).call(createSegment, { body: { name: 'x', condition: 'true' } })).status).toBe(403)
    expect((await service.as(stranger.mona).call(getSegment, { params: { id } })).status).toBe(404)
    expect(await members(stranger.olga, id)).toEqual([])
  })
})
