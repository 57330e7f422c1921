import {
  changeUser,
  createOrgUnit,
  createUser,
  deactivateUser,
  getImport,
  getMe,
  getUser,
  listOrgUnits,
  listRejections,
  listUsers,
  readAudit,
  setPassword,
  startImport,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, eventually, type TestService, type World } from '@millrace/testing'
import { clientToken, found, type Founded, operator, password, signIn, startIdentity } from '../identity.fixture.js'

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

const ada = () => identity.as(company.ada)
const ifMatch = (version: number) => ({ 'if-match': `"${version}"` })

describe('a user', () => {
  it('is added, seen by colleagues without any secret, and others are told once', async () => {
    const amy = await company.hire('Amy', ['sales_rep'])
    const seen = await identity.as(amy).does(getUser, { params: { id: amy.id } })
    expect(seen).toMatchObject({ id: amy.id, name: 'Amy', unitId: company.rootUnitId, roles: ['sales_rep'], active: true })
    expect(JSON.stringify(seen)).not.toMatch(/password|hash|argon/i)
    expect((await identity.as(amy).does(listUsers, { query: { 'name.contains': 'a', active: 'true', sort: 'name' } })).data).toHaveLength(2)
    expect(await identity.as(amy).does(getMe)).toEqual(seen)
    const events = (await world.events(company.tenantId)).filter(({ subject }) => subject === amy.id)
    expect(events.map(({ name, payload }) => ({ name, payload }))).toEqual([
      {
        name: 'user.created',
        payload: { userId: amy.id, name: 'Amy', email: amy.email, unitId: company.rootUnitId, roles: ['sales_rep'], active: true },
      },
    ])
    const { data } = await ada().does(readAudit, { params: { id: amy.id } })
    expect(data).toHaveLength(1)
    expect(JSON.stringify(data)).not.toMatch(/password|argon/i)
  })

  it('changes name, e-mail, roles and unit; signs in with the new e-mail from then on', async () => {
    const amy = await company.hire('Amy', ['sales_rep'])
    const north = await ada().does(createOrgUnit, { body: { name: 'North' } })
    const body = { name: 'Amy W', email: `new.${amy.email}`, roles: ['sales_manager'], unitId: north.id }
    const params = { id: amy.id }
    expect((await ada().call(changeUser, { params, body })).status).toBe(428)
    expect(await ada().does(changeUser, { params, body, headers: ifMatch(1) })).toMatchObject({ ...body, version: 2 })
    expect((await ada().call(changeUser, { params, body, headers: ifMatch(1) })).body).toMatchObject({ status: 412, current: 2 })
    await signIn(identity.url, body.email, password)
    await expect(signIn(identity.url, amy.email, password)).rejects.toThrow('401')
    const last = (await world.events(company.tenantId)).filter(({ subject }) => subject === amy.id).at(-1)
    expect(last).toMatchObject({ name: 'user.changed', payload: { name: 'Amy W', roles: ['sales_manager'], unitId: north.id } })
  })

  it('has an e-mail that nobody else on the platform has, however it is written and whoever is faster', async () => {
    const other = await found(identity)
    const amy = await company.hire('Amy', ['sales_rep'])
    const taken = { status: 409, code: 'value.taken', field: 'email' }
    const body = { name: 'Second', email: amy.email.toUpperCase(), roles: ['sales_rep'] }
    expect((await ada().call(createUser, { body })).body).toMatchObject(taken)
    expect((await identity.as(other.ada).call(createUser, { body })).body).toMatchObject(taken)
    const change = { params: { id: amy.id }, body: { email: other.ada.email }, headers: ifMatch(1) }
    expect((await ada().call(changeUser, change)).body).toMatchObject(taken)
    await signIn(identity.url, amy.email, password)
    const racing = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        identity.as(n % 2 ? company.ada : other.ada).call(createUser, { body: { ...body, email: 'fast@example.com' } }),
      ),
    )
    expect(racing.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409])
  })

  it('is refused with every field that is wrong', async () => {
    const answer = await ada().call(createUser, {
      body: { name: '', email: 'x', password: 'short', roles: ['king'], unitId: 'user_1', admin: true },
      headers: { 'accept-language': 'zh-CN' },
    })
    expect(answer.status).toBe(400)
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/admin',
      '/email',
      '/name',
      '/password',
      '/roles/0',
      '/unitId',
    ])
    const nowhere = { name: 'N', email: 'n@example.com', roles: ['sales_rep'], unitId: newId('org_unit') }
    expect((await ada().call(createUser, { body: nowhere })).body).toMatchObject({
      status: 422,
      code: 'reference.unknown',
      field: 'unitId',
    })
    expect((await ada().call(createUser, { body: { ...nowhere, roles: [] } })).status).toBe(400)
  })
})

describe('who may what with users', () => {
  it('lets sales-ops keep the people of sales, and reach no right that is not theirs', async () => {
    const [olga, fred, amy] = [
      await company.hire('Olga', ['sales_ops']),
      await company.hire('Fred', ['finance']),
      await company.hire('Amy', ['sales_rep']),
    ]
    const as = identity.as(olga)
    const status = async (answer: Promise<{ status: number; body: { code?: string } }>) => {
      const { status: number, body } = await answer
      return body.code ?? number
    }
    const newcomer = (roles: string[]) => as.call(createUser, { body: { name: 'New', email: `${newId('user')}@example.com`, roles } })
    expect(await status(newcomer(['sales_rep', 'sales_manager']))).toBe(201)
    expect(await status(newcomer(['sales_rep', 'administrator']))).toBe('user.beyond_sales')
    expect(await status(as.call(changeUser, { params: { id: amy.id }, body: { roles: ['finance'] }, headers: ifMatch(1) }))).toBe(
      'user.beyond_sales',
    )
    expect(await status(as.call(changeUser, { params: { id: fred.id }, body: { roles: ['sales_rep'] }, headers: ifMatch(1) }))).toBe(
      'user.beyond_sales',
    )
    expect(await status(as.call(deactivateUser, { params: { id: company.ada.id } }))).toBe('user.beyond_sales')
    expect(await status(as.call(setPassword, { params: { id: amy.id }, body: { password } }))).toBe('access.forbidden')
    expect(await status(as.call(deactivateUser, { params: { id: amy.id } }))).toBe(200)
    expect(await status(identity.as(fred).call(deactivateUser, { params: { id: amy.id } }))).toBe('access.forbidden')
  })

  it('shows another company’s people to nobody', async () => {
    const stranger = identity.as((await found(identity)).ada)
    const params = { id: company.ada.id }
    for (const answer of [
      await stranger.call(getUser, { params }),
      await stranger.call(deactivateUser, { params }),
      await stranger.call(setPassword, { params, body: { password } }),
      await stranger.call(changeUser, { params, body: { name: 'x' }, headers: ifMatch(1) }),
    ])
      expect(answer.body).toMatchObject({ status: 404, code: 'user.not_found' })
    expect(
      (await identity.as(operator).call(createUser, { body: { name: 'x', email: 'op@example.com', roles: ['sales_rep'] } })).body.code,
    ).toBe('tenant.none')
    const program = await company.client(['administrator'])
    const { access_token } = await clientToken(identity.url, program.clientId, program.clientSecret)
    const me = await fetch(`${identity.url}/v1/users/me`, { headers: { authorization: `Bearer ${access_token}` } })
    expect(me.status).toBe(404)
  })

  it('keeps an active administrator, also when two leave at the same moment', async () => {
    const params = { id: company.ada.id }
    expect((await ada().call(deactivateUser, { params })).body.code).toBe('user.last_administrator')
    expect((await ada().call(changeUser, { params, body: { roles: ['finance'] }, headers: ifMatch(1) })).body.code).toBe(
      'user.last_administrator',
    )
    const abe = await company.hire('Abe', ['administrator'])
    const answers = await Promise.all([
      ada().call(deactivateUser, { params: { id: abe.id } }),
      identity.as(abe).call(deactivateUser, { params }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  })

  it('deactivates once: a second time changes nothing', async () => {
    const amy = await company.hire('Amy', ['sales_rep'])
    const params = { id: amy.id }
    expect(await ada().does(deactivateUser, { params })).toMatchObject({ active: false, version: 2 })
    expect(await ada().does(deactivateUser, { params })).toMatchObject({ active: false, version: 2 })
    expect((await world.events(company.tenantId)).filter(({ subject }) => subject === amy.id).map(({ name }) => name)).toEqual([
      'user.created',
      'user.changed',
    ])
  })
})

describe('importing users', () => {
  const load = async (csv: string, who = company.ada) => {
    const started = await identity.as(who).does(startImport, { query: { kind: 'users' }, body: csv })
    await eventually(async () => (await ada().does(getImport, { params: { id: started.id } })).status === 'done')
    const report = await ada().does(getImport, { params: { id: started.id } })
    const { text } = await ada().call(listRejections, { params: { id: started.id } })
    return { added: report.added, existing: report.existing, rejected: report.rejected, text }
  }

  it('builds the tree as it goes, and a repeat adds nothing', async () => {
    const csv = [
      'name,email,password,roles,unit,parentUnit',
      `Dustin,dustin@r.example,${password},sales_manager,Central,${company.name}`,
      `Anna,Anna@r.example,${password},sales_rep,Team Dustin,Central`,
      'Cecily,cecily@r.example,,sales_rep|sales_ops,Team Dustin,Central',
      `Melvin,melvin@r.example,,sales_manager,West,${company.name}`,
      'Eve,eve@r.example,,executive,,',
    ].join('\n')
    expect(await load(csv)).toMatchObject({ added: 5, existing: 0, rejected: 0 })
    expect(await load(csv)).toMatchObject({ added: 0, existing: 5, rejected: 0 })
    const units = (await ada().does(listOrgUnits)).data as { id: string; name: string; path: string }[]
    expect(units.map(({ name }) => name).sort()).toEqual(['Central', company.name, 'Team Dustin', 'West'].sort())
    const team = units.find(({ name }) => name === 'Team Dustin')!
    expect((await ada().does(listUsers, { query: { unitId: team.id, sort: 'name' } })).data).toMatchObject([
      { name: 'Anna', roles: ['sales_rep'] },
      { name: 'Cecily', roles: ['sales_rep', 'sales_ops'] },
    ])
    await signIn(identity.url, 'anna@r.example', password)
    await expect(signIn(identity.url, 'cecily@r.example', password)).rejects.toThrow('401')
    const events = await world.events(company.tenantId)
    expect(events.filter(({ name }) => name === 'user.created')).toHaveLength(6)
    expect(events.filter(({ name }) => name === 'org_unit.created')).toHaveLength(4)
  })

  it('rejects row by row, with the reason', async () => {
    const other = await found(identity)
    const csv = [
      'name,email,password,roles,unit,parentUnit',
      'Good,good@s.example,,sales_rep,,',
      'Double,GOOD@s.example,,sales_rep,,',
      'King,king@s.example,,king,,',
      'Mail,nonsense,,sales_rep,,',
      'Short,short@s.example,short,sales_rep,,',
      'Lost,lost@s.example,,sales_rep,Nowhere,',
      'Lost too,lost2@s.example,,sales_rep,Team,Nowhere',
      `Theirs,${other.ada.email},,sales_rep,,`,
    ].join('\n')
    const { text, ...counts } = await load(csv)
    expect(counts).toEqual({ added: 1, existing: 1, rejected: 6 })
    for (const reason of ['no such role', 'not an e-mail', 'too short', 'unit Nowhere', 'parentUnit Nowhere', 'already in use'])
      expect(text).toContain(reason)
  })

  it('gives nobody rights that the one who imports may not give', async () => {
    const olga = await company.hire('Olga', ['sales_ops'])
    const csv = 'name,email,roles\nBoss,boss@t.example,administrator\nRep,rep@t.example,sales_rep'
    const { text, ...counts } = await load(csv, olga)
    expect(counts).toEqual({ added: 1, existing: 0, rejected: 1 })
    expect(text).toContain('Only an administrator')
  })
})
