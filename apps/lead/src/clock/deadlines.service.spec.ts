import {
  AbsenceNoted,
  AbsenceWithdrawn,
  assignLead,
  CalendarCreated,
  captureLead,
  changeClockSettings,
  claimLead,
  createPool,
  disqualifyLead,
  getClockSettings,
  getLead,
  listLeads,
  logLeadContact,
  nurtureLead,
  planNextStep,
  qualifyLead,
  workLead,
} from '@millrace/contracts'
import { addDays, newId, type CalendarDate } from '@millrace/domain'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'
import { Deadlines } from './deadlines.service.js'

let world: World
let leads: TestService
let company: Company
let pool: Record<string, any>

const day = [{ from: '09:00', to: '18:00' }] as const
const at = (text: string) => new Date(text)
const go = (text: string) => leads.clock.set(at(text))
const run = () => leads.app.get(Deadlines).runDue()

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
beforeEach(async () => {
  go('2027-01-04T09:00:00+08:00')
  company = await world.company()
  await calendar({ zone: 'Asia/Shanghai', isDefault: true, exceptions: holidays })
  await calendar({ zone: 'Europe/Berlin', userIds: [company.bob.id] })
  await leads.settled()
  pool = await leads.as(company.olga).does(createPool, { body: { name: 'Again' } })
  await settings({ deadlines: everyGrade(240, 3_300), remindMinutes: 60, poolId: pool['id'] })
})
afterAll(() => world.stop())

/** The new year of this company: a week off, and a Saturday worked for it. */
const holidays = [
  ...Array.from({ length: 7 }, (_, n) => ({ on: addDays('2027-02-05', n), name: '春节', shifts: [] })),
  { on: '2027-02-20' as CalendarDate, name: '调休', shifts: [...day] },
]
const calendar = (given: object) => {
  const calendarId = newId('calendar')
  const base = {
    calendarId,
    name: 'x',
    week: [day, day, day, day, day, [], []],
    exceptions: [],
    isDefault: false,
    unitIds: [],
    userIds: [],
  }
  return world.publish(company.tenantId, CalendarCreated, calendarId, { ...base, ...given } as never)
}
const everyGrade = (firstResponseMinutes: number | null, nextStepMinutes: number | null) => {
  const limits = { firstResponseMinutes, nextStepMinutes }
  return { A: limits, B: limits, C: limits, D: limits, none: limits }
}
async function settings(body: object): Promise<void> {
  const { version } = await leads.as(company.olga).does(getClockSettings)
  await leads.as(company.olga).does(changeClockSettings, { body, headers: { 'if-match': `"${version}"` } })
}
const capture = (person: Person) => leads.as(person).does(captureLead, { body: { companyName: `Works ${newId('x').slice(-6)} Ltd` } })
const see = (id: string) => leads.as(company.olga).does(getLead, { params: { id } })
const told = async (id: string) =>
  (await world.events(company.tenantId))
    .filter(({ subject, name }) => subject === id && ['lead.reminded', 'lead.overdue', 'lead.pooled'].includes(name))
    .map(({ name, payload }) => [name, payload['what'] ?? payload['reason']])
/** Lets the clock tick from one moment to another. */
async function ticks(from: string, to: string, hours: number): Promise<void> {
  for (let ms = at(from).getTime(); ms <= at(to).getTime(); ms += hours * 3_600_000) {
    leads.clock.set(new Date(ms))
    await run()
  }
}

describe('the first response', () => {
  it('is due after so many minutes of the owner’s working time, over the new year and where clocks change', async () => {
    const { amy, bob } = company
    go('2027-02-04T16:00:00+08:00')
    const hers = await capture(amy)
    expect(hers).toMatchObject({ status: 'assigned', assignedAt: expect.stringMatching(/^2027-02-04T08:00/), respondedAt: null })
    expect(at(hers.dueAt).toISOString()).toMatch(/^2027-02-12T03:00:0/)
    go('2027-03-26T16:00:00+01:00')
    expect(at((await capture(bob)).dueAt).toISOString()).toMatch(/^2027-03-29T09:00:0/)
    const { data } = await leads.as(amy).does(listLeads, { query: { 'dueAt.lte': '2027-02-13', sort: 'dueAt' } })
    expect(data.map(({ id }: { id: string }) => id)).toEqual([hers.id])
  })

  it('that does not come: the owner is reminded once, then the lead goes to the pool, with the reason; another claims it and has time anew', async () => {
    const { amy, bob, mona } = company
    go('2027-01-05T09:00:00+08:00')
    const { id } = await capture(amy)
    await ticks('2027-01-05T09:00:30+08:00', '2027-01-05T11:00:00+08:00', 1)
    expect(await told(id)).toEqual([])
    await ticks('2027-01-05T12:01:00+08:00', '2027-01-05T12:59:00+08:00', 0.2)
    expect(await told(id)).toEqual([['lead.reminded', 'first_response']])
    await ticks('2027-01-05T13:01:00+08:00', '2027-01-07T13:00:00+08:00', 4)
    expect(await told(id)).toEqual([
      ['lead.reminded', 'first_response'],
      ['lead.overdue', 'first_response'],
      ['lead.pooled', 'overdue_first_response'],
    ])
    expect(await see(id)).toMatchObject({
      status: 'pooled',
      ownerId: null,
      poolId: pool['id'],
      pooledReason: 'overdue_first_response',
      dueAt: null,
    })
    go('2027-01-07T16:00:00+01:00')
    const claimed = await leads.as(bob).does(claimLead, { params: { id } })
    expect(at(claimed.dueAt).toISOString()).toMatch(/^2027-01-08T10:00:0/)
    // Eleven at night in Shanghai, where Mona works.
    const assigned = await leads.as(mona).does(assignLead, { params: { id }, body: { ownerId: mona.id } })
    expect(assigned).toMatchObject({ ownerId: mona.id, dueAt: '2027-01-08T05:00:00.000Z' })
  })

  it('is measured in working minutes, whatever it is: work, a contact, a plan, rest', async () => {
    const { amy, bob } = company
    go('2027-02-04T17:00:00+08:00')
    const [first, second, third] = [await capture(amy), await capture(amy), await capture(amy)]
    go('2027-02-12T10:30:20+08:00')
    expect(await leads.as(amy).does(workLead, { params: { id: first.id } })).toMatchObject({ responseMinutes: 150 })
    const contacted = await leads.as(amy).does(logLeadContact, { params: { id: second.id }, body: { reached: false } })
    expect(contacted).toMatchObject({ status: 'working', responseMinutes: 150, failedAttempts: 1 })
    go('2027-02-12T11:30:20+08:00')
    const again = await leads.as(amy).does(logLeadContact, { params: { id: second.id }, body: { reached: true } })
    expect(again).toMatchObject({ responseMinutes: 150, failedAttempts: 0 })
    expect(await leads.as(amy).does(nurtureLead, { params: { id: third.id }, body: { wakeAt: '2027-04-01T00:00:00Z' } })).toMatchObject({
      responseMinutes: 210,
      dueAt: null,
    })
    go('2027-10-29T17:00:00+02:00')
    const his = await capture(bob)
    go('2027-11-01T09:30:20+01:00')
    expect(await leads.as(bob).does(qualifyLead, { params: { id: his.id } })).toMatchObject({
      responseMinutes: 90,
      qualifiedAt: expect.stringMatching(/^2027-11-01/),
    })
  })
})

describe('the next step', () => {
  it('is due again after each step: who goes on for twelve weeks keeps the lead, who then stops loses it', async () => {
    const { amy, bob } = company
    go('2027-01-04T10:00:00+08:00')
    const [hers, his] = [await capture(amy), await capture(bob)]
    let monday: CalendarDate = '2027-01-04'
    for (let week = 0; week < 12; week += 1, monday = addDays(monday, 7)) {
      go(`${monday}T11:00:00+08:00`)
      await leads.as(amy).does(logLeadContact, { params: { id: hers.id }, body: { reached: true } })
      go(`${monday}T11:00:00+01:00`)
      await leads.as(bob).does(planNextStep, { params: { id: his.id }, body: { text: 'call' } })
      await ticks(`${monday}T23:00:00Z`, `${addDays(monday, 6)}T23:00:00Z`, 12)
    }
    // Six working days of nine hours and one hour more: enough also in the week with a worked Saturday.
    expect((await told(hers.id)).filter(([name]) => name !== 'lead.reminded')).toEqual([])
    expect(await see(hers.id)).toMatchObject({ status: 'working', ownerId: amy.id, dueAt: expect.stringMatching(/^2027-03-30T04:00:0/) })
    // Clocks have changed in Berlin the day before.
    expect(await see(his.id)).toMatchObject({ status: 'working', ownerId: bob.id, dueAt: expect.stringMatching(/^2027-03-30T10:00:0/) })
    await ticks('2027-03-30T02:59:00Z', '2027-04-05T00:00:00Z', 3)
    for (const { id } of [hers, his]) {
      expect((await told(id)).filter(([name]) => name !== 'lead.reminded')).toEqual([
        ['lead.overdue', 'next_step'],
        ['lead.pooled', 'overdue_next_step'],
      ])
      const pooled = await see(id)
      expect(pooled).toMatchObject({ status: 'pooled', nextStep: null, dueAt: null })
    }
  })

  it('is what the owner says, as far as the company allows it', async () => {
    const { amy } = company
    go('2027-01-05T09:00:00+08:00')
    const { id } = await capture(amy)
    const plan = (dueAt: string | null) => leads.as(amy).call(planNextStep, { params: { id }, body: { text: 'send the offer', dueAt } })
    expect((await plan('2027-01-06T10:00:00+08:00')).body).toMatchObject({
      status: 'working',
      nextStep: 'send the offer',
      nextStepAt: '2027-01-06T02:00:00.000Z',
      dueAt: '2027-01-06T02:00:00.000Z',
    })
    expect((await plan('2027-01-14T10:00:00+08:00')).body).toMatchObject({ status: 422, code: 'lead.next_step_late' })
    expect((await plan('2027-01-04T10:00:00+08:00')).body).toMatchObject({ status: 422, code: 'lead.next_step_past' })
    await ticks('2027-01-06T09:01:00+08:00', '2027-01-06T10:01:00+08:00', 1)
    expect((await told(id)).map(([name]) => name)).toEqual(['lead.reminded', 'lead.overdue', 'lead.pooled'])
    const other = await capture(amy)
    await leads.as(amy).does(qualifyLead, { params: { id: other.id } })
    expect(await see(other.id)).toMatchObject({ status: 'qualified', dueAt: null })
    const planned = await leads.as(amy).does(planNextStep, { params: { id: other.id }, body: { text: 'x', dueAt: '2027-03-01T00:00:00Z' } })
    expect(planned).toMatchObject({ status: 'qualified', dueAt: '2027-03-01T00:00:00.000Z' })
    await leads.as(amy).does(disqualifyLead, { params: { id: other.id }, body: { reason: 'no_need' } })
    expect(await see(other.id)).toMatchObject({ dueAt: null, nextStep: null })
  })
})

describe('the clock', () => {
  it('catches up once with what a night without service missed, however many look at it', async () => {
    const { amy } = company
    go('2027-01-05T09:00:00+08:00')
    const ids = [await capture(amy), await capture(amy), await capture(amy)].map(({ id }) => id as string)
    go('2027-01-08T09:00:00+08:00')
    await Promise.all([run(), run(), run()])
    await run()
    for (const id of ids)
      expect(await told(id)).toEqual([
        ['lead.overdue', 'first_response'],
        ['lead.pooled', 'overdue_first_response'],
      ])
  })

  it('does not run while the owner is away, also when that is noted late', async () => {
    const { amy, tenantId } = company
    go('2027-01-05T09:00:00+08:00')
    const { id } = await capture(amy)
    const absenceId = newId('absence')
    const absence = {
      absenceId,
      userId: amy.id,
      startsAt: at('2027-01-05T10:00:00+08:00'),
      endsAt: at('2027-01-07T00:00:00+08:00'),
      deputyId: null,
    }
    await world.publish(tenantId, AbsenceNoted, absenceId, absence)
    await leads.settled()
    go('2027-01-05T15:00:00+08:00')
    await run()
    expect(await told(id)).toEqual([])
    expect((await see(id)).dueAt).toMatch(/^2027-01-07T04:00:0/)
    await world.publish(tenantId, AbsenceWithdrawn, absenceId, absence, { sequence: 2 })
    await leads.settled()
    go('2027-01-07T11:01:00+08:00') // when she was to be reminded
    await run()
    expect((await told(id)).map(([name]) => name)).toEqual(['lead.overdue', 'lead.pooled'])
  })

  it('begins anew for all leads in hand when the company changes its deadlines, and stops when it has none', async () => {
    const { amy, olga } = company
    go('2027-01-05T09:00:00+08:00')
    const { id } = await capture(amy)
    go('2027-01-05T10:00:00+08:00')
    await settings({ deadlines: everyGrade(120, null) })
    await eventually(async () => (((await see(id)).dueAt as string).startsWith('2027-01-05T04:00:0') ? true : undefined))
    await settings({ deadlines: everyGrade(null, null) })
    await eventually(async () => ((await see(id)).dueAt === null ? true : undefined))
    await ticks('2027-01-05T11:00:00+08:00', '2027-01-06T11:00:00+08:00', 6)
    expect(await told(id)).toEqual([])
    expect(await see(id)).toMatchObject({ status: 'assigned', version: 1 })
    const change = (body: object) => leads.as(olga).call(changeClockSettings, { body, headers: { 'if-match': '"3"' } })
    expect((await change({ poolId: newId('pool') })).body).toMatchObject({ code: 'reference.unknown', field: 'poolId' })
    expect((await leads.as(amy).call(changeClockSettings, { body: {}, headers: { 'if-match': '"3"' } })).status).toBe(403)
  })

  it('only tells of it, once, where the company has no pool for overdue leads', async () => {
    const { amy } = company
    await settings({ poolId: null })
    go('2027-01-05T09:00:00+08:00')
    const { id } = await capture(amy)
    for (const time of ['12:01', '13:01']) {
      go(`2027-01-05T${time}:00+08:00`)
      await Promise.all([run(), run(), run()])
    }
    await ticks('2027-01-05T14:00:00+08:00', '2027-01-06T14:00:00+08:00', 6)
    expect(await told(id)).toEqual([
      ['lead.reminded', 'first_response'],
      ['lead.overdue', 'first_response'],
    ])
    expect(await see(id)).toMatchObject({ status: 'assigned', ownerId: amy.id, version: 1 })
  })
})
