import { AccountChanged, AccountOpened, getSalesFigures, OrgUnitCreated, ProductCreated, UserCreated } from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { Telling, type Road } from '../deal/deals.fixture.js'
import { insightService } from '../insight.module.js'

const january = new Date('2017-01-10T08:00:00Z')
const march = new Date('2017-03-01T08:00:00Z')
const stages = [
  { key: 'prospecting', name: 'Prospecting' },
  { key: 'engaging', name: 'Engaging' },
]
const usd = (dollars: number) => ({ amount: `${dollars}.00`, currency: 'USD' })

let world: World
let insight: TestService

beforeAll(async () => {
  world = await aWorld()
  insight = await world.start(insightService)
})
afterAll(() => world.stop())

const figures = (person: Person, query: Record<string, unknown> = {}) => insight.as(person).does(getSalesFigures, { query })

/** Tells of a company that sells hardware: a process of its own, prospecting → engaging → won or lost. */
async function hardware(company: Company, tell: (telling: Telling, road: Road) => void): Promise<void> {
  const telling = new Telling(company.tenantId)
  tell(telling, telling.road('hardware', stages, january))
  await telling.send(world.bus)
  await insight.settled()
}

describe('the sales of a company of three regions', () => {
  const names = ['Central', 'East', 'West']
  const sold = [
    { name: 'GTX Pro', price: 4821 },
    { name: 'MG Special', price: 55 },
  ]
  let company: Company
  /** What each rep did: won, lost, engaging, prospecting. Every other won deal is of the first product, the rest of the second. */
  const reps = [
    { region: 0, counts: [42, 24, 15, 5] },
    { region: 0, counts: [21, 12, 9, 0] },
    { region: 1, counts: [40, 25, 16, 9] },
    { region: 2, counts: [35, 18, 5, 6] },
  ] as const
  let repIds: Id<'user'>[]
  let regionIds: Id<'org_unit'>[]

  beforeAll(async () => {
    company = await world.company()
    const telling = new Telling(company.tenantId)
    const unit = (name: string, path: string) => {
      const unitId = newId('org_unit')
      telling.tell(OrgUnitCreated, unitId, { unitId, name, parentId: null, path: `${path}${unitId}/` }, { at: january })
      return unitId
    }
    const root = unit('Ridgeway', '/')
    regionIds = names.map((name) => unit(name, `/${root}/`))
    const productIds = sold.map(({ name }) => {
      const productId = newId('product')
      telling.tell(ProductCreated, productId, { productId, code: name, name, family: null, active: true }, { at: january })
      return productId
    })
    // Each rep is in a team of a manager, one level below the region.
    repIds = reps.map(({ region }, n) => {
      const userId = newId('user')
      const unitId = unit(`Team ${n}`, `/${root}/${regionIds[region]}/`)
      telling.tell(
        UserCreated,
        userId,
        { userId, name: `Rep ${n}`, email: `rep${n}@example.com`, unitId, roles: ['sales_rep'], active: true },
        { at: january },
      )
      return userId
    })
    const road = telling.road('hardware', stages, january)
    reps.forEach(({ counts: [won, lost, engaging, prospecting] }, n) => {
      const deal = (product: number, stage: number) =>
        telling.deal(
          road,
          january,
          {
            ownerId: repIds[n]!,
            products: [{ productId: productIds[product]!, name: sold[product]!.name }],
            amount: usd(sold[product]!.price),
          },
          stage,
        )
      for (let i = 0; i < won; i += 1) deal(i % 2, 1).win(march)
      for (let i = 0; i < lost; i += 1) deal(i % 2, 1).lose(march)
      for (let i = 0; i < engaging; i += 1) deal(0, 0).to(1, march)
      for (let i = 0; i < prospecting; i += 1) deal(1, 0)
    })
    await telling.send(world.bus)
    await insight.settled()
  })

  const tally = ({ name, won, lost, openByStage, revenue }: any) => {
    const open = (key: string) => openByStage.find((stage: any) => stage.key === key)?.deals ?? 0
    return [name, won, lost, open('engaging'), open('prospecting'), revenue[0]?.amount ?? '0.00']
  }

  it('are exact in total', async () => {
    const { total, data, groups } = await figures(company.eva)
    expect(total).toEqual({
      deals: 282,
      won: 138,
      lost: 79,
      open: 65,
      openByStage: [
        { key: 'prospecting', name: 'Prospecting', deals: 20 },
        { key: 'engaging', name: 'Engaging', deals: 45 },
      ],
      revenue: [{ amount: String((21 + 11 + 20 + 18) * 4821 + (21 + 10 + 20 + 17) * 55) + '.00', currency: 'USD' }],
      winRatePct: '63.59',
    })
    expect([data, groups]).toEqual([[], 0])
  })

  it('are exact by rep, and the parts make the whole', async () => {
    const { total, data } = await figures(company.eva, { groupBy: 'owner' })
    expect(data.map(tally)).toEqual([
      ['Rep 0', 42, 24, 15, 5, '102396.00'],
      ['Rep 2', 40, 25, 16, 9, '97520.00'],
      ['Rep 3', 35, 18, 5, 6, '87713.00'],
      ['Rep 1', 21, 12, 9, 0, '53581.00'],
    ])
    expect(data.map(({ key }: any) => key)).toEqual([0, 2, 3, 1].map((n) => repIds[n]))
    expect(data.reduce((all: number, { won }: any) => all + won, 0)).toBe(total.won)
  })

  it('are exact by region, however deep the reps’ teams are below it', async () => {
    const { data } = await figures(company.eva, { groupBy: 'region' })
    expect(data.map(tally)).toEqual([
      ['Central', 63, 36, 24, 5, '155977.00'],
      ['East', 40, 25, 16, 9, '97520.00'],
      ['West', 35, 18, 5, 6, '87713.00'],
    ])
    expect(data[0].key).toBe(regionIds[0])
    const roots = await figures(company.eva, { groupBy: 'region', depth: 1 })
    expect(roots.data.map(tally)).toEqual([['Ridgeway', 138, 79, 45, 20, '341210.00']])
    const teams = await figures(company.eva, { groupBy: 'unit', unitId: regionIds[0] })
    expect(teams.data.map(({ name, won }: any) => [name, won])).toEqual([
      ['Team 0', 42],
      ['Team 1', 21],
    ])
  })

  it('are exact by product', async () => {
    const { data } = await figures(company.eva, { groupBy: 'product' })
    expect(data.map(tally)).toEqual([
      ['GTX Pro', 70, 40, 45, 0, '337470.00'],
      ['MG Special', 68, 39, 0, 20, '3740.00'],
    ])
  })

  it('can be cut to the first groups, and say how many there are', async () => {
    const { data, groups, total } = await figures(company.eva, { groupBy: 'owner', limit: 1 })
    expect(data.map(tally)).toEqual([['Rep 0', 42, 24, 15, 5, '102396.00']])
    expect([groups, total.won]).toEqual([4, 138])
  })

  it('can be asked for by stage and by month of opening or closing', async () => {
    const months = async (date: string) =>
      (await figures(company.eva, { groupBy: 'month', date })).data.map(({ key, deals }: any) => [key, deals])
    expect(await months('opened')).toEqual([['2017-01', 282]])
    expect(await months('closed')).toEqual([['2017-03', 217]])
    const { data } = await figures(company.eva, { groupBy: 'stage' })
    expect(data.map(({ key, name, deals }: any) => [key, name, deals])).toEqual([
      ['signed', 'Signed', 138],
      ['engaging', 'Engaging', 124],
      ['prospecting', 'Prospecting', 20],
    ])
    expect((await figures(company.eva, { date: 'closed', from: '2017-03-01', to: '2017-03-02' })).total.deals).toBe(217)
    expect((await figures(company.eva, { from: '2017-03-01' })).total.deals).toBe(0)
  })
})

describe('a deal', () => {
  it('without owner, account or product is in the group of those without', async () => {
    const company = await world.company()
    await hardware(company, (telling, road) => telling.deal(road, january, { amount: usd(7) }).win(march))
    for (const groupBy of ['owner', 'unit', 'region', 'account', 'product']) {
      const { data } = await figures(company.eva, { groupBy })
      expect(data).toMatchObject([{ key: null, name: null, won: 1, revenue: [usd(7)] }])
    }
  })

  it('with two products counts in each one’s group, and once in the total', async () => {
    const company = await world.company()
    const products = ['A', 'B'].map((name) => ({ productId: newId('product'), name }))
    await hardware(company, (telling, road) => telling.deal(road, january, { products, amount: usd(7) }).win(march))
    const { data, total } = await figures(company.eva, { groupBy: 'product' })
    expect(data.map(({ won }: any) => won)).toEqual([1, 1])
    expect(total).toMatchObject({ won: 1, revenue: [usd(7)] })
  })

  it('is worth what it was won for', async () => {
    const company = await world.company()
    await hardware(company, (telling, road) => {
      telling
        .deal(road, january, { amount: usd(7) })
        .change({ amount: usd(8) }, january)
        .win(march, usd(9))
      telling.deal(road, january, { amount: { amount: '500', currency: 'JPY' } }).win(march)
      telling.deal(road, january).win(march, null)
    })
    expect((await figures(company.eva)).total).toMatchObject({ won: 3, revenue: [{ amount: '500', currency: 'JPY' }, usd(9)] })
  })

  it('is shown under the name that its account has today', async () => {
    const company = await world.company()
    const accountId = newId('account')
    await hardware(company, (telling, road) => {
      const account = { accountId, ownerId: null, parentId: null, industry: null, country: null }
      telling.tell(AccountOpened, accountId, { ...account, name: 'Acme' }, { at: january })
      telling.tell(AccountChanged, accountId, { ...account, name: 'Acme Corporation' }, { at: march, sequence: 2 })
      telling.tell(AccountChanged, accountId, { ...account, name: 'Stale' }, { at: march, sequence: 1 })
      telling.deal(road, january, { accountId })
    })
    expect((await figures(company.eva, { groupBy: 'account' })).data).toMatchObject([{ key: accountId, name: 'Acme Corporation', open: 1 }])
  })
})

describe('who sees which sales figures', () => {
  it('is one’s own for a rep, those of his part for a manager, nothing of another company', async () => {
    const company = await world.company()
    await hardware(company, (telling, road) => {
      telling.deal(road, january, { ownerId: company.amy.id, amount: usd(1) }).win(march)
      telling.deal(road, january, { ownerId: company.bob.id, amount: usd(2) }).win(march)
    })
    const revenue = async (person: Person) => (await figures(person, { groupBy: 'owner' })).total.revenue[0]?.amount
    expect(await revenue(company.amy)).toBe('1.00')
    expect(await revenue(company.bob)).toBe('2.00')
    expect(await revenue(company.mona)).toBe('1.00')
    expect(await revenue(company.fred)).toBe('3.00')
    expect(await revenue((await world.company()).ada)).toBeUndefined()
    expect((await figures(company.amy, { groupBy: 'owner' })).data.map(({ name }: any) => name)).toEqual(['Amy'])
  })

  it('refuses groups and processes that nobody knows', async () => {
    const company = await world.company()
    const status = async (query: Record<string, unknown>) => (await insight.as(company.eva).call(getSalesFigures, { query })).status
    expect(await status({ groupBy: 'colour' })).toBe(400)
    expect(await status({ groupBy: 'region', depth: '1; DROP TABLE deal' })).toBe(400)
    expect(await status({ limit: 0 })).toBe(400)
    expect(await status({ process: 'unheard-of' })).toBe(422)
  })
})
