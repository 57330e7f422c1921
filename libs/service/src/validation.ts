import { Readable } from 'node:stream'
import { mediaTypes, type Language, type Operation } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'

/** One thing that is wrong with a request: where (JSON pointer, or `?name` in the query, `{name}` in the path), a stable code, what it must be. */
export interface FieldProblem {
  readonly pointer: string
  readonly code: string
  readonly detail: string
  readonly details?: Record<string, unknown>
}

const nothing = z.strictObject({})

const wordsOf = {
  en: { missing: 'is missing', other: z.locales.en().localeError },
  'zh-CN': { missing: '缺少此项', other: z.locales.zhCN().localeError },
} as const

/** The checked input of an operation; refuses with every field that is wrong. */
export function readInput(
  { params: pathShape, query: queryShape = nothing, body: bodyShape = nothing, accepts }: Operation,
  request: FastifyRequest,
  language: Language,
): { params: unknown; query: unknown; body: unknown } {
  const problems: FieldProblem[] = []
  const params = check(pathShape, request.params ?? {}, (path) => `{${path.join('.')}}`, problems, language)
  const query = check(queryShape, request.query ?? {}, (path) => `?${path.join('.')}`, problems, language)
  // zod leaves this one out where a shape takes names that are not its own.
  if (!problems.length && Object.hasOwn((request.query ?? {}) as object, '__proto__'))
    problems.push({ pointer: '?__proto__', code: 'request.unknown_field', detail: 'request.unknown_field' })
  const accepted = mediaTypes(accepts)
  const streamed = !accepted.includes('application/json')
  if (streamed !== request.body instanceof Readable) throw new Refusal('request.unsupported_media_type', { accepted })
  const body = streamed
    ? request.body
    : check(bodyShape, request.body ?? {}, (path) => `/${path.map(escapePointer).join('/')}`, problems, language)
  if (problems.length) throw Refusal.invalid('request.invalid', { errors: problems })
  return { params, query, body }
}

/** Checks a value against a shape; the refusals of domain parsers keep their own codes. */
export function check(
  schema: z.ZodType | undefined,
  value: unknown,
  where: (path: PropertyKey[]) => string,
  problems: FieldProblem[],
  language: Language = 'en',
): unknown {
  if (!schema) return undefined
  const { missing, other } = wordsOf[language]
  const result = schema.safeParse(value, {
    error: (issue) => (issue.code === 'invalid_type' && issue.input === undefined ? missing : other(issue)),
  })
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

export function escapePointer(part: PropertyKey): string {
  return String(part).replace(/~/g, '~0').replace(/\//g, '~1')
}
