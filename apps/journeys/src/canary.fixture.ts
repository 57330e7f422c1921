import { connect } from 'node:net'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { events, services, type ServiceName } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import type { EventLog } from '@millrace/service'
import pg from 'pg'
import { clientToken, signIn } from '../../../tools/sign-in.ts'

/** A platform of real processes, to plant canaries in. */
export interface Aviary {
  readonly url: string
  readonly operator: { readonly clientId: string; readonly clientSecret: string }
  /** The address of one app. */
  addressOf(app: string): string
  /** URL of a service's database for the superuser. */
  databaseOf(service: ServiceName): string
  /** Resolves when everything is sent and applied or parked. */
  quiet(): Promise<unknown>
}

/** What was planted, and what was answered meanwhile. */
export interface Planted {
  /** Passwords, tokens, client secrets: what only its owner knows, by what it is. */
  readonly secrets: ReadonlyMap<string, string>
  /** Of persons: may be where the API and the events declare it, nowhere else. */
  readonly personal: ReadonlyMap<string, string>
  readonly answers: readonly Answered[]
}

interface Answered {
  readonly request: string
  /** Whether the request held a canary itself. */
  readonly told: boolean
  readonly status: number
  readonly text: string
  /** Whether the answer is where a secret is shown once. */
  readonly shows: boolean
}

/** Plants canaries in requests that are in order, refused and malformed, in addresses and headers, and in statements and handlers that fail. */
export async function plant(aviary: Aviary): Promise<Planted> {
  const mark = newId('x').slice(-12)
  const digits = String(Math.floor(Math.random() * 1e8)).padStart(8, '7')
  const canary = {
    password: `canary-password-${mark}`,
    newPassword: `canary-new-password-${mark}`,
    wrongPassword: `canary-wrong-password-${mark}`,
    clientSecret: `canary-client-secret-${mark}`,
    token: `canary-token-${mark}`,
    bankAccount: `6222${mark}8888`,
    email: `canary-${mark}@birds.example`,
    phone: `+86139${digits}`,
  }
  const secrets = new Map<string, string>(Object.entries(canary).filter(([name]) => !['email', 'phone', 'bankAccount'].includes(name)))
  // However a number is written, these digits are in it.
  const personal = new Map([
    ['e-mail', canary.email],
    ['phone', digits],
    ['bankAccount', canary.bankAccount],
  ])
  const answers: Answered[] = []
  const bearer = { value: '' }
  const said = (text: string) => [...secrets.values(), ...personal.values()].some((value) => text.includes(value))
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}, shows = false): Promise<any> => {
    const text = body === undefined || typeof body === 'string' || body instanceof URLSearchParams ? body : JSON.stringify(body)
    const type = body instanceof URLSearchParams ? 'application/x-www-form-urlencoded' : 'application/json'
    const answer = await fetch(`${aviary.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${bearer.value}`,
        prefer: 'wait=20',
        ...(body !== undefined && { 'content-type': type }),
        ...(method !== 'GET' && { 'if-match': '*' }),
        ...headers,
      },
      ...(text !== undefined && { body: text }),
    })
    const given = await answer.text()
    const told =
      said(decodeURIComponent(path.replace(/%(?![\da-f]{2})/gi, ''))) || said(JSON.stringify(headers)) || said(String(text ?? ''))
    answers.push({ request: `${method} ${path.split('?')[0]}`, told, status: answer.status, text: given, shows })
    return given.startsWith('{') ? JSON.parse(given) : given
  }
  const keepToken = (what: string, token: string) => {
    bearer.value = token
    secrets.set(`${what}'s signature`, token.split('.')[2]!)
    return token
  }

  // Requests that are in order.
  const { clientId, clientSecret } = aviary.operator
  secrets.set('the operator’s secret', clientSecret)
  keepToken('the operator', (await clientToken(aviary.url, clientId, clientSecret)).access_token)
  const company = (name: string, email: string) =>
    ask('POST', '/v1/tenants', {
      name: `${name} ${mark}`,
      currency: 'CNY',
      zone: 'Asia/Shanghai',
      language: 'en',
      administrator: { name: 'Ada', email, password: canary.password },
    })
  const ours = await company('Birds', canary.email)
  await company('Others', `other-${mark}@others.example`)
  const tokens = await signIn(aviary.url, canary.email, canary.password)
  secrets.set('a refresh token', tokens.refresh_token)
  secrets.set('an id token', tokens.id_token.split('.')[2]!)
  const ada = keepToken('the administrator', tokens.access_token)
  const { email, phone } = canary
  const rep = await ask('POST', '/v1/users', { name: 'Rae', email: `rep-${email}`, password: canary.password, roles: ['sales_rep'] })
  await ask('POST', `/v1/users/${rep.id}/password`, { password: canary.newPassword })
  await ask('POST', '/v1/users/me/password', { oldPassword: canary.wrongPassword, newPassword: canary.newPassword })
  const client = await ask('POST', '/v1/api-clients', { name: 'program', roles: ['integrator'] }, {}, true)
  secrets.set('a client’s secret', client.clientSecret)
  const rotated = await ask('POST', `/v1/api-clients/${client.id}/rotate-secret`, undefined, {}, true)
  secrets.set('a client’s new secret', rotated.clientSecret)
  const basic = (user: string, word: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${word}`).toString('base64')}` })
  const program = await ask(
    'POST',
    '/oauth/token',
    new URLSearchParams({ grant_type: 'client_credentials' }),
    basic(client.id, rotated.clientSecret),
    true,
  )
  secrets.set('a program’s token', program.access_token.split('.')[2])
  const lead = await ask('POST', '/v1/leads', {
    companyName: `Nest ${mark}`,
    contactName: 'Wren',
    email,
    phone,
    ownerId: ours.administratorId,
  })
  await ask('POST', `/v1/leads/${lead.id}/work`)
  await ask('POST', `/v1/leads/${lead.id}/qualify`)
  const { accountId } = await ask('POST', `/v1/leads/${lead.id}/convert`, { opportunity: { title: 'Seeds' } })
  await aviary.quiet() // the account is opened, here and in billing
  await ask('POST', '/v1/contacts', { accountId, name: 'Robin', email: `robin-${email}`, phone })
  await ask('POST', '/v1/accounts', { name: `Aviary ${mark}`, phone })
  const amount = { amount: '10.00', currency: 'CNY' }
  await ask('POST', '/v1/receipts', { accountId, amount, receivedOn: '2026-11-21', bankAccount: canary.bankAccount })
  for (const [kind, csv] of [
    ['leads', `companyName,email,phone\nFinch ${mark},finch-${email},${phone}\n,broken-${email},x\n`],
    ['users', `name,email,roles\nTit,tit-${email},sales_rep\nTit,tit-${email},king\n`],
  ] as const)
    await ask('POST', `/v1/imports?kind=${kind}`, csv, { 'content-type': 'text/csv' })

  // Refused ones.
  await ask('POST', '/v1/users', { name: 'Again', email, password: canary.password, roles: ['sales_rep'] })
  await ask('POST', '/v1/users', { name: 'x', email: `@${email}`, password: canary.password, roles: ['king'], secret: canary.clientSecret })
  await ask('POST', '/v1/receipts', { accountId: newId('account'), amount, receivedOn: '2026-02-30', bankAccount: canary.bankAccount })
  await ask('POST', '/v1/leads', { email, phone, note: canary.password, ownerId: newId('user') })
  await ask('POST', `/v1/leads/${lead.id}/qualify`, undefined, { 'idempotency-key': canary.token })
  await ask('POST', '/oauth/token', new URLSearchParams({ grant_type: 'client_credentials' }), basic(client.id, canary.clientSecret))
  await ask(
    'POST',
    '/oauth/token',
    new URLSearchParams({ grant_type: 'refresh_token', client_id: 'millrace-console', refresh_token: canary.token }),
  )
  await ask(
    'POST',
    '/oauth/token',
    new URLSearchParams({ grant_type: 'authorization_code', client_id: 'millrace-console', code: canary.token }),
  )
  await ask('POST', '/oauth/introspect', new URLSearchParams({ token: canary.token }), basic(client.id, canary.clientSecret))
  await ask('POST', '/oauth/revoke', new URLSearchParams({ token: canary.token, client_id: 'millrace-console' }))
  await signIn(aviary.url, canary.email, canary.wrongPassword).catch(() => undefined)
  await signIn(aviary.url, `nobody-${email}`, canary.wrongPassword).catch(() => undefined)

  // Malformed ones, and everything in addresses and headers.
  await ask('POST', '/v1/users', `{"email":"${email}","password":"${canary.password}"`)
  await ask('POST', '/v1/users', `{"password":${canary.password}}`)
  await ask('POST', '/v1/receipts', canary.bankAccount, { 'content-type': 'text/plain' })
  await ask('POST', '/v1/leads', `${email}${'x'.repeat(1_100_000)}`)
  const everything = Object.entries(canary).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  for (const path of [
    '/v1/leads',
    '/v1/users',
    '/v1/nothing',
    '/oauth/authorize',
    '/oauth/end-session',
    `/v1/leads/${email}`,
    `/${email}`,
    `/oauth/${email}`,
  ])
    await ask('GET', `${path}?${everything.join('&')}`)
  await ask('GET', `/v1/leads?email=${encodeURIComponent(email)}`)
  const inHeaders = { cookie: `_session=${canary.token}`, 'x-password': canary.password, traceparent: canary.token, 'user-agent': email }
  await ask('GET', '/v1/leads', undefined, { ...inHeaders, 'accept-language': canary.token, 'millrace-causality': canary.token })
  await ask('GET', '/v1/leads', undefined, { authorization: `Bearer ${canary.token}` })
  await ask('GET', '/v1/leads', undefined, {
    authorization: `Bearer a.${Buffer.from(JSON.stringify({ iss: canary.token })).toString('base64url')}.c`,
  })
  await ask('GET', '/v1/leads', undefined, { 'x-much': canary.password.repeat(2_000) })
  await rawly(aviary.url, `GET /${canary.token} HTTP/9.9\r\nauthorization: ${canary.password}\r\n\r\n`)
  await rawly(aviary.url, `${canary.password} ${email}\r\n\r\n`)

  // Statements and handlers that fail, with what they were given in their message.
  await sabotage(aviary, 'lead', 'lead', 'company_name')
  await sabotage(aviary, 'account', 'directory_user', 'name')
  await sabotage(aviary, 'account', 'contact', 'name')
  await ask('POST', '/v1/leads', { companyName: saboteur, email, phone })
  await ask('POST', '/v1/contacts', { accountId, name: saboteur, email, phone })
  await ask('POST', '/v1/users', { name: saboteur, email: `saboteur-${email}`, password: canary.password, roles: ['sales_rep'] })
  await ask('POST', '/v1/imports?kind=leads', `companyName,email\n${saboteur},job-${email}\n`, { 'content-type': 'text/csv' })
  await aviary.quiet()

  // What others are told: a rep who may see none of it, and somebody of another company.
  for (const who of [`rep-${email}`, `other-${mark}@others.example`]) {
    keepToken(
      who === `rep-${email}` ? 'the rep' : 'the stranger',
      (await signIn(aviary.url, who, who.startsWith('rep') ? canary.newPassword : canary.password)).access_token,
    )
    for (const path of [
      `/v1/leads/${lead.id}`,
      `/v1/accounts/${accountId}`,
      `/v1/api-clients/${client.id}`,
      `/v1/audit/${lead.id}`,
      `/v1/users/${ours.administratorId}x`,
    ])
      await ask('GET', path)
    await ask('POST', `/v1/leads/${lead.id}/qualify`)
    await ask('POST', '/v1/leads', { companyName: `Nest ${mark}`, contactName: 'Wren' })
    await ask('POST', '/v1/contacts', { accountId, name: 'Wren' })
  }
  bearer.value = ada
  await mend(aviary, 'lead', 'lead')
  for (const table of ['directory_user', 'contact']) await mend(aviary, 'account', table)
  await ask('POST', '/v1/parked-events/replay?service=account')
  return { secrets, personal, answers }
}

const saboteur = 'Saboteur'

/** From now on a row of this name cannot be stored, and the database says so with the whole row. */
function sabotage(aviary: Aviary, service: ServiceName, table: string, column: string): Promise<void> {
  return runSql(
    aviary.databaseOf(service),
    `CREATE OR REPLACE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cannot store %', NEW; END $$;
     CREATE TRIGGER sabotage BEFORE INSERT ON ${table} FOR EACH ROW WHEN (NEW.${column} = '${saboteur}') EXECUTE FUNCTION sabotage()`,
  )
}

function mend(aviary: Aviary, service: ServiceName, table: string): Promise<void> {
  return runSql(aviary.databaseOf(service), `DROP TRIGGER sabotage ON ${table}`)
}

async function runSql(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Sends what is no HTTP. */
function rawly(url: string, text: string): Promise<void> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.setTimeout(2_000, () => socket.destroy())
    socket.on('data', () => socket.end())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve())
  })
}

/** Where canaries are that may not be there: `what is in where`. */
export function leaksIn(where: string, text: string, { secrets, personal }: Planted): string[] {
  return [...secrets, ...personal].filter(([, value]) => text.includes(value)).map(([what]) => `${what} is in ${where}`)
}

/** Leaks in every file of a folder of logs. */
export function leaksInLogs(folder: string, planted: Planted): string[] {
  return readdirSync(folder).flatMap((name) => leaksIn(`the log ${name}`, readFileSync(join(folder, name), 'utf8'), planted))
}

/** Leaks in what services show to be scraped. */
export async function leaksInMetrics(aviary: Aviary, planted: Planted): Promise<string[]> {
  const found = await Promise.all(
    ['gateway', ...Object.keys(services)].map(async (app) => {
      const text = await (await fetch(`${aviary.addressOf(app)}/metrics`)).text()
      if (!text.includes('process_memory_usage_bytes')) return [`${app} shows no metrics: ${text.slice(0, 200)}`]
      return leaksIn(`the metrics of ${app}`, text, planted)
    }),
  )
  return found.flat()
}

/** Secrets that were answered to anybody, and personal data in refusals to who did not send them. */
export function leaksInAnswers({ answers, ...planted }: Planted): string[] {
  return answers.flatMap(({ request, told, status, text, shows }) => {
    const where = `the answer ${status} to ${request}`
    const secret = shows ? [] : leaksIn(where, text, { ...planted, answers, personal: new Map() })
    return [...secret, ...(status >= 400 && !told ? leaksIn(where, text, { ...planted, answers, secrets: new Map() }) : [])]
  })
}

/**
 * Leaks in events. A secret is in none. What is of a person is only in a field that its event declares by that name: `email`, `phone`. Answers also
 * which fields held it.
 */
export async function leaksInEvents(log: EventLog, planted: Planted): Promise<{ leaks: string[]; fields: ReadonlySet<string> }> {
  const leaks: string[] = []
  const fields = new Set<string>()
  await log.read(await log.extents(), async (batch) => {
    for (const { headers, value } of batch) {
      const type = headers['ce_type'] ?? ''
      leaks.push(...leaksIn(`the headers of ${type}`, JSON.stringify(headers), planted))
      const text = value.toString()
      leaks.push(...leaksIn(type, text, { ...planted, personal: new Map() }))
      const declared = events.some((event) => event.type === type)
      for (const [path, inner] of textsOf(JSON.parse(text)))
        for (const [what, mark] of planted.personal) {
          if (!inner.includes(mark)) continue
          const name = path.slice(path.lastIndexOf('.') + 1)
          if (declared && name === what.replace('-', '')) fields.add(`${type} ${path}`)
          else leaks.push(`${what} is in ${path} of ${type}`)
        }
    }
  })
  return { leaks, fields }
}

function* textsOf(value: unknown, path = ''): Generator<readonly [path: string, text: string]> {
  if (typeof value === 'string') yield [path, value]
  else if (typeof value === 'object' && value !== null)
    for (const [name, inner] of Object.entries(value)) yield* textsOf(inner, path ? `${path}.${name}` : name)
}
