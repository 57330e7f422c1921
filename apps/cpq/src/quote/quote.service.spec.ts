import {
  acceptQuote,
  AccountChanged,
  changePriceBook,
  changeProduct,
  changeQuote,
  compareQuoteVersions,
  createPriceBook,
  declineQuote,
  draftQuote,
  getQuote,
  getQuoteVersion,
  listQuotes,
  newQuoteVersion,
  OpportunityChanged,
  OpportunityLost,
  OpportunityWon,
  sendQuote,
  setPrice,
  TenantCreated,
  type Operation,
} from '@millrace/contracts'
import { Money, newId, Ratio, type Currency } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { cpqService } from '../cpq.module.js'
import { aCatalogue, aDeal } from '../deal/deal.fixture.js'
import { priceQuote } from './pricing.js'

let world: World
let cpq: TestService
let company: Company
let catalogue: Awaited<ReturnType<typeof aCatalogue>>

beforeAll(async () => {
  world = await aWorld()
  cpq = await world.start(cpqService)
  cpq.clock.set(new Date('2026-11-02T08:00:00Z'))
  company = await world.company()
  catalogue = await aCatalogue(cpq, company.olga)
})
afterEach(() => cpq.clock.set(new Date('2026-11-02T08:00:00Z')))
afterAll(() => world.stop())

const cny = (amount: string) => ({ amount, currency: 'CNY' })
const ifMatch = (version: number) => ({ 'if-match': `"${version}"` })
const seats = (quantity = '120', more: object = {}) => ({ productId: catalogue.seat, quantity, ...more })
const vat = { rate: '13', mode: 'on_top' }
const signer = { signer: '李雷' }

/** Drafts a quote of 120 seats for a new deal of Amy's. */
async function aQuote(body: object = {}, who: Person = company.amy) {
  const deal = await aDeal(world, cpq, company)
  return cpq.as(who).does(draftQuote, { body: { opportunityId: deal.opportunityId, vat, lines: [seats()], ...body } })
}
const act = (operation: Operation, quote: { id: string }, body?: object, who = company.amy) =>
  cpq.as(who).call(operation, { params: { id: quote.id }, ...(body && { body }) })
const eventsOf = async (id: string, tenantId = company.tenantId) => (await world.events(tenantId)).filter(({ subject }) => subject === id)

describe('drafting a quote', () => {
  it('takes prices from the price book, owner, account and journey from the deal', async () => {
    const deal = await aDeal(world, cpq, company)
    const body = {
      opportunityId: deal.opportunityId,
      vat,
      validUntil: '2026-12-24',
      discount: { percent: '10' },
      notes: 'Valid with a three-year term.',
      lines: [
        seats('120', { discount: '5' }),
        { productId: catalogue.setUp, quantity: '1.5', price: cny('4000.00'), vat: { rate: '6', mode: 'on_top' } },
      ],
    }
    const quote = await cpq.as(company.amy).does(draftQuote, { body })
    expect(quote).toMatchObject({
      number: expect.stringMatching(/^Q-2026-\d{4,}$/),
      title: deal.title,
      status: 'draft',
      version: 1,
      currentNumber: 1,
      acceptedNumber: null,
      opportunityId: deal.opportunityId,
      accountId: deal.accountId,
      accountName: '云图科技',
      ownerId: company.amy.id,
      priceBookId: catalogue.book,
      journeyId: deal.journeyId,
      currency: 'CNY',
      total: cny('17316.64'),
      validUntil: '2026-12-24',
      versions: [{ number: 1, status: 'draft', total: cny('17316.64') }],
    })
    // 120 × 99.99 − 5 % = 11,398.86; 1.5 × 4,000 = 6,000; − 10 % of both; 13 % of 10,258.97 = 1,333.67; 6 % of 5,400 = 324
    expect(quote.current.totals).toEqual({
      list: cny('19498.80'),
      lineDiscount: cny('599.94'),
      headerDiscount: cny('1739.89'),
      net: cny('15658.97'),
      tax: cny('1657.67'),
      gross: cny('17316.64'),
      taxes: [
        { rate: '13', mode: 'on_top', net: cny('10258.97'), tax: cny('1333.67'), gross: cny('11592.64') },
        { rate: '6', mode: 'on_top', net: cny('5400.00'), tax: cny('324.00'), gross: cny('5724.00') },
      ],
    })
    expect(quote.current.lines[1]).toMatchObject({
      position: 2,
      code: 'SETUP-CNY',
      unit: 'piece',
      quantity: '1.5',
      listPrice: cny('5000.00'),
      price: cny('4000.00'),
      vat: { rate: '6', mode: 'on_top' },
    })
    expect(quote.current).toMatchObject({
      number: 1,
      discount: { percent: '10', amount: null },
      notes: 'Valid with a three-year term.',
      terms: [{ share: '100', amount: null, dueOn: null, daysAfterSigning: 30, label: 'Full payment' }],
    })
    const events = await eventsOf(quote.id)
    expect(events.map(({ name, journeyId }) => ({ name, journeyId }))).toEqual([{ name: 'quote.drafted', journeyId: deal.journeyId }])
    expect(events[0]!.payload).toEqual({
      quoteId: quote.id,
      number: quote.number,
      version: 1,
      opportunityId: deal.opportunityId,
      accountId: deal.accountId,
      ownerId: company.amy.id,
      total: quote.total,
    })
  })

  it('keeps what makes each price, so that pricing again gives the same', async () => {
    const { current, currency } = await aQuote({
      discount: { amount: cny('777.77') },
      lines: [
        seats('7.125', { discount: '3.5' }),
        seats('0.001', { price: cny('3333.33') }),
        { productId: catalogue.setUp, quantity: '3', vat: { rate: '9', mode: 'inside' } },
      ],
    })
    const money = (given: { amount: string; currency: string } | null) => given && Money.parse(given.amount, given.currency)
    const again = priceQuote(
      currency as Currency,
      current.lines.map((line: any) => ({
        listPrice: money(line.listPrice),
        price: money(line.price),
        quantity: Ratio.parse(line.quantity),
        discount: Ratio.parse(line.discount),
        vat: { rate: Ratio.parse(line.vat.rate), mode: line.vat.mode },
      })),
      { percent: null, amount: money(current.discount.amount) },
    )
    const wire = JSON.parse(JSON.stringify(again))
    expect(current.lines.map(({ waterfall }: any) => waterfall)).toEqual(wire.lines.map(({ waterfall }: any) => waterfall))
    expect(current.totals).toEqual({ ...wire.totals, taxes: wire.taxes })
    expect(current.totals.headerDiscount).toEqual(cny('777.77'))
  })

  it('is refused for a deal that is closed, without account, or not to be seen', async () => {
    const draft = async (opportunityId: string, who = company.amy) => {
      const { body } = await cpq.as(who).call(draftQuote, { body: { opportunityId, lines: [seats()] } })
      return [body.status, body.code]
    }
    const close = { processId: newId('process'), stage: { key: 's', name: 'S' } }
    const won = await aDeal(world, cpq, company)
    await world.publish(company.tenantId, OpportunityWon, won.opportunityId, {
      ...{ opportunityId: won.opportunityId, ...close, amount: null, contractId: null, exemption: 'history' },
    })
    const lost = await aDeal(world, cpq, company)
    await world.publish(
      company.tenantId,
      OpportunityLost,
      lost.opportunityId,
      { opportunityId: lost.opportunityId, ...close, reason: 'price', competitor: null },
      { sequence: 4 },
    )
    const homeless = await aDeal(world, cpq, company, { accountId: null })
    await cpq.settled()
    expect(await draft(won.opportunityId)).toEqual([409, 'quote.deal_closed'])
    expect(await draft(lost.opportunityId)).toEqual([409, 'quote.deal_closed'])
    expect(await draft(homeless.opportunityId)).toEqual([409, 'quote.no_account'])
    const open = await aDeal(world, cpq, company)
    expect(await draft(open.opportunityId, company.bob)).toEqual([422, 'reference.unknown'])
    expect(await draft(open.opportunityId, (await world.company()).ada)).toEqual([422, 'reference.unknown'])
    expect(await draft(newId('opportunity'))).toEqual([422, 'reference.unknown'])
  })

  it('refuses each thing that is wrong, precisely, and changes nothing', async () => {
    const { opportunityId } = await aDeal(world, cpq, company)
    const before = (await cpq.as(company.amy).does(listQuotes, { query: { opportunityId } })).data
    const refused = async (body: object) => {
      const answer = await cpq.as(company.amy).call(draftQuote, { body: { opportunityId, lines: [seats()], ...body } })
      return [
        answer.status,
        ...(answer.body.errors ?? [{ code: answer.body.code }]).map(({ pointer = '', code }: any) => `${pointer} ${code}`),
      ].join(' ')
    }
    expect(await refused({ lines: [] })).toBe('400 /lines field.too_small')
    expect(await refused({ lines: undefined })).toBe('400 /lines field.invalid_type')
    expect(await refused({ lines: [seats('0')] })).toBe('400 /lines/0/quantity quote.quantity_not_positive')
    expect(await refused({ lines: [seats('1e3')] })).toBe('400 /lines/0/quantity ratio.malformed')
    expect(await refused({ lines: [{ ...seats(), quantity: 3 }] })).toBe('400 /lines/0/quantity field.invalid_type')
    expect(await refused({ lines: [seats('1', { discount: '100.5' })] })).toBe('400 /lines/0/discount quote.discount_out_of_range')
    expect(await refused({ lines: [seats('1', { colour: 'red' })] })).toBe('400 /lines/0/colour field.unrecognized_keys')
    expect(await refused({ lines: [seats('1', { price: cny('10.005') })] })).toBe('400 /lines/0/price money.too_precise')
    expect(await refused({ lines: [seats('1', { price: cny('-1') })] })).toBe('400 /lines/0/price money.negative')
    expect(await refused({ lines: [seats('1', { price: { amount: '1', currency: 'USD' } })] })).toBe('422  money.mixed_currencies')
    expect(await refused({ lines: [seats('999999999999999', { price: cny('92233720368547758.07') })] })).toBe('422  money.too_large')
    expect(await refused({ lines: [{ productId: newId('product'), quantity: '1' }] })).toBe('422  reference.unknown')
    expect(await refused({ discount: { percent: '1', amount: cny('1.00') } })).toBe('400 /discount quote.two_discounts')
    expect(await refused({ discount: { amount: cny('11998.81') } })).toBe('422  quote.discount_too_large')
    expect(await refused({ vat: { rate: '-1', mode: 'on_top' } })).toBe('400 /vat/rate vat.rate_out_of_range')
    expect(await refused({ validUntil: '2026-11-01' })).toBe('422  quote.valid_until_past')
    expect(await refused({ validUntil: '2026-02-30' })).toBe('400 /validUntil date.malformed')
    expect(await refused({ priceBookId: newId('price_book') })).toBe('422  reference.unknown')
    expect(await refused({ priceBookId: catalogue.book, currency: 'CNY' })).toBe('400 / quote.book_or_currency')
    expect(await refused({ currency: 'USD' })).toBe('422  quote.no_price')
    expect(await refused({ title: 'x'.repeat(201) })).toBe('400 /title field.too_big')
    expect(await refused({ terms: [{ share: '100', daysAfterSigning: 0, dueOn: '2026-12-01' }] })).toBe('400 /terms/0 terms.one_day')
    expect(await refused({ terms: [{ daysAfterSigning: 0 }] })).toBe('400 /terms/0 terms.share_or_amount')
    expect(await refused({ terms: [{ share: '99.9', daysAfterSigning: 0 }] })).toBe('422  terms.shares_incomplete')
    expect(await refused({ terms: [{ amount: cny('1.00'), daysAfterSigning: 0 }] })).toBe('422  terms.amounts_differ')
    expect((await cpq.as(company.amy).does(listQuotes, { query: { opportunityId } })).data).toEqual(before)
  })

  it('refuses products that are not sold, and books that are not valid', async () => {
    const { olga, amy, ...rest } = await world.company()
    const mine = { olga, amy, ...rest }
    const { seat, setUp } = await aCatalogue(cpq, olga)
    await cpq.as(olga).does(changeProduct, { params: { id: setUp }, body: { active: false }, headers: ifMatch(1) })
    const old = await cpq.as(olga).does(createPriceBook, { body: { name: 'Old', currency: 'CNY', validTo: '2026-11-01' } })
    const { opportunityId } = await aDeal(world, cpq, mine)
    const refused = async (body: object) => (await cpq.as(amy).call(draftQuote, { body: { opportunityId, ...body } })).body.code
    expect(await refused({ lines: [{ productId: setUp, quantity: '1' }] })).toBe('product.inactive')
    expect(await refused({ priceBookId: old.id, lines: [{ productId: seat, quantity: '1' }] })).toBe('price_book.not_valid')
    await cpq.as(olga).does(changePriceBook, { params: { id: old.id }, body: { validTo: null }, headers: ifMatch(1) })
    expect(await refused({ priceBookId: old.id, lines: [{ productId: seat, quantity: '1' }] })).toBe('quote.no_price')
    const given = { priceBookId: old.id, lines: [{ productId: seat, quantity: '1', price: cny('5.00') }] }
    const { current } = await cpq.as(amy).does(draftQuote, { body: { opportunityId, ...given } })
    expect(current.lines[0]).toMatchObject({
      listPrice: null,
      price: cny('5.00'),
      waterfall: [{ step: 'list', rule: 'price_given' }, {}, {}, {}],
    })
  })

  it('reckons in the company’s own currency and days', async () => {
    const mine = await world.company()
    const { tenantId, olga, amy } = mine
    await world.publish(tenantId, TenantCreated, tenantId, {
      tenantId: tenantId,
      name: 'Kaito',
      currency: 'JPY',
      zone: 'America/Los_Angeles',
    })
    const { seat } = await aCatalogue(cpq, olga, 'KWD')
    const yen = await cpq.as(olga).does(createPriceBook, { body: { name: 'Yen', currency: 'JPY' } })
    await cpq.as(olga).does(setPrice, { params: { id: yen.id, productId: seat }, body: { price: { amount: '333', currency: 'JPY' } } })
    const { opportunityId } = await aDeal(world, cpq, mine)
    const draft = (body: object = {}) =>
      cpq.as(amy).does(draftQuote, { body: { opportunityId, vat, lines: [{ productId: seat, quantity: '1.5' }], ...body } })
    expect((await draft()).current.totals).toMatchObject({
      list: { amount: '500', currency: 'JPY' },
      tax: { amount: '65' },
      gross: { amount: '565' },
    })
    expect((await draft({ currency: 'KWD' })).current.totals).toMatchObject({
      list: { amount: '149.985', currency: 'KWD' },
      tax: { amount: '19.498' },
    })
    cpq.clock.set(new Date('2027-01-01T07:59:00Z')) // still 2026 in Los Angeles
    expect((await draft()).number).toMatch(/^Q-2026-/)
    expect((await draft()).validUntil).toBe('2027-01-30')
    cpq.clock.set(new Date('2027-01-01T08:01:00Z'))
    expect((await draft()).number).toBe('Q-2027-0001')
  })

  it('numbers quotes without giving a number twice', async () => {
    const { opportunityId } = await aDeal(world, cpq, company)
    const drafted = await Promise.all(
      Array.from({ length: 8 }, () => cpq.as(company.amy).does(draftQuote, { body: { opportunityId, lines: [seats()] } })),
    )
    expect(new Set(drafted.map(({ number }) => number)).size).toBe(8)
  })
})

describe('changing a quote', () => {
  it('prices the draft anew, with today’s prices for lines that are given', async () => {
    const { olga, ...mine } = await world.company()
    const { book, seat } = await aCatalogue(cpq, olga)
    const { opportunityId } = await aDeal(world, cpq, { olga, ...mine })
    const amy = cpq.as(mine.amy)
    const lines = [{ productId: seat, quantity: '10' }]
    const quote = await amy.does(draftQuote, { body: { opportunityId, lines } })
    await cpq.as(olga).does(setPrice, { params: { id: book, productId: seat }, body: { price: cny('110.00') } })
    const change = (body: object, version: number) => amy.does(changeQuote, { params: { id: quote.id }, body, headers: ifMatch(version) })
    const kept = await change({ discount: { percent: '50' }, title: 'Half price' }, 1)
    expect(kept).toMatchObject({ title: 'Half price', version: 2, total: cny('499.95'), currentNumber: 1 })
    const fresh = await change({ lines, discount: null, vat, notes: 'n' }, 2)
    expect(fresh).toMatchObject({ total: cny('1243.00'), current: { notes: 'n', discount: null, vat } })
    expect(fresh.current.lines).toHaveLength(1)
    expect((await change({ notes: null }, 3)).current).toMatchObject({ notes: null, totals: { gross: cny('1243.00') } })
    expect((await eventsOf(quote.id, mine.tenantId)).map(({ name }) => name)).toEqual(['quote.drafted'])
  })

  it('needs the version that was read, and a draft', async () => {
    const quote = await aQuote()
    const change = (headers: Record<string, string> = {}) =>
      cpq.as(company.amy).call(changeQuote, { params: { id: quote.id }, body: { notes: 'x' }, headers })
    expect((await change()).status).toBe(428)
    expect((await change(ifMatch(7))).body).toMatchObject({ status: 412, code: 'version.stale', current: 1 })
    await act(sendQuote, quote)
    expect((await change(ifMatch(2))).body).toMatchObject({ status: 409, code: 'quote.not_draft' })
  })
})

describe('the way of a quote', () => {
  it('leads from draft over sent to accepted, with who and when', async () => {
    const quote = await aQuote()
    expect((await act(acceptQuote, quote, signer)).body).toMatchObject({
      status: 409,
      code: 'quote.illegal_move',
      from: 'draft',
      to: 'accepted',
    })
    expect((await act(sendQuote, quote)).body).toMatchObject({ status: 'sent', version: 2 })
    const { body } = await act(acceptQuote, quote, { ...signer, signerTitle: '总经理', number: 1 })
    expect(body).toMatchObject({
      status: 'accepted',
      acceptedNumber: 1,
      current: { status: 'accepted', signer: '李雷', signerTitle: '总经理', acceptedBy: company.amy.id, expired: false },
    })
    expect(Date.parse(body.current.acceptedAt)).toBeGreaterThanOrEqual(Date.parse('2026-11-02T08:00:00Z'))
    expect((await eventsOf(quote.id)).map(({ name, payload }) => `${name} ${payload['version']}`)).toEqual([
      'quote.drafted 1',
      'quote.sent 1',
      'quote.accepted 1',
    ])
  })

  it('ends when the customer declines, until a new version begins', async () => {
    const quote = await aQuote()
    await act(sendQuote, quote)
    const declined = await act(declineQuote, quote, { reason: '太贵' })
    expect(declined.body).toMatchObject({ status: 'declined', current: { declineReason: '太贵' } })
    expect((await act(acceptQuote, quote, signer)).body.code).toBe('quote.illegal_move')
    const { body } = await act(newQuoteVersion, quote)
    expect(body).toMatchObject({
      status: 'draft',
      currentNumber: 2,
      versions: [
        { number: 1, status: 'declined' },
        { number: 2, status: 'draft' },
      ],
    })
    expect((await eventsOf(quote.id)).map(({ name, payload }) => `${name} ${payload['version']}`)).toEqual([
      'quote.drafted 1',
      'quote.sent 1',
      'quote.declined 1',
      'quote.drafted 2',
    ])
  })

  it('has one winner when several accept at once', async () => {
    const quote = await aQuote()
    await act(sendQuote, quote)
    const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => act(acceptQuote, quote, { signer: `Signer ${n}` })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409])
    expect(answers.filter(({ status }) => status === 409).map(({ body }) => body.code)).toEqual(Array(5).fill('quote.already_accepted'))
    expect((await eventsOf(quote.id)).filter(({ name }) => name === 'quote.accepted')).toHaveLength(1)
  })

  it('never has an accepted and a newer version, however they race', async () => {
    const quote = await aQuote()
    await act(sendQuote, quote)
    const [accepted, renewed] = await Promise.all([act(acceptQuote, quote, { ...signer, number: 1 }), act(newQuoteVersion, quote)])
    expect([accepted.status, renewed.status].sort()).toEqual([200, 409])
    const { versions } = await cpq.as(company.amy).does(getQuote, { params: { id: quote.id } })
    expect(versions.map(({ status }: any) => status)).toEqual(accepted.status === 200 ? ['accepted'] : ['superseded', 'draft'])
  })

  it('takes only the current version, and none after the accepted one', async () => {
    const quote = await aQuote()
    await act(sendQuote, quote)
    await act(newQuoteVersion, quote)
    expect((await act(acceptQuote, quote, signer)).body.code).toBe('quote.illegal_move')
    await act(sendQuote, quote)
    expect((await act(acceptQuote, quote, { ...signer, number: 1 })).body).toMatchObject({
      code: 'quote.not_current',
      number: 1,
      current: 2,
    })
    expect((await act(acceptQuote, quote, { ...signer, number: 2 })).body).toMatchObject({ acceptedNumber: 2 })
    expect((await act(newQuoteVersion, quote)).body).toMatchObject({ status: 409, code: 'quote.already_accepted', number: 2 })
  })

  it('ends with the last day in the company’s zone', async () => {
    const quote = await aQuote({ validUntil: '2026-11-05' })
    await act(sendQuote, quote)
    cpq.clock.set(new Date('2026-11-05T15:59:00Z')) // 23:59 in Shanghai
    expect((await cpq.as(company.amy).does(getQuote, { params: { id: quote.id } })).current.expired).toBe(false)
    cpq.clock.set(new Date('2026-11-05T16:01:00Z'))
    expect((await cpq.as(company.amy).does(getQuote, { params: { id: quote.id } })).current).toMatchObject({
      status: 'sent',
      expired: true,
    })
    expect((await act(acceptQuote, quote, signer)).body).toMatchObject({ status: 409, code: 'quote.expired', validUntil: '2026-11-05' })
    const { body } = await act(newQuoteVersion, quote)
    expect(body.validUntil).toBe('2026-12-06')
    await act(sendQuote, quote)
    expect((await act(acceptQuote, quote, signer)).status).toBe(200)
  })

  it('stops when the deal is lost', async () => {
    const quote = await aQuote()
    await act(sendQuote, quote)
    const { opportunityId } = quote
    const lost = { opportunityId, processId: newId('process'), stage: { key: 's', name: 'S' }, reason: 'price', competitor: null }
    await world.publish(company.tenantId, OpportunityLost, opportunityId, lost, { sequence: 2 })
    await cpq.settled()
    expect((await act(acceptQuote, quote, signer)).body).toMatchObject({ code: 'quote.deal_closed' })
    expect((await act(newQuoteVersion, quote)).body).toMatchObject({ code: 'quote.deal_closed' })
    expect((await act(declineQuote, quote, { reason: 'lost' })).status).toBe(200)
  })
})

describe('versions of a quote', () => {
  it('can each be read and compared', async () => {
    const quote = await aQuote()
    const amy = cpq.as(company.amy)
    await act(newQuoteVersion, quote)
    const body = { lines: [seats('100'), { productId: catalogue.setUp, quantity: '1' }], discount: { percent: '5' } }
    await amy.does(changeQuote, { params: { id: quote.id }, body, headers: ifMatch(2) })
    const version = (number: string) => amy.call(getQuoteVersion, { params: { id: quote.id, number } })
    expect((await version('1')).body).toMatchObject({
      number: 1,
      status: 'superseded',
      lines: [{ quantity: '120' }],
      totals: { list: cny('11998.80') },
    })
    expect((await version('2')).body).toMatchObject({ number: 2, lines: [{ quantity: '100' }, { quantity: '1' }] })
    expect((await version('3')).status).toBe(404)
    expect((await version('x')).status).toBe(400)
    const difference = await amy.does(compareQuoteVersions, { params: { id: quote.id }, query: { from: 1, to: 2 } })
    expect(difference.lines).toMatchObject([
      { change: 'changed', name: 'Seat', from: { quantity: '120', unitPrice: cny('99.99') }, to: { quantity: '100' } },
      { change: 'added', name: 'Set-up', from: null, to: { quantity: '1' }, difference: cny('5367.50') },
    ])
    expect(difference.totals.list).toEqual({ from: cny('11998.80'), to: cny('14999.00'), difference: cny('3000.20') })
    expect(difference.changed).toEqual(['discount'])
  })
})

describe('who sees which quote', () => {
  it('shows a rep her own, a manager those of his part of the company, another tenant nothing', async () => {
    const quote = await aQuote()
    const params = { id: quote.id }
    const status = async (person: Person) => (await cpq.as(person).call(getQuote, { params })).status
    expect(await status(company.amy)).toBe(200)
    expect(await status(company.mona)).toBe(200)
    expect(await status(company.fred)).toBe(200)
    expect(await status(company.bob)).toBe(404)
    expect(await status((await world.company()).ada)).toBe(404)
    expect((await act(sendQuote, quote, undefined, company.bob)).status).toBe(404)
    expect((await act(sendQuote, quote, undefined, company.eva)).body).toMatchObject({ status: 403, permission: 'quote.write' })
    expect((await cpq.as(company.bob).call(getQuoteVersion, { params: { id: quote.id, number: '1' } })).status).toBe(404)
    expect((await cpq.as(company.bob).call(compareQuoteVersions, { params, query: { from: 1, to: 1 } })).status).toBe(404)
    expect((await cpq.as(company.bob).does(listQuotes, {})).data).toEqual([])
  })

  it('follows the deal when it changes hands', async () => {
    const deal = await aDeal(world, cpq, company)
    const { opportunityId, journeyId, ...rest } = deal
    const quote = await cpq.as(company.amy).does(draftQuote, { body: { opportunityId, lines: [seats()] } })
    const change = (ownerId: typeof company.bob.id, sequence: number) =>
      world.publish(company.tenantId, OpportunityChanged, opportunityId, { ...rest, opportunityId, ownerId }, { sequence, journeyId })
    await change(company.bob.id, 5)
    await change(company.amy.id, 4) // came late: older
    await cpq.settled()
    expect((await cpq.as(company.amy).call(getQuote, { params: { id: quote.id } })).status).toBe(404)
    expect(await cpq.as(company.bob).does(getQuote, { params: { id: quote.id } })).toMatchObject({ ownerId: company.bob.id, version: 2 })
    const account = { accountId: deal.accountId, name: '云图集团', ownerId: null, parentId: null, industry: null, country: null }
    await world.publish(company.tenantId, AccountChanged, deal.accountId, account, { sequence: 2 })
    await cpq.settled()
    expect((await cpq.as(company.bob).does(getQuote, { params: { id: quote.id } })).accountName).toBe('云图集团')
  })

  it('lists quotes with filters', async () => {
    const quote = await aQuote({ title: 'A very special offer' })
    const list = (query: object) => cpq.as(company.amy).does(listQuotes, { query: query as Record<string, unknown> })
    expect((await list({ 'title.contains': 'special', status: 'draft', currency: 'CNY' })).data).toMatchObject([{ id: quote.id }])
    expect((await list({ number: quote.number, fields: 'id,total' })).data).toEqual([{ id: quote.id, total: quote.total }])
    expect((await list({ 'validUntil.lt': '2026-11-03' })).data).toEqual([])
    expect((await cpq.as(company.amy).call(listQuotes, { query: { colour: 'red' } })).status).toBe(400)
  })
})

describe('asking twice', () => {
  it('makes one quote when a request is sent again with its key', async () => {
    const { opportunityId } = await aDeal(world, cpq, company)
    const send = () =>
      cpq.as(company.amy).call(draftQuote, { body: { opportunityId, lines: [seats()] }, headers: { 'idempotency-key': 'quote-1' } })
    const [one, two] = [await send(), await send()]
    expect([one.status, two.status, two.body.id]).toEqual([201, 201, one.body.id])
    expect((await cpq.as(company.amy).does(listQuotes, { query: { opportunityId } })).data).toHaveLength(1)
  })
})
