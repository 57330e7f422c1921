import { addLegalEntity, changeLegalEntity, getLegalEntity, issueInvoice, listLegalEntities, TenantCreated } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { Seller } from '../billing.fixture.js'
import { billingService } from '../billing.module.js'

let world: World
let billing: TestService

beforeAll(async () => {
  world = await aWorld()
  billing = await world.start(billingService)
  billing.clock.set(new Date('2026-11-20T02:00:00Z'))
})
afterAll(() => world.stop())

const branch = { name: 'Ridgeway Japan KK', country: 'JP', zone: 'Asia/Tokyo', currency: 'JPY', prefix: 'RJ' }

describe('a new company', () => {
  it('sells under its own name, once', async () => {
    const seller = await Seller.open(world, billing)
    const { tenantId } = seller.company
    await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'Again', currency: 'USD', zone: 'UTC' })
    await billing.settled()
    const { data } = await seller.fred.does(listLegalEntities)
    expect(data).toMatchObject([
      { name: 'Ridgeway', zone: 'Asia/Shanghai', currency: 'CNY', prefix: 'INV', isDefault: true, country: null },
    ])
    expect(await seller.parked()).toEqual([])
  })

  it('cannot issue an invoice before it is known, but may name its seller itself', async () => {
    const company = await world.company()
    const fred = billing.as(company.fred)
    const entity = await fred.does(addLegalEntity, { body: branch })
    expect(entity.isDefault).toBe(true)
    const { tenantId } = company
    await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'Late', currency: 'USD', zone: 'UTC' })
    await billing.settled()
    expect((await fred.does(listLegalEntities)).data).toMatchObject([{ id: entity.id }])
  })
})

describe('a legal entity', () => {
  it('is added, read, changed and listed', async () => {
    const { fred } = await Seller.open(world, billing)
    const added = await fred.call(addLegalEntity, { body: branch })
    expect(added.status).toBe(201)
    expect(added.headers['location']).toBe(`/v1/legal-entities/${added.body.id}`)
    expect(added.body).toMatchObject({ ...branch, isDefault: false, version: 1 })
    const params = { id: added.body.id as string }
    const change = { params, body: { name: 'Ridgeway Nippon KK' }, headers: { 'if-match': '"1"' } }
    expect(await fred.does(changeLegalEntity, change)).toMatchObject({ ...branch, name: 'Ridgeway Nippon KK', version: 2 })
    expect((await fred.call(changeLegalEntity, change)).body).toMatchObject({ status: 412, code: 'version.stale' })
    expect((await fred.does(getLegalEntity, { params })).name).toBe('Ridgeway Nippon KK')
    expect((await fred.does(listLegalEntities, { query: { isDefault: 'false' } })).data).toHaveLength(1)
  })

  it('has a prefix of its own, which stays once it has issued', async () => {
    const seller = await Seller.open(world, billing)
    const { fred } = seller
    await fred.does(addLegalEntity, { body: branch })
    expect((await fred.call(addLegalEntity, { body: branch })).body).toMatchObject({
      status: 409,
      code: 'legal_entity.prefix_taken',
      prefix: 'RJ',
    })
    const home = (await fred.does(listLegalEntities, { query: { isDefault: 'true' } })).data[0]
    const rename = (prefix: string, version: number) =>
      fred.call(changeLegalEntity, { params: { id: home.id }, body: { prefix }, headers: { 'if-match': `"${version}"` } })
    expect((await rename('RJ', 1)).body.code).toBe('legal_entity.prefix_taken')
    expect((await rename('RW', 1)).body).toMatchObject({ prefix: 'RW', version: 2 })
    expect((await seller.invoices(await seller.owes('113.00'))).number).toBe('RW-VO-000001')
    expect((await rename('RX', 2)).body).toMatchObject({ status: 409, code: 'legal_entity.numbered', prefix: 'RW' })
    expect((await rename('RW', 2)).status).toBe(200)
  })

  it('of two with the same prefix at once, one is added', async () => {
    const { fred } = await Seller.open(world, billing)
    const answers = await Promise.all([1, 2, 3, 4].map(() => fred.call(addLegalEntity, { body: branch })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
  })

  it.each([
    ['nothing', {}],
    ['a zone that does not exist', { ...branch, zone: 'Mars/Olympus' }],
    ['an offset for a zone', { ...branch, zone: '+08:00' }],
    ['a currency that does not exist', { ...branch, currency: 'XXX' }],
    ['a prefix with a dash', { ...branch, prefix: 'R-J' }],
    ['a country of words', { ...branch, country: 'Japan' }],
    ['a name that is too long', { ...branch, name: 'x'.repeat(201) }],
    ['a field that does not exist', { ...branch, isDefault: true }],
  ])('is not added with %s', async (_, body) => {
    const { fred } = await Seller.open(world, billing)
    expect((await fred.call(addLegalEntity, { body })).status).toBe(400)
  })

  it('is seen by the whole company, changed by finance, and unknown to others', async () => {
    const seller = await Seller.open(world, billing)
    const { data } = await seller.fred.does(listLegalEntities)
    const params = { id: data[0].id as string }
    expect((await billing.as(seller.company.amy).call(getLegalEntity, { params })).status).toBe(200)
    expect((await billing.as(seller.company.amy).call(addLegalEntity, { body: branch })).status).toBe(403)
    const stranger = await Seller.open(world, billing)
    expect((await stranger.fred.call(getLegalEntity, { params })).status).toBe(404)
    const receivableIds = [await stranger.owes('113.00')]
    const foreign = await stranger.fred.call(issueInvoice, { body: { receivableIds, kind: 'commercial', legalEntityId: params.id } })
    expect(foreign.body).toMatchObject({ status: 422, code: 'reference.unknown', field: 'legalEntityId' })
    const nobody = { receivableIds, kind: 'commercial', legalEntityId: newId('legal_entity') }
    expect((await stranger.fred.call(issueInvoice, { body: nobody })).body.code).toBe('reference.unknown')
  })
})
