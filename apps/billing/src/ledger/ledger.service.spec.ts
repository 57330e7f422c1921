import {
  checkLedger,
  creditInvoice,
  listInvoices,
  listLedgerBalances,
  listLedgerEntries,
  listReceipts,
  listReceivables,
  settleReceipt,
  unsettleReceipt,
  writeOffReceivable,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { inTenant } from '@millrace/service'
import { asSuperuser, aWorld, type TestService, type World } from '@millrace/testing'
import fc from 'fast-check'
import { Seller, yuan } from '../billing.fixture.js'
import { billingService } from '../billing.module.js'
import { ReceivableService } from '../receivable/receivable.service.js'

let world: World
let billing: TestService
let database: string

beforeAll(async () => {
  world = await aWorld()
  billing = await world.start(billingService)
  const { rows } = await billing.database.pool.query<{ name: string }>('SELECT current_database() AS name')
  database = rows[0]!.name
})
beforeEach(() => billing.clock.set(new Date('2026-11-20T04:00:00Z')))
afterAll(() => world.stop())

describe('the ledger', () => {
  it('has an entry for each thing that happened, and balances that are their sums', async () => {
    const seller = await Seller.open(world, billing)
    const receivable = await seller.owes('113.00')
    const { id: invoiceId } = await seller.invoices(receivable)
    const { id: receiptId } = await seller.receives('150.00')
    await seller.fred.does(unsettleReceipt, { params: { id: receiptId } })
    const { data } = await seller.fred.does(listLedgerEntries, { query: { accountId: seller.accountId, sort: 'id' } })
    expect(data.map(({ kind, sourceId }: Record<string, string>) => [kind, sourceId])).toEqual([
      ['invoice', invoiceId],
      ['receipt', receiptId],
      ['settlement', receiptId],
      ['settlement_undone', receiptId],
    ])
    expect(data[3].reverses).toBe(data[2].id)
    expect(data[0].postings).toEqual([
      { ledgerAccount: 'accounts_receivable', side: 'debit', amount: yuan('113.00'), receivableId: receivable },
      { ledgerAccount: 'revenue', side: 'credit', amount: yuan('100.00'), receivableId: receivable },
      { ledgerAccount: 'tax_payable', side: 'credit', amount: yuan('13.00'), receivableId: receivable },
    ])
    const found = async (query: Record<string, string>) => (await seller.fred.does(listLedgerEntries, { query })).data.length
    expect(await found({ sourceId: receiptId })).toBe(3)
    expect(await found({ kind: 'receipt', occurredOn: '2026-11-20' })).toBe(1)
    expect(await found({ 'occurredOn.gt': '2026-11-20' })).toBe(0)
    expect(await found({ accountId: newId('account') })).toBe(0)
    const balances = await seller.fred.does(listLedgerBalances, { query: { accountId: seller.accountId } })
    expect(balances.data.map(({ ledgerAccount, balance }: Record<string, string>) => [ledgerAccount, balance]).sort()).toEqual([
      ['accounts_receivable', '113.00'],
      ['bank', '150.00'],
      ['revenue', '-100.00'],
      ['tax_payable', '-13.00'],
      ['unapplied_receipts', '-150.00'],
    ])
    const { data: fields } = await seller.fred.does(listLedgerEntries, { query: { fields: 'id,kind', limit: 1 } })
    expect(Object.keys(fields[0]).sort()).toEqual(['id', 'kind'])
  })

  it('pages through its balances', async () => {
    const seller = await Seller.open(world, billing)
    for (const name of ['One', 'Two', 'Three']) {
      const accountId = newId('account')
      await seller.announce(accountId, name)
      await billing.settled()
      await seller.receives('5.00', { accountId })
    }
    const first = await seller.fred.does(listLedgerBalances, { query: { ledgerAccount: 'bank', limit: 2, sort: 'id' } })
    expect(first.data).toHaveLength(2)
    const rest = await seller.fred.does(listLedgerBalances, { query: { ledgerAccount: 'bank', limit: 2, sort: 'id', cursor: first.next } })
    expect(rest).toMatchObject({ data: [{ balance: '5.00', currency: 'CNY' }], next: null })
  })

  it('is read by finance and executives only, each of their own company', async () => {
    const seller = await Seller.open(world, billing)
    await seller.receives('5.00')
    const { amy, mona, eva, fred } = seller.company
    for (const operation of [listLedgerEntries, listLedgerBalances, checkLedger]) {
      for (const person of [amy, mona]) expect((await billing.as(person).call(operation)).status).toBe(403)
      for (const person of [eva, fred]) expect((await billing.as(person).call(operation)).status).toBe(200)
    }
    const stranger = billing.as((await world.company()).ada)
    expect((await stranger.does(listLedgerEntries)).data).toEqual([])
    expect((await stranger.does(listLedgerBalances)).data).toEqual([])
    expect(await stranger.does(checkLedger)).toEqual({ balanced: true, currencies: [], series: [] })
  })
})

describe('the database', () => {
  it('refuses to change or delete what is booked', async () => {
    const seller = await Seller.open(world, billing)
    await seller.receives('5.00')
    for (const sql of [
      'UPDATE posting SET amount_minor = 1',
      'DELETE FROM posting',
      'UPDATE journal_entry SET kind = kind',
      'DELETE FROM journal_entry',
    ]) {
      const asApplication = inTenant(seller.company.tenantId, () => billing.database.query(sql))
      await expect(asApplication).rejects.toThrow('permission denied')
      await expect(asSuperuser((client) => client.query(sql), database)).rejects.toThrow('append-only')
    }
    await expect(asSuperuser((client) => client.query('TRUNCATE posting'), database)).rejects.toThrow('append-only')
  })

  it('refuses an entry that does not balance, is empty, or grows afterwards', async () => {
    const seller = await Seller.open(world, billing)
    await seller.receives('5.00')
    const run = (sql: string) => inTenant(seller.company.tenantId, () => billing.database.query(sql))
    const entry = (id: string) =>
      `INSERT INTO journal_entry (id, kind, source_id, account_id, occurred_on, created_at) VALUES ('${id}', 'settlement', 's', 'a', '2026-11-20', now()) RETURNING id`
    await expect(run(entry('empty'))).rejects.toThrow('are not equal')
    const postings = `INSERT INTO posting (id, entry_id, position, ledger_account, side, amount_minor, amount_currency, account_id)`
    await expect(
      run(
        `WITH e AS (${entry('lopsided')}) ${postings} SELECT 'p' || n, 'lopsided', n, 'bank', CASE n WHEN 1 THEN 'debit' ELSE 'credit' END, n, 'CNY', 'a' FROM generate_series(1, 2) AS n`,
      ),
    ).rejects.toThrow('are not equal')
    await expect(
      run(
        `WITH e AS (${entry('mixed')}) ${postings} VALUES ('p1', 'mixed', 1, 'bank', 'debit', 5, 'CNY', 'a'), ('p2', 'mixed', 2, 'bank', 'credit', 5, 'USD', 'a')`,
      ),
    ).rejects.toThrow('are not equal')
    await expect(
      run(`${postings} SELECT 'later', id, 9, 'bank', 'debit', 5, 'CNY', account_id FROM journal_entry LIMIT 1`),
    ).rejects.toThrow('are not equal')
    await run(
      `WITH e AS (${entry('good')}) ${postings} VALUES ('p1', 'good', 1, 'bank', 'debit', 5, 'CNY', 'a'), ('p2', 'good', 2, 'bank', 'credit', 5, 'CNY', 'a')`,
    )
  })
})

describe('the check', () => {
  it('notices receivables, receipts and numbers that do not fit the books', async () => {
    const seller = await Seller.open(world, billing)
    const receivable = await seller.owes('113.00')
    await seller.invoices(receivable)
    await seller.receives('5.00', { accountId: seller.accountId, reference: 'nothing' })
    const { tenantId } = seller.company
    const broken = async (damage: string, repair: string) => {
      const run = (sql: string) => inTenant(tenantId, () => billing.database.query(sql))
      await run(damage)
      const { balanced } = await seller.check()
      await run(repair)
      expect(await seller.check()).toMatchObject({ balanced: true })
      return balanced
    }
    const shift = (sign: string) =>
      `UPDATE receivable SET settled_minor = settled_minor ${sign} 1, open_minor = open_minor ${sign === '+' ? '-' : '+'} 1`
    expect(await broken(shift('+'), shift('-'))).toBe(false)
    expect(await broken('UPDATE receipt SET credit_minor = credit_minor + 1', 'UPDATE receipt SET credit_minor = credit_minor - 1')).toBe(
      false,
    )
    expect(await broken('UPDATE invoice_series SET last = last + 1', 'UPDATE invoice_series SET last = last - 1')).toBe(false)
  })
})

type Step = {
  readonly kind: 'sign' | 'issue' | 'receive' | 'settle' | 'undo' | 'credit' | 'reverse' | 'write off' | 'a month'
  readonly pick: number
  readonly fen: number
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step['kind']>(
    'sign',
    'issue',
    'issue',
    'receive',
    'receive',
    'settle',
    'undo',
    'credit',
    'reverse',
    'write off',
    'a month',
  ),
  pick: fc.nat(1_000),
  fen: fc.integer({ min: 1, max: 9_999 }),
})

it('holds after anything that can happen, in any order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 30 }), async (steps) => {
      billing.clock.set(new Date('2026-11-20T04:00:00Z'))
      const seller = await Seller.open(world, billing)
      for (const { kind, pick, fen } of [{ kind: 'sign', pick: 0, fen: 9_999 } as const, ...steps]) {
        const answer = await happens(seller, kind, pick, `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`)
        if (answer && answer.status >= 300) expect([409, 422]).toContain(answer.status)
        const check = await seller.check()
        expect({ kind, pick, fen, ...check }).toMatchObject({ balanced: true })
        for (const { debit, credit, receivable, unapplied } of check.currencies) {
          expect(debit).toBe(credit)
          expect(receivable.booked).toBe(receivable.open)
          expect(unapplied.booked).toBe(unapplied.credit)
        }
      }
    }),
    { numRuns: 8 },
  )
})

async function happens(seller: Seller, kind: Step['kind'], pick: number, amount: string): Promise<{ status: number } | undefined> {
  const { fred } = seller
  const one = async (list: typeof listReceivables | typeof listInvoices | typeof listReceipts, query: Record<string, unknown> = {}) => {
    const { data } = await fred.does(list as typeof listReceivables, { query: { limit: 200, sort: 'id', ...query } })
    return data.length ? data[pick % data.length] : undefined
  }
  if (kind === 'sign') {
    await seller.signs({
      total: amount,
      vat: pick % 20,
      terms: [
        { share: '40', daysAfterSigning: 0 },
        { share: '60', daysAfterSigning: 60 },
      ],
    })
    return undefined
  }
  if (kind === 'a month') {
    billing.clock.advance({ days: 30 })
    await billing.app.get(ReceivableService).fallDue()
    return undefined
  }
  if (kind === 'receive') {
    await seller.receives(amount, pick % 3 ? {} : { reference: `INV-VO-00000${pick % 10}` })
    return undefined
  }
  if (kind === 'issue') {
    const { data } = await fred.does(listReceivables, { query: { status: ['planned', 'due'], limit: 200 } })
    const free = data.filter(({ invoiceId }: { invoiceId: string | null }) => !invoiceId).slice(0, 1 + (pick % 3))
    if (free.length) await seller.invoices(...free.map(({ id }: { id: string }) => id))
    return undefined
  }
  if (kind === 'settle' || kind === 'undo') {
    const receipt = await one(listReceipts)
    return (
      receipt &&
      fred.call(kind === 'settle' ? settleReceipt : unsettleReceipt, { params: { id: receipt.id }, ...(kind === 'settle' && { body: {} }) })
    )
  }
  if (kind === 'write off') {
    const receivable = await one(listReceivables)
    return receivable && fred.call(writeOffReceivable, { params: { id: receivable.id }, body: { reason: 'lost' } })
  }
  const invoice = await one(listInvoices)
  return invoice && fred.call(creditInvoice, { params: { id: invoice.id }, body: kind === 'credit' ? { amount: yuan(amount) } : {} })
}
