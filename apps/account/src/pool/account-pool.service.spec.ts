import {
  addContact,
  assignAccount,
  changeAccountPoolSettings,
  claimAccount,
  getAccount,
  getAccountPoolSettings,
  getContact,
  listPooledAccounts,
  logActivity,
  openAccount,
  OpportunityLost,
  OpportunityOpened,
  releaseAccount,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'
import { AccountPoolService } from './account-pool.service.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(() => service.clock.set(day(0)))

const dayMs = 86_400_000
const day = (n: number) => new Date(Date.UTC(2026, 2, 1, 9) + n * dayMs)
const dayOf = (at: string) => Math.floor((new Date(at).getTime() - day(0).getTime()) / dayMs)

/** So late on the day that all that took place at its beginning is so many whole days ago, and later on each day than on those before. */
const itIs = (n: number) => service.clock.set(new Date(day(n).getTime() + dayMs / 24 + n * 60_000))
const open = async (person: Person, body: object = {}) =>
  (await service.as(person).does(openAccount, { body: { name: `Idle ${newId('x')}`, ...body } })) as { id: Id<'account'>; version: number }
const rules = (person: Person, body: object) => service.as(person).call(changeAccountPoolSettings, { body, headers: { 'if-match': '*' } })
const job = () => service.app.get(AccountPoolService).returnIdle()
const claim = (person: Person, { id }: { id: string }) => service.as(person).call(claimAccount, { params: { id } })

/** What was told of the pool and an account: on which day, and for which day. */
async function told({ tenantId }: Company, { id }: { id: string }) {
  const events = (await world.events(tenantId)).filter(({ subject, name }) => subject === id && /pool|claimed/.test(name))
  return events.map(({ name, at, payload }) => [name, dayOf(at), payload['poolsAt'] ? dayOf(payload['poolsAt']) : null])
}

async function pooled(company: Company, owner: Person, count = 1) {
  const accounts = []
  for (let n = 0; n < count; n += 1) accounts.push(await open(owner))
  await rules(company.olga, { active: true, rules: [{ when: null, idleDays: 10 }], warnDays: 0 })
  itIs(20)
  await job()
  return accounts
}

describe('an account that nobody deals with', () => {
  it('is pooled when its time is up, its owner reminded before, each once however often the job runs', async () => {
    const company = await world.company()
    const { amy, mona, olga } = company
    const account = await open(amy)
    const contact = await service.as(amy).does(addContact, { body: { accountId: account.id, name: 'Li' } })
    await rules(olga, { active: true, rules: [{ when: null, idleDays: 30 }], warnDays: 7 })
    for (const n of [22, 23, 23, 29, 30, 31]) {
      itIs(n)
      await Promise.all([job(), job()])
    }
    expect(await told(company, account)).toEqual([
      ['account.pool_warned', 23, 30],
      ['account.pooled', 30, null],
    ])
    expect((await service.as(amy).call(getAccount, { params: { id: account.id } })).status).toBe(404)
    expect((await service.as(amy).call(getContact, { params: { id: contact.id } })).status).toBe(404)
    expect(await service.as(olga).does(getAccount, { params: { id: account.id } })).toMatchObject({
      ...{ status: 'pooled', ownerId: null, pooledAt: expect.any(String), version: 2 },
    })
    const { data } = await service.as(mona).does(listPooledAccounts)
    expect(data).toMatchObject([{ id: account.id }])
    expect(data[0]).not.toHaveProperty('phone')
  })

  it('is reminded of and pooled once, late, after the service was down', async () => {
    const company = await world.company()
    const account = await open(company.amy)
    await rules(company.olga, { active: true, rules: [{ when: null, idleDays: 30 }], warnDays: 7 })
    for (const n of [100, 106, 107, 200]) {
      itIs(n)
      await job()
    }
    expect(await told(company, account)).toEqual([
      ['account.pool_warned', 100, 107],
      ['account.pooled', 107, null],
    ])
  })

  it('stays while somebody is in contact or a deal is open', async () => {
    const company = await world.company()
    const { amy, olga, tenantId } = company
    const [called, dealing, idle] = [await open(amy), await open(amy), await open(amy)]
    await rules(olga, { active: true, rules: [{ when: null, idleDays: 30 }], warnDays: 0 })
    const opportunityId = newId('opportunity')
    const place = { opportunityId, processId: newId('process'), stage: { key: 'a', name: 'A' } }
    const deal = {
      ...place,
      title: 'x',
      accountId: dealing.id,
      ownerId: amy.id,
      amount: null,
      products: [],
      expectedCloseOn: null,
      source: null,
    }
    await world.publish(tenantId, OpportunityOpened, opportunityId, deal, { at: day(1) })
    await service.settled()
    service.clock.set(day(29))
    await service.as(amy).does(logActivity, { body: { kind: 'call', accountId: called.id, subject: 'Hello' } })
    itIs(40)
    await job()
    expect([await told(company, called), await told(company, dealing), await told(company, idle)]).toEqual([
      [],
      [],
      [['account.pooled', 40, null]],
    ])
    await world.publish(
      tenantId,
      OpportunityLost,
      opportunityId,
      { ...place, reason: 'price', competitor: null },
      { at: day(40), sequence: 2 },
    )
    await service.settled()
    for (const n of [58, 59, 69, 70]) {
      itIs(n)
      await job()
    }
    expect([await told(company, called), await told(company, dealing)]).toEqual([
      [['account.pooled', 59, null]],
      [['account.pooled', 70, null]],
    ])
  })

  it('goes by the first rule whose condition holds, from the moment that the rules change', async () => {
    const company = await world.company()
    const { amy, olga } = company
    const [key, small, other] = [
      await open(amy, { industry: 'bank' }),
      await open(amy, { employees: 20 }),
      await open(amy, { employees: 900 }),
    ]
    itIs(50)
    await job()
    await rules(olga, {
      ...{ active: true, warnDays: 0 },
      rules: [
        { when: 'account.industry == "bank"', idleDays: null },
        { when: 'account.employees < 100.0', idleDays: 30 },
      ],
    })
    await job()
    expect([await told(company, key), await told(company, small), await told(company, other)]).toEqual([
      [],
      [['account.pooled', 50, null]],
      [],
    ])
    await rules(olga, { rules: [{ when: null, idleDays: 60 }] })
    itIs(60)
    await job()
    expect([(await told(company, key)).length, (await told(company, other)).length]).toEqual([1, 1])
  })

  it('stays where the pool is off, as it is until somebody switches it on', async () => {
    const company = await world.company()
    const account = await open(company.amy)
    expect(await service.as(company.amy).does(getAccountPoolSettings)).toMatchObject({ active: false, version: 0 })
    itIs(3_000)
    await job()
    expect(await told(company, account)).toEqual([])
  })
})

describe('an account in the pool', () => {
  it('goes to one of those who claim it at the same moment, contacts included', async () => {
    const company = await world.company()
    const { bob, mona, olga } = company
    const [account] = await pooled(company, company.amy)
    const racers = [bob, mona, olga]
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => claim(racers[n % 3]!, account!)))
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    expect(won[0]!.body).toMatchObject({ id: account!.id, status: 'active' })
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code))).toEqual(new Set(['account.not_pooled']))
    const events = (await world.events(company.tenantId)).filter(({ subject }) => subject === account!.id)
    expect(events.map(({ name, payload }) => [name, payload['ownerId'] ?? null])).toEqual([
      ['account.opened', company.amy.id],
      ['account.changed', null],
      ['account.pooled', null],
      ['account.changed', won[0]!.body.ownerId],
      ['account.claimed', won[0]!.body.ownerId],
    ])
  })

  it('is not for its former owner, nor for who has enough; one who claims several at once gets no more', async () => {
    const company = await world.company()
    const { amy, bob, olga } = company
    const [first, ...others] = await pooled(company, amy, 5)
    expect((await claim(amy, first!)).body).toMatchObject({ status: 409, code: 'account.was_yours' })
    await rules(olga, { maxOwned: 2 })
    const answers = await Promise.all(others.map((account) => claim(bob, account)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'account_pool.owns_enough', owned: 2, limit: 2 })
    await rules(olga, { maxOwned: null, maxPerDay: 2 })
    expect((await claim(bob, first!)).body).toMatchObject({ code: 'account_pool.claimed_enough', claimed: 2, limit: 2 })
    itIs(21)
    expect((await claim(bob, first!)).status).toBe(200)
  })

  it('may have been given back by its owner, once', async () => {
    const company = await world.company()
    const { amy, bob } = company
    const account = await open(amy)
    const release = (person: Person) => service.as(person).call(releaseAccount, { params: { id: account.id } })
    expect((await release(bob)).status).toBe(404)
    expect((await release(amy)).body).toMatchObject({ status: 'pooled', ownerId: null })
    expect((await release(company.olga)).body).toMatchObject({ status: 409, code: 'account.illegal_move' })
    expect((await claim(amy, account)).body.code).toBe('account.was_yours')
    expect((await claim(bob, account)).status).toBe(200)
    expect((await told(company, account)).map(([name]) => name)).toEqual(['account.pooled', 'account.claimed'])
  })

  it('can be given to somebody by who may, and has its whole time again', async () => {
    const company = await world.company()
    const { amy, bob, olga } = company
    const [account] = await pooled(company, amy)
    service.clock.set(day(21))
    const given = await service.as(olga).does(assignAccount, { params: { id: account!.id }, body: { ownerId: bob.id } })
    expect(given).toMatchObject({ status: 'active', ownerId: bob.id })
    for (const n of [30, 31]) {
      itIs(n)
      await job()
    }
    expect((await told(company, account!)).map(([, on]) => on)).toEqual([20, 31])
  })
})

describe('the rules of the account pool', () => {
  it('are changed on what was read by who runs sales, and refuse a condition that cannot be read', async () => {
    const { amy, olga } = await world.company()
    expect((await rules(amy, { active: true })).status).toBe(403)
    expect((await service.as(olga).call(changeAccountPoolSettings, { body: { active: true } })).status).toBe(428)
    expect((await rules(olga, { rules: [{ when: 'account.nothing == 1', idleDays: 3 }] })).body).toMatchObject({
      ...{ status: 422, code: 'expression.malformed' },
    })
    const change = (version: number, body: object) =>
      service.as(olga).call(changeAccountPoolSettings, { body, headers: { 'if-match': `"${version}"` } })
    expect((await change(0, { warnDays: 3 })).body).toMatchObject({ warnDays: 3, active: false, version: 1 })
    expect((await change(0, { warnDays: 4 })).status).toBe(412)
    expect((await change(1, { rules: [{ when: null, idleDays: 0 }] })).status).toBe(400)
  })
})
