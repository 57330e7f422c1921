import {
  captureLead,
  changeClockSettings,
  changeLeadSettings,
  claimLead,
  convertLead,
  createLeadForm,
  createPool,
  getClockSettings,
  getImport,
  getLead,
  getLeadFigures,
  listLeadDuplicates,
  listLeads,
  listNeglectedLeads,
  listPooledLeads,
  mergeLead,
  openAccount,
  qualifyLead,
  sendPublicForm,
  startImport,
  TenantCreated,
  workLead,
} from '@millrace/contracts'
import { Jobs } from '@millrace/service'
import { aWorld, caller, eventually, type Caller, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { wholePlatform, type WholePlatform } from './platform.fixture.ts'

let world: World
let platform: WholePlatform
let company: Company
let leads: TestService

beforeAll(async () => {
  world = await aWorld()
  platform = await wholePlatform(world)
  leads = platform.running.get('lead')!
})
beforeEach(async () => {
  company = await world.company()
  const { tenantId } = company
  await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'Cloudmap', currency: 'CNY', zone: 'Asia/Shanghai' })
  await world.events(tenantId)
})
afterAll(() => (platform ?? world)?.stop())

const at = (person: Person): Caller => caller(platform.stage.url, () => world.token(person))

it('a lead that is answered too late goes back to the pool, and another rep wins it', async () => {
  const { amy, bob, mona, olga } = company
  leads.clock.set(new Date('2027-01-04T09:00:00+08:00')) // a Monday, at nine
  const pool = await at(olga).does(createPool, { body: { name: 'Answered too late', blockedDays: 7 } })
  const limits = { firstResponseMinutes: 240, nextStepMinutes: null }
  const { version } = await at(olga).does(getClockSettings)
  await at(olga).does(changeClockSettings, {
    body: { deadlines: { A: limits, B: limits, C: limits, D: limits, none: limits }, remindMinutes: 60, poolId: pool.id },
    headers: { 'if-match': `"${version}"` },
  })
  const lead = await at(amy).does(captureLead, { body: { companyName: '云图科技有限公司', email: 'li@yuntu.example' } })
  expect(lead.dueAt).toMatch(/^2027-01-04T05:00:/) // four working hours later: at one

  leads.clock.set(new Date('2027-01-04T12:30:00+08:00'))
  await leads.app.get(Jobs).turn('deadlines of leads')
  expect((await at(olga).does(getLead, { params: { id: lead.id } })).status).toBe('assigned')
  leads.clock.set(new Date('2027-01-04T13:30:00+08:00'))
  await leads.app.get(Jobs).turn('deadlines of leads')
  await leads.app.get(Jobs).turn('deadlines of leads')
  const told = (await world.events(company.tenantId)).filter(({ subject }) => subject === lead.id).map(({ name }) => name)
  expect(told).toEqual(['lead.captured', 'lead.assigned', 'lead.reminded', 'lead.overdue', 'lead.pooled'])

  expect((await at(bob).does(listPooledLeads, {})).data).toMatchObject([{ id: lead.id, pooledReason: 'overdue_first_response' }])
  const params = { id: lead.id }
  expect((await at(amy).call(claimLead, { params })).body.code).toBe('lead.was_yours')
  const racers = await Promise.all([bob, mona, bob, mona].map((person) => at(person).call(claimLead, { params })))
  expect(racers.filter(({ status }) => status === 200)).toHaveLength(1)
  const won = racers.find(({ status }) => status === 200)!.body.ownerId as string
  const winner = [bob, mona].find(({ id }) => id === won)!
  await at(winner).does(workLead, { params })
  expect((await at(winner).does(getLead, { params })).status).toBe('working')

  expect((await at(olga).does(listNeglectedLeads, {})).data).toMatchObject([{ leadId: lead.id, ownerId: amy.id, what: 'first_response' }])
  expect((await at(olga).does(getLeadFigures, {})).total).toMatchObject({ captured: 1, assigned: 1, pooled: 1 })
})

it('the same company comes in from three channels and is one customer in the end', async () => {
  const { amy, olga } = company
  await at(olga).does(changeLeadSettings, { body: { duplicates: 'flag' }, headers: { 'if-match': '"0"' } })
  const customer = await at(amy).does(openAccount, { body: { name: '云图科技(北京)' } })
  await world.events(company.tenantId)

  // By the website …
  const form = await at(olga).does(createLeadForm, {
    body: { name: 'Contact', fields: [{ name: 'companyName' }, { name: 'email' }], source: 'website' },
  })
  const values = { companyName: '北京云图科技有限公司', email: 'li@yuntu.example' }
  const public_ = await fetch(`${platform.stage.url}${sendPublicForm.path.replace('{key}', form.key)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ submission: 'from-the-website', values }),
  })
  expect(public_.status).toBe(202)
  // … in a list from a fair …
  const body = 'companyName,contactName,phone,source\n云图科技,李雷,13800138000,fair\n'
  const file = await at(olga).does(startImport, { query: { kind: 'leads' }, body, headers: { 'content-type': 'text/csv' } })
  await eventually(async () => (await at(olga).does(getImport, { params: { id: file.id } })).status === 'done')
  // … and on the phone.
  const call = await at(amy).does(captureLead, {
    body: { companyName: '云图科技有限公司', contactName: '李雷', phone: '138 0013 8000', source: 'call' },
  })
  expect(call.customers).toMatchObject([{ accountId: customer.id }])

  const open = async () =>
    (await at(olga).does(listLeads, { query: { status: ['new', 'assigned'], sort: 'id' } })).data as { id: string; source: string }[]
  const [web, fair] = await open()
  expect([web!.source, fair!.source]).toEqual(['website', 'fair'])
  expect((await at(olga).does(listLeadDuplicates, {})).data.length).toBeGreaterThanOrEqual(2)
  for (const other of [web!, fair!]) await at(olga).does(mergeLead, { params: { id: call.id }, body: { leadId: other.id } })
  expect(await open()).toHaveLength(1)
  expect((await at(olga).does(listLeadDuplicates, {})).data).toEqual([])
  expect(await at(olga).does(getLead, { params: { id: web!.id } })).toMatchObject({
    id: call.id,
    email: 'li@yuntu.example',
    phone: '+8613800138000',
  })

  await at(amy).does(qualifyLead, { params: { id: call.id } })
  const converted = await at(olga).does(convertLead, {
    params: { id: fair!.id },
    body: { accountId: customer.id, opportunity: { title: 'CRM' } },
  })
  expect(converted).toMatchObject({ id: call.id, status: 'converted', accountId: customer.id })
})
