import {
  addContact,
  assignAccount,
  changeActivity,
  getActivity,
  listActivities,
  logActivity,
  openAccount,
  OpportunityChanged,
  OpportunityOpened,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService
let company: Company
let cloud: { id: Id<'account'>; journeyId: string }

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
  company = await world.company()
  cloud = await service.as(company.amy).does(openAccount, { body: { name: '云图科技' } })
})
afterAll(() => world.stop())

/** A deal as the opportunity service would tell of it. */
async function aDeal(accountId: Id<'account'> | null, opportunityId = newId('opportunity'), sequence = 1, event = OpportunityOpened) {
  const journeyId = newId('journey')
  const payload = {
    opportunityId,
    title: 'CRM for 120 seats',
    accountId,
    ownerId: company.amy.id,
    processId: newId('process'),
    stage: { key: 'first', name: 'First' },
    amount: null,
    products: [],
    expectedCloseOn: null,
    source: null,
  }
  await world.publish(company.tenantId, event, opportunityId, payload, { journeyId, sequence })
  await service.settled()
  return { opportunityId, journeyId }
}
const eventsOf = async (subject: string) => (await world.events(company.tenantId)).filter((event) => event.subject === subject)

describe('logging an activity', () => {
  it('keeps a visit with place, check-in, companions and next step, and tells others when it took place', async () => {
    const { amy, bob } = company
    const contact = await service.as(amy).does(addContact, { body: { accountId: cloud.id, name: '李雷' } })
    const { opportunityId, journeyId } = await aDeal(cloud.id)
    const body = {
      kind: 'visit',
      accountId: cloud.id,
      contactId: contact.id,
      opportunityId,
      subject: 'Needs of the sales team',
      text: 'They want 120 seats.\nBudget is there.',
      takesPlaceAt: '2026-10-01T06:30:00.000Z',
      place: '上海市世纪大道1号',
      checkIn: { latitude: 31.2304, longitude: 121.4737, at: '2026-10-01T06:25:00.000Z' },
      companions: [bob.id],
      nextStep: { text: 'Send the offer', on: '2026-10-08' },
    }
    const activity = await service.as(amy).does(logActivity, { body })
    expect(activity).toMatchObject({ ...body, loggedById: amy.id, version: 1, journeyId })
    expect(activity).not.toHaveProperty('ownerId')
    expect(await service.as(amy).does(getActivity, { params: { id: activity.id } })).toEqual(activity)
    expect(await eventsOf(activity.id)).toMatchObject([
      {
        name: 'activity.logged',
        at: '2026-10-01T06:30:00.000Z',
        journeyId,
        payload: {
          activityId: activity.id,
          kind: 'visit',
          accountId: cloud.id,
          contactId: contact.id,
          opportunityId,
          ownerId: amy.id,
        },
      },
    ])
  })

  it('needs no more than a kind, an account and a subject; it is now, on the journey of the account', async () => {
    const before = service.clock.now().toISOString()
    const activity = await service.as(company.amy).does(logActivity, { body: { kind: 'note', accountId: cloud.id, subject: 'x' } })
    expect(activity).toMatchObject({ journeyId: cloud.journeyId, companions: [], checkIn: null, nextStep: null })
    expect(activity.takesPlaceAt >= before).toBe(true)
  })

  it('refuses nonsense with every field that is wrong', async () => {
    const answer = await service.as(company.amy).call(logActivity, {
      body: {
        kind: 'party',
        accountId: cloud.id,
        subject: '',
        takesPlaceAt: '2026-02-30T00:00:00Z',
        checkIn: { latitude: 90.1, longitude: -181, at: '2026-10-01T06:25:00Z' },
        companions: ['amy'],
        nextStep: { text: 'Call', on: '2026-02-29' },
      },
    })
    expect(answer.status).toBe(400)
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/checkIn/latitude',
      '/checkIn/longitude',
      '/companions/0',
      '/kind',
      '/nextStep/on',
      '/subject',
      '/takesPlaceAt',
    ])
  })

  it('refuses a check-in where nobody met', async () => {
    const checkIn = { latitude: 0, longitude: 0, at: '2026-10-01T06:25:00Z' }
    const answer = await service.as(company.amy).call(logActivity, { body: { kind: 'call', accountId: cloud.id, subject: 'x', checkIn } })
    expect(answer.body).toMatchObject({ status: 422, code: 'activity.no_check_in', kind: 'call' })
  })

  it('refuses contacts, deals and companions that nobody knows or that belong elsewhere', async () => {
    const { amy } = company
    const other = await service.as(amy).does(openAccount, { body: { name: 'Other Ltd' } })
    const foreign = await service.as(amy).does(addContact, { body: { accountId: other.id, name: 'N' } })
    const { opportunityId } = await aDeal(other.id)
    const refused = async (reference: object) =>
      (await service.as(amy).call(logActivity, { body: { kind: 'call', accountId: cloud.id, subject: 'x', ...reference } })).body as unknown
    const unknown = { status: 422, code: 'reference.unknown' }
    const elsewhere = { status: 422, code: 'activity.other_account' }
    expect(await refused({ accountId: newId('account') })).toMatchObject({ ...unknown, field: 'accountId' })
    expect(await refused({ contactId: newId('contact') })).toMatchObject({ ...unknown, field: 'contactId' })
    expect(await refused({ opportunityId: newId('opportunity') })).toMatchObject({ ...unknown, field: 'opportunityId' })
    expect(await refused({ companions: [newId('user')] })).toMatchObject({ ...unknown, field: 'companions' })
    expect(await refused({ contactId: foreign.id })).toMatchObject({ ...elsewhere, field: 'contactId', value: foreign.id })
    expect(await refused({ opportunityId })).toMatchObject({ ...elsewhere, field: 'opportunityId', value: opportunityId })
  })

  it('follows a deal to its account, by the latest that is known of it', async () => {
    const log = (opportunityId: string) =>
      service.as(company.amy).call(logActivity, { body: { kind: 'call', accountId: cloud.id, subject: 'x', opportunityId } })
    const { opportunityId } = await aDeal(null)
    expect((await log(opportunityId)).status).toBe(201)
    await aDeal(newId('account'), opportunityId, 3, OpportunityChanged)
    await aDeal(cloud.id, opportunityId, 2, OpportunityChanged)
    expect((await log(opportunityId)).body.code).toBe('activity.other_account')
    await aDeal(cloud.id, opportunityId, 4, OpportunityChanged)
    expect((await log(opportunityId)).status).toBe(201)
  })

  it('makes one activity of a request that is sent twice with the same key', async () => {
    const request = { body: { kind: 'call', accountId: cloud.id, subject: 'once' }, headers: { 'idempotency-key': 'k-1' } }
    const one = await service.as(company.amy).does(logActivity, request)
    expect(await service.as(company.amy).does(logActivity, request)).toEqual(one)
    expect(await eventsOf(one.id)).toHaveLength(1)
  })
})

describe('correcting an activity', () => {
  it('needs the version that was read, keeps kind and account, and tells others', async () => {
    const { amy } = company
    const { opportunityId, journeyId } = await aDeal(cloud.id)
    const activity = await service.as(amy).does(logActivity, {
      body: { kind: 'meeting', accountId: cloud.id, subject: 'Demo', nextStep: { text: 'Send the offer', on: '2026-11-09' } },
    })
    const params = { id: activity.id }
    const change = (body: object, version?: number) =>
      service.as(amy).call(changeActivity, { params, body, ...(version && { headers: { 'if-match': `"${version}"` } }) })
    expect((await change({ subject: 'x' })).status).toBe(428)
    expect((await change({ kind: 'call' }, 1)).status).toBe(400)
    const checkIn = { latitude: -33.9, longitude: 18.4, at: '2026-10-30T08:00:00.000Z' }
    const takesPlaceAt = '2026-10-30T08:00:00.000Z'
    const changed = await change({ subject: 'Demo 2', takesPlaceAt, checkIn, nextStep: null, opportunityId }, 1)
    expect(changed.body).toMatchObject({ subject: 'Demo 2', takesPlaceAt, checkIn, nextStep: null, opportunityId, journeyId, version: 2 })
    expect((await service.as(amy).does(getActivity, { params })).checkIn).toEqual(checkIn)
    expect((await change({ subject: 'x' }, 1)).body).toMatchObject({ status: 412, code: 'version.stale', current: 2 })
    const events = await eventsOf(activity.id)
    expect(events.map(({ name, at, payload }) => [name, at, payload['opportunityId']])).toEqual([
      ['activity.logged', activity.takesPlaceAt, null],
      ['activity.changed', takesPlaceAt, opportunityId],
    ])
  })
})

describe('who sees which activity', () => {
  it('shows a rep those of her accounts, a manager those of his part, another tenant nothing', async () => {
    const activity = await service.as(company.mona).does(logActivity, { body: { kind: 'call', accountId: cloud.id, subject: 'Private' } })
    const params = { id: activity.id }
    const stranger = await world.company()
    const status = async (person: Person) => (await service.as(person).call(getActivity, { params })).status
    expect(await status(company.amy)).toBe(200)
    expect(await status(company.mona)).toBe(200)
    expect(await status(company.fred)).toBe(200)
    expect(await status(company.bob)).toBe(404)
    expect(await status(stranger.ada)).toBe(404)
    const finance = await service.as(company.fred).call(logActivity, { body: { kind: 'call', accountId: cloud.id, subject: 'x' } })
    expect(finance.body).toMatchObject({ status: 403, permission: 'activity.log' })
    const change = await service.as(company.bob).call(changeActivity, { params, body: { subject: 'x' }, headers: { 'if-match': '"1"' } })
    expect(change.body).toMatchObject({ status: 404, code: 'activity.not_found' })
  })

  it('hands the history over with the account', async () => {
    const { amy, bob, olga } = company
    const account = await service.as(amy).does(openAccount, { body: { name: 'Handed Ltd' } })
    const activity = await service.as(amy).does(logActivity, { body: { kind: 'call', accountId: account.id, subject: 'x' } })
    await service.as(olga).does(assignAccount, { params: { id: account.id }, body: { ownerId: bob.id } })
    const status = async (person: Person) => (await service.as(person).call(getActivity, { params: { id: activity.id } })).status
    expect([await status(bob), await status(amy)]).toEqual([200, 404])
  })
})

describe('listing activities', () => {
  it('finds them by account, kind and time, and what was agreed for a day', async () => {
    const { amy, bob } = await world.company()
    const account = await service.as(amy).does(openAccount, { body: { name: 'List Ltd' } })
    const log = (subject: string, given: object) =>
      service.as(amy).does(logActivity, { body: { kind: 'call', accountId: account.id, subject, ...given } })
    await log('a', { takesPlaceAt: '2026-10-03T00:00:00Z', nextStep: { text: 'Call', on: '2026-10-10' } })
    await log('b', { takesPlaceAt: '2026-10-01T00:00:00Z', nextStep: { text: 'Call', on: '2026-10-11' } })
    await log('c', { takesPlaceAt: '2026-10-02T00:00:00Z', kind: 'visit' })
    const subjects = async (query: Record<string, unknown>, person = amy) =>
      (await service.as(person).does(listActivities, { query: { accountId: account.id, sort: 'takesPlaceAt', ...query } })).data.map(
        ({ subject }: { subject: string }) => subject,
      )
    expect(await subjects({})).toEqual(['b', 'c', 'a'])
    expect(await subjects({ sort: '-takesPlaceAt', limit: 2 })).toEqual(['a', 'c'])
    expect(await subjects({ kind: ['visit', 'note'] })).toEqual(['c'])
    expect(await subjects({ 'takesPlaceAt.gte': '2026-10-02', 'takesPlaceAt.lt': '2026-10-03' })).toEqual(['c'])
    expect(await subjects({ nextStepOn: '2026-10-11' })).toEqual(['b'])
    expect(await subjects({ 'nextStepOn.lte': '2026-10-10', ownerId: amy.id })).toEqual(['a'])
    expect(await subjects({}, bob)).toEqual([])
  })
})
