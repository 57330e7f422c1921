import { getReceipt, listReceipts, recordReceipt, settleReceipt, unsettleReceipt } from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { Seller, signedOn, yuan } from '../billing.fixture.js'
import { billingService } from '../billing.module.js'
import { ReceivableService } from '../receivable/receivable.service.js'

let world: World
let billing: TestService
const noon = new Date('2026-11-20T04:00:00Z')

beforeAll(async () => {
  world = await aWorld()
  billing = await world.start(billingService, { DATABASE_POOL: '32' }) // the races below wait for each other, not for a connection
})
beforeEach(() => billing.clock.set(noon))
afterAll(() => world.stop())

const dayBreaks = () => billing.app.get(ReceivableService).fallDue()
const settle = (seller: Seller, id: Id<'receipt'>, allocations?: [Id<'receivable'>, string][]) =>
  seller.fred.call(settleReceipt, {
    params: { id },
    body: allocations ? { allocations: allocations.map(([receivableId, amount]) => ({ receivableId, amount: yuan(amount) })) } : {},
  })
const unsettle = (seller: Seller, id: Id<'receipt'>) => seller.fred.call(unsettleReceipt, { params: { id } })

describe('money that arrives', () => {
  it('pays what its reference names, on the journey of what it pays, and says so', async () => {
    const seller = await Seller.open(world, billing)
    const older = await seller.owes('113.00', '2026-11-01')
    const named = await seller.owes('200.00', '2026-11-05')
    await seller.invoices(older)
    const { number } = await seller.invoices(named)
    const answer = await seller.fred.call(recordReceipt, {
      body: {
        accountId: seller.accountId,
        amount: yuan('200.00'),
        receivedOn: '2026-11-19',
        reference: `货款${number}`,
        bankAccount: 'ICBC 1',
        externalId: 'b-1',
      },
    })
    expect(answer.status).toBe(201)
    const { journeyId } = await seller.receivable(named)
    expect(answer.body).toMatchObject({
      accountName: '云图科技',
      ownerId: seller.company.amy.id,
      amount: yuan('200.00'),
      credit: yuan('0.00'),
      receivedOn: '2026-11-19',
      allocations: [{ receivableId: named, amount: yuan('200.00') }],
      journeyId,
      version: 2,
    })
    expect(await seller.receivable(named)).toMatchObject({ status: 'settled', settled: yuan('200.00'), open: yuan('0.00') })
    expect((await seller.receivable(older)).status).toBe('due')
    const told = (await seller.told()).filter(({ name }) => name.startsWith('receipt.') || name === 'receivable.settled')
    expect(told.map(({ name }) => name).sort()).toEqual(['receipt.recorded', 'receipt.settled', 'receivable.settled'])
    expect(new Set(told.map((event) => event.journeyId))).toEqual(new Set([journeyId]))
    expect(told.find(({ name }) => name === 'receipt.settled')!.payload).toMatchObject({
      allocations: [{ receivableId: named, amount: yuan('200.00') }],
      credit: yuan('0.00'),
    })
    expect(told.find(({ name }) => name === 'receivable.settled')!.payload).toMatchObject({ receivableId: named, open: yuan('0.00') })
    expect(await seller.check()).toMatchObject({
      balanced: true,
      currencies: [{ receivable: { booked: '113.00', open: '113.00' }, unapplied: { booked: '0.00', credit: '0.00' } }],
    })
  })

  it('pays the exact amount, else the oldest that is due', async () => {
    const seller = await Seller.open(world, billing)
    const [old, same, young] = [
      await seller.owes('50.00', '2026-11-01'),
      await seller.owes('70.00', '2026-11-03'),
      await seller.owes('60.00', '2026-11-02'),
    ]
    await seller.invoices(old, same, young)
    expect((await seller.receives('70.00')).allocations).toMatchObject([{ receivableId: same }])
    expect((await seller.receives('80.00')).allocations).toEqual([
      { receivableId: old, amount: yuan('50.00') },
      { receivableId: young, amount: yuan('30.00') },
    ])
    expect(await seller.receivable(young)).toMatchObject({ status: 'partly_settled', open: yuan('30.00') })
  })

  it('is credit when nothing is owed or invoiced, and pays what falls due or is invoiced next', async () => {
    const seller = await Seller.open(world, billing)
    const prepaid = await seller.receives('150.00')
    expect(prepaid).toMatchObject({ credit: yuan('150.00'), allocations: [], version: 1, ownerId: seller.company.amy.id })
    expect(await seller.toldNames()).toEqual(['receipt.recorded'])
    const due = await seller.owes('100.00')
    expect((await seller.receivable(due)).open).toEqual(yuan('100.00'))
    await seller.invoices(due)
    expect((await seller.receivable(due)).status).toBe('settled')
    const later = await seller.owes('80.00', '2026-12-01')
    await seller.invoices(later)
    expect((await seller.receivable(later)).status).toBe('planned')
    billing.clock.set(new Date('2026-12-01T04:00:00Z'))
    await dayBreaks()
    expect(await seller.receivable(later)).toMatchObject({ status: 'partly_settled', open: yuan('30.00') })
    expect(await seller.fred.does(getReceipt, { params: { id: prepaid.id } })).toMatchObject({
      credit: yuan('0.00'),
      version: 3,
      allocations: [
        { receivableId: due, amount: yuan('100.00') },
        { receivableId: later, amount: yuan('50.00') },
      ],
    })
    expect(await seller.check()).toMatchObject({ balanced: true })
  })

  it('pays before its day in full only, and is planned again when that is undone', async () => {
    const seller = await Seller.open(world, billing)
    const later = await seller.owes('100.00', '2027-03-01')
    const { number } = await seller.invoices(later)
    expect((await seller.receives('99.00', { reference: number })).credit).toEqual(yuan('99.00'))
    const { id } = await seller.receives('100.00')
    expect((await seller.receivable(later)).status).toBe('settled')
    await unsettle(seller, id)
    expect(await seller.receivable(later)).toMatchObject({ status: 'planned', open: yuan('100.00') })
    const part = await settle(seller, id, [[later, '60.00']])
    expect(part.body).toMatchObject({ status: 409, code: 'receivable.not_due', dueOn: '2027-03-01' })
  })

  it('told of again by the bank is the receipt that is there', async () => {
    const seller = await Seller.open(world, billing)
    const first = await seller.receives('10.00', { externalId: 'stmt-7/1' })
    expect((await seller.receives('10.00', { externalId: 'stmt-7/1' })).id).toBe(first.id)
    const together = await Promise.all(Array.from({ length: 6 }, () => seller.receives('10.00', { externalId: 'stmt-7/2' })))
    expect(new Set(together.map(({ id }) => id)).size).toBe(1)
    const body = { accountId: seller.accountId, amount: yuan('11.00'), receivedOn: '2026-11-20', externalId: 'stmt-7/1' }
    expect((await seller.fred.call(recordReceipt, { body })).body).toMatchObject({
      status: 409,
      code: 'receipt.differs',
      receiptId: first.id,
    })
    expect((await seller.fred.does(listReceipts)).data).toHaveLength(2)
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ unapplied: { booked: '20.00', credit: '20.00' } }] })
  })

  it.each([
    ['negative', yuan('-1.00'), 'money.negative'],
    ['nothing', yuan('0.00'), 'billing.zero_amount'],
    ['more precise than fen', yuan('10.005'), 'money.too_precise'],
    ['beyond every column', yuan('92233720368547758.08'), 'money.too_large'],
    ['of no currency', { amount: '1', currency: 'XXX' }, 'money.unknown_currency'],
    ['a number of JSON', { amount: 1, currency: 'CNY' }, 'field.invalid_type'],
    ['in exponents', yuan('1e3'), 'money.malformed'],
  ])('is refused when it is %s', async (_, amount, code) => {
    const seller = await Seller.open(world, billing)
    const answer = await seller.fred.call(recordReceipt, { body: { accountId: seller.accountId, amount, receivedOn: '2026-11-20' } })
    expect([answer.status, answer.body.errors[0].code]).toEqual([400, code])
    expect((await seller.fred.does(listReceipts)).data).toEqual([])
  })

  it('is refused for an unknown account, a day that does not exist, and fields that do not', async () => {
    const seller = await Seller.open(world, billing)
    const status = async (change: object) =>
      (
        await seller.fred.call(recordReceipt, {
          body: { accountId: seller.accountId, amount: yuan('1.00'), receivedOn: '2026-11-20', ...change },
        })
      ).status
    expect(await status({ accountId: newId('account') })).toBe(422)
    expect(await status({ receivedOn: '2026-02-29' })).toBe(400)
    expect(await status({ credit: yuan('1.00') })).toBe(400)
    expect(await status({ reference: 'x'.repeat(201) })).toBe(400)
    const stranger = await Seller.open(world, billing)
    expect(await status({ accountId: stranger.accountId })).toBe(422)
  })

  it('of amounts as large as can be does not upset the books', async () => {
    const seller = await Seller.open(world, billing)
    await seller.receives('92233720368547758.07')
    await seller.receives('92233720368547758.07')
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ debit: '184467440737095516.14' }] })
  })
})

describe('settling by hand', () => {
  it('pays what is named, no more than is open and no more than there is', async () => {
    const seller = await Seller.open(world, billing)
    const { id } = await seller.receives('100.00')
    const [one, two] = [await seller.owes('60.00'), await seller.owes('90.00')]
    const unbilled = await seller.owes('10.00')
    await seller.invoices(one, two)
    await unsettle(seller, id)
    const refused = async (...allocations: [Id<'receivable'>, string][]) => {
      const { body } = await settle(seller, id, allocations)
      return [body.status, body.code]
    }
    expect(await refused([one, '60.01'])).toEqual([409, 'receivable.over_settled'])
    expect(await refused([one, '60.00'], [two, '40.01'])).toEqual([409, 'receipt.over_allocated'])
    expect(await refused([unbilled, '10.00'])).toEqual([409, 'receivable.not_invoiced'])
    expect(await refused([newId('receivable'), '1.00'])).toEqual([422, 'reference.unknown'])
    expect(await refused([one, '1.00'], [one, '2.00'])).toEqual([400, 'request.invalid'])
    expect(await refused([one, '0.00'])).toEqual([400, 'request.invalid'])
    const answer = await settle(seller, id, [
      [two, '70.00'],
      [one, '10.00'],
    ])
    expect(answer.body).toMatchObject({ credit: yuan('20.00') })
    expect(answer.body.allocations).toHaveLength(2)
    expect(await seller.receivable(two)).toMatchObject({ status: 'partly_settled', open: yuan('20.00') })
    expect((await settle(seller, id)).body).toMatchObject({ credit: yuan('0.00') })
    expect(await seller.receivable(two)).toMatchObject({ status: 'settled' })
    expect((await settle(seller, id)).body).toMatchObject({ credit: yuan('0.00') })
    expect((await settle(seller, id, [[one, '1.00']])).body.code).toBe('receipt.over_allocated')
    expect(await seller.check()).toMatchObject({ balanced: true })
  })

  it('does not pay for another customer or in another currency', async () => {
    const seller = await Seller.open(world, billing)
    const other = newId('account')
    await seller.announce(other, 'Other Ltd')
    const theirs = await seller.owes('50.00', signedOn, { accountId: other })
    const dollars = await seller.owes('50.00', signedOn, { currency: 'USD' })
    await seller.invoices(theirs)
    await seller.invoices(dollars)
    const { id, credit } = await seller.receives('50.00')
    expect(credit).toEqual(yuan('50.00'))
    expect((await settle(seller, id, [[theirs, '50.00']])).body).toMatchObject({ status: 409, code: 'receipt.other_account' })
    expect((await settle(seller, id, [[dollars, '50.00']])).body).toMatchObject({ status: 409, code: 'receipt.other_currency' })
    expect(await seller.check()).toMatchObject({ balanced: true })
  })

  it('is for finance; a rep sees what her customers paid', async () => {
    const seller = await Seller.open(world, billing)
    const { id } = await seller.receives('50.00')
    const { amy, bob, eva, mona } = seller.company
    const status = async (person: typeof amy) => (await billing.as(person).call(getReceipt, { params: { id } })).status
    expect([await status(amy), await status(mona), await status(eva), await status(bob)]).toEqual([200, 200, 200, 404])
    expect(await status((await world.company()).fred)).toBe(404)
    for (const person of [amy, mona, eva]) {
      expect((await billing.as(person).call(settleReceipt, { params: { id }, body: {} })).status).toBe(403)
      expect((await billing.as(person).call(unsettleReceipt, { params: { id } })).status).toBe(403)
    }
  })
})

describe('undoing a settlement', () => {
  it('opens the receivables again, gives the credit back and reverses what was booked', async () => {
    const seller = await Seller.open(world, billing)
    const [one, two] = [await seller.owes('60.00', '2026-11-01'), await seller.owes('90.00', '2026-11-02')]
    await seller.invoices(one, two)
    const { id } = await seller.receives('100.00')
    const before = await seller.toldNames()
    const undone = await unsettle(seller, id)
    expect(undone.body).toMatchObject({ credit: yuan('100.00'), allocations: [], version: 3 })
    expect(await seller.receivable(one)).toMatchObject({ status: 'due', open: yuan('60.00'), settled: yuan('0.00') })
    expect(await seller.receivable(two)).toMatchObject({ status: 'due', open: yuan('90.00') })
    const told = await seller.told()
    expect(told.map(({ name }) => name).sort()).toEqual(
      [...before, 'receipt.unsettled', 'receivable.reopened', 'receivable.reopened'].sort(),
    )
    expect(told.find(({ name }) => name === 'receipt.unsettled')!.payload).toMatchObject({
      allocations: [
        { receivableId: one, amount: yuan('60.00') },
        { receivableId: two, amount: yuan('40.00') },
      ],
      credit: yuan('100.00'),
    })
    expect(await seller.check()).toMatchObject({
      balanced: true,
      currencies: [{ receivable: { booked: '150.00', open: '150.00' }, unapplied: { booked: '100.00', credit: '100.00' } }],
    })
    expect((await unsettle(seller, id)).body).toMatchObject({ status: 409, code: 'receipt.not_settled' })
    expect((await settle(seller, id)).body).toMatchObject({ credit: yuan('0.00') })
    expect(await seller.check()).toMatchObject({ balanced: true })
  })

  it('has one winner when several do it at once', async () => {
    const seller = await Seller.open(world, billing)
    await seller.invoices(await seller.owes('60.00'))
    const { id } = await seller.receives('60.00')
    const answers = await Promise.all(Array.from({ length: 6 }, () => unsettle(seller, id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409])
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ unapplied: { credit: '60.00' } }] })
  })

  it('leaves what others paid', async () => {
    const seller = await Seller.open(world, billing)
    const owed = await seller.owes('100.00')
    await seller.invoices(owed)
    const first = await seller.receives('40.00')
    await seller.receives('60.00')
    await unsettle(seller, first.id)
    expect(await seller.receivable(owed)).toMatchObject({ status: 'partly_settled', settled: yuan('60.00'), open: yuan('40.00') })
  })
})

describe('racing', () => {
  it('twenty receipts at once never pay more than is open, and none is lost', async () => {
    const seller = await Seller.open(world, billing)
    const { instalments } = await seller.signs({
      total: '100.00',
      terms: [
        { amount: yuan('40.00'), daysAfterSigning: 0 },
        { amount: yuan('35.00'), daysAfterSigning: 1 },
        { amount: yuan('25.00'), daysAfterSigning: 2 },
      ],
    })
    await seller.invoices(...instalments.map(({ id }) => id))
    const receipts = await Promise.all(Array.from({ length: 20 }, (_, n) => seller.receives(`${n + 1}.00`)))
    const owed = await Promise.all(instalments.map(({ id }) => seller.receivable(id)))
    expect(owed.map(({ status }) => status)).toEqual(['settled', 'settled', 'settled'])
    const paid = receipts
      .flatMap(({ allocations }) => allocations)
      .reduce((sum, { amount }) => sum + BigInt(amount.amount.replace('.', '')), 0n)
    expect(paid).toBe(10_000n)
    expect(await seller.check()).toMatchObject({
      balanced: true,
      currencies: [{ receivable: { booked: '0.00', open: '0.00' }, unapplied: { booked: '110.00', credit: '110.00' } }],
    })
  })

  it('two receipts by hand for the same receivable have one winner', async () => {
    const seller = await Seller.open(world, billing)
    const receipts = [await seller.receives('50.00'), await seller.receives('50.00')]
    const owed = await seller.owes('50.00')
    await seller.invoices(owed)
    for (const { id } of receipts) await unsettle(seller, id)
    const answers = await Promise.all(receipts.map(({ id }) => settle(seller, id, [[owed, '50.00']])))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)!.body.code).toBe('receivable.closed')
  })

  it('paying, undoing, crediting and invoicing at once leaves books that hold', async () => {
    const seller = await Seller.open(world, billing)
    const owed = await Promise.all(Array.from({ length: 6 }, () => seller.owes('30.00')))
    const receipts = await Promise.all([seller.receives('45.00'), seller.receives('45.00')])
    const answers = await Promise.all([
      ...owed.map((id) => seller.invoices(id).then(() => 201)),
      ...receipts.map(async ({ id }) => (await unsettle(seller, id)).status),
      seller.receives('20.00').then(() => 201),
      seller.receives('30.00').then(() => 201),
    ])
    expect(answers.every((status) => status < 500)).toBe(true)
    expect(await seller.check()).toMatchObject({ balanced: true, series: [{ issued: 6, last: 6 }] })
  })
})
