import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import type { ServiceDefinition } from '@millrace/service'
import { services } from '../../libs/contracts/src/services.ts'
import { aDatabase, aPlatform, builtFile, httpSenders, settled, underLoad, type Load } from './ground.ts'
import { inTurn, type Benchmark, type Figure } from './measure.ts'

const connections = 32

/** B1: how many leads a second come in through the public door. */
export const createLead: Benchmark = {
  id: 'B1',
  title: 'Create a lead through the gateway',
  meaning:
    'What one more write costs, with everything on that makes it a write of this platform: token check at the gateway and in the service, rate limit, validation, look-up of like leads, Idempotency-Key, row-level security, audit row, kept answer, outbox, metrics.',
  how: `\`POST /v1/leads\` on ${connections} connections, each sending as soon as it is answered; every lead is a different one. Postgres, all services, the consumers of the event and the load generator share the machine. Times count from the moment a connection was free to send.`,
  yardstick: `The same lead row (same table, same indexes, no row-level security) and its outbox row in one prepared CTE statement, over ${connections} connections of \`pg\` from Node, in the same Postgres. It stands in for pgbench, which npm does not bring; pgbench's client needs less processor time, so that against it the ratio would be lower.`,
  known:
    'One request takes about 8 ms of processor time over all processes (sampled on a busy machine, before statements were prepared), the yardstick’s less than 0.3 ms. A third of it is Postgres working for lead: nine statements (begin, idempotency, settings, locks of the keys, look-up of like leads, lead, outbox, audit, kept answer), prepared once per connection since (which let about a quarter more requests through in one pair of runs). The rest: lead itself 1.6 ms, insight with its Postgres 1.7 ms for the same event, the gateway 0.7 ms, the embedded bus 0.6 ms, the other services 0.8 ms for looking at a topic that does not concern them.',
  async run(run) {
    const ground = await aPlatform(run)
    const { platform, token, tenantId, superuser } = ground
    const database = await aDatabase(superuser, 'yardstick')
    const { newId } = await import('@millrace/domain')
    const { migrate, migrationsOf } = await import('@millrace/service')
    const { leadService } = await builtFile<{ leadService: ServiceDefinition }>('apps/lead/dist/lead.module.js')
    await migrate(database.ownerUrl, migrationsOf(leadService))

    const someone = () => {
      const salt = randomBytes(6).toString('hex')
      const phone = String(13_000_000_000 + Math.floor(Math.random() * 999_999_999))
      return {
        companyName: `Works ${salt} Ltd`,
        contactName: `Li ${salt}`,
        email: `li@${salt}.example`,
        phone,
        country: 'CN',
        source: 'Bench',
      }
    }
    const senders = httpSenders(
      run,
      platform.url,
      connections,
      () => ({
        method: 'POST',
        path: '/v1/leads',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
        body: JSON.stringify(someone()),
      }),
      201,
    )
    const writers = await Promise.all(
      Array.from({ length: connections }, async () => {
        const client = new pg.Client({ connectionString: database.superuserUrl })
        client.on('error', () => {})
        await client.connect()
        run.defer(() => client.end())
        return async () => {
          const [leadId, eventId, journeyId, lead, at] = [newId('lead'), newId('event'), newId('journey'), someone(), new Date()]
          const { companyName, contactName, email, phone, country, source } = lead
          const headers = {
            'content-type': 'application/json',
            ce_specversion: '1.0',
            ce_id: eventId,
            ce_source: '/millrace/lead',
            ce_type: 'millrace.lead.captured.v1',
            ce_subject: leadId,
            ce_time: at.toISOString(),
            ce_tenantid: tenantId,
            ce_journeyid: journeyId,
            ce_sequence: '1',
          }
          const payload = { leadId, companyName, contactName, ownerId: null, source, channel: null, campaign: null }
          await client.query({
            name: 'create',
            text: `WITH stored AS (
                     INSERT INTO lead (tenant_id, id, version, journey_id, created_at, updated_at, status, company_name, company_key, contact_name,
                       contact_key, email, email_key, phone, phone_key, country, source, duplicate_of)
                     VALUES ($1, $2, 1, $3, $4, $4, 'new', $5, lower($5), $6, lower($6), $7, $7, $8, $8, $9, $10, '[]'))
                   INSERT INTO outbox (tenant_id, event_id, topic, key, headers, payload) VALUES ($1, $11, 'millrace.lead.lead.v1', $2, $12, $13)`,
            values: [
              ...[tenantId, leadId, journeyId, at, companyName, contactName, email, phone, country, source],
              ...[eventId, JSON.stringify(headers), JSON.stringify(payload)],
            ],
          })
        }
      }),
    )
    const ours = async () => {
      const load = await underLoad(senders, run.seconds, run.halt)
      await settled(run, ground, Object.keys(services))
      return load
    }
    const yardstick = () => underLoad(writers, run.seconds, run.halt)
    run.report('  warming up')
    await ours()
    await yardstick()
    const rounds = await inTurn(run, { ours, yardstick })

    const figure = (
      name: string,
      unit: string,
      better: Figure['better'],
      read: (load: Load) => number,
      target: Partial<Figure> = {},
    ): Figure => ({
      ...{ name, unit, better, ...target },
      rounds: rounds.map(({ ours, yardstick }) => ({ ours: read(ours), yardstick: read(yardstick) })),
    })
    const failed = rounds.flatMap(({ ours, yardstick }) => [ours.firstError, yardstick.firstError].filter((error) => error !== undefined))
    return {
      figures: [
        figure('leads created', '1/s', 'more', (load) => load.perSecond, { ratio: 0.35 }),
        figure('answer p50', 'ms', 'less', (load) => load.p50),
        figure('answer p99', 'ms', 'less', (load) => load.p99, { absolute: 25 }),
        figure('errors', 'count', 'less', (load) => load.errors, { absolute: 0 }),
      ],
      remarks: [...new Set(failed)].map((error) => `An error: ${error}`),
    }
  },
}
