import { randomBytes, randomUUID } from 'node:crypto'
import type { ServiceDefinition } from '@millrace/service'
import { aDatabase, aPlatform, atRate, builtFile, httpSenders, pgClients, settled, underLoad, type Load } from './ground.ts'
import { inTurn, median, number, type Benchmark, type Figure, type Run } from './measure.ts'

export const connections = 32
/** Share of what gets through at most at which the answer times of a platform that is not overloaded are taken. */
const calm = 0.6

/** B1: how many leads a second come in through the public door. */
export const createLead: Benchmark = {
  id: 'B1',
  title: 'Create a lead through the gateway',
  meaning:
    'What one more write costs, with everything on that makes it a write of this platform: token check at the gateway and in the service, rate limit, validation, look-up of like leads, Idempotency-Key, row-level security, audit row, kept answer, outbox, metrics.',
  how: `\`POST /v1/leads\` on ${connections} connections, each sending as soon as it is answered; every lead is a different one. Postgres, all services, the consumers of the event and the load generator share the machine. “At ${100 * calm} %”: requests fall due by the clock at ${100 * calm} % of what got through in the same round, over the same connections, and times count from the moment each was due, whether or not a connection was free.`,
  yardstick: `The same lead row (same table, same indexes, no row-level security) and its outbox row in one prepared CTE statement, over ${connections} connections of \`pg\` from Node, in the same Postgres. It stands in for pgbench, which npm does not bring and whose client needs less processor time: tried on a busy machine with the same statement, pgbench got 1.2 to 2.1 times as much through, so against it the ratio is lower by that.`,
  async run(run) {
    const ground = await aPlatform(run)
    const { platform, token, tenantId, superuser } = ground
    const database = await aDatabase(superuser, 'yardstick')
    const { migrate, migrationsOf } = await import('@millrace/service')
    const { leadService } = await builtFile<{ leadService: ServiceDefinition }>('apps/lead/dist/lead.module.js')
    await migrate(database.ownerUrl, migrationsOf(leadService))
    const senders = leadSenders(run, platform.url, () => token)
    const writers = await leadWriters(run, database.superuserUrl, () => tenantId)

    const one = async (workers: typeof senders) => {
      const full = await underLoad(workers, run.seconds, run.halt)
      if (workers === senders) await settled(run, ground)
      const half = await atRate(workers, calm * full.perSecond, run.seconds / 2, run.halt)
      if (workers === senders) await settled(run, ground)
      return { full, half }
    }
    run.report('  warming up')
    await one(senders)
    await one(writers)
    const rounds = await inTurn(run, { ours: () => one(senders), yardstick: () => one(writers) })

    const figure = (
      name: string,
      unit: string,
      better: Figure['better'],
      read: (loads: { full: Load; half: Load }) => number,
      target: Partial<Figure> = {},
    ): Figure => ({
      ...{ name, unit, better, ...target },
      rounds: rounds.map(({ ours, yardstick }) => ({ ours: read(ours), yardstick: read(yardstick) })),
    })
    const loads = rounds.flatMap(({ ours, yardstick }) => [ours.full, ours.half, yardstick.full, yardstick.half])
    return {
      figures: [
        figure('leads created', '1/s', 'more', ({ full }) => full.perSecond, { ratio: 0.35, stretch: 0.5, guarded: true }),
        figure('answer p50', 'ms', 'less', ({ full }) => full.p50),
        figure('answer p99', 'ms', 'less', ({ full }) => full.p99, { absolute: 25 }),
        figure(`answer p50 at ${100 * calm} %`, 'ms', 'less', ({ half }) => half.p50),
        figure(`answer p99 at ${100 * calm} %`, 'ms', 'less', ({ half }) => half.p99, { absolute: 25 }),
        figure('errors', 'count', 'less', ({ full, half }) => full.errors + half.errors, { absolute: 0 }),
      ],
      remarks: [
        generatorRemark(
          rounds.map(({ ours }) => ours.full),
          rounds.map(({ yardstick }) => yardstick.full),
        ),
        ...errorsOf(loads),
      ],
    }
  },
}

/** Says how busy the load generator was, so that a reader sees whether it was in the way. */
export function generatorRemark(ours: readonly Load[], yardstick: readonly Load[]): string {
  const share = (loads: readonly Load[]) => number(median(loads.map(({ generator }) => generator)))
  return `The load generator is one process with one core at most: it took ${share(ours)} % of it for ours, ${share(yardstick)} % for the yardstick.`
}

export function errorsOf(loads: readonly Load[]): string[] {
  return [...new Set(loads.flatMap(({ firstError }) => firstError ?? []))].map((error) => `An error: ${error}`)
}

/** Who nobody has heard of yet. */
export function someone() {
  const salt = randomBytes(6).toString('hex')
  const phone = String(13_000_000_000 + Math.floor(Math.random() * 999_999_999))
  return { companyName: `Works ${salt} Ltd`, contactName: `Li ${salt}`, email: `li@${salt}.example`, phone, country: 'CN', source: 'Bench' }
}

/** Connections that create leads through the gateway. */
export function leadSenders(run: Run, url: string, token: () => string): (() => Promise<void>)[] {
  return httpSenders(
    run,
    url,
    connections,
    () => ({
      method: 'POST',
      path: '/v1/leads',
      headers: { authorization: `Bearer ${token()}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify(someone()),
    }),
    201,
  )
}

/** Connections that write a lead and its outbox row by hand. The database has the lead service's tables. */
export async function leadWriters(run: Run, url: string, tenant: () => string, outbox = 'outbox'): Promise<(() => Promise<void>)[]> {
  const { newId } = await import('@millrace/domain')
  const clients = await pgClients(run, url, connections)
  return clients.map((client) => async () => {
    const tenantId = tenant()
    const [leadId, eventId, journeyId, lead, at] = [newId('lead'), newId('event'), newId('journey'), someone(), new Date()]
    const { companyName, contactName, email, phone, country, source } = lead
    await client.query({
      name: 'create',
      text: `WITH stored AS (
               INSERT INTO lead (tenant_id, id, version, journey_id, created_at, updated_at, status, company_name, company_key, contact_name,
                 contact_key, email, email_key, phone, phone_key, country, source, duplicate_of)
               VALUES ($1, $2, 1, $3, $4, $4, 'new', $5, lower($5), $6, lower($6), $7, $7, $8, $8, $9, $10, '[]'))
             INSERT INTO ${outbox} (tenant_id, event_id, topic, key, headers, payload) VALUES ($1, $11, 'millrace.lead.lead.v1', $2, $12, $13)`,
      values: [
        ...[tenantId, leadId, journeyId, at, companyName, contactName, email, phone, country, source],
        ...[eventId, ...capturedEvent({ tenantId, leadId, eventId, journeyId, at: at.toISOString(), companyName, contactName, source })],
      ],
    })
  })
}

/** Headers and payload of the event of a lead, as the outbox has them. */
export function capturedEvent(lead: {
  readonly tenantId: string
  readonly leadId: string
  readonly eventId: string
  readonly journeyId: string
  readonly at: string
  readonly companyName: string
  readonly contactName: string
  readonly source: string
}): [headers: string, payload: string] {
  const { tenantId, leadId, eventId, journeyId, at, companyName, contactName, source } = lead
  const headers = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: eventId,
    ce_source: '/millrace/lead',
    ce_type: 'millrace.lead.captured.v1',
    ce_subject: leadId,
    ce_time: at,
    ce_tenantid: tenantId,
    ce_journeyid: journeyId,
    ce_sequence: '1',
  }
  const payload = { leadId, companyName, contactName, ownerId: null, source, channel: null, campaign: null }
  return [JSON.stringify(headers), JSON.stringify(payload)]
}
