// npm run demo [-- --json | --many 200]: one new lead becomes an account, a deal, a quote, a contract, an order, an invoice, a receipt and a balanced ledger.
import { parseArgs } from 'node:util'
import type { Api, Json } from './parts/api.ts'
import { asClient, demoTenant } from './parts/demo-access.ts'
import { doubled, money, road, type Journey, type Tell } from './parts/road.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    many: { type: 'string' },
    tenant: { type: 'string', default: 'Ridgeway' },
    parallel: { type: 'string', default: '8' },
  },
})

let reps: Json[] | undefined

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
  const journey = await walk(1, tell)
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
        const journey = await walk(n)
        ids.add(journey.journeyId)
        const wrong = doubled(journey)
        if (wrong) throw new Error(wrong)
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

async function walk(n: number, tell?: Tell): Promise<Journey> {
  const tenant = demoTenant(values.tenant)
  const api = asClient(tenant, 'integration')
  return road({ api, executive: asClient(tenant, 'reporting'), owner: await someRep(api, n), ...(tell && { tell }) })
}

async function someRep(api: Api, n: number): Promise<Json> {
  reps ??= (await api.get('/v1/users', { limit: '200' })).data.filter(
    (user: Json) => user.active && user.roles.includes('sales_rep'),
  ) as Json[]
  return reps[n % reps.length]
}

function inShort(facts: Record<string, Json>): string {
  return Object.values(facts)
    .map((fact: Json) => (typeof fact === 'object' ? money(fact) : String(fact)))
    .join(', ')
}
