import {
  LeadAssigned,
  LeadCaptured,
  LeadQualified,
  listAuditSeals,
  listParkedEvents,
  readAudit,
  replayParkedEvent,
  replayParkedEvents,
  topicOf,
  type Sent,
} from '@millrace/contracts'
import { newId, Refusal, type Id } from '@millrace/domain'
import { AuditSeals, inTenant } from '@millrace/service'
import { asSuperuser, aWorld, eventually, type Company, type TestService, type World } from './index.js'
import { faultyNote, probe, probeService, readNotes, writeNote } from './probe.fixture.js'

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(probeService)
})
afterAll(() => world.stop())
beforeEach(async () => {
  probe.fail = () => undefined
  company = await world.company()
})

const captured = (leadId: Id<'lead'>): Sent<typeof LeadCaptured> => ({
  leadId,
  companyName: 'x',
  contactName: null,
  ownerId: null,
  source: null,
  channel: null,
  campaign: null,
})
const seen = async () => (await service.as(company.ada).does(readNotes)).seen as { subject: string; name: string }[]
const parked = async () =>
  (await service.as(company.ada).does(listParkedEvents, { query: { service: 'insight' } })).data as {
    id: string
    code: string
    subject: string
  }[]

/** Bytes on the bus as a broken sender would put them there. */
async function raw(headers: Record<string, string>, value: string, key = newId('lead')): Promise<void> {
  const base = {
    ce_specversion: '1.0',
    ce_id: newId('event'),
    ce_type: LeadCaptured.type,
    ce_subject: key,
    ce_time: '2026-11-02T08:00:00Z',
    ce_tenantid: company.tenantId,
    ce_sequence: '1',
  }
  await world.bus.publish([{ topic: topicOf('lead'), key, headers: { ...base, ...headers }, value: Buffer.from(value) }])
}

describe('an event', () => {
  it('has its effect once, however often it is delivered', async () => {
    const lead = newId('lead')
    const ce_id = newId('event')
    for (let n = 0; n < 5; n += 1) await raw({ ce_id }, JSON.stringify(captured(lead)), lead)
    await service.settled()
    expect(await seen()).toEqual([{ subject: lead, name: 'captured' }])
  })

  it('is not sent when its transaction is rolled back, and nothing of the write stays', async () => {
    const ada = service.as(company.ada)
    expect((await ada.call(writeNote, { body: { text: 'gone', fail: true } })).status).toBe(409)
    await ada.does(writeNote, { body: { text: 'kept' } })
    expect(
      (await world.events(company.tenantId)).filter(({ name }) => name === 'lead.captured').map(({ payload }) => payload['companyName']),
    ).toEqual(['kept'])
    expect((await ada.does(readNotes)).notes).toEqual([{ text: 'kept' }])
  })

  it('is tried again when its handler fails, and leaves nothing of the failed tries', async () => {
    const lead = newId('lead')
    let tries = 0
    probe.fail = (subject) => (subject === lead && (tries += 1) < 3 ? new Error('not now') : undefined)
    await world.publish(company.tenantId, LeadCaptured, lead, captured(lead))
    await service.settled()
    expect(tries).toBeGreaterThanOrEqual(3)
    expect(await seen()).toEqual([{ subject: lead, name: 'captured' }])
    expect(await parked()).toEqual([])
  })

  it('is tried for as long as it takes when the failure is the database’s, not its own', async () => {
    const lead = newId('lead')
    let tries = 0
    const cut = () => Object.assign(new Error('deadlock detected'), { code: '40P01' })
    probe.fail = (subject) => (subject === lead && (tries += 1) < 6 ? cut() : undefined)
    await world.publish(company.tenantId, LeadCaptured, lead, captured(lead))
    await service.settled()
    expect(await seen()).toEqual([{ subject: lead, name: 'captured' }])
    expect(await parked()).toEqual([])
  })

  it('is parked with its reason when its handler refuses it', async () => {
    const lead = newId('lead')
    probe.fail = (subject) => (subject === lead ? new Refusal('probe.failed') : undefined)
    await world.publish(company.tenantId, LeadCaptured, lead, captured(lead))
    await service.settled()
    expect((await parked()).map(({ code }) => code)).toEqual(['probe.failed'])
  })

  it('is parked when its handler always fails; those behind it wait, those of others go on, and replay restores the order', async () => {
    const [bad, good] = [newId('lead'), newId('lead')]
    probe.fail = (subject) => (subject === bad ? new Error('always') : undefined)
    await world.publish(company.tenantId, LeadCaptured, bad, captured(bad))
    await world.publish(company.tenantId, LeadAssigned, bad, { leadId: bad, ownerId: company.amy.id }, { sequence: 2 })
    await world.publish(company.tenantId, LeadCaptured, good, captured(good))
    await service.settled()
    expect(await seen()).toEqual([{ subject: good, name: 'captured' }])
    const waiting = await parked()
    expect(waiting.map(({ code, subject }) => [code, subject])).toEqual([
      ['event.handler_failed', bad],
      ['event.behind', bad],
    ])
    const replay = { params: { id: waiting[0]!.id } }
    expect(await service.as(company.ada).does(replayParkedEvent, replay)).toEqual({ applied: 0, failed: waiting[0]!.id })
    probe.fail = () => undefined
    expect(await service.as(company.ada).does(replayParkedEvent, replay)).toEqual({ applied: 2, failed: null })
    expect((await seen()).filter(({ subject }) => subject === bad).map(({ name }) => name)).toEqual(['captured', 'assigned'])
    expect(await parked()).toEqual([])
    await world.publish(company.tenantId, LeadAssigned, bad, { leadId: bad, ownerId: company.amy.id }, { sequence: 3 })
    await service.settled()
    expect((await seen()).filter(({ subject }) => subject === bad)).toHaveLength(3)
  })

  it.each([
    ['is no JSON', 'event.bad_json', {}, '{"leadId":'],
    ['has another shape', 'event.broken_schema', {}, '{"leadId":"lead_1"}'],
    ['has an unknown type', 'event.unknown_type', { ce_type: 'millrace.lead.teleported.v1' }, '{}'],
    ['has no time', 'event.bad_headers', { ce_time: 'yesterday' }, '{}'],
  ])('that %s is parked at once and holds nobody up', async (_, code, headers, value) => {
    const lead = newId('lead')
    await raw(headers, value, lead)
    await world.publish(company.tenantId, LeadCaptured, lead, captured(lead))
    await service.settled()
    expect((await parked()).map((event) => event.code)).toEqual([code])
    expect(await seen()).toEqual([{ subject: lead, name: 'captured' }])
    expect(await service.as(company.ada).does(replayParkedEvents, { query: { service: 'insight' } })).toMatchObject({ applied: 0 })
  })

  it('that is parked is seen by its own company’s administrators only', async () => {
    await raw({}, 'broken')
    await service.settled()
    expect(await parked()).toHaveLength(1)
    const stranger = await world.company()
    expect((await service.as(stranger.ada).does(listParkedEvents, { query: { service: 'insight' } })).data).toEqual([])
    expect((await service.as(company.amy).call(listParkedEvents, { query: { service: 'insight' } })).status).toBe(403)
  })

  it('that is parked without a company is for the platform’s operator, who is kept out of companies', async () => {
    const operator = { id: newId('user'), tenantId: '*' as Id<'tenant'>, roles: ['administrator' as const] }
    await raw({ ce_tenantid: 'nobody' }, '{}')
    await service.settled()
    expect(await parked()).toEqual([])
    const { data } = await service.as(operator).does(listParkedEvents, { query: { service: 'insight' } })
    expect(data.map(({ code }: { code: string }) => code)).toContain('event.bad_headers')
    expect((await service.as(operator).call(readNotes)).body).toMatchObject({ status: 403, code: 'tenant.none' })
  })

  it('is not parked because the database went away for a moment', async () => {
    const lead = newId('lead')
    let kills = 0
    probe.fail = (subject) => {
      if (subject !== lead || (kills += 1) > 2) return undefined
      return Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' })
    }
    await world.publish(company.tenantId, LeadCaptured, lead, captured(lead))
    await service.settled()
    await asSuperuser((client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace-insight'`),
    )
    await eventually(async () => (await seen()).length === 1)
    expect(await parked()).toEqual([])
  })

  it('outlives some statements that took too long, and is parked when they always do', async () => {
    const [passing, never] = [newId('lead'), newId('lead')]
    let timeouts = 0
    probe.fail = (subject) => {
      if (subject !== never && (subject !== passing || (timeouts += 1) > 6)) return undefined
      return Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' })
    }
    await world.publish(company.tenantId, LeadCaptured, passing, captured(passing))
    await eventually(async () => (await seen()).length === 1)
    expect(await parked()).toEqual([])
    await world.publish(company.tenantId, LeadCaptured, never, captured(never))
    await eventually(async () => (await parked()).length === 1)
    expect(await parked()).toMatchObject([{ code: 'event.handler_failed', subject: never }])
  })
})

describe('reading one’s own writes', () => {
  it('waits until the events of the write are applied, without polling', async () => {
    const ada = service.as(company.ada)
    for (let n = 0; n < 20; n += 1) {
      const note = await ada.does(writeNote, { body: { text: `n ${n}` } })
      const { seen: now } = (await ada.does(readNotes)) as { seen: { subject: string }[] }
      expect(now.map(({ subject }) => subject)).toContain(note.id)
    }
  })

  it('says which events are missing when they do not come in time', async () => {
    const token = `lead.captured/${newId('event')}`
    const answer = await service.as(company.ada).call(readNotes, { headers: { 'millrace-causality': token, prefer: 'wait=1' } })
    expect(answer.body).toMatchObject({ status: 503, code: 'not_yet', events: [token] })
    expect(answer.headers['retry-after']).toBe('1')
  })

  it('does not wait for an event that is parked: only a person can mend it', async () => {
    const lead = newId('lead')
    probe.fail = (subject) => (subject === lead ? new Error('always') : undefined)
    const eventId = await world.publish(company.tenantId, LeadCaptured, lead, captured(lead))
    await service.settled()
    const headers = { 'millrace-causality': `lead.captured/${eventId}` }
    const answer = await service.as(company.ada).call(listParkedEvents, { query: { service: 'insight' }, headers })
    expect([answer.status, answer.body.data.map(({ subject }: { subject: string }) => subject)]).toEqual([200, [lead]])
  })

  it('does not wait for events that do not concern the service, and refuses tokens that are not ours', async () => {
    const read = async (token: string) =>
      (await service.as(company.ada).call(readNotes, { headers: { 'millrace-causality': token } })).status
    expect(await read(`invoice.issued/${newId('event')}`)).toBe(200)
    expect(await read('lead.captured/1; DROP TABLE inbox')).toBe(400)
  })

  it('adds to the token what the awaited events caused', async () => {
    const lead = newId('lead')
    const eventId = await world.publish(company.tenantId, LeadQualified, lead, { leadId: lead, ownerId: company.amy.id })
    const answer = await service.as(company.ada).call(readNotes, { headers: { 'millrace-causality': `lead.qualified/${eventId}` } })
    expect(answer.headers['millrace-causality']).toMatch(new RegExp(`^lead.qualified/${eventId},lead.assigned/event_`))
  })
})

describe('the database', () => {
  it('answers nothing without a tenant', async () => {
    await expect(service.database.query('SELECT 1')).rejects.toThrow('no context')
    await expect(service.database.pool.query('SELECT * FROM note')).rejects.toThrow('no tenant is set')
    await expect(inTenant('tenant_1', () => service.database.query('SELECT 1'))).rejects.toThrow('needs a tenant')
  })

  it('shows and takes rows of the own tenant only, whatever the SQL says', async () => {
    await service.as(company.ada).does(writeNote, { body: { text: 'mine' } })
    const stranger = await world.company()
    const rows = await inTenant(stranger.tenantId, () =>
      service.database.query('SELECT * FROM note WHERE tenant_id = $1', [company.tenantId]),
    )
    expect(rows).toEqual([])
    const steal = inTenant(stranger.tenantId, () => service.database.query(`UPDATE note SET tenant_id = $1`, [company.tenantId]))
    await expect(steal).resolves.toEqual([])
    const plant = inTenant(stranger.tenantId, () =>
      service.database.query(`INSERT INTO seen (tenant_id, subject, name) VALUES ($1, 'x', 'x')`, [company.tenantId]),
    )
    await expect(plant).rejects.toThrow('row-level security')
  })

  it('is not there for the platform’s own scope', async () => {
    await service.as(company.ada).does(writeNote, { body: { text: 'mine' } })
    expect(await inTenant('*', () => service.database.query('SELECT * FROM note'))).toEqual([])
  })
})

describe('the audit trail', () => {
  const seals = async () =>
    (await service.as(company.ada).does(listAuditSeals, { query: { service: 'insight' } })).data as {
      n: number
      rows: number
      hash: string
    }[]
  const seal = () => service.app.get(AuditSeals).seal()
  const trail = async (id: string) => (await service.as(company.ada).does(readAudit, { params: { id } })).data as Record<string, unknown>[]

  it('says who did what, how and from where', async () => {
    const { id } = await service.as(company.ada).does(writeNote, { body: { text: 'one' }, headers: { 'x-forwarded-for': '203.0.113.7' } })
    expect(await trail(id)).toMatchObject([
      { action: 'insert', actorId: company.ada.id, channel: 'api', address: '203.0.113.7', change: { text: 'one' } },
    ])
  })

  it('is sealed in a chain, company by company, each row once', async () => {
    await seal()
    const before = await seals()
    for (const text of ['two', 'three']) await service.as(company.ada).does(writeNote, { body: { text } })
    await seal()
    await seal()
    const after = await seals()
    expect(after).toHaveLength(before.length + 1)
    expect(after[0]).toMatchObject({ n: (before[0]?.n ?? 0) + 1, rows: 2, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
    const stranger = await world.company()
    expect((await service.as(stranger.ada).does(listAuditSeals, { query: { service: 'insight' } })).data).toEqual([])
  })

  it('waits with rows behind a transaction that is under way, and leaves none out', async () => {
    await service.as(company.ada).does(writeNote, { body: { text: 'first' } })
    await seal()
    const [before] = await seals()
    const slow = await service.database.pool.connect()
    await slow.query(`BEGIN; SET LOCAL millrace.tenant = '${company.tenantId}';
      INSERT INTO audit (aggregate, aggregate_id, version, action, change) VALUES ('note', 'note_slow', 1, 'insert', '{}')`)
    await service.as(company.ada).does(writeNote, { body: { text: 'fast' } })
    await seal()
    expect((await seals())[0]!.n).toBe(before!.n)
    await slow.query('COMMIT')
    slow.release()
    await eventually(async () => {
      await seal()
      return (await seals())[0]!.n > before!.n
    })
    expect((await seals())[0]).toMatchObject({ n: before!.n + 1, rows: 2 })
  })

  it('can be added to and not changed by the service', async () => {
    for (const sql of ['UPDATE audit SET version = 7', 'DELETE FROM audit', `UPDATE audit_seal SET hash = 'x'`, 'DELETE FROM audit_seal'])
      await expect(inTenant(company.tenantId, () => service.database.query(sql))).rejects.toThrow('permission denied')
  })
})

describe('an answer', () => {
  it('to a fault tells a trace id and nothing else', async () => {
    const answer = await service.as(company.ada).call(faultyNote, {})
    expect(answer.status).toBe(500)
    expect(answer.text).not.toMatch(/hunter2|secret|at .*\.ts/)
    expect(answer.body).toMatchObject({ code: 'fault', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) })
  })

  it('to a broken body says what is wrong with it', async () => {
    const send = (body: string, type = 'application/json') =>
      fetch(`${service.url}/v1/probe-notes`, { method: 'POST', body, headers: { 'content-type': type, authorization: '' } }).then(
        async (answer) => [answer.status, ((await answer.json()) as { code: string }).code],
      )
    expect(await send('{"text":')).toEqual([400, 'request.malformed'])
    expect(await send('{"__proto__":{"x":1}}')).toEqual([400, 'request.malformed'])
    expect(await send(JSON.stringify({ text: 'x'.repeat(1_100_000) }))).toEqual([413, 'request.too_large'])
    expect(await send('<a/>', 'application/xml')).toEqual([415, 'request.unsupported_media_type'])
    expect(await send('{}')).toEqual([401, 'token.missing'])
    expect((await fetch(`${service.url}/v1/nothing`)).status).toBe(404)
  })

  it('to a body that is not UTF-8 is a refusal', async () => {
    const answer = await fetch(`${service.url}/v1/probe-notes`, {
      method: 'POST',
      body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]),
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
  })
})

describe('health', () => {
  it('tells that it lives, that it is ready, and its figures', async () => {
    expect((await fetch(`${service.url}/livez`)).status).toBe(200)
    expect(await (await fetch(`${service.url}/readyz`)).json()).toEqual({ status: 'ready', missing: [] })
    const figures = await (await fetch(`${service.url}/metrics`)).text()
    for (const name of ['millrace_outbox_depth', 'millrace_consumer_lag', 'millrace_events_parked', 'db_client_connection_count'])
      expect(figures).toContain(name)
  })

  it('serves without the bus, and says so', async () => {
    const other = await aWorld()
    const { url } = await other.start(probeService)
    const name = new URL(other.busUrl).pathname.slice(1)
    const allow = (open: boolean) => asSuperuser((client) => client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${open}`))
    await allow(false)
    await asSuperuser((client) => client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]))
    const answer = await fetch(`${url}/readyz`)
    await allow(true)
    await other.stop()
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ status: 'degraded', missing: [expect.stringMatching(/^bus: /)] })
  })

  it('is not ready while migrations are missing', async () => {
    const late = await world.start({ ...probeService, migrations: [...probeService.migrations] })
    await asSuperuser(
      (client) => client.query(`DELETE FROM schema_migration WHERE name LIKE '0900%'`),
      new URL(late.database.url).pathname.slice(1),
    )
    const answer = await fetch(`${late.url}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ status: 'not ready', missing: ['database: migrations are missing'] })
  })
})
