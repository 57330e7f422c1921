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

/** Calls the API at a base URL with access tokens from `token` (asked for before each call; it caches). A passing 503 is tried again, up to a minute. */
export function apiOf(baseUrl: string, token: () => Promise<string>): Api {
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
      })
    for (let attempt = 0; ; attempt += 1) {
      const answer = await send().catch((error: Error) => {
        // A service that is being started again is waited for; a wrong secret or address is not.
        if (attempt >= 120 || !/50[234]|fetch failed|ECONN|socket/i.test(`${error.message} ${String(error.cause)}`)) throw error
        return undefined
      })
      if (answer && answer.status < 400) {
        causality = answer.headers.get('millrace-causality') ?? causality
        return answer.status === 204 ? undefined : answer.headers.get('content-type')?.includes('json') ? answer.json() : answer.text()
      }
      if (
        answer &&
        !([429, 502, 503].includes(answer.status) && attempt < 120) &&
        !(answer.status === 409 && attempt < 120 && (await inFlight(answer.clone())))
      )
        throw new ApiProblem(`${method} ${path}`, answer.status, await answer.json().catch(() => ({})))
      await new Promise((resolve) => setTimeout(resolve, 500))
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

async function inFlight(answer: Response): Promise<boolean> {
  return ((await answer.json().catch(() => ({}))) as { code?: string }).code === 'idempotency.in_flight'
}
