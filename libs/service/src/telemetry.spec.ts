import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import { events, type EventType, type Operation } from '@millrace/contracts'
import { newId, Refusal } from '@millrace/domain'
import { z } from 'zod'
import type { Delivery } from './bus/bus.js'
import { Clock } from './clock.js'
import { context, withContext, type Context } from './context.js'
import { Events, type Received } from './events.js'
import { startTelemetry, type Telemetry, type TelemetryConfig } from './telemetry.js'
import type { Transaction } from './transaction.js'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const callersSpan = '00f067aa0ba902b7'
const incoming = `00-${traceId}-${callersSpan}-01`
const anyTrace = /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/
const secret = '13800138000'

const off: TelemetryConfig = { METRICS: 'off', OTEL_TRACES_SAMPLER_ARG: 1, BUS_URL: 'kafka://localhost:9092' }
const scraped: TelemetryConfig = { ...off, METRICS: 'on' }

const captureLead: Operation = {
  id: 'captureLead',
  service: 'lead',
  method: 'POST',
  path: '/v1/leads',
  summary: 'Captures a lead',
  rule: 'public',
  status: 201,
  ifMatch: false,
  transaction: true,
}
const leadConverted: EventType = {
  name: 'lead.converted',
  version: 1,
  type: 'millrace.lead.converted.v1',
  aggregate: 'lead',
  service: 'lead',
  topic: 'millrace.lead',
  payload: z.object({ phone: z.string() }),
  doc: 'A lead became a deal.',
}

const aContext = (traceparent?: string): Context => ({
  tenantId: 'tenant_1',
  visibility: 'company',
  language: 'en',
  traceparent,
  caused: [],
})

/** What the bus carries after `publish`, with the real headers. */
async function publish(): Promise<Delivery> {
  let sent: Delivery | undefined
  const tx = {
    tenant: 'tenant_1',
    enqueue: (message: Delivery) => (sent = { ...message, stream: 'millrace.lead/3', offset: '7', value: Buffer.from('') }),
  }
  await new Events(new Clock()).publish(tx as unknown as Transaction, leadConverted, { id: 'lead_1', version: 1 } as never, {
    phone: secret,
  })
  return sent!
}

/** A request as the operation server treats it: publishes one event. */
const capture = (telemetry: Telemetry, headers: IncomingHttpHeaders) =>
  telemetry.serving(captureLead, headers, () => withContext(aContext(telemetry.traceparent()), publish))

/** A delivery as the consumer treats it: `handler` runs in the context of the event. */
function consume<T>(telemetry: Telemetry, delivery: Delivery, handler: () => Promise<T>): Promise<T> {
  const event = { id: delivery.headers['ce_id'], type: delivery.headers['ce_type'], payload: { phone: secret } } as Received<EventType>
  return withContext(aContext(delivery.headers['ce_traceparent']), () => telemetry.consuming(event, delivery, handler))
}

const traceOf = (traceparent: string | undefined) => traceparent?.split('-')[1]
const fails = (error: unknown) => () => Promise.reject(error as Error)

describe('without traces', () => {
  let telemetry: Telemetry
  beforeEach(async () => void (telemetry = await startTelemetry('millrace-lead', off)))

  test('a call, its events and their consumers run in the caller’s trace', async () => {
    const headers = { traceparent: incoming }
    const event = await capture(telemetry, headers)
    expect(event.headers['ce_traceparent']).toBe(incoming)
    expect(telemetry.traceparent(headers)).toBe(incoming)
    const next = await consume(telemetry, event, publish)
    expect(next.headers['ce_traceparent']).toBe(incoming)
  })

  test('a call that comes without a trace gets one, shared by its events and its problem', async () => {
    const headers: IncomingHttpHeaders = {}
    const event = await capture(telemetry, headers)
    expect(event.headers['ce_traceparent']).toMatch(anyTrace)
    expect(telemetry.traceparent(headers)).toBe(event.headers['ce_traceparent'])
    expect(traceOf((await capture(telemetry, {})).headers['ce_traceparent'])).not.toBe(traceOf(event.headers['ce_traceparent']))
  })

  test('a request that never gets to its operation has one trace too', () => {
    const headers: IncomingHttpHeaders = {}
    expect(telemetry.traceparent(headers)).toMatch(anyTrace)
    expect(telemetry.traceparent(headers)).toBe(telemetry.traceparent(headers))
    expect(telemetry.traceparent({ traceparent: incoming })).toBe(incoming)
    expect(telemetry.traceparent()).toBeUndefined()
  })

  test('an event that comes without a trace gets one for all that it causes', async () => {
    const { ce_traceparent: _, ...headers } = (await capture(telemetry, {})).headers
    const [first, second] = await consume(telemetry, { ...(await capture(telemetry, {})), headers }, async () => [
      await publish(),
      await publish(),
    ])
    expect(first!.headers['ce_traceparent']).toMatch(anyTrace)
    expect(second!.headers['ce_traceparent']).toBe(first!.headers['ce_traceparent'])
  })

  test.each([
    ['garbage', 'x'],
    ['an empty trace id', `00-${'0'.repeat(32)}-${callersSpan}-01`],
    ['an empty span id', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['capitals', incoming.toUpperCase()],
    ['the forbidden version', incoming.replace('00', 'ff')],
    ['a tail that version 00 does not have', `${incoming}-more`],
  ])('%s is no trace', async (_, traceparent) => {
    const event = await capture(telemetry, { traceparent })
    expect(event.headers['ce_traceparent']).toMatch(anyTrace)
    expect(traceOf(event.headers['ce_traceparent'])).not.toBe(traceId)
  })

  test('a later version of the header is understood and handed on as the version we speak', async () => {
    expect(
      (await capture(telemetry, { traceparent: `cc-${traceId}-${callersSpan}-03-what-the-future-brings` })).headers['ce_traceparent'],
    ).toBe(incoming)
  })

  test('what fails fails as it would without telemetry', async () => {
    const refusal = new Refusal('lead.not_qualified')
    await expect(telemetry.serving(captureLead, {}, fails(refusal))).rejects.toBe(refusal)
    await expect(consume(telemetry, await capture(telemetry, {}), fails(refusal))).rejects.toBe(refusal)
    telemetry.parked('x')
    telemetry.gauge('millrace.outbox.depth', '', '{event}', () => 1)
    expect(await telemetry.scrape()).toBe('')
    await telemetry.shutdown()
  })
})

describe('metrics', () => {
  let telemetry: Telemetry
  beforeEach(async () => void (telemetry = await startTelemetry('millrace-lead', scraped)))
  afterEach(() => telemetry.shutdown())

  const requests = (text: string) => text.split('\n').filter((line) => line.startsWith('http_server_request_duration_seconds_count'))
  const requested = (labels: string) =>
    `http_server_request_duration_seconds_count{http_request_method="POST",http_route="/v1/leads",url_scheme="http",${labels}`

  test('each operation is counted by the status that its caller gets', async () => {
    await capture(telemetry, {})
    await capture(telemetry, {})
    for (const error of [
      new Refusal('lead.not_qualified'),
      Refusal.invalid('request.invalid'),
      Refusal.notFound('lead', secret),
      Object.assign(new Error(secret), { code: '57P01' }),
      new TypeError(secret),
      undefined,
    ])
      await expect(telemetry.serving(captureLead, {}, fails(error))).rejects.toBe(error)
    const text = await telemetry.scrape()
    expect(requests(text).sort()).toEqual(
      [
        requested('http_response_status_code="201"} 2'),
        requested('http_response_status_code="409"} 1'),
        requested('http_response_status_code="400"} 1'),
        requested('http_response_status_code="404"} 1'),
        requested('http_response_status_code="503",error_type="service.unavailable"} 1'),
        requested('http_response_status_code="500",error_type="TypeError"} 1'),
        requested('http_response_status_code="500",error_type="undefined"} 1'),
      ].sort(),
    )
    expect(text).toContain('# TYPE http_server_request_duration_seconds histogram')
    expect(text).toMatch(/^http_server_request_duration_seconds_bucket\{.*http_response_status_code="201",le="0.005"\} \d/m)
    expect(text).not.toContain(secret)
  })

  test('durations are seconds', async () => {
    const until = performance.now() + 30
    await telemetry.serving(captureLead, {}, async () => {
      while (performance.now() < until);
    })
    const sum = Number(/^http_server_request_duration_seconds_sum\{.*\} (.*)$/m.exec(await telemetry.scrape())![1])
    expect(sum).toBeGreaterThanOrEqual(0.025)
    expect(sum).toBeLessThan(25)
  })

  test('each attempt to apply an event is counted by type and outcome, and what is parked by type', async () => {
    const event = await capture(telemetry, {})
    await consume(telemetry, event, () => Promise.resolve())
    await expect(consume(telemetry, event, fails(new Error(secret)))).rejects.toThrow(secret)
    telemetry.parked(events[0]!.type)
    telemetry.parked(secret)
    const text = await telemetry.scrape()
    expect(text).toContain(
      'millrace_events_processed_seconds_count{cloudevents_event_type="millrace.lead.converted.v1",millrace_outcome="applied"} 1',
    )
    expect(text).toContain(
      'millrace_events_processed_seconds_count{cloudevents_event_type="millrace.lead.converted.v1",millrace_outcome="failed"} 1',
    )
    expect(text).toContain(`millrace_events_parked_total{cloudevents_event_type="${events[0]!.type}"} 1`)
    expect(text).toContain('millrace_events_parked_total{cloudevents_event_type="unknown"} 1')
    expect(text).not.toContain(secret)
  })

  test('a gauge is read at each scrape; one that cannot be read is missing alone', async () => {
    let depth = 7
    telemetry.gauge('millrace.outbox.depth', 'Committed events that are not on the bus yet', '{event}', () => Promise.resolve(depth))
    telemetry.gauge('millrace.consumer.lag', 'Events on the bus that are not applied yet', '{event}', fails(new Error(secret)))
    expect(await telemetry.scrape()).toMatch(
      /^# HELP millrace_outbox_depth Committed.*\n# TYPE millrace_outbox_depth gauge\nmillrace_outbox_depth 7$/m,
    )
    depth = 0
    telemetry.gauge('millrace.events.parked.current', 'Hangs', '{event}', () => new Promise(() => undefined))
    const text = await telemetry.scrape()
    expect(text).toMatch(/^millrace_outbox_depth 0$/m)
    expect(text).not.toMatch(/^millrace_(consumer_lag|events_parked_current)/m)
    expect(text).not.toContain(secret)
  })

  test('the process shows its CPU, memory and event loop', async () => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const until = performance.now() + 150
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 50))
    const text = await telemetry.scrape()
    const value = (series: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')[1],
      )
    expect(value('process_cpu_time_seconds_total{cpu_mode="user"}')).toBeGreaterThan(0.1)
    expect(value('process_memory_usage_bytes')).toBeGreaterThan(10_000_000)
    expect(value('nodejs_eventloop_delay_max_seconds')).toBeGreaterThan(0.1)
    expect(value('nodejs_eventloop_delay_p50_seconds')).toBeLessThan(5)
    expect(text).toMatch(/^target_info\{.*service_name="millrace-lead".*service_namespace="millrace"/m)
  })
})

describe('sent to a collector', () => {
  const received: { path: string; body: Buffer }[] = []
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ path: request.url!, body: Buffer.concat(chunks) })
      response.end()
    })
  })
  let endpoint: string
  beforeAll(async () => {
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  })
  afterAll(() => void collector.close())
  beforeEach(() => void received.splice(0))

  const sent = (share = 1): TelemetryConfig => ({ ...off, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: share })
  const spans = () => received.filter(({ path }) => path === '/v1/traces').flatMap(({ body }) => readSpans(body))

  test('one trace runs from the caller through the operation and its event into the consumer and on', async () => {
    const headers = { traceparent: incoming, authorization: `Bearer ${secret}` }
    const lead = await startTelemetry('millrace-lead', sent())
    const event = await capture(lead, headers)
    const afterwards = lead.traceparent(headers)
    await lead.shutdown()
    const opportunity = await startTelemetry('millrace-opportunity', sent())
    const next = await consume(opportunity, event, publish)
    await opportunity.shutdown()

    const [serving, consuming, ...more] = spans()
    expect(more).toEqual([])
    expect(serving).toMatchObject({
      service: 'millrace-lead',
      namespace: 'millrace',
      name: 'POST /v1/leads',
      kind: 2,
      traceId,
      parent: callersSpan,
      status: 0,
    })
    expect(serving!.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/leads',
      'http.response.status_code': 201,
      'url.scheme': 'http',
    })
    expect(afterwards).toBe(`00-${traceId}-${serving!.id}-01`)
    expect(event.headers['ce_traceparent']).toBe(`00-${traceId}-${serving!.id}-01`)
    expect(consuming).toMatchObject({
      service: 'millrace-opportunity',
      name: 'process millrace.lead.converted.v1',
      kind: 5,
      traceId,
      parent: serving!.id,
      status: 0,
    })
    expect(consuming!.attributes).toEqual({
      'messaging.system.name': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': 'millrace.lead',
      'messaging.destination.partition.id': '3',
      'messaging.consumer.group.name': 'millrace-opportunity',
      'messaging.message.id': event.headers['ce_id'],
      'cloudevents.event_type': 'millrace.lead.converted.v1',
    })
    expect(next.headers['ce_traceparent']).toBe(`00-${traceId}-${consuming!.id}-01`)
    expect(received.map(({ path }) => path)).toContain('/v1/metrics')
  })

  test('a trace begins here when none comes in', async () => {
    const telemetry = await startTelemetry('millrace-lead', sent())
    const headers: IncomingHttpHeaders = {}
    const event = await capture(telemetry, headers)
    await telemetry.shutdown()
    const [span] = spans()
    expect(span!.parent).toBe('')
    expect(event.headers['ce_traceparent']).toBe(`00-${span!.traceId}-${span!.id}-01`)
    expect(telemetry.traceparent(headers)).toBe(event.headers['ce_traceparent'])
  })

  test('a trace that is not sampled is not sent, and still has one id', async () => {
    const telemetry = await startTelemetry('millrace-lead', sent(0))
    const unsampled = await capture(telemetry, { traceparent: incoming.replace(/1$/, '0') })
    const own = await capture(telemetry, {})
    const next = await consume(telemetry, own, publish)
    const wanted = await capture(telemetry, { traceparent: incoming })
    await telemetry.shutdown()
    expect(unsampled.headers['ce_traceparent']).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
    expect(own.headers['ce_traceparent']).toMatch(anyTrace)
    expect(traceOf(next.headers['ce_traceparent'])).toBe(traceOf(own.headers['ce_traceparent']))
    expect(spans().map(({ id }) => id)).toEqual([wanted.headers['ce_traceparent']!.split('-')[2]]) // the caller's wish counts
  })

  test('failures show their status and kind, and nothing of their data', async () => {
    const telemetry = await startTelemetry('millrace-lead', { ...sent(), METRICS: 'on', BUS_URL: 'postgres://localhost/bus' })
    const event = await capture(telemetry, {})
    await telemetry.serving(captureLead, { cookie: secret }, fails(Refusal.notFound('lead', secret))).catch(() => undefined)
    await telemetry.serving(captureLead, {}, fails(new TypeError(secret))).catch(() => undefined)
    await consume(telemetry, event, fails(new Refusal('lead.not_qualified', { phone: secret }))).catch(() => undefined)
    expect(await telemetry.scrape()).toContain('http_response_status_code="404"')
    await telemetry.shutdown()
    const [, notFound, fault, refused] = spans()
    expect(notFound).toMatchObject({ status: 0, attributes: { 'http.response.status_code': 404 } })
    expect(notFound!.attributes).not.toHaveProperty('error.type')
    expect(fault).toMatchObject({ status: 2, attributes: { 'http.response.status_code': 500, 'error.type': 'TypeError' } })
    expect(refused).toMatchObject({ status: 2, attributes: { 'error.type': 'lead.not_qualified', 'messaging.system.name': 'postgresql' } })
    expect(received.map(({ path }) => path).sort()).toEqual(['/v1/metrics', '/v1/traces'])
    for (const { body } of received) expect(body.includes(secret)).toBe(false)
  })

  test('every name is one of the semantic conventions, or our own', async () => {
    const telemetry = await startTelemetry('millrace-lead', { ...sent(), METRICS: 'on' })
    await consume(telemetry, await capture(telemetry, {}), fails(new Error())).catch(() => undefined)
    telemetry.parked('x')
    await telemetry.scrape()
    await telemetry.shutdown()
    const names = [
      ...spans().flatMap(({ attributes }) => Object.keys(attributes)),
      ...received.filter(({ path }) => path === '/v1/metrics').flatMap(({ body }) => readMetricNames(body)),
    ]
    expect(names).toEqual(
      expect.arrayContaining(['http.route', 'error.type', 'http.server.request.duration', 'process.cpu.time', 'millrace.events.parked']),
    )
    const known = new Set<unknown>(Object.values(conventions))
    expect(names.filter((name) => !name.startsWith('millrace.') && !known.has(name))).toEqual([])
  })

  test('a collector that does not answer holds nobody up', async () => {
    process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '10000' // lets the test run end
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const telemetry = await startTelemetry('millrace-lead', {
      ...sent(),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    })
    const begun = performance.now()
    await capture(telemetry, {})
    expect(performance.now() - begun).toBeLessThan(5_000)
    await telemetry.shutdown()
    expect(performance.now() - begun).toBeLessThan(9_000)
    delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT']
    silent.closeAllConnections()
    silent.close()
  })
})

test('a handler’s context stays what it was, its trace apart', async () => {
  const telemetry = await startTelemetry('millrace-lead', off)
  const given: Context = { ...aContext('malformed'), journeyId: newId('journey') }
  const delivery = await withContext(given, publish)
  await withContext(given, () =>
    telemetry.consuming({ type: leadConverted.type } as Received<EventType>, delivery, () => {
      expect(context()).toEqual({ ...given, traceparent: expect.stringMatching(anyTrace) as string })
      expect(context().caused).toBe(given.caused)
      expect(telemetry.traceparent()).toBe(context().traceparent)
      return Promise.resolve()
    }),
  )
})

/** The fields of a protobuf message: numbers as they are, everything else as bytes. */
function fields(message: Buffer): { number: number; value: Buffer; int: number }[] {
  const found: { number: number; value: Buffer; int: number }[] = []
  let at = 0
  const varint = () => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++]!
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const key = varint()
    const wire = key & 7
    const int = wire === 0 ? varint() : 0
    const length = wire === 0 ? 0 : wire === 1 ? 8 : wire === 5 ? 4 : varint()
    found.push({ number: key >> 3, value: message.subarray(at, at + length), int })
    at += length
  }
  return found
}

/** What lies at a path of field numbers. */
function at(message: Buffer, ...[number, ...rest]: number[]): { value: Buffer; int: number }[] {
  const found = fields(message).filter((field) => field.number === number)
  return rest.length ? found.flatMap(({ value }) => at(value, ...rest)) : found
}

const textAt = (message: Buffer, ...path: number[]) => at(message, ...path)[0]?.value.toString() ?? ''

function attributesAt(message: Buffer, ...path: number[]): Record<string, unknown> {
  return Object.fromEntries(at(message, ...path).map(({ value }) => [textAt(value, 1), textAt(value, 2, 1) || at(value, 2, 3)[0]?.int]))
}

/** Spans of an OTLP ExportTraceServiceRequest. */
function readSpans(request: Buffer) {
  return at(request, 1).flatMap(({ value: resource }) => {
    const { 'service.name': service, 'service.namespace': namespace } = attributesAt(resource, 1, 1)
    return at(resource, 2, 2).map(({ value: span }) => ({
      service,
      namespace,
      traceId: at(span, 1)[0]!.value.toString('hex'),
      id: at(span, 2)[0]!.value.toString('hex'),
      parent: at(span, 4)[0]?.value.toString('hex') ?? '',
      name: textAt(span, 5),
      kind: at(span, 6)[0]?.int,
      attributes: attributesAt(span, 9),
      status: at(span, 15, 3)[0]?.int ?? 0,
    }))
  })
}

/** Names of metrics and of the attributes of histograms and sums in an OTLP ExportMetricsServiceRequest. */
function readMetricNames(request: Buffer): string[] {
  return at(request, 1, 2, 2).flatMap(({ value: metric }) => [
    textAt(metric, 1),
    ...at(metric, 7, 1).flatMap(({ value }) => Object.keys(attributesAt(value, 7))),
    ...at(metric, 9, 1).flatMap(({ value }) => Object.keys(attributesAt(value, 9))),
  ])
}
