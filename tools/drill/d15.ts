import { type Api, ApiProblem, type Json } from '../parts/api.ts'
import type { Drill } from './drill.ts'
import type { Company } from './ground.ts'

const racers = 50

/** What one racer was answered. */
interface Answer {
  readonly status: number
  readonly code: string
  readonly body: Json
}

/** Many want the same at one moment. */
interface Race {
  readonly name: string
  /** Makes what they race for; answers what racer number n does, and what must be so afterwards. */
  prepare(
    company: Company,
  ): Promise<{ run: (api: Api, n: number) => Promise<Json>; judge: (answers: readonly Answer[]) => Promise<string[]> }>
}

/** Fifty at once for one thing. */
export const d15: Drill = {
  id: 'D15',
  title: `${racers} racing for the same`,
  buses: ['embedded', 'kafka'],
  does:
    `In each race ${racers} callers send at one moment what only one can have: the same lead (with one Idempotency-Key, then as different requests for the same person), ` +
    'the same conversion, an invoice for the same receivable, the next number of an invoice series, the acceptance of a quote, an approval, a signature, the settlement of a receipt, ' +
    'the same receipt told again and again, an edit with the same ETag. One may win; the others must be told so with a stable code (or, where asking again is allowed, get what the winner got); ' +
    'nobody may get a fault, and afterwards there must be exactly one. Four callers walk journeys in the other company meanwhile.',
  async run(run) {
    const ground = await run.ground()
    const [racing, other] = ground.companies
    const load = ground.load(4, [other])
    const rows: string[][] = [['Race', 'Answers', 'Held']]
    const broken: string[] = []
    for (const race of run.random.shuffled(races)) {
      run.halt.throwIfAborted()
      const { run: start, judge } = await race.prepare(racing)
      // One caller each, already signed in: what they wait for is the race alone.
      const callers = run.random.shuffled(Array.from({ length: racers }, (_, n) => ({ n, api: racing.as('integration', { patience: 0 }) })))
      await racing.token('integration')
      const answers = await Promise.all(
        callers.map(async ({ n, api }): Promise<Answer> => {
          try {
            return { status: 200, code: '', body: await start(api, n) }
          } catch (error) {
            if (error instanceof ApiProblem) return { status: error.status, code: error.code, body: error.problem }
            return { status: 0, code: (error as Error).message, body: {} }
          }
        }),
      )
      const wrong = [...unclear(answers), ...(await judge(answers))]
      broken.push(...wrong.map((what) => `${race.name}: ${what}`))
      rows.push([race.name, counted(answers), wrong.length ? 'no' : 'yes'])
      run.note(race.name, { answers: counted(answers), wrong })
    }
    const recoverySeconds = await ground.rest(load)
    return {
      done: [`${races.length} races of ${racers}`, `${load.finished} journeys finished`],
      saw: [],
      broken: [...broken, ...load.broken],
      recoverySeconds,
      table: rows,
    }
  },
}

/** Answers that do not tell a loser why. */
function unclear(answers: readonly Answer[]): string[] {
  return answers
    .filter(({ status }) => status >= 300 || status === 0)
    .filter(({ status, code }) => ![409, 412, 503].includes(status) || !code || code === 'fault')
    .map(({ status, code }) => `somebody was answered ${status} ${code}`)
}

function counted(answers: readonly Answer[]): string {
  const counts = new Map<string, number>()
  for (const { status, code } of answers) {
    const kind = status < 300 ? '2xx' : `${status} ${code}`
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].map(([kind, count]) => `${count} × ${kind}`).join(', ')
}

const won = (answers: readonly Answer[]) => answers.filter(({ status }) => status >= 200 && status < 300).map(({ body }) => body)

/** What is wrong when these are not as many as they must be. */
function must(what: string, is: number, wanted: number): string[] {
  return is === wanted ? [] : [`${is} ${what} and not ${wanted}`]
}

const distinct = (bodies: readonly Json[], field: string) => new Set(bodies.map((body) => body[field])).size
const oneWinner = (answers: readonly Answer[]) => must('won', won(answers).length, 1)

const races: readonly Race[] = [
  {
    name: 'capture a lead, one Idempotency-Key',
    async prepare(company) {
      const email = `${crypto.randomUUID()}@race.example`
      const key = crypto.randomUUID()
      return {
        run: (api) => api.post('/v1/leads', { companyName: 'Race', email }, { 'idempotency-key': key }),
        judge: async (answers) => [
          ...must('leads were answered', distinct(won(answers), 'id'), 1),
          ...must('leads are there', (await company.as('integration').get('/v1/leads', { email })).data.length, 1),
        ],
      }
    },
  },
  {
    name: 'capture the same person',
    async prepare(company) {
      const api = company.as('integration')
      const settings = await api.get('/v1/lead-settings')
      if (settings.duplicates !== 'refuse') await api.patch('/v1/lead-settings', { duplicates: 'refuse' }, settings.version)
      const email = `${crypto.randomUUID()}@race.example`
      return {
        run: (racer, n) => racer.post('/v1/leads', { companyName: `Race ${n}`, email }),
        judge: async (answers) => {
          const { version } = await api.get('/v1/lead-settings')
          await api.patch('/v1/lead-settings', { duplicates: settings.duplicates }, version)
          return [...oneWinner(answers), ...must('leads are there', (await api.get('/v1/leads', { email })).data.length, 1)]
        },
      }
    },
  },
  {
    name: 'convert a lead',
    async prepare(company) {
      const api = company.as('integration')
      const lead = await aLead(company, api)
      return {
        run: (racer, n) => racer.post(`/v1/leads/${lead.id}/convert`, { opportunity: { title: `Deal ${n}` } }),
        judge: async (answers) => {
          const now = await api.get(`/v1/leads/${lead.id}`)
          const opportunity = await eventual(() => api.get(`/v1/opportunities/${now.opportunityId}`))
          const { data: accounts } = await api.get('/v1/accounts', { name: lead.companyName })
          return [
            ...must('opportunities were answered', distinct(won(answers), 'opportunityId'), 1),
            ...must('accounts are there', accounts.length, 1),
            ...(opportunity ? [] : ['the opportunity is not there']),
          ]
        },
      }
    },
  },
  {
    name: 'accept a quote',
    async prepare(company) {
      const api = company.as('integration')
      const quote = await aQuote(company, api, 1)
      return {
        run: (racer, n) => racer.post(`/v1/quotes/${quote.id}/accept`, { signer: `Signer ${n}` }),
        judge: async (answers) => oneWinner(answers),
      }
    },
  },
  {
    name: 'approve a contract',
    async prepare(company) {
      const contract = await aContract(company, 1)
      await company.as('integration').post(`/v1/contracts/${contract.id}/submit`)
      const token = await company.token('reporting')
      return {
        run: (racer) => racer.post(`/v1/contracts/${contract.id}/approve`, {}, { authorization: `Bearer ${token}` }),
        judge: async (answers) => oneWinner(answers),
      }
    },
  },
  {
    name: 'sign a contract',
    async prepare(company) {
      const contract = await approved(company, await aContract(company, 1))
      const api = company.as('integration')
      return {
        run: (racer, n) => racer.post(`/v1/contracts/${contract.id}/sign`, { customerSigner: `Signer ${n}` }),
        judge: async (answers) => {
          const { data: orders } = await api.get('/v1/orders', { contractId: contract.id })
          return [...oneWinner(answers), ...must('orders are there', orders.length, 1)]
        },
      }
    },
  },
  {
    name: 'invoice the same receivable',
    async prepare(company) {
      const [receivable] = await receivables(company, 1)
      const api = company.as('integration')
      return {
        run: (racer) => racer.post('/v1/invoices', { receivableIds: [receivable.id], kind: 'commercial', buyer: { name: 'Race' } }),
        judge: async (answers) => {
          const { data: invoices } = await api.get('/v1/invoices', { accountId: receivable.accountId })
          return [...oneWinner(answers), ...must('invoices are there', invoices.length, 1)]
        },
      }
    },
  },
  {
    name: 'claim an invoice number',
    async prepare(company) {
      const all = await receivables(company, racers)
      const body = (n: number) => ({ receivableIds: [all[n].id], kind: 'commercial', buyer: { name: 'Race' } })
      return {
        run: (racer, n) => racer.post('/v1/invoices', body(n)),
        judge: async (answers) => {
          const invoices = won(answers)
          const sequences = invoices.map(({ number }) => Number(/\d+$/.exec(String(number))?.[0])).sort((a, b) => a - b)
          const busy = answers.filter(({ status }) => status === 503).length
          return [
            ...must('invoices were issued', invoices.length + busy, racers),
            ...must('numbers were given', distinct(invoices, 'number'), invoices.length),
            ...must('numbers lie between the first and the last', sequences.at(-1)! - sequences[0]! + 1, invoices.length),
          ]
        },
      }
    },
  },
  {
    name: 'settle a receipt',
    async prepare(company) {
      const [receivable] = await receivables(company, 1)
      const { accountId, amount } = receivable
      const api = company.as('integration')
      await api.post('/v1/invoices', { receivableIds: [receivable.id], kind: 'commercial', buyer: { name: 'Race' } })
      const receipt = await api.post('/v1/receipts', { accountId, amount, receivedOn: receivable.createdAt.slice(0, 10) })
      if (receipt.allocations?.length) await api.post(`/v1/receipts/${receipt.id}/unsettle`)
      const body = { allocations: [{ receivableId: receivable.id, amount }] }
      return {
        run: (racer) => racer.post(`/v1/receipts/${receipt.id}/settle`, body),
        judge: async (answers) => {
          const now = await api.get(`/v1/receivables/${receivable.id}`)
          return [...oneWinner(answers), ...(now.status === 'settled' ? [] : [`the receivable is ${now.status}`])]
        },
      }
    },
  },
  {
    name: 'record the same receipt',
    async prepare(company) {
      const [receivable] = await receivables(company, 1)
      const { accountId, amount } = receivable
      const body = { accountId, amount, receivedOn: receivable.createdAt.slice(0, 10), externalId: crypto.randomUUID() }
      const api = company.as('integration')
      return {
        run: (racer) => racer.post('/v1/receipts', body),
        judge: async (answers) => [
          ...must('receipts were answered', distinct(won(answers), 'id'), 1),
          ...must('receipts are there', (await api.get('/v1/receipts', { accountId })).data.length, 1),
        ],
      }
    },
  },
  {
    name: 'edit a lead, one ETag',
    async prepare(company) {
      const api = company.as('integration')
      const lead = await api.post('/v1/leads', { companyName: `Race ${crypto.randomUUID()}` })
      return {
        run: (racer, n) => racer.patch(`/v1/leads/${lead.id}`, { companyName: `Edited by ${n}` }, lead.version),
        judge: async (answers) => {
          const now = await api.get(`/v1/leads/${lead.id}`)
          return [
            ...oneWinner(answers),
            ...must('is its version', now.version, lead.version + 1),
            ...(won(answers)[0]?.companyName === now.companyName ? [] : ['it does not say what the winner wrote']),
          ]
        },
      }
    },
  },
]

async function aLead(company: Company, api: Api): Promise<Json> {
  const salt = crypto.randomUUID()
  const lead = await api.post('/v1/leads', { companyName: `Race ${salt}`, email: `${salt}@race.example`, ownerId: company.reps[0]!.id })
  await api.post(`/v1/leads/${lead.id}/qualify`)
  return lead
}

/** A quote that was sent, to be paid in some instalments. */
async function aQuote(company: Company, api: Api, instalments: number): Promise<Json> {
  const lead = await aLead(company, api)
  const { opportunityId, accountId } = await api.post(`/v1/leads/${lead.id}/convert`, { opportunity: { title: 'Race' } })
  await api.get(`/v1/accounts/${accountId}`)
  await api.get(`/v1/opportunities/${opportunityId}`)
  const { data: products } = await api.get('/v1/products')
  const quote = await api.post('/v1/quotes', {
    opportunityId,
    lines: [{ productId: products[0].id, quantity: '100' }],
    terms: Array.from({ length: instalments }, (_, n) => ({ share: String(100 / instalments), daysAfterSigning: n })),
  })
  return api.post(`/v1/quotes/${quote.id}/send`)
}

async function aContract(company: Company, instalments: number): Promise<Json> {
  const api = company.as('integration')
  const quote = await aQuote(company, api, instalments)
  await api.post(`/v1/quotes/${quote.id}/accept`, { signer: 'Li Lei' })
  return api.post('/v1/contracts', { quoteId: quote.id })
}

async function approved(company: Company, contract: Json): Promise<Json> {
  await company.as('integration').post(`/v1/contracts/${contract.id}/submit`)
  return company.as('reporting').post(`/v1/contracts/${contract.id}/approve`)
}

/** What a signed contract is owed, in some instalments. */
async function receivables(company: Company, instalments: number): Promise<Json[]> {
  const api = company.as('integration')
  const contract = await approved(company, await aContract(company, instalments))
  await api.post(`/v1/contracts/${contract.id}/sign`, { customerSigner: 'Li Lei' })
  const { data } = await api.get('/v1/receivables', { contractId: contract.id, sort: 'dueOn', limit: '200' })
  return data as Json[]
}

/** What becomes readable when an event has been applied; undefined when it does not. */
async function eventual(read: () => Promise<Json>): Promise<Json> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      return await read()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  return undefined
}
