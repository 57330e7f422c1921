import {
  addContact,
  assignAccount,
  changeAccount,
  getAccount,
  getContact,
  getHierarchy,
  LeadConverted,
  listAccounts,
  openAccount,
  readAudit,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, houseRules, type Caller, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

houseRules(accountService, `${import.meta.dirname}/..`)

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
  company = await world.company()
})
afterAll(() => world.stop())

const eventsOf = async (tenantId: string, subject: string) => (await world.events(tenantId)).filter((event) => event.subject === subject)

/** Opens accounts, each below the one named, and answers them by name. */
async function tree(caller: Caller, parents: Record<string, string | null>): Promise<Record<string, any>> {
  const opened: Record<string, any> = {}
  for (const [name, parent] of Object.entries(parents))
    opened[name] = await caller.does(openAccount, { body: { name, ...(parent && { parentId: opened[parent].id }) } })
  return opened
}

describe('opening an account', () => {
  it('keeps all that is known of the company, and tells others once', async () => {
    const { amy, tenantId } = await world.company()
    const body = {
      name: '云图科技有限公司',
      industry: 'software',
      country: 'CN',
      region: '华东',
      location: '上海市浦东新区',
      website: 'https://example.com/cn',
      phone: '021 5555 0000',
      employees: 120,
      annualRevenue: { amount: '1100040000.00', currency: 'CNY' },
      foundedYear: 1996,
      note: 'Met at the fair.\nWants 120 seats.',
      externalId: 'crm-17',
    }
    const account = await service.as(amy).does(openAccount, { body })
    expect(account).toMatchObject({ ...body, ownerId: amy.id, parentId: null, version: 1 })
    expect(account).not.toHaveProperty('nameKey')
    expect(await service.as(amy).does(getAccount, { params: { id: account.id } })).toEqual(account)
    expect(await eventsOf(tenantId, account.id)).toMatchObject([
      {
        name: 'account.opened',
        journeyId: account.journeyId,
        payload: {
          accountId: account.id,
          name: '云图科技有限公司',
          ownerId: amy.id,
          parentId: null,
          industry: 'software',
          country: 'CN',
        },
      },
    ])
  })

  it('needs no more than a name, such as the placeholder of an import', async () => {
    const account = await service.as(company.ada).does(openAccount, { body: { name: '(unknown account)' } })
    expect(account).toMatchObject({ name: '(unknown account)', ownerId: null, annualRevenue: null })
  })

  it('refuses nonsense with every field that is wrong, in the reader’s language', async () => {
    const answer = await service.as(company.amy).call(openAccount, {
      body: {
        name: 'x'.repeat(201),
        website: 'javascript:alert(1)',
        country: 'china',
        employees: 1.5,
        annualRevenue: { amount: '10.005', currency: 'CNY' },
        foundedYear: 20155,
        parentId: 'lead_01h455vb4pex5vsknk084sn02q',
        colour: 'red',
      },
      headers: { 'accept-language': 'zh-CN' },
    })
    expect(answer.status).toBe(400)
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/annualRevenue',
      '/colour',
      '/country',
      '/employees',
      '/foundedYear',
      '/name',
      '/parentId',
      '/website',
    ])
    const reason = Object.fromEntries(answer.body.errors.map((error: { pointer: string; code: string }) => [error.pointer, error.code]))
    expect(reason).toMatchObject({ '/annualRevenue': 'money.too_precise', '/website': 'website.malformed', '/parentId': 'id.malformed' })
    expect((await service.as(company.amy).call(openAccount, { body: {} })).status).toBe(400)
  })

  it('refuses revenue that is negative or beyond what can be stored', async () => {
    const code = async (amount: string) =>
      (await service.as(company.amy).call(openAccount, { body: { name: 'Rich Ltd', annualRevenue: { amount, currency: 'CNY' } } })).body
        .errors[0].code as string
    expect(await code('-1')).toBe('money.negative')
    expect(await code('99999999999999999999')).toBe('money.too_large')
  })

  it('refuses a parent or owner that nobody knows', async () => {
    const stranger = await world.company()
    const foreign = await service.as(stranger.ada).does(openAccount, { body: { name: 'Foreign Ltd' } })
    const refused = async (body: object) =>
      (await service.as(company.olga).call(openAccount, { body: { name: 'Child Ltd', ...body } })).body as Record<string, unknown>
    expect(await refused({ parentId: foreign.id })).toMatchObject({ status: 422, code: 'reference.unknown', field: 'parentId' })
    expect(await refused({ ownerId: newId('user') })).toMatchObject({ status: 422, code: 'reference.unknown', field: 'ownerId' })
  })

  it('lets exactly one of several use an external id, at once or later', async () => {
    const { amy, tenantId } = await world.company()
    const answers = await Promise.all(
      ['A', 'B', 'C', 'D'].map((name) => service.as(amy).call(openAccount, { body: { name, externalId: 'one' } })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
    expect((await service.as(amy).call(openAccount, { body: { name: 'E', externalId: 'one' } })).body.code).toBe('value.taken')
    expect((await world.events(tenantId)).filter(({ name }) => name === 'account.opened')).toHaveLength(1)
  })

  it('makes one account of a request that is sent twice with the same key', async () => {
    const { amy, tenantId } = await world.company()
    const headers = { 'idempotency-key': 'k-1' }
    const one = await service.as(amy).does(openAccount, { body: { name: 'Once Ltd' }, headers })
    expect(await service.as(amy).does(openAccount, { body: { name: 'Once Ltd' }, headers })).toEqual(one)
    expect((await service.as(amy).call(openAccount, { body: { name: 'Other Ltd' }, headers })).body.code).toBe('idempotency.reused')
    expect((await world.events(tenantId)).filter(({ name }) => name === 'account.opened')).toHaveLength(1)
  })
})

describe('changing an account', () => {
  it('needs the version that was read, tells others, and leaves a trail', async () => {
    const { amy, ada, tenantId } = await world.company()
    const account = await service.as(amy).does(openAccount, { body: { name: 'Stale Ltd', industry: 'retail', country: 'US' } })
    const params = { id: account.id }
    const change = (body: object, version?: number) =>
      service.as(amy).call(changeAccount, { params, body, ...(version && { headers: { 'if-match': `"${version}"` } }) })
    expect((await change({ industry: 'x' })).status).toBe(428)
    const changed = await change({ name: 'Fresh Ltd', country: null }, 1)
    expect(changed.headers['etag']).toBe('"2"')
    expect(changed.body).toMatchObject({ name: 'Fresh Ltd', industry: 'retail', country: null, version: 2 })
    expect((await change({ industry: 'x' }, 1)).body).toMatchObject({ status: 412, code: 'version.stale', current: 2 })
    expect((await change({ ownerId: newId('user') }, 2)).status).toBe(400)
    const events = await eventsOf(tenantId, account.id)
    expect(events.map(({ name }) => name)).toEqual(['account.opened', 'account.changed'])
    expect(events[1]!.payload).toMatchObject({ name: 'Fresh Ltd', industry: 'retail', country: null })
    const { data } = await service.as(ada).does(readAudit, { params })
    expect(data[1]).toMatchObject({ action: 'update', actorId: amy.id, change: { name: { from: 'Stale Ltd', to: 'Fresh Ltd' } } })
  })

  it('keeps what kind of customer it is, finds and sorts by it, and tells when it is one no more', async () => {
    const { amy, tenantId } = await world.company()
    const open = (name: string, body: object = {}) => service.as(amy).does(openAccount, { body: { name, ...body } })
    const key = await open('Key Ltd', { class: 'key' })
    await open('Small Ltd', { class: 'sme' })
    await open('Nobody knows')
    const listed = async (query: object) =>
      (await service.as(amy).does(listAccounts, { query: { ...query } })).data.map(({ name }: { name: string }) => name)
    expect(await listed({ class: ['key', 'individual'] })).toEqual(['Key Ltd'])
    expect(await listed({ sort: 'class' })).toEqual(['Key Ltd', 'Small Ltd', 'Nobody knows'])
    expect((await service.as(amy).call(openAccount, { body: { name: 'x', class: 'huge' } })).status).toBe(400)
    await service.as(amy).does(changeAccount, { params: { id: key.id }, body: { class: null }, headers: { 'if-match': '"1"' } })
    expect((await eventsOf(tenantId, key.id)).map(({ payload }) => payload['class'])).toEqual(['key', null])
  })

  it('lets one of two changes of the same version through', async () => {
    const account = await service.as(company.amy).does(openAccount, { body: { name: 'Race Ltd' } })
    const answers = await Promise.all(
      ['a', 'b'].map((note) =>
        service.as(company.amy).call(changeAccount, { params: { id: account.id }, body: { note }, headers: { 'if-match': '"1"' } }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412])
  })
})

describe('who sees which account', () => {
  it('shows a rep her own, a manager his part of the company, another tenant nothing', async () => {
    const account = await service.as(company.amy).does(openAccount, { body: { name: 'Private Ltd' } })
    const params = { id: account.id }
    const stranger = await world.company()
    for (const operation of [getAccount, getHierarchy]) {
      const status = async (person: Person) => (await service.as(person).call(operation, { params })).status
      expect(await status(company.amy)).toBe(200)
      expect(await status(company.mona)).toBe(200)
      expect(await status(company.eva)).toBe(200)
      expect(await status(company.fred)).toBe(200)
      expect(await status(company.bob)).toBe(404)
      expect(await status(stranger.ada)).toBe(404)
    }
    const change = await service.as(company.bob).call(changeAccount, { params, body: { note: 'x' }, headers: { 'if-match': '"1"' } })
    expect(change.body).toMatchObject({ status: 404, code: 'account.not_found' })
    const finance = await service.as(company.fred).call(changeAccount, { params, body: { note: 'x' }, headers: { 'if-match': '"1"' } })
    expect(finance.body).toMatchObject({ status: 403, code: 'access.forbidden', permission: 'account.change' })
    expect((await service.as(company.bob).does(listAccounts, { query: { name: 'Private Ltd' } })).data).toEqual([])
    expect((await service.as(company.mona).does(listAccounts, { query: { name: 'Private Ltd' } })).data).toHaveLength(1)
  })

  it('moves with the account when it is handed over, contacts included', async () => {
    const { amy, bob, mona, olga, tenantId } = await world.company()
    const account = await service.as(amy).does(openAccount, { body: { name: 'Handed Ltd' } })
    const contact = await service.as(amy).does(addContact, { body: { accountId: account.id, name: 'Li Lei' } })
    const params = { id: account.id }
    const forbidden = await service.as(amy).call(assignAccount, { params, body: { ownerId: bob.id } })
    expect(forbidden.body).toMatchObject({ status: 403, permission: 'account.assign' })
    const ghost = await service.as(olga).call(assignAccount, { params, body: { ownerId: newId('user') } })
    expect(ghost.body).toMatchObject({ status: 422, code: 'reference.unknown', field: 'ownerId' })
    expect(await service.as(mona).does(assignAccount, { params, body: { ownerId: bob.id } })).toMatchObject({ ownerId: bob.id, version: 2 })
    expect((await service.as(mona).call(assignAccount, { params, body: { ownerId: amy.id } })).status).toBe(404)
    expect(await service.as(olga).does(assignAccount, { params, body: { ownerId: bob.id } })).toMatchObject({ version: 2 })
    const status = async (person: Person) => (await service.as(person).call(getContact, { params: { id: contact.id } })).status
    expect(await status(bob)).toBe(200)
    expect(await status(amy)).toBe(404)
    const events = await eventsOf(tenantId, account.id)
    expect(events.map(({ name, payload }) => [name, payload['ownerId']])).toEqual([
      ['account.opened', amy.id],
      ['account.changed', bob.id],
    ])
  })
})

describe('the hierarchy of accounts', () => {
  it('shows the companies above, top first, and all below by depth and name', async () => {
    const { olga } = await world.company()
    const { root, b, leaf, a } = await tree(service.as(olga), { top: null, root: 'top', b: 'root', a: 'root', leaf: 'b', other: null })
    const hierarchy = await service.as(olga).does(getHierarchy, { params: { id: b.id } })
    expect(hierarchy.ancestors.map(({ name }: { name: string }) => name)).toEqual(['top', 'root'])
    expect(hierarchy.below).toEqual([{ id: leaf.id, name: 'leaf', parentId: b.id, ownerId: null, depth: 1 }])
    const { below, complete } = await service.as(olga).does(getHierarchy, { params: { id: root.id } })
    expect(below.map(({ name, depth }: { name: string; depth: number }) => [name, depth])).toEqual([
      ['a', 1],
      ['b', 1],
      ['leaf', 2],
    ])
    expect(complete).toBe(true)
    expect((await service.as(olga).does(listAccounts, { query: { parentId: root.id, sort: 'name' } })).data).toMatchObject([
      { id: a.id },
      { id: b.id },
    ])
  })

  it('leaves out what the caller may not see', async () => {
    const { amy, bob, olga } = await world.company()
    const head = await service.as(olga).does(openAccount, { body: { name: 'Head', ownerId: bob.id } })
    const mine = await service.as(olga).does(openAccount, { body: { name: 'Mine', ownerId: amy.id, parentId: head.id } })
    await service.as(olga).does(openAccount, { body: { name: 'His', ownerId: bob.id, parentId: mine.id } })
    const params = { id: mine.id }
    expect(await service.as(amy).does(getHierarchy, { params })).toEqual({ ancestors: [], below: [], complete: true })
    const whole = await service.as(olga).does(getHierarchy, { params })
    expect([whole.ancestors.length, whole.below.length]).toEqual([1, 1])
  })

  it('refuses to be a circle, however long', async () => {
    const { olga } = await world.company()
    const { a, b, c } = await tree(service.as(olga), { a: null, b: 'a', c: 'b' })
    const put = (one: any, parent: any) =>
      service.as(olga).call(changeAccount, { params: { id: one.id }, body: { parentId: parent.id }, headers: { 'if-match': '*' } })
    for (const parent of [a, b, c])
      expect((await put(a, parent)).body).toMatchObject({ status: 409, code: 'account.cycle', account: 'a', parent: parent.name })
    expect((await put(c, a)).status).toBe(200)
  })

  it('refuses one of two moves that only together make a circle', async () => {
    const { olga, tenantId } = await world.company()
    const put = (one: any, parent: any) =>
      service.as(olga).call(changeAccount, { params: { id: one.id }, body: { parentId: parent.id }, headers: { 'if-match': '*' } })
    for (let round = 0; round < 5; round += 1) {
      const { a, b, c, d, e, f } = await tree(service.as(olga), { a: null, c: null, b: 'c', d: 'a', e: null, f: null })
      // a below b and c below d: no account is part of both moves, yet a → b → c → d → a
      const long = await Promise.all([put(a, b), put(c, d)])
      const short = await Promise.all([put(e, f), put(f, e)])
      for (const answers of [long, short]) {
        expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
        expect(answers.find(({ status }) => status === 409)!.body.code).toBe('account.cycle')
      }
    }
    expect((await world.events(tenantId)).filter(({ name }) => name === 'account.changed')).toHaveLength(10)
  })
})

describe('listing accounts', () => {
  it('finds a company however its name is written', async () => {
    const { amy } = await world.company()
    for (const name of ['ACME, Ltd.', 'Acme Industries GmbH', 'acme']) await service.as(amy).does(openAccount, { body: { name } })
    const found = await service.as(amy).does(listAccounts, { query: { sameName: 'Ａｃｍｅ Inc', sort: 'createdAt' } })
    expect(found.data.map(({ name }: { name: string }) => name)).toEqual(['ACME, Ltd.', 'acme'])
    const like = await service.as(amy).does(listAccounts, { query: { 'name.contains': 'industries' } })
    expect(like.data).toHaveLength(1)
  })

  it('filters, sorts and pages without gap or double', async () => {
    const { amy, bob } = await world.company()
    for (let n = 0; n < 7; n += 1)
      await service.as(amy).does(openAccount, { body: { name: `Page ${n % 3}`, industry: n % 2 ? 'retail' : 'medical', country: 'NO' } })
    for (const sort of ['id', 'name', '-name', '-createdAt', 'updatedAt']) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: { data: { id: string }[]; next: string | null } = await service
          .as(amy)
          .does(listAccounts, { query: { limit: 3, sort, ...(cursor && { cursor }) } })
        seen.push(...page.data.map(({ id }) => id))
        cursor = page.next
      } while (cursor)
      expect([seen.length, new Set(seen).size]).toEqual([7, 7])
    }
    const count = async (query: Record<string, unknown>) => (await service.as(amy).does(listAccounts, { query })).data.length as number
    expect(await count({ industry: 'retail', country: 'NO', ownerId: amy.id })).toBe(3)
    expect(await count({ ownerId: bob.id })).toBe(0)
    expect((await service.as(amy).call(listAccounts, { query: { nameKey: 'x' } })).status).toBe(400)
  })
})

describe('the conversion of a lead', () => {
  const conversion = (isNew: boolean) => ({
    leadId: newId('lead'),
    ownerId: company.amy.id,
    account: { id: newId('account'), name: '云图科技有限公司', isNew },
    contact: { id: newId('contact'), name: '李雷', email: 'Li@Example.com', phone: '+8613800138000', isNew: true },
    opportunity: null,
    source: 'Web',
  })

  it('opens account and contact under the ids that it names, on the journey of the lead, at the time it happened', async () => {
    const { tenantId } = company
    const payload = conversion(true)
    const journeyId = newId('journey')
    const at = new Date('2026-03-01T10:00:00Z')
    await world.publish(tenantId, LeadConverted, payload.leadId, payload, { journeyId, sequence: 5, at })
    await service.settled()
    const account = await service.as(company.amy).does(getAccount, { params: { id: payload.account.id } })
    expect(account).toMatchObject({ name: '云图科技有限公司', ownerId: company.amy.id, journeyId, createdAt: at.toISOString() })
    const contact = await service.as(company.amy).does(getContact, { params: { id: payload.contact.id } })
    expect(contact).toMatchObject({ accountId: account.id, name: '李雷', email: 'Li@Example.com', phoneE164: '+8613800138000', journeyId })
    const events = (await world.events(tenantId)).filter((event) => event.journeyId === journeyId)
    expect(events.map(({ name, subject, at: when }) => [name, subject, when]).sort()).toEqual([
      ['account.opened', account.id, at.toISOString()],
      ['contact.added', contact.id, at.toISOString()],
      ['lead.converted', payload.leadId, at.toISOString()],
    ])
  })

  it('adds the person to the account that is there, whose owner stays', async () => {
    const { olga, bob, tenantId } = company
    const account = await service.as(olga).does(openAccount, { body: { name: 'There Ltd', ownerId: bob.id } })
    const payload = { ...conversion(false), account: { id: account.id, name: 'There', isNew: false } }
    await world.publish(tenantId, LeadConverted, payload.leadId, payload, { sequence: 5 })
    await service.settled()
    expect(await service.as(bob).does(getAccount, { params: { id: account.id } })).toEqual(account)
    expect(await service.as(bob).does(getContact, { params: { id: payload.contact.id } })).toMatchObject({ accountId: account.id })
    expect((await eventsOf(tenantId, account.id)).map(({ name }) => name)).toEqual(['account.opened'])
  })

  it('changes nothing more when it is told again', async () => {
    const { tenantId, ada } = company
    const payload = conversion(true)
    const tell = () => world.publish(tenantId, LeadConverted, payload.leadId, payload, { sequence: 5 })
    await Promise.all([tell(), tell()])
    await tell()
    await service.settled()
    const subjects: string[] = [payload.account.id, payload.contact.id]
    const events = (await world.events(tenantId)).filter(({ subject }) => subjects.includes(subject))
    expect(events.map(({ name }) => name).sort()).toEqual(['account.opened', 'contact.added'])
    expect(await service.as(ada).does(getAccount, { params: { id: payload.account.id } })).toMatchObject({ version: 1 })
  })

  it('opens the account that the lead names but nobody opened', async () => {
    const { tenantId, amy } = company
    const payload = conversion(false)
    await world.publish(tenantId, LeadConverted, payload.leadId, payload, { sequence: 5 })
    await service.settled()
    expect(await service.as(amy).does(getAccount, { params: { id: payload.account.id } })).toMatchObject({ name: '云图科技有限公司' })
  })
})
