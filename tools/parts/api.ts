/** A caller of the public API. It sends back the causality token of each answer, so it reads its own writes everywhere. */
export interface Api {
  get<T = Json>(path: string, query?: Record<string, string>): Promise<T>
  post<T = Json>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T>
  patch<T = Json>(path: string, body: unknown, version: number): Promise<T>
  put<T = Json>(path: string, body: unknown, headers?: Record<string, string>): Promise<T>
  /** Sends a CSV file and waits until it is imported. */
  importFile(kind: string, csv: string, mapping: object, progress?: (rows: number) => void): Promise<ImportReport>
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what the API answers is checked by the API's own tests
export type Json = any

export interface ImportReport {
  readonly id: string
  readonly status: string
  readonly rows: number
  readonly added: number
  readonly existing: number
  readonly rejected: number
  readonly rules: { rule: string; field: string; from: string | null; to: string; rows: number }[]
  readonly problem: string | null
}

/** An answer that is a problem (RFC 9457). */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly problem: Json

  constructor(request: string, status: number, problem: Json) {
    super(`${request}: ${status} ${String(problem.detail ?? problem.title ?? '')} ${problem.errors ? JSON.stringify(problem.errors) : ''}`)
    this.status = status
    this.code = String(problem.code ?? '')
    this.problem = problem
  }
}

/** One attempt of a call, and how it was answered. */
export interface Exchange {
  readonly method: string
  readonly path: string
  readonly idempotencyKey: string | undefined
  /** 0 when there was no answer. */
  readonly status: number
  /** The problem's code, or why there was no answer. */
  readonly code: string | undefined
  readonly answer: Json
  readonly headers: Headers | undefined
  readonly milliseconds: number
}

/** How long a caller is patient, and who listens. */
export interface ApiOptions {
  /** For how long a passing failure (429, 502, 503, no answer) is tried again, in seconds: 60 by default. */
  patience?: number
  /** Wait before each new attempt, in milliseconds: 500 by default. */
  pause?: number
  /** Told of every attempt, before the caller goes on. */
  heard?: (exchange: Exchange) => void
  halt?: AbortSignal
}

/** Calls the API at a base URL with access tokens from `token` (asked for before each call; it caches). A passing failure is tried again, up to a minute. */
export function apiOf(baseUrl: string, token: () => Promise<string>, { patience = 60, pause = 500, heard, halt }: ApiOptions = {}): Api {
  let causality = ''
  const call = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Json> => {
    const isText = typeof body === 'string'
    const key = method === 'POST' ? { 'idempotency-key': crypto.randomUUID() } : {}
    const send = async () =>
      fetch(`${baseUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await token()}`,
          prefer: 'wait=30',
          ...(body !== undefined && { 'content-type': isText ? 'text/csv' : 'application/json' }),
          ...(causality && { 'millrace-causality': causality }),
          ...key,
          ...headers,
        },
        ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
        ...(halt && { signal: halt }),
      })
    const until = performance.now() + patience * 1_000
    for (;;) {
      halt?.throwIfAborted()
      const sent = performance.now()
      const tell = (status: number, code: string | undefined, answer: Json, answered?: Headers) =>
        heard?.({
          method,
          path,
          idempotencyKey: headers['idempotency-key'] ?? key['idempotency-key'],
          status,
          code,
          answer,
          headers: answered,
          milliseconds: performance.now() - sent,
        })
      try {
        const answer = await send()
        const text = answer.status === 204 ? '' : await answer.text()
        const read = answer.headers.get('content-type')?.includes('json') ? parsed(text) : text || undefined
        tell(answer.status, answer.status < 400 ? undefined : String(read?.code ?? ''), read, answer.headers)
        if (answer.status < 400) {
          causality = answer.headers.get('millrace-causality') ?? causality
          return read
        }
        const passing = [429, 502, 503].includes(answer.status) || (answer.status === 409 && read?.code === 'idempotency.in_flight')
        if (!passing || performance.now() > until) throw new ApiProblem(`${method} ${path}`, answer.status, read ?? {})
      } catch (error) {
        if (error instanceof ApiProblem || halt?.aborted) throw error
        const { message, cause } = error as Error
        tell(0, `${message} ${String(cause ?? '')}`.trim(), undefined)
        // A service that is being started again is waited for; a wrong secret or address is not.
        if (performance.now() > until || !/50[234]|fetch failed|ECONN|socket|terminated/i.test(`${message} ${String(cause)}`)) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  const get = <T>(path: string, query: Record<string, string> = {}): Promise<T> => {
    const text = new URLSearchParams(query).toString()
    return call('GET', text ? `${path}?${text}` : path, undefined)
  }
  return {
    get,
    post: (path, body, headers) => call('POST', path, body ?? {}, headers),
    patch: (path, body, version) => call('PATCH', path, body, { 'if-match': `"${version}"` }),
    put: (path, body, headers) => call('PUT', path, body, headers),
    async importFile(kind, csv, mapping, progress) {
      const query = new URLSearchParams({ kind, name: kind, mapping: JSON.stringify(mapping) })
      let report: ImportReport = await call('POST', `/v1/imports?${query.toString()}`, csv)
      while (report.status !== 'done' && report.status !== 'failed') {
        progress?.(report.rows)
        await new Promise((resolve) => setTimeout(resolve, 250))
        report = await get<ImportReport>(`/v1/imports/${report.id}`)
      }
      if (report.status === 'failed') throw new Error(`the import of ${kind} failed: ${report.problem}`)
      return report
    },
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return {}
  }
}
