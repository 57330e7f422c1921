import { createHash } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { Refusal } from '@millrace/domain'
import { Clock, Config, createLogger, languageOf, Sealing } from '@millrace/service'
import { createLocalJWKSet, jwtVerify, type JWTPayload } from 'jose'
import { errors, Provider, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { ApiClientService, type Program } from '../api-client/api-client.service.js'
import type { IdentityConfig } from '../config.js'
import { LoginService, type Account } from '../sign-in/login.service.js'
import { problemPage, signedOutPage, signOutPage, stylesheet, type PageLanguage } from './pages.js'
import { orUnavailable, SignInRecords } from './sign-in-records.service.js'
import { SigningKeys, type SigningKey } from './signing-key.service.js'

/** The client of our own console and tools: public, so its proof is PKCE. */
export const consoleClient = 'millrace-console'

/** What tokens are for. An absolute URI, as RFC 8707 wants; the audience in the token is OIDC_AUDIENCE. */
const api = 'urn:millrace:api'

const minutes = 60
const days = 86_400

/** Loopback addresses on any port, for tools that receive the code themselves (RFC 8252). */
const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\])(:\d{1,5})?\/(callback)?$/

/** The OpenID Connect provider. It is built anew when the signing keys change; all that it remembers is in the database. */
@Injectable()
export class OpenId {
  private built: { provider: Provider; kids: string } | undefined
  private readonly log

  constructor(
    @Inject(Config) readonly config: IdentityConfig,
    private readonly keys: SigningKeys,
    private readonly records: SignInRecords,
    private readonly logins: LoginService,
    private readonly clients: ApiClientService,
    private readonly sealing: Sealing,
    private readonly clock: Clock,
  ) {
    this.log = createLogger('identity', config.LOG_LEVEL)
  }

  async provider(): Promise<Provider> {
    const keys = await this.keys.current()
    const kids = keys.map(({ kid }) => kid).join()
    if (this.built?.kids !== kids) this.built = { provider: this.build(keys), kids }
    return this.built.provider
  }

  /** What one of our access tokens says; undefined: it is none, or has ended. */
  async verify(token: string): Promise<JWTPayload | undefined> {
    const keys = (await this.keys.current()).map(({ jwk: { d: _, ...open } }) => open)
    const { PUBLIC_URL, OIDC_AUDIENCE } = this.config
    return jwtVerify(token, createLocalJWKSet({ keys }), {
      issuer: PUBLIC_URL,
      audience: OIDC_AUDIENCE,
      typ: 'at+jwt',
      currentDate: this.clock.now(),
    }).then(
      ({ payload }) => payload,
      () => undefined,
    )
  }

  /** The policy that lets a page of ours show itself and send its form, and nothing else. `then`: where the form may lead on to. */
  contentPolicy(then = ''): string {
    return `default-src 'none'; style-src 'sha256-${stylesheetHash}'; form-action 'self' ${then}; base-uri 'none'; frame-ancestors 'none'`
  }

  private build(keys: readonly SigningKey[]): Provider {
    const { PUBLIC_URL, OIDC_AUDIENCE } = this.config
    const ES256 = 'ES256'
    const configuration: Configuration = {
      adapter: (model) => (model === 'Client' ? { ...this.records.of(model), find: (id) => this.metadataOf(id) } : this.records.of(model)),
      jwks: { keys: keys.map(({ jwk }) => jwk) as never },
      cookies: { keys: [this.sealing.key('cookies').toString('base64url')] },
      clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
      clientDefaults: { id_token_signed_response_alg: ES256 },
      extraClientMetadata: { properties: ['tenant', 'roles', 'secret_hash'] },
      scopes: ['openid', 'profile', 'email', 'offline_access'],
      claims: { openid: ['sub', 'tenant', 'roles'], profile: ['name'], email: ['email'] },
      conformIdTokenClaims: false,
      responseTypes: ['code'],
      pkce: { required: () => true },
      rotateRefreshToken: true,
      issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
      findAccount: async (_ctx, id) => {
        const account = await orUnavailable(() => this.logins.account(id))
        return account && { accountId: account.id, account, claims: () => claimsOf(account) }
      },
      loadExistingGrant: firstPartyGrant,
      extraTokenClaims: (ctx, token) => {
        if (token.kind === 'ClientCredentials') {
          const { tenant, roles } = token.client as unknown as { tenant: string; roles: string[] }
          return { tenant, roles }
        }
        const { account } = ctx.oidc.account as unknown as { account: Account }
        return { tenant: account.tenantId, roles: account.roles }
      },
      // Access tokens keep to the clock that every service asks, so that they are good when tests move it.
      formats: {
        customizers: {
          jwt: (_ctx, token, { payload }) => {
            const now = Math.floor(this.clock.now().getTime() / 1_000)
            Object.assign(payload, { iat: now, exp: now + token.expiration })
          },
        },
      },
      features: {
        devInteractions: { enabled: false },
        dPoP: { enabled: false },
        pushedAuthorizationRequests: { enabled: false },
        // Both are served beside the provider, which knows them for opaque tokens only.
        userinfo: { enabled: false },
        introspection: { enabled: false },
        clientCredentials: { enabled: true },
        revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => api,
          useGrantedResource: () => true,
          getResourceServerInfo: (_ctx, resource) => {
            if (resource !== api) throw new errors.InvalidTarget()
            return { scope: '', audience: OIDC_AUDIENCE, accessTokenFormat: 'jwt', jwt: { sign: { alg: ES256, kid: keys[0]!.kid } } }
          },
        },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: (ctx, form) => this.answer(ctx, signOutPage(pageLanguage(ctx), form)),
          postLogoutSuccessSource: (ctx) => this.answer(ctx, signedOutPage(pageLanguage(ctx), PUBLIC_URL)),
        },
      },
      renderError: (ctx, { error }) =>
        this.answer(ctx, problemPage(pageLanguage(ctx), error === 'invalid_request' && !ctx.oidc.client ? 'expired' : 'failed', error)),
      interactions: { url: (_ctx, { uid }) => `/oauth/interaction/${uid}` },
      discovery: {
        userinfo_endpoint: `${PUBLIC_URL}/oauth/userinfo`,
        introspection_endpoint: `${PUBLIC_URL}/oauth/introspect`,
        ui_locales_supported: ['en', 'zh-CN'],
      },
      routes: {
        authorization: '/oauth/authorize',
        token: '/oauth/token',
        jwks: '/oauth/jwks',
        revocation: '/oauth/revoke',
        end_session: '/oauth/end-session',
      },
      ttl: {
        AuthorizationCode: 1 * minutes,
        AccessToken: 15 * minutes,
        ClientCredentials: 60 * minutes,
        IdToken: 15 * minutes,
        Interaction: 30 * minutes,
        RefreshToken: 14 * days,
        Session: 14 * days,
        Grant: 14 * days,
      },
    }
    const provider = new Provider(PUBLIC_URL, configuration)
    provider.proxy = true
    provider.on('server_error', (_ctx, error) => this.log.error({ err: error }, 'fault in sign-in'))
    this.guardClients(provider)
    return provider
  }

  /** Secrets are kept as hashes, so the provider cannot compare them; and a tool’s loopback port is its own choice. */
  private guardClients(provider: Provider): void {
    const check = (program: Pick<Program, 'id' | 'secretHash'>, secret: string, address: string) =>
      orUnavailable(() => this.clients.isSecret(program, secret, address)).catch((error: unknown) => {
        if (error instanceof Refusal) throw tooMany(error)
        throw error
      })
    Object.assign(provider.Client.prototype, {
      compareClientSecret(this: { clientId: string; secret_hash: string }, secret: string) {
        return check({ id: this.clientId, secretHash: this.secret_hash }, secret, Provider.ctx?.ip ?? '')
      },
      redirectUriAllowed(this: { redirectUris: string[] }, uri: string) {
        return this.redirectUris.includes(uri) || (this.redirectUris.length > 0 && loopback.test(uri))
      },
    })
  }

  private async metadataOf(clientId: string) {
    const { PUBLIC_URL } = this.config
    if (clientId === consoleClient)
      return {
        client_id: consoleClient,
        client_name: 'Millrace',
        token_endpoint_auth_method: 'none' as const,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code' as const],
        redirect_uris: [`${PUBLIC_URL}/`, `${PUBLIC_URL}/callback`],
        post_logout_redirect_uris: [`${PUBLIC_URL}/`],
      }
    const program = await orUnavailable(() => this.clients.program(clientId))
    return (
      program && {
        client_id: program.id,
        token_endpoint_auth_method: 'client_secret_basic' as const,
        // The provider wants one; what counts is the hash.
        client_secret: program.secretHash,
        secret_hash: program.secretHash,
        tenant: program.tenantId,
        roles: program.roles,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      }
    )
  }

  private answer(ctx: KoaContextWithOIDC, page: string): void {
    ctx.type = 'html'
    ctx.set('content-security-policy', this.contentPolicy())
    ctx.body = page
  }
}

const stylesheetHash = createHash('sha256').update(stylesheet).digest('base64')

/** What userinfo and id tokens tell of a person. */
export function claimsOf({ id, tenantId, roles, name, email }: Account) {
  return { sub: id, tenant: tenantId, roles: [...roles], name, email }
}

/** The language wished for by `ui_locales`, else by the browser. */
export function languageFor(uiLocales: unknown, acceptLanguage: string | undefined): PageLanguage {
  return languageOf(typeof uiLocales === 'string' && uiLocales ? uiLocales : acceptLanguage)
}

function pageLanguage(ctx: KoaContextWithOIDC): PageLanguage {
  return languageFor(ctx.oidc.params?.['ui_locales'], ctx.get('accept-language'))
}

/** Our own console needs nobody's consent: it gets all there is as soon as somebody has signed in. */
async function firstPartyGrant(ctx: KoaContextWithOIDC) {
  const { provider, client, session } = ctx.oidc
  const known = session!.grantIdFor(client!.clientId)
  const found = known && (await provider.Grant.find(known))
  if (found && found.accountId === session!.accountId) return found
  const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
  grant.addOIDCScope('openid profile email offline_access')
  grant.addResourceScope(api, '')
  await grant.save()
  return grant
}

function tooMany(refusal: Refusal): Error {
  return Object.assign(
    new errors.CustomOIDCProviderError('slow_down', `too many wrong secrets; wait until ${String(refusal.details['until'])}`),
    {
      status: 429,
      statusCode: 429,
    },
  )
}
