import { hash } from 'node:crypto'
import {
  applyDecorators,
  createParamDecorator,
  Delete,
  Get,
  HttpCode,
  Patch,
  Post,
  Put,
  SetMetadata,
  StreamableFile,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { ListQuery, Operation, Page } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { from, lastValueFrom, type Observable } from 'rxjs'
import { exportVisibility, visibilityFor, type Tokens } from './access.js'
import { mergeCausality, parseCausality, type Causality } from './causality.js'
import { context, withContext, type Context } from './context.js'
import type { Database } from './database.js'
import type { Exports } from './exports/exports.js'
import { languageOf } from './problem.js'
import type { Telemetry } from './telemetry.js'
import { readInput } from './validation.js'

const verbs = { GET: Get, POST: Post, PATCH: Patch, PUT: Put, DELETE: Delete }

/** Metadata key under which a controller method keeps its operation. */
export const operationKey = 'millrace:operation'

type Served = FastifyRequest & { millrace?: { input: unknown } }

/**
 * Marks the controller method that serves an operation: it gets the checked input (`{ params, query, body }`) and returns the answer. Access,
 * validation, transaction, idempotency, ETag and causality are seen to around it.
 */
export function Serve(operation: Operation): MethodDecorator {
  const input = createParamDecorator(
    (_: unknown, execution: ExecutionContext) => execution.switchToHttp().getRequest<Served>().millrace!.input,
  )
  return (target, key, descriptor) => {
    applyDecorators(
      verbs[operation.method](operation.path.replace(/\{(\w+)\}/g, ':$1')),
      HttpCode(operation.status),
      SetMetadata(operationKey, operation),
    )(target, key, descriptor)
    input()(target, key!, 0)
  }
}

/** What happens around each operation. */
export class OperationInterceptor implements NestInterceptor {
  private readonly reflector = new Reflector()

  constructor(
    private readonly tokens: Tokens,
    private readonly telemetry: Telemetry,
    private readonly causality: Causality,
    private readonly database: Database | undefined,
    private readonly exports?: Exports,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    if (execution.getType() !== 'http') return next.handle()
    const operation = this.reflector.get<Operation | undefined>(operationKey, execution.getHandler())
    if (!operation) return next.handle()
    const request = execution.switchToHttp().getRequest<Served>()
    const reply = execution.switchToHttp().getResponse<FastifyReply>()
    return from(this.telemetry.serving(operation, request.headers, () => this.serve(operation, request, reply, next)))
  }

  private async serve(operation: Operation, request: Served, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    const caller = operation.rule === 'public' ? undefined : await this.tokens.verify(request.headers.authorization)
    const allowed = caller ? visibilityFor(operation, caller) : 'own'
    const language = languageOf(request.headers['accept-language'])
    const input = readInput(operation, request, language)
    request.millrace = { input }
    const { format } = (operation.list && (input.query as ListQuery)) || {}
    const visibility = format && caller ? exportVisibility(caller, allowed) : allowed
    const expected = parseCausality(request.headers['millrace-causality'])
    const id = (input.params as { id?: string } | undefined)?.id
    const context: Context = {
      tenantId: caller?.tenantId ?? '*',
      ...(caller && { actor: caller.actor }),
      ...(typeof operation.rule === 'object' && { permission: operation.rule }),
      visibility,
      language,
      traceparent: this.telemetry.traceparent(),
      from: senderOf(request),
      target: { id: id ?? '', ifMatch: expectedVersion(operation, request) },
      caused: [],
    }
    return withContext(context, async () => {
      const known = expected.length ? await this.causality.wait(expected, request.headers.prefer) : []
      const page = (query: ListQuery): Promise<Page<object>> => {
        request.millrace = { input: { ...input, query } }
        return lastValueFrom(next.handle())
      }
      const answer = format
        ? await this.exports!.answer(operation, input.query as ListQuery, format, page)
        : operation.transaction && this.database
          ? await this.writeOnce(operation, request, reply, next)
          : await lastValueFrom(next.handle(), { defaultValue: undefined })
      const token = mergeCausality(expected, known, context.caused)
      if (token) reply.header('millrace-causality', token)
      if (answer instanceof StreamableFile) {
        reply.header('x-content-type-options', 'nosniff')
        // A file is somebody's content: whatever it is, no browser is to run it. Pages of our own say what they may.
        if (!reply.hasHeader('content-security-policy'))
          reply.header('content-security-policy', "sandbox; default-src 'none'; frame-ancestors 'none'")
      }
      if (typeof answer === 'object' && answer !== null && 'version' in answer) reply.header('etag', `"${String(answer.version)}"`)
      if (operation.status === 201 && typeof answer === 'object' && answer !== null && 'id' in answer)
        reply.header('location', `${operation.path}/${String(answer.id)}`)
      return answer
    })
  }

  /**
   * A write: one transaction, and with an Idempotency-Key the same answer however often it is sent. Nobody looks the key up beforehand: a
   * repeat runs into the kept answer (or into a refusal, as its first sending has changed the record), is undone and gets that answer.
   */
  private async writeOnce(operation: Operation, request: Served, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    const key = idempotencyKey(request)
    const body = key && hash('sha256', `${request.method} ${request.url} ${withoutSecrets(request.body)}`, 'base64')
    try {
      return await this.database!.transaction(async (tx) => {
        const answer: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined })
        if (key) tx.keep({ key, body_hash: body!, status: operation.status, answer: JSON.stringify(answer ?? null), headers: '{}' })
        return answer
      })
    } catch (error) {
      const kept = key && (await this.keptAnswer(key).catch(() => undefined))
      if (!kept) throw error
      if (kept.body_hash !== body) throw new Refusal('idempotency.reused')
      context().caused.length = 0
      reply.header('idempotency-replayed', 'true')
      return JSON.parse(kept.answer)
    }
  }

  private keptAnswer(key: string): Promise<{ body_hash: string; answer: string } | undefined> {
    return this.database!.one('SELECT body_hash, answer FROM idempotency WHERE tenant_id = $1 AND key = $2', [context().tenantId, key])
  }
}

/** The gateway tells whom it serves, and at which address; nobody can tell it what to say. */
function senderOf({ headers, ip, protocol, host }: Served) {
  const said = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined)
  return {
    address: said('x-forwarded-for') ?? ip,
    origin: headers.origin,
    publicUrl: `${said('x-forwarded-proto') ?? protocol}://${said('x-forwarded-host') ?? host}`,
  }
}

/** What is kept to compare a repeat with must not help to guess a password. */
function withoutSecrets(body: unknown): string {
  const text = JSON.stringify(body ?? null)
  if (!/password|secret/i.test(text)) return text
  return JSON.stringify(body, (name, value: unknown) => (/password|secret/i.test(name) ? typeof value : value))
}

function idempotencyKey(request: Served): string | undefined {
  const given = request.headers['idempotency-key']
  if (given === undefined) return undefined
  const key = Array.isArray(given) ? given.join() : given
  if (!/^[\x21-\x7e]{1,128}$/.test(key)) throw Refusal.invalid('idempotency.malformed')
  // The caller, not his token: he may have a new one by the time he repeats himself.
  const caller = context().actor?.id ?? ''
  return `${caller} ${key}`
}

function expectedVersion(operation: Operation, request: Served): number | undefined {
  const given = request.headers['if-match']
  if (given === undefined || given === '*') {
    if (operation.ifMatch && given === undefined) throw new Refusal('version.required')
    return undefined
  }
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(given)?.[1]
  return version === undefined ? -1 : Number(version)
}
