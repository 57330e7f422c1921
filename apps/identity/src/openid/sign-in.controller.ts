import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { problemOf, refusalOf } from '@millrace/service'
import { Refusal } from '@millrace/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiClientService } from '../api-client/api-client.service.js'
import { LoginService } from '../sign-in/login.service.js'
import { claimsOf, languageFor, OpenId } from './openid.service.js'
import { problemPage, signInPage } from './pages.js'

/** Everything under /oauth and the discovery document. OAuth prescribes these paths and answers, so they are no operations of ours. */
export function mountSignIn(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance
  const openId = app.get(OpenId)
  void fastify.register((scope, _options, done) => {
    mountProvider(scope, openId)
    done()
  })
  void fastify.register((scope, _options, done) => {
    mountPages(scope, openId, app.get(LoginService))
    mountTokenReaders(scope, openId, app.get(LoginService), app.get(ApiClientService))
    done()
  })
}

/** What the provider answers itself. It reads the body on its own. */
function mountProvider(scope: FastifyInstance, openId: OpenId): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const pass = async (request: FastifyRequest, reply: FastifyReply) => {
    const provider = await openId.provider()
    asPublic(openId, request)
    reply.hijack()
    for (const [name, value] of Object.entries(pageHeaders)) reply.raw.setHeader(name, value)
    await provider.callback()(request.raw, reply.raw)
  }
  scope.get('/.well-known/openid-configuration', pass)
  scope.get('/oauth/jwks', pass)
  scope.post('/oauth/token', pass)
  scope.post('/oauth/revoke', pass)
  for (const path of ['/oauth/authorize', '/oauth/end-session']) scope.route({ method: ['GET', 'POST'], url: path, handler: pass })
  scope.get('/oauth/authorize/:uid', pass)
  scope.post('/oauth/end-session/confirm', pass)
  scope.get('/oauth/end-session/success', pass)
}

/** The page that asks for e-mail and password. */
function mountPages(scope: FastifyInstance, openId: OpenId, logins: LoginService): void {
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: 16_384 }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  const path = '/oauth/interaction/:uid'

  scope.get(path, async (request, reply) => {
    const found = await interaction(openId, request, reply)
    if (!found) return
    const hint = found.params['login_hint']
    show(reply, 200, found.policy, signInPage(found.language, { action: found.action, email: typeof hint === 'string' ? hint : '' }))
  })

  scope.post(path, async (request, reply) => {
    const found = await interaction(openId, request, reply)
    if (!found) return
    const { email = '', password = '' } = (request.body ?? {}) as Record<string, string>
    const again = (status: number, problem: 'wrong' | 'locked') =>
      show(reply, status, found.policy, signInPage(found.language, { action: found.action, email, problem }))
    try {
      const account = await logins.signIn(email, password.slice(0, 1_000))
      if (!account) return again(401, 'wrong')
      const location = await found.provider.interactionResult(request.raw, reply.raw, { login: { accountId: account.id } })
      void reply.headers({ ...pageHeaders, 'cache-control': 'no-store' }).redirect(location, 303)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      again(429, 'locked')
    }
  })
}

/** The sign-in that is under way in this browser; without one, says so and answers undefined. */
async function interaction(openId: OpenId, request: FastifyRequest, reply: FastifyReply) {
  const provider = await openId.provider()
  asPublic(openId, request)
  const accept = request.headers['accept-language']
  try {
    const { uid, params, prompt } = await provider.interactionDetails(request.raw, reply.raw)
    const language = languageFor(params['ui_locales'], accept)
    if (uid === (request.params as { uid: string }).uid && prompt.name === 'login')
      return {
        provider,
        params,
        language,
        action: `/oauth/interaction/${uid}`,
        // Browsers hold the redirect after a form to this list too, up to the place that gets the code.
        policy: openId.contentPolicy(originOf(params['redirect_uri'])),
      }
    show(reply, 400, openId.contentPolicy(), problemPage(language, 'failed', prompt.name))
  } catch (error) {
    if (refusalOf(error)?.code === 'service.unavailable') throw error
    if ((error as { error?: string }).error !== 'invalid_request') throw error
    show(reply, 400, openId.contentPolicy(), problemPage(languageFor(undefined, accept), 'expired', 'session_not_found'))
  }
  return undefined
}

/** What others may read of an access token: its bearer all about themselves, a client what concerns its own tenant. */
function mountTokenReaders(scope: FastifyInstance, openId: OpenId, logins: LoginService, clients: ApiClientService): void {
  scope.route({
    method: ['GET', 'POST'],
    url: '/oauth/userinfo',
    handler: async (request, reply) => {
      const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
      const claims = token ? await openId.verify(token) : undefined
      const account = claims?.sub?.startsWith('user_') ? await logins.account(claims.sub) : undefined
      if (account) return reply.headers({ 'cache-control': 'no-store' }).send(claimsOf(account))
      return reply.status(401).header('www-authenticate', 'Bearer error="invalid_token"').send({ error: 'invalid_token' })
    },
  })

  scope.post('/oauth/introspect', async (request, reply) => {
    const body = (request.body ?? {}) as Record<string, string>
    const { id, secret } = credentials(request.headers.authorization, body)
    const program = await clients.program(id)
    try {
      if (!program || !(await clients.isSecret(program, secret, addressOf(request))))
        return await reply.status(401).header('www-authenticate', 'Basic').send({ error: 'invalid_client' })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return reply.status(429).send({ error: 'slow_down', error_description: problemOf(error, 'en').detail })
    }
    const claims = await openId.verify(body['token'] ?? '')
    const own = claims && (program.tenantId === '*' || claims['tenant'] === program.tenantId)
    const alive = own && (claims.sub!.startsWith('user_') ? await logins.account(claims.sub!) : await clients.program(claims.sub!))
    return reply
      .headers({ 'cache-control': 'no-store' })
      .send(alive ? { active: true, token_type: 'Bearer', ...claims } : { active: false })
  })
}

const pageHeaders = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' }

function show(reply: FastifyReply, status: number, policy: string, page: string): void {
  void reply
    .status(status)
    .headers({ ...pageHeaders, 'cache-control': 'no-store', 'content-security-policy': policy })
    .type('text/html; charset=utf-8')
    .send(page)
}

/** Addresses in answers and cookies are those of PUBLIC_URL, whatever Host the request came with. */
function asPublic({ config }: OpenId, { raw: { headers } }: FastifyRequest): void {
  const { host, protocol } = new URL(config.PUBLIC_URL)
  headers.host = host
  headers['x-forwarded-proto'] = protocol.slice(0, -1)
  delete headers['x-forwarded-host']
}

function addressOf({ headers, ip }: FastifyRequest): string {
  const forwarded = headers['x-forwarded-for']
  return (Array.isArray(forwarded) ? forwarded[0] : forwarded)?.split(',')[0]?.trim() ?? ip
}

function credentials(
  header: string | undefined,
  { client_id = '', client_secret = '' }: Record<string, string>,
): { id: string; secret: string } {
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1]
  if (!basic) return { id: client_id, secret: client_secret }
  const [id = '', ...secret] = Buffer.from(basic, 'base64').toString().split(':')
  return { id, secret: secret.join(':') }
}

function originOf(uri: unknown): string {
  const url = URL.parse(String(uri))
  return url && /^https?:$/.test(url.protocol) ? url.origin : ''
}
