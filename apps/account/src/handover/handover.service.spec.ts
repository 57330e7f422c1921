import {
  addContact,
  assignAccount,
  cancelHandover,
  discardUnmatchedMail,
  fileMail,
  getAccount,
  getContact,
  getHandover,
  handedNouns,
  handoverReports,
  listHandedRecords,
  listHandovers,
  listHandoversNeeded,
  listUnmatchedMails,
  logActivity,
  openAccount,
  prepareHandover,
  readAudit,
  startHandover,
  undoHandover,
  UserChanged,
  type HandingService,
  type handoverSteps,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'
import { anEml } from '../mail/mail.fixture.js'

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(async () => void (company = await world.company()))

type Step = (typeof handoverSteps)[number]
const others = ['lead', 'opportunity', 'cpq', 'billing'] as const

/** What the other services tell, as they would. */
async function tells(of: HandingService, handoverId: string, asked: number, step: Step, given: object = {}): Promise<void> {
  const nouns = handedNouns[of].map((noun) => ({ noun, records: 1, amounts: [], moved: 0, left: 0, returned: 0, stayed: 0 }))
  const report = { handoverId, asked, service: of, step, done: true, nouns, refusal: null, ...given }
  await world.publish(company.tenantId, handoverReports[of], handoverId, report as never, { sequence: asked * 10 })
}
const othersTell = async (id: string, asked: number, step: Step) => {
  for (const each of others) await tells(each, id, asked, step)
}

const an = async (person: Person, given: object = {}) =>
  (await service.as(person).does(openAccount, { body: { name: 'Cloudmap', ...given } })) as Record<string, any>
const prepared = async (given: object = {}, by = company.olga) =>
  (await service.as(by).does(prepareHandover, {
    body: { fromUserId: company.amy.id, toUserId: company.bob.id, reason: 'Amy leaves', ...given },
  })) as Record<string, any>
const read = (id: string) => service.as(company.olga).does(getHandover, { params: { id } })
const becomes = (id: string, wanted: object) => eventually(async () => (expect(await read(id)).toMatchObject(wanted), read(id)))
const ready = async (given: object = {}) => {
  const { id } = await prepared(given)
  await othersTell(id, 1, 'count')
  return becomes(id, { status: 'ready' })
}
const moved = async (given: object = {}) => {
  const { id } = await ready(given)
  await service.as(company.olga).does(startHandover, { params: { id } })
  await othersTell(id, 2, 'move')
  await becomes(id, {
    status: 'moving',
    services: expect.arrayContaining([expect.objectContaining({ service: 'account', step: 'recheck' })]),
  })
  await othersTell(id, 3, 'recheck')
  return becomes(id, { status: 'moved' })
}
const ownerOf = async (id: string) => (await service.as(company.ada).does(getAccount, { params: { id } })).ownerId as string
const told = async (id: string) => (await world.events(company.tenantId)).filter(({ subject }) => subject === id).map(({ name }) => name)

describe('a handover', () => {
  it('moves nothing before it is started, and says who has not answered yet', async () => {
    const { id } = await an(company.amy)
    const handover = await prepared()
    expect(handover).toMatchObject({ status: 'preparing', fromUserId: company.amy.id, toUserId: company.bob.id })
    await becomes(handover['id'], { waitingFor: ['billing', 'cpq', 'lead', 'opportunity'] })
    for (const each of others.slice(1)) await tells(each, handover['id'], 1, 'count')
    await becomes(handover['id'], { status: 'preparing', waitingFor: ['lead'] })
    await tells('lead', handover['id'], 1, 'count')
    const { records, services } = await becomes(handover['id'], { status: 'ready', waitingFor: [] })
    expect(records).toBe(1 + 1 + 1 + 3 + 4)
    expect(services.find((each: { service: string }) => each.service === 'account').nouns).toMatchObject([
      { noun: 'account', records: 1, moved: 0 },
      { noun: 'contact', records: 0 },
      { noun: 'activity', records: 0 },
    ])
    expect(await ownerOf(id)).toBe(company.amy.id)
  })

  it('gives the accounts a new owner with contacts and activities, and tells of each account once', async () => {
    const { amy, bob, olga } = company
    const { id } = await an(amy)
    const contact = await service.as(amy).does(addContact, { body: { accountId: id, name: 'Li Lei' } })
    await service.as(amy).does(logActivity, { body: { accountId: id, kind: 'note', subject: 'Seen' } })
    const handover = await moved()
    expect(handover.services.find((each: { service: string }) => each.service === 'account').nouns).toMatchObject([
      { noun: 'account', records: 1, moved: 1, left: 0 },
      { noun: 'contact', records: 1, moved: 1 },
      { noun: 'activity', records: 1, moved: 1 },
    ])
    expect(await service.as(bob).does(getAccount, { params: { id } })).toMatchObject({ ownerId: bob.id, version: 2 })
    expect((await service.as(bob).call(getContact, { params: { id: contact.id } })).status).toBe(200)
    expect((await service.as(amy).call(getContact, { params: { id: contact.id } })).status).toBe(404)
    expect(await told(id)).toEqual(['account.opened', 'account.changed'])
    expect(await told(handover.id)).toEqual(
      expect.arrayContaining(['handover.prepared', 'handover.ready', 'handover.started', 'handover.rechecked', 'handover.moved']),
    )
    const { data } = await service.as(company.ada).does(readAudit, { params: { id } })
    expect(data.at(-1)).toMatchObject({ version: 2, actorId: olga.id, change: { ownerId: { from: amy.id, to: bob.id } } })
  })

  it('gives e-mails that wait for their account to whoever follows, and they come back with the rest; those decided on stay', async () => {
    const { amy, bob, olga } = company
    const files = (subject: string) =>
      service.as(amy).does(fileMail, { body: anEml({ From: 'who@elsewhere.example', Subject: subject, 'Message-ID': `<${subject}@x>` }) })
    await files('Who is this?')
    const { unmatchedMailId: id } = await files('Nothing for us')
    await service.as(amy).does(discardUnmatchedMail, { params: { id } })
    const waiting = async (person: Person) =>
      (await service.as(person).does(listUnmatchedMails, { query: { status: 'waiting' } })).data as { subject: string; ownerId: string }[]
    const handover = await moved()
    expect([await waiting(amy), await waiting(bob)]).toMatchObject([[], [{ subject: 'Who is this?', ownerId: bob.id }]])
    const query = { noun: 'unmatched_mail' }
    expect((await service.as(olga).does(listHandedRecords, { params: { id: handover.id }, query })).data).toMatchObject([
      { title: 'Who is this?', toUserId: bob.id, state: 'moved' },
    ])
    await service.as(olga).does(undoHandover, { params: { id: handover.id } })
    await eventually(async () => (await waiting(amy)).length === 1)
    const { data } = await service.as(company.ada).does(readAudit, { params: { id } })
    expect(data.filter(({ channel }: { channel: string }) => channel === 'handover')).toEqual([])
    expect(await waiting(bob)).toEqual([])
  })

  it('splits a book by rules and by name, the first that fits, and leaves the rest to one', async () => {
    const { amy, bob, mona, eva } = company
    const north = await an(amy, { region: 'North' })
    const named = await an(amy, { region: 'North', name: 'Named' })
    const rest = await an(amy, { region: 'South' })
    const handover = await moved({
      assignments: [
        { toUserId: eva.id, accountIds: [named['id']] },
        { toUserId: mona.id, when: 'account.region == "North"' },
      ],
    })
    expect(handover.assignments.map(({ accounts }: { accounts: number }) => accounts)).toEqual([1, 1])
    expect(await Promise.all([north, named, rest].map(({ id }) => ownerOf(id)))).toEqual([mona.id, eva.id, bob.id])
  })

  it('moves only the accounts of a territory when it is told so', async () => {
    const { amy, bob } = company
    const [north, south] = [await an(amy, { region: 'North' }), await an(amy, { region: 'South' })]
    await moved({ only: 'account.region == "North"' })
    expect([await ownerOf(north['id']), await ownerOf(south['id'])]).toEqual([bob.id, amy.id])
  })

  it('leaves alone what somebody else was given meanwhile, and takes what came to the leaver', async () => {
    const { amy, bob, eva, olga } = company
    const [kept, given, his] = [await an(amy), await an(amy, { name: 'Given away' }), await an(amy, { name: 'Bob’s already' })]
    const { id } = await ready()
    await service.as(olga).does(assignAccount, { params: { id: given['id'] }, body: { ownerId: eva.id } })
    await service.as(olga).does(assignAccount, { params: { id: his['id'] }, body: { ownerId: bob.id } })
    const late = await an(amy, { name: 'Late' })
    await service.as(olga).does(startHandover, { params: { id } })
    await becomes(id, { waitingFor: ['billing', 'cpq', 'lead', 'opportunity'] })
    const later = await an(amy, { name: 'Later' })
    await othersTell(id, 2, 'move')
    await becomes(id, {
      waitingFor: ['billing', 'cpq', 'lead', 'opportunity'],
      log: expect.arrayContaining([expect.objectContaining({ what: 'rechecked' })]),
    })
    await othersTell(id, 3, 'recheck')
    await becomes(id, { status: 'moved' })
    expect(await Promise.all([kept, given, late, later].map((each) => ownerOf(each['id'])))).toEqual([bob.id, eva.id, bob.id, bob.id])
    const { data } = await service.as(olga).does(listHandedRecords, { params: { id }, query: { noun: 'account', state: 'left' } })
    expect(data).toMatchObject([
      { id: given['id'], title: 'Given away', foundUserId: eva.id },
      { id: his['id'], title: 'Bob’s already', foundUserId: bob.id },
    ])
  })

  it('is all or nothing: when a service refuses, what has moved moves back, and it has failed with the reason', async () => {
    const { amy, bob, olga } = company
    const { id } = await an(amy)
    const handover = await ready()
    await service.as(olga).does(startHandover, { params: { id: handover.id } })
    await eventually(async () => (await ownerOf(id)) === bob.id)
    await tells('lead', handover.id, 2, 'move', { refusal: { code: 'handover.receiver_left', details: { userId: bob.id } } })
    await becomes(handover.id, { status: 'returning', waitingFor: expect.arrayContaining(['cpq']) })
    await othersTell(handover.id, 3, 'move_back')
    const { failure } = await becomes(handover.id, { status: 'failed' })
    expect(failure).toMatchObject({ service: 'lead', code: 'handover.receiver_left', text: expect.stringContaining(bob.id) })
    expect(await ownerOf(id)).toBe(amy.id)
  })

  it('is not started once a receiver has left', async () => {
    const { bob, olga, tenantId } = company
    const { id } = await ready()
    await world.publish(tenantId, UserChanged, bob.id, gone(bob), { sequence: 2 })
    await service.settled()
    const answer = await service.as(olga).call(startHandover, { params: { id } })
    expect(answer.body).toMatchObject({ status: 422, code: 'reference.unknown', value: bob.id })
    expect(await read(id)).toMatchObject({ status: 'ready' })
  })

  it('comes back when it is undone, but for what changed hands since', async () => {
    const { amy, eva, olga } = company
    const [back, gone] = [await an(amy), await an(amy, { name: 'Gone' })]
    const handover = await moved()
    await service.as(olga).does(assignAccount, { params: { id: gone['id'] }, body: { ownerId: eva.id } })
    await service.as(olga).does(undoHandover, { params: { id: handover.id } })
    await othersTell(handover.id, 4, 'move_back')
    const { services } = await becomes(handover.id, { status: 'undone' })
    expect(services[0].nouns[0]).toMatchObject({ noun: 'account', records: 2, moved: 0, returned: 1, stayed: 1 })
    expect([await ownerOf(back['id']), await ownerOf(gone['id'])]).toEqual([amy.id, eva.id])
  })

  it('can be undone for thirty days', async () => {
    const handover = await moved()
    const now = service.clock.now()
    service.clock.set(new Date(now.getTime() + 31 * 86_400_000))
    try {
      const answer = await service.as(company.olga).call(undoHandover, { params: { id: handover.id } })
      expect(answer.body).toMatchObject({ status: 409, code: 'handover.too_late' })
    } finally {
      service.clock.set(now)
    }
  })

  it('hears each answer once, whatever comes twice, late or of an earlier step', async () => {
    const { id } = await ready()
    await tells('lead', id, 1, 'count')
    await tells('lead', id, 0, 'count', { done: false })
    await service.settled()
    expect(await read(id)).toMatchObject({ status: 'ready', waitingFor: [] })
    await service.as(company.olga).does(startHandover, { params: { id } })
    await othersTell(id, 1, 'count')
    await becomes(id, { status: 'moving', waitingFor: ['billing', 'cpq', 'lead', 'opportunity'] })
  })
})

describe('who may', () => {
  it('hand over is an administrator or sales-ops, and a manager for their own people', async () => {
    const { amy, bob, mona, fred, ada } = company
    const wish = (by: Person, fromUserId: string) =>
      service.as(by).call(prepareHandover, { body: { fromUserId, toUserId: company.eva.id, reason: 'x' } })
    expect((await wish(amy, amy.id)).status).toBe(403)
    expect((await wish(fred, amy.id)).status).toBe(403)
    expect((await wish(mona, bob.id)).body).toMatchObject({ status: 422, code: 'reference.unknown', field: 'fromUserId' })
    const hers = (await wish(mona, amy.id)).body.id as string
    expect((await wish(ada, amy.id)).body).toMatchObject({ status: 409, code: 'handover.under_way', handoverId: hers })
    const his = (await wish(ada, bob.id)).body.id as string
    expect((await service.as(mona).call(getHandover, { params: { id: his } })).status).toBe(404)
    expect((await service.as(mona).call(listHandedRecords, { params: { id: his }, query: { noun: 'account' } })).status).toBe(404)
    expect((await service.as(mona).does(listHandovers)).data.map(({ id }: { id: string }) => id)).toEqual([hers])
    await service.as(mona).does(cancelHandover, { params: { id: hers } })
    expect((await wish(ada, amy.id)).status).toBe(201)
  })

  it('receive is who is there, and not the leaver', async () => {
    const { amy, olga, bob } = company
    const code = async (body: object) =>
      (await service.as(olga).call(prepareHandover, { body: { fromUserId: amy.id, toUserId: bob.id, reason: 'x', ...body } })).body
        .code as string
    expect(await code({ toUserId: newId('user') })).toBe('reference.unknown')
    expect(await code({ toUserId: amy.id })).toBe('handover.to_themselves')
    expect(await code({ assignments: [{ toUserId: bob.id, accountIds: [newId('account')] }] })).toBe('reference.unknown')
    expect(await code({ only: 'account.region ==' })).toBe('expression.malformed')
    expect(await code({ assignments: [{ toUserId: bob.id, when: 'account.salary > 1' }] })).toBe('expression.malformed')
  })
})

it('people who left and still own accounts are shown, and nothing of theirs moves by itself', async () => {
  const { amy, olga, bob, tenantId } = company
  const { id } = await an(amy)
  await world.publish(tenantId, UserChanged, amy.id, gone(amy), { sequence: 2 })
  await service.settled()
  const needed = async () => (await service.as(olga).does(listHandoversNeeded)).data as unknown[]
  expect(await needed()).toEqual([{ userId: amy.id, name: 'Amy', accounts: 1, contacts: 0, activities: 0, handoverId: null }])
  expect(await ownerOf(id)).toBe(amy.id)
  const handover = await prepared()
  expect(await needed()).toMatchObject([{ handoverId: handover['id'] }])
  await service.as(olga).does(cancelHandover, { params: { id: handover['id'] } })
  await moved()
  expect(await needed()).toEqual([])
  expect(await ownerOf(id)).toBe(bob.id)
})

const gone = ({ id, name, email, unitId, roles }: Person) => ({ userId: id, name, email, unitId, roles: [...roles], active: false })
