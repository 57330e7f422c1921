import 'reflect-metadata'
import { isUtf8 } from 'node:buffer'
import { Global, Module, type DynamicModule, type INestApplication, type Provider, type Type } from '@nestjs/common'
import { APP_FILTER, ModulesContainer, NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { mediaTypes, operations, type ServiceName } from '@millrace/contracts'
import type { Lifecycle } from '@millrace/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { EntitySchema } from 'typeorm'
import { Tokens } from './access.js'
import { AuditController, AuditSeals } from './audit.js'
import { auditMigration } from './audit.migration.js'
import { baseMigration } from './base.migration.js'
import { calendarMigration } from './calendar.migration.js'
import { openBus } from './bus/index.js'
import type { Bus } from './bus/bus.js'
import { Causality } from './causality.js'
import { Clock } from './clock.js'
import { ConfigError, readConfig, serviceConfig, type ServiceConfig } from './config.js'
import { EventConsumer } from './consumer.js'
import { CustomFieldSchema } from './custom-fields/custom-field.js'
import { customFieldMigration } from './custom-fields/custom-field.migration.js'
import { CustomFieldController, CustomFields } from './custom-fields/custom-fields.js'
import { Database } from './database.js'
import { Directory, DirectoryConsumers } from './directory.js'
import { Events } from './events.js'
import { ExportController, Exports } from './exports/exports.js'
import { Handovers } from './handover.js'
import { importMigration } from './imports/import.migration.js'
import { importFilesMigration } from './imports/import-files.migration.js'
import { ImportController } from './imports/import.controller.js'
import { ImportKinds } from './imports/import-kinds.js'
import { ImportRunner } from './imports/import-runner.js'
import { Imports } from './imports/imports.js'
import { SavedMappings } from './imports/saved-mappings.js'
import { Jobs } from './jobs.js'
import { createLogger, type Logger } from './log.js'
import { countMigrations, migrate, type Migration } from './migrate.js'
import { OperationInterceptor, operationKey } from './operation-server.js'
import { ParkedController } from './parked.controller.js'
import { Parking } from './parking.js'
import { ProblemFilter, refuseConnection } from './problem.js'
import { Relay } from './relay.js'
import { Search } from './search.js'
import { startTelemetry, Telemetry } from './telemetry.js'

/** What a service is made of. */
export interface ServiceDefinition {
  readonly name: ServiceName
  readonly module: Type
  readonly schemas: readonly EntitySchema[]
  readonly migrations: readonly Migration[]
  /** The lives of its records, by the table's noun; their audit trails are held against these. */
  readonly lifecycles?: readonly Lifecycle<string>[]
  /** The service's own environment, when it has any. */
  readonly config?: typeof serviceConfig
  /** Adds what is not an operation (identity’s OpenID Connect paths); called when all parts are there, before the service listens. */
  readonly extend?: (app: NestFastifyApplication) => Promise<void> | void
}

/** Injection token of the service's configuration. */
export const Config = Symbol('config')

/** A running service. */
export interface RunningService {
  readonly app: INestApplication
  readonly url: string
  readonly database: Database
  readonly clock: Clock
  readonly bus: Bus
  stop(): Promise<void>
}

const jsonLimit = 1_048_576
/** How long a request may be repeated with its Idempotency-Key. */
const keptDays = 7

/** All migrations of a service, the common ones first. */
export function migrationsOf({ migrations }: ServiceDefinition): Migration[] {
  return [baseMigration, importMigration, importFilesMigration, calendarMigration, customFieldMigration, auditMigration, ...migrations]
}

/** Starts a service: configuration, telemetry, database, bus, HTTP, consumers, relay. Answers when it serves. */
export async function start(definition: ServiceDefinition, environment: Record<string, string | undefined>): Promise<RunningService> {
  const config = readConfig(definition.config ?? serviceConfig, environment)
  const log = createLogger(definition.name, config.LOG_LEVEL)
  const telemetry = await startTelemetry(`millrace-${definition.name}`, config)
  const clock = new Clock()
  const database = await openDatabase(definition, config)
  const bus = await openBus(config.BUS_URL, `millrace-${definition.name}`)
  const relay = new Relay(database, bus, log)
  database.onPublished = () => relay.wake()
  const parking = new Parking(database, definition.name)
  const consumer = new EventConsumer(definition.name, database, bus, log, telemetry, parking)

  const app = await createHttpApp({
    root: coreModule(definition.module, coreProviders({ config, clock, database, parking, consumer })),
    config,
    log,
    telemetry,
    interceptor: new OperationInterceptor(
      tokensOf(config, clock),
      telemetry,
      new Causality(consumer),
      database,
      new Exports(database, clock, definition.name),
    ),
    events: consumer,
    ready: () => readiness(definition, database, bus, consumer),
  })
  telemetry.gauge('millrace.outbox.depth', 'Committed events that are not on the bus yet', '{event}', () => database.outboxDepth())
  telemetry.gauge('millrace.consumer.lag', 'Events on the bus that are not applied yet', '{event}', () => consumer.lag())
  telemetry.gauge('millrace.events.parked.current', 'Events that could not be applied and wait for a person', '{event}', () =>
    parking.count(),
  )
  telemetry.gauge('db.client.connection.count', 'Connections of the pool', '{connection}', () => database.pool.totalCount)
  telemetry.gauge(
    'db.client.connection.pending_requests',
    'Requests that wait for a connection',
    '{request}',
    () => database.pool.waitingCount,
  )

  await app.init()
  await definition.extend?.(app)
  refuseUnguardedRoutes(app)
  relay.start()
  await app.startAllMicroservices()
  app.get(Jobs).every(3_600, 'forget kept answers', () => database.forgetAnswers(keptDays))
  app.get(Jobs).start((name, error) => log.error({ job: name, err: error }, 'a job failed and runs again at its next turn'))
  await app.listen(config.PORT, config.HOST)
  const url = (await app.getUrl()).replace('0.0.0.0', '127.0.0.1').replace('[::]', '127.0.0.1')
  log.info({ url }, 'serving')

  let stopping: Promise<void> | undefined
  const stop = () =>
    (stopping ??= (async () => {
      await app.get(Jobs).stop()
      await app.close() // finishes requests, then the running event batches
      await relay.stop()
      await bus.close()
      await database.close()
      await telemetry.shutdown()
    })())
  return { app, url, database, clock, bus, stop }
}

/**
 * A service without its doors: only what acts on events, on a bus that the caller brings. It serves no HTTP, runs no job and carries nothing out of
 * the outbox, so what it learnt can be built anew from the log in a database of its own.
 */
export async function startConsumers(
  definition: ServiceDefinition,
  environment: Record<string, string | undefined>,
  bus: Bus,
): Promise<{ database: Database; stop(): Promise<void> }> {
  const config = readConfig(definition.config ?? serviceConfig, environment)
  const log = createLogger(definition.name, config.LOG_LEVEL)
  const telemetry = new Telemetry(`millrace-${definition.name}`)
  const clock = new Clock()
  const database = await openDatabase(definition, config)
  try {
    const parking = new Parking(database, definition.name)
    const consumer = new EventConsumer(definition.name, database, bus, log, telemetry, parking)
    const root = coreModule(definition.module, coreProviders({ config, clock, database, parking, consumer }))
    root.providers = [{ provide: APP_FILTER, useValue: new ProblemFilter(log, telemetry) }]
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(root, { strategy: consumer, logger: false, abortOnError: false })
    await app.listen()
    const stop = async () => {
      await app.close()
      await database.close()
    }
    return { database, stop }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** The whole of a service's `main.ts`: `migrate` as first argument brings its database up to date, otherwise it serves until it is told to stop. */
export async function run(definition: ServiceDefinition): Promise<void> {
  try {
    if (process.argv[2] === 'migrate') {
      const { DATABASE_URL } = readConfig(serviceConfig.pick({ DATABASE_URL: true }), process.env)
      const done = await migrate(DATABASE_URL, migrationsOf(definition))
      process.stdout.write(done.length ? `${definition.name}: ${done.join(', ')}\n` : `${definition.name}: up to date\n`)
      return
    }
    stopOnSignal(await start(definition, process.env))
  } catch (error) {
    process.stderr.write(
      `${definition.name}: ${error instanceof ConfigError ? error.message : ((error as Error).stack ?? String(error))}\n`,
    )
    process.exit(1)
  }
}

/** Stops once on SIGTERM or SIGINT, and ends the process. */
export function stopOnSignal(running: { stop(): Promise<void> }): void {
  const end = () => {
    setTimeout(() => process.exit(1), 14_000).unref()
    void running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`)
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
}

export function tokensOf(config: Pick<ServiceConfig, 'OIDC_ISSUER' | 'OIDC_JWKS_URL' | 'OIDC_AUDIENCE'>, clock: Clock): Tokens {
  if (config.OIDC_ISSUER.length !== config.OIDC_JWKS_URL.length)
    throw new ConfigError('OIDC_ISSUER and OIDC_JWKS_URL must have as many entries as each other')
  const issuers = config.OIDC_ISSUER.map((issuer, n) => ({ issuer, jwks: new URL(config.OIDC_JWKS_URL[n]!) }))
  return new Tokens(issuers, config.OIDC_AUDIENCE, () => clock.now())
}

function openDatabase({ schemas, name }: ServiceDefinition, config: ServiceConfig): Promise<Database> {
  return Database.open({
    url: config.DATABASE_URL,
    schemas: [...schemas, CustomFieldSchema],
    poolSize: config.DATABASE_POOL,
    waitSeconds: config.DATABASE_WAIT_SECONDS,
    service: name,
    statementSeconds: config.REQUEST_SECONDS,
  })
}

interface Core {
  readonly config: ServiceConfig
  readonly clock: Clock
  readonly database: Database
  readonly parking: Parking
  readonly consumer: EventConsumer
}

function coreProviders({ config, clock, database, parking, consumer }: Core): Provider[] {
  return [
    { provide: Config, useValue: config },
    { provide: Clock, useValue: clock },
    { provide: Database, useValue: database },
    { provide: Parking, useValue: parking },
    { provide: EventConsumer, useValue: consumer },
    Events,
    Directory,
    CustomFields,
    Handovers,
    ImportKinds,
    ImportRunner,
    Imports,
    SavedMappings,
    Jobs,
    AuditSeals,
    Search,
  ]
}

function coreModule(feature: Type, core: Provider[]): DynamicModule {
  @Global()
  @Module({})
  class CoreModule {}
  const exported = core.map((provider) => (typeof provider === 'function' ? provider : provider.provide))
  return {
    module: class RootModule {},
    imports: [
      {
        module: CoreModule,
        providers: core,
        exports: exported,
        controllers: [DirectoryConsumers, ExportController, ImportController, CustomFieldController, ParkedController, AuditController],
      },
      feature,
    ],
  }
}

/** Whether requests can be served, and what is missing, in words. */
export interface Readiness {
  readonly serves: boolean
  readonly missing: readonly string[]
}

interface HttpAppOptions {
  readonly root: DynamicModule
  readonly config: Pick<ServiceConfig, 'METRICS'>
  readonly log: Logger
  readonly telemetry: Telemetry
  readonly interceptor: OperationInterceptor
  /** What brings events to the controllers, where there are any. */
  readonly events?: EventConsumer
  readonly ready: () => Promise<Readiness>
}

/** An HTTP application with our problem answers, limits, health and metrics. */
export async function createHttpApp(options: HttpAppOptions): Promise<NestFastifyApplication> {
  const { root, config, log, telemetry, interceptor, events, ready } = options
  const filter = new ProblemFilter(log, telemetry)
  root.providers = [...(root.providers ?? []), { provide: APP_FILTER, useValue: filter }]
  const adapter = new FastifyAdapter({
    bodyLimit: jsonLimit,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseConnection as never,
    frameworkErrors: (error: unknown, request: unknown, reply: unknown) =>
      filter.answer(error, request as FastifyRequest, reply as FastifyReply),
  })
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger: false, abortOnError: false, bodyParser: false })
  // The interceptor comes after the events, which have nothing of it and would each pay a tenth more for passing through.
  if (events) app.connectMicroservice({ strategy: events }, { inheritAppConfig: true })
  app.useGlobalInterceptors(interceptor)
  const fastify = adapter.getInstance() as unknown as FastifyInstance
  const parse = fastify.getDefaultJsonParser('error', 'error')
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (!isUtf8(body as Buffer)) return done(Object.assign(new Error('not UTF-8'), { statusCode: 400 }), undefined)
    if (!body.length) return done(null, undefined)
    return void parse(request, body.toString(), done)
  })
  const streamed = operations.flatMap(({ accepts }) => (accepts ? mediaTypes(accepts) : []))
  fastify.addContentTypeParser([...new Set(streamed)], (_request, payload, done) => done(null, payload))
  // A connection that is kept alive would hold a stopping process up until it idles out.
  let closing = false
  fastify.addHook('preClose', (done) => {
    closing = true
    done()
  })
  fastify.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
  fastify.get('/livez', () => ({ status: 'alive' }))
  fastify.get('/readyz', async (_request, reply) => {
    const { serves, missing } = await ready()
    const status = missing.length ? (serves ? 'degraded' : 'not ready') : 'ready'
    return reply.status(serves ? 200 : 503).send({ status, missing })
  })
  if (config.METRICS === 'on')
    fastify.get('/metrics', async (_request, reply) =>
      reply.header('content-type', 'text/plain; version=0.0.4').send(await telemetry.scrape()),
    )
  return app
}

/** Without the bus, requests are served and what they tell waits in the outbox: no reason to take all replicas away from their callers. */
async function readiness(definition: ServiceDefinition, database: Database, bus: Bus, consumer: EventConsumer): Promise<Readiness> {
  const wanted = migrationsOf(definition).length
  const checks = {
    database: database.pool.query<{ count: number }>(countMigrations).then(({ rows }) => {
      if (rows[0]!.count < wanted) throw new Error('migrations are missing')
    }),
    bus: bus.ping(),
    consumer: consumer.running ? undefined : Promise.reject(new Error('stopped')),
  }
  const results = await Promise.allSettled(Object.values(checks))
  const missing = Object.keys(checks).flatMap((name, n) =>
    results[n]!.status === 'rejected' ? [`${name}: ${(results[n] as PromiseRejectedResult).reason.message as string}`] : [],
  )
  return { serves: results[0]!.status === 'fulfilled', missing }
}

/** A route without an operation has no access rule: such a service does not start. */
function refuseUnguardedRoutes(app: INestApplication): void {
  for (const module of app.get(ModulesContainer).values())
    for (const { metatype } of module.controllers.values()) {
      const prototype = (metatype as Type).prototype as Record<string, unknown>
      for (const name of Object.getOwnPropertyNames(prototype)) {
        const method = prototype[name]
        if (
          name !== 'constructor' &&
          typeof method === 'function' &&
          Reflect.hasMetadata('path', method) &&
          !Reflect.hasMetadata(operationKey, method)
        )
          throw new Error(
            `${(metatype as Type).name}.${name} serves HTTP without an operation, so nothing says who may call it; use @Serve(…)`,
          )
      }
    }
}
