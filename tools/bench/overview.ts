import { errorsOf, generatorRemark } from './create-lead.ts'
import { aPlatform, atRate, databaseUrl, httpSenders, pgClients, underLoad, type Load } from './ground.ts'
import { anIssuer, filled } from './growth.ts'
import { inTurn, type Benchmark, type Figure, type Run } from './measure.ts'

const connections = 4
const most = 1_000_000
const bytesPerAccount = 6_000
/** Share of what gets through at most at which answer times are taken. */
const calm = 0.6
const owners = 200
/** Accounts in one group: a parent and its subsidiaries. */
const group = 10

/** A1: what it costs to see all that the company has to do with a customer. */
export const overview: Benchmark = {
  id: 'overview',
  title: 'An account with everything around it',
  alone: true,
  meaning: 'How long a salesperson waits, before a visit, for the one page that says all about a customer.',
  how: `A company with ${most.toLocaleString('en')} accounts (fewer, where \`--leads\` says so), stored by SQL, in groups of a parent and ${group - 1} subsidiaries; each account with two contacts, two activities, a deal with its quote, an invoice, a receipt and an instalment as their events leave them. \`GET /v1/accounts/{id}/overview\` through the gateway over ${connections} connections, each time of an account by chance, every tenth of them a parent that adds up its group; by turns by somebody who sees all of the company and by a rep who asks for accounts of their own. “At ${100 * calm} %”: requests fall due by the clock at ${100 * calm} % of what got through in the same round, and times count from the moment each was due.`,
  yardstick: `What the page shows of an account without its group, read by hand from the same tables by six prepared statements, without row-level security, over ${connections} connections of \`pg\` from Node: no sums, no view, no HTTP.`,
  async run(run) {
    const size = run.leads.filter((leads) => leads <= most).at(-1) ?? run.leads[0]!
    const issuer = await anIssuer(run)
    const ground = await aPlatform(run, (url) => ({
      OIDC_ISSUER: `${url},${issuer.url}`,
      OIDC_JWKS_URL: `${url}/oauth/jwks,${issuer.url}/jwks`,
    }))
    const { tenantId } = ground
    const url = databaseUrl(ground.superuser, 'millrace_account')
    await filled(run, url, tables, size, [tenantId], 0, size, inserts, bytesPerAccount)
    const reps = await Promise.all(Array.from({ length: 10 }, (_, n) => issuer.tokenOf(tenantId, { id: ownerOf(n), roles: ['sales_rep'] })))
    let asked = 0
    const senders = httpSenders(
      run,
      ground.platform.url,
      connections,
      () => {
        const everything = (asked += 1) % 2 === 0
        const rep = asked % reps.length
        const n = everything ? anyOf(size) : rep + owners * anyOf(Math.ceil(size / owners))
        return {
          method: 'GET',
          path: `/v1/accounts/${idOf('account', n % size)}/overview`,
          headers: { authorization: `Bearer ${everything || n >= size ? ground.token : reps[rep]!}` },
        }
      },
      200,
    )
    const hand = await byHand(run, url, tenantId, size)
    const one = async (workers: typeof senders) => {
      const full = await underLoad(workers, run.seconds, run.halt)
      return { full, half: await atRate(workers, calm * full.perSecond, run.seconds, run.halt) }
    }
    run.report('  warming up')
    await one(senders)
    await one(hand)
    const rounds = await inTurn(run, { ours: () => one(senders), yardstick: () => one(hand) })
    const figure = (
      name: string,
      unit: string,
      better: Figure['better'],
      read: (loads: { full: Load; half: Load }) => number,
      absolute?: number,
    ): Figure => ({
      ...{ name, unit, better, absolute },
      rounds: rounds.map(({ ours, yardstick }) => ({ ours: read(ours), yardstick: read(yardstick) })),
    })
    return {
      figures: [
        figure(`answer p99 at ${100 * calm} %, ${size.toLocaleString('en')} accounts`, 'ms', 'less', ({ half }) => half.p99, 20),
        figure(`answer p50 at ${100 * calm} %`, 'ms', 'less', ({ half }) => half.p50),
        figure('answer p99', 'ms', 'less', ({ full }) => full.p99),
        figure('overviews read', '1/s', 'more', ({ full }) => full.perSecond),
        figure('errors', 'count', 'less', ({ full, half }) => full.errors + half.errors, 0),
      ],
      remarks: [
        generatorRemark(
          rounds.map(({ ours }) => ours.full),
          rounds.map(({ yardstick }) => yardstick.full),
        ),
        ...errorsOf(rounds.flatMap(({ ours, yardstick }) => [ours.full, ours.half, yardstick.full, yardstick.half])),
      ],
    }
  },
}

const anyOf = (size: number) => Math.floor(Math.random() * size)
const idOf = (noun: string, n: number) => `${noun}_01g${String(n).padStart(23, '0')}`
const ownerOf = (n: number) => idOf('user', n)

const tables = ['account', 'contact', 'activity', 'known_record', 'known_instalment']
const given = `FROM unnest($1::text[]) AS t(tenant), generate_series($2::int, $3::int) AS n, LATERAL (SELECT lpad(n::text, 23, '0') AS place) AS made`
const id = (noun: string, n = 'place') => `'${noun}_01g' || ${n}`
const owner = id('user', `lpad((n % ${owners})::text, 23, '0')`)
const at = `timestamptz '2026-01-01' + n * interval '1 second'`
const common = `tenant_id, id, version, journey_id, created_at, updated_at`
const twice = `${given}, generate_series(0, 1) AS more, LATERAL (SELECT lpad((n * 2 + more)::text, 23, '0') AS own) AS second`
const inserts = [
  `INSERT INTO account (${common}, name, name_key, industry, country, region, employees, parent_id, owner_id)
   SELECT tenant, ${id('account')}, 1, ${id('journey')}, ${at}, ${at}, 'Works ' || n || ' Ltd', 'works ' || n, 'machinery', 'CN', 'North', n % 1000,
     CASE WHEN n % ${group} > 0 THEN ${id('account', `lpad((n - n % ${group})::text, 23, '0')`)} END, ${owner} ${given}`,
  `INSERT INTO contact (${common}, account_id, owner_id, name, name_key, job_title, email, email_key, roles)
   SELECT tenant, ${id('contact', 'own')}, 1, ${id('journey')}, ${at}, ${at}, ${id('account')}, ${owner}, 'Li ' || own, 'li ' || own, 'Buyer',
     own || '@works.example', own || '@works.example', '[]' ${twice}`,
  `INSERT INTO activity (${common}, kind, account_id, owner_id, logged_by_id, contact_id, subject, takes_place_at, companions, next_step)
   SELECT tenant, ${id('activity', 'own')}, 1, ${id('journey')}, ${at}, ${at}, (ARRAY['call', 'visit'])[1 + more], ${id('account')}, ${owner}, ${owner},
     ${id('contact', 'own')}, 'Asked about the offer', ${at}, '[]', CASE more WHEN 1 THEN '{"text": "Send the offer", "on": "2099-01-01"}'::jsonb END ${twice}`,
  `INSERT INTO known_record (tenant_id, id, kind, service, account_id, owner_id, deal_id, label, status, amount_minor, left_minor, currency, happened_at, day, details, sequence, event_id)
   SELECT tenant, kind || '_01g' || place, kind, service, ${id('account')}, ${owner}, CASE kind WHEN 'quote' THEN ${id('opportunity')} END, upper(left(kind, 1)) || n, status,
     100000 + n, left_minor, 'CNY', ${at}, date '2026-06-01', details::jsonb, 1, ${id('event')}
   ${given}, (VALUES ('opportunity', 'opportunity', 'open', NULL::bigint, '{"stage": "Offer", "probability": "60"}'), ('quote', 'cpq', 'sent', NULL, '{}'),
     ('invoice', 'billing', 'issued', 50000, '{}'), ('receipt', 'billing', 'received', 0, '{}')) AS records(kind, service, status, left_minor, details)`,
  `INSERT INTO known_instalment (tenant_id, id, plan_id, contract_id, account_id, owner_id, place, label, amount_minor, currency, due_on)
   SELECT tenant, ${id('receivable')}, ${id('collection_plan')}, ${id('contract')}, ${id('account')}, ${owner}, 1, 'on signing', 50000, 'CNY', date '2026-06-01' + n % 700 ${given}`,
]

async function byHand(run: Run, url: string, tenantId: string, size: number): Promise<(() => Promise<void>)[]> {
  const statements = [
    'SELECT * FROM account WHERE tenant_id = $1 AND id = $2',
    'SELECT * FROM contact WHERE tenant_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT 10',
    'SELECT * FROM activity WHERE tenant_id = $1 AND account_id = $2 ORDER BY takes_place_at DESC, id DESC LIMIT 10',
    'SELECT * FROM known_record WHERE tenant_id = $1 AND account_id = $2',
    'SELECT * FROM known_instalment WHERE tenant_id = $1 AND account_id = $2',
    'SELECT * FROM account WHERE tenant_id = $1 AND parent_id = $2',
  ]
  const clients = await pgClients(run, url, connections)
  return clients.map((client) => async () => {
    const values = [tenantId, idOf('account', anyOf(size))]
    for (const [n, text] of statements.entries()) await client.query({ name: `overview${n}`, text, values })
  })
}
