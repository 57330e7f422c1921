import {
  addLegalEntity,
  creditInvoice,
  getInvoice,
  issueInvoice,
  listInvoices,
  listLedgerEntries,
  readAudit,
  type Operation,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { asSuperuser, aWorld, type TestService, type World } from '@millrace/testing'
import { Seller, yuan } from '../billing.fixture.js'
import { billingService } from '../billing.module.js'

let world: World
let billing: TestService
let database: string

beforeAll(async () => {
  world = await aWorld()
  billing = await world.start(billingService, { DATABASE_POOL: '32' }) // the races below wait for each other, not for a connection
  billing.clock.set(new Date('2026-11-20T02:00:00Z'))
  const { rows } = await billing.database.pool.query<{ name: string }>('SELECT current_database() AS name')
  database = rows[0]!.name
})
afterAll(() => world.stop())

const buyer = { name: '云图科技有限公司', taxId: '91310000MA1FL00000', address: '上海市' }

describe('issuing an invoice', () => {
  it('bills receivables line by line, on the journey of the contract, and books what is owed', async () => {
    const seller = await Seller.open(world, billing)
    const plan = await seller.signs({
      total: '1000.00',
      terms: [
        { share: '33.33', daysAfterSigning: 0, label: 'on signing' },
        { share: '66.67', daysAfterSigning: 90, label: 'later' },
      ],
    })
    const receivableIds = plan.instalments.map(({ id }) => id)
    const issued = await seller.fred.call(issueInvoice, { body: { receivableIds, kind: 'vat_special', buyer } })
    expect(issued.status).toBe(201)
    const invoice = issued.body
    expect(invoice).toMatchObject({
      number: 'INV-VS-000001',
      series: 'VS',
      kind: 'vat_special',
      creditOf: null,
      accountId: seller.accountId,
      accountName: '云图科技',
      ownerId: seller.company.amy.id,
      buyer,
      issuedOn: '2026-11-20',
      net: yuan('884.96'),
      tax: yuan('115.04'),
      total: yuan('1000.00'),
      credited: yuan('0.00'),
      journeyId: plan.journeyId,
      version: 1,
      lines: [
        { receivableId: receivableIds[0], label: 'on signing', net: yuan('294.96'), tax: yuan('38.34'), gross: yuan('333.30') },
        { receivableId: receivableIds[1], label: 'later', net: yuan('590.00'), tax: yuan('76.70'), gross: yuan('666.70') },
      ],
    })
    expect(await seller.receivable(receivableIds[1]!)).toMatchObject({
      status: 'planned',
      invoiceId: invoice.id,
      invoiceNumber: 'INV-VS-000001',
    })
    const told = (await seller.told()).filter(({ name }) => name.startsWith('invoice.'))
    expect(told).toMatchObject([
      {
        name: 'invoice.issued',
        subject: invoice.id,
        journeyId: plan.journeyId,
        payload: { number: 'INV-VS-000001', total: yuan('1000.00'), receivableIds, issuedOn: '2026-11-20', accountId: seller.accountId },
      },
    ])
    const { data } = await seller.fred.does(listLedgerEntries, { query: { sourceId: invoice.id } })
    expect(data).toMatchObject([{ kind: 'invoice', accountId: seller.accountId, occurredOn: '2026-11-20', journeyId: plan.journeyId }])
    expect(data[0].postings).toHaveLength(6)
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ receivable: { booked: '1000.00', open: '1000.00' } }] })
  })

  it('is in the day of the seller that is named, with the account’s name for the buyer', async () => {
    const seller = await Seller.open(world, billing)
    const branch = await seller.fred.does(addLegalEntity, {
      body: { name: 'Ridgeway Inc', country: 'US', zone: 'America/Los_Angeles', currency: 'USD', prefix: 'US' },
    })
    const receivableIds = [await seller.owes('113.00')]
    const body = { receivableIds, kind: 'commercial', legalEntityId: branch.id, series: 'EXP' }
    expect(await seller.fred.does(issueInvoice, { body })).toMatchObject({
      number: 'US-EXP-000001',
      issuedOn: '2026-11-19',
      buyer: { name: '云图科技', taxId: null, address: null },
    })
  })

  it('is refused for what is invoiced, closed, of several customers or currencies, unknown, or without the buyer’s data', async () => {
    const seller = await Seller.open(world, billing)
    const [mine, other] = [await seller.owes('113.00'), await seller.owes('113.00', '2026-11-02', { accountId: newId('account') })]
    const dollars = await seller.owes('113.00', '2026-11-02', { currency: 'USD' })
    const refused = async (receivableIds: string[], more: object = {}) => {
      const { body } = await seller.fred.call(issueInvoice, { body: { receivableIds, kind: 'vat_ordinary', ...more } })
      return [body.status, body.code]
    }
    expect(await refused([mine, other])).toEqual([422, 'invoice.several_accounts'])
    expect(await refused([mine, dollars])).toEqual([422, 'invoice.several_currencies'])
    expect(await refused([mine, newId('receivable')])).toEqual([422, 'reference.unknown'])
    expect(await refused([newId('receivable')])).toEqual([422, 'reference.unknown'])
    expect(await refused([mine], { kind: 'vat_special' })).toEqual([422, 'invoice.no_tax_id'])
    expect(await refused([other])).toEqual([422, 'invoice.no_buyer'])
    expect(await refused([mine, mine])).toEqual([400, 'request.invalid'])
    expect(await refused([])).toEqual([400, 'request.invalid'])
    expect(await refused([mine], { kind: 'pro_forma' })).toEqual([400, 'request.invalid'])
    expect(await refused([mine], { series: 'vs-r' })).toEqual([400, 'request.invalid'])
    expect(await refused([mine], { number: 'INV-1' })).toEqual([400, 'request.invalid'])
    expect(await refused([mine], { issuedOn: '2026-02-29' })).toEqual([400, 'request.invalid'])
    await seller.invoices(mine)
    expect(await refused([mine])).toEqual([409, 'receivable.invoiced'])
    expect((await seller.fred.does(listInvoices)).data).toHaveLength(1)
    expect(await seller.check()).toMatchObject({ series: [{ issued: 1, last: 1 }] })
  })

  it('happens once for a receivable, however many want it at once', async () => {
    const seller = await Seller.open(world, billing)
    const receivableIds = [await seller.owes('113.00')]
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => seller.fred.call(issueInvoice, { body: { receivableIds, kind: 'vat_ordinary' } })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409])
    expect(await seller.check()).toMatchObject({ balanced: true, series: [{ issued: 1, last: 1 }] })
  })

  it('numbers without gap or double while thirty are issued at once and some fail in the middle', async () => {
    const seller = await Seller.open(world, billing)
    const shares = Array.from({ length: 30 }, (_, n) => ({ amount: yuan('1.00'), daysAfterSigning: 0, label: n % 3 ? 'fine' : 'doomed' }))
    const { instalments } = await seller.signs({ total: '30.00', terms: shares })
    const doom = (sql: string) => asSuperuser((client) => client.query(sql), database)
    await doom(`ALTER TABLE invoice_line ADD CONSTRAINT doom CHECK (label <> 'doomed') NOT VALID`)
    try {
      const answers = await Promise.all(
        instalments.map(({ id }) => seller.fred.call(issueInvoice, { body: { receivableIds: [id], kind: 'vat_ordinary' } })),
      )
      expect(answers.filter(({ status }) => status === 500)).toHaveLength(10)
      const numbers = answers.filter(({ status }) => status === 201).map(({ body }) => body.number as string)
      expect(numbers.sort()).toEqual(Array.from({ length: 20 }, (_, n) => `INV-VO-${String(n + 1).padStart(6, '0')}`))
    } finally {
      await doom('ALTER TABLE invoice_line DROP CONSTRAINT doom')
    }
    expect(await seller.check()).toMatchObject({
      balanced: true,
      series: [{ series: 'VO', issued: 20, last: 20 }],
      currencies: [{ receivable: { booked: '20.00', open: '20.00' } }],
    })
    expect((await seller.invoices(instalments[0]!.id)).number).toBe('INV-VO-000021')
  })
})

describe('an issued invoice', () => {
  it('is never changed, by nobody', async () => {
    const seller = await Seller.open(world, billing)
    const { id } = await seller.invoices(await seller.owes('113.00'))
    const run = (sql: string) => asSuperuser((client) => client.query(sql, [id]), database)
    await expect(run(`UPDATE invoice SET buyer_name = 'other' WHERE id = $1`)).rejects.toThrow('never changed')
    await expect(run('UPDATE invoice_line SET label = label WHERE invoice_id = $1')).rejects.toThrow('never changed')
    await expect(run('DELETE FROM invoice WHERE id = $1')).rejects.toThrow('never changed')
    const surplus = `INSERT INTO invoice_line SELECT tenant_id, id || 'x', invoice_id, 9, receivable_id || 'x', label, net_minor, net_currency, tax_minor, tax_currency, gross_minor, gross_currency FROM invoice_line WHERE invoice_id = $1`
    await expect(run(surplus)).rejects.toThrow('do not make its total')
    const { data } = await billing.as(seller.company.ada).does(readAudit, { params: { id } })
    expect(data).toMatchObject([{ action: 'insert', actorId: seller.company.fred.id }])
  })

  it('is found by number, account, kind and day, and is seen by its rep, her manager and finance', async () => {
    const seller = await Seller.open(world, billing)
    const invoice = await seller.invoices(await seller.owes('113.00'))
    await seller.invoices(await seller.owes('113.00', '2026-11-02', { ownerId: seller.company.bob.id }))
    const list = async (query: object) => (await seller.fred.does(listInvoices, { query: query as never })).data.length
    expect(await list({ number: invoice.number })).toBe(1)
    expect(await list({ accountId: seller.accountId, kind: 'vat_ordinary', 'issuedOn.gte': '2026-11-20' })).toBe(2)
    expect(await list({ kind: 'commercial' })).toBe(0)
    const status = async (person: typeof seller.company.amy, operation: Operation = getInvoice) =>
      (await billing.as(person).call(operation, { params: { id: invoice.id }, ...(operation === getInvoice ? {} : { body: {} }) })).status
    const { amy, bob, mona, eva } = seller.company
    expect([await status(amy), await status(mona), await status(eva), await status(bob)]).toEqual([200, 200, 200, 404])
    expect((await billing.as(amy).does(listInvoices)).data).toHaveLength(1)
    expect([await status(amy, creditInvoice), await status(eva, creditInvoice)]).toEqual([403, 403])
    expect(await status((await world.company()).ada)).toBe(404)
  })
})

describe('a credit note', () => {
  const credits = (seller: Seller, id: Id<'invoice'>, body: object = {}, headers: Record<string, string> = {}) =>
    seller.fred.call(creditInvoice, { params: { id }, body, headers })

  it('without an amount takes the invoice back, whose receivables can be invoiced again', async () => {
    const seller = await Seller.open(world, billing)
    const receivable = await seller.owes('113.00')
    const invoice = await seller.invoices(receivable)
    const note = (await credits(seller, invoice.id, { reason: 'wrong buyer' })).body
    expect(note).toMatchObject({
      number: 'INV-VO-R-000001',
      creditOf: invoice.id,
      total: yuan('113.00'),
      tax: yuan('13.00'),
      reason: 'wrong buyer',
      lines: [{ receivableId: receivable, gross: yuan('113.00') }],
    })
    expect(await seller.fred.does(getInvoice, { params: { id: invoice.id } })).toMatchObject({ version: 2, credited: yuan('113.00') })
    expect(await seller.receivable(receivable)).toMatchObject({ status: 'due', open: yuan('113.00'), invoiceId: null })
    expect(await seller.toldNames()).toEqual(['collection_plan.made', 'invoice.credited', 'invoice.issued', 'receivable.due'])
    expect((await seller.told()).find(({ name }) => name === 'invoice.credited')).toMatchObject({
      subject: invoice.id,
      payload: { invoiceId: invoice.id, creditNoteId: note.id, number: 'INV-VO-R-000001', total: yuan('113.00') },
    })
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ receivable: { booked: '0.00', open: '0.00' } }] })
    expect((await credits(seller, invoice.id)).body).toMatchObject({ status: 409, code: 'invoice.credited_already' })
    expect((await credits(seller, note.id)).body).toMatchObject({ status: 409, code: 'invoice.is_credit_note' })
    expect(await seller.invoices(receivable)).toMatchObject({ number: 'INV-VO-000002', total: yuan('113.00') })
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ receivable: { booked: '113.00', open: '113.00' } }] })
  })

  it('with an amount makes the customer owe less, down to nothing', async () => {
    const seller = await Seller.open(world, billing)
    const { instalments } = await seller.signs({
      terms: [
        { share: '50', daysAfterSigning: 0 },
        { share: '50', dueOn: '2027-03-01' },
      ],
    })
    const [one, two] = [instalments[0]!.id, instalments[1]!.id]
    const invoice = await seller.invoices(one, two)
    expect((await credits(seller, invoice.id, { amount: yuan('22.60') })).body).toMatchObject({ total: yuan('22.60'), tax: yuan('2.60') })
    expect(await seller.receivable(one)).toMatchObject({
      status: 'due',
      credited: yuan('11.30'),
      open: yuan('45.20'),
      invoiceId: invoice.id,
    })
    expect(await seller.receivable(two)).toMatchObject({ status: 'planned', open: yuan('45.20') })
    const credited = (await seller.told()).filter(({ name }) => name === 'receivable.credited')
    expect(credited.map(({ payload }) => [payload['receivableId'], payload['credited'], payload['open']])).toEqual(
      expect.arrayContaining([
        [one, yuan('11.30'), yuan('45.20')],
        [two, yuan('11.30'), yuan('45.20')],
      ]),
    )
    const tooMuch = await credits(seller, invoice.id, { amount: yuan('90.41') })
    expect(tooMuch.body).toMatchObject({ status: 409, code: 'invoice.credit_too_large', available: '90.40 CNY' })
    expect((await credits(seller, invoice.id, { amount: yuan('90.40') })).body.number).toBe('INV-VO-R-000002')
    expect(await seller.receivable(one)).toMatchObject({ status: 'settled', settled: yuan('0.00'), open: yuan('0.00') })
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ receivable: { booked: '0.00' } }] })
  })

  it('then the rest of the invoice: what is left is billed again', async () => {
    const seller = await Seller.open(world, billing)
    const receivable = await seller.owes('113.00')
    const invoice = await seller.invoices(receivable)
    await credits(seller, invoice.id, { amount: yuan('13.00') })
    expect((await credits(seller, invoice.id)).body).toMatchObject({ total: yuan('100.00'), tax: yuan('11.50') })
    expect(await seller.invoices(receivable)).toMatchObject({ total: yuan('100.00'), tax: yuan('11.50') })
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ receivable: { booked: '100.00', open: '100.00' } }] })
  })

  it('does not take back what is paid until that is undone', async () => {
    const seller = await Seller.open(world, billing)
    const invoice = await seller.invoices(await seller.owes('113.00'))
    await seller.receives('13.00')
    expect((await credits(seller, invoice.id)).body).toMatchObject({ status: 409, code: 'invoice.paid' })
    expect((await credits(seller, invoice.id, { amount: yuan('100.01') })).body).toMatchObject({ available: '100.00 CNY' })
    expect((await credits(seller, invoice.id, { amount: yuan('100.00') })).status).toBe(200)
    expect(await seller.check()).toMatchObject({ balanced: true })
  })

  it('is never more than the invoice, however many ask at once', async () => {
    const seller = await Seller.open(world, billing)
    const invoice = await seller.invoices(await seller.owes('100.00'))
    const answers = await Promise.all(Array.from({ length: 10 }, () => credits(seller, invoice.id, { amount: yuan('30.00') })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 409, 409, 409, 409, 409, 409, 409])
    expect(await seller.fred.does(getInvoice, { params: { id: invoice.id } })).toMatchObject({ credited: yuan('90.00'), version: 4 })
    expect(await seller.check()).toMatchObject({
      balanced: true,
      series: expect.arrayContaining([expect.objectContaining({ series: 'VO-R', issued: 3, last: 3 })]),
    })
  })

  it('is refused with nonsense, in another currency, and for an old version', async () => {
    const seller = await Seller.open(world, billing)
    const invoice = await seller.invoices(await seller.owes('100.00'))
    const refused = async (body: object, headers = {}) => {
      const answer = await credits(seller, invoice.id, body, headers)
      return [answer.status, answer.body.errors?.[0]?.code ?? answer.body.code]
    }
    expect(await refused({ amount: yuan('0.00') })).toEqual([400, 'billing.zero_amount'])
    expect(await refused({ amount: yuan('-1.00') })).toEqual([400, 'money.negative'])
    expect(await refused({ amount: yuan('1.005') })).toEqual([400, 'money.too_precise'])
    expect(await refused({ amount: { amount: '1.00', currency: 'USD' } })).toEqual([422, 'money.mixed_currencies'])
    expect(await refused({ amount: yuan('1.00') }, { 'if-match': '"7"' })).toEqual([412, 'version.stale'])
    expect(await refused({ all: true })).toEqual([400, 'field.unrecognized_keys'])
    const { status } = await credits(seller, newId('invoice'))
    expect(status).toBe(404)
  })
})
