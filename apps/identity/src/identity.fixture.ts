import { createApiClient, createTenant, createUser, type Role } from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { freePort, type Person, type TestService, type World } from '@millrace/testing'
import { identityService } from './identity.module.js'

// eslint-disable-next-line @nx/enforce-module-boundaries -- what signs in for the demo is tested here too
export { clientToken, refresh, signIn } from '../../../tools/sign-in.js'

export const operatorClient = { id: 'platform-operator', secret: 'operator-secret-for-tests' }

/** The platform's operator: belongs to no tenant. */
export const operator = { id: operatorClient.id as Id<'user'>, tenantId: '*' as Id<'tenant'>, roles: ['administrator'] as Role[] }

type Member = Pick<Person, 'id' | 'tenantId' | 'roles'> & { readonly email: string; readonly password: string }

/** A company that really exists in identity. */
export interface Founded {
  readonly tenantId: Id<'tenant'>
  readonly rootUnitId: Id<'org_unit'>
  readonly name: string
  readonly ada: Member
  /** Adds somebody who may sign in. */
  hire(name: string, roles: Role[], more?: Record<string, unknown>): Promise<Member>
  client(roles: Role[]): Promise<{ id: Id<'api_client'>; clientId: string; clientSecret: string }>
}

export const password = 'correct horse battery'

let count = 0

/** Identity as it runs in an installation: issuer of its own tokens. The world's issuer counts too, so that most tests need no sign-in. */
export async function startIdentity(world: World, extra: Record<string, string> = {}): Promise<TestService> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  return world.start(identityService, {
    PORT: String(port),
    PUBLIC_URL: url,
    OIDC_ISSUER: `${url},${world.environment['OIDC_ISSUER']}`,
    OIDC_JWKS_URL: `${url}/oauth/jwks,${world.environment['OIDC_JWKS_URL']}`,
    IDENTITY_SECRET: 'a secret of tests, at least 32 characters',
    BOOTSTRAP_CLIENT_ID: operatorClient.id,
    BOOTSTRAP_CLIENT_SECRET: operatorClient.secret,
    ...extra,
  })
}

/** Founds a company with an administrator, through the API. */
export async function found(identity: TestService, given: Record<string, unknown> = {}): Promise<Founded> {
  const nth = ++count
  const name = `Company ${nth}`
  const email = `ada${nth}@example.com`
  const tenant = await identity.as(operator).does(createTenant, {
    body: {
      name,
      currency: 'CNY',
      zone: 'Asia/Shanghai',
      language: 'zh-CN',
      administrator: { name: 'Ada', email, password },
      ...given,
    },
  })
  const tenantId = tenant.id as Id<'tenant'>
  const ada: Member = { id: tenant.administratorId, tenantId, roles: ['administrator'], email, password }
  return {
    tenantId,
    rootUnitId: tenant.rootUnitId,
    name,
    ada,
    async hire(who, roles, more = {}) {
      const mail = `${who.toLowerCase()}${nth}@example.com`
      const user = await identity.as(ada).does(createUser, { body: { name: who, email: mail, password, roles, ...more } })
      return { id: user.id, tenantId, roles, email: mail, password }
    },
    client: (roles) => identity.as(ada).does(createApiClient, { body: { name: `program ${newId('api_client').slice(-4)}`, roles } }),
  }
}
