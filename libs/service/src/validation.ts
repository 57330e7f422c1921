import type { Operation } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'

/** One thing that is wrong with a request: where (JSON pointer, or `?name` in the query, `{name}` in the path), a stable code, what it must be. */
export interface FieldProblem {
  readonly pointer: string
  readonly code: string
  readonly detail: string
  readonly details?: Record<string, unknown>
}

/** The checked input of an operation; refuses with every field that is wrong. */
export function readInput(operation: Operation, request: FastifyRequest): { params: unknown; query: unknown; body: unknown } {
  const problems: FieldProblem[] = []
  const params = check(operation.params, request.params ?? {}, (path) => `{${path.join('.')}}`, problems)
  const query = operation.query
    ? check(operation.query, request.query ?? {}, (path) => `?${path.join('.')}`, problems)
    : refuseQuery(request, problems)
  const streamed = operation.accepts !== undefined && operation.accepts !== 'application/json'
  const body = streamed
    ? request.body
    : check(operation.body, request.body ?? {}, (path) => `/${path.map(escapePointer).join('/')}`, problems)
  if (problems.length) throw Refusal.invalid('request.invalid', { errors: problems })
  return { params, query, body }
}

/** Checks a value against a shape; the refusals of domain parsers keep their own codes. */
export function check(
  schema: z.ZodType | undefined,
  value: unknown,
  where: (path: PropertyKey[]) => string,
  problems: FieldProblem[],
): unknown {
  if (!schema) return undefined
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const issue of result.error.issues.slice(0, 50)) {
    const { refusal, details } = (('params' in issue && issue.params) || {}) as { refusal?: string; details?: Record<string, unknown> }
    problems.push({
      pointer: where(issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path),
      code: refusal ?? (/^[a-z_]+\.[a-z_]+$/.test(issue.message) ? issue.message : `field.${issue.code}`),
      detail: issue.message,
      ...(details && { details }),
    })
  }
  return undefined
}

function refuseQuery(request: FastifyRequest, problems: FieldProblem[]): undefined {
  for (const name of Object.keys((request.query as object | undefined) ?? {}))
    problems.push({ pointer: `?${name}`, code: 'field.unrecognized_keys', detail: 'unknown parameter' })
  return undefined
}

function escapePointer(part: PropertyKey): string {
  return String(part).replace(/~/g, '~0').replace(/\//g, '~1')
}
