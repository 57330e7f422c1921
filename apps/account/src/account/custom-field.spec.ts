import {
  addContact,
  addCustomField,
  changeAccount,
  changeActivity,
  changeContact,
  changeCustomField,
  getActivity,
  getImport,
  LeadConverted,
  listAccounts,
  listActivities,
  listContacts,
  logActivity,
  openAccount,
  startImport,
  type Operation,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(async () => void (company = await world.company()))

type Wish = Record<string, unknown>
const labels = (name: string) => ({ en: name, 'zh-CN': name })

function adds(record: string, key: string, type: string, more: Wish = {}): Promise<Record<string, any>> {
  return service.as(company.olga).does(addCustomField, { query: { record }, body: { key, type, labels: labels(key), ...more } })
}

const changes = (person: Person, operation: Operation, { id, version }: { id: string; version: number }, body: Wish) =>
  service.as(person).call(operation, { params: { id }, body, headers: { 'if-match': `"${version}"` } })

describe('accounts, contacts and activities', () => {
  it('each have the fields that the company added to them, and not those of the others', async () => {
    const { amy } = company
    const ada = service.as(amy)
    const fields = [await adds('account', 'size', 'number'), await adds('contact', 'size', 'text'), await adds('activity', 'mood', 'text')]
    expect(fields.map(({ id, record }) => `${record} ${String(id).slice(0, 20)}`)).toEqual([
      'account account_custom_field',
      'contact account_custom_field',
      'activity account_custom_field',
    ])
    const account = await ada.does(openAccount, { body: { name: 'Acme', custom: { size: 5 } } })
    const contact = await ada.does(addContact, { body: { accountId: account.id, name: 'Ann', custom: { size: 'tall' } } })
    const visit = { kind: 'visit', accountId: account.id, subject: 'x', custom: { mood: 'fine' } }
    const activity = await ada.does(logActivity, { body: visit })
    expect([account.custom, contact.custom, activity.custom]).toEqual([{ size: '5' }, { size: 'tall' }, { mood: 'fine' }])
    const changed = [
      await changes(amy, changeAccount, account, { custom: { size: null } }),
      await changes(amy, changeContact, contact, { custom: { size: 'short' } }),
      await changes(amy, changeActivity, activity, { text: 'x' }),
    ]
    expect(changed.map(({ body }) => body.custom)).toEqual([{}, { size: 'short' }, { mood: 'fine' }])
    expect((await ada.does(getActivity, { params: { id: activity.id } })).custom).toEqual({ mood: 'fine' })
    const other = await ada.call(addContact, { body: { accountId: account.id, name: 'Bob', custom: { mood: 'fine' } } })
    expect(other.body.errors).toMatchObject([{ pointer: '/custom/mood', code: 'custom.unknown_field' }])
    const told = (await world.events(company.tenantId)).filter(({ name }) => /^(account|contact|activity)\./.test(name))
    expect(told.map(({ name, payload }) => [name, payload['custom']])).toEqual(
      expect.arrayContaining([
        ['account.opened', { size: '5' }],
        ['account.changed', undefined],
        ['contact.added', { size: 'tall' }],
        ['contact.changed', { size: 'short' }],
        ['activity.logged', { mood: 'fine' }],
        ['activity.changed', { mood: 'fine' }],
      ]),
    )
    expect(told).toHaveLength(6)
  })

  it('are listed by them', async () => {
    const ada = service.as(company.amy)
    await adds('account', 'size', 'number')
    await adds('contact', 'level', 'choice', { options: ['low', 'high'].map((key) => ({ key, labels: labels(key) })) })
    await adds('activity', 'score', 'number')
    const [big, small] = [
      await ada.does(openAccount, { body: { name: 'Big', custom: { size: 100 } } }),
      await ada.does(openAccount, { body: { name: 'Small', custom: { size: 9 } } }),
    ]
    await ada.does(addContact, { body: { accountId: big.id, name: 'Ann', custom: { level: 'high' } } })
    for (const score of [7, -7])
      await ada.does(logActivity, { body: { kind: 'note', accountId: big.id, subject: String(score), custom: { score } } })
    const ids = async (operation: Operation, query: Wish) =>
      (await ada.does(operation, { query })).data.map((row: Wish) => row['name'] ?? row['subject'])
    expect(await ids(listAccounts, { sort: 'custom.size' })).toEqual(['Small', 'Big'])
    expect(await ids(listAccounts, { 'custom.size.gte': '10' })).toEqual(['Big'])
    expect(await ids(listContacts, { 'custom.level': 'high', accountId: big.id })).toEqual(['Ann'])
    expect(await ids(listContacts, { 'custom.level': 'low' })).toEqual([])
    expect(await ids(listActivities, { sort: '-custom.score' })).toEqual(['7', '-7'])
    expect(small.custom).toEqual({ size: '9' })
  })

  it('refer to accounts that one may see, and to no others', async () => {
    const { amy, bob, olga } = company
    await adds('account', 'reseller', 'account')
    const hers = await service.as(amy).does(openAccount, { body: { name: 'Hers' } })
    const wish = (custom: Wish) => ({ body: { name: 'x', custom } })
    expect((await service.as(amy).call(openAccount, wish({ reseller: hers.id }))).status).toBe(201)
    expect((await service.as(olga).call(openAccount, wish({ reseller: hers.id }))).status).toBe(201)
    expect((await service.as(bob).call(openAccount, wish({ reseller: hers.id }))).body.errors).toMatchObject([
      { pointer: '/custom/reseller', code: 'custom.unknown_account' },
    ])
  })

  it('that a conversion makes wait for nobody to fill in what is required', async () => {
    await adds('account', 'size', 'number', { required: 'always' })
    expect((await service.as(company.amy).call(openAccount, { body: { name: 'x' } })).body.code).toBe('custom.missing')
    const account = { id: newId('account'), name: 'Converted', isNew: true }
    const payload = { leadId: newId('lead'), ownerId: company.amy.id, account, contact: null, opportunity: null, source: null }
    await world.publish(company.tenantId, LeadConverted, payload.leadId, payload)
    await service.settled()
    expect((await service.as(company.amy).does(listAccounts)).data).toMatchObject([{ id: account.id, custom: {} }])
  })

  it('take over what the converted lead has under the same key, where it fits', async () => {
    const { amy, tenantId } = company
    const option = (key: string) => ({ key, labels: labels(key) })
    const { id: retired, version } = await adds('account', 'old', 'text')
    await service.as(company.olga).does(changeCustomField, {
      params: { id: retired },
      body: { active: false },
      headers: { 'if-match': `"${version}"` },
    })
    await adds('account', 'size', 'number')
    await adds('account', 'tier', 'choice', { options: [option('gold')] })
    await adds('account', 'buddy', 'user')
    await adds('contact', 'size', 'text')
    const payload = {
      ...{ leadId: newId('lead'), ownerId: amy.id, opportunity: null, source: null },
      account: { id: newId('account'), name: 'Converted', isNew: true },
      contact: { id: newId('contact'), name: 'Ann', email: null, phone: null, isNew: true },
      custom: { size: '12', tier: 'silver', buddy: newId('user'), old: 'x', budget: '5' },
    }
    await world.publish(tenantId, LeadConverted, payload.leadId, payload)
    const again = {
      ...payload,
      leadId: newId('lead'),
      account: { ...payload.account, isNew: false },
      contact: null,
      custom: { size: '99' },
    }
    await world.publish(tenantId, LeadConverted, again.leadId, again)
    await service.settled()
    const found = [...(await service.as(amy).does(listAccounts)).data, ...(await service.as(amy).does(listContacts)).data]
    expect(found.map(({ id, custom }) => [id, custom])).toEqual([
      [payload.account.id, { size: '12' }],
      [payload.contact.id, { size: '12' }],
    ])
    expect((await service.as(amy).does(listAccounts, { query: { 'custom.size.gte': 12 } })).data).toHaveLength(1)
  })

  it('from a file bring their values', async () => {
    await adds('account', 'size', 'number')
    await adds('contact', 'birthday', 'date', { private: true })
    const caller = service.as(company.olga)
    const imports = async (kind: string, csv: string) => {
      const { id } = await caller.does(startImport, { query: { kind }, body: csv })
      return eventually(async () => {
        const found = await caller.does(getImport, { params: { id } })
        return found.status === 'done' || found.status === 'failed' ? found : undefined
      })
    }
    expect(await imports('accounts', 'name,custom.size\nAcme,12\nBad,many')).toMatchObject({ added: 1, rejected: 1 })
    expect(await imports('contacts', 'account,name,custom.birthday\nAcme,Ann,1990-02-03')).toMatchObject({ added: 1, rejected: 0 })
    expect((await caller.does(listAccounts)).data).toMatchObject([{ name: 'Acme', custom: { size: '12' } }])
    expect((await caller.does(listContacts)).data).toMatchObject([{ name: 'Ann', custom: { birthday: '1990-02-03' } }])
  })
})
