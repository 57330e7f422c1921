import {
  captureLead,
  changePool,
  claimLead,
  createPool,
  getLead,
  getPool,
  listPooledLeads,
  listPools,
  releaseLead,
  TenantCreated,
  workLead,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
afterAll(() => world.stop())

const aPoolOf = async ({ olga }: Company, rules: object = {}) =>
  (await leads.as(olga).does(createPool, { body: { name: 'Fair', ...rules } })) as Record<string, any>

/** Leads of this person, in the pool. */
async function released(person: Person, pool: Record<string, any>, count = 1): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n += 1) {
    const { id } = await leads
      .as(person)
      .does(captureLead, { body: { companyName: `Pool ${newId('x')} Ltd`, email: `${newId('x')}@pool.example` } })
    await leads.as(person).does(releaseLead, { params: { id }, body: { poolId: pool['id'], reason: 'no_time' } })
    ids.push(id as string)
  }
  return ids
}

const claim = (person: Person, id: string) => leads.as(person).call(claimLead, { params: { id } })

describe('a lead in a pool', () => {
  it('is nobody’s, is shown without the ways to reach it, and is wholly who claims it’s', async () => {
    const company = await world.company()
    const { amy, bob, tenantId } = company
    const pool = await aPoolOf(company)
    const [id] = await released(amy, pool)
    expect((await leads.as(amy).call(getLead, { params: { id: id! } })).status).toBe(404)
    const { data } = await leads.as(bob).does(listPooledLeads, { query: { poolId: pool['id'] } })
    expect(data).toMatchObject([{ id, poolId: pool['id'], pooledReason: 'no_time' }])
    expect(data[0]).not.toHaveProperty('email')
    const answer = await claim(bob, id!)
    expect(answer.body).toMatchObject({ id, status: 'assigned', ownerId: bob.id, poolId: pool['id'], email: expect.stringContaining('@') })
    expect((await leads.as(bob).does(listPooledLeads)).data).toEqual([])
    const told = (await world.events(tenantId))
      .filter(({ subject }) => subject === id)
      .map(({ name, payload }) => [name, payload['ownerId'] ?? null])
    expect(told.slice(2)).toEqual([
      ['lead.pooled', null],
      ['lead.claimed', bob.id],
      ['lead.assigned', bob.id],
    ])
  })

  it('goes to one of those who claim it at the same moment', async () => {
    const company = await world.company()
    const pool = await aPoolOf(company)
    const [id] = await released(company.amy, pool)
    const racers = [company.amy, company.bob, company.mona, company.olga]
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => claim(racers[n % 4]!, id!)))
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1)
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code))).toEqual(new Set(['lead.not_pooled']))
  })

  it('cannot be worked, and not be released into a pool that is closed or unknown', async () => {
    const company = await world.company()
    const { amy, ada, olga } = company
    const pool = await aPoolOf(company)
    const [id] = await released(amy, pool)
    expect((await leads.as(olga).call(workLead, { params: { id: id! } })).body.code).toBe('lead.no_owner')
    await leads.as(ada).does(changePool, { params: { id: pool['id'] }, body: { active: false }, headers: { 'if-match': '"1"' } })
    expect((await leads.as(amy).does(listPooledLeads)).data).toEqual([])
    expect((await claim(amy, id!)).body.code).toBe('pool.closed')
    const other = await leads.as(amy).does(captureLead, { body: { companyName: 'Closed Ltd' } })
    const release = (poolId: string) => leads.as(amy).call(releaseLead, { params: { id: other.id }, body: { poolId, reason: 'other' } })
    expect((await release(pool['id'])).body.code).toBe('pool.closed')
    expect((await release(newId('pool'))).body).toMatchObject({ status: 422, code: 'reference.unknown', field: 'poolId' })
  })
})

describe('the rules of a pool', () => {
  it('hold for one person who claims several at the same moment: held at a time', async () => {
    const company = await world.company()
    const pool = await aPoolOf(company, { maxHeld: 2 })
    const ids = await released(company.amy, pool, 6)
    const answers = await Promise.all(ids.map((id) => claim(company.bob, id)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'pool.holds_enough', held: 2, limit: 2 })
    const mine = answers.find(({ status }) => status === 200)!.body.id as string
    await leads.as(company.bob).does(releaseLead, { params: { id: mine }, body: { poolId: pool['id'], reason: 'not_mine' } })
    expect((await claim(company.bob, mine)).status).toBe(200)
  })

  it('count a day as the company’s zone has it', async () => {
    const company = await world.company()
    const { amy, bob, tenantId } = company
    await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'x', currency: 'CNY', zone: 'Asia/Shanghai' } as never)
    await leads.settled()
    const pool = await aPoolOf(company, { maxPerDay: 1 })
    const [first, second, third] = await released(amy, pool, 3)
    const before = leads.clock.now()
    const at = (hour: string) => leads.clock.set(new Date(`2027-03-01T${hour}:00Z`))
    try {
      at('15:30') // half past eleven at night in Shanghai
      expect((await claim(bob, first!)).status).toBe(200)
      expect((await claim(bob, second!)).body).toMatchObject({ status: 409, code: 'pool.claimed_enough', claimed: 1, limit: 1 })
      at('16:10')
      expect((await claim(bob, second!)).status).toBe(200)
      expect((await claim(bob, third!)).body.code).toBe('pool.claimed_enough')
    } finally {
      leads.clock.set(before)
    }
  })

  it('keep a lead from its former owner, and from people of other units', async () => {
    const company = await world.company()
    const { amy, bob, mona } = company
    const blocked = await aPoolOf(company, { blockedDays: 30 })
    const [hers] = await released(amy, blocked)
    expect((await claim(amy, hers!)).body).toMatchObject({ status: 409, code: 'lead.was_yours' })
    const northern = await aPoolOf(company, { unitIds: [amy.unitId] })
    const [northerly] = await released(bob, northern)
    expect((await leads.as(bob).does(listPooledLeads)).data.map(({ id }: { id: string }) => id)).toEqual([hers])
    expect((await leads.as(mona).does(listPooledLeads)).data.map(({ id }: { id: string }) => id).sort()).toEqual([hers, northerly].sort())
    expect((await claim(bob, northerly!)).body).toMatchObject({ status: 403, code: 'pool.not_for_you' })
    expect((await claim(mona, northerly!)).status).toBe(200)
  })

  it('are read by everybody and changed by who runs sales, each change on what was read', async () => {
    const company = await world.company()
    const { amy, olga } = company
    const pool = await aPoolOf(company, { maxHeld: 5 })
    const params = { id: pool['id'] as string }
    expect(await leads.as(amy).does(getPool, { params })).toMatchObject({
      name: 'Fair',
      maxHeld: 5,
      maxPerDay: null,
      blockedDays: 0,
      active: true,
    })
    expect((await leads.as(amy).call(changePool, { params, body: { maxHeld: 6 }, headers: { 'if-match': '"1"' } })).status).toBe(403)
    const change = (body: object) => leads.as(olga).call(changePool, { params, body, headers: { 'if-match': '"1"' } })
    expect((await change({ maxHeld: null, name: 'Trade fair' })).body).toMatchObject({ name: 'Trade fair', maxHeld: null, version: 2 })
    expect((await change({ maxHeld: 1 })).status).toBe(412)
    expect((await change({ maxHeld: 0 })).status).toBe(400)
    expect((await leads.as(olga).call(createPool, { body: { name: 'x', unitIds: [newId('org_unit')] } })).body).toMatchObject({
      status: 422,
      code: 'reference.unknown',
      field: 'unitIds',
    })
    expect((await leads.as(amy).does(listPools, { query: { 'name.contains': 'trade' } })).data).toHaveLength(1)
  })
})
