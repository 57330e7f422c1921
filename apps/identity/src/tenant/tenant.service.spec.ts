import { changeCurrentTenant, createTenant, getCurrentTenant, listOrgUnits, listTenants, listUsers, readAudit } from '@millrace/contracts'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { found, operator, password, startIdentity } from '../identity.fixture.js'

let world: World
let identity: TestService

beforeAll(async () => {
  world = await aWorld()
  identity = await startIdentity(world)
})
afterAll(() => world.stop())

const wish = (name: string, email = `${name.toLowerCase().replaceAll(' ', '')}@example.com`) => ({
  name,
  currency: 'CNY',
  zone: 'Asia/Shanghai',
  language: 'zh-CN',
  administrator: { name: 'Ada', email, password },
})

describe('a new tenant', () => {
  it('begins with its top unit and administrator, on one journey, and tells others so', async () => {
    const tenant = await identity.as(operator).does(createTenant, { body: wish('Ridgeway') })
    expect(tenant).toMatchObject({ name: 'Ridgeway', currency: 'CNY', zone: 'Asia/Shanghai', language: 'zh-CN', version: 1 })
    const events = await world.events(tenant.id)
    expect(events.map(({ name, subject }) => ({ name, subject }))).toEqual(
      expect.arrayContaining([
        { name: 'tenant.created', subject: tenant.id },
        { name: 'org_unit.created', subject: tenant.rootUnitId },
        { name: 'user.created', subject: tenant.administratorId },
      ]),
    )
    expect(events).toHaveLength(3)
    expect(new Set(events.map(({ journeyId }) => journeyId)).size).toBe(1)
    expect(JSON.stringify(events)).not.toContain(password)

    const ada = identity.as({ id: tenant.administratorId, tenantId: tenant.id, roles: ['administrator'] })
    expect(await ada.does(getCurrentTenant)).toMatchObject({ id: tenant.id, name: 'Ridgeway' })
    expect((await ada.does(listOrgUnits)).data).toMatchObject([{ id: tenant.rootUnitId, name: 'Ridgeway', parentId: null }])
    expect((await ada.does(listUsers)).data).toMatchObject([
      { id: tenant.administratorId, unitId: tenant.rootUnitId, roles: ['administrator'] },
    ])
    expect((await ada.does(readAudit, { params: { id: tenant.administratorId } })).data).toMatchObject([
      { action: 'insert', aggregate: 'user' },
    ])
  })

  it('is made once when it is asked for twice with the same key', async () => {
    const headers = { 'idempotency-key': 'northfold-1' }
    const [one, two] = [
      await identity.as(operator).call(createTenant, { body: wish('Northfold'), headers }),
      await identity.as(operator).call(createTenant, { body: wish('Northfold'), headers }),
    ]
    expect([one.status, two.status]).toEqual([201, 201])
    expect(two.body).toEqual(one.body)
  })

  it('has a name of its own: of many at the same moment one is made, and nothing of the others stays', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        identity.as(operator).call(createTenant, { body: wish(n % 2 ? 'Racing Ltd' : 'racing ltd', `racer${n}@example.com`) }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409])
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'value.taken', field: 'name' })
    expect((await identity.as(operator).does(listTenants, { query: { 'name.contains': 'racing' } })).data).toHaveLength(1)
  })

  it('is refused whole when the administrator’s e-mail belongs to somebody on the platform', async () => {
    const company = await found(identity)
    const answer = await identity.as(operator).call(createTenant, { body: wish('Late Ltd', company.ada.email.toUpperCase()) })
    expect(answer.body).toMatchObject({ status: 409, code: 'value.taken', field: 'email' })
    expect((await identity.as(operator).does(listTenants, { query: { name: 'Late Ltd' } })).data).toEqual([])
  })

  it('is refused with every field that is wrong', async () => {
    const answer = await identity.as(operator).call(createTenant, {
      body: {
        name: ' ',
        currency: 'XXX',
        zone: 'Mars/Base',
        language: 'fr',
        administrator: { name: 'A', email: 'a', password: 'short' },
        plan: 'free',
      },
    })
    expect(answer.status).toBe(400)
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/administrator/email',
      '/administrator/password',
      '/currency',
      '/language',
      '/name',
      '/plan',
      '/zone',
    ])
  })
})

describe('who may what with tenants', () => {
  it('lets only the operator see or make them, and keeps the operator out of companies', async () => {
    const company = await found(identity)
    const ada = identity.as(company.ada)
    expect((await ada.call(createTenant, { body: wish('Mine too') })).body).toMatchObject({ status: 403, code: 'tenant.operator_only' })
    expect((await ada.call(listTenants)).body.code).toBe('tenant.operator_only')
    const rep = await company.hire('Rep', ['sales_rep'])
    expect((await identity.as(rep).call(createTenant, { body: wish('Mine too') })).body.code).toBe('tenant.operator_only')
    expect(await identity.as(rep).does(getCurrentTenant)).toMatchObject({ id: company.tenantId })
    expect((await identity.as(operator).call(listUsers)).body).toMatchObject({ status: 403, code: 'tenant.none' })
    expect((await identity.as(operator).call(changeCurrentTenant, { body: { name: 'x' }, headers: { 'if-match': '"1"' } })).body.code).toBe(
      'tenant.none',
    )
  })

  it('lets the administrator rename the company, with the version that was read', async () => {
    const [company, other] = [await found(identity), await found(identity)]
    const ada = identity.as(company.ada)
    const change = (body: Record<string, unknown>, version?: number) =>
      ada.call(changeCurrentTenant, { body, headers: version === undefined ? {} : { 'if-match': `"${version}"` } })
    expect((await change({ name: 'Ridge' })).status).toBe(428)
    expect((await change({ name: 'Ridge' }, 7)).body).toMatchObject({ status: 412, current: 1 })
    expect((await change({ name: other.name.toUpperCase() }, 1)).body).toMatchObject({ code: 'value.taken', field: 'name' })
    expect((await change({ currency: 'USD' }, 1)).status).toBe(400)
    expect((await change({ name: 'Ridge Way', zone: 'Europe/Berlin' }, 1)).body).toMatchObject({
      name: 'Ridge Way',
      zone: 'Europe/Berlin',
      version: 2,
    })
    const events = await world.events(company.tenantId)
    expect(events.filter(({ name }) => name === 'tenant.changed').map(({ payload }) => payload)).toEqual([
      { tenantId: company.tenantId, name: 'Ridge Way', currency: 'CNY', zone: 'Europe/Berlin', language: 'zh-CN' },
    ])
  })
})
