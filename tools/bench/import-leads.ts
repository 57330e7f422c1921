import { setTimeout as sleep } from 'node:timers/promises'
import type { ServiceDefinition } from '@millrace/service'
import type pg from 'pg'
import type { ImportReport } from '../parts/api.ts'
import { capturedEvent, someone } from './create-lead.ts'
import { aDatabase, aPlatform, builtFile, databaseUrl, insertsOf, settled, withClient, type Ground, type Insert } from './ground.ts'
import { inTurn, type Benchmark, type Run } from './measure.ts'

const rowsAtOnce = 1_000

/** B2: how fast a file of leads is in. */
export const importLeads: Benchmark = {
  id: 'B2',
  title: 'Import leads from a file',
  meaning:
    'How long a list from a fair or the move from another system takes: each row mapped, checked, normalised, looked up by its external id, stored with audit row and event, in transactions that also note how far the import came.',
  how: 'A CSV file of 2,000 rows for each second of a round, all new, uploaded through the gateway; time from the first byte sent until the import is done. The relay, the bus and the consumers of the events work at the same time on the same machine.',
  yardstick: `The same leads and their outbox rows as \`INSERT … SELECT FROM unnest\` into tables of the same kind in the same Postgres, ${rowsAtOnce.toLocaleString('en')} rows in one transaction, one connection, no row-level security; from memory: nothing is parsed, checked or looked up.`,
  async run(run) {
    const ground = await aPlatform(run)
    const database = await aDatabase(ground.superuser, 'yardstick')
    const { migrate, migrationsOf } = await import('@millrace/service')
    const { leadService } = await builtFile<{ leadService: ServiceDefinition }>('apps/lead/dist/lead.module.js')
    await migrate(database.ownerUrl, migrationsOf(leadService))
    const count = 2_000 * run.seconds
    const stored = databaseUrl(ground.superuser, 'millrace_lead')
    let batches: Insert[][] = []

    const ours = async () => {
      const before = await withClient(
        stored,
        async (client) => (await client.query<{ id: string | null }>('SELECT max(id) AS id FROM lead')).rows[0]!.id,
      )
      const seconds = await imported(run, ground, file(count))
      await settled(run, ground)
      batches = await withClient(stored, (client) => batchesSince(client, before ?? '', count))
      return count / seconds
    }
    const yardstick = () =>
      withClient(database.superuserUrl, async (client) => {
        await client.query('TRUNCATE outbox')
        const began = performance.now()
        for (const batch of batches) {
          await client.query('BEGIN')
          for (const insert of batch) await client.query(insert as unknown as pg.QueryConfig)
          await client.query('COMMIT')
        }
        return count / ((performance.now() - began) / 1_000)
      })
    run.report('  warming up')
    await ours()
    await yardstick()
    const rounds = await inTurn(run, { ours, yardstick })
    return { figures: [{ name: 'leads imported', unit: '1/s', better: 'more', rounds, ratio: 0.4, stretch: 0.7 }], remarks: [] }
  },
}

/** Seconds from the upload's start until the import is done. */
async function imported(run: Run, { platform: { url }, token }: Ground, csv: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${url}${path}`, { ...init, headers: { ...headers, ...init.headers }, signal: run.halt })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as ImportReport
  }
  const began = performance.now()
  let report = await ask('/v1/imports?kind=leads', {
    method: 'POST',
    headers: { 'content-type': 'text/csv', 'idempotency-key': crypto.randomUUID() },
    body: csv,
  })
  while (report.status !== 'done' && report.status !== 'failed') {
    await sleep(25)
    report = await ask(`/v1/imports/${report.id}`)
  }
  const seconds = (performance.now() - began) / 1_000
  const { status, added, rejected, existing, problem } = report
  if (status === 'failed' || rejected || existing)
    throw new Error(`the import is ${status} (${problem}): ${added} added, ${existing} there already, ${rejected} rejected`)
  return seconds
}

function file(count: number): string {
  const lines = ['externalId,companyName,contactName,jobTitle,email,phone,country,source,channel']
  for (let n = 0; n < count; n += 1) {
    const { companyName, contactName, email, phone, country, source } = someone()
    lines.push([crypto.randomUUID(), companyName, contactName, 'Buyer', email, phone, country, source, 'Fair'].join(','))
  }
  return `${lines.join('\n')}\n`
}

/** The leads stored since, and their outbox rows, as inserts: one pair for each transaction. */
async function batchesSince(client: pg.Client, id: string, count: number): Promise<Insert[][]> {
  const { newId } = await import('@millrace/domain')
  const parts = Math.ceil(count / rowsAtOnce)
  const leads = await insertsOf(client, 'lead', parts, `id > '${id}'`)
  const columns = /\((.*?)\)/.exec(leads[0]!.text)![1]!.split(', ')
  return leads.map((insert) => {
    const values = (name: string) => insert.values[columns.indexOf(name)] as string[]
    const [tenants, ids, journeys, ats] = [values('tenant_id'), values('id'), values('journey_id'), values('created_at')]
    const [companies, contacts, sources] = [values('company_name'), values('contact_name'), values('source')]
    const events = ids.map((leadId, n) => {
      const eventId = newId('event')
      const [tenantId, journeyId, at] = [tenants[n]!, journeys[n]!, new Date(ats[n]!).toISOString()]
      const names = { companyName: companies[n]!, contactName: contacts[n]!, source: sources[n]! }
      return [eventId, ...capturedEvent({ tenantId, leadId, eventId, journeyId, at, ...names })]
    })
    const outbox: Insert = {
      name: 'outbox',
      text: `INSERT INTO outbox (tenant_id, event_id, topic, key, headers, payload)
             SELECT t, e, 'millrace.lead.lead.v1', k, h::jsonb, p FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS o(t, e, k, h, p)`,
      values: [tenants, events.map(([event]) => event), ids, events.map(([, headers]) => headers), events.map(([, , payload]) => payload)],
    }
    return [insert, outbox]
  })
}
