import { setTimeout as sleep } from 'node:timers/promises'
import { errorsOf, generatorRemark } from './create-lead.ts'
import { aPlatform, atRate, built, databaseUrl, httpSenders, pgClients, underLoad, withClient, type Load } from './ground.ts'
import { anIssuer, filled } from './growth.ts'
import { inTurn, type Benchmark, type Figure, type Run } from './measure.ts'

const connections = 4
const most = 1_000_000
const bytesPerRecord = 5_000
/** Share of what gets through at most at which answer times are taken. */
const calm = 0.6
const owners = 200

/** What people type. Each is made of the texts of some record. */
const typed = {
  'an e-mail': ({ email }: Texts) => email,
  'the last 4 digits of a phone': ({ phone }: Texts) => phone.slice(-4),
  'a phone': ({ phone }: Texts) => `${phone.slice(3, 6)} ${phone.slice(6, 10)} ${phone.slice(10)}`,
  'two characters of a company': ({ company }: Texts) => company.slice(2, 4),
  'a company': ({ company }: Texts) => company,
  'a person': ({ person }: Texts) => person,
  'four letters of a company': ({ latin }: Texts) => latin.slice(0, 4),
  'a company and a person': ({ company, person }: Texts) => `${company.slice(2, 6)} ${person}`,
  'two words that a quarter of all have': () => '北京 科技',
  'a word that half of all have': () => 'works',
}
type Kind = keyof typeof typed
const kinds = Object.keys(typed) as Kind[]

interface Texts {
  readonly company: string
  readonly latin: string
  readonly person: string
  readonly email: string
  readonly phone: string
}

/** What one search costs among a million records. */
export const searching: Benchmark = {
  id: 'search',
  title: 'Search among leads, accounts and contacts',
  alone: true,
  meaning:
    'How long somebody waits who types into the search box: for a colleague’s phone number, half a company’s name, or a word that half of all companies have.',
  how: `A company with ${most.toLocaleString('en')} records (fewer, where \`--leads\` says so), half of them leads, a quarter each accounts and contacts, stored by SQL, Chinese and Latin names by turns, and made to be found by the services’ own job. \`GET /v1/search\` through the gateway over ${connections} connections: ${kinds.join('; ')}. By turns somebody asks who sees all of the company and a rep who sees a ${owners}th of it. “At ${100 * calm} %”: requests fall due by the clock at ${100 * calm} % of what got through in the same round, and times count from the moment each was due.`,
  yardstick:
    'The same look-ups by hand, without row-level security: in each of the three tables of tokens the first range that was typed, joined with the records, the newest 20; three statements over one connection of `pg` from Node each, no judgement of how well a record fits.',
  async run(run) {
    await built(run)
    const size = run.leads.filter((leads) => leads <= most).at(-1) ?? run.leads[0]!
    const issuer = await anIssuer(run)
    const ground = await aPlatform(run, (url) => ({
      OIDC_ISSUER: `${url},${issuer.url}`,
      OIDC_JWKS_URL: `${url}/oauth/jwks,${issuer.url}/jwks`,
    }))
    const { tenantId } = ground
    const [leadUrl, accountUrl] = [databaseUrl(ground.superuser, 'millrace_lead'), databaseUrl(ground.superuser, 'millrace_account')]
    await filled(run, leadUrl, ['lead'], size / 2, [tenantId], 0, Math.ceil(size / 2), [insertLeads], bytesPerRecord)
    await filled(
      run,
      accountUrl,
      ['account', 'contact'],
      size / 2,
      [tenantId],
      0,
      Math.ceil(size / 4),
      [insertAccounts, insertContacts],
      bytesPerRecord,
    )
    const seconds = await untilFound(run, leadUrl, accountUrl, tenantId)
    const texts = await withClient(leadUrl, async (client) => {
      const { rows } = await client.query<Texts>(
        `SELECT company, latin, person, email, phone FROM unnest($1::text[]) AS t(tenant), unnest($2::int[]) AS n, ${made}`,
        [[tenantId], Array.from({ length: 1_000 }, () => Math.floor((Math.random() * size) / 4))],
      )
      return rows
    })
    const tokens = await Promise.all([
      ground.token,
      ...Array.from({ length: 10 }, (_, n) => issuer.tokenOf(tenantId, { id: ownerAt(n), roles: ['sales_rep'] })),
    ])
    let asked = 0
    const next = (only?: Kind) => {
      const n = (asked += 1)
      return typed[only ?? kinds[n % kinds.length]!](texts[n % texts.length]!)
    }
    const senders = (only?: Kind) =>
      httpSenders(
        run,
        ground.platform.url,
        connections,
        () => ({
          method: 'GET',
          path: `/v1/search?${new URLSearchParams({ q: next(only) }).toString()}`,
          headers: { authorization: `Bearer ${asked % 2 ? tokens[0]! : tokens[1 + (asked % 10)]!}` },
        }),
        200,
      )
    const ours = senders()
    const hand = await byHand(run, leadUrl, accountUrl, tenantId, next)
    const one = async (workers: typeof ours) => {
      const full = await underLoad(workers, run.seconds, run.halt)
      return { full, half: await atRate(workers, calm * full.perSecond, run.seconds, run.halt) }
    }
    run.report('  warming up')
    await one(ours)
    await one(hand)
    const rounds = await inTurn(run, { ours: () => one(ours), yardstick: () => one(hand) })
    const each: { kind: Kind; load: Load }[] = []
    for (const kind of kinds) each.push({ kind, load: await underLoad(senders(kind), run.seconds / 2, run.halt) })
    const figure = (
      name: string,
      unit: string,
      better: Figure['better'],
      read: (load: (typeof rounds)[0]['ours']) => number,
      absolute?: number,
    ): Figure => ({
      ...{ name, unit, better, absolute },
      rounds: rounds.map(({ ours, yardstick }) => ({ ours: read(ours), yardstick: read(yardstick) })),
    })
    const loads = [
      ...rounds.flatMap(({ ours, yardstick }) => [ours.full, ours.half, yardstick.full, yardstick.half]),
      ...each.map(({ load }) => load),
    ]
    return {
      figures: [
        figure(`answer p99 at ${100 * calm} %, ${size.toLocaleString('en')} records`, 'ms', 'less', ({ half }) => half.p99, 50),
        figure(`answer p50 at ${100 * calm} %`, 'ms', 'less', ({ half }) => half.p50),
        figure('answer p99', 'ms', 'less', ({ full }) => full.p99),
        figure('searches', '1/s', 'more', ({ full }) => full.perSecond),
        ...each.map(({ kind, load }) => ({
          name: `p99, ${kind}`,
          unit: 'ms',
          better: 'less' as const,
          rounds: [{ ours: load.p99, yardstick: null }],
        })),
        {
          name: 'errors',
          unit: 'count',
          better: 'less',
          absolute: 0,
          rounds: [{ ours: loads.reduce((sum, { errors }) => sum + errors, 0), yardstick: null }],
        },
      ],
      remarks: [
        `All records were found ${Math.round(seconds)} s after the job began: ${Math.round(size / seconds).toLocaleString('en')} a second, in one service after the other.`,
        generatorRemark(
          rounds.map(({ ours }) => ours.full),
          rounds.map(({ yardstick }) => yardstick.full),
        ),
        ...errorsOf(loads),
      ],
    }
  },
}

const ownerAt = (n: number) => `user_01g${String(n).padStart(23, '0')}`

/** The texts of record n: a place of 8, a name of 400 × 400 characters, a trade of 4; or two of 26^4 made-up words. */
const made = `LATERAL (SELECT md5(tenant || n) AS h, lpad(to_hex(n), 9, '0') AS place) AS salted,
  LATERAL (SELECT ('x' || substr(h, 1, 7))::bit(28)::int AS a, ('x' || substr(h, 8, 7))::bit(28)::int AS b, ('x' || substr(h, 15, 7))::bit(28)::int AS c) AS chance,
  LATERAL (SELECT
    (ARRAY['北京', '北京', '上海', '深圳', '广州', '杭州', '成都', '武汉'])[1 + a % 8] || chr(19968 + b % 400 * 7) || chr(19968 + c % 400 * 11)
      || (ARRAY['科技', '科技', '贸易', '制造'])[1 + a / 8 % 4] || '有限公司' AS company,
    chr(97 + a % 26) || chr(97 + a / 26 % 26) || chr(97 + b % 26) || chr(97 + c % 26) || substr(h, 22, 3) AS latin,
    substr('王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗', 1 + b % 20, 1) || chr(19968 + c % 300 * 13) AS person,
    'p' || substr(h, 1, 8) || '@' || substr(h, 9, 6) || '.example' AS email,
    '+861' || (3000000000 + ('x' || substr(h, 19, 8))::bit(32)::bigint % 5999999999)::text AS phone) AS texts`
const given = `FROM unnest($1::text[]) AS t(tenant), generate_series($2::int, $3::int) AS n, ${made}`
const id = (noun: string) => `'${noun}_01g' || place || substr(h, 1, 14)`
const at = `timestamptz '2026-01-01' + n * interval '1 second'`
const name = `CASE n % 2 WHEN 0 THEN company ELSE initcap(latin) || ' Works Ltd' END`
const owner = `'user_01g' || lpad((n % ${owners})::text, 23, '0')`

export const insertLeads = `INSERT INTO lead (tenant_id, id, version, journey_id, created_at, updated_at, status, company_name, company_key, contact_name, contact_key,
    email, email_key, phone, phone_key, country, source, owner_id, external_id, duplicate_of)
  SELECT tenant, ${id('lead')}, 1, ${id('journey')}, ${at}, ${at}, 'working', ${name}, company, person, person, email, email, phone, phone, 'CN', 'Bench',
    ${owner}, 'L-' || n, '[]' ${given}`
const insertAccounts = `INSERT INTO account (tenant_id, id, version, journey_id, created_at, updated_at, name, name_key, phone, owner_id, external_id)
  SELECT tenant, ${id('account')}, 1, ${id('journey')}, ${at}, ${at}, ${name}, company, phone, ${owner}, 'A-' || n ${given}`
const insertContacts = `INSERT INTO contact (tenant_id, id, version, journey_id, created_at, updated_at, account_id, owner_id, name, name_key, email, email_key, phone, phone_e164, roles)
  SELECT tenant, ${id('contact')}, 1, ${id('journey')}, ${at}, ${at}, ${id('account')}, ${owner}, person, person, email, email, phone, phone, '[]' ${given}`

/** Lets the services’ own job make the records found, and waits for it. Answers the seconds that it took. */
async function untilFound(run: Run, leadUrl: string, accountUrl: string, tenantId: string): Promise<number> {
  const mark = (url: string, nouns: readonly string[]) =>
    withClient(url, (client) =>
      client.query('INSERT INTO search_backfill (tenant_id, noun) SELECT $1, noun FROM unnest($2::text[]) AS noun', [tenantId, nouns]),
    )
  const left = (url: string) =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ left: number; begun: boolean }>(
        `SELECT count(*)::int AS left, coalesce(bool_or(after <> ''), true) AS begun FROM search_backfill`,
      )
      return rows[0]!
    })
  let seconds = 0
  for (const [url, nouns] of [
    [leadUrl, ['lead']],
    [accountUrl, ['account', 'contact']],
  ] as const) {
    await mark(url, nouns)
    let began: number | undefined
    for (let state = await left(url); state.left; state = await left(url)) {
      if (state.begun) began ??= performance.now()
      run.halt.throwIfAborted()
      await sleep(200)
    }
    seconds += (performance.now() - (began ?? performance.now())) / 1_000
    await withClient(url, async (client) => {
      for (const noun of nouns) await client.query(`VACUUM (ANALYZE) ${noun}_search`)
      await client.query('CHECKPOINT')
    })
    run.report(`  ${nouns.join(' and ')} found`)
  }
  return Math.max(seconds, 0.001)
}

async function byHand(
  run: Run,
  leadUrl: string,
  accountUrl: string,
  tenantId: string,
  next: () => string,
): Promise<(() => Promise<void>)[]> {
  const { searchWish } = await import('@millrace/domain')
  const leads = await pgClients(run, leadUrl, connections)
  const accounts = await pgClients(run, accountUrl, connections)
  const text = (noun: string, columns: string) =>
    `SELECT r.id, ${columns} FROM ${noun}_search AS s JOIN ${noun} AS r ON r.tenant_id = s.tenant_id AND r.id = s.record_id
     WHERE s.tenant_id = $1 AND s.token >= $2 AND s.token < $3 ORDER BY s.token, s.record_id DESC LIMIT 20`
  return leads.map((lead, n) => async () => {
    const { from, to } = searchWish(next()).lookUps[0]!.ranges[0]!
    const values = [tenantId, from, to]
    await Promise.all([
      lead.query({ name: 'lead', text: text('lead', 'company_name, contact_name, email, phone'), values }),
      accounts[n]!.query({ name: 'account', text: text('account', 'name, phone'), values }),
      accounts[n]!.query({ name: 'contact', text: text('contact', 'name, email, phone'), values }),
    ])
  })
}
