import {
  AccountMerged,
  creditInvoice,
  getCollectionPlan,
  getInvoice,
  getReceipt,
  getReceivable,
  listLedgerBalances,
  listLedgerEntries,
  readAudit,
  unsettleReceipt,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { aWorld, type TestService, type World } from '@millrace/testing'
import { Seller, yuan } from '../billing.fixture.js'
import { billingService } from '../billing.module.js'

let world: World
let billing: TestService

beforeAll(async () => {
  world = await aWorld()
  billing = await world.start(billingService)
})
beforeEach(() => billing.clock.set(new Date('2026-11-20T04:00:00Z')))
afterAll(() => world.stop())

async function merges(seller: Seller, into: Id<'account'>): Promise<void> {
  const { accountId, company } = seller
  await world.publish(company.tenantId, AccountMerged, accountId, { accountId, into }, { sequence: 2 })
  await billing.settled()
}

/** What stands on the ledger accounts of a customer. */
async function balances(seller: Seller, accountId: string): Promise<Record<string, string>> {
  const { data } = await seller.fred.does(listLedgerBalances, { query: { accountId } })
  return Object.fromEntries(data.filter(({ balance }: any) => balance !== '0.00').map((row: any) => [row.ledgerAccount, row.balance]))
}

describe('the money of an account that became part of another one', () => {
  it('is the other one’s: plans, receivables, invoices and receipts, and in the ledger', async () => {
    const seller = await Seller.open(world, billing)
    const plan = await seller.signs({ total: '113.00', terms: [{ share: '100', dueOn: '2026-11-02' }] })
    const [receivable] = plan.instalments
    const invoice = await seller.invoices(receivable!.id)
    const receipt = await seller.receives('13.00')
    const into = newId('account')
    await seller.announce(into, 'Survivor')
    const before = await balances(seller, seller.accountId)
    await merges(seller, into)
    expect(await seller.parked()).toEqual([])

    const get = async (operation: any, id: string) => (await seller.fred.does(operation, { params: { id } })).accountId as string
    expect([
      await get(getCollectionPlan, plan.id),
      await get(getReceivable, receivable!.id),
      await get(getInvoice, invoice.id),
      await get(getReceipt, receipt.id),
    ]).toEqual([into, into, into, into])
    expect(await balances(seller, into)).toEqual(before)
    expect(await seller.check()).toMatchObject({ balanced: true })
    const { data } = await seller.fred.does(listLedgerEntries, { query: { kind: 'account_merged' } })
    expect(data.map(({ accountId, sourceId }: any) => [accountId, sourceId]).sort()).toEqual(
      [
        [seller.accountId, seller.accountId],
        [into, seller.accountId],
      ].sort(),
    )
    const audit = await billing.as(seller.company.ada).does(readAudit, { params: { id: receipt.id } })
    expect(audit.data.at(-1).change).toEqual({ accountId: { from: seller.accountId, to: into } })

    await seller.fred.does(unsettleReceipt, { params: { id: receipt.id } })
    await seller.fred.does(creditInvoice, { params: { id: invoice.id }, body: { amount: yuan('3.00') } })
    expect(await seller.check()).toMatchObject({
      balanced: true,
      currencies: [{ receivable: { booked: '110.00', open: '110.00' }, unapplied: { booked: '13.00', credit: '13.00' } }],
    })
    expect(await balances(seller, seller.accountId)).toEqual({})
  })

  it('comes to the other one also when a contract or a receipt still names the one that went', async () => {
    const seller = await Seller.open(world, billing)
    const into = newId('account')
    await seller.announce(into, 'Survivor')
    await merges(seller, into)
    const owed = await seller.owes('50.00')
    await seller.invoices(owed)
    expect(await seller.receives('50.00')).toMatchObject({
      accountId: into,
      accountName: 'Survivor',
      allocations: [{ receivableId: owed }],
    })
    expect(await seller.check()).toMatchObject({ balanced: true })
    expect(await balances(seller, seller.accountId)).toEqual({})
  })
})
