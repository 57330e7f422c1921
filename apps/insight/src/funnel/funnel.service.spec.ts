import { getFunnel, OrgUnitCreated, UserChanged, UserCreated } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, houseRules, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { Telling, type Road } from '../deal/deals.fixture.js'
import { insightService } from '../insight.module.js'
import { golden, tellGolden } from './golden.fixture.js'

houseRules(insightService, `${import.meta.dirname}/..`)

const monday = new Date('2026-11-02T08:00:00Z')
const later = (hours: number) => new Date(monday.getTime() + hours * 3_600_000)
const threeStages = ['first', 'second', 'third'].map((key) => ({ key, name: key.toUpperCase() }))

let world: World
let insight: TestService

beforeAll(async () => {
  world = await aWorld()
  insight = await world.start(insightService)
})
afterAll(() => world.stop())

async function told(company: Company, tell: (telling: Telling, road: Road) => void): Promise<void> {
  const telling = new Telling(company.tenantId)
  tell(telling, telling.road('simple', threeStages, monday))
  await telling.send(world.bus)
  await insight.settled()
}

const funnel = (person: Person, query: Record<string, unknown> = {}) =>
  insight.as(person).does(getFunnel, { query: { process: 'simple', ...query } })
const counts = ({ stages }: { stages: { entered: number; lost: number; stuck: number; advanced: number }[] }) =>
  stages.map(({ entered, lost, stuck, advanced }) => [entered, lost, stuck, advanced])

describe('the published funnel', () => {
  it('is reproduced from events to the last digit, for the rep and beside him for the company', async () => {
    const company = await world.company()
    const wang = newId('user')
    const telling = new Telling(company.tenantId)
    const person = {
      userId: wang,
      name: golden.rep.name,
      email: 'wang@example.com',
      unitId: company.amy.unitId,
      roles: ['sales_rep' as const],
      active: true,
    }
    telling.tell(UserCreated, wang, person, { at: monday })
    const road = telling.road(
      'value-selling',
      golden.stages.map((name, n) => ({ key: `stage-${n}`, name })),
      monday,
    )
    tellGolden(telling, road, wang, [company.amy.id, company.bob.id])
    await telling.send(world.bus)
    await insight.settled()

    const query = { process: 'value-selling', ownerId: wang, from: '2026-01-01', to: '2027-01-01', compareWith: 'company' }
    const answer = await insight.as(company.eva).does(getFunnel, { query })
    const published = ({ entered, lost, lossPct, conversionPct }: (typeof golden)['rep' | 'company']) =>
      golden.stages.map((name, n) => ({
        name,
        entered: entered[n],
        lost: lost[n],
        lossPct: lossPct[n]!.toFixed(1),
        conversionPct: conversionPct[n]!.toFixed(1),
      }))
    const totals = ({ won, winPct, averageDeal, cycleDays }: (typeof golden)['rep' | 'company']) => ({
      won,
      winPct: winPct.toFixed(1),
      averageDeal: [averageDeal],
      cycleDays,
    })
    const { rep, company: all } = golden
    expect(answer.scope).toMatchObject(totals(rep))
    expect(answer.scope.stages).toMatchObject(
      published(rep).map((stage, n) => ({ ...stage, stuck: rep.stuck[n], medianTimeInStage: rep.medianTimeInStage[n] })),
    )
    expect(answer.company).toMatchObject(totals(all))
    expect(answer.company.stages).toMatchObject(published(all).map((stage, n) => ({ ...stage, timeInStageDays: all.timeInStageDays[n] })))
    for (const { entered, lost, stuck, advanced } of [...answer.scope.stages, ...answer.company.stages])
      expect(lost + stuck + advanced).toBe(entered)
    // He himself sees the same, without asking for himself.
    expect(
      await insight
        .as({ id: wang, tenantId: company.tenantId, roles: ['sales_rep'] })
        .does(getFunnel, { query: { process: 'value-selling', compareWith: 'company' } }),
    ).toEqual(answer)
  })
})

describe('a stage', () => {
  it('is not entered by a deal that jumps over it', async () => {
    const company = await world.company()
    await told(company, (telling, road) => {
      telling.deal(road, monday).to(2, later(1)).lose(later(2))
      telling.deal(road, monday).win(later(1))
    })
    const { scope } = await funnel(company.eva)
    expect(counts(scope)).toEqual([
      [2, 0, 0, 2],
      [0, 0, 0, 0],
      [1, 1, 0, 0],
    ])
    expect(scope).toMatchObject({ deals: 2, won: 1, lost: 1, open: 0, winPct: '50.0' })
  })

  it('is given up by a deal that goes back out of it, until it comes again', async () => {
    const company = await world.company()
    await told(company, (telling, road) => {
      telling.deal(road, monday).to(1, later(1)).to(2, later(2)).to(1, later(3))
      telling.deal(road, monday).to(1, later(2)).to(0, later(3)).to(1, later(7)).lose(later(9))
    })
    const { scope } = await funnel(company.eva)
    expect(counts(scope)).toEqual([
      [2, 0, 0, 2],
      [2, 1, 1, 0],
      [0, 0, 0, 0],
    ])
    // 1 h, and 2 h + 4 h; the second stage: 1 h + 2 h of the deal that was lost in it.
    expect(scope.stages.map(({ medianTimeInStage }: { medianTimeInStage: string }) => medianTimeInStage)).toEqual(['PT3H30M', 'PT3H', null])
  })

  it('is advanced by a deal that is won in it', async () => {
    const company = await world.company()
    await told(company, (telling, road) => telling.deal(road, monday).to(2, later(1)).winInPlace(later(2)))
    expect(counts((await funnel(company.eva)).scope)).toEqual([
      [1, 0, 0, 1],
      [0, 0, 0, 0],
      [1, 0, 0, 1],
    ])
  })

  it('of an imported deal begins where the deal began', async () => {
    const company = await world.company()
    await told(company, (telling, road) => telling.deal(road, monday, {}, 1).win(later(48)))
    const { scope } = await funnel(company.eva)
    expect(counts(scope)).toEqual([
      [0, 0, 0, 0],
      [1, 0, 0, 1],
      [0, 0, 0, 0],
    ])
    expect(scope).toMatchObject({ won: 1, winPct: null, cycleDays: 2, averageDeal: [] })
  })
})

describe('a process in several versions', () => {
  it('is one funnel by its family, in the order of the newest, and one each by id', async () => {
    const company = await world.company()
    const telling = new Telling(company.tenantId)
    const old = telling.road('simple', threeStages, monday)
    const renamed = telling.road('simple', [threeStages[1]!, { key: 'first', name: 'Late first' }], monday, { number: 2 })
    telling.deal(old, monday).to(2, later(1))
    telling.deal(renamed, monday).to(1, later(1))
    await telling.send(world.bus)
    await insight.settled()
    const { scope } = await funnel(company.eva)
    expect(scope.stages.map(({ key, name, entered, stuck }: Record<string, unknown>) => [key, name, entered, stuck])).toEqual([
      ['second', 'SECOND', 1, 0],
      ['first', 'Late first', 2, 1],
      ['third', 'THIRD', 1, 1],
    ])
    expect((await funnel(company.eva, { process: old.processId })).scope.deals).toBe(1)
  })
})

describe('the deals of a funnel', () => {
  it('are those the reader may see, of the company that he asks in, and the company’s beside them', async () => {
    const company = await world.company()
    await told(company, (telling, road) => {
      for (const { id } of [company.amy, company.amy, company.bob]) telling.deal(road, monday, { ownerId: id })
      telling.deal(road, monday)
    })
    const seen = async (person: Person, query = {}) => (await funnel(person, query)).scope.open as number
    expect(await seen(company.amy)).toBe(2)
    expect(await seen(company.bob)).toBe(1)
    expect(await seen(company.mona)).toBe(2)
    expect(await seen(company.eva)).toBe(4)
    expect(await seen(company.amy, { ownerId: company.bob.id })).toBe(0)
    const both = await funnel(company.bob, { compareWith: 'company' })
    expect([both.scope.open, both.company.open]).toEqual([1, 4])
    const stranger = await world.company()
    await told(stranger, () => undefined)
    expect(await seen(stranger.ada)).toBe(0)
  })

  it('can be those of a rep, a unit with all below it, an account or a product', async () => {
    const company = await world.company()
    const [accountId, productId] = [newId('account'), newId('product')]
    const products = [{ productId, name: 'GTX Pro' }]
    await told(company, (telling, road) => {
      telling.deal(road, monday, { ownerId: company.amy.id, accountId })
      telling.deal(road, monday, { ownerId: company.bob.id, products })
      telling
        .deal(road, monday, { ownerId: company.bob.id })
        .change({ ownerId: company.amy.id, products: [...products, { productId: newId('product'), name: 'MG' }] }, later(1))
    })
    const open = async (query: Record<string, unknown>) => (await funnel(company.eva, query)).scope.open as number
    expect(await open({ ownerId: company.amy.id })).toBe(2)
    expect(await open({ unitId: company.bob.unitId })).toBe(1)
    expect(await open({ unitId: company.eva.unitId })).toBe(3)
    expect(await open({ accountId })).toBe(1)
    expect(await open({ productId })).toBe(2)
    expect(await open({ productId, ownerId: company.bob.id })).toBe(1)
  })

  it('are those opened in the period, whose days begin when they do where the company is', async () => {
    const company = await world.company()
    const telling = new Telling(company.tenantId)
    telling.zone('Asia/Shanghai', monday)
    const road = telling.road('simple', threeStages, monday)
    telling.deal(road, new Date('2026-10-31T15:59:59Z')) // 31 October there
    telling.deal(road, new Date('2026-10-31T16:00:00Z')) // 1 November there
    telling.deal(road, new Date('2026-11-30T15:59:59Z'))
    telling.deal(road, new Date('2026-11-30T16:00:00Z'))
    await telling.send(world.bus)
    await insight.settled()
    const open = async (query: Record<string, unknown>) => (await funnel(company.eva, query)).scope.open as number
    expect(await open({ from: '2026-11-01', to: '2026-12-01' })).toBe(2)
    expect(await open({ to: '2026-11-01' })).toBe(1)
    expect(await open({ from: '2026-12-01' })).toBe(1)
  })

  it('follow a rep who moves to another unit', async () => {
    const company = await world.company()
    await told(company, (telling, road) => {
      telling.deal(road, monday, { ownerId: company.bob.id })
      const unitId = newId('org_unit')
      telling.tell(OrgUnitCreated, unitId, { unitId, name: 'North-west', parentId: company.amy.unitId, path: '/x/' }, { at: monday })
      const { id: userId, name, email, roles } = company.bob
      telling.tell(
        UserChanged,
        userId,
        { userId, name, email, roles: [...roles], unitId: company.amy.unitId, active: true },
        { at: monday, sequence: 2 },
      )
    })
    expect((await funnel(company.mona)).scope.open).toBe(1)
  })
})

describe('events about deals', () => {
  it('count once however often and in whatever version they are told', async () => {
    const company = await world.company()
    const telling = new Telling(company.tenantId)
    const road = telling.road('simple', threeStages, monday)
    telling
      .deal(road, monday, { ownerId: company.amy.id, amount: { amount: '10.00', currency: 'CNY' } })
      .to(1, later(1))
      .win(later(2))
    const messages = telling.messagesSoFar()
    await telling.send(world.bus)
    await insight.settled()
    const before = await funnel(company.eva)
    await world.bus.publish(messages)
    // The same once more under new names: an older version of the deal changes nothing.
    await world.bus.publish(
      messages.slice(1, -1).map((message) => ({ ...message, headers: { ...message.headers, ce_id: newId('event') } })),
    )
    await insight.settled()
    expect(await funnel(company.eva)).toEqual(before)
    expect(before.scope).toMatchObject({ won: 1, wonAmount: [{ amount: '10.00', currency: 'CNY' }] })
  })
})

describe('asking for a funnel', () => {
  it('is refused for processes nobody knows and periods that are none', async () => {
    const company = await world.company()
    await told(company, () => undefined)
    const refused = async (query: Record<string, unknown>) => {
      const { status, body } = await insight.as(company.eva).call(getFunnel, { query })
      return [status, body.errors?.[0].code ?? body.code]
    }
    expect(await refused({ process: 'unheard-of' })).toEqual([422, 'reference.unknown'])
    expect(await refused({})).toEqual([400, 'field.invalid_type'])
    expect(await refused({ process: 'simple', from: '2026-02-30' })).toEqual([400, 'date.malformed'])
    expect(await refused({ process: 'simple', from: '2026-03-01', to: '2026-03-01' })).toEqual([400, 'period.backward'])
    expect(await refused({ process: 'simple', ownerId: 'user_1' })).toEqual([400, 'id.malformed'])
    expect(await refused({ process: 'simple', colour: 'red' })).toEqual([400, 'field.unrecognized_keys'])
  })

  it('needs the permission to read insight', async () => {
    const company = await world.company()
    const nobody = { ...company.amy, roles: [] }
    const token = await world.token(nobody, { roles: [] })
    const answer = await insight.as(nobody).call(getFunnel, { query: { process: 'simple' }, headers: { authorization: `Bearer ${token}` } })
    expect(answer.body).toMatchObject({ status: 403, permission: 'insight.read' })
  })
})
