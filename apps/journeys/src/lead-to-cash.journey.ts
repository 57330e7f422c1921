import {
  acceptQuote,
  approveContract,
  captureLead,
  checkLedger,
  completeItem,
  convertLead,
  createProduct,
  draftContract,
  draftQuote,
  getAccount,
  getJourney,
  getOpportunity,
  getProcess,
  issueInvoice,
  listOrders,
  listReceivables,
  qualifyLead,
  recordReceipt,
  sendQuote,
  services,
  signContract,
  submitContract,
  TenantCreated,
  type ServiceName,
} from '@millrace/contracts'
import { accountService } from '@millrace/account'
import { billingService } from '@millrace/billing'
import { cpqService } from '@millrace/cpq'
import { startGateway, type RunningGateway } from '@millrace/gateway'
import { insightService } from '@millrace/insight'
import { leadService } from '@millrace/lead'
import { opportunityService } from '@millrace/opportunity'
import { aWorld, caller, type Caller, type Company, type Person, type World } from '@millrace/testing'

const kafka = process.env['TEST_KAFKA_BROKERS']
if (!kafka && process.env['CI'] === 'true') throw new Error('the journeys must run on Kafka in CI: TEST_KAFKA_BROKERS is not set')

describe.each([
  { bus: 'the embedded bus', options: {} },
  ...(kafka ? [{ bus: 'Kafka', options: { kafka } }] : []), // without Java and Maven there is none: npm test says so
])('on $bus', ({ options }) => {
  let world: World
  let gateway: RunningGateway
  let company: Company

  beforeAll(async () => {
    world = await aWorld(options)
    const addresses: Record<string, string> = {}
    for (const definition of [leadService, accountService, opportunityService, cpqService, billingService, insightService])
      addresses[`SERVICE_${definition.name.toUpperCase()}_URL`] = (await world.start(definition)).url
    gateway = await startGateway({ ...world.environment, ...addresses, PUBLIC_URL: 'http://127.0.0.1', RATE_LIMIT: '10000' })
    company = await world.company()
    await world.publish(company.tenantId, TenantCreated, company.tenantId, {
      tenantId: company.tenantId,
      name: 'Cloudmap',
      currency: 'CNY',
      zone: 'Asia/Shanghai',
    })
    await world.events(company.tenantId)
  })
  afterAll(async () => {
    await gateway?.stop()
    await world?.stop()
  })

  const at = (person: Person): Caller => caller(gateway.url, () => world.token(person))

  it('a lead becomes cash, and one timeline tells it', async () => {
    const { amy, ada, mona, fred, olga } = company
    const rep = at(amy)
    const product = await at(olga).does(createProduct, { body: { code: 'SEAT', name: 'CRM seat' } })
    await world.events(company.tenantId)

    const lead = await rep.does(captureLead, { body: { companyName: '云图科技有限公司', contactName: '李雷', email: 'li@example.com' } })
    await rep.does(qualifyLead, { params: { id: lead.id } })
    const converted = await rep.does(convertLead, { params: { id: lead.id }, body: { opportunity: { title: 'CRM for 120 seats' } } })
    expect(await rep.does(getAccount, { params: { id: converted.accountId } })).toMatchObject({
      name: '云图科技有限公司',
      journeyId: lead.journeyId,
    })

    let deal = await rep.does(getOpportunity, { params: { id: converted.opportunityId } })
    const process = await rep.does(getProcess, { params: { id: deal.processId } })
    const open = process.stages.filter(({ outcome }: { outcome: string }) => outcome === 'open')
    for (const stage of open.slice(0, 2)) {
      for (const item of stage.items)
        if (item.kind === 'tick') await rep.does(completeItem, { params: { id: deal.id }, body: { item: item.key, value: true } })
    }

    const quote = await rep.does(draftQuote, {
      body: {
        opportunityId: deal.id,
        currency: 'CNY',
        lines: [{ productId: product.id, quantity: '120', price: { amount: '999.99', currency: 'CNY' }, discount: '7.5' }],
        discount: { amount: { amount: '1000.01', currency: 'CNY' } },
        vat: { rate: '13', mode: 'on_top' },
        terms: [
          { share: '33.3', daysAfterSigning: 0, label: 'on signing' },
          { share: '33.3', daysAfterSigning: 30, label: 'on delivery' },
          { share: '33.4', daysAfterSigning: 60, label: 'on acceptance' },
        ],
      },
    })
    await rep.does(sendQuote, { params: { id: quote.id } })
    await rep.does(acceptQuote, { params: { id: quote.id }, body: { signer: '李雷' } })
    const contract = await rep.does(draftContract, { body: { quoteId: quote.id } })
    const submitted = await rep.call(submitContract, { params: { id: contract.id } })
    expect(submitted.status).toBe(200)
    expect((await rep.call(approveContract, { params: { id: contract.id } })).status).toBe(403)
    await at(mona).does(approveContract, { params: { id: contract.id } })
    const signed = await rep.does(signContract, { params: { id: contract.id }, body: { customerSigner: '李雷' } })
    deal = await rep.does(getOpportunity, { params: { id: deal.id } })
    expect(deal.status).toBe('won')

    const { data: orders } = await rep.does(listOrders, { query: { contractId: contract.id } })
    const { data: receivables } = await rep.does(listReceivables, { query: { contractId: contract.id, sort: 'dueOn' } })
    const sum = (amounts: { amount: string }[]) => amounts.reduce((total, { amount }) => total + BigInt(amount.replace('.', '')), 0n)
    expect(signed.total).toEqual(quote.total)
    expect(orders.map(({ total }: { total: unknown }) => total)).toEqual([quote.total])
    expect(receivables).toHaveLength(3)
    expect(sum(receivables.map(({ amount }: { amount: { amount: string } }) => amount))).toBe(sum([quote.total]))

    await world.events(company.tenantId)
    const finance = at(fred)
    const invoice = await finance.does(issueInvoice, {
      body: {
        receivableIds: receivables.map(({ id }: { id: string }) => id),
        kind: 'vat_special',
        buyer: { name: '云图科技有限公司', taxId: '91110000MA01234567' },
      },
    })
    expect(invoice.total).toEqual(quote.total)
    for (const { amount } of receivables)
      await finance.does(recordReceipt, {
        body: { accountId: converted.accountId, amount, receivedOn: '2026-11-21', reference: invoice.number },
      })
    const paid = await finance.does(listReceivables, { query: { contractId: contract.id } })
    expect(paid.data.map(({ status }: { status: string }) => status)).toEqual(['settled', 'settled', 'settled'])
    expect(await finance.does(checkLedger)).toMatchObject({ balanced: true })

    await world.events(company.tenantId)
    const { steps } = await at(ada).does(getJourney, { params: { id: lead.journeyId } })
    const names = steps.map(({ event }: { event: string }) => event)
    const road = [
      'lead.captured',
      'lead.qualified',
      'lead.converted',
      'account.opened',
      'opportunity.opened',
      'quote.drafted',
      'quote.accepted',
      'contract.signed',
      'order.placed',
      'collection_plan.made',
      'invoice.issued',
      'receipt.settled',
      'opportunity.won',
    ]
    for (const name of road) expect(names).toContain(name)
    for (const once of ['lead.converted', 'contract.signed', 'order.placed', 'opportunity.won', 'invoice.issued'])
      expect(names.filter((name: string) => name === once)).toHaveLength(1)
  })

  it('a service that is down answers 503 on its routes only', async () => {
    const down = await startGateway({
      ...world.environment,
      ...Object.fromEntries(
        (Object.keys(services) as ServiceName[]).map((name) => [`SERVICE_${name.toUpperCase()}_URL`, 'http://127.0.0.1:9']),
      ),
      PUBLIC_URL: 'http://127.0.0.1',
    })
    try {
      const answer = await caller(down.url, () => world.token(company.amy)).call(captureLead, { body: { companyName: 'x' } })
      expect(answer.body).toMatchObject({ status: 503, code: 'service.unavailable' })
      expect(answer.headers['retry-after']).toBe('1')
      expect((await fetch(`${down.url}/v1/openapi.json`)).status).toBe(200)
    } finally {
      await down.stop()
    }
  })
})
