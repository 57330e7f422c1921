// npm run demo [-- --json | --many 200]: one new lead becomes an account, a deal, a quote, a contract, an order, an invoice, a receipt and a balanced ledger.
import { parseArgs } from 'node:util'
import type { Api, Json } from './parts/api.ts'
import { asClient, demoTenant } from './parts/demo-access.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    many: { type: 'string' },
    tenant: { type: 'string', default: 'Ridgeway' },
    parallel: { type: 'string', default: '8' },
  },
})

interface Journey {
  readonly journeyId: string
  readonly leadId: string
  readonly accountId: string
  readonly opportunityId: string
  readonly quoteId: string
  readonly contractId: string
  readonly orderId: string
  readonly invoiceId: string
  readonly receiptIds: string[]
  readonly total: { amount: string; currency: string }
  readonly steps: {
    at: string
    service: string
    event: string
    actor: { id: string; name: string | null } | null
    facts: Record<string, Json>
  }[]
  readonly ledger: Json
}

let reps: Json[] | undefined

type Tell = (service: string, what: string) => void

try {
  const many = values.many === undefined ? undefined : Number(values.many)
  if (many !== undefined && !(Number.isInteger(many) && many > 0)) throw new Error('--many takes a whole number, e.g. --many 200')
  if (many === undefined) await one()
  else await several(many, Math.max(1, Number(values.parallel) || 8))
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

async function one(): Promise<void> {
  const tell: Tell = values.json ? () => undefined : (service, what) => console.log(`  ${service.padEnd(12)} ${what}`)
  if (!values.json) console.log('One lead on its road to cash:\n')
  const journey = await road(tell, 1)
  if (values.json) return console.log(JSON.stringify(journey, null, 2))
  console.log('\nThe same as its timeline, told by the events of all services:\n')
  for (const { at, service, event, actor, facts } of journey.steps)
    console.log(
      `  ${at.slice(0, 19)}  ${service.padEnd(12)} ${event.padEnd(26)} ${inShort(facts)}${actor?.name ? `  (${actor.name})` : ''}`,
    )
  console.log(
    `\nThe ledger ${journey.ledger.balanced === false ? 'does NOT balance' : 'balances'}. The journey: GET /v1/journeys/${journey.journeyId}`,
  )
}

/** Many journeys at once; a service that is killed meanwhile only delays them. */
async function several(count: number, parallel: number): Promise<void> {
  const started = performance.now()
  let next = 0
  let done = 0
  const ids = new Set<string>()
  await Promise.all(
    Array.from({ length: Math.min(parallel, count) }, async () => {
      for (let n = (next += 1); n <= count; n = next += 1) {
        const { journeyId, steps } = await road(() => undefined, n)
        ids.add(journeyId)
        const names = steps.map(({ event }) => event)
        for (const once of ['lead.converted', 'contract.signed', 'order.placed', 'invoice.issued', 'opportunity.won'])
          if (names.filter((name) => name === once).length !== 1)
            throw new Error(`journey ${journeyId} has ${once} ${names.filter((name) => name === once).length} times`)
        done += 1
        if (done % 10 === 0) console.log(`  ${done} of ${count}`)
      }
    }),
  )
  const ledger = await asClient(demoTenant(values.tenant), 'integration').get('/v1/ledger/check')
  const seconds = (performance.now() - started) / 1_000
  console.log(
    `${ids.size} journeys finished in ${seconds.toFixed(1)} s; nothing doubled; the ledger ${ledger.balanced ? 'balances' : 'DOES NOT BALANCE'}`,
  )
  if (ids.size !== count || !ledger.balanced) throw new Error('the books are not in order')
}

/** The whole road, through the public API. */
async function road(tell: Tell, n: number): Promise<Journey> {
  const tenant = demoTenant(values.tenant)
  const api = asClient(tenant, 'integration')
  const executive = asClient(tenant, 'reporting')
  const salt = crypto.randomUUID().slice(0, 8)
  const owner = await someRep(api, n)

  const lead = await api.post('/v1/leads', {
    companyName: `Cloudmap ${salt} Ltd`,
    contactName: 'Li Lei',
    email: `li.${salt}@example.com`,
    phone: '+86 138 0013 8000',
    source: 'Demo',
    ownerId: owner.id,
  })
  tell('lead', `captured: ${lead.companyName}, owner ${owner.name}`)
  await api.post(`/v1/leads/${lead.id}/work`)
  await api.post(`/v1/leads/${lead.id}/qualify`)
  const converted = await api.post(`/v1/leads/${lead.id}/convert`, { opportunity: { title: `Workstations for ${lead.companyName}` } })
  tell('lead', 'worked, qualified and converted')

  const account = await api.get(`/v1/accounts/${converted.accountId}`)
  tell('account', `opened: ${account.name}`)
  const deal = await api.get(`/v1/opportunities/${converted.opportunityId}`)
  tell('opportunity', `opened: ${deal.title}, in ${label(deal.stage)}`)
  await walkOn(api, deal, tell)

  const { data: products } = await api.get('/v1/products', { limit: '200' })
  const chosen = products.filter((product: Json) => ['GTX Pro', 'MG Advanced'].includes(product.name))
  const lines = (chosen.length ? chosen : products.slice(0, 2)).map((product: Json, place: number) => ({
    productId: product.id,
    quantity: String(12 - 4 * place),
    discount: place ? '5' : '0',
  }))
  const quote = await api.post('/v1/quotes', {
    opportunityId: deal.id,
    lines,
    discount: { percent: '3' },
    vat: { rate: '13', mode: 'on_top' },
    terms: [
      { share: '30', daysAfterSigning: 0, label: 'on signing' },
      { share: '70', daysAfterSigning: 30, label: 'after delivery' },
    ],
  })
  await api.post(`/v1/quotes/${quote.id}/send`)
  await api.post(`/v1/quotes/${quote.id}/accept`, { signer: 'Li Lei' })
  tell('cpq', `quote ${quote.number} over ${money(quote.total)}, sent and accepted`)
  const contract = await api.post('/v1/contracts', { quoteId: quote.id })
  const submitted = await api.post(`/v1/contracts/${contract.id}/submit`)
  await executive.get(`/v1/contracts/${submitted.id}`)
  await executive.post(`/v1/contracts/${contract.id}/approve`)
  await api.post(`/v1/contracts/${contract.id}/sign`, { customerSigner: 'Li Lei', ourSigner: owner.name })
  const { data: orders } = await api.get('/v1/orders', { contractId: contract.id })
  tell('cpq', `contract ${contract.number} approved and signed; order ${orders[0].number} placed`)

  const won = await api.get(`/v1/opportunities/${deal.id}`)
  tell('opportunity', `${won.status}: ${won.title}`)

  const { data: receivables } = await api.get('/v1/receivables', { contractId: contract.id, sort: 'dueOn' })
  tell('billing', `collection plan: ${receivables.map((each: Json) => `${money(each.amount)} on ${each.dueOn}`).join(', ')}`)
  const invoice = await api.post('/v1/invoices', {
    receivableIds: receivables.map((each: Json) => each.id),
    kind: 'commercial',
    buyer: { name: account.name },
  })
  tell('billing', `invoice ${invoice.number} over ${money(invoice.total)}`)
  const receiptIds: string[] = []
  for (const receivable of receivables) {
    const receipt = await api.post('/v1/receipts', {
      accountId: account.id,
      amount: receivable.amount,
      receivedOn: contract.createdAt.slice(0, 10),
      reference: invoice.number,
    })
    receiptIds.push(receipt.id)
  }
  const { data: settled } = await api.get('/v1/receivables', { contractId: contract.id })
  tell('billing', `${receiptIds.length} receipts; receivables ${settled.map((each: Json) => each.status).join(', ')}`)
  const ledger = await api.get('/v1/ledger/check')
  tell('billing', `ledger: debits equal credits: ${ledger.balanced}`)

  const timeline = await api.get(`/v1/journeys/${lead.journeyId}`)
  return {
    journeyId: lead.journeyId,
    leadId: lead.id,
    accountId: account.id,
    opportunityId: deal.id,
    quoteId: quote.id,
    contractId: contract.id,
    orderId: orders[0].id,
    invoiceId: invoice.id,
    receiptIds,
    total: quote.total,
    steps: timeline.steps,
    ledger,
  }
}

/** Completes the stage's items and moves on to the last open stage. */
async function walkOn(api: Api, deal: Json, tell: Tell): Promise<void> {
  const process = await api.get(`/v1/processes/${deal.processId}`)
  const open = process.stages.filter((stage: Json) => stage.outcome === 'open')
  for (let at = open.findIndex((stage: Json) => stage.key === deal.stage.key); ; at += 1) {
    for (const item of open[at].items.filter((each: Json) => each.kind === 'tick'))
      await api.post(`/v1/opportunities/${deal.id}/complete-item`, { item: item.key, value: true })
    if (at + 1 >= open.length) break
    const moved = await api.post(`/v1/opportunities/${deal.id}/move`, { stage: open[at + 1].key })
    tell('opportunity', `moved on to ${label(moved.stage)}, evidence ${moved.probability} %`)
  }
}

async function someRep(api: Api, n: number): Promise<Json> {
  reps ??= (await api.get('/v1/users', { limit: '200' })).data.filter(
    (user: Json) => user.active && user.roles.includes('sales_rep'),
  ) as Json[]
  return reps[n % reps.length]
}

function label(stage: Json): string {
  return typeof stage.name === 'string' ? stage.name : (stage.name.en ?? stage.key)
}

function inShort(facts: Record<string, Json>): string {
  return Object.values(facts)
    .map((fact: Json) => (typeof fact === 'object' ? money(fact) : String(fact)))
    .join(', ')
}

function money({ amount, currency }: { amount: string; currency: string }): string {
  return `${amount} ${currency}`
}
