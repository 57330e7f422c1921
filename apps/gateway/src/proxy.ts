import { mediaTypes, operations, type ServiceName } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { Unavailable, type Tokens } from '@millrace/service'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import { Pool, type Dispatcher } from 'undici'
import { serviceFor } from './routes.js'

/** Largest body that is not a file. */
const jsonLimit = 1_048_576

/** A large Excel file is unpacked before it is answered. */
const longestUnpacking = 300_000

/** Headers that concern one connection only (RFC 9110 §7.6.1), and those that only the gateway may say. */
const notForwarded = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'proxy-authorization',
  'proxy-authenticate',
  'host',
  'expect',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
])

interface DoorOptions {
  readonly addresses: Record<ServiceName, string>
  readonly tokens: Tokens
  readonly rateLimit: number
  readonly publicUrl: string
}

/** What the gateway asks a service on behalf of a request. */
interface Wish {
  readonly method: string
  readonly path: string
  readonly body?: Readable | Buffer | null
  readonly signal?: AbortSignal
}

/** The way from the public to the services: who comes in, and how they are asked. */
export class Door {
  private readonly pools: Map<string, Pool>
  private readonly limiter: RateLimiterMemory
  private readonly own: { readonly host: string; readonly protocol: string }

  constructor(private readonly options: DoorOptions) {
    this.pools = new Map(
      Object.entries(options.addresses).map(([name, url]) => [
        name,
        new Pool(url, { connections: 64, pipelining: 1, headersTimeout: 40_000, bodyTimeout: 40_000, connectTimeout: 2_000 }),
      ]),
    )
    this.limiter = new RateLimiterMemory({ points: options.rateLimit, duration: 1 })
    this.own = new URL(options.publicUrl)
  }

  /** Lets a request in whose token is good and whose client keeps its rate. */
  async admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { tokens, rateLimit } = this.options
    const caller = request.headers.authorization?.startsWith('Bearer ') ? await tokens.verify(request.headers.authorization) : undefined
    await stayInRate(this.limiter, rateLimit, caller?.actor.id ?? request.ip, reply)
  }

  /** Asks a service with the headers of the request. */
  ask(
    service: ServiceName,
    { headers, ip }: FastifyRequest,
    { method, path, body = null, signal }: Wish,
  ): Promise<Dispatcher.ResponseData> {
    const { host, protocol } = this.own
    const told = { host, 'x-forwarded-for': ip, 'x-forwarded-host': host, 'x-forwarded-proto': protocol.slice(0, -1) }
    return this.pools
      .get(service)!
      .request({ method: method as 'GET', path, headers: { ...forwarded(headers), ...told }, body, ...(signal && { signal }) })
      .catch((error: Error) => {
        throw new Unavailable(`${service}: ${error.message}`)
      })
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.close()))
  }
}

/** Hands requests to the service that owns their route; files are streamed. */
export function proxy(fastify: FastifyInstance, door: Door): void {
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    await door.admit(request, reply)
    const end = request.url.indexOf('?')
    const service = serviceFor(end < 0 ? request.url : request.url.slice(0, end), request.query as Record<string, unknown>)
    if (!service) throw new Refusal('route.not_found', {}, 'notFound')
    const given = request.body as Readable | Buffer | null | undefined
    const body = given instanceof Readable ? handOn(given) : given
    const answer = await door
      .ask(service, request, {
        method: request.method,
        path: request.url,
        body: Buffer.isBuffer(body) && !body.length ? null : (body ?? null),
        ...(given instanceof Readable && { headersTimeout: longestUnpacking }),
      })
      .finally(() => given instanceof Readable && given.unpipe().resume())
    void reply.status(answer.statusCode)
    for (const [name, value] of Object.entries(answer.headers))
      if (value !== undefined && !notForwarded.has(name)) void reply.header(name, value)
    const length = Number(answer.headers['content-length'] ?? Infinity)
    return reply.send(length <= jsonLimit ? Buffer.from(await answer.body.arrayBuffer()) : answer.body)
  }

  const route = (urls: readonly string[], files?: readonly string[]) =>
    fastify.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers()
      // Read as a whole: it costs less than handing on the parts, and one that is too long would break off between here and the service.
      scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: jsonLimit }, (_request, body, parsed) => parsed(null, body))
      if (files) scope.addContentTypeParser([...files], (_request, payload, parsed) => parsed(null, payload))
      for (const url of urls) scope.route({ method: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'], url, handler: handle })
      done()
    })
  for (const { path, accepts } of operations) if (accepts) void route([path.replace(/\{(\w+)\}/g, ':$1')], mediaTypes(accepts))
  void route(['/v1/*', '/oauth/*', '/.well-known/*'])
}

/**
 * A file on its way to the service. The service may answer before it has read it all, and undici then destroys what it was given: the upload itself
 * has to be read to its end, or its sender sees no answer, and on a connection that is kept no later one either.
 */
function handOn(upload: Readable): Readable {
  const file = upload.pipe(new PassThrough())
  upload.once('close', () => upload.readableEnded || file.destroy(new Error('the upload broke off')))
  return file
}

/** Counts the request against its client's rate (RateLimit header fields for HTTP). */
async function stayInRate(limiter: RateLimiterMemory, quota: number, client: string, reply: FastifyReply): Promise<void> {
  const outcome = await limiter.consume(client).catch((exceeded: RateLimiterRes) => exceeded)
  const seconds = Math.ceil(outcome.msBeforeNext / 1_000)
  void reply
    .header('ratelimit-policy', `"default";q=${quota};w=1`)
    .header('ratelimit', `"default";r=${outcome.remainingPoints};t=${seconds}`)
  if (outcome.consumedPoints > quota) {
    void reply.header('retry-after', String(seconds))
    throw new Refusal('rate.exceeded')
  }
}

function forwarded(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && !notForwarded.has(name)) kept[name] = value
  }
  return kept
}
