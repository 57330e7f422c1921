import {
  captureLead,
  changeClockSettings,
  convertLead,
  createPool,
  disqualifyLead,
  getLeadFigures,
  listNeglectedLeads,
  logLeadContact,
  mergeLead,
  qualifyLead,
  releaseLead,
  TenantCreated,
  workLead,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { Deadlines } from '../clock/deadlines.service.js'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService
let company: Company
let pool: Record<string, any>

const go = (text: string) => leads.clock.set(new Date(text))

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
beforeEach(async () => {
  go('2027-01-31T23:00:00+08:00')
  company = await world.company()
  const { tenantId } = company
  await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'x', currency: 'CNY', zone: 'Asia/Shanghai' } as never)
  await leads.settled()
  pool = await leads.as(company.olga).does(createPool, { body: { name: 'Again' } })
})
afterAll(() => world.stop())

const capture = async (person: Person, body: object = {}) =>
  (
    await leads
      .as(person)
      .does(captureLead, { body: { companyName: `Works ${newId('x').slice(-6)} Ltd`, email: `${newId('x')}@works.example`, ...body } })
  ).id as string
const figures = (person: Person, query: Record<string, unknown> = {}) => leads.as(person).does(getLeadFigures, { query })

/** Two months: a fair in January with four leads, the web in February with three. */
async function aSpring() {
  const { amy, bob, olga } = company
  const fair = { source: 'fair', campaign: 'spring' }
  const [a, b, c] = [await capture(amy, fair), await capture(amy, fair), await capture(bob, fair)]
  const unowned = await capture(olga, fair)
  go('2027-02-01T09:00:00+08:00')
  const [d, e, f] = [await capture(bob, { source: 'web' }), await capture(amy, { source: 'web' }), await capture(amy)]
  const as = (person: Person, id: string) => ({
    work: () => leads.as(person).does(workLead, { params: { id } }),
    contact: () => leads.as(person).does(logLeadContact, { params: { id }, body: { reached: true } }),
    qualify: () => leads.as(person).does(qualifyLead, { params: { id } }),
  })
  go('2027-02-01T09:30:10+08:00')
  await as(amy, a).work()
  go('2027-02-01T10:00:10+08:00')
  await as(amy, b).qualify()
  await leads.as(amy).does(convertLead, { params: { id: b }, body: {} })
  go('2027-02-02T09:00:10+08:00')
  await as(bob, c).contact()
  await as(bob, d).qualify()
  await leads.as(bob).does(disqualifyLead, { params: { id: d }, body: { reason: 'no_budget' } })
  await leads.as(amy).does(releaseLead, { params: { id: e }, body: { poolId: pool['id'], reason: 'no_time' } })
  return { a, b, c, d, e, f, unowned }
}

describe('figures of leads', () => {
  it('say what became of those that were captured in a period, in counts, working minutes and exact percentages', async () => {
    await aSpring()
    const { total, data } = await figures(company.olga, { groupBy: 'source' })
    expect(total).toEqual({
      ...{ captured: 7, assigned: 6, worked: 4, qualified: 2, converted: 1, disqualified: 1, pooled: 1, responded: 4 },
      ...{ medianResponseMinutes: 60, p90ResponseMinutes: 540 },
      ...{ workedPct: '66.7', qualifiedPct: '50.0', convertedPct: '14.3' },
    })
    expect(
      data.map(({ key, captured, worked, convertedPct, medianResponseMinutes }: Record<string, unknown>) => [
        key,
        captured,
        worked,
        convertedPct,
        medianResponseMinutes,
      ]),
    ).toEqual([
      ['fair', 4, 3, '25.0', 60],
      ['web', 2, 1, '0.0', 540],
      [null, 1, 0, '0.0', null],
    ])
    const months = await figures(company.olga, { groupBy: 'month' })
    expect(months.data.map(({ key, captured }: Record<string, unknown>) => [key, captured])).toEqual([
      ['2027-01', 4],
      ['2027-02', 3],
    ])
    expect((await figures(company.olga, { from: '2027-02-01', to: '2027-03-01' })).total).toMatchObject({
      captured: 3,
      converted: 0,
      pooled: 1,
    })
    expect((await figures(company.olga, { from: '2027-03-01' })).total).toMatchObject({
      captured: 0,
      convertedPct: null,
      medianResponseMinutes: null,
    })
    expect((await figures(company.olga, { groupBy: 'campaign', limit: 1 })).data).toMatchObject([{ key: 'spring', captured: 4 }])
    expect((await leads.as(company.olga).call(getLeadFigures, { query: { from: '2027-03-01', to: '2027-03-01' } })).status).toBe(400)
  })

  it('are those of the owner, who has a lead or had it last, and are seen by who leads them', async () => {
    const { amy, bob, mona, olga } = company
    await aSpring()
    const byOwner = await figures(olga, { groupBy: 'owner' })
    expect(byOwner.groups).toBe(3)
    expect(byOwner.data.map(({ name, captured }: Record<string, unknown>) => [name, captured])).toEqual([
      ['Amy', 4],
      ['Bob', 2],
      [null, 1],
    ])
    expect((await figures(olga, { groupBy: 'unit' })).data.map(({ name, captured }: Record<string, unknown>) => [name, captured])).toEqual([
      ['North', 4],
      ['South', 2],
      [null, 1],
    ])
    expect((await figures(amy)).total).toMatchObject({ captured: 4, pooled: 1 })
    expect((await figures(bob, { groupBy: 'source' })).data).toHaveLength(2)
    expect((await figures(mona, { groupBy: 'owner' })).data).toMatchObject([{ key: amy.id }])
    expect((await figures(mona, { ownerId: bob.id })).total.captured).toBe(0)
    expect((await figures(olga, { unitId: olga.unitId })).total.captured).toBe(6)
    expect((await figures(olga, { unitId: bob.unitId, source: 'web' })).total.captured).toBe(1)
    expect((await figures((await world.company()).olga)).total.captured).toBe(0)
  })

  it('count a merged lead with the one that it became part of', async () => {
    const { amy } = company
    const [first, second] = [await capture(amy), await capture(amy)]
    await leads.as(amy).does(mergeLead, { params: { id: first }, body: { leadId: second } })
    expect((await figures(amy)).total.captured).toBe(1)
  })
})

describe('leads lost by neglect', () => {
  it('are told with who lost them and how long nothing was done, to who leads them', async () => {
    const { amy, bob, mona, olga } = company
    const limits = { firstResponseMinutes: 60, nextStepMinutes: null }
    const deadlines = { A: limits, B: limits, C: limits, D: limits, none: limits }
    await leads.as(olga).does(changeClockSettings, { body: { deadlines, poolId: pool['id'] }, headers: { 'if-match': '"0"' } })
    go('2027-02-01T17:30:00+08:00')
    const [hers, his, answered] = [await capture(amy), await capture(bob), await capture(amy)]
    await leads.as(amy).does(workLead, { params: { id: answered } })
    go('2027-02-02T10:30:20+08:00') // there was no service at half past nine
    await leads.app.get(Deadlines).runDue()
    const list = async (person: Person, query: Record<string, unknown> = {}) => leads.as(person).does(listNeglectedLeads, { query })
    const { data, next } = await list(olga)
    expect(data.map(({ leadId }: { leadId: string }) => leadId).sort()).toEqual([hers, his].sort())
    expect(data.find(({ leadId }: { leadId: string }) => leadId === hers)).toMatchObject({
      ...{ ownerId: amy.id, ownerName: 'Amy', what: 'first_response', waitedMinutes: 120, poolId: pool['id'], status: 'pooled' },
      ...{ dueAt: expect.stringMatching(/^2027-02-02T01:30/), since: expect.stringMatching(/^2027-02-01T09:30/) },
    })
    expect(next).toBeNull()
    const first = await list(olga, { limit: 1 })
    const second = await list(olga, { limit: 1, cursor: first.next })
    expect([...first.data, ...second.data]).toEqual(data)
    expect([(await list(mona)).data.length, (await list(bob)).data.length, (await list(olga, { ownerId: amy.id })).data.length]).toEqual([
      1, 1, 1,
    ])
    expect((await list(olga, { from: '2027-02-03' })).data).toEqual([])
    expect((await leads.as(olga).call(listNeglectedLeads, { query: { cursor: 'x' } })).body.code).toBe('cursor.malformed')
  })
})
