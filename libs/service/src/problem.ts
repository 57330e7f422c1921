import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import { describeProblem, problems, type Language } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { throwError } from 'rxjs'
import { Unavailable } from './access.js'
import type { Logger } from './log.js'
import type { Telemetry } from './telemetry.js'
import type { FieldProblem } from './validation.js'

const kinds = { invalid: 422, forbidden: 403, notFound: 404, refused: 409 } as const

/** Codes whose status is not the one of their kind. */
const statuses: Record<string, number> = {
  'request.invalid': 400,
  'request.malformed': 400,
  'request.too_large': 413,
  'request.headers_too_large': 431,
  'request.unsupported_media_type': 415,
  'request.timeout': 503,
  'causality.malformed': 400,
  'cursor.malformed': 400,
  'idempotency.malformed': 400,
  'idempotency.reused': 422,
  'idempotency.in_flight': 409,
  'token.missing': 401,
  'token.invalid': 401,
  'token.expired': 401,
  'version.stale': 412,
  'version.required': 428,
  'route.not_found': 404,
  'rate.exceeded': 429,
  'sign_in.locked': 429,
  'service.unavailable': 503,
  not_yet: 503,
  fault: 500,
}

/** A problem as RFC 9457 has it, with our stable `code`. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly errors?: readonly FieldProblem[]
  readonly traceId?: string | undefined
  readonly [detail: string]: unknown
}

/** The language wished for; English unless Chinese comes first. */
export function languageOf(header: string | undefined): Language {
  return header && /^\s*zh\b/i.test(header) ? 'zh-CN' : 'en'
}

/** The answer that a refusal becomes. */
export function problemOf(refusal: Refusal, language: Language, traceId?: string): Problem {
  const { errors, ...details } = refusal.details as { errors?: FieldProblem[] } & Record<string, unknown>
  return {
    ...details,
    type: `/v1/problems/${refusal.code}`,
    ...describeProblem(refusal.code, details, language),
    status: statuses[refusal.code] ?? kinds[refusal.kind],
    code: refusal.code,
    ...(errors && {
      errors: errors.map(({ details: inner, ...error }) =>
        problems.has(error.code) ? { ...error, detail: describeProblem(error.code, inner ?? {}, language).detail } : error,
      ),
    }),
    ...(traceId && { traceId }),
  }
}

/** What an error means to the caller; undefined: it is a fault of ours. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  if (error instanceof Unavailable) return new Refusal('service.unavailable')
  const status = statusOf(error)
  const { code, message = '', constraint } = error as { code?: string; message?: string; constraint?: string }
  if (status === 404 || status === 414 || code === 'FST_ERR_BAD_URL') return new Refusal('route.not_found') // an id of 300 letters, or one that is no text, is none of ours
  if (status === 413) return new Refusal('request.too_large', { limit: 1_048_576 })
  if (status === 415) return new Refusal('request.unsupported_media_type', { accepted: 'application/json' })
  if (status && status >= 400 && status < 500) return new Refusal('request.malformed')
  if (code === '23505' && constraint === 'idempotency_pkey') return new Refusal('idempotency.in_flight')
  if (code === '23505') return new Refusal('value.taken', { field: constraint ?? '' })
  if (code === '57014') return new Refusal('request.timeout')
  if (code?.startsWith('22')) return Refusal.invalid('request.invalid', { errors: [] })
  if (code && /^(08|53|57P|40001|40P01)/.test(code)) return new Refusal('service.unavailable')
  if (
    /ECONNREFUSED|ECONNRESET|EPIPE|timeout exceeded when trying to connect|Connection terminated|connection.*(closed|ended)/i.test(
      `${code ?? ''} ${message}`,
    )
  )
    return new Refusal('service.unavailable')
  return undefined
}

/** The status that Fastify or Nest gave an error of the request's own making. */
function statusOf(error: unknown): number | undefined {
  return error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number }).statusCode
}

/** Answers what is no HTTP, so that no request object ever came of it. */
export function refuseConnection(error: { code?: string }, socket: Socket): void {
  if (!socket.writable) return
  const codes: Record<string, string> = { HPE_HEADER_OVERFLOW: 'request.headers_too_large', ERR_HTTP_REQUEST_TIMEOUT: 'request.timeout' }
  const problem = problemOf(new Refusal(codes[error.code ?? ''] ?? 'request.malformed'), 'en')
  const body = JSON.stringify(problem)
  const head = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
}

/** Turns whatever went wrong into problem+json; a fault is logged once, without the payload. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Logger,
    private readonly telemetry: Telemetry,
  ) {}

  catch(error: unknown, host: ArgumentsHost): unknown {
    if (host.getType() !== 'http') return throwError(() => error) // the consumer decides: retry or park
    const request = host.switchToHttp().getRequest<FastifyRequest>()
    this.answer(error, request, host.switchToHttp().getResponse<FastifyReply>())
    return undefined
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const known = refusalOf(error)
    const traceId = this.telemetry.traceparent(request.headers)?.split('-')[1]
    if (!known) this.log.error({ err: error, traceId, method: request.method, route: request.routeOptions.url }, 'fault')
    else if (known.code === 'service.unavailable')
      this.log.warn({ reason: (error as Error).message, traceId, route: request.routeOptions.url }, 'unavailable')
    const problem = problemOf(known ?? new Refusal('fault'), languageOf(request.headers['accept-language']), traceId)
    if (problem.status === 401)
      reply.header('www-authenticate', `Bearer error="${problem.code === 'token.missing' ? 'invalid_request' : 'invalid_token'}"`)
    if (problem.status === 503) reply.header('retry-after', '1')
    void reply
      .status(problem.status)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .header('content-language', languageOf(request.headers['accept-language']))
      .header('cache-control', 'no-store') // also where no hook is run: an address that cannot be read
      .header('x-content-type-options', 'nosniff')
      .send(JSON.stringify(problem))
  }
}
