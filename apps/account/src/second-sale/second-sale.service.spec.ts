import {
  dismissSuggestion,
  getSuggestions,
  listSecondSales,
  mergeAccount,
  openAccount,
  OrderPlaced,
  ProductChanged,
  ProductCreated,
} from '@millrace/contracts'
import { Money, newId, type Id } from '@millrace/domain'
import { inTenant, Jobs } from '@millrace/service'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import fc from 'fast-check'
import { accountService } from '../account.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(() => service.clock.set(new Date('2026-11-20T04:00:00Z')))

const product = async ({ tenantId }: Company, family: string | null): Promise<Id<'product'>> => {
  const productId = newId('product')
  await world.publish(tenantId, ProductCreated, productId, { productId, code: 'P', name: 'Product', family, active: true })
  return productId
}
const open = (person: Person, body: object = {}) =>
  service.as(person).does(openAccount, { body: { name: '云图', industry: 'Machines', employees: 120, ...body } })

async function order({ tenantId }: Company, accountId: Id<'account'>, ...products: Id<'product'>[]): Promise<void> {
  const [orderId, total] = [newId('order'), Money.parse('10.00', 'CNY')]
  const lines = products.map((productId) => ({ lineId: newId('order_line'), productId, name: 'Product', quantity: '1', gross: total }))
  const placed = { orderId, number: 'O-1', contractId: newId('contract'), accountId, ownerId: null, total, lines }
  await world.publish(tenantId, OrderPlaced, orderId, placed)
}

/** Works the second sales out, as the job does some hours later. */
async function later(hours = 2): Promise<void> {
  await service.settled()
  service.clock.advance({ hours })
  await service.app.get(Jobs).turn('suggest second sales')
}
const suggestions = (person: Person, id: string) => service.as(person).does(getSuggestions, { params: { id } })

/** Six machine makers of one size: all bought pumps, four of them valves as well, and one a crane. */
async function makers(company: Company) {
  const [pump, valve, crane] = [await product(company, 'Pumps'), await product(company, 'Valves'), await product(company, 'Cranes')]
  const accounts = []
  for (const name of ['One', 'Two', 'Three', 'Four', 'Five', 'Six']) accounts.push(await open(company.amy, { name }))
  for (const [n, { id }] of accounts.entries()) await order(company, id, pump, ...(n < 4 ? [valve] : []), ...(n === 0 ? [crane] : []))
  return { accounts, pump, valve, crane }
}

describe('a second sale', () => {
  it('is what similar accounts bought, with how many of how many; what one of them alone bought is none', async () => {
    const company = await world.company()
    const { accounts, pump } = await makers(company)
    for (const name of ['Seven', 'Eight']) await order(company, (await open(company.bob, { name, industry: 'Retail' })).id, pump)
    expect(await suggestions(company.amy, accounts[5].id)).toMatchObject({ data: [] })
    await later()
    expect(await suggestions(company.amy, accounts[5].id)).toMatchObject({
      accountId: accounts[5].id,
      asOf: expect.stringContaining('2026-11-20T06:00'),
      data: [{ family: 'Valves', among: 'industry_and_size', bought: 4, of: 5, share: '0.8000', lift: '1.4000' }],
      dismissed: [],
    })
    expect((await suggestions(company.amy, accounts[1].id)).data).toEqual([])
    expect((await service.as(company.bob).call(getSuggestions, { params: { id: accounts[5].id } })).status).toBe(404)
  })

  it('counts what a product’s family is today, and what a merged account ordered', async () => {
    const company = await world.company()
    const { accounts, pump, valve } = await makers(company)
    const [five, six, merged] = [accounts[4], accounts[5], await open(company.amy, { name: 'Five too' })]
    await order(company, merged.id, valve)
    await service.settled()
    await service.as(company.olga).does(mergeAccount, { params: { id: five.id }, body: { accountId: merged.id } })
    await later()
    expect((await suggestions(company.amy, six.id)).data).toMatchObject([{ family: 'Valves', bought: 5, of: 5 }])
    expect((await suggestions(company.amy, five.id)).data).toEqual([])
    const facts = { productId: valve, code: 'P', name: 'Product', active: true }
    await world.publish(company.tenantId, ProductChanged, valve, { ...facts, family: 'Taps' }, { sequence: 3 })
    await world.publish(company.tenantId, ProductChanged, valve, { ...facts, family: 'Of before' }, { sequence: 2 })
    await later()
    expect((await suggestions(company.amy, six.id)).data).toMatchObject([{ family: 'Taps', bought: 5, of: 5 }])
    await world.publish(company.tenantId, ProductChanged, pump, { ...facts, productId: pump, family: 'Taps' }, { sequence: 2 })
    await later()
    expect((await suggestions(company.amy, six.id)).data).toEqual([])
  })

  it('that a rep says is nothing for the account stays away until the day, or for good', async () => {
    const company = await world.company()
    const { accounts } = await makers(company)
    const { id } = accounts[5]
    await later()
    const dismiss = (body: object) => service.as(company.amy).call(dismissSuggestion, { params: { id }, body })
    expect((await dismiss({ family: 'Ships', reason: 'x' })).body.code).toBe('second_sale.unknown_family')
    expect((await dismiss({ family: 'Valves', reason: 'x', until: '2026-11-20' })).body.code).toBe('second_sale.until_past')
    const { body } = await dismiss({ family: 'Valves', reason: 'Makes its own', until: '2026-11-22' })
    expect(body).toMatchObject({
      data: [],
      dismissed: [{ family: 'Valves', reason: 'Makes its own', until: '2026-11-22', dismissedById: company.amy.id }],
    })
    expect((await service.as(company.amy).does(listSecondSales)).data.map(({ name }: any) => name)).toEqual(['Five'])
    await later(25) // the 21st
    expect((await suggestions(company.amy, id)).data).toEqual([])
    await later(25)
    expect((await suggestions(company.amy, id)).data).toMatchObject([{ family: 'Valves' }])
    await dismiss({ family: 'Valves', reason: 'Never' })
    await later(24 * 400)
    expect((await suggestions(company.amy, id)).data).toEqual([])
  })

  it('is listed for those who own the accounts, the strongest first, page by page', async () => {
    const company = await world.company()
    const { accounts, crane } = await makers(company)
    for (const n of [1, 2, 3]) await order(company, accounts[n].id, crane) // not Five and Six
    const retail = []
    for (const name of ['A', 'B', 'C', 'D', 'E', 'F']) retail.push(await open(company.bob, { name, industry: 'Retail', employees: null }))
    const film = await product(company, 'Film')
    const tape = await product(company, 'Tape')
    for (const [n, { id }] of retail.entries()) await order(company, id, film, ...(n < 5 ? [tape] : []))
    await later()
    const list = async (person: Person, query: object = {}) => service.as(person).does(listSecondSales, { query: { ...query } })
    const names = async (person: Person, query: object = {}) => (await list(person, query)).data.map(({ name }: any) => name)
    expect(await names(company.bob)).toEqual(['F'])
    expect(await names(company.olga)).toEqual(['F', 'Six', 'Five'])
    expect(await names(company.olga, { ownerId: company.amy.id })).toEqual(['Six', 'Five'])
    const first = await list(company.olga, { limit: 2 })
    expect(first.data[1].suggestions.map(({ family }: any) => family)).toEqual(['Cranes', 'Valves'])
    expect(first.data[0].suggestions).toEqual([{ family: 'Tape', among: 'industry', bought: 5, of: 5, share: '1.0000', lift: '2.2000' }])
    expect(await names(company.olga, { limit: 2, cursor: first.next })).toEqual(['Five'])
    expect(
      (await service.as(company.olga).call(listSecondSales, { query: { cursor: 'eA' } })).body.errors ?? 'cursor.malformed',
    ).toBeTruthy()
  })
})

const families = ['A', 'B', 'C', 'D']
const customer = fc.record({
  industry: fc.constantFrom('Machines', ' machines', 'Retail', null),
  employees: fc.constantFrom(5, 9, 10, 49, 300, null),
  bought: fc.uniqueArray(fc.constantFrom(...families, null), { minLength: 1 }),
})
type Customer = (typeof customer extends fc.Arbitrary<infer C> ? C : never) & { id: string }

describe('the arithmetic of second sales', () => {
  it('is that of counting one by one', async () => {
    const runs = fc.asyncProperty(fc.array(customer, { minLength: 4, maxLength: 40 }), async (drawn) => {
      const customers = drawn.map((each) => ({ ...each, id: newId('account') as string }))
      expect(await workedOut(customers)).toEqual(counted(customers))
    })
    await fc.assert(runs, { numRuns: 25 })
  })
})

/** By the service, of what its tables hold. */
async function workedOut(customers: readonly Customer[]): Promise<Record<string, unknown[]>> {
  const { database } = service
  const orders = customers.flatMap(({ id, bought }) => bought.map((family) => ({ id, family: family ?? 'none' })))
  return inTenant(newId('tenant'), async () => {
    await database.transaction(async (tx) => {
      tx.send(
        `INSERT INTO account (id, version, journey_id, created_at, updated_at, name, name_key, industry, employees)
         SELECT id, 1, 'j', now(), now(), 'x', 'x', industry, employees FROM unnest($1::text[], $2::text[], $3::int[]) AS given(id, industry, employees)`,
        [customers.map(({ id }) => id), customers.map(({ industry }) => industry), customers.map(({ employees }) => employees)],
      )
      tx.send(
        `INSERT INTO known_product (id, family, sequence, event_id) SELECT coalesce(f, 'none'), f, 1, 'e' FROM unnest($1::text[]) AS given(f)`,
        [[...families, null]],
      )
      tx.send(
        `INSERT INTO known_order_product (order_id, product_id, account_id, event_id) SELECT 'order of ' || id, family, id, 'e' FROM unnest($1::text[], $2::text[]) AS given(id, family)`,
        [orders.map(({ id }) => id), orders.map(({ family }) => family)],
      )
      tx.send('INSERT INTO second_sale_run (tenant_id) VALUES ($1)', [tx.tenant])
    })
    await service.app.get(Jobs).turn('suggest second sales')
    const rows = await database.query<{ id: string; suggestions: unknown[] }>(
      'SELECT account_id AS id, suggestions FROM account_second_sale',
    )
    return Object.fromEntries(rows.map(({ id, suggestions: made }) => [id, made]))
  })
}

/** One by one, as one would on paper. */
function counted(customers: readonly Customer[]): Record<string, unknown[]> {
  const industry = (each: Customer) => each.industry?.trim().toLowerCase() ?? null
  const size = ({ employees }: Customer) => (employees === null ? null : [10, 50, 250, 1_000].filter((limit) => employees >= limit).length)
  const made: Record<string, unknown[]> = {}
  for (const one of customers) {
    const others = customers.filter((each) => each !== one)
    const alike = others.filter((each) => industry(one) !== null && industry(each) === industry(one))
    const sized = alike.filter((each) => size(one) !== null && size(each) === size(one))
    const levels = [
      ['industry_and_size', sized],
      ['industry', alike],
      ['all', others],
    ] as const
    const [among, similar] = levels.find(([, those]) => those.length >= 5) ?? []
    if (!similar) continue
    const found = families
      .filter((family) => !one.bought.includes(family))
      .map((family) => {
        const buyers = (those: readonly Customer[]) => those.filter(({ bought }) => bought.includes(family)).length
        const [bought, all] = [buyers(similar), buyers(others)]
        return { family, among, bought, of: similar.length, lift: (bought * others.length) / (similar.length * all) }
      })
      .filter(({ bought, lift }) => bought >= 3 && lift >= 1 - 1e-9)
      .sort((a, b) => b.bought - a.bought || b.lift - a.lift || (a.family < b.family ? -1 : 1))
      .map(({ lift, ...each }) => ({ ...each, share: rounded(each.bought / each.of), lift: rounded(lift) }))
    if (found.length) made[one.id] = found
  }
  return made
}

/** Half up at the fourth decimal, where the nearest binary number is a little below. */
function rounded(value: number): string {
  return (Math.round(value * 10_000 + 1e-6) / 10_000).toFixed(4)
}
