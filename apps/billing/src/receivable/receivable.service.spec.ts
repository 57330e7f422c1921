import { getLegalEntity, changeLegalEntity, listLegalEntities, listReceivables, readAudit, writeOffReceivable } from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { Seller, yuan } from '../billing.fixture.js'
import { billingService } from '../billing.module.js'
import { ReceivableService } from './receivable.service.js'

let world: World
let billing: TestService
const noon = new Date('2026-11-20T04:00:00Z')

beforeAll(async () => {
  world = await aWorld()
  billing = await world.start(billingService)
})
beforeEach(() => billing.clock.set(noon))
afterAll(() => world.stop())

const dayBreaks = () => billing.app.get(ReceivableService).fallDue()

describe('the day comes', () => {
  it('for a receivable when it comes at the seller’s, and is told once', async () => {
    const shanghai = await Seller.open(world, billing, 'Asia/Shanghai')
    const newYork = await Seller.open(world, billing, 'America/New_York')
    const [east, west] = [await shanghai.owes('113.00', '2026-12-01'), await newYork.owes('113.00', '2026-12-01')]
    billing.clock.set(new Date('2026-11-30T15:59:59Z'))
    await dayBreaks()
    expect((await shanghai.receivable(east)).status).toBe('planned')
    billing.clock.set(new Date('2026-11-30T16:00:01Z'))
    await dayBreaks()
    await dayBreaks()
    expect(await shanghai.receivable(east)).toMatchObject({ status: 'due', version: 2, overdue: false })
    expect((await newYork.receivable(west)).status).toBe('planned')
    expect(await shanghai.toldNames()).toEqual(['collection_plan.made', 'receivable.due'])
    const due = (await shanghai.told()).find(({ name }) => name === 'receivable.due')!
    expect(due.payload).toMatchObject({ receivableId: east, amount: yuan('113.00'), open: yuan('113.00'), dueOn: '2026-12-01' })
    expect(due.journeyId).toBe((await shanghai.receivable(east)).journeyId)
    const { data } = await billing.as(shanghai.company.ada).does(readAudit, { params: { id: east } })
    expect(data[1]).toMatchObject({ action: 'update', change: { status: { from: 'planned', to: 'due' } } })
  })

  it('is caught up with after a long sleep, for all there is and for every company', async () => {
    const [one, two] = [await Seller.open(world, billing), await Seller.open(world, billing)]
    const monthly = Array.from({ length: 12 }, (_, n) => ({ amount: yuan('1.00'), dueOn: `2027-${String(n + 1).padStart(2, '0')}-15` }))
    await one.signs({ total: '12.00', terms: monthly })
    await two.signs({ total: '12.00', terms: monthly })
    billing.clock.set(new Date('2027-07-01T00:00:00Z'))
    await Promise.all([dayBreaks(), dayBreaks()])
    for (const seller of [one, two]) {
      const { data } = await seller.fred.does(listReceivables, { query: { status: 'due', sort: 'dueOn' } })
      expect(data.map(({ dueOn }: { dueOn: string }) => dueOn)).toEqual(monthly.slice(0, 6).map(({ dueOn }) => dueOn))
      expect((await seller.toldNames()).filter((name) => name === 'receivable.due')).toHaveLength(6)
    }
  })

  it('for more of them than one transaction takes', async () => {
    const seller = await Seller.open(world, billing)
    const { contractId } = await seller.signs({
      total: '5.01',
      vat: 0,
      terms: Array.from({ length: 501 }, () => ({ amount: yuan('0.01'), dueOn: '2026-12-01' })),
    })
    billing.clock.set(new Date('2026-12-01T04:00:00Z'))
    await dayBreaks()
    const { data } = await seller.fred.does(listReceivables, { query: { contractId, status: 'planned' } })
    expect(data).toEqual([])
    expect((await seller.toldNames()).filter((name) => name === 'receivable.due')).toHaveLength(501)
  })

  it('counts for the default legal entity’s zone as it is now', async () => {
    const seller = await Seller.open(world, billing, 'Asia/Shanghai')
    const id = await seller.owes('113.00', '2026-12-01')
    const { data } = await seller.fred.does(listLegalEntities)
    const params = { id: data[0].id as Id<'legal_entity'> }
    await seller.fred.does(changeLegalEntity, { params, body: { zone: 'Pacific/Honolulu' }, headers: { 'if-match': '"1"' } })
    expect((await seller.fred.does(getLegalEntity, { params })).zone).toBe('Pacific/Honolulu')
    billing.clock.set(new Date('2026-12-01T09:00:00Z'))
    await dayBreaks()
    expect((await seller.receivable(id)).status).toBe('planned')
    billing.clock.set(new Date('2026-12-01T10:00:01Z'))
    await dayBreaks()
    expect((await seller.receivable(id)).status).toBe('due')
  })
})

describe('listing receivables', () => {
  it('filters by account, contract, status, day, owner and what is overdue, and sorts by day', async () => {
    const seller = await Seller.open(world, billing)
    const other = newId('account')
    const late = await seller.owes('10.00', '2026-11-10')
    const today = await seller.owes('20.00', '2026-11-20')
    const later = await seller.owes('30.00', '2027-01-10', { accountId: other, ownerId: seller.company.bob.id })
    const list = async (query: Record<string, unknown>) =>
      (await seller.fred.does(listReceivables, { query })).data.map(({ id }: { id: string }) => id)
    expect(await list({ sort: 'dueOn' })).toEqual([late, today, later])
    expect(await list({ sort: '-dueOn' })).toEqual([later, today, late])
    expect(await list({ overdue: 'true' })).toEqual([late])
    expect(await list({ overdue: 'false', sort: 'dueOn' })).toEqual([today, later])
    expect(await list({ status: 'due', sort: 'dueOn' })).toEqual([late, today])
    expect(await list({ accountId: other })).toEqual([later])
    expect(await list({ ownerId: seller.company.bob.id })).toEqual([later])
    expect(await list({ 'dueOn.gte': '2026-11-11', 'dueOn.lt': '2027-01-10' })).toEqual([today])
    expect((await seller.receivable(late)).overdue).toBe(true)
    const { data } = await seller.fred.does(listReceivables, {
      query: { accountId: seller.accountId, fields: 'id,accountName,overdue', sort: 'dueOn' },
    })
    expect(data[0]).toEqual({ id: late, accountName: '云图科技', overdue: true })
    expect((await seller.fred.call(listReceivables, { query: { 'dueOn.gte': '2026-02-30' } })).status).toBe(400)
    expect((await seller.fred.call(listReceivables, { query: { overdue: 'maybe' } })).status).toBe(400)
  })
})

describe('writing off', () => {
  it('gives up what is open, books the loss when it was invoiced, and says so', async () => {
    const seller = await Seller.open(world, billing)
    const id = await seller.owes('113.00')
    await seller.invoices(id)
    await seller.receives('13.00')
    const body = { reason: 'insolvent' }
    expect((await billing.as(seller.company.amy).call(writeOffReceivable, { params: { id }, body })).status).toBe(403)
    const lost = await seller.fred.does(writeOffReceivable, { params: { id }, body })
    expect(lost).toMatchObject({ status: 'written_off', open: yuan('0.00'), settled: yuan('13.00'), overdue: false })
    expect((await seller.told()).find(({ name }) => name === 'receivable.written_off')!.payload).toMatchObject({
      writtenOff: yuan('100.00'),
      open: yuan('0.00'),
      reason: 'insolvent',
    })
    expect(await seller.check()).toMatchObject({ balanced: true, currencies: [{ receivable: { booked: '0.00', open: '0.00' } }] })
    const again = await seller.fred.call(writeOffReceivable, { params: { id }, body })
    expect(again.body).toMatchObject({ status: 409, code: 'receivable.illegal_move', from: 'written_off' })
  })

  it('books nothing for what was never invoiced, and is not for what is not due', async () => {
    const seller = await Seller.open(world, billing)
    const body = { reason: 'too small' }
    const due = await seller.owes('1.00')
    expect((await seller.fred.does(writeOffReceivable, { params: { id: due }, body })).status).toBe('written_off')
    const later = await seller.owes('1.00', '2027-03-01')
    expect((await seller.fred.call(writeOffReceivable, { params: { id: later }, body })).body.code).toBe('receivable.illegal_move')
    expect((await seller.fred.call(writeOffReceivable, { params: { id: later }, body: { reason: ' ' } })).status).toBe(400)
    expect((await seller.fred.call(writeOffReceivable, { params: { id: newId('receivable') }, body })).status).toBe(404)
    expect(await seller.check()).toMatchObject({ balanced: true })
  })
})
