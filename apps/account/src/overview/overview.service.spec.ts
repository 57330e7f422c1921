import {
  addContact,
  assignAccount,
  CollectionPlanHandedOver,
  CollectionPlanMade,
  ContractDrafted,
  ContractSigned,
  getAccountOverview,
  getInvoice,
  InvoiceCredited,
  InvoiceHandedOver,
  InvoiceIssued,
  LeadConverted,
  logActivity,
  openAccount,
  OpportunityChanged,
  OpportunityLost,
  OpportunityOpened,
  OpportunityWon,
  OrderPlaced,
  QuoteDrafted,
  QuoteSent,
  ReceiptHandedOver,
  ReceiptRecorded,
  ReceiptSettled,
  ReceivableDue,
  ReceivableSettled,
  StageEntered,
  type EventType,
  type Sent,
} from '@millrace/contracts'
import { Money, newId, type CalendarDate, type Id } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(() => service.clock.set(new Date('2026-11-20T04:00:00Z')))

interface Told {
  readonly event: EventType
  readonly subject: string
  readonly payload: any
  readonly sequence: number
  readonly at: Date
}

const cny = (amount: string) => Money.parse(amount, 'CNY')
const eur = (amount: string) => Money.parse(amount, 'EUR')
const on = (day: string) => day as CalendarDate
const at = (day: string) => new Date(`${day}T08:00:00Z`)
const told = <E extends EventType>(event: E, subject: string, sequence: number, day: string, payload: Sent<E>): Told => ({
  ...{ event, subject, payload, sequence, at: at(day) },
})

const stage = (name: string) => ({ key: name.toLowerCase(), name })

function aDeal(accountId: Id<'account'> | null, ownerId: Id<'user'> | null, given: object = {}): Sent<typeof OpportunityOpened> {
  return {
    opportunityId: newId('opportunity'),
    title: 'CRM for 120 seats',
    accountId,
    ownerId,
    processId: newId('process'),
    stage: stage('Contact'),
    amount: cny('1000.00'),
    products: [],
    expectedCloseOn: on('2026-12-31'),
    source: null,
    probability: '10',
    ...given,
  }
}

/** One deal from the lead to the money, and what else there is of the account. */
function aStory(accountId: Id<'account'>, ownerId: Id<'user'> | null): Told[] {
  const won = aDeal(accountId, ownerId)
  const { opportunityId } = won
  const open = aDeal(accountId, ownerId, { title: 'More seats', amount: eur('50.50') })
  const lost = aDeal(accountId, ownerId, { title: 'Training', amount: null })
  const leadId = newId('lead')
  const quote = { quoteId: newId('quote'), number: 'Q-1', version: 1, opportunityId, accountId, ownerId, total: cny('1000.00') }
  const contract = {
    ...{ contractId: newId('contract'), number: 'C-1', quoteId: quote.quoteId, opportunityId, accountId, ownerId, total: cny('1000.00') },
  }
  const { contractId } = contract
  const order = { orderId: newId('order'), number: 'O-1', contractId, opportunityId, accountId, ownerId, total: cny('1000.00'), lines: [] }
  const [first, second, dropped] = [newId('receivable'), newId('receivable'), newId('receivable')]
  const plan = { planId: newId('collection_plan'), contractId, accountId, ownerId, total: cny('1000.00') }
  const part = (receivableId: Id<'receivable'>, number: number, amount: string, dueOn: string) => ({
    ...{ receivableId, number, label: `Part ${number}`, amount: cny(amount), dueOn: on(dueOn) },
  })
  const owed = { receivableId: first, contractId, accountId, ownerId, amount: cny('600.00'), dueOn: on('2026-11-10') }
  const invoice = { invoiceId: newId('invoice'), number: 'INV-1', accountId, total: cny('600.00'), issuedOn: on('2026-11-08') }
  const receipt = { receiptId: newId('receipt'), accountId, ownerId }
  return [
    told(LeadConverted, leadId, 5, '2026-11-01', {
      ...{ leadId, ownerId: ownerId ?? newId('user'), account: { id: accountId, name: '云图', isNew: false }, source: 'Fair' },
      contact: { id: newId('contact'), name: '李雷', email: null, phone: null, isNew: false },
      opportunity: { id: opportunityId, title: won.title, amount: null, isNew: true },
    }),
    told(OpportunityOpened, opportunityId, 1, '2026-11-01', won),
    told(StageEntered, opportunityId, 2, '2026-11-03', {
      ...{ opportunityId, processId: won.processId, from: stage('Contact'), to: stage('Offer'), direction: 'forward', skipped: [] },
      probability: '60',
    }),
    told(OpportunityWon, opportunityId, 3, '2026-11-06', {
      ...{ opportunityId, processId: won.processId, stage: stage('Signed'), amount: cny('1000.00'), contractId, exemption: null },
    }),
    told(OpportunityOpened, open.opportunityId, 1, '2026-11-07', open),
    told(OpportunityOpened, lost.opportunityId, 1, '2026-11-04', lost),
    told(OpportunityLost, lost.opportunityId, 2, '2026-11-05', {
      ...{ opportunityId: lost.opportunityId, processId: lost.processId, stage: lost.stage, reason: 'price', competitor: null },
    }),
    told(QuoteDrafted, quote.quoteId, 1, '2026-11-03', quote),
    told(QuoteSent, quote.quoteId, 2, '2026-11-04', quote),
    told(ContractDrafted, contractId, 1, '2026-11-05', contract),
    told(ContractSigned, contractId, 2, '2026-11-06', {
      ...{ ...contract, signedOn: on('2026-11-06'), signedAt: at('2026-11-06'), customerSigner: '李雷', lines: [] },
      terms: [{ share: '100', amount: null, dueOn: null, daysAfterSigning: 0, label: 'All' }],
    }),
    told(OrderPlaced, order.orderId, 1, '2026-11-06', order),
    told(CollectionPlanMade, plan.planId, 1, '2026-11-06', { ...plan, instalments: [part(dropped, 1, '1000.00', '2026-11-01')] }),
    told(CollectionPlanMade, plan.planId, 2, '2026-11-06', {
      ...plan,
      instalments: [part(first, 1, '600.00', '2026-11-10'), part(second, 2, '400.00', '2026-12-10')],
    }),
    told(ReceivableDue, first, 2, '2026-11-10', { ...owed, open: cny('600.00') }),
    told(ReceivableSettled, first, 3, '2026-11-15', { ...owed, open: cny('350.01') }),
    told(InvoiceIssued, invoice.invoiceId, 1, '2026-11-08', {
      ...{ ...invoice, legalEntityId: newId('legal_entity'), ownerId, receivableIds: [first] },
    }),
    told(InvoiceCredited, invoice.invoiceId, 2, '2026-11-09', {
      ...{ ...invoice, creditNoteId: newId('invoice'), number: 'CN-1', total: cny('0.01') },
    }),
    told(ReceiptRecorded, receipt.receiptId, 1, '2026-11-15', {
      ...{ ...receipt, amount: cny('249.99'), receivedOn: on('2026-11-15'), reference: 'INV-1' },
    }),
    told(ReceiptSettled, receipt.receiptId, 2, '2026-11-15', {
      ...{ ...receipt, allocations: [{ receivableId: first, amount: cny('249.00') }], credit: cny('0.99') },
    }),
  ]
}

async function tell({ tenantId }: Company, events: readonly Told[]): Promise<void> {
  for (const { event, subject, payload, sequence, at: when } of events)
    await world.publish(tenantId, event, subject, payload as never, { sequence, at: when })
  await service.settled()
}

const open = async (person: Person, body: object) => (await service.as(person).does(openAccount, { body })) as { id: Id<'account'> }
const overviewOf = (person: Person, { id }: { id: string }) => service.as(person).does(getAccountOverview, { params: { id } })

/** The answer without what differs from one telling to the next. */
const sections = ({ account: _, asOf: _a, owner: _o, team: _t, hierarchy, ...rest }: any) => ({ ...rest, figures: hierarchy.figures })

describe('the overview of an account', () => {
  it('shows all that the company has to do with it, exactly and by currency', async () => {
    const company = await world.company()
    const { amy, bob } = company
    const account = await open(amy, { name: '云图科技有限公司' })
    await service.as(amy).does(addContact, { body: { accountId: account.id, name: '李雷', roles: ['supporter'] } })
    const call = { kind: 'call', accountId: account.id, takesPlaceAt: '2026-11-19T08:00:00Z', companions: [bob.id] }
    await service.as(amy).does(logActivity, { body: { ...call, subject: 'Late', nextStep: { text: 'Forgotten', on: '2026-11-19' } } })
    await service.as(amy).does(logActivity, { body: { ...call, subject: 'Soon', nextStep: { text: 'Send offer', on: '2026-11-20' } } })
    await tell(company, aStory(account.id, amy.id))

    const overview = await overviewOf(amy, account)
    expect(overview).toMatchObject({
      account: { id: account.id, name: '云图科技有限公司' },
      owner: { id: amy.id, name: 'Amy' },
      team: [{ id: bob.id, name: 'Bob' }],
      contacts: { count: 1, newest: [{ name: '李雷', roles: ['supporter'] }] },
      activities: {
        count: 2,
        newest: [{ subject: 'Soon' }, { subject: 'Late' }],
        nextSteps: [{ text: 'Send offer', on: '2026-11-20' }],
      },
      leads: { count: 1, newest: [{ name: '李雷', source: 'Fair', convertedAt: '2026-11-01T08:00:00.000Z' }] },
      opportunities: {
        count: 3,
        open: { count: 1, amounts: [{ amount: '50.50', currency: 'EUR' }] },
        won: { count: 1, amounts: [{ amount: '1000.00', currency: 'CNY' }] },
        lost: { count: 1 },
        newest: [
          { title: 'More seats', status: 'open', stage: 'Contact', probability: '10' },
          { title: 'Training', status: 'lost', amount: null },
          { title: 'CRM for 120 seats', status: 'won', stage: 'Signed', probability: '100' },
        ],
      },
      quotes: { count: 1, newest: [{ number: 'Q-1', version: 1, status: 'sent', total: { amount: '1000.00', currency: 'CNY' } }] },
      contracts: {
        count: 1,
        signed: { count: 1, amounts: [{ amount: '1000.00', currency: 'CNY' }] },
        newest: [{ number: 'C-1', status: 'signed', signedOn: '2026-11-06' }],
      },
      orders: { count: 1, total: [{ amount: '1000.00', currency: 'CNY' }], newest: [{ number: 'O-1' }] },
      invoices: {
        count: 1,
        invoiced: [{ amount: '599.99', currency: 'CNY' }],
        newest: [{ number: 'INV-1', issuedOn: '2026-11-08', total: { amount: '600.00' }, left: { amount: '599.99' } }],
      },
      receivables: {
        count: 2,
        open: { count: 2, amounts: [{ amount: '750.01', currency: 'CNY' }] },
        overdue: { count: 1, amounts: [{ amount: '350.01', currency: 'CNY' }] },
        next: [
          { number: 1, label: 'Part 1', amount: { amount: '600.00' }, open: { amount: '350.01' }, dueOn: '2026-11-10', overdue: true },
          { number: 2, open: { amount: '400.00' }, dueOn: '2026-12-10', overdue: false },
        ],
      },
      receipts: {
        count: 1,
        received: [{ amount: '249.99', currency: 'CNY' }],
        credit: [{ amount: '0.99', currency: 'CNY' }],
        newest: [{ reference: 'INV-1', receivedOn: '2026-11-15', credit: { amount: '0.99' } }],
      },
      balance: [{ amount: '749.02', currency: 'CNY' }],
    })
    expect(overview.hierarchy).toMatchObject({ above: [], children: [], complete: true })
    for (const teller of ['lead', 'opportunity', 'cpq', 'billing']) expect(overview.asOf[teller]).toMatch(/^\d{4}-\d\d-\d\dT/)
  })

  it('is the same in whatever order the services are heard, and when they are heard twice', async () => {
    const companies = [await world.company(), await world.company(), await world.company()]
    const accountId = newId('account')
    const story = aStory(accountId, null)
    const bySubject = [...Map.groupBy(story, ({ subject }) => subject).values()]
    const orders = [story, bySubject.toReversed().flat(), [...bySubject.flat(), ...bySubject.map((events) => events[0]!)]]
    const answers: unknown[] = []
    for (const [n, company] of companies.entries()) {
      const leadId = newId('lead')
      const account = { id: accountId, name: '云图', isNew: true }
      const opens = { leadId, ownerId: company.amy.id, account, contact: null, opportunity: null, source: null }
      if (n === 1) await tell(company, orders[n]!)
      await tell(company, [told(LeadConverted, leadId, 5, '2026-10-01', opens)])
      if (n !== 1) await tell(company, orders[n]!)
      answers.push(sections(await overviewOf(company.olga, { id: accountId })))
    }
    expect(answers[0]).toMatchObject({ balance: [{ amount: '749.02' }], leads: { count: 2 } })
    const known = (answer: unknown) =>
      JSON.parse(JSON.stringify(answer).replace(/"(id|ownerId)":"(lead|user)_\w+"/g, '"$1":"?"')) as unknown
    expect(known(answers[1])).toEqual(known(answers[0]))
    expect(known(answers[2])).toEqual(known(answers[0]))
  })

  it('has only sections that a role may see', async () => {
    const company = await world.company()
    const { fred, eva } = company
    const account = await open(company.amy, { name: 'Secret Ltd' })
    await tell(company, aStory(account.id, company.amy.id))
    const rule = getInvoice.rule as { grants: object }
    const { grants } = rule
    try {
      rule.grants = { executive: 'company' }
      expect(await overviewOf(eva, account)).toHaveProperty('invoices.count', 1)
      const seen = await overviewOf(fred, account)
      expect(seen).not.toHaveProperty('invoices')
      expect(seen.hierarchy.figures).not.toHaveProperty('invoiced')
      expect(seen.receivables.count).toBe(2)
    } finally {
      rule.grants = grants
    }
  })

  it('counts for a rep what is theirs, for a manager what is of the team; quotes go with their deal', async () => {
    const company = await world.company()
    const { amy, bob, mona, olga } = company
    const account = await open(olga, { name: 'Shared Ltd', ownerId: amy.id })
    const [hers, his] = [aDeal(account.id, amy.id), aDeal(account.id, bob.id, { amount: cny('7.00') })]
    const quote = { number: 'Q-1', version: 1, accountId: account.id, total: cny('7.00') }
    const quoteId = newId('quote')
    await tell(company, [
      told(OpportunityOpened, hers.opportunityId, 1, '2026-11-01', hers),
      told(OpportunityOpened, his.opportunityId, 1, '2026-11-02', his),
      told(QuoteDrafted, quoteId, 1, '2026-11-02', { ...quote, quoteId, opportunityId: his.opportunityId, ownerId: bob.id }),
    ])
    const figures = async (person: Person) => {
      const { opportunities, quotes } = await overviewOf(person, account)
      return [opportunities.open.amounts[0].amount, opportunities.count, quotes.count]
    }
    expect(await figures(amy)).toEqual(['1000.00', 1, 0])
    expect(await figures(mona)).toEqual(['1000.00', 1, 0])
    expect(await figures(olga)).toEqual(['1007.00', 2, 1])
    expect((await service.as(bob).call(getAccountOverview, { params: { id: account.id } })).status).toBe(404)
    const handed = { ...his, ownerId: amy.id }
    await tell(company, [told(OpportunityChanged, his.opportunityId, 2, '2026-11-03', handed)])
    expect(await figures(amy)).toEqual(['1007.00', 2, 1])
  })

  it('shows what is billed to whom it was handed to, also when that is heard together with what it is about', async () => {
    const company = await world.company()
    const { amy, bob, olga } = company
    const seen = async (account: { id: Id<'account'> }) => {
      const { invoices, receipts, receivables } = await overviewOf(bob, account)
      return [invoices.count, receipts.count, receivables.count]
    }
    for (const together of [false, true]) {
      const account = await open(olga, { name: 'Handed Ltd', ownerId: bob.id })
      const story = aStory(account.id, amy.id)
      const subject = (event: EventType) => story.find((each) => each.event === event)!.subject as never
      const [planId, invoiceId, receiptId] = [subject(CollectionPlanMade), subject(InvoiceIssued), subject(ReceiptRecorded)]
      const handed = { accountId: account.id, ownerId: bob.id }
      const handover = [
        told(CollectionPlanHandedOver, planId, 3, '2026-11-16', { planId, ...handed }),
        told(InvoiceHandedOver, invoiceId, 3, '2026-11-16', { invoiceId, ...handed, creditOf: null }),
        told(ReceiptHandedOver, receiptId, 3, '2026-11-16', { receiptId, ...handed }),
      ]
      const note = newId('invoice')
      const credit = told(InvoiceHandedOver, note, 2, '2026-11-16', { invoiceId: note, ...handed, creditOf: invoiceId })
      if (together) await tell(company, [...story, ...handover, credit])
      else {
        await tell(company, story)
        expect(await seen(account)).toEqual([0, 0, 0])
        await tell(company, [...handover, credit])
      }
      expect(await seen(account)).toEqual([1, 1, 2])
    }
  })

  it('is not found by others, and by nobody when there is no such account', async () => {
    const [company, stranger] = [await world.company(), await world.company()]
    const account = await open(company.amy, { name: 'Private Ltd' })
    for (const [person, id] of [
      [stranger.ada, account.id],
      [company.ada, newId('account')],
    ] as const)
      expect((await service.as(person).call(getAccountOverview, { params: { id } })).body).toMatchObject({
        status: 404,
        code: 'account.not_found',
      })
  })
})

describe('the figures of a group of companies', () => {
  it('add up what is below, each branch by itself, as far as the caller sees', async () => {
    const company = await world.company()
    const { amy, bob, olga, fred } = company
    const head = await open(olga, { name: 'Head', ownerId: amy.id })
    const west = await open(olga, { name: 'West', ownerId: amy.id, parentId: head.id })
    const east = await open(olga, { name: 'East', ownerId: bob.id, parentId: head.id })
    const leaf = await open(olga, { name: 'Leaf', ownerId: amy.id, parentId: east.id })
    await tell(company, aStory(leaf.id, amy.id))
    const deals = [aDeal(head.id, amy.id, { amount: cny('1.00') }), aDeal(west.id, amy.id, { amount: eur('2.00') })]
    await tell(
      company,
      deals.map((deal) => told(OpportunityOpened, deal.opportunityId, 1, '2026-11-02', deal)),
    )
    const { hierarchy } = await overviewOf(fred, head)
    expect(hierarchy.figures).toEqual({
      open: [
        { amount: '1.00', currency: 'CNY' },
        { amount: '52.50', currency: 'EUR' },
      ],
      won: [{ amount: '1000.00', currency: 'CNY' }],
      invoiced: [{ amount: '599.99', currency: 'CNY' }],
      overdue: [{ amount: '350.01', currency: 'CNY' }],
    })
    expect(hierarchy.children).toMatchObject([
      { id: east.id, below: 1, figures: { open: [{ amount: '50.50', currency: 'EUR' }], overdue: [{ amount: '350.01' }] } },
      { id: west.id, below: 0, figures: { open: [{ amount: '2.00', currency: 'EUR' }], overdue: [] } },
    ])
    expect((await overviewOf(fred, leaf)).hierarchy.above.map(({ name }: { name: string }) => name)).toEqual(['Head', 'East'])

    const hers = (await overviewOf(amy, head)).hierarchy
    expect(hers.children.map(({ name }: { name: string }) => name)).toEqual(['West'])
    expect(hers.figures.open).toEqual(hierarchy.figures.open)
    await service.as(olga).does(assignAccount, { params: { id: leaf.id }, body: { ownerId: bob.id } })
    expect((await overviewOf(amy, head)).hierarchy.figures.open).toEqual([
      { amount: '1.00', currency: 'CNY' },
      { amount: '2.00', currency: 'EUR' },
    ])
  })
})
