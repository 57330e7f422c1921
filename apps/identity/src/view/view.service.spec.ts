import {
  changeView,
  clearDefaultView,
  createOrgUnit,
  deleteView,
  getView,
  listViews,
  makeDefaultView,
  operations,
  saveView,
  shareView,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type Person, type TestService, type World } from '@millrace/testing'
import { found, operator, startIdentity, type Founded } from '../identity.fixture.js'

let world: World
let identity: TestService
let company: Founded
let amy: Member
let mona: Member

type Member = Pick<Person, 'id' | 'tenantId' | 'roles'>

beforeAll(async () => {
  world = await aWorld()
  identity = await startIdentity(world)
})
beforeEach(async () => {
  company = await found(identity)
  amy = await company.hire('Amy', ['sales_rep'])
  mona = await company.hire('Mona', ['sales_manager'])
})
afterAll(() => world.stop())

const fresh = {
  name: 'My fresh leads',
  list: 'listLeads',
  filters: { status: ['new', 'assigned'], 'createdAt.gte': '2026-01-01', 'companyName.contains': '云图' },
  columns: ['companyName', 'status'],
  sort: '-createdAt',
}
const save = (person: Member, body: object = fresh) => identity.as(person).does(saveView, { body })
const share = (person: Member, id: string, body: object) => identity.as(person).call(shareView, { params: { id }, body })
const names = async (person: Member, query = {}) =>
  (await identity.as(person).does(listViews, { query: { sort: 'name', ...query } })).data.map(
    ({ name }: { name: string }) => name,
  ) as string[]

describe('a saved view', () => {
  it('is the list as it was looked at: an address to call', async () => {
    const view = await save(amy)
    expect(view).toMatchObject({ ...fresh, version: 1, savedBy: amy.id, sharedWith: 'nobody', isDefault: false, problems: [] })
    const [path, query] = view.path.split('?') as [string, string]
    expect(path).toBe('/v1/leads')
    expect([...new URLSearchParams(query)]).toEqual([
      ['status', 'new'],
      ['status', 'assigned'],
      ['createdAt.gte', '2026-01-01'],
      ['companyName.contains', '云图'],
      ['sort', '-createdAt'],
      ['fields', 'companyName,status'],
    ])
    expect(await save(amy, { name: 'All', list: 'listAccounts' })).toMatchObject({
      path: '/v1/accounts',
      filters: {},
      columns: [],
      sort: null,
    })
    expect(await world.events(company.tenantId).then((events) => events.filter(({ name }) => name.startsWith('view')))).toEqual([])
  })

  it('is refused with everything that the list does not take', async () => {
    const body = {
      ...fresh,
      filters: { status: 'lost', colour: 'red', limit: '5', 'companyName.gte': 'a' },
      columns: ['status', 'companyKey'],
      sort: 'phone',
    }
    const answer = await identity.as(amy).call(saveView, { body })
    expect(answer.body).toMatchObject({ status: 400, code: 'request.invalid' })
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/filters/status',
      '/filters/colour',
      '/filters/limit',
      '/filters/companyName.gte',
      '/columns/1',
      '/sort',
    ])
    expect((await identity.as(amy).call(saveView, { body: { name: 'x', list: 'captureLead' } })).body).toMatchObject({
      code: 'view.unknown_list',
      possible: expect.arrayContaining(['listLeads']),
    })
    expect((await identity.as(amy).call(saveView, { body: { name: 'x', list: 'listTenants' } })).body.code).toBe('view.unknown_list')
    expect((await identity.as(amy).call(saveView, { body: { name: 'x', list: 'listApiClients' } })).body.code).toBe('view.unknown_list')
    expect((await identity.as(operator).call(saveView, { body: fresh })).body.code).toBe('tenant.none')
  })

  it('that a list has outgrown says what is lost, and shows the rest', async () => {
    const view = await save(amy)
    const list = operations.find(({ id }) => id === 'listLeads')! as { query?: unknown }
    const { query } = list
    list.query = (operations.find(({ id }) => id === 'listPools') as { query?: unknown }).query // a list that knows other fields
    try {
      const shown = await identity.as(amy).does(getView, { params: { id: view.id } })
      expect(shown.problems.map(({ parameter }: { parameter: string }) => parameter)).toEqual(
        ['status', 'createdAt.gte', 'companyName.contains', 'companyName', 'status', '-createdAt'].map((name) =>
          name === '-createdAt' ? 'sort' : name,
        ),
      )
      expect(shown.path).toBe('/v1/leads')
    } finally {
      list.query = query
    }
    expect((await identity.as(amy).does(getView, { params: { id: view.id } })).problems).toEqual([])
  })

  it('is changed by whom it belongs to, on what was read', async () => {
    const { id } = await save(amy)
    const change = (person: Member, body: object, version = 1) =>
      identity.as(person).call(changeView, { params: { id }, body, headers: { 'if-match': `"${version}"` } })
    expect((await change(amy, { name: 'Mine', columns: [], filters: { status: 'new' } })).body).toMatchObject({
      name: 'Mine',
      version: 2,
      path: '/v1/leads?status=new&sort=-createdAt',
    })
    expect((await change(amy, { sort: null })).status).toBe(412)
    expect((await change(amy, { sort: 'nothing' }, 2)).status).toBe(400)
    expect((await change(mona, { name: 'Hers' }, 2)).body).toMatchObject({ status: 404, code: 'view.not_found' })
  })
})

describe('sharing a view', () => {
  it('shows it to a unit and those below, or to the whole company, and to nobody else', async () => {
    const north = await identity.as(company.ada).does(createOrgUnit, { body: { name: 'North' } })
    const team = await identity.as(company.ada).does(createOrgUnit, { body: { name: 'Team', parentId: north.id } })
    const tess = await company.hire('Tess', ['sales_rep'], { unitId: team.id })
    const nora = await company.hire('Nora', ['sales_manager'], { unitId: north.id })
    const { id } = await save(nora)
    expect(await names(tess)).toEqual([])
    expect((await share(nora, id, { with: 'unit', unitId: north.id })).body).toMatchObject({ sharedWith: 'unit', unitId: north.id })
    expect([await names(tess), await names(amy), await names(nora, { sharedWith: 'unit' })]).toEqual([[fresh.name], [], [fresh.name]])
    expect((await share(nora, id, { with: 'company' })).body.code).toBe('view.unit_too_high')
    expect((await share(nora, id, { with: 'unit', unitId: company.rootUnitId })).body.code).toBe('view.unit_too_high')
    expect((await share(company.ada, (await save(company.ada)).id, { with: 'company' })).status).toBe(200)
    expect(await names(amy)).toEqual([fresh.name])
    expect((await share(nora, id, { with: 'nobody' })).body).toMatchObject({ sharedWith: 'nobody', unitId: null })
    expect((await identity.as(tess).call(getView, { params: { id } })).status).toBe(404)
    expect(await names((await found(identity)).ada)).toEqual([])
  })

  it('is for those who may; the view stays in its owner’s hands, and in those of who runs sales', async () => {
    const hers = await save(amy)
    expect((await share(amy, hers.id, { with: 'company' })).body.code).toBe('access.forbidden')
    const { id } = await save(company.ada)
    expect((await share(company.ada, id, { with: 'unit' })).body.errors[0].code).toBe('view.which_unit')
    expect((await share(company.ada, id, { with: 'unit', unitId: newId('org_unit') })).body.code).toBe('reference.unknown')
    await share(company.ada, id, { with: 'company' })
    const change = (person: Member) =>
      identity.as(person).call(changeView, { params: { id }, body: { name: 'Ours' }, headers: { 'if-match': '*' } })
    expect((await change(amy)).body).toMatchObject({ status: 403, code: 'view.not_yours' })
    expect((await identity.as(mona).call(deleteView, { params: { id } })).body.code).toBe('view.not_yours')
    const olga = await company.hire('Olga', ['sales_ops'])
    expect((await change(olga)).body).toMatchObject({ name: 'Ours' })
    expect((await identity.as(olga).call(deleteView, { params: { id } })).status).toBe(204)
    expect((await identity.as(company.ada).call(getView, { params: { id } })).status).toBe(404)
  })
})

describe('the view that a list opens with', () => {
  it('is one for each list and person, and is none again when it is cleared or deleted', async () => {
    const [first, second, accounts] = [
      await save(amy),
      await save(amy, { ...fresh, name: 'B' }),
      await save(amy, { name: 'C', list: 'listAccounts' }),
    ]
    const make = (id: string, person = amy) => identity.as(person).does(makeDefaultView, { params: { id } })
    const opens = async () =>
      (await identity.as(amy).does(listViews, { query: { sort: 'name' } })).data.flatMap(({ name, isDefault }: any) =>
        isDefault ? [name] : [],
      )
    expect((await make(first.id)).isDefault).toBe(true)
    await make(accounts.id)
    expect(await opens()).toEqual(['C', fresh.name])
    await make(second.id)
    expect(await opens()).toEqual(['B', 'C'])
    await identity.as(amy).does(clearDefaultView, { params: { id: second.id } })
    expect(await opens()).toEqual(['C'])
    await identity.as(amy).does(deleteView, { params: { id: accounts.id } })
    expect(await opens()).toEqual([])
    expect((await identity.as(mona).call(makeDefaultView, { params: { id: first.id } })).status).toBe(404)
  })
})

it('keeps 200 views each, and says so at the next', async () => {
  // Some at a time: they take turns, and who waits too long for hers is told to come again.
  for (let n = 0; n < 200; n += 10)
    await Promise.all(Array.from({ length: 10 }, (_, more) => save(amy, { name: `View ${n + more}`, list: 'listLeads' })))
  const answers = await Promise.all(Array.from({ length: 2 }, () => identity.as(amy).call(saveView, { body: fresh })))
  expect(answers.map(({ body }) => body.code)).toEqual(['view.too_many', 'view.too_many'])
  expect((await identity.as(mona).call(saveView, { body: fresh })).status).toBe(201)
})
