import {
  assignLead,
  captureLead,
  changeClockSettings,
  disqualifyLead,
  getClockSettings,
  getLead,
  HandoverPrepared,
  HandoverRechecked,
  HandoverStarted,
  HandoverTakenBack,
  listHandedRecords,
  qualifyLead,
  readAudit,
  UserChanged,
  type EventType,
  type Sent,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { asSuperuser, aWorld, eventually, type Company, type Recorded, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService
let company: Company
let handoverId: Id<'handover'>

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
afterAll(() => world.stop())
beforeEach(async () => {
  company = await world.company()
  handoverId = newId('handover')
})

/** What the account service asks for. */
const ask = async <E extends EventType>(event: E, asked: number, given: object = {}) =>
  void (await world.publish(company.tenantId, event, handoverId, { handoverId, asked, ...given } as Sent<E>, { sequence: asked }))
const prepare = () => ask(HandoverPrepared, 1, { fromUserId: company.amy.id, toUserId: company.bob.id, onlyAccounts: false })
const start = () => ask(HandoverStarted, 2)
const takeBack = (asked = 3) => ask(HandoverTakenBack, asked, { because: 'undone' })

const told = async (name: string): Promise<Recorded[]> => (await world.events(company.tenantId)).filter((event) => event.name === name)
/** The last that the service told of its part, once it has done what it was asked for. */
const done = (asked: number) =>
  eventually(async () => {
    const { payload } = (await told('lead_handover.reported')).at(-1)!
    expect(payload).toMatchObject({ asked, done: true })
    return payload
  })

const aLead = async (person = company.amy, name = `Northwind ${newId('x')}`) =>
  (await leads.as(person).does(captureLead, { body: { companyName: name, email: `${newId('x')}@northwind.example` } })) as Record<
    string,
    any
  >
const read = (id: string) => leads.as(company.ada).does(getLead, { params: { id } })

it('open leads move as they are; closed ones and those of others stay', async () => {
  const { amy, bob } = company
  const [open, qualified, lost, hers] = [await aLead(), await aLead(), await aLead(), await aLead(bob)]
  await leads.as(amy).does(qualifyLead, { params: { id: qualified['id'] } })
  await leads.as(amy).does(disqualifyLead, { params: { id: lost['id'] }, body: { reason: 'no_budget' } })
  await prepare()
  expect((await done(1)).nouns).toEqual([{ noun: 'lead', records: 2, amounts: [], moved: 0, left: 0, returned: 0, stayed: 0 }])
  expect((await read(open['id'])).ownerId).toBe(amy.id)
  await start()
  expect((await done(2)).nouns).toMatchObject([{ records: 2, moved: 2 }])
  expect(await read(open['id'])).toMatchObject({ ownerId: bob.id, status: 'assigned', version: 2 })
  expect(await read(qualified['id'])).toMatchObject({ ownerId: bob.id, status: 'qualified', version: 3 })
  expect((await read(lost['id'])).ownerId).toBe(amy.id)
  expect((await read(hers['id'])).version).toBe(1)
  const assigned = (await told('lead.assigned')).filter(({ subject }) => subject === open['id'])
  expect(assigned.map(({ payload }) => payload['ownerId'])).toEqual([amy.id, bob.id])
  const { data } = await leads.as(company.ada).does(readAudit, { params: { id: open['id'] } })
  expect(data.at(-1)).toMatchObject({ version: 2, channel: 'handover', change: { ownerId: { from: amy.id, to: bob.id } } })
})

it('the new owner’s time begins with the handover', async () => {
  const { olga } = company
  const limits = { firstResponseMinutes: 240, nextStepMinutes: 3_300 }
  const { version } = await leads.as(olga).does(getClockSettings)
  const body = { deadlines: { A: limits, B: limits, C: limits, D: limits, none: limits } }
  await leads.as(olga).does(changeClockSettings, { body, headers: { 'if-match': `"${version}"` } })
  const before = await read((await aLead())['id'])
  const now = leads.clock.now()
  leads.clock.set(new Date(now.getTime() + 7 * 86_400_000))
  try {
    await prepare()
    await start()
    await done(2)
    const after = await read(before.id)
    expect(Date.parse(after.assignedAt) - Date.parse(before.assignedAt)).toBeGreaterThan(6 * 86_400_000)
    expect(Date.parse(after.dueAt)).toBeGreaterThan(leads.clock.now().getTime())
    expect(before.dueAt).not.toBeNull()
  } finally {
    leads.clock.set(now)
  }
})

it('what comes to the leaver meanwhile moves with the second look', async () => {
  await prepare()
  await start()
  await done(2)
  const late = await aLead()
  await ask(HandoverRechecked, 3)
  expect((await done(3)).nouns).toMatchObject([{ records: 1, moved: 1 }])
  expect((await read(late['id'])).ownerId).toBe(company.bob.id)
})

it('a receiver who has left refuses all of it; what moved moves back', async () => {
  const { amy, bob, tenantId } = company
  const lead = await aLead()
  await prepare()
  await done(1)
  const { id: userId, name, email, unitId } = bob
  await world.publish(tenantId, UserChanged, userId, { userId, name, email, unitId, roles: ['sales_rep'], active: false }, { sequence: 2 })
  await leads.settled()
  await start()
  expect((await done(2)).refusal).toEqual({ code: 'handover.receiver_left', details: { userId } })
  await takeBack()
  expect(await done(3)).toMatchObject({ step: 'move_back', refusal: null })
  expect(await read(lead['id'])).toMatchObject({ ownerId: amy.id, version: 1 })
})

it('what the database does not let move refuses all of it', async () => {
  const lead = await aLead()
  await prepare()
  await done(1)
  const name = new URL(leads.database.url).pathname.slice(1)
  const sql = (text: string) => asSuperuser((client) => client.query(text), name)
  await sql(`ALTER TABLE lead ADD CONSTRAINT stays CHECK (id <> '${lead['id']}' OR owner_id = '${company.amy.id}')`)
  try {
    await start()
    expect((await done(2)).refusal).toEqual({ code: 'handover.cannot_move', details: { noun: 'lead', reason: 'stays' } })
  } finally {
    await sql('ALTER TABLE lead DROP CONSTRAINT stays')
  }
})

it('the same step asked twice, or an earlier one late, changes nothing', async () => {
  const lead = await aLead()
  await prepare()
  await start()
  await done(2)
  await prepare()
  await start()
  await ask(HandoverRechecked, 1)
  await leads.settled()
  expect(await read(lead['id'])).toMatchObject({ ownerId: company.bob.id, version: 2 })
  expect((await told('lead_handover.reported')).at(-1)!.payload).toMatchObject({ asked: 2, done: true })
})

it('a book of three thousand moves and comes back, each lead told of once each way', async () => {
  const { amy, bob, eva, tenantId } = company
  const count = 3_000
  const name = new URL(leads.database.url).pathname.slice(1)
  const first = await aLead()
  await asSuperuser(
    (client) =>
      client.query(
        `INSERT INTO lead (tenant_id, id, version, journey_id, created_at, updated_at, status, company_name, owner_id, duplicate_of)
         SELECT $1, 'lead_' || lpad(n::text, 26, '0'), 1, 'journey_' || lpad(n::text, 26, '0'), now(), now(), 'assigned', 'Company ' || n, $2, '[]'
         FROM generate_series(1, $3::int) n`,
        [tenantId, amy.id, count - 1],
      ),
    name,
  )
  await prepare()
  expect((await done(1)).nouns).toMatchObject([{ records: count }])
  await start()
  expect((await done(2)).nouns).toMatchObject([{ records: count, moved: count, left: 0 }])
  await leads.as(company.olga).does(assignLead, { params: { id: first['id'] }, body: { ownerId: eva.id } })
  await takeBack()
  expect((await done(3)).nouns).toMatchObject([{ records: count, moved: 0, returned: count - 1, stayed: 1 }])
  const owners = (await told('lead.assigned')).map(({ payload }) => payload['ownerId'] as string)
  const times = (id: string) => owners.filter((owner) => owner === id).length
  expect([times(bob.id), times(amy.id), times(eva.id)]).toEqual([count, count, 1])
  const page = (query: object) =>
    leads.as(company.olga).does(listHandedRecords, { params: { id: handoverId }, query: { noun: 'lead', limit: 200, ...query } })
  let seen = 0
  for (let cursor: string | null = '', pages = 0; cursor !== null; pages += 1) {
    const { data, next } = await page(cursor ? { cursor } : {})
    seen += data.length
    cursor = next
    expect(pages).toBeLessThan(count / 200)
  }
  expect(seen).toBe(count)
  expect((await page({ state: 'stayed' })).data).toMatchObject([{ id: first['id'], foundUserId: eva.id, toUserId: bob.id }])
})
