import {
  AbsenceNoted,
  assignOpenLeads,
  CalendarCreated,
  captureLead,
  changeAssignmentRule,
  changeAssignmentSettings,
  changePool,
  createAssignmentRule,
  createPool,
  createTerritory,
  changeTerritory,
  dryRunAssignment,
  getAssignmentSettings,
  getImport,
  getLead,
  getLeadAssignment,
  listAssignmentRules,
  listLeads,
  listTerritories,
  releaseLead,
  startImport,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, eventually, type Company, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
beforeEach(async () => {
  company = await world.company()
})
afterAll(() => world.stop())

const olga = () => leads.as(company.olga)
const aRule = (body: object) => olga().does(createAssignmentRule, { body: { name: 'rule', position: 1, ...body } })
const users = (...people: { id: string }[]) => ({ kind: 'users', userIds: people.map(({ id }) => id) })
/** A lead that comes without an owner. */
const capture = (body: object = {}) => olga().does(captureLead, { body: { companyName: `Works ${newId('x').slice(-6)} Ltd`, ...body } })
const explain = (id: string) => olga().does(getLeadAssignment, { params: { id } })
const capacity = async (body: object) => {
  const { version } = await olga().does(getAssignmentSettings)
  return olga().call(changeAssignmentSettings, { body, headers: { 'if-match': `"${version}"` } })
}
const eventsOf = async (id: string) =>
  (await world.events(company.tenantId))
    .filter(({ subject }) => subject === id)
    .map(({ name, payload }) => [name, payload['ownerId'] ?? null])

describe('a lead that comes without an owner', () => {
  it('goes to who the first rule gives it to that wants it, in turn, and it can be asked why', async () => {
    const { amy, bob, mona } = company
    const fair = await aRule({ name: 'Fair', position: 1, condition: 'lead.source == "fair"', target: users(amy, bob) })
    await aRule({ name: 'Rest', position: 2, target: users(mona) })
    const first = await capture({ source: 'fair' })
    const second = await capture({ source: 'fair' })
    const third = await capture({ source: 'web' })
    expect(first.status).toBe('assigned')
    expect([first.ownerId, second.ownerId].sort()).toEqual([amy.id, bob.id].sort())
    expect(third.ownerId).toBe(mona.id)
    expect(await eventsOf(first.id)).toEqual([
      ['lead.captured', first.ownerId],
      ['lead.assigned', first.ownerId],
    ])
    const other = [amy, bob].find(({ id }) => id !== second.ownerId)!
    expect(await explain(second.id)).toMatchObject({
      ownerId: second.ownerId,
      byRule: true,
      decision: {
        ruleId: fair.id,
        ruleName: 'Fair',
        userId: second.ownerId,
        considered: [
          { userId: second.ownerId, open: 0, hindrance: null },
          { userId: other.id, open: 1, hindrance: null },
        ],
      },
    })
    const owner = leads.as([amy, bob].find(({ id }) => id === first.ownerId)!)
    expect(await owner.does(getLeadAssignment, { params: { id: first.id } })).toMatchObject({ byRule: true })
    expect((await owner.call(getLeadAssignment, { params: { id: second.id } })).status).toBe(404)
  })

  it('stays new when no rule wants it, stays with a rep who captured it, and goes to the pool of a rule that finds nobody', async () => {
    const { amy, bob } = company
    const pool = await olga().does(createPool, { body: { name: 'Fair' } })
    await aRule({ condition: 'lead.source == "fair"', target: users(bob), poolId: pool.id })
    expect(await capture()).toMatchObject({ status: 'new', ownerId: null })
    expect((await leads.as(amy).does(captureLead, { body: { companyName: 'Hers Ltd', source: 'fair' } })).ownerId).toBe(amy.id)
    await capacity({ capacity: 1 })
    expect((await capture({ source: 'fair' })).ownerId).toBe(bob.id)
    const pooled = await capture({ source: 'fair' })
    expect(pooled).toMatchObject({ status: 'pooled', ownerId: null, poolId: pool.id, pooledReason: 'nobody_free' })
    expect((await eventsOf(pooled.id)).map(([name]) => name)).toEqual(['lead.captured', 'lead.pooled'])
    expect(await explain(pooled.id)).toMatchObject({
      byRule: false,
      decision: { poolId: pool.id, considered: [{ userId: bob.id, hindrance: 'at_capacity' }] },
    })
    const own = await capture()
    expect(await explain(own.id)).toEqual({ leadId: own.id, ownerId: null, decision: null, byRule: false })
  })

  it('goes to the reps of a unit and of those below it, and not to who does not sell', async () => {
    const { amy, bob, mona } = company
    await aRule({ target: { kind: 'unit', unitId: mona.unitId }, condition: 'lead.source == "north"', position: 1 })
    await aRule({ target: { kind: 'unit', unitId: company.olga.unitId }, position: 2 })
    const north = await Promise.all([1, 2, 3].map(() => capture({ source: 'north' })))
    expect(north.map(({ ownerId }) => ownerId)).toEqual([amy.id, amy.id, amy.id])
    const owners = [(await capture()).ownerId, (await capture()).ownerId]
    expect(owners.sort()).toEqual([amy.id, bob.id].sort())
  })

  it('goes to the people of the deepest territory that it falls into', async () => {
    const { amy, bob, mona } = company
    const territory = (body: object) => olga().does(createTerritory, { body })
    const china = await territory({ name: 'China', condition: 'lead.country == "CN"', memberIds: [mona.id] })
    const banks = await territory({
      name: 'Banks',
      parentId: china.id,
      condition: 'lead.companyName.contains("银行")',
      memberIds: [amy.id],
    })
    await territory({ name: 'Germany', condition: 'lead.country == "DE"', memberIds: [bob.id] })
    await aRule({ target: { kind: 'territory', territoryId: null } })
    expect((await capture({ companyName: '上海银行', country: 'CN' })).ownerId).toBe(amy.id)
    expect((await capture({ country: 'CN' })).ownerId).toBe(mona.id)
    expect((await capture({ country: 'DE' })).ownerId).toBe(bob.id)
    expect((await capture({ country: 'FR' })).ownerId).toBeNull()
    const change = (body: object) => olga().call(changeTerritory, { params: { id: china.id }, body, headers: { 'if-match': '"1"' } })
    expect((await change({ parentId: banks.id })).body).toMatchObject({ status: 409, code: 'territory.cycle' })
    expect((await change({ active: false })).status).toBe(200)
    expect((await capture({ companyName: '北京银行', country: 'CN' })).ownerId).toBeNull()
    expect(
      (await leads.as(amy).does(listTerritories, { query: { active: 'true', sort: 'name' } })).data.map(
        ({ name }: { name: string }) => name,
      ),
    ).toEqual(['Banks', 'Germany'])
  })

  it('goes to nobody who is away, and, where the rule wants it so, to nobody who is not at work', async () => {
    const { amy, bob, tenantId } = company
    const now = leads.clock.now()
    const absence = newId('absence')
    await world.publish(tenantId, AbsenceNoted, absence, {
      absenceId: absence,
      userId: amy.id,
      startsAt: new Date(now.getTime() - 1_000),
      endsAt: new Date(now.getTime() + 86_400_000),
      deputyId: null,
    })
    const never = newId('calendar')
    await world.publish(tenantId, CalendarCreated, never, {
      ...{ calendarId: never, name: 'never', zone: 'Asia/Shanghai', week: [[], [], [], [], [], [], []], exceptions: [] },
      ...{ isDefault: false, unitIds: [bob.unitId], userIds: [] },
    })
    await leads.settled()
    const rule = await aRule({ target: users(amy, bob) })
    const given = await Promise.all([1, 2, 3].map(() => capture()))
    expect(given.map(({ ownerId }) => ownerId)).toEqual([bob.id, bob.id, bob.id])
    expect((await explain(given[0]!.id)).decision.considered[1]).toMatchObject({ userId: amy.id, hindrance: 'absent' })
    await olga().does(changeAssignmentRule, { params: { id: rule.id }, body: { atWorkOnly: true }, headers: { 'if-match': '"1"' } })
    expect(await capture()).toMatchObject({ status: 'new', ownerId: null })
  })

  it('is never one more than somebody can carry, however many come at one moment', async () => {
    const { amy, bob } = company
    await aRule({ target: users(amy, bob), strategy: 'least_loaded' })
    await capacity({ capacity: 5, capacities: [{ userId: bob.id, capacity: 3 }] })
    const given = await Promise.all(Array.from({ length: 40 }, () => capture()))
    const of = (id: string | null) => given.filter(({ ownerId }) => ownerId === id).length
    expect([of(amy.id), of(bob.id), of(null)]).toEqual([5, 3, 32])
    const pool = await olga().does(createPool, { body: { name: 'x' } })
    await olga().does(releaseLead, {
      params: { id: given.find(({ ownerId }) => ownerId === bob.id)!.id },
      body: { poolId: pool.id, reason: 'other' },
    })
    const open = await Promise.all(Array.from({ length: 4 }, () => olga().does(assignOpenLeads, { body: {} })))
    expect(open.reduce((sum, { assigned }) => sum + assigned, 0)).toBe(1)
  })

  it('is dealt out fairly however many come at one moment', async () => {
    const { amy, bob, mona } = company
    await aRule({ target: users(amy, bob, mona) })
    const given = await Promise.all(Array.from({ length: 31 }, () => capture()))
    const each = [amy, bob, mona].map(({ id }) => given.filter(({ ownerId }) => ownerId === id).length).sort()
    expect(each).toEqual([10, 10, 11])
  })
})

describe('leads of a file', () => {
  it('are given away by the rules as they come in, within what people can carry', async () => {
    const { amy, bob } = company
    await aRule({ target: users(amy, bob), condition: 'lead.source == "fair"' })
    await capacity({ capacity: 20 })
    const rows = Array.from(
      { length: 60 },
      (_, n) => `row-${n},Rows ${n} Ltd,${n % 4 ? 'fair' : 'web'},${n === 1 ? company.mona.email : ''}`,
    )
    const { id } = await olga().does(startImport, {
      query: { kind: 'leads' },
      body: ['externalId,companyName,source,owner', ...rows].join('\n'),
    })
    await eventually(async () => {
      const { status } = await olga().does(getImport, { params: { id } })
      return status === 'done' ? true : undefined
    })
    const count = async (query: object) => (await olga().does(listLeads, { query: { limit: 100, ...query } })).data.length as number
    expect(
      await Promise.all([{ ownerId: amy.id }, { ownerId: bob.id }, { ownerId: company.mona.id }, { status: 'new' }].map(count)),
    ).toEqual([20, 20, 1, 19])
    const assigned = (await world.events(company.tenantId)).filter(({ name }) => name === 'lead.assigned')
    expect(assigned).toHaveLength(40)
  })
})

describe('leads that were there before the rule', () => {
  it('are given away on demand, the oldest first', async () => {
    const { amy, bob } = company
    const [first, second, third] = [await capture(), await capture(), await capture()]
    await aRule({ target: users(amy, bob) })
    expect(await olga().does(assignOpenLeads, { body: { limit: 2 } })).toEqual({ assigned: 2, pooled: 0, left: 0 })
    const owner = async ({ id }: { id: string }) => (await olga().does(getLead, { params: { id } })).ownerId as string | null
    expect((await Promise.all([first, second].map(owner))).sort()).toEqual([amy.id, bob.id].sort())
    expect(await owner(third)).toBeNull()
    expect((await eventsOf(first.id)).map(([name]) => name)).toEqual(['lead.captured', 'lead.assigned'])
    expect((await leads.as(amy).call(assignOpenLeads, { body: {} })).status).toBe(403)
  })

  it('show what a rule would have done with them before it is switched on, and stay as they are', async () => {
    const { amy, bob } = company
    await aRule({ target: users(amy) })
    const given = [await capture({ source: 'fair' }), await capture({ source: 'fair' }), await capture({ source: 'web' })]
    const draft = { name: 'Fair', position: 1, condition: 'lead.source == "fair"', target: users(bob) }
    const before = await world.events(company.tenantId)
    const { changes, ...report } = await olga().does(dryRunAssignment, { body: { rules: [draft] } })
    expect(report).toEqual({ leads: 3, users: [{ userId: bob.id, leads: 2 }], pools: [], unplaced: 1, changed: 3 })
    expect(changes).toEqual([
      { leadId: given[2].id, ownerId: amy.id, wouldBe: null, poolId: null, rule: null },
      { leadId: given[1].id, ownerId: amy.id, wouldBe: bob.id, poolId: null, rule: 'Fair' },
      { leadId: given[0].id, ownerId: amy.id, wouldBe: bob.id, poolId: null, rule: 'Fair' },
    ])
    expect(await olga().does(dryRunAssignment, { body: {} })).toMatchObject({ leads: 3, changed: 0, users: [{ userId: amy.id, leads: 3 }] })
    expect(await olga().does(dryRunAssignment, { body: { leads: 1, rules: [draft] } })).toMatchObject({ leads: 1, unplaced: 1 })
    expect(await world.events(company.tenantId)).toEqual(before)
    expect((await olga().does(getLead, { params: { id: given[0].id } })).version).toBe(1)
  })
})

describe('a rule of assignment', () => {
  it('is refused when it cannot be read or names what is not there, and is changed by who runs sales', async () => {
    const { amy, mona } = company
    const pool = await olga().does(createPool, { body: { name: 'x' } })
    await olga().does(changePool, { params: { id: pool.id }, body: { active: false }, headers: { 'if-match': '"1"' } })
    const call = (body: object) => olga().call(createAssignmentRule, { body: { name: 'x', position: 1, target: users(amy), ...body } })
    expect((await call({ condition: 'lead.compny == "x"' })).body).toMatchObject({ status: 422, code: 'expression.malformed', position: 5 })
    const unknown: [object, string][] = [
      [{ target: users({ id: newId('user') }) }, 'target.userIds'],
      [{ target: { kind: 'unit', unitId: newId('org_unit') } }, 'target.unitId'],
      [{ target: { kind: 'territory', territoryId: newId('territory') } }, 'target.territoryId'],
      [{ poolId: newId('pool') }, 'poolId'],
    ]
    for (const [body, field] of unknown) expect((await call(body)).body).toMatchObject({ status: 422, code: 'reference.unknown', field })
    expect((await call({ poolId: pool.id })).body.code).toBe('pool.closed')
    expect((await leads.as(mona).call(createAssignmentRule, { body: { name: 'x', position: 1, target: users(amy) } })).status).toBe(403)
    const rule = await aRule({ target: users(amy) })
    expect((await leads.as(mona).does(listAssignmentRules, { query: { sort: 'position', active: 'true' } })).data).toMatchObject([
      { id: rule.id },
    ])
    const change = (body: object) => olga().call(changeAssignmentRule, { params: { id: rule.id }, body, headers: { 'if-match': '"1"' } })
    expect((await change({ condition: '(' })).status).toBe(422)
    expect((await change({ active: false })).body).toMatchObject({ active: false, version: 2 })
    expect((await change({ active: true })).status).toBe(412)
    expect((await capture()).ownerId).toBeNull()
    expect((await capacity({ capacities: [{ userId: newId('user'), capacity: 1 }] })).body).toMatchObject({
      code: 'reference.unknown',
      field: 'capacities',
    })
  })
})
