import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { services, type ServiceName } from '../../libs/contracts/src/services.ts'
import { connections, errorsOf, generatorRemark, leadSenders } from './create-lead.ts'
import { aPlatform, databaseUrl, httpSenders, settled, underLoad, withClient, type Ground, type Load } from './ground.ts'
import { inTurn, type Benchmark, type Outcome, type Run } from './measure.ts'

const scrapeMs = 5_000
const stranger = 'tenant_01k00000000000000000000000'

/** B10: what row-level security costs. */
export const rowSecurity: Benchmark = {
  id: 'B10',
  title: 'Row-level security forced, and off',
  meaning:
    'What it costs that the database itself keeps the companies apart: every statement passes a policy, whatever the service’s own SQL says.',
  how: `One platform, ${connections} connections through the gateway. “Created”: \`POST /v1/leads\` as in B1. “Read”: half a lead by its id, half a page of 50 leads.`,
  yardstick:
    'The same platform with row-level security taken off between the rounds in all databases of sales: each table under a policy is replaced by a view of itself that says `WHERE tenant_id = …` with the company’s id in it, as a careful program would write it into each statement. That the policies are on, and off, is seen each time by reading as another company.',
  async run(run) {
    const ground = await aPlatform(run)
    const names = (Object.keys(services) as ServiceName[]).filter((name) => name !== 'identity')
    const turn = async (security: 'forced' | 'off') => {
      for (const name of names)
        await withClient(databaseUrl(ground.superuser, `millrace_${name}`), (client) =>
          turnSecurity(client, ground.tenantId, name, security),
        )
      const seen = await strangersLeads(ground)
      if (security === 'forced' ? seen : !seen) throw new Error(`row-level security is not ${security}: another company sees ${seen} leads`)
    }
    return compare(run, ground, ground, { ours: () => turn('forced'), yardstick: () => turn('off') })
  },
}

/** B11: what telemetry costs. */
export const telemetry: Benchmark = {
  id: 'B11',
  title: 'Traces, metrics and logs on, and off',
  meaning: 'What it costs to see what the platform does.',
  how: `One platform with one request of ten traced to an OTLP collector, metrics sent there as well and scraped from each service every ${scrapeMs / 1_000} s, JSON logs at level info. ${connections} connections through the gateway. “Created”: \`POST /v1/leads\` as in B1. “Read”: half a lead by its id, half a page of 50 leads.`,
  yardstick: 'A second platform beside it, idle while the first one works and the other way round, with all of that off.',
  async run(run) {
    const collector = await aCollector(run)
    const on = await besides(run, 'on', {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER_ARG: '0.1',
      METRICS: 'on',
      LOG_LEVEL: 'info',
    })
    const off = await besides(run, 'off', { METRICS: 'off', LOG_LEVEL: 'silent' })
    const scraper = setInterval(() => void scrape(on), scrapeMs)
    run.defer(() => clearInterval(scraper))
    const outcome = await compare(run, on, off)
    const { spans, metrics } = collector.received
    if (!spans || !metrics)
      throw new Error(`the collector received ${spans} bytes of traces and ${metrics} of metrics: telemetry was not on`)
    const remark = `The collector received ${Math.round(spans / 1_024).toLocaleString('en')} kB of traces and ${Math.round(metrics / 1_024).toLocaleString('en')} kB of metrics.`
    return { ...outcome, remarks: [...outcome.remarks, remark] }
  },
}

interface Mixes {
  readonly created: Load
  readonly read: Load
}

/** The create and the read mix on two platforms (or the same one, switched before each turn). */
async function compare(
  run: Run,
  ours: Ground,
  yardstick: Ground,
  prepare: { ours?: () => Promise<void>; yardstick?: () => Promise<void> } = {},
): Promise<Outcome> {
  const measured = async (ground: Ground, prepared: () => Promise<void> = async () => {}) => {
    const { url } = ground.platform
    const create = leadSenders(run, url, () => ground.token)
    await underLoad(create, 2, run.halt)
    const { data } = (await (
      await fetch(`${url}/v1/leads?limit=200`, { headers: { authorization: `Bearer ${ground.token}` } })
    ).json()) as {
      data: { id: string }[]
    }
    let n = 0
    const read = httpSenders(
      run,
      url,
      connections,
      () => {
        n += 1
        const path = n % 2 ? `/v1/leads/${data[n % data.length]!.id}` : '/v1/leads?limit=50'
        return { method: 'GET', path, headers: { authorization: `Bearer ${ground.token}` } }
      },
      200,
    )
    return async (): Promise<Mixes> => {
      await prepared()
      // The services' statements meet the change here, not in the figures.
      await underLoad(create, 0.5, run.halt)
      await underLoad(read, 0.5, run.halt)
      const created = await underLoad(create, run.seconds / 2, run.halt)
      await settled(run, ground)
      return { created, read: await underLoad(read, run.seconds / 2, run.halt) }
    }
  }
  const sides = { ours: await measured(ours, prepare.ours), yardstick: await measured(yardstick, prepare.yardstick) }
  run.report('  warming up')
  await sides.ours()
  await sides.yardstick()
  const rounds = await inTurn(run, sides)
  const loads = (side: 'ours' | 'yardstick') => rounds.flatMap((round) => [round[side].created, round[side].read])
  const all = [...loads('ours'), ...loads('yardstick')]
  const figure = (mix: keyof Mixes, name: string) => ({
    ...{ name, unit: '1/s', better: 'more' as const },
    rounds: rounds.map(({ ours, yardstick }) => ({ ours: ours[mix].perSecond, yardstick: yardstick[mix].perSecond })),
    ...(prepare.ours ? { ratio: 0.85, stretch: 0.93 } : { ratio: 0.85, stretch: 0.92 }),
  })
  const failed = all.reduce((sum, { errors }) => sum + errors, 0)
  return {
    figures: [
      figure('created', 'leads created'),
      figure('read', 'leads and pages read'),
      { name: 'errors', unit: 'count', better: 'less', rounds: [{ ours: failed, yardstick: null }], absolute: 0 },
    ],
    remarks: [generatorRemark(loads('ours'), loads('yardstick')), ...errorsOf(all)],
  }
}

type Client = Parameters<Parameters<typeof withClient>[1]>[0]

/** Under a policy, or a view that says what the policy says. What belongs to no company in particular (outbox, inbox) has no need of either. */
async function turnSecurity(client: Client, tenantId: string, service: string, security: 'forced' | 'off'): Promise<void> {
  const { rows } = await client.query<{ name: string; led: boolean; forced: boolean; plain: string | null }>(
    `SELECT replace(relname, 'plain_', '') AS name, relforcerowsecurity AS forced,
       CASE WHEN relname LIKE 'plain\\_%' THEN relname END AS plain,
       EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] WHERE indrelid = c.oid AND indisprimary AND attname = 'tenant_id') AS led
     FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)`,
  )
  const statements = rows.flatMap(({ name, led, forced, plain }) => {
    if (security === 'forced')
      return forced
        ? []
        : [
            ...(plain ? [`DROP VIEW ${name}`, `ALTER TABLE ${plain} RENAME TO ${name}`] : []),
            `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
          ]
    return [
      `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY`,
      ...(led
        ? [
            `ALTER TABLE ${name} RENAME TO plain_${name}`,
            `CREATE VIEW ${name} AS SELECT * FROM plain_${name} WHERE tenant_id = '${tenantId}'`,
            `GRANT SELECT, INSERT, UPDATE, DELETE ON ${name} TO millrace_${service}_app`,
          ]
        : []),
    ]
  })
  if (statements.length) await client.query(`BEGIN; ${statements.join('; ')}; COMMIT`)
}

/** How many leads the lead service would read for a company that has none. */
async function strangersLeads({ platform }: Ground): Promise<number> {
  return withClient(platform.environmentOf('lead')['DATABASE_URL']!, async (client) => {
    await client.query(`SELECT set_config('millrace.tenant', '${stranger}', false)`)
    return Number((await client.query<{ count: string }>('SELECT count(*) FROM lead')).rows[0]!.count)
  })
}

/** A platform in a folder of its own below the run's. */
async function besides(run: Run, name: string, env: Record<string, string>): Promise<Ground> {
  const home = join(run.home, name)
  mkdirSync(home, { recursive: true })
  return aPlatform({ ...run, home }, env)
}

async function scrape({ platform }: Ground): Promise<void> {
  for (const app of Object.keys(services)) {
    const { HOST, PORT } = platform.environmentOf(app) as { HOST: string; PORT: string }
    const answer = await fetch(`http://${HOST}:${PORT}/metrics`).catch(() => undefined)
    await answer?.body?.cancel()
  }
}

/** Takes what OTLP exporters send, and counts the bytes. */
async function aCollector(run: Run): Promise<{ url: string; received: { spans: number; metrics: number } }> {
  const received = { spans: 0, metrics: 0 }
  const server = createServer((request, response) => {
    const kind = request.url === '/v1/traces' ? 'spans' : 'metrics'
    request.on('data', (part: Buffer) => (received[kind] += part.length))
    request.on('end', () => response.setHeader('content-type', 'application/x-protobuf').end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  run.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}
