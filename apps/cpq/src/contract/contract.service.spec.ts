import {
  acceptQuote,
  AccountMerged,
  approveContract,
  changeContract,
  draftContract,
  draftQuote,
  getQuote,
  getContract,
  getOrder,
  listContracts,
  listOrders,
  OpportunityChanged,
  readAudit,
  rejectContract,
  sendQuote,
  signContract,
  submitContract,
  UserCreated,
  type Operation,
} from '@millrace/contracts'
import { Money, newId } from '@millrace/domain'
import { asSuperuser, aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { cpqService } from '../cpq.module.js'
import { aCatalogue, aDeal } from '../deal/deal.fixture.js'

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
afterAll(() => world.stop())

const cny = (amount: string) => ({ amount, currency: 'CNY' })
const ifMatch = (version: number) => ({ 'if-match': `"${version}"` })
const act = (operation: Operation, { id }: { id: string }, who: Person = company.amy, body?: object) =>
  cpq.as(who).call(operation, { params: { id }, ...(body && { body }) })
const does = async (...given: Parameters<typeof act>) => {
  const answer = await act(...given)
  if (answer.status >= 300) throw new Error(answer.text)
  return answer.body
}
const eventsOf = async (id: string) => (await world.events(company.tenantId)).filter(({ subject }) => subject === id)

/** A quote that the customer accepted: 120 seats and a set-up, 7 % off, in odd cents. */
async function anAcceptedQuote(body: object = {}, who: Person = company.amy) {
  const { opportunityId } = await aDeal(world, cpq, company)
  const lines = [
    { productId: catalogue.seat, quantity: '120', discount: '3.3' },
    { productId: catalogue.setUp, quantity: '1.5' },
    { productId: catalogue.seat, quantity: '0.333' },
  ]
  const wish = { opportunityId, vat: { rate: '13', mode: 'on_top' }, discount: { percent: '7' }, lines, ...body }
  const quote = await cpq.as(who).does(draftQuote, { body: wish })
  await does(sendQuote, quote, who)
  return does(acceptQuote, quote, who, { signer: '李雷' })
}
async function aContract(body: object = {}, who: Person = company.amy) {
  const quote = await anAcceptedQuote(body, who)
  return cpq.as(who).does(draftContract, { body: { quoteId: quote.id } })
}
async function anApprovedContract(body: object = {}) {
  const contract = await aContract(body)
  await does(submitContract, contract)
  return does(approveContract, contract, company.mona)
}

describe('drafting a contract', () => {
  it('takes everything from the accepted version, with nothing typed again', async () => {
    const terms = [
      { share: '30', daysAfterSigning: 0, label: '预付款' },
      { share: '70', dueOn: '2027-01-31' },
    ]
    const quote = await anAcceptedQuote({ title: 'CRM 2027', terms })
    const contract = await cpq.as(company.amy).does(draftContract, { body: { quoteId: quote.id } })
    expect(contract).toMatchObject({
      number: expect.stringMatching(/^C-2026-\d{4,}$/),
      status: 'draft',
      title: 'CRM 2027',
      quoteId: quote.id,
      quoteVersion: 1,
      opportunityId: quote.opportunityId,
      accountId: quote.accountId,
      customerName: '云图科技',
      ownerId: company.amy.id,
      authorIds: [company.amy.id],
      total: quote.total,
      net: quote.current.totals.net,
      tax: quote.current.totals.tax,
      customerSigner: '李雷',
      journeyId: quote.journeyId,
      terms: quote.current.terms,
      orderId: null,
    })
    expect(contract.terms).toMatchObject([
      { share: '30', label: '预付款' },
      { share: '70', dueOn: '2027-01-31', label: 'Instalment 2' },
    ])
    expect(contract.lines.map(({ productId, quantity, gross }: any) => ({ productId, quantity, gross }))).toEqual(
      quote.current.lines.map(({ productId, quantity, gross }: any) => ({ productId, quantity, gross })),
    )
    const events = await eventsOf(contract.id)
    expect(events).toMatchObject([
      { name: 'contract.drafted', journeyId: quote.journeyId, payload: { contractId: contract.id, quoteId: quote.id, total: quote.total } },
    ])
  })

  it('makes one contract of a quote, however often and fast it is asked for', async () => {
    const quote = await anAcceptedQuote()
    const draft = () => cpq.as(company.amy).call(draftContract, { body: { quoteId: quote.id, title: 'x' } })
    const answers = await Promise.all([draft(), draft(), draft(), draft()])
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect(new Set([...answers, await draft()].map(({ body }) => body.id)).size).toBe(1)
    expect(await eventsOf(answers[0]!.body.id)).toHaveLength(1)
  })

  it('is refused unless the quote was accepted and may be seen', async () => {
    const { opportunityId } = await aDeal(world, cpq, company)
    const lines = [{ productId: catalogue.seat, quantity: '1' }]
    const quote = await cpq.as(company.amy).does(draftQuote, { body: { opportunityId, lines } })
    const draft = async (who: Person) => {
      const { body } = await cpq.as(who).call(draftContract, { body: { quoteId: quote.id } })
      return [body.status, body.code]
    }
    expect(await draft(company.amy)).toEqual([409, 'contract.quote_not_accepted'])
    expect(await draft(company.bob)).toEqual([404, 'quote.not_found'])
    expect(await draft(company.eva)).toEqual([403, 'access.forbidden'])
    expect(await draft((await world.company()).ada)).toEqual([404, 'quote.not_found'])
  })
})

describe('changing a contract', () => {
  it('reaches title, signer and terms while it is a draft, and nothing that was agreed', async () => {
    const contract = await aContract()
    const change = (body: object, headers: Record<string, string> = ifMatch(1)) =>
      cpq.as(company.amy).call(changeContract, { params: { id: contract.id }, body, headers })
    expect((await change({ total: cny('1.00') })).status).toBe(400)
    expect((await change({ title: 'x' }, {})).status).toBe(428)
    expect((await change({ terms: [{ share: '50', daysAfterSigning: 1 }] })).body.code).toBe('terms.shares_incomplete')
    expect((await change({ terms: [{ amount: cny('1.00'), daysAfterSigning: 1 }] })).body).toMatchObject({
      code: 'terms.amounts_differ',
      total: contract.total.amount,
    })
    const terms = [{ amount: contract.total, daysAfterSigning: 14, label: 'All' }]
    const changed = await change({ title: 'Renamed', customerSigner: null, terms })
    expect(changed.body).toMatchObject({
      title: 'Renamed',
      customerSigner: null,
      version: 2,
      terms: [{ amount: contract.total, share: null }],
    })
    expect((await change({ title: 'y' })).body).toMatchObject({ status: 412, current: 2 })
    await does(submitContract, contract)
    expect((await change({ title: 'y' }, ifMatch(3))).body).toMatchObject({ status: 409, code: 'contract.not_draft' })
  })
})

describe('approving a contract', () => {
  it('is for somebody with the right who did not write it', async () => {
    const contract = await aContract({}, company.mona)
    await does(submitContract, contract, company.mona)
    const approve = async (who: Person) => {
      const { status, body } = await act(approveContract, contract, who)
      return [status, body.code]
    }
    expect(await approve(company.amy)).toEqual([403, 'access.forbidden'])
    expect(await approve(company.mona)).toEqual([403, 'contract.own_approval'])
    expect(await approve((await world.company()).ada)).toEqual([404, 'contract.not_found'])
    expect(await approve(company.fred)).toEqual([200, undefined])
    expect(await approve(company.eva)).toEqual([409, 'contract.illegal_move'])
    expect((await eventsOf(contract.id)).map(({ name, payload }) => [name, payload['approvedBy']])).toEqual([
      ['contract.drafted', undefined],
      ['contract.submitted', undefined],
      ['contract.approved', company.fred.id],
    ])
  })

  it('has one winner, and a manager decides only on his part of the company', async () => {
    const contract = await aContract()
    await does(submitContract, contract)
    const south: Person = { ...company.bob, id: newId('user'), name: 'Sam', roles: ['sales_manager'] }
    const { id: userId, tenantId: _, ...sam } = south
    await world.publish(company.tenantId, UserCreated, userId, { ...sam, userId, roles: [...sam.roles], active: true })
    await cpq.settled()
    expect((await act(approveContract, contract, south)).status).toBe(404)
    const answers = await Promise.all(
      [company.mona, company.fred, company.eva, company.ada].map((who) => act(approveContract, contract, who)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
  })

  it('sends it back with the reason, also after approval', async () => {
    const contract = await anApprovedContract()
    expect((await act(rejectContract, contract, company.mona)).status).toBe(400)
    const rejected = await does(rejectContract, contract, company.mona, { reason: '付款条件' })
    expect(rejected).toMatchObject({ status: 'draft', rejectedReason: '付款条件', approvedBy: null })
    expect((await act(signContract, contract, company.amy, {})).body.code).toBe('contract.illegal_move')
    expect((await eventsOf(contract.id)).at(-1)).toMatchObject({ name: 'contract.rejected', payload: { reason: '付款条件' } })
  })
})

describe('signing a contract', () => {
  it('places the order in the same moment: quote, contract and order lines agree', async () => {
    const contract = await anApprovedContract()
    const body = { customerSigner: '韩梅梅', ourSigner: 'Eva', signedOn: '2026-11-01' }
    const signed = await does(signContract, contract, company.amy, body)
    expect(signed).toMatchObject({ status: 'signed', ...body, signedBy: company.amy.id, orderId: expect.stringMatching(/^order_/) })
    const order = await cpq.as(company.amy).does(getOrder, { params: { id: signed.orderId } })
    expect(order).toMatchObject({
      number: expect.stringMatching(/^O-2026-\d{4,}$/),
      contractId: contract.id,
      accountId: contract.accountId,
      customerName: '云图科技',
      ownerId: company.amy.id,
      total: contract.total,
      placedOn: '2026-11-01',
      journeyId: contract.journeyId,
    })
    const plain = (lines: any[]) => lines.map(({ id: _, ...line }) => line)
    expect(plain(order.lines)).toEqual(plain(contract.lines))
    expect(
      Money.sum(
        order.lines.map(({ gross }: any) => Money.parse(gross.amount, 'CNY')),
        'CNY',
      ).toJSON(),
    ).toEqual(contract.total)

    const events = (await world.events(company.tenantId)).filter(({ journeyId }) => journeyId === contract.journeyId)
    const steps = events.filter(({ name }) => /^(quote|contract|order)\./.test(name))
    expect(steps.map(({ name }) => name).sort()).toEqual(
      [
        'quote.drafted',
        'quote.sent',
        'quote.accepted',
        'contract.drafted',
        'contract.submitted',
        'contract.approved',
        'contract.signed',
        'order.placed',
      ].sort(),
    )
    for (const { payload } of steps) expect(payload['total']).toEqual(contract.total)
    const told = steps.find(({ name }) => name === 'contract.signed')!.payload
    expect(told).toMatchObject({ signedOn: '2026-11-01', customerSigner: '韩梅梅', terms: contract.terms, ownerId: company.amy.id })
    expect(told['lines']).toEqual(contract.lines.map(({ id: _, position: _p, ...line }: any) => line))
    expect(steps.find(({ name }) => name === 'order.placed')!.payload['lines']).toEqual(
      order.lines.map(({ id, productId, name, quantity, gross }: any) => ({ lineId: id, productId, name, quantity, gross })),
    )
  })

  it('happens once, with one order', async () => {
    const contract = await anApprovedContract()
    const answers = await Promise.all([1, 2, 3, 4].map((n) => act(signContract, contract, company.amy, { customerSigner: `S ${n}` })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
    expect((await cpq.as(company.amy).does(listOrders, { query: { contractId: contract.id } })).data).toHaveLength(1)
    expect((await eventsOf(contract.id)).filter(({ name }) => name === 'contract.signed')).toHaveLength(1)
  })

  it('takes today in the company’s zone and the signer of the contract unless told otherwise, and no day to come', async () => {
    const contract = await anApprovedContract()
    const refused = async (body: object) => (await act(signContract, contract, company.amy, body)).body.code
    expect(await refused({ signedOn: '2026-11-03' })).toBe('contract.signed_in_future')
    expect(await refused({ signedOn: '2026-11-31' })).toBe('request.invalid')
    expect(await does(signContract, contract, company.amy, {})).toMatchObject({ signedOn: '2026-11-02', customerSigner: '李雷' })
  })

  it('is refused before approval', async () => {
    const contract = await aContract()
    expect((await act(signContract, contract, company.amy, {})).body).toMatchObject({
      code: 'contract.illegal_move',
      from: 'draft',
      to: 'signed',
    })
  })
})

describe('the database', () => {
  const attempt = (sql: string, values: unknown[] = []) =>
    asSuperuser(async (client) => {
      await client.query('BEGIN')
      await client.query(`SELECT set_config('millrace.tenant', $1, true)`, [company.tenantId])
      await client.query('SET LOCAL ROLE millrace_cpq_app')
      await client.query(sql, values)
      await client.query('COMMIT')
      return 'done'
    }, new URL(cpq.database.url).pathname.slice(1)).catch((error: { constraint?: string; code?: string }) => error.constraint ?? error.code)

  it('keeps quote, contract and order in agreement, whatever a program does', async () => {
    const contract = await anApprovedContract()
    const { orderId } = await does(signContract, contract, company.amy, {})
    expect(await attempt('UPDATE contract SET title = title WHERE id = $1', [contract.id])).toBe('done')
    expect(await attempt('UPDATE contract SET net_minor = net_minor + 1, total_minor = total_minor + 1 WHERE id = $1', [contract.id])).toBe(
      'amounts_stay',
    )
    expect(await attempt('UPDATE sales_order SET total_minor = total_minor - 1 WHERE id = $1', [orderId])).toBe('amounts_stay')
    expect(await attempt('UPDATE order_line SET gross_minor = gross_minor + 1, net_minor = net_minor + 1')).toBe('42501')
    expect(await attempt('DELETE FROM contract_line')).toBe('42501')
    const copy = (table: string, parent: string) =>
      `INSERT INTO ${table} SELECT (jsonb_populate_record(l, '{"id": "x", "position": 99}')).* FROM ${table} l WHERE ${parent} = $1 AND position = 1`
    expect(await attempt(copy('order_line', 'order_id'), [orderId])).toBe('lines_agree')
    expect(await attempt(copy('contract_line', 'contract_id'), [contract.id])).toBe('lines_agree')
    expect(
      await attempt('UPDATE quote_version SET net_minor = net_minor + 1, gross_minor = gross_minor + 1 WHERE quote_id = $1', [
        contract.quoteId,
      ]),
    ).toBe('totals_agree')
    const other = `INSERT INTO sales_order SELECT (jsonb_populate_record(o, '{"id": "y", "number": "y", "contract_id": "${(await anApprovedContract()).id}"}')).* FROM sales_order o WHERE id = $1`
    expect(await attempt(other, [orderId])).toBe('totals_agree')
  })
})

describe('who sees which contract and order', () => {
  it('shows a rep her own, a manager those of his part of the company, another tenant nothing', async () => {
    const contract = await anApprovedContract()
    const { orderId } = await does(signContract, contract, company.amy, {})
    const stranger = await world.company()
    for (const [person, status] of [
      [company.amy, 200],
      [company.mona, 200],
      [company.fred, 200],
      [company.bob, 404],
      [stranger.ada, 404],
    ] as const) {
      expect((await act(getContract, contract, person)).status).toBe(status)
      expect((await act(getOrder, { id: orderId }, person)).status).toBe(status)
    }
    expect((await act(getOrder, { id: orderId }, company.bob)).body.code).toBe('order.not_found')
    expect((await cpq.as(company.bob).does(listContracts, {})).data).toEqual([])
    expect((await cpq.as(company.bob).does(listOrders, {})).data).toEqual([])
    const listed = await cpq
      .as(company.mona)
      .does(listContracts, { query: { status: 'signed', 'customerName.contains': '云图', 'signedOn.gte': '2026-11-01' } })
    expect(listed.data.map(({ id }: any) => id)).toContain(contract.id)
  })

  it('follows the deal when it changes hands, and leaves a trail', async () => {
    const contract = await anApprovedContract()
    const { orderId } = await does(signContract, contract, company.amy, {})
    const { opportunityId, accountId } = contract
    const deal = { ...(await aDeal(world, cpq, company)), opportunityId, accountId, ownerId: company.bob.id }
    const { journeyId: _, ...payload } = deal
    await world.publish(company.tenantId, OpportunityChanged, opportunityId, payload, { sequence: 9 })
    await cpq.settled()
    for (const [operation, id] of [
      [getContract, contract.id],
      [getOrder, orderId],
    ] as const) {
      expect((await act(operation, { id }, company.amy)).status).toBe(404)
      expect((await does(operation, { id }, company.bob)).ownerId).toBe(company.bob.id)
    }
    const { data } = await does(readAudit, contract, company.ada)
    expect(data.map(({ actorId, change }: any) => [actorId, change.status?.to ?? change.status ?? change.ownerId?.to])).toEqual([
      [company.amy.id, 'draft'],
      [company.amy.id, 'in_approval'],
      [company.mona.id, 'approved'],
      [company.amy.id, 'signed'],
      [null, company.bob.id],
    ])
  })
})

describe('quotes, contracts and orders of an account that became part of another one', () => {
  it('are that one’s, and so is what is quoted next for a deal that still names the one that went', async () => {
    const quote = await anAcceptedQuote()
    const contract = await cpq.as(company.amy).does(draftContract, { body: { quoteId: quote.id } })
    const into = newId('account')
    await world.publish(company.tenantId, AccountMerged, quote.accountId, { accountId: quote.accountId, into }, { sequence: 2 })
    await cpq.settled()
    const [moved, drafted] = [await does(getQuote, quote), await does(getContract, contract)]
    expect([moved.accountId, drafted.accountId, drafted.version]).toEqual([into, into, contract.version + 1])
    const { data } = await cpq.as(company.ada).does(readAudit, { params: { id: contract.id } })
    expect(data.at(-1).change).toEqual({ accountId: { from: quote.accountId, to: into } })

    const deal = await aDeal(world, cpq, company)
    await world.publish(company.tenantId, AccountMerged, deal.accountId, { accountId: deal.accountId, into }, { sequence: 2 })
    await cpq.settled()
    const { opportunityId } = deal
    const lines = [{ productId: catalogue.seat, quantity: '1' }]
    expect(await cpq.as(company.amy).does(draftQuote, { body: { opportunityId, lines } })).toMatchObject({ accountId: into })
  })
})
