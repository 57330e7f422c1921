import {
  captureLead,
  changePool,
  changeRecycleRule,
  claimLead,
  createPool,
  createRecycleRule,
  getImport,
  getLead,
  listLeads,
  listPooledLeads,
  listRecycleRules,
  listRejections,
  logLeadContact,
  nurtureLead,
  releaseLead,
  startImport,
  TenantCreated,
  workLead,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'
import { Recycling } from './recycling.service.js'

let world: World
let leads: TestService
let company: Company
let pool: Record<string, any>

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
beforeEach(async () => {
  leads.clock.set(new Date('2027-03-01T01:00:00Z'))
  company = await world.company()
  pool = await aPool('Again')
})
afterAll(() => world.stop())

const aPool = async (name: string, rules: object = {}) =>
  (await leads.as(company.olga).does(createPool, { body: { name, ...rules } })) as Record<string, any>
const aRule = (body: object) =>
  leads.as(company.olga).call(createRecycleRule, { body: { name: 'rule', position: 1, poolId: pool['id'], ...body } })
const capture = async (person: Person, body: object = {}) =>
  (await leads.as(person).does(captureLead, { body: { companyName: `Works ${newId('x').slice(-6)} Ltd`, ...body } })).id as string
const run = () => leads.app.get(Recycling).recycleAll()
const see = (id: string) => leads.as(company.olga).does(getLead, { params: { id } })
const told = async (id: string) =>
  (await world.events(company.tenantId))
    .filter(({ subject, name }) => subject === id && ['lead.reminded', 'lead.pooled'].includes(name))
    .map(({ name, payload }) => [name, payload['what'] ?? payload['reason']])

describe('a lead that its owner does nothing about', () => {
  it('is taken back after some days, once; before, the owner is reminded, once', async () => {
    const { amy, bob } = company
    await aRule({ afterDays: 10, remindDays: 2 })
    const [idle, worked, resting] = [await capture(amy), await capture(amy), await capture(bob)]
    await leads.as(bob).does(nurtureLead, { params: { id: resting }, body: { wakeAt: '2027-06-01T00:00:00Z' } })
    leads.clock.advance({ days: 8, minutes: 1 })
    await leads.as(amy).does(workLead, { params: { id: worked } })
    await Promise.all([run(), run()])
    await run()
    expect(await told(idle)).toEqual([['lead.reminded', 'recycling']])
    leads.clock.advance({ days: 3 })
    await Promise.all([run(), run()])
    expect(await told(idle)).toEqual([
      ['lead.reminded', 'recycling'],
      ['lead.pooled', 'no_activity'],
    ])
    expect(await see(idle)).toMatchObject({ status: 'pooled', poolId: pool['id'], pooledReason: 'no_activity', ownerId: null })
    expect([await told(worked), await told(resting)]).toEqual([[], []])
    await leads.as(bob).does(claimLead, { params: { id: idle } })
    leads.clock.advance({ days: 9 })
    await run()
    expect((await told(idle)).at(-1)).toEqual(['lead.reminded', 'recycling'])
    expect((await see(worked)).status).toBe('pooled')
  })

  it('or that nobody is reached at, goes where the first rule says that is for it', async () => {
    const { amy } = company
    const web = await aPool('Web')
    await aRule({ position: 1, condition: 'lead.source == "web"', afterAttempts: 3, poolId: web['id'] })
    await aRule({ position: 2, afterAttempts: 2 })
    const [ofWeb, other] = [await capture(amy, { source: 'web' }), await capture(amy)]
    const call = async (id: string, reached = false) => leads.as(amy).does(logLeadContact, { params: { id }, body: { reached } })
    for (const id of [ofWeb, other]) await call(id)
    await call(other, true)
    for (const id of [ofWeb, other]) await call(id)
    await run()
    expect([await told(ofWeb), await told(other)]).toEqual([[], []])
    for (const id of [ofWeb, other]) await call(id)
    await run()
    expect(await see(ofWeb)).toMatchObject({ status: 'pooled', poolId: web['id'], pooledReason: 'failed_attempts' })
    expect(await see(other)).toMatchObject({ status: 'pooled', poolId: pool['id'], failedAttempts: 2 })
  })

  it('stays where the pool of the rule is closed, or the rule is', async () => {
    const { amy, olga } = company
    const { body: rule } = await aRule({ afterDays: 1 })
    const id = await capture(amy)
    leads.clock.advance({ days: 2 })
    const change = (active: boolean, version: number) =>
      leads.as(olga).does(changePool, { params: { id: pool['id'] }, body: { active }, headers: { 'if-match': `"${version}"` } })
    await change(false, 1)
    await run()
    expect((await see(id)).status).toBe('assigned')
    await change(true, 2)
    await leads.as(olga).does(changeRecycleRule, { params: { id: rule.id }, body: { active: false }, headers: { 'if-match': '"1"' } })
    await run()
    expect((await see(id)).status).toBe('assigned')
    expect((await leads.as(company.mona).does(listRecycleRules, { query: { active: 'false' } })).data).toMatchObject([{ id: rule.id }])
  })

  it('is not taken back by a rule that makes no sense: it is refused', async () => {
    const codes: [object, string][] = [
      [{}, 'recycle_rule.never'],
      [{ afterDays: 5, remindDays: 5 }, 'recycle_rule.reminder'],
      [{ afterAttempts: 5, remindDays: 1 }, 'recycle_rule.reminder'],
      [{ afterDays: 5, condition: 'lead.x' }, 'expression.malformed'],
      [{ afterDays: 5, poolId: newId('pool') }, 'reference.unknown'],
    ]
    for (const [body, code] of codes) expect((await aRule(body)).body).toMatchObject({ status: 422, code })
    const mine = { name: 'x', position: 1, afterDays: 1, poolId: pool['id'] }
    expect((await leads.as(company.mona).call(createRecycleRule, { body: mine })).status).toBe(403)
  })
})

describe('leads of a file', () => {
  it('go straight into the pool that it names', async () => {
    const { olga, amy } = company
    const rows = [`a,Ada Ltd,again,`, `b,Bea Ltd,Nowhere,`, `c,Cleo Ltd,again,${amy.email}`, `d,Dora Ltd,,${amy.email}`]
    const body = ['externalId,companyName,pool,owner', ...rows].join('\n')
    const { id } = await leads.as(olga).does(startImport, { query: { kind: 'leads' }, body })
    const report = await eventually(async () => {
      const found = await leads.as(olga).does(getImport, { params: { id } })
      return found.status === 'done' ? found : undefined
    })
    expect(report).toMatchObject({ added: 2, rejected: 2 })
    const { text } = await leads.as(olga).call(listRejections, { params: { id } })
    expect(text).toMatch(/Bea Ltd.*Nowhere/)
    expect(text).toMatch(/Cleo Ltd.*has no owner/)
    const { data } = await leads.as(olga).does(listLeads, { query: { poolId: pool['id'] } })
    expect(data).toMatchObject([{ externalId: 'a', status: 'pooled', pooledReason: 'imported', ownerId: null, assignedAt: null }])
    expect(await told(data[0].id)).toEqual([['lead.pooled', 'imported']])
    expect((await leads.as(amy).does(claimLead, { params: { id: data[0].id } })).ownerId).toBe(amy.id)
  })
})

describe('a pool with a limit of what one may look at', () => {
  it('shows no more leads on one day, the same ones again, and others tomorrow', async () => {
    const { amy, bob, tenantId } = company
    await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'x', currency: 'CNY', zone: 'Asia/Shanghai' } as never)
    await leads.settled()
    const rare = await aPool('Rare', { maxViewedPerDay: 3 })
    for (let n = 0; n < 6; n += 1)
      await leads.as(amy).does(releaseLead, { params: { id: await capture(amy) }, body: { poolId: rare['id'], reason: 'no_time' } })
    await leads.as(amy).does(releaseLead, { params: { id: await capture(amy) }, body: { poolId: pool['id'], reason: 'no_time' } })
    const look = async (query: Record<string, unknown>) =>
      (await leads.as(bob).does(listPooledLeads, { query })).data.map(({ id }: { id: string }) => id) as string[]
    const [first] = await Promise.all(Array.from({ length: 4 }, () => look({ poolId: rare['id'], sort: 'id', fields: 'id' })))
    expect(first).toHaveLength(3)
    expect(await look({ poolId: rare['id'] })).toEqual([...first!].reverse())
    expect(await look({})).toHaveLength(4)
    const cursor = (await leads.as(bob).does(listPooledLeads, { query: { poolId: rare['id'], sort: 'id', limit: 3 } })).next as string
    expect((await leads.as(bob).call(listPooledLeads, { query: { poolId: rare['id'], sort: 'id', cursor } })).body).toMatchObject({
      status: 409,
      code: 'pool.viewed_enough',
      limit: 3,
    })
    leads.clock.set(new Date('2027-03-01T16:05:00Z')) // past midnight in Shanghai
    expect(await look({ poolId: rare['id'], sort: '-id' })).toHaveLength(3)
    expect(await look({ poolId: rare['id'], sort: '-id', limit: 3 })).not.toEqual([...first!].reverse())
  })
})
