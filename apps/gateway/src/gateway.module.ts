import { Module, type INestApplication } from '@nestjs/common'
import { asyncApiDocument, describeProblem, openApiDocument, problems } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import {
  Causality,
  Clock,
  createHttpApp,
  createLogger,
  languageOf,
  OperationInterceptor,
  readConfig,
  startTelemetry,
  tokensOf,
} from '@millrace/service'
import type { FastifyInstance } from 'fastify'
import { addressesOf, gatewayConfig } from './config.js'
import { page, statesOf } from './page.js'
import { Door, proxy } from './proxy.js'
import { SearchController } from './search.controller.js'

@Module({})
export class GatewayModule {}

/** A running gateway. */
export interface RunningGateway {
  readonly app: INestApplication
  readonly url: string
  stop(): Promise<void>
}

/** The one public door: sign-in and tokens, rate limit, the route table, the documents of the API. No business rule. */
export async function startGateway(environment: Record<string, string | undefined>): Promise<RunningGateway> {
  const config = readConfig(gatewayConfig, environment)
  const log = createLogger('gateway', config.LOG_LEVEL)
  const telemetry = await startTelemetry('millrace-gateway', config)
  const tokens = tokensOf(config, new Clock())
  const addresses = addressesOf(config)
  const door = new Door({ addresses, tokens, rateLimit: config.RATE_LIMIT, publicUrl: config.PUBLIC_URL })
  const app = await createHttpApp({
    root: { module: GatewayModule, controllers: [SearchController], providers: [{ provide: Door, useValue: door }] },
    config,
    log,
    telemetry,
    interceptor: new OperationInterceptor(tokens, telemetry, new Causality(undefined), undefined),
    // The other services are served on when one is away.
    ready: async () => ({
      serves: true,
      missing: (await statesOf(addresses))
        .filter(({ missing }) => missing.length)
        .map(({ name, missing }) => `${name}: ${missing.join('; ')}`),
    }),
  })
  const toConsole = {
    origin: config.CORS_ORIGINS,
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE'],
    exposedHeaders: ['ETag', 'Location', 'Millrace-Causality', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Idempotency-Replayed'],
    maxAge: 600,
  }
  // A web form stands on any page; which pages may send it, the form itself says.
  const toPages = { origin: true, methods: ['GET', 'POST'], maxAge: 600 }
  app.enableCors({ delegator: (request, choose) => choose(null, request.url.startsWith('/v1/public-forms/') ? toPages : toConsole) })
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance
  fastify.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer').header('x-frame-options', 'DENY')
    if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    if (config.PUBLIC_URL.startsWith('https:')) reply.header('strict-transport-security', 'max-age=31536000')
  })
  // Written when first asked for: that takes more memory than all the rest of the gateway.
  const documents: { openapi?: string; asyncapi?: string } = {}
  fastify.get('/v1/openapi.json', (_request, reply) =>
    reply
      .header('content-type', 'application/json; charset=utf-8')
      .send((documents.openapi ??= JSON.stringify(openApiDocument(config.PUBLIC_URL)))),
  )
  fastify.get('/v1/asyncapi.json', (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send((documents.asyncapi ??= JSON.stringify(asyncApiDocument()))),
  )
  fastify.get('/v1/problems', () => ({
    data: [...problems].map(([code, texts]) => ({ code, ...texts })).sort((a, b) => a.code.localeCompare(b.code)),
    next: null,
  }))
  fastify.get<{ Params: { code: string } }>('/v1/problems/:code', ({ params, headers }) => {
    if (!problems.has(params.code)) throw Refusal.notFound('problem', params.code)
    return { code: params.code, ...describeProblem(params.code, {}, languageOf(headers['accept-language'])) }
  })
  fastify.get('/', async (request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
      .send(page(await statesOf(addresses), languageOf(request.headers['accept-language']))),
  )
  proxy(fastify, door)
  await app.listen(config.PORT, config.HOST)
  const url = (await app.getUrl()).replace('0.0.0.0', '127.0.0.1').replace('[::]', '127.0.0.1')
  log.info({ url }, 'serving')
  return {
    app,
    url,
    async stop() {
      await app.close()
      await door.close()
      await telemetry.shutdown()
    },
  }
}
