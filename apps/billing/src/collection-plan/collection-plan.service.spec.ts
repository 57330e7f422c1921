import {
  ContractSigned,
  getCollectionPlan,
  getReceivable,
  listCollectionPlans,
  listParkedEvents,
  listReceivables,
  readAudit,
  replanCollection,
  replayParkedEvents,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { asSuperuser, aWorld, eventually, houseRules, type TestService, type World } from '@millrace/testing'
import { Seller, signedOn, yuan } from '../billing.fixture.js'
import { billingService } from '../billing.module.js'

houseRules(billingService, `${import.meta.dirname}/..`)

let world: World
let billing: TestService
let seller: Seller

beforeAll(async () => {
  world = await aWorld()
  billing = await world.start(billingService)
  billing.clock.set(new Date('2026-11-20T02:00:00Z'))
  seller = await Seller.open(world, billing)
})
afterAll(() => world.stop())

const thirds = [
  { share: '33.33', daysAfterSigning: 0, label: 'on signing' },
  { share: '33.33', daysAfterSigning: 30, label: 'on delivery' },
  { share: '33.34', dueOn: '2027-03-01', label: 'on acceptance' },
] as const

describe('a signed contract', () => {
  it('becomes a plan whose instalments make its total and its tax to the last fen, on the journey of the contract', async () => {
    const seller = await Seller.open(world, billing)
    const journeyId = newId('journey')
    const plan = await seller.signs({ total: '1000.00', terms: [...thirds], journeyId })
    expect(plan).toMatchObject({ total: yuan('1000.00'), tax: yuan('115.04'), journeyId, accountName: '云图科技', version: 1 })
    expect(plan.instalments.map(({ number, status, amount, tax, dueOn }) => [number, status, amount.amount, tax.amount, dueOn])).toEqual([
      [1, 'due', '333.30', '38.34', signedOn],
      [2, 'planned', '333.30', '38.34', '2026-12-02'],
      [3, 'planned', '333.40', '38.36', '2027-03-01'],
    ])
    const told = await seller.told()
    expect(told.map(({ name, journeyId }) => ({ name, journeyId }))).toEqual(
      expect.arrayContaining([
        { name: 'collection_plan.made', journeyId },
        { name: 'receivable.due', journeyId },
      ]),
    )
    expect(told).toHaveLength(2)
    expect(told.find(({ name }) => name === 'collection_plan.made')!.payload).toEqual({
      planId: plan.id,
      contractId: plan.contractId,
      accountId: seller.accountId,
      ownerId: seller.company.amy.id,
      total: yuan('1000.00'),
      instalments: plan.instalments.map(({ id, number, amount, dueOn }, n) => ({
        receivableId: id,
        number,
        label: thirds[n]!.label,
        amount: yuan(amount.amount),
        dueOn,
      })),
    })
  })

  it('has one plan, however often it is told of', async () => {
    const contractId = await seller.sends()
    await seller.sends({ contractId, total: '226.00' })
    await billing.settled()
    const { data } = await seller.fred.does(listCollectionPlans, { query: { contractId } })
    expect(data).toMatchObject([{ total: yuan('113.00') }])
    expect(await seller.parked()).toEqual([])
  })

  it('of nothing has a plan without instalments', async () => {
    expect(await seller.signs({ total: '0.00' })).toMatchObject({ total: yuan('0.00'), instalments: [] })
  })

  it.each([
    ['terms that do not add up', { terms: [{ share: '99', daysAfterSigning: 0 }] }, 'collection_plan.does_not_add_up'],
    ['terms that do not say when', { terms: [{ share: '100' }] }, 'collection_plan.vague_term'],
    ['lines that do not make the total', { event: { total: yuan('113.01') } }, 'collection_plan.lines_differ'],
    [
      'a term in another currency',
      { terms: [{ amount: { amount: '113.00', currency: 'USD' }, daysAfterSigning: 0 }] },
      'money.mixed_currencies',
    ],
  ])('with %s is parked with the reason, and later contracts go on', async (_, deal, code) => {
    const seller = await Seller.open(world, billing)
    const contractId = await seller.sends(deal)
    const ada = billing.as(seller.company.ada)
    const [parked] = await eventually(async () => {
      const { data } = await ada.does(listParkedEvents, { query: { service: 'billing' } })
      return data.length ? data : undefined
    })
    expect(parked).toMatchObject({ type: ContractSigned.type, code })
    expect((await seller.fred.does(listCollectionPlans, { query: { contractId } })).data).toEqual([])
    expect((await seller.signs()).instalments).toHaveLength(1)
    expect(await ada.does(replayParkedEvents, { query: { service: 'billing' } })).toMatchObject({ applied: 0 })
  })
})

describe('the database', () => {
  it('refuses instalments that do not make the total of their plan, whoever writes them', async () => {
    const { instalments } = await seller.signs()
    const { rows } = await billing.database.pool.query<{ name: string }>('SELECT current_database() AS name')
    const tampered = asSuperuser(
      (client) =>
        client.query('UPDATE receivable SET amount_minor = amount_minor + 1, open_minor = open_minor + 1 WHERE id = $1', [
          instalments[0]!.id,
        ]),
      rows[0]!.name,
    )
    await expect(tampered).rejects.toThrow('do not make its total')
  })
})

describe('laying a plan out anew', () => {
  const planned = { terms: [{ share: '100', dueOn: '2027-03-01' }] }
  const halves = [
    { share: '50', dueOn: '2027-01-31', label: 'first' },
    { amount: yuan('56.50'), dueOn: '2027-02-28', label: 'second' },
  ]

  it('replaces the instalments, says so, and keeps the total', async () => {
    const seller = await Seller.open(world, billing)
    const plan = await seller.signs(planned)
    const params = { id: plan.id }
    const anew = await seller.fred.does(replanCollection, { params, body: { terms: halves }, headers: { 'if-match': '"1"' } })
    expect(anew.version).toBe(2)
    expect(
      anew.instalments.map(({ label, amount, dueOn }: (typeof plan.instalments)[0] & { label: string }) => [label, amount.amount, dueOn]),
    ).toEqual([
      ['first', '56.50', '2027-01-31'],
      ['second', '56.50', '2027-02-28'],
    ])
    expect(await seller.receivable(plan.instalments[0]!.id)).toMatchObject({ status: 'cancelled', open: yuan('0.00') })
    const told = await seller.told()
    expect(told.map(({ name, journeyId }) => [name, journeyId])).toEqual([
      ['collection_plan.made', plan.journeyId],
      ['collection_plan.made', plan.journeyId],
    ])
    expect(told[1]!.payload['instalments']).toHaveLength(2)
    const stale = await seller.fred.call(replanCollection, { params, body: { terms: halves }, headers: { 'if-match': '"1"' } })
    expect(stale.body).toMatchObject({ status: 412, code: 'version.stale', current: 2 })
  })

  it('is refused when the terms do not add up, and changes nothing', async () => {
    const plan = await seller.signs(planned)
    const params = { id: plan.id }
    const refused = await seller.fred.call(replanCollection, { params, body: { terms: [{ share: '99.99', daysAfterSigning: 0 }] } })
    expect(refused.body).toMatchObject({ status: 422, code: 'collection_plan.does_not_add_up', total: '113.00 CNY' })
    expect((await seller.fred.does(getCollectionPlan, { params })).instalments).toMatchObject([{ status: 'planned', version: 1 }])
  })

  it('is refused once something is due or invoiced', async () => {
    const due = await seller.signs({
      terms: [
        { share: '50', daysAfterSigning: 0 },
        { share: '50', dueOn: '2027-03-01' },
      ],
    })
    const refused = await seller.fred.call(replanCollection, { params: { id: due.id }, body: { terms: halves } })
    expect(refused.body).toMatchObject({ status: 409, code: 'collection_plan.begun', receivables: [due.instalments[0]!.id] })
    const invoiced = await seller.signs(planned)
    await seller.invoices(invoiced.instalments[0]!.id)
    expect((await seller.fred.call(replanCollection, { params: { id: invoiced.id }, body: { terms: halves } })).body.code).toBe(
      'collection_plan.begun',
    )
  })

  it('has one winner when two do it at once', async () => {
    const plan = await seller.signs(planned)
    const call = () =>
      seller.fred.call(replanCollection, { params: { id: plan.id }, body: { terms: halves }, headers: { 'if-match': '"1"' } })
    const answers = await Promise.all([call(), call(), call()])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412])
    expect((await seller.fred.does(getCollectionPlan, { params: { id: plan.id } })).instalments).toHaveLength(2)
  })

  it.each([
    ['no term', []],
    ['a term without an amount', [{ daysAfterSigning: 0 }]],
    ['a term with two days', [{ share: '100', daysAfterSigning: 0, dueOn: '2027-03-01' }]],
    ['a day that does not exist', [{ share: '100', dueOn: '2027-02-29' }]],
    ['a negative amount', [{ amount: yuan('-1.00'), daysAfterSigning: 0 }]],
    ['an amount more precise than fen', [{ amount: yuan('113.001'), daysAfterSigning: 0 }]],
    ['a share of letters', [{ share: 'half', daysAfterSigning: 0 }]],
  ])('is refused with %s', async (_, terms) => {
    const { id } = await seller.signs(planned)
    expect((await seller.fred.call(replanCollection, { params: { id }, body: { terms } })).status).toBe(400)
  })
})

describe('who sees what is owed', () => {
  it('shows a rep his own, a manager hers, finance and executives all, another company nothing', async () => {
    const plan = await seller.signs()
    const receivable = plan.instalments[0]!.id
    const stranger = await world.company()
    const { amy, bob, mona, fred, eva } = seller.company
    const seen = async (person: typeof amy) => [
      (await billing.as(person).call(getCollectionPlan, { params: { id: plan.id } })).status,
      (await billing.as(person).call(getReceivable, { params: { id: receivable } })).status,
      (await billing.as(person).does(listReceivables, { query: { contractId: plan.contractId } })).data.length,
    ]
    for (const person of [amy, mona, fred, eva]) expect(await seen(person)).toEqual([200, 200, 1])
    for (const person of [bob, stranger.ada]) expect(await seen(person)).toEqual([404, 404, 0])
  })

  it('lets only finance lay it out anew', async () => {
    const { id } = await seller.signs()
    const body = { terms: [{ share: '100', daysAfterSigning: 0 }] }
    for (const person of [seller.company.amy, seller.company.mona, seller.company.eva])
      expect((await billing.as(person).call(replanCollection, { params: { id }, body })).body).toMatchObject({
        status: 403,
        permission: 'collection_plan.replan',
      })
  })

  it('leaves a trail of what was planned', async () => {
    const { id } = await seller.signs()
    const { data } = await billing.as(seller.company.ada).does(readAudit, { params: { id } })
    expect(data).toMatchObject([{ action: 'insert', actorId: null }])
  })
})
