import { createHash, randomBytes } from 'node:crypto'

/** What a person gets who signs in. */
export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
  /** Seconds. */
  readonly expires_in: number
}

/** What a program gets. */
export type ClientToken = Pick<Tokens, 'access_token' | 'expires_in'>

const client_id = 'millrace-console'
const redirect_uri = 'http://127.0.0.1/callback'

/** Signs a person in as a browser does: authorization code with PKCE, the sign-in form, the code for tokens. Throws with the reason when refused. */
export async function signIn(baseUrl: string, email: string, password: string): Promise<Tokens> {
  const browser = new Browser(baseUrl)
  const [verifier, state] = [randomBytes(32).toString('base64url'), randomBytes(16).toString('base64url')]
  const wish = new URLSearchParams({
    client_id,
    redirect_uri,
    response_type: 'code',
    scope: 'openid profile email',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const form = await browser.follow(`/oauth/authorize?${wish}`)
  const answer = await browser.follow(form, new URLSearchParams({ email, password }))
  if (answer.searchParams.get('state') !== state) throw new Error('the sign-in answered with another state')
  const code = answer.searchParams.get('code')
  if (!code)
    throw new Error(`the sign-in was refused: ${answer.searchParams.get('error')} ${answer.searchParams.get('error_description') ?? ''}`)
  return token(baseUrl, { grant_type: 'authorization_code', client_id, redirect_uri, code, code_verifier: verifier }) as Promise<Tokens>
}

/** New tokens for a refresh token, which is used up with this. */
export function refresh(baseUrl: string, refresh_token: string): Promise<Tokens> {
  return token(baseUrl, { grant_type: 'refresh_token', client_id, refresh_token }) as Promise<Tokens>
}

/** An access token for a program. */
export function clientToken(baseUrl: string, clientId: string, clientSecret: string): Promise<ClientToken> {
  return token(baseUrl, { grant_type: 'client_credentials' }, Buffer.from(`${clientId}:${clientSecret}`).toString('base64'))
}

async function token(baseUrl: string, wish: Record<string, string>, basic?: string): Promise<ClientToken> {
  const response = await fetch(new URL('/oauth/token', baseUrl), {
    method: 'POST',
    headers: { accept: 'application/json', ...(basic && { authorization: `Basic ${basic}` }) },
    body: new URLSearchParams(wish),
  })
  const answer = (await response.json()) as ClientToken & { error?: string; error_description?: string }
  if (!response.ok) throw new Error(`no token: ${response.status} ${answer.error ?? ''} ${answer.error_description ?? ''}`)
  return answer
}

/** Keeps cookies and follows redirects up to a page or to the place that gets the code. */
class Browser {
  private readonly cookies = new Map<string, string>()
  private readonly baseUrl: string

  constructor(baseUrl: string) {
    this.baseUrl = baseUrl
  }

  /** Answers the address where it ended: a page that wants something, or the redirect URI with its parameters. */
  async follow(address: string | URL, form?: URLSearchParams): Promise<URL> {
    let url = new URL(address, this.baseUrl)
    let body = form
    for (let hops = 0; hops < 10; hops += 1) {
      const response = await fetch(url, {
        method: body ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { accept: 'text/html', cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        ...(body && { body }),
      })
      for (const line of response.headers.getSetCookie()) this.keep(line)
      const page = await response.text()
      const location = response.headers.get('location')
      if (!location) {
        if (response.ok) return url
        throw new Error(`the sign-in was refused: ${response.status} ${/role="alert">([^<]*)/.exec(page)?.[1] ?? ''}`)
      }
      const next = new URL(location, url)
      if (next.href.startsWith(`${redirect_uri}?`)) return next
      // The address that people use may be another one than the one we were told, e.g. behind a proxy.
      url = new URL(next.pathname + next.search, this.baseUrl)
      body = undefined
    }
    throw new Error('the sign-in goes round in circles')
  }

  private keep(line: string): void {
    const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
    if (value && !/expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.set(name, value)
    else this.cookies.delete(name)
  }
}
