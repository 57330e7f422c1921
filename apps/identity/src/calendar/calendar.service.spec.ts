import { changeCalendar, createCalendar, createOrgUnit, getCalendar, listCalendars } from '@millrace/contracts'
import { addWorkingTime, newId, officeHours, workingMinutesBetween } from '@millrace/domain'
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

const day = [
  { from: '09:00', to: '12:00' },
  { from: '13:30', to: '18:30' },
]
const week = [day, day, day, day, day, [], []]
const ada = () => identity.as(company.ada)
const create = (body: object) => ada().call(createCalendar, { body: { name: 'China', zone: 'Asia/Shanghai', week, ...body } })
const change = (id: string, body: object, version = 1) =>
  ada().call(changeCalendar, { params: { id }, body, headers: { 'if-match': `"${version}"` } })
const calendarOf = (userId: string) =>
  inTenant(company.tenantId, () => identity.app.get(Directory).calendarOf(userId, new Date('2026-01-01T00:00:00Z')))
const told = async () => (await world.events(company.tenantId)).filter(({ name }) => name.startsWith('calendar.'))

describe('a working calendar', () => {
  it('has the announced holidays and swapped workdays of China, on request', async () => {
    const { body } = await create({ publicHolidays: 'CN', exceptions: [{ on: '2026-10-08', name: 'Founders’ day', shifts: [] }] })
    const worked = body.exceptions.filter(({ shifts }: { shifts: unknown[] }) => shifts.length)
    expect(worked.map(({ on }: { on: string }) => on).sort()).toEqual([
      '2026-01-04',
      '2026-02-14',
      '2026-02-28',
      '2026-05-09',
      '2026-09-20',
      '2026-10-10',
    ])
    expect(worked[0].shifts).toEqual(day)
    expect(body.exceptions).toHaveLength(1 + 33 + 6)
    const from = new Date('2026-10-01T00:00:00+08:00')
    expect(addWorkingTime(body, from, 60)).toEqual(new Date('2026-10-09T10:00:00+08:00'))
    // 248 working days in 2026 by the official plan, one of them taken by the founders.
    const hours = workingMinutesBetween(body, new Date('2026-01-01T00:00:00+08:00'), new Date('2027-01-01T00:00:00+08:00')) / 60
    expect(hours).toBe((248 - 1) * 8)
    expect((await told()).map(({ name, payload }) => [name, payload['calendarId'], payload['exceptions'].length])).toEqual([
      ['calendar.created', body.id, 40],
    ])
  })

  it('is a person’s own, their unit’s, that of a unit above, or the default; without any they work office hours in the company’s zone', async () => {
    const [north, south] = [
      await ada().does(createOrgUnit, { body: { name: 'North' } }),
      await ada().does(createOrgUnit, { body: { name: 'South' } }),
    ]
    const team = await ada().does(createOrgUnit, { body: { name: 'Team', parentId: north.id } })
    const amy = await company.hire('Amy', ['sales_rep'], { unitId: team.id })
    const bob = await company.hire('Bob', ['sales_rep'], { unitId: team.id })
    const cleo = await company.hire('Cleo', ['sales_rep'], { unitId: south.id })
    await identity.settled()
    expect(await calendarOf(amy.id)).toEqual({ ...officeHours('Asia/Shanghai'), away: [] })
    await create({ name: 'default', zone: 'Asia/Tokyo', isDefault: true })
    await create({ name: 'north', zone: 'Europe/Berlin', unitIds: [north.id] })
    await create({ name: 'hers', zone: 'America/New_York', userIds: [amy.id] })
    await identity.settled()
    const zones = await Promise.all([amy, bob, cleo].map(async ({ id }) => (await calendarOf(id)).zone))
    expect(zones).toEqual(['America/New_York', 'Europe/Berlin', 'Asia/Tokyo'])
    expect((await create({ name: 'another', unitIds: [north.id] })).body).toMatchObject({
      status: 409,
      code: 'calendar.has_another',
      calendar: 'north',
    })
  })

  it('is the default alone: a new one takes that from the other, also when two become it at one moment', async () => {
    const [first, second, third] = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => (await create({ name, isDefault: true })).body.id as string),
    )
    const { data } = await ada().does(listCalendars, { query: { isDefault: 'true' } })
    expect(data).toHaveLength(1)
    const other = [first, second, third].find((id) => id !== data[0].id)!
    const { version } = await ada().does(getCalendar, { params: { id: other } })
    expect((await change(other, { isDefault: true }, version)).body).toMatchObject({ isDefault: true })
    expect((await ada().does(listCalendars, { query: { isDefault: 'true' } })).data).toMatchObject([{ id: other }])
    expect((await told()).map(({ name }) => name).sort()).toEqual([
      'calendar.changed',
      'calendar.changed',
      'calendar.changed',
      'calendar.changed',
      'calendar.created',
      'calendar.created',
      'calendar.created',
    ])
  })

  it('is changed on what was read, by who runs sales, and refused when it makes no sense', async () => {
    const { body } = await create({})
    const rep = await company.hire('Rep', ['sales_rep'])
    expect((await identity.as(rep).call(createCalendar, { body: { name: 'mine', zone: 'Asia/Shanghai', week } })).status).toBe(403)
    expect(await identity.as(rep).does(getCalendar, { params: { id: body.id } })).toMatchObject({ name: 'China' })
    expect((await create({})).body).toMatchObject({ status: 409, code: 'value.taken', field: 'name' })
    const wrong: [object, number, string][] = [
      [{ week: [day] }, 400, 'request.invalid'],
      [{ week: [[{ from: '9:00', to: '12:00' }], [], [], [], [], [], []] }, 400, 'request.invalid'],
      [{ week: [[{ from: '12:00', to: '09:00' }], [], [], [], [], [], []] }, 422, 'calendar.shifts'],
      [{ week: [[], [], [], [], [], [], []] }, 422, 'calendar.no_working_time'],
      [{ zone: 'Mars/Olympus' }, 400, 'request.invalid'],
      [{ userIds: [newId('user')] }, 422, 'reference.unknown'],
    ]
    for (const [given, status, code] of wrong) expect((await change(body.id, given)).body).toMatchObject({ status, code })
    expect((await change(body.id, { zone: 'Asia/Taipei' })).body).toMatchObject({ zone: 'Asia/Taipei', version: 2 })
    expect((await change(body.id, { zone: 'Asia/Tokyo' })).status).toBe(412)
    const stranger = identity.as((await found(identity)).ada)
    expect((await stranger.call(getCalendar, { params: { id: body.id } })).status).toBe(404)
  })
})
