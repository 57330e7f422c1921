import { changeApiClient, createApiClient, getApiClient, listApiClients, revokeApiClient, rotateApiClientSecret } from '@millrace/contracts'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { decodeJwt } from 'jose'
import { clientToken, found, type Founded, operator, startIdentity } from '../identity.fixture.js'

let world: World
let identity: TestService
let company: Founded

beforeAll(async () => {
  world = await aWorld()
  identity = await startIdentity(world)
  company = await found(identity)
})
afterAll(() => world.stop())

const ada = () => identity.as(company.ada)

describe('an API client', () => {
  it('shows its secret when it is made and when it is renewed, and never again', async () => {
    const client = await ada().does(createApiClient, { body: { name: 'ERP', roles: ['integrator', 'integrator'] } })
    expect(client).toMatchObject({ name: 'ERP', roles: ['integrator'], active: true, version: 1, clientId: client.id })
    expect(client.clientSecret).toMatch(/^[\w-]{43}$/)
    const params = { id: client.id }
    const renewed = await ada().does(rotateApiClientSecret, { params })
    expect(renewed.clientSecret).not.toBe(client.clientSecret)
    for (const seen of [await ada().does(getApiClient, { params }), (await ada().does(listApiClients, { query: { name: 'ERP' } })).data[0]])
      expect(Object.keys(seen).sort()).toEqual(['active', 'createdAt', 'id', 'name', 'roles', 'updatedAt', 'version'])
    await ada().does(revokeApiClient, { params })
    await ada().does(revokeApiClient, { params })
    const events = (await world.events(company.tenantId)).filter(({ subject }) => subject === client.id)
    expect(events.map(({ name }) => name)).toEqual(['api_client.created', 'api_client.changed', 'api_client.revoked'])
    expect(JSON.stringify(events)).not.toMatch(/secret|hash/i)
  })

  it('gets other roles with its next token', async () => {
    const { id, clientSecret } = await company.client(['integrator'])
    const change = { params: { id }, body: { name: 'Books', roles: ['finance'] } }
    expect((await ada().call(changeApiClient, change)).status).toBe(428)
    expect(await ada().does(changeApiClient, { ...change, headers: { 'if-match': '"1"' } })).toMatchObject({ name: 'Books', version: 2 })
    expect((await ada().call(changeApiClient, { ...change, headers: { 'if-match': '"1"' } })).status).toBe(412)
    expect(decodeJwt((await clientToken(identity.url, id, clientSecret)).access_token)['roles']).toEqual(['finance'])
  })

  it('is kept by administrators of its own company only', async () => {
    const { id } = await company.client(['integrator'])
    const olga = await company.hire('Olga', ['sales_ops'])
    expect((await identity.as(olga).call(listApiClients)).body.code).toBe('access.forbidden')
    const stranger = identity.as((await found(identity)).ada)
    for (const operation of [getApiClient, rotateApiClientSecret, revokeApiClient])
      expect((await stranger.call(operation, { params: { id } })).body).toMatchObject({ status: 404, code: 'api_client.not_found' })
    expect((await identity.as(operator).call(createApiClient, { body: { name: 'x', roles: ['finance'] } })).body.code).toBe('tenant.none')
    expect((await ada().call(createApiClient, { body: { name: 'x', roles: ['king'] } })).status).toBe(400)
    expect((await ada().call(createApiClient, { body: {} })).status).toBe(400)
  })
})
