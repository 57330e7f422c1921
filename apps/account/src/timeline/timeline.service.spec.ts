import {
  addAttachment,
  addContact,
  assignAccount,
  changeActivity,
  finishNextStep,
  getTimeline,
  listActivities,
  listNextSteps,
  logActivity,
  openAccount,
} from '@millrace/contracts'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())

const anAccount = async (person: Person, name = '云图科技') => (await service.as(person).does(openAccount, { body: { name } })).id as string
const log = (person: Person, accountId: string, subject: string, given: object = {}) =>
  service.as(person).does(logActivity, { body: { kind: 'call', accountId, subject, ...given } })

describe('the time line of an account', () => {
  let company: Company
  let id: string
  const subjects = async (query: Record<string, unknown> = {}, person = company.amy) =>
    (await service.as(person).does(getTimeline, { params: { id }, query })).data.map(({ subject }: { subject: string }) => subject)

  beforeAll(async () => {
    company = await world.company()
    const { amy, bob, mona } = company
    id = await anAccount(amy)
    const contact = await service.as(amy).does(addContact, { body: { accountId: id, name: '李雷' } })
    await log(amy, id, 'first', { takesPlaceAt: '2026-10-01T08:00:00Z', contactId: contact.id })
    const visit = await log(amy, id, 'third', {
      kind: 'visit',
      takesPlaceAt: '2026-10-03T08:00:00Z',
      companions: [bob.id],
      nextStep: { text: 'Offer', on: '2026-10-10' },
    })
    await log(mona, id, 'second', { kind: 'note', takesPlaceAt: '2026-10-02T08:00:00Z' })
    const [query, body] = [{ name: 'a.txt' }, Buffer.from('x')]
    await service.as(amy).does(addAttachment, { params: { id: visit.id }, query, body })
    await log(amy, await anAccount(amy, 'Other'), 'elsewhere')
  })

  it('tells what was done, the latest first, with attachments and next steps', async () => {
    const { data, next } = await service.as(company.amy).does(getTimeline, { params: { id } })
    expect(data).toMatchObject([
      { subject: 'third', attachments: [{ name: 'a.txt' }], nextStep: { text: 'Offer', on: '2026-10-10' } },
      { subject: 'second', attachments: [], nextStep: null },
      { subject: 'first' },
    ])
    expect(next).toBeNull()
  })

  it('is turned page by page, without a gap and without a repeat', async () => {
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = { limit: 1, ...(cursor && { cursor }) }
      const page = await service.as(company.amy).does(getTimeline, { params: { id }, query })
      seen.push(...page.data.map(({ subject }: { subject: string }) => subject))
      cursor = page.next
    }
    expect(seen).toEqual(['third', 'second', 'first'])
  })

  it('keeps apart what happened at the same moment', async () => {
    const { amy } = company
    const account = await anAccount(amy, 'Same moment')
    for (const subject of ['a', 'b', 'c']) await log(amy, account, subject, { takesPlaceAt: '2026-10-01T08:00:00Z' })
    const page = async (cursor?: string) =>
      service.as(amy).does(getTimeline, { params: { id: account }, query: { limit: 2, ...(cursor && { cursor }) } })
    const first = await page()
    expect([...first.data, ...(await page(first.next)).data].map(({ subject }: { subject: string }) => subject)).toEqual(['c', 'b', 'a'])
  })

  it('shows kinds, a contact, or what a colleague logged or took part in', async () => {
    const { amy, bob, mona } = company
    const [{ contactId }] = (await service.as(amy).does(listActivities, { query: { accountId: id, kind: 'call' } })).data
    expect(await subjects({ kind: 'note' })).toEqual(['second'])
    expect(await subjects({ kind: ['note', 'visit'] })).toEqual(['third', 'second'])
    expect(await subjects({ contactId })).toEqual(['first'])
    expect(await subjects({ personId: bob.id })).toEqual(['third'])
    expect(await subjects({ personId: mona.id })).toEqual(['second'])
    expect(await subjects({ personId: amy.id, kind: 'visit' })).toEqual(['third'])
  })

  it('is for who sees the account', async () => {
    const stranger = await world.company()
    const status = async (person: Person) => (await service.as(person).call(getTimeline, { params: { id } })).status
    expect(await Promise.all([company.mona, company.bob, stranger.ada].map(status))).toEqual([200, 404, 404])
  })

  it.each(['x', Buffer.from('[]').toString('base64url'), Buffer.from('["never","x"]').toString('base64url')])(
    'refuses a cursor that somebody made up: %s',
    async (cursor) => {
      const answer = await service.as(company.amy).call(getTimeline, { params: { id }, query: { cursor } })
      expect(answer.body).toMatchObject({ status: 400, code: 'cursor.malformed' })
    },
  )
})

describe('next steps', () => {
  let company: Company
  const due = async (query: Record<string, unknown> = {}, person = company.amy) =>
    (await service.as(person).does(listNextSteps, { query })).data.map(({ text }: { text: string }) => text)

  beforeAll(async () => {
    company = await world.company()
  })

  it('are due by day, for each rep, until they are done', async () => {
    const { amy, bob, mona, olga } = company
    const [mine, other] = [await anAccount(amy), await anAccount(bob, 'Other')]
    const late = await log(amy, mine, 'x', { nextStep: { text: 'late', on: '2026-11-09' } })
    await log(amy, mine, 'x', { nextStep: { text: 'early', on: '2026-11-02' } })
    await log(bob, other, 'x', { nextStep: { text: 'of Bob', on: '2026-11-03' } })
    await log(amy, mine, 'nothing agreed')
    expect(await due()).toEqual(['early', 'late'])
    expect(await due({ dueBefore: '2026-11-09' })).toEqual(['early'])
    expect(await due({}, olga)).toEqual(['early', 'of Bob', 'late'])
    expect(await due({ ownerId: bob.id }, olga)).toEqual(['of Bob'])
    expect(await due({}, mona)).toEqual(['early', 'late'])
    const first = await service.as(olga).does(listNextSteps, { query: { limit: 2 } })
    expect(first.data[0]).toMatchObject({ accountId: mine, accountName: '云图科技', ownerId: amy.id, on: '2026-11-02', kind: 'call' })
    expect(await due({ limit: 2, cursor: first.next }, olga)).toEqual(['late'])

    const params = { id: late.id as string }
    const done = await service.as(amy).does(finishNextStep, { params })
    expect(done).toMatchObject({ version: 2, nextStep: { text: 'late', on: '2026-11-09', doneById: amy.id } })
    expect(await service.as(amy).does(finishNextStep, { params })).toEqual(done)
    expect(await due()).toEqual(['early'])
    expect((await service.as(amy).does(listActivities, { query: { 'nextStepOn.gte': '2026-11-01' } })).data).toHaveLength(1)
    const names = (await world.events(company.tenantId)).filter(({ subject }) => subject === late.id).map(({ name }) => name)
    expect(names).toEqual(['activity.logged', 'activity.changed'])
  })

  it('that are agreed anew are due again', async () => {
    const { amy } = await world.company()
    const account = await anAccount(amy)
    const { id } = await log(amy, account, 'x', { nextStep: { text: 'first', on: '2026-11-02' } })
    await service.as(amy).does(finishNextStep, { params: { id } })
    const nextStep = { text: 'second', on: '2026-11-20' }
    await service.as(amy).does(changeActivity, { params: { id }, body: { nextStep }, headers: { 'if-match': '"2"' } })
    expect(await due({}, amy)).toEqual(['second'])
  })

  it('go with the account to its new owner', async () => {
    const { amy, bob, olga } = await world.company()
    const account = await anAccount(amy)
    await log(amy, account, 'x', { nextStep: { text: 'Call', on: '2026-11-02' } })
    await service.as(olga).does(assignAccount, { params: { id: account }, body: { ownerId: bob.id } })
    expect([await due({}, amy), await due({}, bob)]).toEqual([[], ['Call']])
  })

  it('are refused where none was agreed, and to who does not see the activity', async () => {
    const { amy, bob } = company
    const { id } = await log(amy, await anAccount(amy), 'x')
    expect((await service.as(amy).call(finishNextStep, { params: { id } })).body).toMatchObject({
      status: 409,
      code: 'activity.no_next_step',
    })
    expect((await service.as(bob).call(finishNextStep, { params: { id } })).status).toBe(404)
  })
})
