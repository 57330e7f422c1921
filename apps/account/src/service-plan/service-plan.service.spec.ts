import {
  addContact,
  assignAccount,
  CalendarCreated,
  changeAccount,
  changeServicePlan,
  createSegment,
  createServicePlan,
  createSurvey,
  finishServiceDue,
  listServiceDues,
  listServicePlans,
  logActivity,
  mergeAccount,
  openAccount,
  postponeServiceDue,
  releaseAccount,
  sendSurvey,
  skipServiceDue,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'
import { SegmentService } from '../segment/segment.service.js'
import { DueListService } from './due-list.service.js'

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
beforeEach(async () => {
  service.clock.set(new Date('2026-11-02T08:00:00Z')) // a Monday
  company = await world.company()
})
afterAll(() => world.stop())

const step = (kind: string, everyDays: number, key = kind) => ({ key, kind, everyDays, text: `Do the ${kind}` })
const job = () => service.app.get(DueListService).write()
const itIs = async (day: string) => {
  service.clock.set(new Date(`${day}T08:00:00Z`))
  await job()
}
const open = async (person: Person, name: string, body: object = {}) =>
  (await service.as(person).does(openAccount, { body: { name, class: 'key', ...body } })).id as string
const plan = async (steps: object[], body: object = { accountClass: 'key' }) => {
  const made = await service.as(company.mona).does(createServicePlan, { body: { name: 'Key care', steps, ...body } })
  await job()
  return made as { id: string; version: number }
}
const list = async (person: Person, query: object = {}) =>
  (await service.as(person).does(listServiceDues, { query: { ...query } })).data as Due[]
const byDay = (one: Due, other: Due) =>
  `${one.dueOn} ${one.accountName} ${one.step}` < `${other.dueOn} ${other.accountName} ${other.step}` ? -1 : 1
const short = ({ accountName, step: key, dueOn, overdue }: Due) => `${accountName} ${key} ${dueOn}${overdue ? '!' : ''}`
/** What somebody owes: account, step and day; of one day, by name. */
const due = async (person: Person, query: object = {}) => (await list(person, query)).sort(byDay).map(short)
const log = (person: Person, accountId: string, kind: string, takesPlaceAt?: string) =>
  service.as(person).does(logActivity, { body: { kind, accountId, subject: 'x', ...(takesPlaceAt && { takesPlaceAt }) } })

interface Due {
  readonly id: string
  readonly step: string
  readonly accountName: string
  readonly dueOn: string
  readonly overdue: boolean
  readonly status: string
}

describe('the due list', () => {
  it('tells each rep what they owe to whom by when, two weeks ahead, on days on which they work', async () => {
    const { amy, bob, mona, olga } = company
    await open(amy, 'Alpha')
    await open(bob, 'Beta')
    await open(bob, 'Other', { class: 'sme' })
    await plan([step('call', 5), step('visit', 14), step('meeting', 15)])
    // Five days after Monday is a Saturday.
    expect(await due(olga)).toEqual(['Alpha call 2026-11-09', 'Beta call 2026-11-09', 'Alpha visit 2026-11-16', 'Beta visit 2026-11-16'])
    expect(await due(amy)).toEqual(['Alpha call 2026-11-09', 'Alpha visit 2026-11-16'])
    expect(await due(mona)).toEqual(await due(amy))
    expect([await due(mona, { whose: 'mine' }), await due(olga, { whose: 'team' })]).toEqual([[], []])
    expect((await due(mona, { whose: 'team' })).length).toBe(2)
    expect(await due(olga, { ownerId: bob.id, kind: 'visit' })).toEqual(['Beta visit 2026-11-16'])
    expect(await due(olga, { countedBefore: '2026-11-16' })).toEqual(['Alpha call 2026-11-09', 'Beta call 2026-11-09'])
    const first = await service.as(olga).does(listServiceDues, { query: { limit: 3 } })
    const pages = [...first.data, ...(await list(olga, { limit: 3, cursor: first.next }))] as Due[]
    expect(pages.sort(byDay).map(short)).toEqual(await due(olga))
    await itIs('2026-11-10')
    expect(await due(amy)).toEqual(['Alpha call 2026-11-09!', 'Alpha visit 2026-11-16', 'Alpha meeting 2026-11-17'])
  })

  it('goes by the calendar of who owns the account', async () => {
    const { amy, bob, olga, tenantId } = company
    const account = await open(amy, 'Alpha')
    await open(bob, 'Beta')
    const calendarId = newId('calendar')
    const all = Array(7).fill([{ from: '09:00', to: '18:00' }]) as never
    await world.publish(tenantId, CalendarCreated, calendarId, {
      ...{ calendarId, name: 'Always', zone: 'UTC', week: all, exceptions: [], isDefault: false, unitIds: [], userIds: [bob.id] },
    } as never)
    await service.settled()
    await plan([step('call', 5)])
    expect(await due(olga)).toEqual(['Beta call 2026-11-07', 'Alpha call 2026-11-09'])
    await service.as(olga).does(assignAccount, { params: { id: account }, body: { ownerId: bob.id } })
    expect([await due(amy), await due(bob)]).toEqual([[], ['Alpha call 2026-11-07', 'Beta call 2026-11-07']])
  })

  it('is written once however often the job runs and at how many places, and after nights without it', async () => {
    const { amy } = company
    for (let n = 0; n < 20; n += 1) await open(amy, `Account ${n}`)
    await plan([step('call', 5), step('visit', 30)])
    await Promise.all([job(), job(), job()])
    expect(await list(amy, { limit: 200 })).toHaveLength(20)
    service.clock.set(new Date('2026-12-04T08:00:00Z'))
    await Promise.all([job(), job()])
    const all = await list(amy, { limit: 200 })
    expect([all.filter(({ step: key }) => key === 'call').length, all.filter(({ step: key }) => key === 'visit').length]).toEqual([20, 20])
    expect(all.every(({ overdue }) => overdue)).toBe(true)
  })

  it('has what was done no more, and has it again when it is due the next time', async () => {
    const { amy } = company
    const account = await open(amy, 'Alpha')
    await plan([step('call', 5), step('visit', 10)])
    await itIs('2026-11-05')
    await log(amy, account, 'call', '2026-11-01T08:00:00Z')
    await log(amy, account, 'note')
    expect((await due(amy)).length).toBe(2)
    await log(amy, account, 'call')
    expect(await due(amy)).toEqual(['Alpha visit 2026-11-12'])
    await itIs('2026-11-06')
    expect(await due(amy)).toEqual(['Alpha call 2026-11-10', 'Alpha visit 2026-11-12'])
    // Planned for later, it is not done yet.
    await log(amy, account, 'visit', '2026-11-08T08:00:00Z')
    expect(await due(amy)).toContain('Alpha visit 2026-11-12')
    await itIs('2026-11-09')
    expect(await due(amy)).toEqual(['Alpha call 2026-11-10', 'Alpha visit 2026-11-18'])
  })

  it('counts from the last call, also one from before the plan, and never to a day before it', async () => {
    const { amy, bob } = company
    const [recent, old] = [await open(amy, 'Recent'), await open(bob, 'Old')]
    await log(amy, recent, 'call', '2026-10-30T08:00:00Z')
    await log(bob, old, 'call', '2026-01-01T08:00:00Z')
    await plan([step('call', 10)])
    expect([await due(amy), await due(bob)]).toEqual([['Recent call 2026-11-09'], ['Old call 2026-11-02']])
  })

  it('takes a survey that is sent for one that was owed', async () => {
    const { amy, mona } = company
    const account = await open(amy, 'Alpha')
    await plan([step('survey', 10)])
    expect(await due(amy)).toEqual(['Alpha survey 2026-11-12'])
    await itIs('2026-11-05')
    const contact = await service.as(amy).does(addContact, { body: { accountId: account, name: 'Li' } })
    const survey = await service.as(mona).does(createSurvey, { body: { kind: 'csat', name: 'x', question: { en: 'x', 'zh-CN': 'x' } } })
    await service.as(amy).does(sendSurvey, { params: { id: survey.id }, body: { contactId: contact.id } })
    expect(await due(amy)).toEqual([])
    await itIs('2026-11-06')
    expect(await due(amy)).toEqual(['Alpha survey 2026-11-16'])
  })

  it('forgets accounts that leave the class, the segment, their owner or the world', async () => {
    const { amy, olga, mona } = company
    const [left, pooled, kept, twin] = [
      await open(amy, 'Left'),
      await open(amy, 'Pooled'),
      await open(amy, 'Kept'),
      await open(amy, 'Twin'),
    ]
    const segment = await service
      .as(mona)
      .does(createSegment, { body: { name: 'x', condition: 'account.name != "Kept" || account.class == "key"' } })
    await service.app.get(SegmentService).findMembers()
    await plan([step('call', 5)], { segmentId: segment.id })
    expect((await due(amy)).length).toBe(4)
    await service.as(mona).does(releaseAccount, { params: { id: pooled } })
    await service.as(olga).does(mergeAccount, { params: { id: left }, body: { accountId: twin } })
    expect((await due(olga)).length).toBe(2)
    await service.as(amy).does(changeAccount, { params: { id: kept }, body: { class: null }, headers: { 'if-match': '*' } })
    service.clock.advance({ hours: 6 })
    await service.app.get(SegmentService).findMembers()
    await job()
    expect(await due(olga)).toEqual(['Left call 2026-11-09'])
  })

  it('is finished, skipped or postponed by hand, with a reason, by who sees the account', async () => {
    const { amy, bob, mona } = company
    await open(amy, 'Alpha')
    await plan([step('event', 5), step('call', 5), step('visit', 5)])
    const items = new Map((await list(amy)).map((one) => [one.step, one]))
    const at = (key: string) => ({ params: { id: items.get(key)!.id } })
    expect((await service.as(bob).call(skipServiceDue, { ...at('call'), body: { reason: 'x' } })).status).toBe(404)
    expect((await service.as(amy).call(skipServiceDue, { ...at('call'), body: { reason: ' ' } })).status).toBe(400)
    expect(await service.as(amy).does(finishServiceDue, at('event'))).toMatchObject({
      status: 'done',
      closedOn: '2026-11-02',
      text: 'Do the event',
    })
    expect(await service.as(mona).does(skipServiceDue, { ...at('call'), body: { reason: 'Closed' } })).toMatchObject({
      status: 'skipped',
      reason: 'Closed',
    })
    const late = await service.as(amy).call(postponeServiceDue, { ...at('visit'), body: { to: '2026-11-01', reason: 'x' } })
    expect([late.status, late.body]).toMatchObject([422, { code: 'service_due.not_later', after: '2026-11-07' }])
    const later = await service.as(amy).does(postponeServiceDue, { ...at('visit'), body: { to: '2026-11-14', reason: 'They asked' } })
    expect(later).toMatchObject({ countedOn: '2026-11-14', dueOn: '2026-11-16', postponedFrom: '2026-11-07', reason: 'They asked' })
    expect((await service.as(amy).call(finishServiceDue, at('call'))).body).toMatchObject({ status: 409, code: 'service_due.illegal_move' })
    await itIs('2026-11-03')
    expect(await due(amy)).toEqual(['Alpha call 2026-11-09', 'Alpha event 2026-11-09', 'Alpha visit 2026-11-16'])
  })

  it('follows its plan: other days, fewer steps, none when it is not active', async () => {
    const { amy, mona } = company
    await open(amy, 'Alpha')
    const { id } = await plan([step('call', 5), step('visit', 7)])
    const change = async (body: object) => {
      await service.as(mona).does(changeServicePlan, { params: { id }, body, headers: { 'if-match': '*' } })
      await job()
    }
    await change({ steps: [step('call', 9)] })
    expect(await due(amy)).toEqual(['Alpha call 2026-11-11'])
    await change({ active: false })
    expect(await due(amy)).toEqual([])
    expect((await service.as(amy).does(listServicePlans, { query: { active: 'false' } })).data).toMatchObject([{ id }])
  })

  it('is refused without a target, and to other companies', async () => {
    const { amy, mona } = company
    const make = (person: Person, body: object) =>
      service.as(person).call(createServicePlan, { body: { name: 'x', steps: [step('call', 5)], ...body } })
    expect((await make(mona, {})).body).toMatchObject({ status: 422, code: 'service_plan.one_target' })
    expect((await make(mona, { segmentId: newId('segment') })).body).toMatchObject({ status: 422, code: 'reference.unknown' })
    expect((await make(amy, { accountClass: 'key' })).status).toBe(403)
    await open(amy, 'Alpha')
    await plan([step('call', 5)])
    const stranger = await world.company()
    const [{ id }] = (await list(amy)) as [Due]
    expect(await list(stranger.olga)).toEqual([])
    expect((await service.as(stranger.olga).call(finishServiceDue, { params: { id } })).status).toBe(404)
  })
})
