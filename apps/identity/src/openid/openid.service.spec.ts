import { createHash, randomBytes } from 'node:crypto'
import {
  changeMyPassword,
  deactivateUser,
  getCurrentTenant,
  getMe,
  listUsers,
  reactivateUser,
  revokeApiClient,
  rotateApiClientSecret,
  rotateSigningKeys,
  setPassword,
} from '@millrace/contracts'
import { asSuperuser, aWorld, caller, eventually, houseRules, type TestService, type World } from '@millrace/testing'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import {
  clientToken,
  found,
  type Founded,
  operator,
  operatorClient,
  password,
  refresh,
  signIn,
  startIdentity,
} from '../identity.fixture.js'
import { identityService } from '../identity.module.js'

houseRules(identityService, `${import.meta.dirname}/..`)

let world: World
let identity: TestService
let company: Founded

beforeAll(async () => {
  world = await aWorld()
  identity = await startIdentity(world)
  company = await found(identity)
})
afterAll(() => world.stop())

const bearing = (token: string) => caller(identity.url, () => Promise.resolve(token))
const form = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${identity.url}${path}`, { method: 'POST', headers, body: new URLSearchParams(fields), redirect: 'manual' })
const json = async (response: Response) => (await response.json()) as Record<string, any>
const basic = (id: string, secret: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` })
const pkce = () => {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}
const authorize = (more: Record<string, string> = {}) =>
  `/oauth/authorize?${new URLSearchParams({
    client_id: 'millrace-console',
    redirect_uri: `${identity.url}/callback`,
    response_type: 'code',
    scope: 'openid',
    code_challenge: pkce().challenge,
    code_challenge_method: 'S256',
    ...more,
  })}`

/** Asks for the sign-in form; answers where it is, with the cookies of this browser. */
async function theForm(more: Record<string, string> = {}) {
  const begun = await fetch(`${identity.url}${authorize(more)}`, { redirect: 'manual' })
  expect(begun.status).toBe(303)
  const cookie = begun.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
  return { url: new URL(begun.headers.get('location')!, identity.url), cookie }
}

describe('what the provider says of itself', () => {
  it('names every address under the public one, whatever host was asked', async () => {
    const said = await json(
      await fetch(`${identity.url}/.well-known/openid-configuration`, { headers: { 'x-forwarded-host': 'evil.example' } }),
    )
    expect(said).toMatchObject({
      issuer: identity.url,
      authorization_endpoint: `${identity.url}/oauth/authorize`,
      token_endpoint: `${identity.url}/oauth/token`,
      jwks_uri: `${identity.url}/oauth/jwks`,
      userinfo_endpoint: `${identity.url}/oauth/userinfo`,
      end_session_endpoint: `${identity.url}/oauth/end-session`,
      revocation_endpoint: `${identity.url}/oauth/revoke`,
      introspection_endpoint: `${identity.url}/oauth/introspect`,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      grant_types_supported: expect.arrayContaining(['authorization_code', 'client_credentials', 'refresh_token']),
      token_endpoint_auth_methods_supported: expect.arrayContaining(['client_secret_basic', 'client_secret_post', 'none']),
    })
  })

  it('shows public keys only', async () => {
    const { keys } = await json(await fetch(`${identity.url}/oauth/jwks`))
    expect(keys).toHaveLength(1)
    expect(Object.keys(keys[0]).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })
})

describe('programs', () => {
  it('get a token for an hour with the secret in the header or in the body, and use it', async () => {
    const { clientId, clientSecret } = await company.client(['integrator'])
    const answers = [
      await form('/oauth/token', { grant_type: 'client_credentials' }, basic(clientId, clientSecret)),
      await form('/oauth/token', { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
    ]
    for (const answer of answers) {
      expect(answer.status).toBe(200)
      const { access_token, expires_in, token_type } = await json(answer)
      expect({ expires_in, token_type }).toEqual({ expires_in: 3600, token_type: 'Bearer' })
      expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
      expect(decodeJwt(access_token)).toMatchObject({
        iss: identity.url,
        aud: 'millrace',
        sub: clientId,
        tenant: company.tenantId,
        roles: ['integrator'],
      })
      expect(await bearing(access_token).does(getCurrentTenant)).toMatchObject({ id: company.tenantId, name: company.name })
    }
  })

  it('include the operator, who belongs to no company', async () => {
    const { access_token } = await clientToken(identity.url, operatorClient.id, operatorClient.secret)
    expect(decodeJwt(access_token)).toMatchObject({ sub: operatorClient.id, tenant: '*', roles: ['administrator'] })
    expect((await bearing(access_token).call(getCurrentTenant)).body.code).toBe('tenant.none')
  })

  it('get nothing with a wrong secret, none, an unknown id or a way that is not theirs', async () => {
    const { clientId, clientSecret } = await company.client(['integrator'])
    const refused = async (fields: Record<string, string>, headers = {}) => {
      const answer = await form('/oauth/token', fields, headers)
      return [answer.status, (await json(answer))['error']]
    }
    const wish = { grant_type: 'client_credentials' }
    expect(await refused(wish, basic(clientId, 'wrong'))).toEqual([401, 'invalid_client'])
    expect(await refused({ ...wish, client_id: clientId, client_secret: 'wrong' })).toEqual([401, 'invalid_client'])
    expect(await refused({ ...wish, client_id: clientId })).toEqual([401, 'invalid_client'])
    expect(await refused(wish, basic('api_client_nobody', clientSecret))).toEqual([401, 'invalid_client'])
    expect(await refused(wish)).toEqual([400, 'invalid_request'])
    expect(await refused({ ...wish, client_id: 'millrace-console' })).toEqual([400, 'invalid_request'])
    expect(await refused({ grant_type: 'password' }, basic(clientId, clientSecret))).toEqual([400, 'unsupported_grant_type'])
    expect(await refused({ ...wish, resource: 'https://other.example' }, basic(clientId, clientSecret))).toEqual([400, 'invalid_target'])
    expect(
      (await fetch(`${identity.url}/oauth/token`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).status,
    ).toBe(400)
  })

  it('get nothing any more once they are revoked, or with the old secret once it is new', async () => {
    const { clientId, clientSecret, id } = await company.client(['integrator'])
    const renewed = await identity.as(company.ada).does(rotateApiClientSecret, { params: { id } })
    await expect(clientToken(identity.url, clientId, clientSecret)).rejects.toThrow('401')
    await clientToken(identity.url, clientId, renewed.clientSecret)
    await identity.as(company.ada).does(revokeApiClient, { params: { id } })
    await expect(clientToken(identity.url, clientId, renewed.clientSecret)).rejects.toThrow('401 invalid_client')
    expect((await identity.as(company.ada).call(rotateApiClientSecret, { params: { id } })).body.code).toBe('api_client.revoked')
  })

  it('are slowed down after twenty wrong secrets, from that address only', async () => {
    const { clientId, clientSecret } = await company.client(['integrator'])
    const from = (address: string, secret: string) =>
      form('/oauth/token', { grant_type: 'client_credentials' }, { ...basic(clientId, secret), 'x-forwarded-for': address }).then(
        ({ status }) => status,
      )
    for (let n = 0; n < 20; n += 1) expect(await from('192.0.2.1', 'wrong')).toBe(401)
    expect(await from('192.0.2.1', clientSecret)).toBe(429)
    expect(await from('192.0.2.2', clientSecret)).toBe(200)
    identity.clock.advance({ minutes: 1, seconds: 1 })
    expect(await from('192.0.2.1', clientSecret)).toBe(200)
  })
})

describe('people', () => {
  it('sign in with code and PKCE, use their token, and renew it', async () => {
    const amy = await company.hire('Amy', ['sales_rep', 'sales_manager'])
    const tokens = await signIn(identity.url, amy.email.toUpperCase(), password)
    expect(tokens.expires_in).toBe(900)
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      iss: identity.url,
      aud: 'millrace',
      sub: amy.id,
      tenant: company.tenantId,
      roles: ['sales_rep', 'sales_manager'],
    })
    expect(decodeJwt(tokens.id_token)).toMatchObject({ aud: 'millrace-console', sub: amy.id, name: 'Amy', email: amy.email })
    expect(await bearing(tokens.access_token).does(getMe)).toMatchObject({ id: amy.id, name: 'Amy' })

    const renewed = await refresh(identity.url, tokens.refresh_token)
    expect(renewed.refresh_token).not.toBe(tokens.refresh_token)
    expect(await bearing(renewed.access_token).does(getMe)).toMatchObject({ id: amy.id })
  })

  it('lose all tokens of a sign-in when a refresh token is used twice: somebody copied it', async () => {
    const { refresh_token } = await signIn(identity.url, company.ada.email, password)
    const renewed = await refresh(identity.url, refresh_token)
    await expect(refresh(identity.url, refresh_token)).rejects.toThrow('invalid_grant')
    await expect(refresh(identity.url, renewed.refresh_token)).rejects.toThrow('invalid_grant')
  })

  it('of two who use one refresh token at the same moment, at most one gets tokens', async () => {
    const { refresh_token } = await signIn(identity.url, company.ada.email, password)
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => refresh(identity.url, refresh_token)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1)
  })

  it('cannot sign in with a wrong password, an unknown e-mail or while inactive, and cannot tell which it was', async () => {
    const zoe = await company.hire('Zoe', ['sales_rep'])
    await identity.as(company.ada).does(deactivateUser, { params: { id: zoe.id } })
    const tom = await company.hire('Tom', ['sales_rep'], { password: undefined })
    const pages: string[] = []
    for (const [email, tried] of [
      [company.ada.email, 'wrong password'],
      ['nobody@example.com', password],
      [zoe.email, password],
      [tom.email, password],
    ] as const) {
      const { url, cookie } = await theForm()
      const answer = await form(url.pathname, { email, password: tried }, { cookie })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('location')).toBeNull()
      pages.push((await answer.text()).replaceAll(email, 'E').replaceAll(url.pathname, 'U'))
    }
    expect(new Set(pages).size).toBe(1)
    expect(pages[0]).toContain('E-mail or password is wrong.')
  })

  it('are locked out for a quarter of an hour after five wrong passwords, whether they exist or not', async () => {
    const bob = await company.hire('Bob', ['sales_rep'])
    for (const email of [bob.email, 'ghost@example.com']) {
      for (let n = 0; n < 5; n += 1)
        await expect(signIn(identity.url, email, 'wrong password')).rejects.toThrow('401 E-mail or password is wrong.')
      await expect(signIn(identity.url, email, password)).rejects.toThrow('429 Too many wrong tries.')
    }
    identity.clock.advance({ minutes: 14 })
    await expect(signIn(identity.url, bob.email, password)).rejects.toThrow('429')
    identity.clock.advance({ minutes: 1, seconds: 1 })
    await signIn(identity.url, bob.email, password)
    for (let n = 0; n < 4; n += 1) await expect(signIn(identity.url, bob.email, 'wrong password')).rejects.toThrow('401')
    await signIn(identity.url, bob.email, password)
  })

  it('do not get more guesses by guessing all at once', async () => {
    const gil = await company.hire('Gil', ['sales_rep'])
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => signIn(identity.url, gil.email, `guess number ${n}`)))
    const reasons = outcomes.map((outcome) => String((outcome as PromiseRejectedResult).reason))
    expect(reasons.filter((reason) => reason.includes('401'))).toHaveLength(5)
    expect(reasons.filter((reason) => reason.includes('429'))).toHaveLength(7)
  })

  it('who all know the password are not locked out by signing in all at once', async () => {
    await Promise.all(Array.from({ length: 12 }, () => signIn(identity.url, company.ada.email, password)))
  })

  it('who are deactivated get no new token, also after they are back, until they sign in again', async () => {
    const dan = await company.hire('Dan', ['sales_rep'])
    const { refresh_token } = await signIn(identity.url, dan.email, password)
    await identity.as(company.ada).does(deactivateUser, { params: { id: dan.id } })
    await expect(refresh(identity.url, refresh_token)).rejects.toThrow('invalid_grant')
    await expect(signIn(identity.url, dan.email, password)).rejects.toThrow('401')
    await identity.as(company.ada).does(reactivateUser, { params: { id: dan.id } })
    await expect(refresh(identity.url, refresh_token)).rejects.toThrow('invalid_grant')
    await signIn(identity.url, dan.email, password)
  })

  it('are signed out everywhere by a new password', async () => {
    const eve = await company.hire('Eve', ['sales_rep'])
    const first = await signIn(identity.url, eve.email, password)
    await identity.as(company.ada).does(setPassword, { params: { id: eve.id }, body: { password: 'another long one' } })
    await expect(refresh(identity.url, first.refresh_token)).rejects.toThrow('invalid_grant')
    await expect(signIn(identity.url, eve.email, password)).rejects.toThrow('401')
    const second = await signIn(identity.url, eve.email, 'another long one')
    const eves = bearing(second.access_token)
    const own = { oldPassword: 'not this one', newPassword: 'a third long one' }
    expect((await eves.call(changeMyPassword, { body: own })).body).toMatchObject({ status: 403, code: 'password.wrong' })
    expect((await eves.call(changeMyPassword, { body: { ...own, oldPassword: 'another long one' } })).status).toBe(204)
    await expect(refresh(identity.url, second.refresh_token)).rejects.toThrow('invalid_grant')
    await signIn(identity.url, eve.email, 'a third long one')
  })

  it('cannot guess the old password without end either', async () => {
    const fay = await company.hire('Fay', ['sales_rep'])
    const { access_token } = await signIn(identity.url, fay.email, password)
    const tries: number[] = []
    for (let n = 0; n < 6; n += 1)
      tries.push(
        (await bearing(access_token).call(changeMyPassword, { body: { oldPassword: `no ${n}`, newPassword: 'another long one' } })).status,
      )
    expect(tries).toEqual([403, 403, 403, 403, 403, 429])
  })

  it('get tokens with the right verifier only, and with each code once', async () => {
    const { verifier, challenge } = pkce()
    const code = async () => {
      const { url, cookie } = await theForm({ code_challenge: challenge })
      const posted = await form(url.pathname, { email: company.ada.email, password }, { cookie })
      const resumed = await fetch(new URL(posted.headers.get('location')!, identity.url), { headers: { cookie }, redirect: 'manual' })
      return new URL(resumed.headers.get('location')!).searchParams.get('code')!
    }
    const exchange = async (given: string, code_verifier?: string) => {
      const answer = await form('/oauth/token', {
        grant_type: 'authorization_code',
        client_id: 'millrace-console',
        redirect_uri: `${identity.url}/callback`,
        code: given,
        ...(code_verifier && { code_verifier }),
      })
      return [answer.status, (await json(answer))['error']]
    }
    expect(await exchange(await code(), pkce().verifier)).toEqual([400, 'invalid_grant'])
    expect(await exchange(await code())).toEqual([400, 'invalid_grant'])
    const good = await code()
    expect(await exchange(good, verifier)).toEqual([200, undefined])
    expect(await exchange(good, verifier)).toEqual([400, 'invalid_grant'])
  })

  it('are sent to known places only, and never without PKCE', async () => {
    const location = async (path: string) => {
      const answer = await fetch(`${identity.url}${path}`, { redirect: 'manual', headers: { accept: 'text/html' } })
      return answer.headers.get('location') ?? answer.status
    }
    for (const redirect_uri of [
      'https://evil.example/',
      `${identity.url}/elsewhere`,
      'http://127.0.0.1:5000/elsewhere',
      'http://127.0.0.1.evil.example/callback',
    ])
      expect(await location(authorize({ redirect_uri }))).toBe(400)
    for (const redirect_uri of [`${identity.url}/`, 'http://127.0.0.1:49152/callback', 'http://[::1]:5000/'])
      expect(await location(authorize({ redirect_uri }))).toContain('/oauth/interaction/')
    const bare = new URLSearchParams({
      client_id: 'millrace-console',
      redirect_uri: `${identity.url}/callback`,
      response_type: 'code',
      scope: 'openid',
    })
    expect(await location(`/oauth/authorize?${bare}`)).toContain('error=invalid_request')
    expect(await location(authorize({ code_challenge_method: 'plain' }))).toContain('error=invalid_request')
    expect(await location(authorize({ response_type: 'token' }))).toContain('error=')
  })
})

describe('the pages', () => {
  it('speak the reader’s language, need no script and let nothing in', async () => {
    const page = async (more: Record<string, string>, headers: Record<string, string>) => {
      const { url, cookie } = await theForm(more)
      return fetch(url, { headers: { cookie, ...headers } })
    }
    const english = await page({ redirect_uri: 'http://127.0.0.1:4999/callback' }, {})
    expect(english.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self' http:\/\/127\.0\.0\.1:4999; base-uri 'none'; frame-ancestors 'none'$/,
    )
    const text = await english.text()
    expect(text).toContain('<html lang="en">')
    expect(text).not.toContain('<script')
    const style = /<style>([^]*?)<\/style>/.exec(text)![1]!
    expect(english.headers.get('content-security-policy')).toContain(createHash('sha256').update(style).digest('base64'))
    expect(await (await page({}, { 'accept-language': 'zh-CN,zh;q=0.9' })).text()).toContain('登录')
    expect(await (await page({ ui_locales: 'zh-CN' }, { 'accept-language': 'en' })).text()).toContain('密码')
  })

  it('do not run what somebody typed', async () => {
    const { url, cookie } = await theForm()
    const answer = await form(url.pathname, { email: '"><script>alert(1)</script>', password: 'x' }, { cookie })
    expect(await answer.text()).not.toContain('<script')
  })

  it('say that a sign-in has expired when the browser has begun none', async () => {
    const { url } = await theForm()
    const answer = await fetch(url)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('This sign-in has expired.')
    const posted = await form(url.pathname, { email: company.ada.email, password })
    expect([posted.status, posted.headers.get('location')]).toEqual([400, null])
  })

  it('let one sign out', async () => {
    const { url, cookie } = await theForm()
    const posted = await form(url.pathname, { email: company.ada.email, password }, { cookie })
    const resumed = await fetch(new URL(posted.headers.get('location')!, identity.url), { headers: { cookie }, redirect: 'manual' })
    const session = resumed.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .filter((line) => line?.startsWith('_session'))
      .join('; ')
    const silently = () => fetch(`${identity.url}${authorize({ prompt: 'none' })}`, { headers: { cookie: session }, redirect: 'manual' })
    expect((await silently()).headers.get('location')).toContain('code=')
    const asked = await fetch(`${identity.url}/oauth/end-session`, { headers: { cookie: session, accept: 'text/html' } })
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(await asked.text())![1]!
    await form('/oauth/end-session/confirm', { xsrf, logout: 'yes' }, { cookie: session })
    expect((await silently()).headers.get('location')).toContain('error=login_required')
  })
})

describe('who reads tokens', () => {
  it('tells the bearer who they are', async () => {
    const { access_token } = await signIn(identity.url, company.ada.email, password)
    const asked = (token: string) => fetch(`${identity.url}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}` } })
    expect(await json(await asked(access_token))).toEqual({
      sub: company.ada.id,
      tenant: company.tenantId,
      roles: ['administrator'],
      name: 'Ada',
      email: company.ada.email,
    })
    expect((await asked(`${access_token.slice(0, -6)}AAAAAA`)).status).toBe(401)
    expect((await asked(await world.token(company.ada))).status).toBe(401)
  })

  it('tells a program about tokens of its own company that are alive', async () => {
    const { clientId, clientSecret } = await company.client(['integrator'])
    const kim = await company.hire('Kim', ['sales_rep'])
    const token = (await signIn(identity.url, kim.email, password)).access_token
    const asked = async (who: { clientId: string; clientSecret: string }, about: string) =>
      json(await form('/oauth/introspect', { token: about, client_id: who.clientId, client_secret: who.clientSecret }))
    expect(await asked({ clientId, clientSecret }, token)).toMatchObject({ active: true, sub: kim.id, tenant: company.tenantId })
    expect(await asked({ clientId, clientSecret }, 'nonsense')).toEqual({ active: false })
    expect(await asked({ clientId, clientSecret: 'wrong' }, token)).toEqual({ error: 'invalid_client' })
    expect(await asked(await (await found(identity)).client(['integrator']), token)).toEqual({ active: false })
    await identity.as(company.ada).does(deactivateUser, { params: { id: kim.id } })
    expect(await asked({ clientId, clientSecret }, token)).toEqual({ active: false })
  })

  it('takes a refresh token back', async () => {
    const { refresh_token } = await signIn(identity.url, company.ada.email, password)
    expect((await form('/oauth/revoke', { token: refresh_token, client_id: 'millrace-console' })).status).toBe(200)
    await expect(refresh(identity.url, refresh_token)).rejects.toThrow('invalid_grant')
  })

  it('refuses a token for anything that is not the API', async () => {
    const { id_token } = await signIn(identity.url, company.ada.email, password)
    expect((await bearing(id_token).call(listUsers)).body.code).toBe('token.invalid')
  })
})

describe('signing keys', () => {
  it('change without breaking a token: shown before they sign, and kept until their last token has ended', async () => {
    const { access_token } = await clientToken(identity.url, operatorClient.id, operatorClient.secret)
    const before = decodeProtectedHeader(access_token).kid
    const shown = async () => (await json(await fetch(`${identity.url}/oauth/jwks`)))['keys'].map(({ kid }: { kid: string }) => kid)
    const signedWith = async () =>
      decodeProtectedHeader((await clientToken(identity.url, operatorClient.id, operatorClient.secret)).access_token).kid
    expect((await identity.as(company.ada).call(rotateSigningKeys)).body.code).toBe('tenant.operator_only')
    const { kid } = await identity.as(operator).does(rotateSigningKeys)
    expect(await shown()).toEqual([before, kid])
    expect(await signedWith()).toBe(before)
    identity.clock.advance({ seconds: 31 })
    expect(await signedWith()).toBe(kid)
    expect(await shown()).toEqual([kid, before])
    expect((await bearing(access_token).call(rotateSigningKeys)).status).toBe(200)
    identity.clock.advance({ minutes: 72 })
    expect(await shown()).not.toContain(before)
  })

  it('cannot be read with another secret, and the service says so', async () => {
    await expect(
      startIdentity(world, { DATABASE_URL: (identity.database as unknown as { url: string }).url, IDENTITY_SECRET: 'x'.repeat(40) }),
    ).rejects.toThrow('IDENTITY_SECRET is not the one')
  })

  it('are the same for a second replica, as are sign-ins', async () => {
    const twin = await startIdentity(world, {
      DATABASE_URL: (identity.database as unknown as { url: string }).url,
      PUBLIC_URL: identity.url,
    })
    twin.clock.set(identity.clock.now())
    const { refresh_token } = await signIn(identity.url, company.ada.email, password)
    const renewed = await refresh(twin.url, refresh_token)
    // The keys changed a moment ago by the real clock, and whoever verifies asks for them every five seconds at most.
    await eventually(async () => (await bearing(renewed.access_token).call(getMe)).body.id === company.ada.id)
  })
})

describe('a copy of the database', () => {
  it('holds no password, secret or token that could be used', async () => {
    const { clientSecret } = await company.client(['integrator'])
    const { refresh_token } = await signIn(identity.url, company.ada.email, password)
    const name = new URL((identity.database as unknown as { url: string }).url).pathname.slice(1)
    const everything = await asSuperuser(async (client) => {
      const tables = await client.query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`)
      const texts: string[] = []
      for (const table of tables.rows) {
        const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM "${table.name}" t`)
        texts.push(...rows.map(({ row }) => row))
      }
      return texts.join('\n')
    }, name)
    expect(everything).toContain(company.ada.email)
    for (const secret of [password, clientSecret, refresh_token, operatorClient.secret]) expect(everything).not.toContain(secret)
  })
})
