import {
  activateAccountPlan,
  addContact,
  assignAccount,
  changeAccount,
  claimAccount,
  closeAccountPlan,
  draftAccountPlan,
  getAccount,
  getAccountOverview,
  getAccountPlan,
  getContact,
  getHierarchy,
  keepAccountApart,
  LeadConverted,
  listAccountDuplicates,
  listAccounts,
  listActivities,
  logActivity,
  mergeAccount,
  openAccount,
  OpportunityOpened,
  readAudit,
} from '@millrace/contracts'
import { Money, newId, type Id } from '@millrace/domain'
import { aWorld, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())

const open = async (person: Person, body: object) =>
  (await service.as(person).does(openAccount, { body })) as Record<string, any> & { id: Id<'account'> }
const merge = (person: Person, into: { id: string }, accountId: string, more: object = {}) =>
  service.as(person).call(mergeAccount, { params: { id: into.id }, body: { accountId, ...more } })
const duplicates = async (person: Person) =>
  (await service.as(person).does(listAccountDuplicates)).data.map(({ account, other, score }: any) => [account.name, other.name, score])

describe('accounts that look the same', () => {
  it('are told in pairs, the newest first, to who sees both', async () => {
    const { amy, bob, olga } = await world.company()
    await open(amy, { name: '北京云图科技有限公司' })
    await open(bob, { name: 'Acme Industries GmbH' })
    await open(amy, { name: '云图科技(北京)' })
    await open(amy, { name: 'Acme Industrie GmbH' })
    expect(await duplicates(olga)).toEqual([
      ['Acme Industrie GmbH', 'Acme Industries GmbH', expect.any(Number)],
      ['云图科技(北京)', '北京云图科技有限公司', expect.any(Number)],
    ])
    expect(await duplicates(amy)).toEqual([['云图科技(北京)', '北京云图科技有限公司', expect.any(Number)]])
    expect(await duplicates(bob)).toEqual([])
    const first = await service.as(olga).does(listAccountDuplicates, { query: { limit: 1 } })
    const second = await service.as(olga).does(listAccountDuplicates, { query: { limit: 1, cursor: first.next } })
    expect([first.data[0].account.name, second.data[0].account.name, second.next]).toEqual(['Acme Industrie GmbH', '云图科技(北京)', null])
    expect((await service.as(olga).call(listAccountDuplicates, { query: { cursor: 'x' } })).status).toBe(400)
  })

  it('are not told any more once somebody said that they are two, or one has another name', async () => {
    const { olga } = await world.company()
    const [one, two, three] = [
      await open(olga, { name: 'Globex' }),
      await open(olga, { name: 'Globex Inc' }),
      await open(olga, { name: 'GLOBEX Ltd' }),
    ]
    expect(await duplicates(olga)).toHaveLength(3)
    const keepApart = () => service.as(olga).call(keepAccountApart, { params: { id: one.id }, body: { accountId: two.id } })
    expect([(await keepApart()).status, (await keepApart()).status]).toEqual([200, 200])
    await service.as(olga).does(changeAccount, { params: { id: three.id }, body: { name: 'Initech' }, headers: { 'if-match': '*' } })
    expect(await duplicates(olga)).toEqual([])
    await service.as(olga).does(changeAccount, { params: { id: two.id }, body: { name: 'Globex Corp' }, headers: { 'if-match': '*' } })
    expect(await duplicates(olga)).toEqual([])
  })
})

describe('merging two accounts', () => {
  it('moves contacts, activities and subsidiaries, takes what was missing or better, and tells others', async () => {
    const { amy, bob, olga, ada, tenantId } = await world.company()
    const kept = await open(olga, { name: 'Acme', ownerId: amy.id, industry: 'retail', externalId: 'a' })
    const gone = await open(olga, {
      ...{ name: 'Acme Ltd', ownerId: bob.id, industry: 'medical', country: 'DE', externalId: 'b', note: 'Old' },
      annualRevenue: { amount: '5.00', currency: 'EUR' },
    })
    const child = await open(olga, { name: 'Child', ownerId: bob.id, parentId: gone.id })
    const contact = await service.as(bob).does(addContact, { body: { accountId: gone.id, name: 'Li' } })
    await service.as(bob).does(logActivity, { body: { kind: 'call', accountId: gone.id, contactId: contact.id, subject: 'Hello' } })

    const answer = await merge(olga, kept, gone.id, { take: ['name'] })
    expect(answer.body).toMatchObject({
      ...{ id: kept.id, name: 'Acme Ltd', industry: 'retail', country: 'DE', note: 'Old', externalId: 'a', ownerId: amy.id, version: 2 },
      annualRevenue: { amount: '5.00', currency: 'EUR' },
    })
    expect(await service.as(olga).does(getAccount, { params: { id: gone.id } })).toMatchObject({ id: kept.id })
    expect(await service.as(amy).does(getAccount, { params: { id: gone.id } })).toMatchObject({ id: kept.id })
    expect((await service.as(bob).does(getAccount, { params: { id: gone.id } })).mergedInto).toBe(kept.id)
    expect(await service.as(amy).does(getContact, { params: { id: contact.id } })).toMatchObject({ accountId: kept.id, version: 2 })
    expect((await service.as(bob).call(getContact, { params: { id: contact.id } })).status).toBe(404)
    expect((await service.as(amy).does(listActivities, { query: { accountId: kept.id } })).data).toMatchObject([
      { subject: 'Hello', version: 2 },
    ])
    expect((await service.as(olga).does(getHierarchy, { params: { id: gone.id } })).below).toMatchObject([
      { id: child.id, parentId: kept.id },
    ])
    expect((await service.as(olga).does(listAccounts, { query: { sort: 'name' } })).data.map(({ id }: any) => id)).toEqual([
      kept.id,
      child.id,
    ])

    const events = (await world.events(tenantId)).filter(({ name }) => !/opened|added|logged|^user|^org/.test(name))
    expect(events.map(({ name, subject, payload }) => [name, subject, payload['into'] ?? payload['accountId']]).sort()).toEqual(
      [
        ['account.merged', gone.id, kept.id],
        ['account.changed', kept.id, kept.id],
        ['account.changed', child.id, child.id],
        ['contact.changed', contact.id, kept.id],
      ].sort(),
    )
    const { data } = await service.as(ada).does(readAudit, { params: { id: contact.id } })
    expect(data[1]).toMatchObject({ action: 'update', version: 2, change: { accountId: { from: gone.id, to: kept.id } } })
  })

  it('moves plans, and is refused while both have one that is active', async () => {
    const { olga, amy } = await world.company()
    const [kept, gone] = [await open(olga, { name: 'Kept' }), await open(olga, { name: 'Gone' })]
    const plan = async (accountId: string) => {
      const goals = [{ key: 'crm', text: 'CRM in use' }]
      const actions = [{ key: 'demo', text: 'Demo', goalKey: 'crm', ownerId: amy.id, dueOn: '2026-12-01' }]
      const body = { accountId, title: 'Plan', startsOn: '2026-01-01', endsOn: '2026-12-31', goals, relations: [], actions }
      const { id } = await service.as(olga).does(draftAccountPlan, { body })
      await service.as(olga).does(activateAccountPlan, { params: { id } })
      return id as string
    }
    const [stays, moves] = [await plan(kept.id), await plan(gone.id)]
    expect((await merge(olga, kept, gone.id)).body).toMatchObject({ status: 409, code: 'account.two_plans', planId: stays })
    expect((await service.as(olga).does(getAccount, { params: { id: gone.id } })).status).toBe('active')
    await service.as(olga).does(closeAccountPlan, { params: { id: stays }, body: { note: 'One is enough' } })
    expect((await merge(olga, kept, gone.id)).status).toBe(200)
    expect(await service.as(olga).does(getAccountPlan, { params: { id: moves } })).toMatchObject({ accountId: kept.id, status: 'active' })
  })

  it('answers the same when asked again, and refuses itself, another survivor, and changes of what is gone', async () => {
    const { olga, amy } = await world.company()
    const [a, b, c] = [await open(olga, { name: 'A' }), await open(olga, { name: 'B' }), await open(olga, { name: 'C' })]
    expect((await merge(olga, a, b.id)).body.version).toBe(2)
    expect((await merge(olga, a, b.id)).body.version).toBe(2)
    expect((await merge(olga, a, a.id)).body.code).toBe('account.merged_with_itself')
    expect((await merge(olga, c, b.id)).body).toMatchObject({ status: 409, code: 'account.merged', mergedInto: a.id })
    expect((await merge(olga, b, c.id)).body.code).toBe('account.merged')
    expect((await merge(amy, a, c.id)).status).toBe(404)
    const params = { id: b.id }
    const change = await service.as(olga).call(changeAccount, { params, body: { note: 'x' }, headers: { 'if-match': '*' } })
    expect(change.body).toMatchObject({ status: 409, code: 'account.merged' })
    expect((await service.as(olga).call(assignAccount, { params, body: { ownerId: amy.id } })).body.code).toBe('account.merged')
    expect((await service.as(olga).call(claimAccount, { params })).body.code).toBe('account.not_pooled')
    await merge(olga, c, a.id)
    expect(await service.as(olga).does(getAccount, { params })).toMatchObject({ id: c.id })
  })

  it('leaves no circle and no company without its place, whoever stood above whom', async () => {
    const { olga } = await world.company()
    const nest = async () => {
      const top = await open(olga, { name: 'Top' })
      const above = await open(olga, { name: 'Above', parentId: top.id })
      const between = await open(olga, { name: 'Between', parentId: above.id })
      return {
        top,
        above,
        between,
        below: await open(olga, { name: 'Below', parentId: between.id }),
        alone: await open(olga, { name: 'Alone' }),
      }
    }
    const parentOf = async ({ id }: { id: string }) => (await service.as(olga).does(getAccount, { params: { id } })).parentId
    const up = await nest()
    await merge(olga, up.below, up.above.id)
    expect([await parentOf(up.below), await parentOf(up.between)]).toEqual([up.top.id, up.below.id])
    const down = await nest()
    await merge(olga, down.above, down.below.id)
    expect([await parentOf(down.above), await parentOf(down.between)]).toEqual([down.top.id, down.above.id])
    const aside = await nest()
    await merge(olga, aside.alone, aside.between.id)
    expect([await parentOf(aside.alone), await parentOf(aside.below)]).toEqual([aside.above.id, aside.alone.id])
  })

  it('gives new contacts, activities and conversions of the one that went to the survivor, with what others tell of either', async () => {
    const company = await world.company()
    const { olga, amy, tenantId } = company
    const [kept, gone] = [await open(olga, { name: 'Kept', ownerId: amy.id }), await open(olga, { name: 'Gone' })]
    await merge(olga, kept, gone.id)
    const contact = await service.as(amy).does(addContact, { body: { accountId: gone.id, name: 'Wei' } })
    const activity = await service.as(amy).does(logActivity, { body: { kind: 'note', accountId: gone.id, subject: 'x' } })
    const child = await service.as(olga).does(openAccount, { body: { name: 'Child', parentId: gone.id } })
    expect([contact.accountId, activity.accountId, child.parentId]).toEqual([kept.id, kept.id, kept.id])
    const leadId = newId('lead')
    const newcomer = { id: newId('contact'), name: 'Han', email: null, phone: null, isNew: true }
    await world.publish(
      tenantId,
      LeadConverted,
      leadId,
      {
        ...{ leadId, ownerId: amy.id, account: { id: gone.id, name: 'Gone', isNew: false }, contact: newcomer },
        ...{ opportunity: null, source: null },
      },
      { sequence: 5 },
    )
    for (const [accountId, minor] of [
      [gone.id, 100],
      [kept.id, 23],
    ] as const) {
      const opportunityId = newId('opportunity')
      await world.publish(tenantId, OpportunityOpened, opportunityId, {
        ...{ opportunityId, title: 'x', accountId, ownerId: amy.id, processId: newId('process'), stage: { key: 'a', name: 'A' } },
        ...{ amount: Money.of(minor, 'CNY'), products: [], expectedCloseOn: null, source: null },
      })
    }
    await service.settled()
    const overview = await service.as(amy).does(getAccountOverview, { params: { id: gone.id } })
    expect(overview).toMatchObject({
      ...{ account: { id: kept.id }, contacts: { count: 2 }, activities: { count: 1 }, leads: { count: 1 } },
      opportunities: { open: { count: 2, amounts: [{ amount: '1.23', currency: 'CNY' }] } },
    })
  })

  it('happens once when two people do it the other way round at the same moment', async () => {
    const { olga, ada } = await world.company()
    for (let round = 0; round < 4; round += 1) {
      const [a, b] = [await open(olga, { name: 'Left' }), await open(olga, { name: 'Right' })]
      const answers = await Promise.all([merge(olga, a, b.id), merge(ada, b, a.id)])
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    }
  })
})
