import {
  acceptQuote,
  addContact,
  approveContract,
  assignLead,
  captureLead,
  convertLead,
  createProduct,
  draftContract,
  draftQuote,
  getAccount,
  getAccountOverview,
  getContact,
  getContract,
  getHandover,
  getLead,
  getOpportunity,
  getQuote,
  issueInvoice,
  listHandedRecords,
  listHandoversNeeded,
  listInvoices,
  listOrders,
  listReceivables,
  logActivity,
  prepareHandover,
  qualifyLead,
  sendQuote,
  signContract,
  startHandover,
  submitContract,
  TenantCreated,
  undoHandover,
  UserChanged,
  type Operation,
} from '@millrace/contracts'
import { billingService } from '@millrace/billing'
import { start, type RunningService } from '@millrace/service'
import { aWorld, caller, eventually, type Caller, type Company, type Person, type World } from '@millrace/testing'
import { wholePlatform, type WholePlatform } from './platform.fixture.ts'

let world: World
let platform: WholePlatform
let company: Company
let billing: RunningService

beforeAll(async () => {
  world = await aWorld()
  platform = await wholePlatform(world)
  billing = platform.running.get('billing')!
  company = await world.company()
  const { tenantId } = company
  await world.publish(tenantId, TenantCreated, tenantId, { tenantId, name: 'Cloudmap', currency: 'CNY', zone: 'Asia/Shanghai' })
  await world.events(tenantId)
})
afterAll(async () => {
  await billing?.stop()
  await (platform ?? world)?.stop()
})

const at = (person: Person): Caller => caller(platform.stage.url, () => world.token(person))

/** Starts the service again where it was, on its own database. */
async function restart({ database: { url: DATABASE_URL }, url }: RunningService): Promise<RunningService> {
  return start(billingService, { ...world.environment, DATABASE_URL, PORT: new URL(url).port })
}

/** A road of Amy's from the lead to the invoice, and a lead that she has only just caught. */
async function aBook({ amy, olga, mona, fred, tenantId }: Company) {
  const rep = at(amy)
  const product = await at(olga).does(createProduct, { body: { code: 'SEAT', name: 'CRM seat' } })
  await world.events(tenantId)
  const fresh = await rep.does(captureLead, { body: { companyName: 'Northwind Ltd', email: 'x@northwind.example' } })
  const lead = await rep.does(captureLead, { body: { companyName: '云图科技有限公司', contactName: '李雷', email: 'li@example.com' } })
  await rep.does(qualifyLead, { params: { id: lead.id } })
  const { accountId, opportunityId } = await rep.does(convertLead, {
    params: { id: lead.id },
    body: { opportunity: { title: 'CRM for 120 seats' } },
  })
  const contact = await rep.does(addContact, { body: { accountId, name: 'Han Meimei' } })
  await rep.does(logActivity, { body: { accountId, kind: 'call', subject: 'First call' } })
  await rep.does(getOpportunity, { params: { id: opportunityId } })
  const quote = await rep.does(draftQuote, {
    body: {
      opportunityId,
      currency: 'CNY',
      lines: [{ productId: product.id, quantity: '2', price: { amount: '500.00', currency: 'CNY' } }],
      vat: { rate: '13', mode: 'on_top' },
      terms: [
        { share: '40', daysAfterSigning: 0, label: 'on signing' },
        { share: '60', daysAfterSigning: 60, label: 'on acceptance' },
      ],
    },
  })
  await rep.does(sendQuote, { params: { id: quote.id } })
  await rep.does(acceptQuote, { params: { id: quote.id }, body: { signer: '李雷' } })
  const contract = await rep.does(draftContract, { body: { quoteId: quote.id } })
  await rep.does(submitContract, { params: { id: contract.id } })
  await at(mona).does(approveContract, { params: { id: contract.id } })
  await rep.does(signContract, { params: { id: contract.id }, body: { customerSigner: '李雷' } })
  await world.events(tenantId)
  const { data: receivables } = await rep.does(listReceivables, { query: { contractId: contract.id, sort: 'dueOn' } })
  await at(fred).does(issueInvoice, { body: { receivableIds: [receivables[0].id], kind: 'commercial', buyer: { name: '云图科技' } } })
  await world.events(tenantId)
  return { fresh, accountId, opportunityId, contactId: contact.id, quoteId: quote.id, contractId: contract.id }
}

it('a leaver’s book moves in one evening, and back', async () => {
  const { amy, bob, mona, olga, tenantId } = company
  const book = await aBook(company)
  const runs = at(olga)
  await world.publish(
    tenantId,
    UserChanged,
    amy.id,
    { userId: amy.id, name: amy.name, email: amy.email, unitId: amy.unitId, roles: ['sales_rep'], active: false },
    { sequence: 2 },
  )
  await world.events(tenantId)
  expect((await runs.does(listHandoversNeeded)).data).toEqual([
    { userId: amy.id, name: 'Amy', accounts: 1, contacts: 2, activities: 1, handoverId: null },
  ])

  const shows = (id: string, wanted: object) =>
    eventually(async () => {
      const handover = await runs.does(getHandover, { params: { id } })
      expect(handover).toMatchObject({ ...wanted, failure: null })
      return handover
    })
  const becomes = (id: string, status: string) => shows(id, { status, waitingFor: [] })
  const sees = async (person: Person): Promise<Record<string, boolean>> => {
    const asks = at(person)
    const seen = async (operation: Operation, id: string) => (await asks.call(operation, { params: { id } })).status === 200
    const some = async (operation: Operation, query: object) => (await asks.does(operation, { query: { ...query } })).data.length > 0
    const { contractId } = book
    const { status, body } = await asks.call(getAccountOverview, { params: { id: book.accountId } })
    return {
      'the money of the account': status === 200 && body.invoices.count > 0 && body.receivables.count > 0,
      lead: await seen(getLead, book.fresh.id),
      account: await seen(getAccount, book.accountId),
      contact: await seen(getContact, book.contactId),
      deal: await seen(getOpportunity, book.opportunityId),
      quote: await seen(getQuote, book.quoteId),
      contract: await seen(getContract, contractId),
      order: await some(listOrders, { contractId }),
      receivable: await some(listReceivables, { contractId }),
      invoice: await some(listInvoices, { accountId: book.accountId }),
    }
  }
  const comesToSee = (person: Person, wanted: object) =>
    eventually(async () => {
      expect(await sees(person)).toEqual(wanted)
      return true
    })
  const all = (yes: boolean) => Object.fromEntries(Object.keys(before).map((name) => [name, yes]))
  const before = await sees(bob)
  expect(before).toEqual(all(false))

  // Billing is down: the preview says who has not answered, and is there when it is back.
  await billing.stop()
  const { id } = await runs.does(prepareHandover, { body: { fromUserId: amy.id, toUserId: bob.id, reason: 'Amy has left' } })
  await shows(id, { status: 'preparing', waitingFor: ['billing'] })
  billing = await restart(billing)
  const preview = await becomes(id, 'ready')
  const counts = Object.fromEntries(
    preview.services.flatMap(({ nouns }: any) => nouns.map(({ noun, records, amounts }: any) => [noun, { records, amounts }])),
  )
  const worth = (amount: string) => [{ amount, currency: 'CNY' }]
  expect(counts).toEqual({
    lead: { records: 1, amounts: [] },
    account: { records: 1, amounts: [] },
    contact: { records: 2, amounts: [] },
    activity: { records: 1, amounts: [] },
    opportunity: { records: 1, amounts: worth('1130.00') },
    quote: { records: 1, amounts: worth('1130.00') },
    contract: { records: 1, amounts: worth('1130.00') },
    order: { records: 1, amounts: worth('1130.00') },
    collection_plan: { records: 1, amounts: worth('1130.00') },
    receivable: { records: 2, amounts: worth('1130.00') },
    invoice: { records: 1, amounts: worth('452.00') },
    receipt: { records: 0, amounts: [] },
  })
  const page = await runs.does(listHandedRecords, { params: { id }, query: { noun: 'contract' } })
  expect(page).toMatchObject({
    data: [{ id: book.contractId, accountId: book.accountId, toUserId: bob.id, state: 'planned', amount: worth('1130.00')[0] }],
    next: null,
  })

  // It is down again while the others move.
  await billing.stop()
  await runs.does(startHandover, { params: { id } })
  await shows(id, { status: 'moving', waitingFor: ['billing'] })
  billing = await restart(billing)
  await becomes(id, 'moved')
  await comesToSee(bob, all(true))
  expect(await sees(amy)).toEqual(all(false))
  expect((await runs.does(listHandoversNeeded)).data).toEqual([])

  // What Mona gave to somebody else meanwhile stays there.
  await at(olga).does(assignLead, { params: { id: book.fresh.id }, body: { ownerId: mona.id } })
  await runs.does(undoHandover, { params: { id } })
  const undone = await becomes(id, 'undone')
  expect(undone.log.map(({ what }: { what: string }) => what)).toEqual([
    ...['prepared', 'counted', 'started', 'rechecked', 'moved', 'taken back', 'undone'],
  ])
  await comesToSee(amy, { ...all(true), lead: false })
  const stayed = await runs.does(listHandedRecords, { params: { id }, query: { noun: 'lead', state: 'stayed' } })
  expect(stayed.data).toMatchObject([{ id: book.fresh.id, title: 'Northwind Ltd', foundUserId: mona.id }])
})
