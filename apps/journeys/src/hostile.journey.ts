import { once } from 'node:events'
import { request } from 'node:http'
import {
  acceptQuote,
  approveContract,
  captureLead,
  checkLedger,
  convertLead,
  createProduct,
  draftContract,
  draftQuote,
  getImport,
  getOpportunity,
  importKinds,
  issueInvoice,
  listParkedEvents,
  listReceivables,
  listRejections,
  operations,
  qualifyLead,
  readAudit,
  recordReceipt,
  sendQuote,
  services,
  settleReceipt,
  signContract,
  submitContract,
  unsettleReceipt,
  type Operation,
  type ServiceName,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { inTenant } from '@millrace/service'
import { aWorld, caller, eventually, type Caller, type TestService, type World } from '@millrace/testing'
import { aCompany, knownOf, operator, type Company, type Somebody } from './company.fixture.ts'
import { faultsOf, fuzz, massAssignment, tellsTooMuch } from './fuzz.fixture.ts'
import {
  attacksOn,
  attacksOnSignIn,
  brokenFiles,
  brokenMappings,
  hostileFile,
  importing,
  inParallel,
  referencesIn,
  send,
  wellFormed,
  type Attack,
  type Known,
} from './hostile.fixture.ts'
import { wholePlatform } from './platform.fixture.ts'

/** Of the thousands of attacks each operation gets every fifth; the drill D21 sends them all. */
const share = 5
/** Other requests with another one: `FUZZ_SEED=7 npm test -- journeys`. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20261123)

let world: World
let url: string
let stop: () => Promise<void>
let running: ReadonlyMap<ServiceName, TestService>
let ours: Company & { readonly token: string; readonly known: Known }
let theirs: typeof ours

beforeAll(async () => {
  world = await aWorld()
  const platform = await wholePlatform(world)
  ;({ stop, running } = platform)
  ;({ url } = platform.stage)
  const company = async (name: string) => {
    const made = await aCompany(platform.stage, name, new Set())
    return { ...made, token: await world.token(made.ada), known: knownOf(made) }
  }
  ;[ours, theirs] = [await company('Alpha'), await company('Beta')]
})
afterAll(() => stop?.())

const at = (person: Somebody): Caller => caller(url, () => world.token(person))
const tokenFor = ({ callers }: Operation) => (callers === 'operator' ? world.token(operator) : Promise.resolve(ours.token))

/** From a lead to a quote that the customer has. */
async function aQuote(api: Caller) {
  const product = await api.does(createProduct, { body: { code: newId('x'), name: 'CRM seat' } })
  const lead = await api.does(captureLead, {
    body: { companyName: `Cloudmap ${newId('x')}`, contactName: '李雷', email: `${newId('x')}@example.com` },
  })
  await api.does(qualifyLead, { params: { id: lead.id } })
  const converted = await api.does(convertLead, { params: { id: lead.id }, body: { opportunity: { title: 'CRM' } } })
  const deal = await api.does(getOpportunity, { params: { id: converted.opportunityId } })
  const quote = await api.does(draftQuote, {
    body: {
      opportunityId: deal.id,
      currency: 'CNY',
      lines: [{ productId: product.id, quantity: '3', price: { amount: '999.99', currency: 'CNY' } }],
      vat: { rate: '13', mode: 'on_top' },
    },
  })
  await api.does(sendQuote, { params: { id: quote.id } })
  return { quote }
}

const names = Object.keys(services) as ServiceName[]

// First of all: what chance does to the records later would tell them apart.
it('a record of another company is missing, in each operation', async () => {
  const differences: string[] = []
  for (const operation of operations.filter(
    ({ path, callers, rule }) => path.includes('{') && callers !== 'operator' && rule !== 'public',
  )) {
    const missing = new Map([...theirs.known.keys()].map((noun) => [noun, newId(noun)]))
    const body = wellFormed(operation, ours.token, ours.known).body
    const [other, none] = await Promise.all(
      [theirs.known, missing].map((known) => anonymous({ ...wellFormed(operation, ours.token, known), body })),
    )
    if (other !== none || (other!.startsWith('2') && operation.id !== readAudit.id)) differences.push(`${operation.id}: ${other} / ${none}`)
  }
  for (const operation of operations.filter(({ callers }) => callers !== 'operator'))
    for (const [what, foreign, missing] of referencesIn(operation, ours.token, ours.known, theirs.known)) {
      const [other, none] = [await anonymous(foreign), await anonymous(missing)]
      if (other !== none) differences.push(`${what}: ${other} / ${none}`)
    }
  expect(differences).toEqual([])
})

/** An answer without what differs each time. */
async function anonymous(attack: Attack): Promise<string> {
  const { status, text } = await send(url, attack)
  return `${status} ${text.replace(/[a-z_]+_[0-7][0-9a-hjkmnp-tv-z]{25}/g, 'id').replace(/"traceId":"\w+"/, '')}`
}

it.each([...names, 'each' as const, 'gateway' as const])(
  'whatever is sent to the operations of "%s", the answer is a precise refusal and nothing half done stays',
  async (service) => {
    const findings: string[] = []
    for (const [place, operation] of operations.entries()) {
      if (operation.service !== service) continue
      const token = await tokenFor(operation)
      const before = await audited(service)
      let done = 0
      const attacks = [...attacksOn(operation, token, ours.known)].filter((_, n) => n % share === place % share)
      await inParallel(attacks, async (attack) => {
        const reply = await send(url, attack)
        if (reply.status < 300) done += 1
        findings.push(...faultsOf(reply).map((fault) => `${operation.id}, ${attack.what}: ${fault}`))
      })
      if (operation.method !== 'GET' && !done && (await audited(service)) !== before)
        findings.push(`${operation.id} refused all, and changed something`)
    }
    expect(findings).toEqual([])
  },
)

it('what chance makes of an operation’s input is refused precisely', async () => {
  const { requests, findings } = await fuzz(url, tokenFor, ours.known, { seed, runs: 15 })
  expect(findings).toEqual([])
  expect(requests).toBeGreaterThanOrEqual(operations.length * 15)
})

it('a field that an operation does not take is refused, whoever’s it would make the record', async () => {
  const { requests, findings } = await massAssignment(url, tokenFor, ours.known)
  expect(findings).toEqual([])
  expect(requests).toBeGreaterThan(operations.length * 5)
})

/** How many changes of our company a service has noted that calls made: what events and handovers do goes on by itself. */
async function audited(service: ServiceName | 'each' | 'gateway'): Promise<bigint> {
  if (service === 'each' || service === 'gateway') return 0n
  const [row] = await inTenant(ours.tenantId, () =>
    running.get(service)!.database.query<{ count: bigint }>(`SELECT count(*) AS count FROM audit WHERE channel = 'api'`),
  )
  return row!.count
}

it('the sign-in answers whatever is sent to it', async () => {
  const findings: string[] = []
  await inParallel(attacksOnSignIn(ours.token), async (attack) => {
    const { status, text } = await send(url, attack)
    if (status >= 500 || tellsTooMuch(text))
      findings.push(`${attack.method} ${attack.path}, ${attack.what}: ${status} ${text.slice(0, 300)}`)
  })
  expect(findings).toEqual([])
})

it.each(Object.keys(importKinds))('a file of %s that is broken is refused or reported on, whatever is wrong with it', async (kind) => {
  const findings: string[] = []
  const columns = (await imported(kind, 'x\n', '{"defaults":{"nothing":"x"}}')).problem['possible'] as string[]
  const column = columns.find((name) => /name|title/i.test(name)) ?? columns[0]!
  const files = [
    ...Object.entries(brokenFiles(column)).map(([what, file]) => [what, file, undefined] as const),
    ...brokenMappings.map((mapping) => [`the mapping ${mapping.slice(0, 40)}`, `${column}\nx\n`, mapping] as const),
    ['odd cells', hostileFile(columns), undefined] as const,
  ]
  for (const [what, file, mapping] of files) {
    const { reply, report } = await imported(kind, file, mapping)
    findings.push(...faultsOf(reply).map((fault) => `${what}: ${fault}`))
    if (!report) continue
    if (report.problem === 'fault') findings.push(`${what} is our fault`)
    if (report.status === 'done' && report.rows !== report.added + report.existing + report.rejected)
      findings.push(`${what}: ${JSON.stringify(report)}`)
    const rejections = await at(ours.ada).call(listRejections, { params: { id: report.id } })
    if (rejections.status !== 200 || tellsTooMuch(rejections.text.replace(/Robert.*?--/g, '')))
      findings.push(`${what}: ${rejections.text.slice(0, 300)}`)
  }
  expect(findings).toEqual([])
})

async function imported(kind: string, file: string | Buffer | undefined, mapping?: string) {
  const reply = await send(url, importing(ours.token, kind, file, mapping))
  const body = JSON.parse(reply.text) as Record<string, unknown> & { id: string }
  if (reply.status !== 201) return { reply, problem: body, report: undefined }
  const report = await eventually(async () => {
    const found = await at(ours.ada).does(getImport, { params: { id: body.id } })
    return ['done', 'failed'].includes(found.status) && found
  })
  return { reply, problem: body, report }
}

it('an upload that breaks off leaves nothing', async () => {
  const { database } = running.get('lead')!
  const receiving = async () => {
    const [row] = await inTenant(ours.tenantId, () =>
      database.query<{ count: bigint }>(`SELECT count(*) AS count FROM import WHERE status = 'receiving'`),
    )
    return row!.count
  }
  const { path, headers } = importing(ours.token, 'leads', undefined)
  const upload = request(new URL(path, url), { method: 'POST', headers })
  const broken = once(upload, 'error')
  upload.write('companyName\nHalf a fi')
  await eventually(async () => (await receiving()) === 1n)
  upload.destroy(new Error('gone'))
  await broken
  await eventually(async () => (await receiving()) === 0n)
})

it('an upload that is refused before it was read leaves its connection as good as it was', async () => {
  const big = `companyName\n${'x'.repeat(5_000_000)}\n`
  for (let n = 0; n < 5; n += 1) {
    // One after the other, so that the second comes on the connection of the first.
    const replies = [await send(url, importing(ours.token, 'users', big, 'x')), await send(url, importing(ours.token, 'users', 'x\ny\n'))]
    expect(replies.map(({ status }) => status)).toEqual([400, 422])
    expect(Math.max(...replies.map(({ ms }) => ms))).toBeLessThan(15_000)
  }
})

it('a body of ten megabytes is refused in words, however it is sent', async () => {
  const big = Buffer.alloc(10_000_000, 'x')
  for (const type of ['application/json', 'text/csv', 'text/plain', undefined])
    for (const chunked of [true, false]) {
      const headers = {
        authorization: `Bearer ${ours.token}`,
        ...(type && { 'content-type': type }),
        ...(chunked && { 'transfer-encoding': 'chunked' }),
      }
      const { status, text } = await send(url, { what: 'ten megabytes', method: 'POST', path: '/v1/leads', headers, body: big })
      expect([status, JSON.parse(text)]).toEqual([413, expect.objectContaining({ code: 'request.too_large' })])
    }
})

it('the events of what was accepted could be applied everywhere', async () => {
  await world.events(ours.tenantId)
  const api = at(ours.ada)
  for (const service of names) expect(await api.does(listParkedEvents, { query: { service } })).toEqual({ data: [], next: null })
  expect(await api.does(checkLedger)).toMatchObject({ balanced: true })
})

it('what is asked for several times at once is done once', async () => {
  const { tenantId, ada, people } = theirs
  const api = at(ada)
  const body = { companyName: 'Asked four times', email: `${newId('x')}@example.com` }
  const headers = { 'idempotency-key': newId('key') }
  const leads = await several(() => api.call(captureLead, { body, headers }))
  const lead = leads.find(({ status }) => status === 201)!.body
  for (const { status, body: other } of leads)
    expect([201, 409]).toContain(status === 201 && other.id === lead.id ? 201 : other.code === 'idempotency.in_flight' ? 409 : status)
  const otherBody = await api.call(captureLead, { body: { ...body, companyName: 'Another' }, headers })
  expect(otherBody.body).toMatchObject({ status: 422, code: 'idempotency.reused' })

  const one = (operation: Operation, id: string, given?: object, who = api) =>
    several(() => who.call(operation, { params: { id }, ...(given && { body: given }) }))
  await one(qualifyLead, lead.id)
  const conversions = await one(convertLead, lead.id, { opportunity: { title: 'Once' } })
  expect(
    new Set(
      conversions.filter(({ status }) => status === 200).map(({ body: { accountId, opportunityId } }) => `${accountId} ${opportunityId}`),
    ).size,
  ).toBe(1)
  const { quote } = await aQuote(api)
  await one(acceptQuote, quote.id, { signer: '李雷' })
  const contracts = await several(() => api.call(draftContract, { body: { quoteId: quote.id } }))
  const contract = contracts.find(({ status }) => status === 201)!.body
  await one(submitContract, contract.id)
  await one(approveContract, contract.id, undefined, at(people.executive))
  await one(signContract, contract.id, { customerSigner: '李雷' })
  await world.events(tenantId)
  const { data } = await api.does(listReceivables, { query: { contractId: contract.id } })
  await several(() => api.call(issueInvoice, { body: { receivableIds: [data[0].id], kind: 'commercial', buyer: { name: 'Cloudmap' } } }))
  const receipt = await api.does(recordReceipt, {
    body: { accountId: data[0].accountId, amount: data[0].amount, receivedOn: '2026-11-21' },
  })
  await one(unsettleReceipt, receipt.id)
  await one(settleReceipt, receipt.id)

  const seen = await world.events(tenantId)
  const times = (name: string, subject: string) => seen.filter((event) => event.name === name && event.subject === subject).length
  expect(seen.filter(({ name, payload }) => name === 'lead.captured' && payload['companyName'] === body.companyName)).toHaveLength(1)
  expect({
    converted: times('lead.converted', lead.id),
    opened: seen.filter(({ name, payload }) => name === 'opportunity.opened' && payload['title'] === 'Once').length,
    accepted: times('quote.accepted', quote.id),
    drafted: new Set(contracts.map(({ body: { id } }) => id)).size,
    signed: times('contract.signed', contract.id),
    ordered: seen.filter(({ name, payload }) => name === 'order.placed' && payload['contractId'] === contract.id).length,
    invoiced: seen.filter(({ name, payload }) => name === 'invoice.issued' && JSON.stringify(payload).includes(data[0].id)).length,
    settled: times('receipt.settled', receipt.id) - 1, // once when it was recorded
    unsettled: times('receipt.unsettled', receipt.id),
  }).toEqual({ converted: 1, opened: 1, accepted: 1, drafted: 1, signed: 1, ordered: 1, invoiced: 1, settled: 1, unsettled: 1 })
  expect(await api.does(checkLedger)).toMatchObject({ balanced: true })
})

function several<T>(ask: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: 4 }, ask))
}
