import { addContact, assignAccount, changeAccount, changeContact, openAccount, searchAccounts, searchContacts } from '@millrace/contracts'
import { aWorld, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let accounts: TestService

beforeAll(async () => {
  world = await aWorld()
  accounts = await world.start(accountService)
})
afterAll(() => world.stop())

const find = async (person: Person, q: string) => (await accounts.as(person).does(searchAccounts, { query: { q } })).data
const findPeople = async (person: Person, q: string) => (await accounts.as(person).does(searchContacts, { query: { q } })).data

describe('searching accounts and contacts', () => {
  it('finds a company by name, phone and external id, and its people by name, e-mail and phone, with the company beside them', async () => {
    const { amy } = await world.company()
    const account = await accounts.as(amy).does(openAccount, {
      body: { name: '深圳云图科技有限公司', country: 'CN', phone: '0755-8888 6666', location: '深圳', externalId: 'ERP-0815' },
    })
    const contact = await accounts.as(amy).does(addContact, {
      body: { accountId: account.id, name: '韩梅梅', jobTitle: '采购', email: 'Han@Yuntu.example', phone: '138 0013 8000' },
    })
    for (const q of ['云图', '深圳云图科技', '6666', '0755 88886666', 'erp-0815'])
      expect(await find(amy, q)).toMatchObject([{ kind: 'account', id: account.id, subtitle: '深圳 · 0755-8888 6666', mine: true }])
    for (const q of ['梅梅', 'han@yuntu', '8000', '+8613800138000', '138-0013-8000'])
      expect(await findPeople(amy, q)).toMatchObject([
        { kind: 'contact', id: contact.id, title: '韩梅梅', subtitle: '深圳云图科技有限公司 · 采购 · Han@Yuntu.example · 138 0013 8000' },
      ])
    expect(await findPeople(amy, '云图')).toEqual([])
    expect(await find(amy, '梅梅')).toEqual([])
  })

  it('finds them by what they are called now', async () => {
    const { amy } = await world.company()
    const account = await accounts.as(amy).does(openAccount, { body: { name: 'Old Mill Ltd' } })
    const contact = await accounts.as(amy).does(addContact, { body: { accountId: account.id, name: 'Han Meimei' } })
    const headers = { 'if-match': '"1"' }
    await accounts.as(amy).does(changeAccount, { params: { id: account.id }, body: { name: 'New Mill Ltd' }, headers })
    await accounts.as(amy).does(changeContact, { params: { id: contact.id }, body: { name: 'Li Lei' }, headers })
    expect(await find(amy, 'old')).toEqual([])
    expect(await find(amy, 'new mill')).toMatchObject([{ title: 'New Mill Ltd', match: 'exact' }])
    expect(await findPeople(amy, 'meimei')).toEqual([])
    expect(await findPeople(amy, 'lei')).toMatchObject([{ title: 'Li Lei', subtitle: 'New Mill Ltd' }])
  })

  it('shows an account and its people to those who may see it, also after it changed hands', async () => {
    const { amy, bob, mona, olga } = await world.company()
    const account = await accounts.as(amy).does(openAccount, { body: { name: 'Pearl Ltd' } })
    await accounts.as(amy).does(addContact, { body: { accountId: account.id, name: 'Pearl Buck' } })
    const seen = async (person: Person) => [(await find(person, 'pearl')).length, (await findPeople(person, 'pearl')).length]
    expect([await seen(amy), await seen(bob), await seen(mona), await seen(olga)]).toEqual([
      [1, 1],
      [0, 0],
      [1, 1],
      [1, 1],
    ])
    await accounts.as(olga).does(assignAccount, { params: { id: account.id }, body: { ownerId: bob.id } })
    expect([await seen(amy), await seen(bob), await seen(mona), await seen(olga)]).toEqual([
      [0, 0],
      [1, 1],
      [0, 0],
      [1, 1],
    ])
    expect(await seen((await world.company()).olga)).toEqual([0, 0])
  })
})
