import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mediaTypes, OrgUnitCreated, topics, UserCreated, type EventType, type Operation, type Role, type Sent } from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { EventConsumer, openBus, start, type Bus, type Delivery, type RunningService, type ServiceDefinition } from '@millrace/service'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import request, { type Response } from 'supertest'
import { eventually } from './eventually.js'
import { freshBusDatabase, freshDatabase } from './servers.js'

/** Somebody who acts in a test. */
export interface Person {
  readonly id: Id<'user'>
  readonly name: string
  readonly email: string
  readonly roles: readonly Role[]
  readonly unitId: Id<'org_unit'>
  readonly tenantId: Id<'tenant'>
}

/** The company that tests play in: a head office with two teams below it. */
export interface Company {
  readonly tenantId: Id<'tenant'>
  /** Sales rep in the north team. */
  readonly amy: Person
  /** Sales rep in the south team. */
  readonly bob: Person
  /** Sales manager of the north team. */
  readonly mona: Person
  /** Sales-ops at head office. */
  readonly olga: Person
  /** Finance at head office. */
  readonly fred: Person
  /** Executive at head office. */
  readonly eva: Person
  /** Administrator. */
  readonly ada: Person
}

/** An event as it was seen on the bus. */
export interface Recorded {
  readonly name: string
  readonly subject: string
  readonly tenantId: string
  readonly journeyId: string
  readonly at: string
  readonly payload: Record<string, any>
}

/** A bus, an issuer of tokens and any number of services, each with a fresh database: one per test suite. */
export interface World {
  readonly bus: Bus
  readonly busUrl: string
  /** A new company whose people the services learn of from events. */
  company(): Promise<Company>
  /** Starts a service as its main.ts does. */
  start(definition: ServiceDefinition, environment?: Record<string, string>): Promise<TestService>
  /** Sends an event as another service would. */
  publish<E extends EventType>(
    tenantId: string,
    event: E,
    subject: string,
    payload: Sent<E>,
    options?: { journeyId?: string; sequence?: number; at?: Date },
  ): Promise<string>
  /** All events of a tenant so far, in order of arrival, after every started service has sent what it has. */
  events(tenantId: string): Promise<Recorded[]>
  /** A signed access token; `claims` overrides what it says. */
  token(person: Pick<Person, 'id' | 'tenantId' | 'roles'>, claims?: Record<string, unknown>): Promise<string>
  readonly environment: Record<string, string>
  stop(): Promise<void>
}

/** A running service in a test. */
export interface TestService extends RunningService {
  /** Calls as somebody; the token of the last answer is sent along, so one reads one's own writes. */
  as(person: Pick<Person, 'id' | 'tenantId' | 'roles'>): Caller
  /** Waits until everything on the bus is applied here and everything written here is on the bus. */
  settled(): Promise<void>
}

type Params = Record<string, string>

/** What a caller may say with a request. */
export interface CallOptions {
  readonly params?: Params
  readonly query?: Record<string, unknown>
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** Somebody at the API. */
export interface Caller {
  call(operation: Operation, options?: CallOptions): Promise<Response>
  /** Calls and expects success; answers the body. */
  does(operation: Operation, options?: CallOptions): Promise<any>
}

/** A world on the embedded bus, or on the test run's Kafka. */
export async function aWorld({ kafka }: { kafka?: string } = {}): Promise<World> {
  const issuer = await anIssuer()
  try {
    return await worldOf(issuer, kafka)
  } catch (error) {
    await issuer.stop() // what listens would keep the test run from ending
    throw error
  }
}

async function worldOf(issuer: Awaited<ReturnType<typeof anIssuer>>, kafka: string | undefined): Promise<World> {
  const busDatabase = kafka ? { url: `kafka://${kafka}`, drop: async () => undefined } : await freshBusDatabase()
  const bus = await openBus(busDatabase.url, 'millrace-test')
  await bus.createTopics(topics, { partitions: 3, replicas: 1, retentionDays: 1 })
  const recorded: Recorded[] = []
  const recorder = await bus.subscribe({
    group: newId('recorder'),
    topics,
    deliver: async (batch) => void recorded.push(...batch.map(asRecorded)),
  })
  const services: TestService[] = []
  const closing: (() => Promise<unknown>)[] = []
  const files = mkdtempSync(join(tmpdir(), 'millrace-files-'))
  const environment = {
    BUS_URL: busDatabase.url,
    OIDC_ISSUER: issuer.url,
    OIDC_JWKS_URL: `${issuer.url}/jwks`,
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: process.env['TEST_LOG'] ?? 'fatal',
    METRICS: 'on',
    DATABASE_POOL: '8',
    // Many at one moment are not refused because the machine is busy.
    DATABASE_WAIT_SECONDS: '60',
    STORAGE_FOLDER: files,
  }

  const world: World = {
    bus,
    busUrl: busDatabase.url,
    environment,
    async company() {
      const tenantId = newId('tenant')
      const unit = async (name: string, parent?: { id: Id<'org_unit'>; path: string }) => {
        const id = newId('org_unit')
        const path = `${parent?.path ?? '/'}${id}/`
        await world.publish(tenantId, OrgUnitCreated, id, { unitId: id, name, parentId: parent?.id ?? null, path })
        return { id, path }
      }
      const head = await unit('Head office')
      const north = await unit('North', head)
      const south = await unit('South', head)
      const person = async (name: string, unitId: Id<'org_unit'>, ...roles: Role[]): Promise<Person> => {
        const id = newId('user')
        const email = `${name.toLowerCase()}@${tenantId.slice(-6)}.example`
        await world.publish(tenantId, UserCreated, id, { userId: id, name, email, unitId, roles: [...roles], active: true })
        return { id, name, email, roles, unitId, tenantId }
      }
      const company: Company = {
        tenantId,
        amy: await person('Amy', north.id, 'sales_rep'),
        bob: await person('Bob', south.id, 'sales_rep'),
        mona: await person('Mona', north.id, 'sales_manager'),
        olga: await person('Olga', head.id, 'sales_ops'),
        fred: await person('Fred', head.id, 'finance'),
        eva: await person('Eva', head.id, 'executive'),
        ada: await person('Ada', head.id, 'administrator'),
      }
      for (const service of services) await service.settled()
      return company
    },
    async start(definition, extra = {}) {
      const database = await freshDatabase(definition)
      closing.push(() => database.drop())
      const running = await start(definition, { ...environment, DATABASE_URL: database.url, ...extra })
      const service: TestService = {
        ...running,
        as: (person) => caller(running.url, () => world.token(person)),
        settled: () => settled(running),
      }
      services.push(service)
      return service
    },
    async publish(
      tenantId,
      event,
      subject,
      payload,
      { journeyId = newId('journey'), sequence = 1, at = new Date('2026-11-02T08:00:00Z') } = {},
    ) {
      const id = newId('event')
      const headers = {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: id,
        ce_source: `/millrace/${event.service}`,
        ce_type: event.type,
        ce_subject: subject,
        ce_time: at.toISOString(),
        ce_tenantid: tenantId,
        ce_journeyid: journeyId,
        ce_sequence: String(sequence),
      }
      await bus.publish([{ topic: event.topic, key: subject, headers, value: Buffer.from(JSON.stringify(payload)) }])
      return id
    },
    async events(tenantId) {
      for (const service of services) await settled(service)
      await eventually(async () => (await recorder.lag()) === 0)
      return recorded.filter((event) => event.tenantId === tenantId)
    },
    token: (person, claims) => issuer.token(person, claims),
    async stop() {
      await recorder.stop()
      for (const service of services) await service.stop()
      await bus.close()
      for (const close of closing) await close()
      await busDatabase.drop()
      await issuer.stop()
      rmSync(files, { recursive: true, force: true })
    },
  }
  return world
}

async function settled({ database, app }: RunningService): Promise<void> {
  const consumer = app.get(EventConsumer)
  await eventually(async () => (await database.outboxDepth()) === 0 && (await consumer.lag()) === 0 && (await database.outboxDepth()) === 0)
}

function asRecorded({ headers, value }: Delivery): Recorded {
  return {
    name: (headers['ce_type'] ?? '').replace(/^millrace\.(.*)\.v\d+$/, '$1'),
    subject: headers['ce_subject'] ?? '',
    tenantId: headers['ce_tenantid'] ?? '',
    journeyId: headers['ce_journeyid'] ?? '',
    at: headers['ce_time'] ?? '',
    payload: JSON.parse(value.toString()) as Record<string, any>,
  }
}

/** Somebody at the API of one address. */
export function caller(url: string, token: () => Promise<string>): Caller {
  let causality: string | undefined
  const call = async (operation: Operation, { params = {}, query = {}, body, headers = {} }: CallOptions = {}): Promise<Response> => {
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
    const method = operation.method.toLowerCase() as 'get' | 'post' | 'patch' | 'put' | 'delete'
    let ready = request(url)
      [method](path)
      .query(query)
      .set('prefer', 'wait=20')
      .set({
        ...(operation.rule !== 'public' && { authorization: `Bearer ${await token()}` }),
        ...(causality && { 'millrace-causality': causality }),
        ...headers,
      })
    if (operation.accepts && !headers['content-type']) ready = ready.set('content-type', mediaTypes(operation.accepts)[0]!)
    const response = await (body === undefined ? ready : ready.send(body as object))
    causality = (response.headers['millrace-causality'] as string | undefined) ?? causality
    return response
  }
  return {
    call,
    async does(operation, options) {
      const response = await call(operation, options)
      if (response.status >= 300) throw new Error(`${operation.id} answered ${response.status}: ${response.text}`)
      return response.body as unknown
    },
  }
}

interface Issuer {
  readonly url: string
  token(person: Pick<Person, 'id' | 'tenantId' | 'roles'>, claims?: Record<string, unknown>): Promise<string>
  stop(): Promise<void>
}

/** A real issuer of access tokens: its keys are fetched over HTTP as in an installation. */
async function anIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }
  const server: Server = createServer((_, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] })),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const cache = new Map<string, string>()
  return {
    url,
    async token({ id, tenantId, roles }, claims) {
      const known = cache.get(id)
      if (known && !claims) return known
      const token = await sign(privateKey, { iss: url, aud: 'millrace', sub: id, tenant: tenantId, roles, ...claims })
      if (!claims) cache.set(id, token)
      return token
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function sign(key: CryptoKey, claims: Record<string, unknown>): Promise<string> {
  const now = Math.floor(Date.now() / 1_000)
  return new SignJWT({ iat: now, exp: now + 400 * 86_400, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'test' }).sign(key)
}
