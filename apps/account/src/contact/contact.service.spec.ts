import { addContact, assignAccount, changeContact, getContact, listContacts, openAccount, readAudit } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService
let company: Company
let cloud: { id: string; journeyId: string }

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
  company = await world.company()
  cloud = await service.as(company.amy).does(openAccount, { body: { name: '云图科技', country: 'CN' } })
})
afterAll(() => world.stop())

describe('adding a contact', () => {
  it('keeps what was typed, reads the number in the country of the account, and tells others once', async () => {
    const { amy, tenantId } = company
    const body = {
      accountId: cloud.id,
      name: '李雷',
      jobTitle: 'CTO',
      email: 'Li@Example.com',
      phone: '138 0013 8000',
      roles: ['supporter', 'user'],
      note: 'Likes tea',
      externalId: 'c-1',
    }
    const contact = await service.as(amy).does(addContact, { body })
    expect(contact).toMatchObject({ ...body, phoneE164: '+8613800138000', version: 1, journeyId: cloud.journeyId })
    for (const hidden of ['nameKey', 'emailKey', 'ownerId']) expect(contact).not.toHaveProperty(hidden)
    expect(await service.as(amy).does(getContact, { params: { id: contact.id } })).toEqual(contact)
    const events = (await world.events(tenantId)).filter(({ subject }) => subject === contact.id)
    expect(events).toMatchObject([
      {
        name: 'contact.added',
        journeyId: cloud.journeyId,
        payload: {
          contactId: contact.id,
          accountId: cloud.id,
          name: '李雷',
          email: 'Li@Example.com',
          phone: '+8613800138000',
          roles: ['supporter', 'user'],
        },
      },
    ])
  })

  it('keeps a number that cannot be read, and needs the country code where the account has no country', async () => {
    const { amy } = company
    const nowhere = await service.as(amy).does(openAccount, { body: { name: 'Nowhere Ltd' } })
    const number = async (accountId: string, phone: string) => {
      const contact = await service.as(amy).does(addContact, { body: { accountId, name: 'N', phone } })
      expect(contact.phone).toBe(phone)
      return contact.phoneE164 as string | null
    }
    expect(await number(cloud.id, 'ext. four')).toBeNull()
    expect(await number(nowhere.id, '138 0013 8000')).toBeNull()
    expect(await number(nowhere.id, '+49 30 901820')).toBe('+4930901820')
  })

  it('refuses nonsense with every field that is wrong', async () => {
    const answer = await service.as(company.amy).call(addContact, {
      body: { accountId: cloud.id, name: ' ', email: 'nobody', roles: ['x'.repeat(61)], phone: '1', surname: 'x' },
    })
    expect(answer.status).toBe(400)
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/email',
      '/name',
      '/phone',
      '/roles/0',
      '/surname',
    ])
    expect((await service.as(company.amy).call(addContact, { body: {} })).status).toBe(400)
  })

  it('refuses an account that the caller does not see', async () => {
    const stranger = await world.company()
    for (const [person, accountId] of [
      [company.bob, cloud.id],
      [stranger.ada, cloud.id],
      [company.amy, newId('account')],
    ] as const) {
      const answer = await service.as(person).call(addContact, { body: { accountId, name: 'N' } })
      expect(answer.body).toMatchObject({ status: 422, code: 'reference.unknown', field: 'accountId', value: accountId })
    }
  })

  it('lets exactly one of several use an external id', async () => {
    const body = { accountId: cloud.id, name: 'Twin', externalId: 'twin' }
    const answers = await Promise.all([1, 2, 3].map(() => service.as(company.amy).call(addContact, { body })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409])
  })
})

describe('changing a contact', () => {
  it('needs the version that was read, tells others, and leaves a trail', async () => {
    const { amy, ada, tenantId } = company
    const contact = await service.as(amy).does(addContact, { body: { accountId: cloud.id, name: 'Han', phone: '138 0013 8001' } })
    const params = { id: contact.id }
    const change = (body: object, version?: number) =>
      service.as(amy).call(changeContact, { params, body, ...(version && { headers: { 'if-match': `"${version}"` } }) })
    expect((await change({ jobTitle: 'CEO' })).status).toBe(428)
    expect((await change({ jobTitle: 'CEO', email: 'han@example.com' }, 1)).body).toMatchObject({
      jobTitle: 'CEO',
      phoneE164: '+8613800138001',
      version: 2,
    })
    expect((await change({ jobTitle: 'CFO' }, 1)).body).toMatchObject({ status: 412, code: 'version.stale', current: 2 })
    expect((await change({ phone: null, roles: ['opponent'] }, 2)).body).toMatchObject({
      phone: null,
      phoneE164: null,
      roles: ['opponent'],
    })
    const events = (await world.events(tenantId)).filter(({ subject }) => subject === contact.id)
    expect(events.map(({ name }) => name)).toEqual(['contact.added', 'contact.changed', 'contact.changed'])
    expect(events[2]!.payload).toMatchObject({ name: 'Han', email: 'han@example.com', phone: null, roles: ['opponent'] })
    const { data } = await service.as(ada).does(readAudit, { params })
    expect(data[1]).toMatchObject({ actorId: amy.id, change: { jobTitle: { from: null, to: 'CEO' } } })
  })

  it('takes a person who changed jobs to the other account, and to the sight of its owner', async () => {
    const { amy, bob, olga } = company
    const other = await service.as(olga).does(openAccount, { body: { name: 'Other Ltd', country: 'DE', ownerId: bob.id } })
    const contact = await service.as(amy).does(addContact, { body: { accountId: cloud.id, name: 'Mover', phone: '030 901820' } })
    const params = { id: contact.id }
    const move = (person: Person) =>
      service.as(person).call(changeContact, { params, body: { accountId: other.id }, headers: { 'if-match': '"1"' } })
    expect((await move(amy)).body).toMatchObject({ status: 422, code: 'reference.unknown' })
    expect((await move(bob)).body).toMatchObject({ status: 404, code: 'contact.not_found' })
    expect((await move(olga)).body).toMatchObject({ accountId: other.id, phoneE164: '+4930901820' })
    const status = async (person: Person) => (await service.as(person).call(getContact, { params })).status
    expect([await status(bob), await status(amy)]).toEqual([200, 404])
  })

  it('leaves no contact behind when the account is handed over at the same moment', async () => {
    const { amy, bob, olga } = company
    for (let round = 0; round < 5; round += 1) {
      const account = await service.as(amy).does(openAccount, { body: { name: `Busy ${round}` } })
      const old = await service.as(amy).does(addContact, { body: { accountId: account.id, name: 'Old' } })
      const [, added, changed] = await Promise.all([
        service.as(olga).call(assignAccount, { params: { id: account.id }, body: { ownerId: bob.id } }),
        service.as(olga).call(addContact, { body: { accountId: account.id, name: 'New' } }),
        service.as(olga).call(changeContact, {
          params: { id: old.id },
          body: { accountId: account.id, note: 'x' },
          headers: { 'if-match': '*' },
        }),
      ])
      expect([added.status, changed.status]).toEqual([201, 200])
      const { data } = await service.as(bob).does(listContacts, { query: { accountId: account.id } })
      expect(data).toHaveLength(2)
    }
  })
})

describe('who sees which contact', () => {
  it('shows a rep those of her accounts, a manager those of his part, another tenant nothing', async () => {
    const contact = await service.as(company.amy).does(addContact, { body: { accountId: cloud.id, name: 'Private' } })
    const params = { id: contact.id }
    const stranger = await world.company()
    const status = async (person: Person) => (await service.as(person).call(getContact, { params })).status
    expect(await status(company.amy)).toBe(200)
    expect(await status(company.mona)).toBe(200)
    expect(await status(company.fred)).toBe(200)
    expect(await status(company.bob)).toBe(404)
    expect(await status(stranger.ada)).toBe(404)
    const finance = await service.as(company.fred).call(addContact, { body: { accountId: cloud.id, name: 'N' } })
    expect(finance.body).toMatchObject({ status: 403, permission: 'contact.add' })
  })
})

describe('listing contacts', () => {
  it('finds them by account, name, number, and address in any case', async () => {
    const { amy, bob } = await world.company()
    const account = await service.as(amy).does(openAccount, { body: { name: 'List Ltd', country: 'CN' } })
    const people = ['Ann', 'Ben', 'Cy'].map((name, n) => ({ name, email: `${name}@Example.com`, phone: `138 0013 800${n}` }))
    for (const person of people) await service.as(amy).does(addContact, { body: { accountId: account.id, ...person } })
    const names = async (query: Record<string, unknown>, person = amy) =>
      (await service.as(person).does(listContacts, { query: { sort: 'name', ...query } })).data.map(({ name }: { name: string }) => name)
    expect(await names({ accountId: account.id })).toEqual(['Ann', 'Ben', 'Cy'])
    expect(await names({ email: ['ann@example.com', 'CY@EXAMPLE.COM'] })).toEqual(['Ann', 'Cy'])
    expect(await names({ email: 'ben@example.com' })).toEqual(['Ben'])
    expect(await names({ 'name.contains': 'n', ownerId: amy.id })).toEqual(['Ann', 'Ben'])
    expect(await names({ phoneE164: '+8613800138002' })).toEqual(['Cy'])
    expect(await names({ accountId: account.id }, bob)).toEqual([])
  })
})
