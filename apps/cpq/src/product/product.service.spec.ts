import {
  changePriceBook,
  changeProduct,
  createPriceBook,
  createProduct,
  getImport,
  getPriceBook,
  getProduct,
  listPriceBooks,
  listPrices,
  listProducts,
  listRejections,
  readAudit,
  setPrice,
  startImport,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, eventually, houseRules, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { cpqService } from '../cpq.module.js'
import { aCatalogue } from '../deal/deal.fixture.js'

houseRules(cpqService, `${import.meta.dirname}/..`)

let world: World
let cpq: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  cpq = await world.start(cpqService)
  company = await world.company()
})
afterAll(() => world.stop())

const ifMatch = (version: number) => ({ 'if-match': `"${version}"` })
const names = async (tenantId: string) =>
  (await world.events(tenantId)).filter(({ name }) => /^(product|price_book)\./.test(name)).map(({ name }) => name)

describe('the catalogue', () => {
  it('takes a product and tells others once', async () => {
    const { olga, tenantId } = await world.company()
    const product = await cpq.as(olga).does(createProduct, { body: { code: 'GTX-1', name: 'GTX Pro', family: 'GTX', unit: 'piece' } })
    expect(product).toMatchObject({ code: 'GTX-1', name: 'GTX Pro', family: 'GTX', description: null, active: true, version: 1 })
    expect(product).not.toHaveProperty('journeyId')
    const changed = await cpq
      .as(olga)
      .does(changeProduct, { params: { id: product.id }, body: { active: false, family: null }, headers: ifMatch(1) })
    expect(changed).toMatchObject({ name: 'GTX Pro', unit: 'piece', family: null, active: false, version: 2 })
    const events = (await world.events(tenantId)).filter(({ subject }) => subject === product.id)
    expect(events.map(({ name, payload }) => [name, payload['active']])).toEqual([
      ['product.created', true],
      ['product.changed', false],
    ])
  })

  it('has each code once, also when two take it at the same moment', async () => {
    const { olga } = await world.company()
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) => cpq.as(olga).call(createProduct, { body: { code: 'SAME', name: `Product ${n}` } })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
    const again = await cpq.as(olga).call(createProduct, { body: { code: 'SAME', name: 'x' } })
    expect(again.body).toMatchObject({ status: 409, code: 'product.code_taken' })
    const other = await cpq.as(olga).does(createProduct, { body: { code: 'OTHER', name: 'x' } })
    const taken = await cpq.as(olga).call(changeProduct, { params: { id: other.id }, body: { code: 'SAME' }, headers: ifMatch(1) })
    expect(taken.body.code).toBe('product.code_taken')
    expect(await cpq.as((await world.company()).olga).does(createProduct, { body: { code: 'SAME', name: 'x' } })).toMatchObject({
      code: 'SAME',
    })
  })

  it('is read by everybody and changed by those who keep it', async () => {
    const product = await cpq.as(company.olga).does(createProduct, { body: { code: 'READ', name: 'Readable' } })
    const params = { id: product.id }
    expect((await cpq.as(company.amy).does(getProduct, { params })).name).toBe('Readable')
    expect((await cpq.as(company.amy).call(createProduct, { body: { code: 'A', name: 'A' } })).body).toMatchObject({
      status: 403,
      permission: 'product.write',
    })
    expect((await cpq.as((await world.company()).ada).call(getProduct, { params })).status).toBe(404)
  })

  it('refuses nonsense and outdated changes', async () => {
    const olga = cpq.as(company.olga)
    const errors = async (body: unknown) => {
      const answer = await olga.call(createProduct, { body })
      return [answer.status, ...(answer.body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer).sort()]
    }
    expect(await errors({})).toEqual([400, '/code', '/name'])
    expect(await errors({ code: 'x'.repeat(61), name: 'x'.repeat(201), price: 3 })).toEqual([400, '/code', '/name', '/price'])
    expect(await errors({ code: ' ', name: 'a\u0000b' })).toEqual([400, '/code', '/name'])
    const product = await olga.does(createProduct, { body: { code: 'STALE', name: 'x' } })
    const params = { id: product.id }
    expect((await olga.call(changeProduct, { params, body: { name: 'y' } })).status).toBe(428)
    await olga.does(changeProduct, { params, body: { name: 'y' }, headers: ifMatch(1) })
    expect((await olga.call(changeProduct, { params, body: { name: 'z' }, headers: ifMatch(1) })).body).toMatchObject({
      status: 412,
      current: 2,
    })
  })

  it('is listed with filters and in order', async () => {
    const { olga } = await world.company()
    for (const [code, name] of [
      ['B', 'Beta'],
      ['A', 'Alpha'],
      ['C', 'Gamma'],
    ])
      await cpq.as(olga).does(createProduct, { body: { code, name, family: 'Greek' } })
    const first = await cpq.as(olga).does(listProducts, { query: { sort: 'code', limit: 2, fields: 'code' } })
    expect(first.data).toEqual([{ code: 'A' }, { code: 'B' }])
    expect((await cpq.as(olga).does(listProducts, { query: { sort: 'code', limit: 2, cursor: first.next } })).data).toMatchObject([
      { code: 'C' },
    ])
    expect((await cpq.as(olga).does(listProducts, { query: { 'name.contains': 'mm', active: 'true' } })).data).toHaveLength(1)
  })
})

describe('price books', () => {
  it('have one default for each currency: the first, until another becomes it', async () => {
    const { olga, tenantId } = await world.company()
    const make = (body: object) => cpq.as(olga).does(createPriceBook, { body })
    const first = await make({ name: 'Standard', currency: 'CNY' })
    const second = await make({ name: 'Partner', currency: 'CNY' })
    const dollars = await make({ name: 'Dollars', currency: 'USD' })
    expect([first, second, dollars].map(({ isDefault }) => isDefault)).toEqual([true, false, true])
    await cpq.as(olga).does(changePriceBook, { params: { id: second.id }, body: { isDefault: true }, headers: ifMatch(1) })
    const { data } = await cpq.as(olga).does(listPriceBooks, { query: { isDefault: 'true', sort: 'name' } })
    expect(data.map(({ name }: { name: string }) => name)).toEqual(['Dollars', 'Partner'])
    expect(await cpq.as(olga).does(getPriceBook, { params: { id: first.id } })).toMatchObject({ isDefault: false, version: 2 })
    expect(await names(tenantId)).toHaveLength(5)
  })

  it('have one default also when several become it at the same moment', async () => {
    const { olga } = await world.company()
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => cpq.as(olga).call(createPriceBook, { body: { name: `Book ${n}`, currency: 'EUR', isDefault: true } })),
    )
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201])
    expect((await cpq.as(olga).does(listPriceBooks, { query: { isDefault: 'true' } })).data).toHaveLength(1)
  })

  it('refuse a name that is taken, an unknown currency and an end before the beginning', async () => {
    const { olga } = await world.company()
    const refused = async (body: object) => {
      const answer = await cpq.as(olga).call(createPriceBook, { body })
      return [answer.status, answer.body.code === 'request.invalid' ? answer.body.errors[0].code : answer.body.code]
    }
    await cpq.as(olga).does(createPriceBook, { body: { name: 'Standard', currency: 'CNY' } })
    expect(await refused({ name: 'standard', currency: 'USD' })).toEqual([409, 'price_book.name_taken'])
    expect(await refused({ name: 'X', currency: 'XXX' })).toEqual([400, 'money.unknown_currency'])
    expect(await refused({ name: 'Y', currency: 'USD', validFrom: '2026-02-30' })).toEqual([400, 'date.malformed'])
    expect(await refused({ name: 'Z', currency: 'USD', validFrom: '2026-02-02', validTo: '2026-02-01' })).toEqual([
      422,
      'price_book.validity_reversed',
    ])
  })

  it('keep one price for each product, and a trail of it', async () => {
    const { olga, ada, amy } = await world.company()
    const { book, seat } = await aCatalogue(cpq, olga)
    const params = { id: book, productId: seat }
    const price = (amount: string, currency = 'CNY') => cpq.as(olga).call(setPrice, { params, body: { price: { amount, currency } } })
    expect((await price('120.00')).body).toMatchObject({ code: 'SEAT-CNY', price: { amount: '120.00', currency: 'CNY' } })
    const { data, next } = await cpq.as(amy).does(listPrices, { params: { id: book }, query: { limit: 1 } })
    expect(data).toMatchObject([{ productId: seat, price: { amount: '120.00' } }])
    const rest = await cpq.as(amy).does(listPrices, { params: { id: book }, query: { limit: 1, cursor: next } })
    expect([rest.data[0].name, rest.next]).toEqual(['Set-up', null])
    const trail = await cpq.as(ada).does(readAudit, { params: { id: data[0].id } })
    expect(trail.data.at(-1)).toMatchObject({
      actorId: olga.id,
      change: { price: { from: { amount: '99.99' }, to: { amount: '120.00' } } },
    })
  })

  it('refuse prices that cannot be', async () => {
    const { olga } = await world.company()
    const { book, seat } = await aCatalogue(cpq, olga)
    const refused = async (amount: string, currency: string, productId: string = seat) => {
      const { body } = await cpq.as(olga).call(setPrice, { params: { id: book, productId }, body: { price: { amount, currency } } })
      return [body.status, body.errors?.[0].code ?? body.code]
    }
    expect(await refused('10.005', 'CNY')).toEqual([400, 'money.too_precise'])
    expect(await refused('-1', 'CNY')).toEqual([400, 'money.negative'])
    expect(await refused('92233720368547758.08', 'CNY')).toEqual([400, 'money.too_large'])
    expect(await refused('10', 'USD')).toEqual([422, 'money.mixed_currencies'])
    expect(await refused('10', 'CNY', newId('product'))).toEqual([404, 'product.not_found'])
    expect((await cpq.as(olga).does(listPrices, { params: { id: book } })).data[0].price).toEqual({ amount: '99.99', currency: 'CNY' })
  })
})

describe('importing products', () => {
  const done = async (person: Person, csv: string, mapping: object = {}) => {
    const caller = cpq.as(person)
    const { id } = await caller.does(startImport, { query: { kind: 'products', mapping: JSON.stringify(mapping) }, body: csv })
    await eventually(async () => (await caller.does(getImport, { params: { id } })).status === 'done')
    return caller.does(getImport, { params: { id } })
  }
  const ridgeway = { columns: { name: 'product', family: 'series', price: 'sales_price' }, defaults: { currency: 'USD' } }

  it('fills the catalogue and the default price book, and a repeat adds nothing', async () => {
    const { olga, tenantId } = await world.company()
    const csv = 'product,series,sales_price\nGTX Basic,GTX,550\nGTX Pro,GTX,4821\nMG Special,MG,55\n'
    expect(await done(olga, csv, ridgeway)).toMatchObject({ added: 3, existing: 0, rejected: 0 })
    const { data: products } = await cpq.as(olga).does(listProducts, { query: { sort: 'code' } })
    expect(products.map(({ code, family }: { code: string; family: string }) => `${code} ${family}`)).toEqual([
      'GTX Basic GTX',
      'GTX Pro GTX',
      'MG Special MG',
    ])
    const { data: books } = await cpq.as(olga).does(listPriceBooks, {})
    expect(books).toMatchObject([{ name: 'USD', currency: 'USD', isDefault: true }])
    const { data: prices } = await cpq.as(olga).does(listPrices, { params: { id: books[0].id } })
    expect(prices.map(({ code, price }: { code: string; price: { amount: string } }) => `${code} ${price.amount}`).sort()).toEqual([
      'GTX Basic 550.00',
      'GTX Pro 4821.00',
      'MG Special 55.00',
    ])
    const told = await names(tenantId)
    expect(told.sort()).toEqual(['price_book.changed', 'product.created', 'product.created', 'product.created'])
    expect(await done(olga, `${csv}GTK 500,GTK,26768\n`, ridgeway)).toMatchObject({ added: 1, existing: 3, rejected: 0 })
    expect(await names(tenantId)).toHaveLength(6)
  })

  it('says of each row what is wrong with it', async () => {
    const { olga } = await world.company()
    const rows = [
      'Good,1.00,CNY',
      'Precise,1.005,CNY',
      'Negative,-1,CNY',
      'Strange,1,XXX',
      'Homeless,1,',
      `${'x'.repeat(61)},1,CNY`,
      'Plain,,',
    ]
    const report = await done(olga, `name,price,currency\n${rows.join('\n')}\n`)
    expect(report).toMatchObject({ added: 2, rejected: 5 })
    const { text } = await cpq.as(olga).call(listRejections, { params: { id: report.id } })
    expect(
      text
        .split('\n')
        .slice(1, 6)
        .map((line) => line.split(',')[0]),
    ).toEqual(['2', '3', '4', '5', '6'])
    expect(text).toContain('The price has no currency.')
    expect(text).toContain('more decimals than CNY has')
  })

  it('is refused to those who may not', async () => {
    expect((await cpq.as(company.amy).call(startImport, { query: { kind: 'products' }, body: 'name\nx\n' })).status).toBe(403)
  })
})
