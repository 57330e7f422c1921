// npm run events -- parked [service] | show <id> | replay <id> | replay --all <service> | tail [--type lead] [--from-start]
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Bus } from '../libs/service/src/bus/bus.ts'
import { services, topics } from '../libs/contracts/src/services.ts'
import { asClient, demoTenant, home } from './parts/demo-access.ts'

const usage = `npm run events -- parked [service]          events that could not be applied, oldest first
npm run events -- show <id>                 one of them with headers and payload
npm run events -- replay <id>               apply it again, and those that wait behind it
npm run events -- replay --all <service>    apply all of a service again
npm run events -- tail [--type lead] [--from-start]   what goes over the bus, until Ctrl-C
  --tenant Northfold   another demo company than Ridgeway`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tenant: { type: 'string', default: 'Ridgeway' },
    all: { type: 'boolean' },
    type: { type: 'string' },
    'from-start': { type: 'boolean' },
  },
})
const [command, name] = positionals

try {
  if (command === 'parked') await parked(name)
  else if (command === 'show' && name) print(await api().get(`/v1/parked-events/${name}`))
  else if (command === 'replay' && name)
    print(await api().post(values.all ? `/v1/parked-events/replay?service=${name}` : `/v1/parked-events/${name}/replay`))
  else if (command === 'tail') await tail()
  else {
    console.log(usage)
    process.exitCode = command === undefined || command === 'help' ? 0 : 1
  }
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

function api() {
  return asClient(demoTenant(values.tenant), 'integration')
}

async function parked(service: string | undefined): Promise<void> {
  const client = api()
  for (const each of service ? [service] : Object.keys(services)) {
    const { data } = await client.get('/v1/parked-events', { service: each })
    console.log(`${each}: ${data.length ? '' : 'none'}`)
    for (const event of data)
      console.log(`  ${event.id}  ${event.type}  ${event.subject}  ${event.code}, tried ${event.attempts} times, since ${event.parkedAt}`)
  }
}

/** Prints events as they pass, each a line of JSON; reads as a group of its own, so nobody misses one for it. */
async function tail(): Promise<void> {
  const file = join(home, 'bus.url')
  const url = process.env['BUS_URL'] ?? (existsSync(file) ? readFileSync(file, 'utf8') : undefined)
  if (!url) throw new Error('no bus is known: set BUS_URL, or run npm start first')
  const { openBus } = (await import('../libs/service/dist/bus/index.js' as string)) as {
    openBus(url: string, clientId: string): Promise<Bus>
  }
  const bus = await openBus(url, 'millrace-tail')
  const since = values['from-start'] ? '' : new Date().toISOString()
  const subscription = await bus.subscribe({
    group: `millrace-tail-${process.pid}-${Date.now()}`,
    topics,
    deliver: async (batch) => {
      for (const { headers, value } of batch) {
        const recorded = timeOf(headers['ce_id'] ?? '')
        if (recorded < since || (values.type && !headers['ce_type']?.includes(values.type))) continue
        console.log(JSON.stringify({ ...headers, data: JSON.parse(value.toString()) as unknown }))
      }
    },
  })
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  await subscription.stop()
  await bus.close()
}

/** When an event was minted: the first 48 bits of its UUIDv7, as an ISO instant. */
function timeOf(id: string): string {
  const letters = '0123456789abcdefghjkmnpqrstvwxyz'
  const first = [...id.slice(id.lastIndexOf('_') + 1).slice(0, 10)].reduce((sum, letter) => sum * 32 + letters.indexOf(letter), 0)
  return first > 0 ? new Date(first).toISOString() : ''
}

function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2))
}
