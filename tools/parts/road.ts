import type { Api, Json } from './api.ts'

/** One lead's road to cash, and what came of it. */
export interface Journey {
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

/** Hears of each step: the service, and what was done there. */
export type Tell = (service: string, what: string) => void

/** Who walks the road: a program that may do everything in sales, one that approves, and the person who owns the lead. */
export interface Walkers {
  readonly api: Api
  readonly executive: Api
  readonly owner: { readonly id: string; readonly name: string }
  readonly tell?: Tell
}

/** What happens once on every road. */
const milestones = ['lead.converted', 'contract.signed', 'order.placed', 'invoice.issued', 'opportunity.won']

/** The whole road from a new lead to a settled receipt, through the public API. */
export async function road({ api, executive, owner, tell = () => undefined }: Walkers): Promise<Journey> {
  const salt = crypto.randomUUID().slice(0, 8)

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

/** What of a journey happened never or more than once, in words; undefined: all is as it has to be. */
export function doubled({ journeyId, steps }: Journey): string | undefined {
  for (const once of milestones) {
    const times = steps.filter(({ event }) => event === once).length
    if (times !== 1) return `journey ${journeyId} has ${once} ${times} times`
  }
  return undefined
}

function label(stage: Json): string {
  return typeof stage.name === 'string' ? stage.name : (stage.name.en ?? stage.key)
}

/** An amount with its currency. */
export function money({ amount, currency }: { amount: string; currency: string }): string {
  return `${amount} ${currency}`
}
