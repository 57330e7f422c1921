import { changeOrgUnit, createOrgUnit, getOrgUnit, listOrgUnits } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { found, operator, startIdentity, type Founded } from '../identity.fixture.js'

let world: World
let identity: TestService
let company: Founded

beforeAll(async () => {
  world = await aWorld()
  identity = await startIdentity(world)
})
beforeEach(async () => {
  company = await found(identity)
})
afterAll(() => world.stop())

const add = (name: string, parentId?: string) =>
  identity.as(company.ada).does(createOrgUnit, { body: { name, ...(parentId && { parentId }) } })
const change = async (id: string, body: Record<string, unknown>, version = 1) =>
  identity.as(company.ada).call(changeOrgUnit, { params: { id }, body, headers: { 'if-match': `"${version}"` } })

describe('the organisation', () => {
  it('is a tree below the top', async () => {
    const north = await add('North')
    const team = await add('Team 1', north.id)
    expect(north).toMatchObject({ parentId: company.rootUnitId, path: `/${company.rootUnitId}/${north.id}/`, version: 1 })
    expect(team.path).toBe(`${north.path}${team.id}/`)
    const { data } = await identity.as(company.ada).does(listOrgUnits, { query: { sort: 'path', 'name.contains': 'o', fields: 'name' } })
    expect(data).toEqual([{ name: company.name }, { name: 'North' }])
  })

  it('moves a unit with all that is below it, and tells each one’s new place', async () => {
    const [north, south] = [await add('North'), await add('South')]
    const team = await add('Team 1', north.id)
    const moved = await change(north.id, { parentId: south.id, name: 'North-West' })
    expect(moved.body).toMatchObject({ parentId: south.id, name: 'North-West', path: `${south.path}${north.id}/`, version: 2 })
    expect(await identity.as(company.ada).does(getOrgUnit, { params: { id: team.id } })).toMatchObject({
      path: `${south.path}${north.id}/${team.id}/`,
      version: 2,
    })
    const events = await world.events(company.tenantId)
    expect(events.filter(({ name }) => name === 'org_unit.changed').map(({ payload }) => payload)).toEqual(
      expect.arrayContaining([
        { unitId: north.id, name: 'North-West', parentId: south.id, path: `${south.path}${north.id}/` },
        { unitId: team.id, name: 'Team 1', parentId: north.id, path: `${south.path}${north.id}/${team.id}/` },
      ]),
    )
    expect(events.filter(({ name }) => name === 'org_unit.changed')).toHaveLength(2)
  })

  it('tells of a new name once: those below keep their place', async () => {
    const north = await add('North')
    await add('Team 1', north.id)
    await change(north.id, { name: 'Nord' })
    expect((await change(north.id, {}, 2)).body.version).toBe(2)
    expect((await world.events(company.tenantId)).filter(({ name }) => name === 'org_unit.changed')).toHaveLength(1)
  })

  it('never becomes a circle, also when two move below each other at the same moment', async () => {
    const [north, south] = [await add('North'), await add('South')]
    expect((await change(north.id, { parentId: north.id })).body.code).toBe('org_unit.cycle')
    expect((await change(company.rootUnitId, { parentId: south.id })).body.code).toBe('org_unit.root')
    const answers = await Promise.all([change(north.id, { parentId: south.id }), change(south.id, { parentId: north.id })])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    // The loser meets the circle, or, when the winner's move has changed it already, an outdated version.
    expect(['org_unit.cycle', 'version.stale']).toContain(answers.find(({ status }) => status !== 200)!.body.code)
  })

  it('has no two units of one name in one place', async () => {
    const north = await add('North')
    const refused = await identity.as(company.ada).call(createOrgUnit, { body: { name: ' NORTH ' } })
    expect(refused.body).toMatchObject({ status: 409, code: 'value.taken', field: 'name' })
    await add('North', north.id)
    const racing = await Promise.all([1, 2, 3].map(() => identity.as(company.ada).call(createOrgUnit, { body: { name: 'East' } })))
    expect(racing.map(({ status }) => status).sort()).toEqual([201, 409, 409])
  })

  it('is changed by those who may, with the version that was read, and of one’s own company only', async () => {
    const north = await add('North')
    const [rep, olga] = [await company.hire('Rep', ['sales_rep']), await company.hire('Olga', ['sales_ops'])]
    expect((await identity.as(rep).call(createOrgUnit, { body: { name: 'Mine' } })).body.code).toBe('access.forbidden')
    expect(await identity.as(rep).does(getOrgUnit, { params: { id: north.id } })).toMatchObject({ name: 'North' })
    expect((await identity.as(olga).call(createOrgUnit, { body: { name: 'Hers' } })).status).toBe(201)
    expect((await identity.as(olga).call(changeOrgUnit, { params: { id: north.id }, body: { name: 'x' } })).status).toBe(428)
    expect((await change(north.id, { name: 'x' }, 9)).status).toBe(412)
    const stranger = identity.as((await found(identity)).ada)
    expect((await stranger.call(getOrgUnit, { params: { id: north.id } })).body).toMatchObject({ status: 404, code: 'org_unit.not_found' })
    const foreign = await stranger.call(createOrgUnit, { body: { name: 'Below yours', parentId: north.id } })
    expect(foreign.body).toMatchObject({ status: 422, code: 'reference.unknown', field: 'parentId' })
    expect((await change(north.id, { parentId: newId('org_unit') })).body.code).toBe('reference.unknown')
    expect((await identity.as(operator).call(createOrgUnit, { body: { name: 'Nowhere' } })).body.code).toBe('tenant.none')
    expect((await change(north.id, { name: 'x'.repeat(201) })).status).toBe(400)
  })
})
