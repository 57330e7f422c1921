// Creates the demo companies Ridgeway and Northfold through the public API. It may be stopped at any moment and goes on where it was.
// Environment: MILLRACE_URL, MILLRACE_HOME, BOOTSTRAP_CLIENT_ID, BOOTSTRAP_CLIENT_SECRET.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiOf, ApiProblem, type Api, type ImportReport } from './parts/api.ts'
import { clientToken, signIn } from './sign-in.ts'

const url = must('MILLRACE_URL')
const home = must('MILLRACE_HOME')
const data = join(import.meta.dirname, '../data')

interface Account {
  email: string
  password: string
  name: string
  roles: string[]
}

interface Client {
  name: string
  clientId: string
  clientSecret: string
  roles: string[]
}

interface Tenant {
  name: string
  users: Account[]
  clients: Client[]
}

let lastProgress = 0

/** What was made up so far; kept in a file of its own until all is done, so that a stopped seed can go on. */
const stateFile = join(home, 'seed.json')
const state: Record<string, Tenant> = existsSync(stateFile) ? (JSON.parse(readFileSync(stateFile, 'utf8')) as Record<string, Tenant>) : {}

const ridgeway = await company('Ridgeway', 'USD', 'America/New_York', 'en', ['administrator', 'executive', 'sales_ops', 'finance'])
await ridgewayHistory(ridgeway)
const northfold = await company('Northfold', 'CNY', 'Asia/Shanghai', 'zh-CN', [
  'administrator',
  'executive',
  'sales_manager',
  'sales_rep',
  'sales_ops',
  'finance',
])
await northfoldLeads(northfold)
write(join(home, 'demo.json'), { tenants: Object.values(state).map(({ name, users, clients }) => ({ name, users, clients })) })
writeFileSync(join(home, 'seed.done'), '')

/** The company, its people by role, and an API client; answers the API as that client. */
async function company(name: string, currency: string, zone: string, language: string, roles: string[]): Promise<Api> {
  const domain = `${name.toLowerCase()}.example`
  const tenant = (state[name] ??= {
    name,
    users: roles.map((role) => ({
      email: `${role.replace('_', '.')}@${domain}`,
      password: secret(),
      name: `${name} ${role.replace('_', ' ')}`,
      roles: [role],
    })),
    clients: [],
  })
  keep()
  const administrator = tenant.users[0]!
  const operator = apiOf(
    url,
    cached(async () => (await clientToken(url, must('BOOTSTRAP_CLIENT_ID'), must('BOOTSTRAP_CLIENT_SECRET'))).access_token),
  )
  await unlessThere(() =>
    operator.post('/v1/tenants', {
      name,
      currency,
      zone,
      language,
      administrator: { name: administrator.name, email: administrator.email, password: administrator.password },
    }),
  )
  const admin = apiOf(
    url,
    cached(async () => (await signIn(url, administrator.email, administrator.password)).access_token),
  )
  for (const { name: person, email, password, roles: held } of tenant.users.slice(1))
    await unlessThere(() => admin.post('/v1/users', { name: person, email, password, roles: held }))
  for (const [client, held] of [
    ['integration', ['administrator', 'integrator']],
    ['reporting', ['executive']],
  ] as const) {
    if (tenant.clients.some((known) => known.name === client)) continue
    const { clientId, clientSecret } = await admin.post('/v1/api-clients', { name: client, roles: held })
    tenant.clients.push({ name: client, clientId, clientSecret, roles: [...held] })
    keep()
  }
  const { clientId, clientSecret } = tenant.clients[0]!
  return apiOf(
    url,
    cached(async () => (await clientToken(url, clientId, clientSecret)).access_token),
  )
}

/** 35 reps and their managers in three regions, 85 accounts, 7 products, 8,800 deals of their own process. */
async function ridgewayHistory(api: Api): Promise<void> {
  const teams = rows('ridgeway/sales_teams.csv').map(([agent, manager, region]) => ({ agent: agent!, manager: manager!, region: region! }))
  const email = (name: string) => `${name.toLowerCase().replace(/[^a-z]+/g, '.')}@ridgeway.example`
  const managers = [...new Map(teams.map(({ manager, region }) => [manager, region]))]
  const people = [
    ...managers.map(([name, region]) => [name, email(name), 'sales_manager', `Team ${name}`, region]),
    ...teams.map(({ agent, manager, region }) => [agent, email(agent), 'sales_rep', `Team ${manager}`, region]),
  ]
  for (const region of new Set(teams.map(({ region }) => region))) await unit(api, region)
  report('users', await api.importFile('users', csv([['name', 'email', 'roles', 'unit', 'parentUnit'], ...people]), {}))
  await passwords(
    api,
    'Ridgeway',
    people.map(([name, address, role]) => ({ name: name!, email: address!, roles: [role!] })),
  )

  report(
    'products',
    await api.importFile('products', read('ridgeway/products.csv'), {
      columns: { name: 'product', code: 'product', family: 'series', price: 'sales_price' },
      defaults: { currency: 'USD' },
    }),
  )
  // 1,425 deals name no account: they stand under an account that says so.
  const unnamed = '(no account recorded)'
  await unlessThere(async () => {
    const { data: found } = await api.get('/v1/accounts', { name: unnamed })
    if (!found.length) await api.post('/v1/accounts', { name: unnamed })
  })
  report(
    'accounts',
    await api.importFile('accounts', read('ridgeway/accounts.csv'), {
      columns: {
        name: 'account',
        industry: 'sector',
        foundedYear: 'year_established',
        annualRevenueMillions: 'revenue',
        employees: 'employees',
        location: 'office_location',
        parent: 'subsidiary_of',
      },
      values: { industry: { technolgy: 'technology' }, location: { Philipines: 'Philippines' } },
      defaults: { currency: 'USD' },
    }),
  )
  await ridgewayProcess(api)
  report(
    'opportunities',
    await api.importFile(
      'opportunities',
      read('ridgeway/sales_pipeline.csv'),
      {
        columns: {
          externalId: 'opportunity_id',
          owner: 'sales_agent',
          product: 'product',
          account: 'account',
          stage: 'deal_stage',
          createdAt: 'engage_date',
          stageEnteredAt: 'engage_date',
          closedAt: 'close_date',
          amount: 'close_value',
        },
        values: { product: { GTXPro: 'GTX Pro' } },
        // Prospects have no date at all: they count as created on the first day of the records.
        defaults: { account: unnamed, createdAt: '2016-10-20', currency: 'USD' },
      },
      (done) => progress('opportunities', done),
    ),
  )
}

async function ridgewayProcess(api: Api): Promise<void> {
  const { data: known } = await api.get('/v1/processes', { family: 'ridgeway' })
  let process: { id: string; status: string } | undefined = known[0]
  process ??= await api.post<{ id: string; status: string }>('/v1/processes', {
    family: 'ridgeway',
    name: 'Ridgeway sales',
    stages: [
      {
        key: 'prospecting',
        name: 'Prospecting',
        probability: '20',
        expectedDays: 30,
        items: [{ key: 'contact-found', name: 'Contact found', weight: '20' }],
      },
      {
        key: 'engaging',
        name: 'Engaging',
        probability: '60',
        expectedDays: 60,
        items: [{ key: 'need-confirmed', name: 'Need confirmed', weight: '40' }],
      },
    ],
  })
  if (process.status === 'draft') await api.post(`/v1/processes/${process.id}/publish`, { isDefault: true })
}

/** 9,240 leads of a web site. `Select` is what the form shows before a choice: unknown. */
async function northfoldLeads(api: Api): Promise<void> {
  await northfoldRules(api)
  const imported = await api.importFile(
    'leads',
    read('northfold/leads.csv'),
    {
      columns: {
        ...{ externalId: 'ProspectID', channel: 'LeadOrigin', source: 'LeadSource', note: 'Specialization', jobTitle: 'Occupation' },
        ...{ 'custom.visits': 'TotalVisits', 'custom.seconds': 'TotalTime', 'custom.pages': 'PageViews', 'custom.enrolled': 'Converted' },
      },
      values: {
        ...{ source: { google: 'Google', bing: 'Bing', Unknown: '' }, note: { Select: '' }, jobTitle: { Select: '' } },
        'custom.enrolled': { 0: 'no', 1: 'yes' },
      },
    },
    (done) => progress('leads', done),
  )
  report('leads', imported)
  await northfoldReport(api)
}

/** What Northfold keeps of a lead besides, how it scores leads, and who gets them. */
async function northfoldRules(api: Api): Promise<void> {
  const field = (key: string, type: string, en: string, zh: string, more: object = {}) =>
    unlessThere(() => api.post('/v1/custom-fields?record=lead', { key, type, labels: { en, 'zh-CN': zh }, ...more }))
  await field('visits', 'number', 'Visits', '访问次数')
  await field('seconds', 'number', 'Seconds on the site', '停留时长(秒)')
  await field('pages', 'number', 'Pages a visit', '每次浏览页数', { decimals: 2 })
  const options = [
    { key: 'yes', labels: { en: 'Yes', 'zh-CN': '是' } },
    { key: 'no', labels: { en: 'No', 'zh-CN': '否' } },
  ]
  await field('enrolled', 'choice', 'Enrolled in the end', '最终报名', { options })

  const people = ['Chen Jie', 'Li Na', 'Wang Fang', 'Zhao Min', 'Sun Lei', 'Wu Yan'].map((name) => ({
    ...{ name, email: `${name.toLowerCase().replace(' ', '.')}@northfold.example`, roles: ['sales_rep'] },
  }))
  for (const person of people) await unlessThere(() => api.post('/v1/users', person))
  await passwords(api, 'Northfold', people)

  const { data: scorecards } = await api.get('/v1/scorecards', { status: 'active' })
  if (!scorecards.length) {
    const { id } = await api.post('/v1/scorecards', {
      name: 'Interest and fit',
      rules: [
        { name: 'Asked to be called', condition: 'lead.channel == "Lead Add Form"', points: 40 },
        { name: 'Working professional', condition: 'lead.jobTitle == "Working Professional"', points: 35 },
        { name: 'Ten minutes on the site', condition: 'lead.custom.seconds >= 600', points: 30 },
        { name: 'Came by a reference', condition: 'lead.source == "Reference"', points: 15 },
        { name: 'Came back', condition: 'lead.custom.visits >= 3', points: 10 },
        { name: 'Told us the field of study', condition: 'lead.note != ""', points: 10 },
        { name: 'Never on the site', condition: 'lead.custom.visits < 1 && lead.channel != "Lead Add Form"', points: -20 },
      ],
      grades: { a: 60, b: 40, c: 15 },
    })
    await api.post(`/v1/scorecards/${id}/activate`)
  }

  const { data: rules } = await api.get('/v1/assignment-rules')
  if (rules.length) return
  const { data: pools } = await api.get('/v1/pools', { name: 'Website' })
  const pool = pools[0] ?? (await api.post('/v1/pools', { name: 'Website', maxHeld: 50, maxPerDay: 20 }))
  const userIds = await Promise.all(people.map(async ({ email }) => (await api.get('/v1/users', { email })).data[0].id))
  const { version } = await api.get('/v1/assignment-settings')
  await api.patch('/v1/assignment-settings', { capacity: 250 }, version)
  await api.post('/v1/assignment-rules', {
    ...{
      name: 'Good leads in turn',
      position: 1,
      condition: 'lead.grade in ["A", "B"]',
      target: { kind: 'users', userIds },
      poolId: pool.id,
    },
  })
  await api.post('/v1/assignment-rules', {
    ...{ name: 'The others to who has room', position: 2, condition: 'lead.grade == "C"', strategy: 'least_loaded' },
    ...{ target: { kind: 'users', userIds }, poolId: pool.id },
  })
}

/** What a sales manager wants to know of an import: who has how many of the leads, and how many nobody has. */
async function northfoldReport(api: Api): Promise<void> {
  const { total, data } = await api.get('/v1/lead-figures', { groupBy: 'owner' })
  console.log(`    of ${total.captured} leads ${total.assigned} are assigned and ${total.pooled} in the pool:`)
  for (const { name, captured } of data as { name: string | null; captured: number }[])
    console.log(`      ${name ?? 'nobody'}: ${captured}`)
}

async function unit(api: Api, name: string): Promise<void> {
  const { data: found } = await api.get('/v1/org-units', { name })
  if (!found.length) await api.post('/v1/org-units', { name })
}

/** Gives imported people passwords of their own, once. */
async function passwords(api: Api, tenant: string, people: { name: string; email: string; roles: string[] }[]): Promise<void> {
  const accounts = state[tenant]!.users
  for (const person of people) {
    if (accounts.some(({ email }) => email === person.email)) continue
    const { data: found } = await api.get('/v1/users', { email: person.email })
    const account = { ...person, password: secret() }
    await api.post(`/v1/users/${found[0].id}/password`, { password: account.password })
    accounts.push(account)
    keep()
  }
}

/** Does a thing that may have been done before a stop. */
async function unlessThere(work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) => {
    if (!(error instanceof ApiProblem && error.code === 'value.taken')) throw error
  })
}

function report(kind: string, { rows: count, added, existing, rejected, rules }: ImportReport): void {
  const applied = rules.map(({ field, from, to, rows: n }) => `${field} ${from === null ? 'missing' : `"${from}"`} → "${to}" (${n})`)
  console.log(
    `    ${kind}: ${count} rows, ${added} added, ${existing} there already, ${rejected} rejected${applied.length ? `; ${applied.join(', ')}` : ''}`,
  )
}

function progress(kind: string, done: number): void {
  if (performance.now() - lastProgress < 2_000) return
  lastProgress = performance.now()
  console.log(`    ${kind}: ${done} rows …`)
}

function cached(get: () => Promise<string>): () => Promise<string> {
  let token: Promise<string> | undefined
  let until = 0
  return () => {
    if (!token || performance.now() > until) {
      until = performance.now() + 8 * 60_000
      token = get()
    }
    return token
  }
}

function rows(file: string): string[][] {
  return read(file)
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((text) => text.split(','))
}

function read(file: string): string {
  return readFileSync(join(data, file), 'utf8')
}

function csv(lines: (string | undefined)[][]): string {
  return lines.map((cells) => cells.join(',')).join('\n')
}

function secret(): string {
  return randomBytes(18).toString('base64url')
}

function keep(): void {
  write(stateFile, state)
}

function write(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, JSON.stringify(value, null, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

function must(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}
