import { changeAbsence, createOrgUnit, getAbsence, listAbsences, noteAbsence, withdrawAbsence } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { Directory, inTenant } from '@millrace/service'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { found, startIdentity, type Founded } from '../identity.fixture.js'

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

const week = { startsAt: '2026-12-07T00:00:00+08:00', endsAt: '2026-12-12T00:00:00+08:00' }
type Somebody = Parameters<TestService['as']>[0]
const note = (person: Somebody, body: object = {}) => identity.as(person).call(noteAbsence, { body: { ...week, ...body } })
const absentAt = (userIds: string[], at: string) =>
  inTenant(company.tenantId, () => identity.app.get(Directory).absentAt(userIds, new Date(at)))

describe('an absence', () => {
  it('is noted by the person, changed and withdrawn; others learn when and who stands in, and not why', async () => {
    const [amy, bob] = [await company.hire('Amy', ['sales_rep']), await company.hire('Bob', ['sales_rep'])]
    const { body } = await note(amy, { kind: 'sick', note: 'flu', deputyId: bob.id })
    expect(body).toMatchObject({ userId: amy.id, kind: 'sick', deputyId: bob.id, version: 1 })
    await identity.settled()
    expect(await absentAt([amy.id, bob.id], '2026-12-07T00:00:00+08:00')).toEqual([
      { userId: amy.id, deputyId: bob.id, endsAt: new Date(week.endsAt) },
    ])
    expect(await absentAt([amy.id], week.endsAt)).toEqual([])
    const params = { id: body.id as string }
    await identity.as(amy).does(changeAbsence, { params, body: { endsAt: '2026-12-09T00:00:00Z' }, headers: { 'if-match': '"1"' } })
    await identity.settled()
    expect(await absentAt([amy.id], '2026-12-10T00:00:00Z')).toEqual([])
    const gone = await identity.as(amy).does(withdrawAbsence, { params })
    expect(await identity.as(amy).does(withdrawAbsence, { params })).toEqual(gone)
    await identity.settled()
    expect(await absentAt([amy.id], '2026-12-08T00:00:00Z')).toEqual([])
    expect((await identity.as(amy).does(listAbsences)).data).toEqual([])
    const told = (await world.events(company.tenantId)).filter(({ subject }) => subject === body.id)
    expect(told.map(({ name }) => name)).toEqual(['absence.noted', 'absence.changed', 'absence.withdrawn'])
    expect(Object.keys(told[0]!.payload).sort()).toEqual(['absenceId', 'deputyId', 'endsAt', 'startsAt', 'userId'])
  })

  it('never overlaps with another of the same person, also when both are noted at one moment', async () => {
    const [amy, bob] = [await company.hire('Amy', ['sales_rep']), await company.hire('Bob', ['sales_rep'])]
    const answers = await Promise.all(Array.from({ length: 5 }, () => note(amy)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409])
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'absence.overlaps' })
    expect((await note(bob)).status).toBe(201)
    expect((await note(amy, { startsAt: week.endsAt, endsAt: '2026-12-20T00:00:00Z' })).status).toBe(201)
    const mine = answers.find(({ status }) => status === 201)!.body.id as string
    const change = (body: object) => identity.as(amy).call(changeAbsence, { params: { id: mine }, body, headers: { 'if-match': '"1"' } })
    expect((await change({ endsAt: '2026-12-13T00:00:00Z' })).body.code).toBe('absence.overlaps')
    await identity.as(amy).does(withdrawAbsence, { params: { id: mine } })
    expect((await note(amy)).status).toBe(201)
  })

  it('of others is noted and seen by who leads them or runs sales, and by nobody else', async () => {
    const north = await identity.as(company.ada).does(createOrgUnit, { body: { name: 'North' } })
    const amy = await company.hire('Amy', ['sales_rep'], { unitId: north.id })
    const mona = await company.hire('Mona', ['sales_manager'], { unitId: north.id })
    const bob = await company.hire('Bob', ['sales_rep'])
    await identity.settled()
    expect((await note(bob, { userId: amy.id })).body).toMatchObject({ status: 422, code: 'reference.unknown', field: 'userId' })
    expect((await note(mona, { userId: bob.id })).body.code).toBe('reference.unknown')
    const { body } = await note(mona, { userId: amy.id })
    expect(body).toMatchObject({ userId: amy.id, kind: 'leave' })
    const params = { id: body.id as string }
    expect((await identity.as(bob).call(getAbsence, { params })).status).toBe(404)
    expect((await identity.as(bob).call(withdrawAbsence, { params })).status).toBe(404)
    expect((await identity.as(mona).does(listAbsences, { query: { userId: amy.id, sort: 'startsAt' } })).data).toHaveLength(1)
    expect((await identity.as((await found(identity)).ada).call(getAbsence, { params })).status).toBe(404)
    expect((await note(company.ada, { userId: bob.id })).status).toBe(201)
  })

  it('is refused when it ends before it begins, lasts for ever, or is stood in for by the person or by nobody', async () => {
    const amy = await company.hire('Amy', ['sales_rep'])
    expect((await note(amy, { endsAt: week.startsAt })).body.code).toBe('absence.times')
    expect((await note(amy, { endsAt: '2029-12-07T00:00:00Z' })).body.code).toBe('absence.times')
    expect((await note(amy, { deputyId: amy.id })).body.code).toBe('absence.own_deputy')
    expect((await note(amy, { deputyId: newId('user') })).body).toMatchObject({ code: 'reference.unknown', field: 'deputyId' })
    const client = await company.client(['integrator'])
    expect((await note({ id: client.id as never, tenantId: company.tenantId, roles: ['integrator'] })).body.code).toBe('absence.whose')
  })
})
