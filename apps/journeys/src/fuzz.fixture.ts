import { describeProblem, operations, problems, type JsonSchema, type Operation } from '@millrace/contracts'
import * as fc from 'fast-check'
import {
  bodyShape,
  curlOf,
  describedAs,
  fitting,
  hostile,
  inParallel,
  moneys,
  nounIn,
  oddHeaders,
  oddIds,
  oddQueries,
  optionsOf,
  pathOf,
  resolved,
  send,
  trickyNames,
  wellFormed,
  type Attack,
  type Known,
  type Reply,
} from './hostile.fixture.ts'

/** What is given wherever a secret is asked for: it may come back nowhere. */
export const plantedSecret = 'canary-Zx9-never-to-be-seen-again'

const isSecret = (name: string) => /password|secret|token/i.test(name)

/** What came of a fuzz. */
export interface Fuzzed {
  readonly requests: number
  readonly findings: readonly string[]
}

/**
 * Sends `runs` requests to each operation, made by chance from its declaration: mostly in order, with something in one place or another that does not
 * belong there. The same seed sends the same (but for ids of records that are made anew). A finding is made as small as it can be, and says how to
 * repeat it.
 */
export async function fuzz(
  url: string,
  token: (operation: Operation) => Promise<string>,
  known: Known,
  options: FuzzOptions,
): Promise<Fuzzed> {
  const { seed, runs, only = operations, halt } = options
  const findings: string[] = []
  let requests = 0
  await inParallel(only, async (operation) => {
    const authorization = await token(operation)
    const property = fc.asyncProperty(requestTo(operation, authorization, known), async (attack) => {
      halt?.throwIfAborted()
      requests += 1
      const faults = faultsOf(await send(url, attack))
      if (faults.length) throw new Error(faults.join('; '))
    })
    const outcome = await fc.check(property, { seed, numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false })
    halt?.throwIfAborted()
    if (!outcome.failed || !outcome.counterexample) return
    const reason = outcome.errorInstance instanceof Error ? outcome.errorInstance.message : ''
    findings.push(`${operation.id}, seed ${seed}: ${reason}\n    ${curlOf(outcome.counterexample[0])}`)
  })
  return { requests, findings }
}

interface FuzzOptions {
  readonly seed: number
  /** How many requests each operation gets. */
  readonly runs: number
  readonly only?: readonly Operation[]
  readonly halt?: AbortSignal
}

/** A request to an operation that is more or less in order. */
export function requestTo(operation: Operation, token: string, known: Known): fc.Arbitrary<Attack> {
  const good = wellFormed(operation, token, known)
  const shape = bodyShape(operation)
  const parameters = describedAs(operation).parameters.flatMap(({ name, schema, in: where }) =>
    name && schema ? [{ name, schema, where }] : [],
  )
  const seldom = <T>(usual: T, odd: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd })
  const path = fc
    .record(
      Object.fromEntries(
        parameters
          .filter(({ where }) => where === 'path')
          .map(({ name }) => [name, seldom<string | undefined>(undefined, fc.oneof(fc.constantFrom(...oddIds), encodedText))]),
      ),
    )
    .map((odd) =>
      pathOf(operation, known, Object.fromEntries(Object.entries(odd).filter((entry): entry is [string, string] => !!entry[1]))),
    )
  const needed = good.path.split('?')[1] ?? ''
  const asked = parameters.filter(({ where }) => where === 'query')
  const queries = fc
    .array(
      fc.oneof(
        ...asked.map(({ name, schema }) =>
          fc
            .oneof(fc.constantFrom(...oddQueries), encodedText, plausible(schema, known, name).map(asText))
            .map((value) => `${name}=${value}`),
        ),
        fc.tuple(fc.constantFrom('tenantId', ...trickyNames, 'a[b]', 'a[]', 'limit', 'cursor'), encodedText).map((pair) => pair.join('=')),
      ),
      { maxLength: 4 },
    )
    .map((parts) => [needed, ...parts].filter(Boolean).join('&'))
  const headers = fc
    .array(fc.oneof(fc.constantFrom(...oddHeaders), oddHeader), { maxLength: 2 })
    .map((all) => Object.assign({}, ...all) as object)
  const body = shape
    ? fc.oneof({ weight: 9, arbitrary: plausible(shape, known, '').map(json) }, { weight: 1, arbitrary: brokenJson })
    : fc.constant(good.body)
  return fc.record({ path, query: seldom(needed, queries), headers: seldom({}, headers), body }).map(({ path, query, headers, body }) => ({
    ...good,
    what: 'fuzz',
    path: query ? `${path}?${query}` : path,
    headers: { ...good.headers, ...(operation.method === 'GET' ? withoutWrites(headers) : headers) },
    body: operation.method === 'GET' ? undefined : body,
  }))
}

const withoutWrites = (headers: object) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'if-match' && name !== 'idempotency-key'))

const encodedText = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => encodeURIComponent(text.toWellFormed()))
const asText = (value: unknown) => encodeURIComponent((typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed())

/** Header names that other platforms trust. Ours must not. */
const oddHeader = fc
  .tuple(
    fc.constantFrom(
      'x-tenant-id',
      'tenantid',
      'millrace-tenant',
      'x-user-id',
      'x-forwarded-user',
      'x-http-method-override',
      'x-original-url',
      'accept',
    ),
    fc.string({ maxLength: 40 }).map((text) => text.replace(/[^\x21-\x7e]/g, '') || 'DELETE'),
  )
  .map(([name, value]) => ({ [name]: value }))

/** JSON text; of numbers and names that JSON.stringify would tidy up as well. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (inner === undefined ? null : inner)) ?? 'null'
}

const brokenJson = fc.oneof(
  fc.json({ maxDepth: 5 }),
  fc.json({ maxDepth: 3 }).map((text) => text.slice(0, -1)),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom('', 'null', '1e999', '{"a":1e999}', '[[[[[[', '{"__proto__":{"x":1}}', '{"a":1,"a":2}'),
)

const anything = fc.oneof(
  fc.anything({ maxDepth: 3, withNullPrototype: false }),
  fc.constantFrom<unknown>(null, true, 0, -0, '', [], {}, Number.MAX_SAFE_INTEGER + 2, -1e308, 5e-324, '\u0000', '\ud800', '\u202e'),
)

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    ...trickyNames,
    `Robert'); DROP TABLE lead; --`,
    '=cmd|/C calc!A0',
    '@SUM(1+1)',
    '../../etc/passwd',
    '%00',
    '${7*7}',
    '{{7*7}}',
    '<script>',
  ),
  fc.integer({ min: 1, max: 20_000 }).map((length) => 'x'.repeat(length)),
)

/** Something for a place of this shape: four times in five what the shape asks for. */
function plausible(shape: JsonSchema, known: Known, name: string, depth = 0): fc.Arbitrary<unknown> {
  if (isSecret(name))
    return fc.oneof(
      fc.constant(plantedSecret),
      fc.string({ maxLength: 250 }).map((more) => plantedSecret + more),
    )
  const wrong = [...hostile(resolved(shape), known)]
  return fc.oneof(
    { weight: 16, arbitrary: fitting_(shape, known, depth) },
    { weight: 2, arbitrary: fc.constantFrom(...wrong) },
    { weight: 1, arbitrary: depth > 2 ? fc.constant(null) : anything },
  )
}

function fitting_(shape: JsonSchema, known: Known, depth: number): fc.Arbitrary<unknown> {
  const schema = resolved(shape)
  const options = optionsOf(schema)
  if (options) return fc.oneof(...options.map((option) => fitting_(option, known, depth)))
  if (schema['const'] !== undefined) return fc.constant(schema['const'])
  if (schema['enum']) return fc.constantFrom(...(schema['enum'] as unknown[]))
  if (schema.properties?.['amount'] && schema.properties['currency'])
    return fc.oneof(
      fc
        .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.constantFrom('CNY', 'USD', 'JPY', 'KWD'))
        .map(([minor, currency]) => ({
          amount: `${minor / 100n}.${String(minor < 0n ? -minor : minor)
            .padStart(2, '0')
            .slice(-2)}`,
          currency,
        })),
      fc.constantFrom(...moneys),
      fc.constant({ amount: '10.00', currency: 'CNY' }),
    )
  if (schema.properties) {
    const required = new Set(schema.required)
    const model = Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, plausible(property, known, name, depth + 1)] as const),
    )
    const own = fc.record(model, { requiredKeys: [...required].filter((name) => name in model) })
    return fc.oneof(
      { weight: 15, arbitrary: own },
      { weight: 1, arbitrary: fc.tuple(own, extra).map(([value, more]) => ({ ...value, ...more })) },
    )
  }
  if (schema.type === 'array') {
    const item = plausible(schema.items ?? {}, known, '', depth + 1)
    return fc.array(item, { maxLength: 4 })
  }
  if (schema.type === 'object')
    return fc.dictionary(
      text.map((key) => key.slice(0, 80)),
      plausible((schema['additionalProperties'] ?? {}) as JsonSchema, known, '', depth + 1),
      { maxKeys: 3 },
    )
  if (schema.type === 'integer')
    return fc.oneof(fc.integer({ min: Number(schema['minimum'] ?? -10), max: Number(schema['maximum'] ?? 1e6) }), fc.maxSafeInteger())
  if (schema.type === 'number') return fc.double()
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'null') return fc.constant(null)
  const usual = fc.constant(null).map(() => fitting(schema, known))
  if (nounIn(schema)) return usual
  if (schema['format'] === 'date')
    return fc
      .date({ noInvalidDate: true, min: new Date('0000-01-01'), max: new Date('9999-12-31') })
      .map((date) => date.toISOString().slice(0, 10))
  if (schema['format'] === 'date-time')
    return fc.date({ noInvalidDate: true, min: new Date('0000-01-01'), max: new Date('9999-12-31') }).map((date) => date.toISOString())
  return fc.oneof(usual, usual, text)
}

const extra = fc.dictionary(
  fc.constantFrom('tenantId', 'ownerId', 'version', 'status', 'id', 'constructor', 'toString', 'unknown'),
  anything,
  { minKeys: 1, maxKeys: 2 },
)

/** What an answer must not be or hold. A 503 that asks to come again is none of our faults, as long as it says when. */
export function faultsOf({ status, type, text, ms, headers }: Reply): string[] {
  const faults: string[] = []
  const say = (fault: string) => faults.push(`${status} ${fault}: ${text.slice(0, 300)}`)
  if (ms > 15_000) say(`took ${Math.round(ms)} ms`)
  if (text.includes(plantedSecret)) say('says a secret')
  if (headers['x-content-type-options'] !== 'nosniff' || !headers['cache-control']) say('lacks the headers of safety')
  if (status < 400) return faults
  if (!type.startsWith('application/problem+json')) {
    say(`is ${type || 'nothing'}`)
    return faults
  }
  const problem = JSON.parse(text) as { code: string; errors?: { code: string; detail: string }[] }
  if (status >= 500 && !(problem.code === 'not_yet' && headers['retry-after'])) say('is our fault')
  if (!hasTexts(problem.code)) say('has no text')
  if (problem.code === 'request.invalid' && !problem.errors?.length) say('does not say what is wrong')
  for (const error of problem.errors ?? [])
    if (!error.code.startsWith('field.') && !hasTexts(error.code)) say(`has no text for ${error.code}`)
  if (tellsTooMuch(text)) say('tells too much')
  return faults
}

/** Whether a text has a stack, a statement or a path of the program in it. */
export function tellsTooMuch(text: string): boolean {
  return /\bat .{1,80}:\d+:\d+|node_modules|\bSELECT\b|\bINSERT\b|relation "|syntax for type|violates|\[object |undefined/.test(text)
}

function hasTexts(code: string): boolean {
  return (
    (problems.has(code) || problems.has(code.slice(code.lastIndexOf('.') + 1))) &&
    describeProblem(code, {}, 'en').detail !== describeProblem(code, {}, 'zh-CN').detail
  )
}

/** Fields that decide whose a record is, or how far it is, and those that its answers show. */
const decisive = [
  'id',
  'tenantId',
  'tenant_id',
  'ownerId',
  'owner_id',
  'version',
  'status',
  'journeyId',
  'createdAt',
  'createdBy',
  'roles',
  'active',
  'isDefault',
  'approvedBy',
  'total',
]

/** Mass assignment: each field that an operation does not take, sent along with a body that is in order. Each has to be refused as what it is. */
export async function massAssignment(url: string, token: (operation: Operation) => Promise<string>, known: Known): Promise<Fuzzed> {
  const findings: string[] = []
  let requests = 0
  await inParallel(operations, async (operation) => {
    const shape = bodyShape(operation)
    const authorization = await token(operation)
    const good = wellFormed(operation, authorization, known)
    const refusedAs = async (name: string, attack: Attack, pointer: RegExp) => {
      requests += 1
      const { status, text } = await send(url, attack)
      if (status === 400 && /"code":"request\.(invalid|malformed)"/.test(text) && pointer.test(text)) return
      findings.push(`${operation.id} with ${name}: ${status} ${text.slice(0, 300)}\n    ${curlOf(attack)}`)
    }
    for (const name of ['tenantId', 'tenant_id', 'role', '__proto__', 'constructor']) {
      const sign = good.path.includes('?') ? '&' : '?'
      await refusedAs(`?${name}`, { ...good, path: `${good.path}${sign}${name}=x` }, /"errors"/)
    }
    if (!shape) {
      if (operation.method === 'GET' || operation.accepts) return
      const headers = { ...good.headers, 'content-type': 'application/json' }
      await refusedAs('a body', { ...good, headers, body: '{"tenantId":"x"}' }, /"pointer":"\/tenantId"/)
      return
    }
    const declared = new Set([shape, ...(optionsOf(shape) ?? [])].flatMap((option) => Object.keys(resolved(option).properties ?? {})))
    const shown = Object.keys(answerShape(operation)?.properties ?? {})
    const value = JSON.parse(String(good.body)) as object
    for (const name of new Set([...decisive, ...shown, 'constructor', 'toString', 'hasOwnProperty']))
      if (!declared.has(name))
        await refusedAs(name, { ...good, body: JSON.stringify({ ...value, [name]: 'x' }) }, new RegExp(`"pointer":"/${name}"`))
    await refusedAs(
      '__proto__',
      { ...good, body: `{"__proto__":{"tenantId":"x"},${JSON.stringify(value).slice(1)}`.replace(',}', '}') },
      /./,
    )
  })
  return { requests, findings }
}

function answerShape(operation: Operation): JsonSchema | undefined {
  const content = describedAs(operation).responses?.[String(operation.status)]?.content?.['application/json']?.schema
  return content && resolved(content)
}
