import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import {
  isSpanContextValid,
  context as otelContext,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Counter,
  type Context as OtelContext,
  type Histogram,
  type Meter,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api'
import { events, type EventType, type Operation } from '@millrace/contracts'
import type { IMetricReader, MetricData } from '@opentelemetry/sdk-metrics'
import type { Resource } from '@opentelemetry/resources'
import type { Delivery } from './bus/bus.js'
import type { ServiceConfig } from './config.js'
import { context, currentContext, withContext } from './context.js'
import type { Received } from './events.js'
import { problemOf, refusalOf } from './problem.js'

/** What telemetry reads of the environment. */
export type TelemetryConfig = Pick<ServiceConfig, 'METRICS' | 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_TRACES_SAMPLER_ARG'> & {
  BUS_URL?: string | undefined
}

/** What measures when telemetry is on. Without a tracer nothing is traced, without `scrape` nothing is scraped. */
interface Instruments {
  readonly meter: Meter
  readonly tracer?: Tracer | undefined
  readonly messagingSystem: string
  readonly scrape?: (() => Promise<string>) | undefined
  readonly stop: () => Promise<unknown>
}

interface Failure {
  readonly status: number
  /** The refusal's code or the error's class. Never its message: that can hold data. */
  readonly type: string
}

/** Upper bounds in seconds; semantic conventions give these for HTTP. Applying one event is faster than a request. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const eventBuckets = [0.0005, 0.001, 0.0025, ...requestBuckets]
const shutdownMs = 3_000
const gaugeMs = 2_000
const loopSampleMs = 20

const entered = new AsyncLocalStorage<string>()

/**
 * Traces and metrics of a service. Names and attributes are those of OpenTelemetry's semantic conventions; none holds a payload, a header's
 * text or a personal datum. Off, it loads no SDK and only sees to it that a call, its problems and its events share one trace id.
 */
export class Telemetry {
  private readonly requests: Histogram | undefined
  private readonly processed: Histogram | undefined
  private readonly parkedEvents: Counter | undefined

  /** `service` is the name that traces and metrics show, e.g. `millrace-lead`. */
  constructor(
    readonly service: string,
    private readonly on?: Instruments,
  ) {
    this.requests = on?.meter.createHistogram('http.server.request.duration', {
      description: 'Duration of HTTP server requests.',
      unit: 's',
      advice: { explicitBucketBoundaries: requestBuckets },
    })
    this.processed = on?.meter.createHistogram('millrace.events.processed', {
      description: 'Duration of each attempt to apply an event.',
      unit: 's',
      advice: { explicitBucketBoundaries: eventBuckets },
    })
    this.parkedEvents = on?.meter.createCounter('millrace.events.parked', { description: 'Events that were parked.', unit: '{event}' })
  }

  /**
   * Measures and traces one operation; continues the caller's trace. `headers` then carry the trace that it runs in, so that a problem
   * answered after `work` has failed still finds it: `traceparent(headers)`.
   */
  serving<T>(operation: Operation, headers: IncomingHttpHeaders, work: () => Promise<T>): Promise<T> {
    const { method, path } = operation
    const attributes = this.on && { 'http.request.method': method, 'http.route': path, 'url.scheme': 'http' }
    const span = this.on?.tracer?.startSpan(
      `${method} ${path}`,
      { kind: SpanKind.SERVER, attributes: attributes! },
      parentOf(headers['traceparent']),
    )
    const traceparent = (headers['traceparent'] = handOn(span, headers['traceparent']))
    if (!attributes) return entered.run(traceparent, work)
    return this.measure(
      span,
      () => entered.run(traceparent, work),
      (seconds, failure) => {
        const status = failure?.status ?? operation.status
        const outcome = { 'http.response.status_code': status, ...(failure && status >= 500 && { 'error.type': failure.type }) }
        this.requests!.record(seconds, { ...attributes, ...outcome })
        return outcome
      },
    )
  }

  /**
   * Measures and traces one attempt to apply an event; continues the sender's trace. What the handler publishes continues this attempt's.
   * A failed attempt is an error in the trace whatever its reason: the event will be tried again or parked.
   */
  consuming<T>(event: Received<EventType>, delivery: Delivery, work: () => Promise<T>): Promise<T> {
    const given = delivery.headers['ce_traceparent']
    const span = this.on?.tracer?.startSpan(
      `process ${event.type}`,
      { kind: SpanKind.CONSUMER, attributes: this.messaging(event, delivery) },
      parentOf(given),
    )
    const traceparent = handOn(span, given)
    const inside = traceparent === context().traceparent ? work : () => withContext({ ...context(), traceparent }, work)
    if (!this.on) return inside()
    return this.measure(span, inside, (seconds, failure) => {
      this.processed!.record(seconds, { 'cloudevents.event_type': event.type, 'millrace.outcome': failure ? 'failed' : 'applied' })
      return failure ? { 'error.type': failure.type } : {}
    })
  }

  /** Counts an event that was parked. */
  parked(type: string): void {
    const known = events.some((event) => event.type === type) // what a broken event claims to be would grow the series without end
    this.parkedEvents?.add(1, { 'cloudevents.event_type': known ? type : 'unknown' })
  }

  /**
   * The current trace as W3C trace context, to hand on; undefined outside a request or event. With the headers of a request it always
   * answers: the trace that the request ran in or came with, or one made up and kept in the headers.
   */
  traceparent(headers: IncomingHttpHeaders): string
  traceparent(): string | undefined
  traceparent(headers?: IncomingHttpHeaders): string | undefined {
    const current = currentContext()?.traceparent ?? entered.getStore()
    if (current || !headers) return current
    return (headers['traceparent'] = handOn(undefined, headers['traceparent']))
  }

  /**
   * Shows a value that is read whenever metrics are. `unit` is UCUM: `s`, `By`, `{event}`. While `read` throws or takes longer than 2 s the
   * series is missing and the others are there.
   */
  gauge(name: string, description: string, unit: string, read: () => number | Promise<number>): void {
    this.on?.meter.createObservableGauge(name, { description, unit }).addCallback(async (result) => result.observe(await read()))
  }

  /** All metrics in Prometheus' text format; nothing with METRICS=off. */
  async scrape(): Promise<string> {
    return (await this.on?.scrape?.()) ?? ''
  }

  /** Sends what was not sent yet, for 3 s at most, and ends. */
  async shutdown(): Promise<void> {
    await Promise.race([this.on?.stop(), delay(shutdownMs, undefined, { ref: false })])
  }

  private async measure<T>(
    span: Span | undefined,
    work: () => Promise<T>,
    end: (seconds: number, failure?: Failure) => Attributes,
  ): Promise<T> {
    const begun = performance.now()
    let failure: Failure | undefined
    try {
      return await (span ? otelContext.with(trace.setSpan(ROOT_CONTEXT, span), work) : work())
    } catch (error) {
      failure = failureOf(error)
      throw error
    } finally {
      const outcome = end((performance.now() - begun) / 1_000, failure)
      if ('error.type' in outcome) span?.setStatus({ code: SpanStatusCode.ERROR })
      span?.setAttributes(outcome).end()
    }
  }

  private messaging(event: Received<EventType>, { topic, stream }: Delivery): Attributes {
    return {
      'messaging.system.name': this.on!.messagingSystem,
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': stream.slice(stream.lastIndexOf('/') + 1),
      'messaging.consumer.group.name': this.service,
      'messaging.message.id': event.id,
      'cloudevents.event_type': event.type,
    }
  }
}

/**
 * Starts the telemetry of a service as the environment asks for: nothing, metrics to be scraped, or traces and metrics sent by OTLP/HTTP. Each
 * SDK is loaded only when it is needed. `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS` and the like count as OpenTelemetry says;
 * `OTEL_LOG_LEVEL=warn` tells why nothing arrives at the collector.
 */
export async function startTelemetry(service: string, config: TelemetryConfig): Promise<Telemetry> {
  const { METRICS, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: share, BUS_URL } = config
  if (METRICS === 'off' && !endpoint) return new Telemetry(service)
  const { MeterProvider } = await import('@opentelemetry/sdk-metrics')
  const resource = await resourceOf(service)
  const scraping = METRICS === 'on' ? await startScraping() : undefined
  const sending = endpoint ? await startSending(endpoint.replace(/\/$/, ''), share, resource) : undefined
  const provider = new MeterProvider({ resource, readers: [scraping, sending].flatMap((on) => on?.reader ?? []) })
  const meter = provider.getMeter('millrace')
  const stopWatching = watchProcess(meter)
  return new Telemetry(service, {
    meter,
    tracer: sending?.tracer,
    messagingSystem: BUS_URL?.startsWith('kafka:') ? 'kafka' : 'postgresql',
    scrape: scraping?.scrape,
    stop: () => {
      stopWatching()
      return Promise.allSettled([sending?.stop(), provider.shutdown()])
    },
  })
}

async function resourceOf(service: string): Promise<Resource> {
  const { defaultResource, detectResources, envDetector, resourceFromAttributes, serviceInstanceIdDetector } =
    await import('@opentelemetry/resources')
  return defaultResource()
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
    .merge(resourceFromAttributes({ 'service.name': service, 'service.namespace': 'millrace' }))
}

async function startScraping(): Promise<{ reader: IMetricReader; scrape: () => Promise<string> }> {
  const { PrometheusExporter, PrometheusSerializer } = await import('@opentelemetry/exporter-prometheus')
  const reader = new PrometheusExporter({ preventServerStart: true })
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true)
  const scrape = async () => {
    const { resourceMetrics } = await reader.collect({ timeoutMillis: gaugeMs })
    const scopeMetrics = resourceMetrics.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.map(namedForPrometheus) }))
    return serializer.serialize({ ...resourceMetrics, scopeMetrics })
  }
  return { reader, scrape }
}

/** The serializer leaves the unit out of the name; ready-made dashboards look for `http_server_request_duration_seconds`. */
function namedForPrometheus(metric: MetricData): MetricData {
  const { name, unit } = metric.descriptor
  const suffix = { s: 'seconds', By: 'bytes' }[unit]
  return { ...metric, descriptor: { ...metric.descriptor, name: suffix ? `${name}_${suffix}` : name, unit: suffix ?? '' } }
}

/** Sends traces and metrics to a collector. The tracer is the process's: one service per process. */
async function startSending(
  endpoint: string,
  share: number,
  resource: Resource,
): Promise<{ reader: IMetricReader; tracer: Tracer; stop: () => Promise<void> }> {
  const [
    { NodeSDK },
    { ParentBasedSampler, TraceIdRatioBasedSampler },
    { OTLPTraceExporter },
    { OTLPMetricExporter },
    { PeriodicExportingMetricReader },
  ] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/exporter-metrics-otlp-proto'),
    import('@opentelemetry/sdk-metrics'),
  ])
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false, // would send the command line along
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    traceExporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }),
    metricReaders: [], // ours is scraped as well
    logRecordProcessors: [], // logs go to standard output
  })
  sdk.start()
  return {
    reader: new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }) }),
    tracer: trace.getTracer('millrace'),
    stop: async () => {
      await sdk.shutdown()
      trace.disable()
      otelContext.disable()
    },
  }
}

/** CPU, memory and event loop of this process. Answers how to stop. */
function watchProcess(meter: Meter): () => void {
  const loop = monitorEventLoopDelay({ resolution: loopSampleMs })
  loop.enable()
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - loopSampleMs / 1e3) // the histogram holds the pause between samples
  const p50 = meter.createObservableGauge('nodejs.eventloop.delay.p50', { description: 'Event loop median delay.', unit: 's' })
  const p99 = meter.createObservableGauge('nodejs.eventloop.delay.p99', { description: 'Event loop 99 percentile delay.', unit: 's' })
  const max = meter.createObservableGauge('nodejs.eventloop.delay.max', { description: 'Event loop maximum delay.', unit: 's' })
  meter.addBatchObservableCallback(
    (result) => {
      result.observe(p50, late(loop.percentile(50)))
      result.observe(p99, late(loop.percentile(99)))
      result.observe(max, late(loop.max))
      loop.reset()
    },
    [p50, p99, max],
  )
  meter
    .createObservableCounter('process.cpu.time', { description: 'Total CPU seconds broken down by different CPU modes.', unit: 's' })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage()
      result.observe(user / 1e6, { 'cpu.mode': 'user' })
      result.observe(system / 1e6, { 'cpu.mode': 'system' })
    })
  meter
    .createObservableUpDownCounter('process.memory.usage', { description: 'The amount of physical memory in use.', unit: 'By' })
    .addCallback((result) => result.observe(process.memoryUsage.rss()))
  return () => loop.disable()
}

function failureOf(error: unknown): Failure {
  const refusal = refusalOf(error ?? {})
  return refusal
    ? { status: problemOf(refusal, 'en').status, type: refusal.code }
    : { status: 500, type: error instanceof Error ? error.name : typeof error }
}

function parentOf(traceparent: unknown): OtelContext {
  const parent = parseTraceparent(traceparent)
  return parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
}

/** W3C text of the span, else of the trace that was given, else of a made-up one that nobody records. */
function handOn(span: Span | undefined, given: unknown): string {
  const own = span?.spanContext()
  const at = own && isSpanContextValid(own) ? own : parseTraceparent(given)
  if (at) return `00-${at.traceId}-${at.spanId}-0${at.traceFlags}`
  const random = randomBytes(24).toString('hex')
  return `00-${random.slice(0, 32)}-${random.slice(32)}-00`
}

/** Reads a W3C `traceparent`, of a later version too; undefined when it is malformed. Only the flag "sampled" is taken over. */
function parseTraceparent(text: unknown): SpanContext | undefined {
  const parts = typeof text === 'string' && /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-|$)/.exec(text)
  if (!parts || (parts[1] === '00' && parts[5])) return undefined
  return { traceId: parts[2]!, spanId: parts[3]!, traceFlags: parseInt(parts[4]!, 16) & TraceFlags.SAMPLED, isRemote: true }
}
