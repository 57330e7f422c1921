import { captureLead, fileFormats, getLead, listLeads, problems, search } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, caller, type Company, type World } from '@millrace/testing'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startGateway, type RunningGateway } from './gateway.module.js'

/** A service that answers what it was asked: what the gateway hands on can be seen in the answer. */
let echo: Server
let world: World
let gateway: RunningGateway
let company: Company
let hold: Promise<void> | undefined
/** What a search of leads finds, and what was searched for. */
let found: object[] | undefined
const searched: string[] = []

beforeAll(async () => {
  world = await aWorld()
  company = await world.company()
  echo = createServer((request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.on('end', async () => {
      await hold
      if (request.url?.startsWith('/v1/leads/search')) {
        searched.push(request.url)
        response.setHeader('content-type', 'application/json').statusCode = found ? 200 : 403
        return response.end(JSON.stringify({ data: found ?? [], complete: true }))
      }
      const format = new URL(request.url!, 'http://echo').searchParams.get('format')
      if (format) {
        response.setHeader('content-type', 'text/csv; charset=utf-8').setHeader('content-disposition', 'attachment; filename="leads.csv"')
        for (let n = 0; n < 1_000; n += 1) response.write('x,y\n'.repeat(1_000))
        return format === 'xlsx' ? response.write('z', () => response.socket!.end()) : response.end()
      }
      response
        .setHeader('content-type', 'application/json')
        .setHeader('etag', '"7"')
        .setHeader('millrace-causality', 'lead.captured/event_x')
      if (request.url!.startsWith('/v1/attachments/'))
        response.setHeader('content-disposition', 'attachment; filename="x"').setHeader('content-security-policy', 'sandbox')
      response.statusCode = request.method === 'POST' ? 201 : 200
      response.end(JSON.stringify({ method: request.method, url: request.url, bytes, headers: request.headers }))
    })
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  gateway = await startGateway({
    ...world.environment,
    PUBLIC_URL: 'https://crm.example.com',
    RATE_LIMIT: '20',
    CORS_ORIGINS: 'https://console.example.com',
    SERVICE_LEAD_URL: `http://127.0.0.1:${(echo.address() as AddressInfo).port}`,
    SERVICE_ACCOUNT_URL: 'http://127.0.0.1:9',
  })
})
afterAll(async () => {
  await gateway?.stop()
  await world?.stop()
  echo?.close()
})

const as = (person = company.amy) => caller(gateway.url, () => world.token(person))
const someone = async () => ({ ...company.amy, id: newId('user') })

describe('the gateway', () => {
  it('hands a request on with its token, query and body, and the answer back with its headers', async () => {
    const answer = await as(await someone()).call(captureLead, {
      body: { companyName: '云图' },
      headers: { 'idempotency-key': 'k1', 'x-forwarded-for': '6.6.6.6' },
    })
    expect(answer.status).toBe(201)
    expect(answer.headers).toMatchObject({ etag: '"7"', 'millrace-causality': 'lead.captured/event_x' })
    const { url, bytes, headers } = answer.body as { url: string; bytes: number; headers: IncomingHttpHeaders }
    expect({ url, bytes }).toEqual({ url: '/v1/leads', bytes: Buffer.byteLength('{"companyName":"云图"}') })
    expect(headers).toMatchObject({
      'idempotency-key': 'k1',
      'x-forwarded-host': 'crm.example.com',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
    })
    expect(headers.authorization).toMatch(/^Bearer ey/)
  })

  it('refuses a forged or expired token before any service sees it', async () => {
    const code = async (authorization: string) =>
      (await as().call(getLead, { params: { id: newId('lead') }, headers: { authorization } })).body.code as string
    expect(await code('Bearer e30.e30.x')).toBe('token.invalid')
    expect(await code(`Bearer ${await world.token(company.bob, { exp: 1_700_000_000 })}`)).toBe('token.expired')
  })

  it('keeps a client within its rate and says what is left; others are not concerned', async () => {
    const busy = as(await someone())
    // Ten times what a second allows: a busy machine takes seconds for them, and each allows some more.
    const answers = await Promise.all(Array.from({ length: 200 }, () => busy.call(listLeads)))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]!.body).toMatchObject({ code: 'rate.exceeded' })
    expect(refused[0]!.headers).toMatchObject({ 'retry-after': '1', 'ratelimit-policy': '"default";q=20;w=1' })
    const other = await as(await someone()).call(listLeads)
    expect(other.status).toBe(200)
    expect(other.headers['ratelimit']).toMatch(/^"default";r=19;t=1$/)
  })

  it('refuses a body of 10 MB, answers an unknown route and a service that is down with a problem', async () => {
    const post = (path: string, body: string) =>
      fetch(`${gateway.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    const large = await post('/v1/leads', JSON.stringify({ note: 'x'.repeat(10_000_000) }))
    expect([large.status, ((await large.json()) as { code: string }).code]).toEqual([413, 'request.too_large'])
    expect((await post('/v1/cars', '{}')).status).toBe(404)
    const down = await post('/v1/accounts', '{}')
    expect([down.status, down.headers.get('retry-after'), down.headers.get('content-type')]).toEqual([
      503,
      '1',
      'application/problem+json; charset=utf-8',
    ])
  })

  it('streams a file of any size through to the service of its kind', async () => {
    const answer = await fetch(`${gateway.url}/v1/imports?kind=leads`, {
      method: 'POST',
      body: 'a,b\n'.repeat(1_000_000),
      headers: { 'content-type': 'text/csv' },
    })
    expect(await answer.json()).toMatchObject({ bytes: 4_000_000, url: '/v1/imports?kind=leads' })
  })

  it('searches the services at once, and says what is missing when one is away', async () => {
    const hit = { kind: 'lead', id: newId('lead'), title: '云图', subtitle: null, status: 'new', ownerId: null, mine: false, matches: [] }
    const at = (createdAt: string, match: string, mine = false) => ({ ...hit, title: createdAt, createdAt, match, mine })
    found = [at('2026-01-01', 'prefix'), at('2026-01-02', 'prefix', true), at('2026-01-03', 'exact'), at('2026-01-04', 'prefix')]
    const person = as(await someone())
    const answer = await person.does(search, { query: { q: '云图 8000', limit: '3' } })
    expect(answer).toMatchObject({ complete: false, missing: ['account', 'contact'] })
    expect(answer.data.map(({ createdAt }: { createdAt: string }) => createdAt)).toEqual(['2026-01-03', '2026-01-02', '2026-01-04'])
    expect(searched).toEqual([`/v1/leads/search?${new URLSearchParams({ q: '云图 8000', limit: '3' })}`])
    const leads = await person.call(search, { query: { q: '云图', kinds: 'lead' } })
    expect(leads.body).toMatchObject({ complete: true, missing: [] })
    expect(leads.headers['ratelimit']).toMatch(/^"default";r=18;t=1$/)
    found = undefined // as one who may not read leads is answered
    expect(await person.does(search, { query: { q: '云图', kinds: 'lead' } })).toEqual({ data: [], complete: true, missing: [] })
    for (const query of [{}, { q: '' }, { q: 'x', kinds: 'lead,cars' }, { q: 'x', limit: '51' }])
      expect((await person.call(search, { query })).body.code).toBe('request.invalid')
    expect((await person.call(search, { query: { q: 'x' }, headers: { authorization: 'Bearer e30.e30.x' } })).status).toBe(401)
  })

  it('streams an Excel file to the service, and a list as a file back under its name', async () => {
    const answer = await fetch(`${gateway.url}/v1/imports?kind=leads`, {
      method: 'POST',
      body: Buffer.alloc(4_000_000),
      headers: { 'content-type': fileFormats.xlsx },
    })
    expect(await answer.json()).toMatchObject({ bytes: 4_000_000 })
    const list = await fetch(`${gateway.url}/v1/leads?format=csv`)
    expect(list.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(list.headers.get('content-disposition')).toBe('attachment; filename="leads.csv"')
    expect(await list.text()).toHaveLength(4_000_000)
    const broken = fetch(`${gateway.url}/v1/leads?format=xlsx`).then((half) => half.arrayBuffer())
    await expect(broken).rejects.toThrow() // nobody takes half a file for a whole one
  })

  it('streams attachments and e-mails to their service and back, with what keeps a browser from running them', async () => {
    const own = await startGateway({
      ...world.environment,
      PUBLIC_URL: 'http://127.0.0.1',
      SERVICE_ACCOUNT_URL: `http://127.0.0.1:${(echo.address() as AddressInfo).port}`,
    })
    try {
      const send = async (path: string, type: string, bytes: number) => {
        const answer = await fetch(`${own.url}${path}`, { method: 'POST', body: Buffer.alloc(bytes), headers: { 'content-type': type } })
        return answer.json() as Promise<{ bytes?: number; url?: string; code?: string }>
      }
      const attachments = `/v1/activities/${newId('activity')}/attachments`
      const name = encodeURIComponent('报价单.pdf')
      expect(await send(`${attachments}?name=${name}`, 'application/octet-stream', 4_000_000)).toMatchObject({
        bytes: 4_000_000,
        url: `${attachments}?name=${name}`,
      })
      expect(await send('/v1/mails', 'message/rfc822', 4_000_000)).toMatchObject({ bytes: 4_000_000, url: '/v1/mails' })
      expect(await send('/v1/mails', 'application/octet-stream', 4_000_000)).toMatchObject({ code: 'request.too_large' })
      expect(await send('/v1/activities', 'application/octet-stream', 4_000_000)).toMatchObject({ code: 'request.too_large' })
      const answer = await fetch(`${own.url}/v1/attachments/${newId('attachment')}`)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-disposition': 'attachment; filename="x"',
        'content-security-policy': 'sandbox',
        'x-content-type-options': 'nosniff',
      })
    } finally {
      await own.stop()
    }
  })

  it('finishes what is under way when it is told to stop', async () => {
    const second = await startGateway({
      ...world.environment,
      PUBLIC_URL: 'http://127.0.0.1',
      SERVICE_LEAD_URL: `http://127.0.0.1:${(echo.address() as AddressInfo).port}`,
    })
    let release!: () => void
    hold = new Promise((resolve) => (release = resolve))
    const asked = new Promise((resolve) => echo.once('request', resolve))
    const running = fetch(`${second.url}/v1/leads`)
    await asked
    const stopped = second.stop()
    hold = undefined
    release()
    expect((await running).status).toBe(200)
    await stopped
  })
})

describe('what a browser and a reader get', () => {
  it('is safe: no sniffing, no frames, transport security, no foreign origins', async () => {
    const answer = await fetch(`${gateway.url}/v1/problems`, { headers: { origin: 'https://evil.example' } })
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'strict-transport-security': 'max-age=31536000',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    const friend = await fetch(`${gateway.url}/v1/problems`, { headers: { origin: 'https://console.example.com' } })
    expect(friend.headers.get('access-control-allow-origin')).toBe('https://console.example.com')
    const preflight = await fetch(`${gateway.url}/v1/leads/x`, {
      method: 'OPTIONS',
      headers: { origin: 'https://console.example.com', 'access-control-request-method': 'PATCH' },
    })
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH')
  })

  it('is a page that tells what runs, in the reader’s language, without scripts', async () => {
    const page = await fetch(`${gateway.url}/`, { headers: { 'accept-language': 'zh-CN' } })
    const html = await page.text()
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(html).toContain('线索到回款')
    expect(html).toMatch(/<li class="no"><b>account<\/b>/)
    expect(html).not.toContain('<script')
  })

  it('are the documents of the API and every problem with its texts', async () => {
    const json = async (path: string) => (await (await fetch(`${gateway.url}${path}`)).json()) as Record<string, any>
    expect(await json('/v1/openapi.json')).toMatchObject({ openapi: '3.1.0', servers: [{ url: 'https://crm.example.com' }] })
    expect(await json('/v1/asyncapi.json')).toMatchObject({ asyncapi: '3.1.0' })
    expect((await json('/v1/problems'))['data']).toHaveLength(problems.size)
    expect(await json('/v1/problems/lead.no_owner')).toMatchObject({ title: 'The lead has no owner.' })
    expect((await fetch(`${gateway.url}/v1/problems/nothing`)).status).toBe(404)
  })

  it('is honest about readiness', async () => {
    const answer = await fetch(`${gateway.url}/readyz`)
    expect(answer.status).toBe(200) // a service that is away is no reason to shut the door of the others
    expect(await answer.json()).toMatchObject({ status: 'degraded', missing: expect.arrayContaining(['account: does not answer']) })
  })
})

it('a gateway with a wrong configuration says everything that is wrong', async () => {
  await expect(startGateway({ PORT: 'http', OIDC_ISSUER: 'x' })).rejects.toThrow(
    /PORT: .*\n.*OIDC_JWKS_URL: is missing\n.*PUBLIC_URL: is missing/s,
  )
})
