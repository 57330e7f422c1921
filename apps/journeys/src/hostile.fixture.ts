import { request, Agent, type IncomingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { mediaTypes, openApiDocument, operations, type JsonSchema, type Operation } from '@millrace/contracts'
import { newId } from '@millrace/domain'

/** A request that nobody should send. */
export interface Attack {
  readonly what: string
  readonly method: string
  /** Sent as it stands, with escapes that a browser would have tidied. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer | undefined
}

/** What came back. */
export interface Reply {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly ms: number
  readonly headers: IncomingHttpHeaders
}

/** Ids of records that exist, by noun. */
export type Known = ReadonlyMap<string, string>

const agent = new Agent({ keepAlive: true, maxSockets: 16 })

/** Sends it as it stands. Told that the service cannot answer now, it does what it is told, a few times: come again. */
export async function send(url: string, attack: Attack): Promise<Reply> {
  for (let tries = 5; ; tries -= 1) {
    const reply = await sendOnce(url, attack)
    if (!tries || reply.status !== 503 || !reply.headers['retry-after'] || !reply.text.includes('"code":"service.unavailable"'))
      return reply
    await delay(Number(reply.headers['retry-after']) * 1_000)
  }
}

function sendOnce(url: string, { method, path, headers, body }: Attack): Promise<Reply> {
  const { hostname, port } = new URL(url)
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        hostname,
        port,
        method,
        path,
        headers: { ...headers, ...(body !== undefined && !headers['transfer-encoding'] && { 'content-length': Buffer.byteLength(body) }) },
        agent,
      },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () =>
          resolve({
            status: answer.statusCode!,
            type: answer.headers['content-type'] ?? '',
            text: Buffer.concat(parts).toString(),
            ms: performance.now() - started,
            headers: answer.headers,
          }),
        )
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Does some work for each, several at a time. */
export async function inParallel<T>(list: Iterable<T>, work: (one: T) => Promise<unknown>, workers = 8): Promise<void> {
  const queue = list[Symbol.iterator]()
  const worker = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: workers }, worker))
}

/** A line for a shell that sends the request again: `URL` and `TOKEN` are to be set. No secret is in it. */
export function curlOf({ method, path, headers, body }: Attack): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  const given = Object.entries(headers).map(([name, value]) =>
    name === 'authorization' ? '-H "authorization: Bearer $TOKEN"' : `-H ${quoted(`${name}: ${value.slice(0, 300)}`)}`,
  )
  const sent = body === undefined ? [] : [`--data-binary ${quoted(body.toString().slice(0, 2_000))}`]
  return ['curl -si --path-as-is', `-X ${method}`, ...given, ...sent, `"$URL"${quoted(path.slice(0, 2_000))}`].join(' ')
}

interface Described {
  readonly parameters: readonly {
    readonly name?: string
    readonly in?: string
    readonly required?: boolean
    readonly schema?: JsonSchema
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }>>
}

const document = openApiDocument('http://127.0.0.1') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

export function describedAs({ path, method }: Operation): Described {
  return document.paths[path]![method.toLowerCase()]!
}

export function resolved(schema: JsonSchema): JsonSchema {
  return schema.$ref ? resolved(document.components.schemas[schema.$ref.slice('#/components/schemas/'.length)]!) : schema
}

/** The shapes that a shape is one of. */
export function optionsOf(schema: JsonSchema): readonly JsonSchema[] | undefined {
  return schema.anyOf ?? (schema['oneOf'] as JsonSchema[] | undefined)
}

const samples = [
  'x',
  'CN',
  'CNY',
  'VS',
  '12.5',
  '1234.50',
  'abcdefghijkl',
  'name@example.com',
  'https://example.com',
  '+8613800138000',
  '2026-11-21',
]

/** A value that fits a shape, with ids of records that exist where it asks for some. */
export function fitting(shape: JsonSchema, known: Known): unknown {
  const schema = resolved(shape)
  if (schema['const'] !== undefined) return schema['const']
  if (schema['enum']) return (schema['enum'] as unknown[])[0]
  if (schema['examples']) return (schema['examples'] as unknown[])[0]
  const options = optionsOf(schema)
  if (options) return fitting(options[0]!, known)
  if (schema.properties)
    return Object.fromEntries((schema.required ?? []).map((name) => [name, fitting(schema.properties![name] ?? {}, known)]))
  if (schema.type === 'array') return [fitting(schema.items ?? {}, known)]
  if (schema.type === 'object') return {}
  if (schema.type === 'integer' || schema.type === 'number') return Math.max(1, Number(schema['minimum'] ?? 1))
  if (schema.type === 'boolean') return true
  if (schema.type === 'null') return null
  const noun = nounIn(schema)
  if (noun) return known.get(noun) ?? newId(noun)
  if (schema['format'] === 'date') return '2026-11-21'
  if (schema['format'] === 'date-time') return '2026-11-21T08:00:00.000Z'
  if (schema['format'] === 'email') return `${newId('user')}@example.com`
  const fits = new RegExp(String(schema['pattern'] ?? ''), 'u')
  return samples.find((text) => fits.test(text) && text.length >= Number(schema['minLength'] ?? 0)) ?? 'x'
}

export function nounIn(schema: JsonSchema): string | undefined {
  return /^\^([a-z_]+)_\[0-7\]/.exec(String(schema['pattern'] ?? ''))?.[1]
}

interface Place {
  readonly path: string
  readonly schema: JsonSchema
  /** A whole body in which everything fits but for this place. */
  body(value: unknown): unknown
}

function* places(shape: JsonSchema, known: Known, depth = 0): Generator<Place> {
  const schema = resolved(shape)
  yield { path: '', schema, body: (value) => value }
  if (depth > 6) return
  for (const option of (schema.anyOf ?? [schema]).map(resolved)) {
    for (const [name, property] of Object.entries(option.properties ?? {}))
      for (const inner of places(property, known, depth + 1))
        yield {
          path: `/${name}${inner.path}`,
          schema: inner.schema,
          body: (value) => ({ ...(fitting(option, known) as object), [name]: inner.body(value) }),
        }
    if (option.items)
      for (const inner of places(option.items, known, depth + 1))
        yield { ...inner, path: `/0${inner.path}`, body: (value) => [inner.body(value)] }
    const values = option['additionalProperties']
    if (typeof values === 'object' && values !== null)
      for (const inner of places(values as JsonSchema, known, depth + 1))
        yield { ...inner, path: `/key${inner.path}`, body: (value) => ({ key: inner.body(value) }) }
  }
}

const sql = `Robert'); DROP TABLE lead; --`
const formula = '=HYPERLINK("http://example.com","x")'
export const trickyNames = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
const proto = (value: unknown) => JSON.parse(`{"__proto__":${JSON.stringify(value)}}`) as unknown
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

export const moneys = [
  ['-1.00', 'CNY'],
  ['10.005', 'CNY'],
  ['0.5', 'JPY'],
  ['1.0005', 'KWD'],
  ['1.00', 'USD'],
  ['0.00', 'CNY'],
  ['92233720368547758.07', 'CNY'],
  ['92233720368547758.08', 'CNY'],
  ['99999999999999999999999999', 'CNY'],
  ['1e5', 'CNY'],
  ['NaN', 'CNY'],
  ['Infinity', 'CNY'],
  ['１２３', 'CNY'],
  ['1,000.00', 'CNY'],
  [' 1.00', 'CNY'],
  ['1.00', 'XXX'],
  ['1.00', 'cny'],
  ['1.00', 'CN\u0000'],
  ['1.00', '__p'],
].map(([amount, currency]) => ({ amount, currency }))

/** What does not belong where a shape like this is expected, and what just does. */
export function hostile(shape: JsonSchema, known: Known): unknown[] {
  const options = (shape.anyOf ?? [shape]).map(resolved)
  const values: unknown[] = [null, [], {}, '', 0, true, [[[]]]]
  for (const schema of options) {
    const noun = nounIn(schema)
    if (schema.properties?.['amount'] && schema.properties['currency']) values.push(...moneys, { amount: 1.5, currency: 'CNY' })
    else if (schema.properties) values.push(proto({}), { ...(fitting(schema, known) as object), unknown: 1 })
    else if (schema.type === 'object') {
      const inner = fitting((schema['additionalProperties'] ?? {}) as JsonSchema, known)
      values.push(
        proto(inner),
        { constructor: inner },
        { toString: inner },
        { '': inner },
        { ['x'.repeat(300)]: inner },
        { 'a\u0000': inner },
      )
      values.push(Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, inner])))
    } else if (schema.type === 'array') {
      const inner = fitting(schema.items ?? {}, known)
      values.push(
        [null],
        [inner, inner],
        Array.from({ length: 1_001 }, () => inner),
      )
    } else if (schema.type === 'integer' || schema.type === 'number')
      values.push(
        -1,
        0.5,
        1e308,
        -1e308,
        2 ** 31,
        2 ** 53,
        5e-324,
        'NaN',
        '1',
        Number(schema['maximum'] ?? 0) + 1,
        Number(schema['minimum'] ?? 0) - 1,
      )
    else if (schema['enum']) values.push('__proto__', 'constructor', 'TOSTRING', 'toString', ' ')
    else if (noun)
      values.push(
        newId(noun),
        `${noun}_`,
        `${fitting(schema, known) as string}\n`,
        `${noun}_zzzzzzzzzzzzzzzzzzzzzzzzzz`,
        newId('nothing'),
        '../..',
      )
    else if (schema['format'] === 'date' || schema['format'] === 'date-time')
      values.push(
        ...['2026-02-30', '2026-13-01', '0000-01-01', '0001-01-01', '9999-12-31', '10000-01-01', '+275760-09-13', '2026-11-21T00:00:00'],
        ...[
          '2026-02-30T00:00:00Z',
          '0000-01-01T00:00:00Z',
          '0001-01-01T00:00:00+14:00',
          '9999-12-31T23:59:59-14:00',
          '2026-11-21T24:00:01Z',
        ],
      )
    else if (schema.type === 'string') {
      values.push(
        'a\u0000b',
        '\ud800',
        'a\udfffb',
        '\u202egnp.exe',
        '👩‍👩‍👧‍👦'.repeat(5),
        '\u200b',
        'ﷺ',
        sql,
        formula,
        '%s%n{0}${7*7}',
        ...trickyNames,
      )
      values.push('x'.repeat(Number(schema['maxLength'] ?? 10_000) + 1), 'é'.repeat(Number(schema['maxLength'] ?? 10_000)))
      values.push('-1', '1e5', '0', '101', '999999999999999.999999999999', '1/0', '99999999999999999999')
    }
  }
  return values
}

const bodies: readonly (readonly [string, string | Buffer | undefined, string?])[] = [
  ['no body', undefined],
  ['an empty body', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['an empty object', '{}'],
  ['a text', '"x"'],
  ['a number', '1e400'],
  ['half a body', '{"name":'],
  ['not JSON', "{name:'x'}"],
  ['NaN', '{"name":NaN}'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['a cut character', Buffer.from('{"name":"中"}').subarray(0, 10)],
  ['a byte order mark', '\ufeff{}'],
  ['a NUL', '\u0000'],
  ['10,000 lists in each other', deep(10_000)],
  ['10,000 objects in each other', '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)],
  ['a deep unknown field', `{"unknown":${deep(10_000)}}`],
  ['__proto__', '{"__proto__":{"roles":["administrator"]}}'],
  ['constructor', '{"constructor":{"prototype":{"x":1}}}'],
  ['unknown fields', '{"unknown":1,"tenantId":"tenant_x","id":"x"}'],
  ['two megabytes', `{"unknown":"${'x'.repeat(2_000_000)}"}`],
  ['text/plain', 'x', 'text/plain'],
  ['no content type', '{}', ''],
  ['an odd content type', '{}', 'application/json; charset=utf-16'],
  ['a broken content type', '{}', ';;/json'],
  ['a form', 'a=b', 'application/x-www-form-urlencoded'],
  ['multipart without boundary', '--x', 'multipart/form-data'],
  ['CSV', 'a,b\n1,2', 'text/csv'],
  ['bytes', Buffer.from([0, 1, 2]), 'application/octet-stream'],
]

export const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  { 'if-match': 'x' },
  { 'if-match': '"99999999999999999999"' },
  { 'if-match': '"0"' },
  { 'if-match': '"-1", "2"' },
  { 'if-match': `"${'9'.repeat(4_000)}"` },
  { 'idempotency-key': '' },
  { 'idempotency-key': 'x'.repeat(129) },
  { 'idempotency-key': 'two words' },
  { 'idempotency-key': 'é' },
  { 'idempotency-key': `'; DROP TABLE idempotency; --`.replaceAll(' ', '') },
  { prefer: 'wait=99999999999' },
  { prefer: 'wait=-1; ;;=' },
  { 'millrace-causality': 'x' },
  { 'millrace-causality': ',' },
  { 'millrace-causality': Array.from({ length: 41 }, () => `lead.captured/${newId('event')}`).join() },
  { 'accept-language': 'zh-CN;q=banana, *;q=-1' },
  { 'accept-language': ',;'.repeat(1_000) },
  { traceparent: '00-zz-zz-01' },
  { 'x-forwarded-for': `'"><script>` },
  { 'content-encoding': 'gzip' },
  { accept: 'image/png' },
]

/** Authorization headers that prove nothing. */
export function forgedTokens(genuine: string): Record<string, string> {
  const [head, payload, signature] = genuine.split('.') as [string, string, string]
  const part = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  return {
    empty: 'Bearer ',
    'of another scheme': 'Basic eDp5',
    garbage: 'Bearer x',
    'of garbage parts': 'Bearer a.b.c',
    'of nothing': 'Bearer ..',
    'with a payload that is no JSON': `Bearer ${head}.${part('{"iss"')}.${signature}`,
    'with a payload of null': `Bearer ${head}.${part('null')}.${signature}`,
    'with a payload of bytes': `Bearer ${head}.${Buffer.from([0xff, 0, 0xfe]).toString('base64url')}.${signature}`,
    'without a payload': `Bearer ${head}..${signature}`,
    'that is unsigned': `Bearer ${part({ alg: 'none' })}.${payload}.`,
    'signed with the public key': `Bearer ${part({ alg: 'HS256', typ: 'JWT' })}.${payload}.${signature}`,
    'of an unknown key': `Bearer ${part({ alg: 'ES256', kid: '../../x' })}.${payload}.${signature}`,
    'with other claims': `Bearer ${head}.${part({ ...claims, tenant: '*' })}.${signature}`,
    'of an issuer named __proto__': `Bearer ${head}.${part({ ...claims, iss: '__proto__' })}.${signature}`,
    'of an issuer that is a list': `Bearer ${head}.${part({ ...claims, iss: [claims['iss']] })}.${signature}`,
    'with a cut signature': `Bearer ${head}.${payload}.${signature.slice(0, 10)}`,
    'of 10,000 letters': `Bearer ${'x'.repeat(10_000)}`,
  }
}

export const oddIds = [
  ...[
    '%00',
    '%2e%2e',
    '%2e%2e%2f%2e%2e%2fetc',
    '..',
    '%',
    '%zz',
    '%ff',
    '%f0%9f%92%a9',
    '%27%20OR%201=1--',
    '%0d%0aset-cookie:x',
    ';',
    'x'.repeat(300),
  ],
  ...[
    '__proto__',
    'constructor',
    '-1',
    '1e9',
    '99999999999999999999',
    'null',
    'me',
    '%20',
    newId('nothing'),
    `constructor_import_${newId('x').slice(2)}`,
  ],
]

export const oddQueries = [
  ...[
    '',
    '1e9',
    '-1',
    '%00',
    '%ff',
    '%F0%9F%92%A9',
    '__proto__',
    '2026-02-30',
    '0000-01-01',
    '2026-01-01T00:00:00%2B23:59',
    '9'.repeat(20),
  ],
  encodeURIComponent(sql + 'x'.repeat(3_000)),
]

export function pathOf({ path }: Operation, known: Known, replaced: Readonly<Record<string, string>> = {}): string {
  const shapes = new Map(
    describedAs(operations.find((operation) => operation.path === path)!).parameters.map(({ name, schema }) => [name, schema]),
  )
  return path.replace(
    /\{(\w+)\}/g,
    (_, name: string) => replaced[name] ?? encodeURIComponent(String(idFor(path, shapes.get(name)!, known))),
  )
}

/** `readAudit` takes any noun's id, imports and parked events those of their service. */
function idFor(path: string, schema: JsonSchema, known: Known): unknown {
  if (path.startsWith('/v1/import-mappings')) return known.get('lead_import_mapping') ?? newId('lead_import_mapping')
  if (path.startsWith('/v1/custom-fields')) return known.get('lead_custom_field') ?? newId('lead_custom_field')
  if (path.startsWith('/v1/imports')) return known.get('lead_import') ?? newId('lead_import')
  if (path.startsWith('/v1/parked-events')) return known.get('parked') ?? newId('lead_parked')
  if (path.startsWith('/v1/audit/')) return known.get('lead')
  if (path.startsWith('/v1/public-forms')) return known.get('form key') ?? 'x'.repeat(24)
  if (path.startsWith('/v1/public-surveys')) return known.get('survey token') ?? 'x'.repeat(32)
  return fitting(schema, known)
}

function queryOf(operation: Operation, known: Known): string {
  const needed = describedAs(operation).parameters.filter((parameter) => parameter.in === 'query' && parameter.required)
  const text = needed.map(
    ({ name, schema }) =>
      `${name}=${encodeURIComponent(String(name === 'service' ? 'lead' : name === 'kind' ? 'leads' : fitting(schema!, known)))}`,
  )
  return text.length ? `?${text.join('&')}` : ''
}

export const bodyShape = (operation: Operation): JsonSchema | undefined =>
  describedAs(operation).requestBody?.content['application/json']?.schema

/** A request that is in order, as far as the declaration of the operation tells. */
export function wellFormed(operation: Operation, token: string, known: Known, replaced?: Readonly<Record<string, string>>): Attack {
  const shape = bodyShape(operation)
  return {
    what: 'nothing',
    method: operation.method,
    path: pathOf(operation, known, replaced) + queryOf(operation, known),
    headers: {
      authorization: `Bearer ${token}`,
      ...(operation.method !== 'GET' && { 'if-match': '*' }),
      ...(shape && { 'content-type': 'application/json' }),
      ...(operation.accepts && { 'content-type': mediaTypes(operation.accepts)[0]! }),
    },
    body: shape ? JSON.stringify(fitting(shape, known)) : undefined,
  }
}

/** Every attack on an operation, made from its declaration. */
export function* attacksOn(operation: Operation, token: string, known: Known): Generator<Attack> {
  const good = wellFormed(operation, token, known)
  const shape = bodyShape(operation)
  yield good
  const [path, query = ''] = good.path.split('?') as [string, string?]
  for (const parameter of describedAs(operation).parameters) {
    const { name, schema } = parameter
    if (!name || !schema) continue
    if (parameter.in === 'path')
      for (const value of oddIds)
        yield { ...good, what: `{${name}}=${value}`, path: pathOf(operation, known, { [name]: value }) + (query && `?${query}`) }
    // One comparison stands for its three sisters.
    if (parameter.in === 'query' && !/\.(gt|lte|lt)$/.test(name)) {
      const others = query.split('&').filter((part) => part && !part.startsWith(`${name}=`))
      const fit = encodeURIComponent(String(fitting(resolved(schema).items ?? schema, known)))
      const ask = (...parts: string[]) => ({
        ...good,
        what: `?${parts.join('&').slice(0, 60)}`,
        path: `${path}?${[...others, ...parts].join('&')}`,
      })
      for (const value of oddQueries) yield ask(`${name}=${value}`)
      yield ask(`${name}=${fit}`, `${name}=${fit}`)
      yield ask(`${name}[]=${fit}`)
      yield ask(`${name}[a]=${fit}`)
    }
  }
  for (const part of [
    'unknown=1',
    '__proto__=1',
    'constructor[prototype]=1',
    '=',
    '&&&',
    '%',
    '?',
    Array.from({ length: 2_000 }, (_, n) => `a${n}=1`).join('&'),
  ])
    yield { ...good, what: `?${part.slice(0, 60)}`, path: `${path}?${[query, part].filter(Boolean).join('&')}` }
  if (operation.list)
    for (const content of [
      '{}',
      '["-id",null,null]',
      '["-id","x","\\u0000"]',
      '["-createdAt","x","y"]',
      '["createdAt","infinity","x"]',
      '["-amount","1e400","x"]',
      '[[',
    ])
      for (const sort of ['-id', ...operation.list.sorts.slice(0, 2)])
        yield {
          ...good,
          what: `cursor of ${content} sorted by ${sort}`,
          path: `${path}?sort=${sort}&cursor=${Buffer.from(content.replace(/^\["[^"]*"/, `["${sort}"`)).toString('base64url')}`,
        }
  for (const headers of oddHeaders) {
    if (operation.method === 'GET' && ('if-match' in headers || 'idempotency-key' in headers)) continue
    yield { ...good, what: JSON.stringify(headers).slice(0, 80), headers: { ...good.headers, ...headers } }
  }
  // All of them where it costs least: tokens are verified in one place.
  for (const [what, authorization] of Object.entries(forgedTokens(token)).slice(0, operation.list ? undefined : 3))
    yield { ...good, what: `a token ${what}`, headers: { ...good.headers, authorization } }
  if (operation.method === 'GET') return
  for (const [what, body, type] of bodies) {
    const { 'content-type': _, ...headers } = good.headers
    yield {
      ...good,
      what,
      headers: { ...headers, ...(type !== '' && { 'content-type': type ?? 'application/json' }), 'idempotency-key': newId('key') },
      body,
    }
  }
  if (!shape) return
  for (const place of places(shape, known))
    for (const value of hostile(place.schema, known))
      yield {
        ...good,
        what: `${place.path || 'the body'} = ${JSON.stringify(value).slice(0, 60)}`,
        body: JSON.stringify(place.body(value)),
      }
}

/** The same requests with the id of a record of somebody else in each place of the body that takes one, and with the id of none. */
export function* referencesIn(
  operation: Operation,
  token: string,
  known: Known,
  foreign: Known,
): Generator<readonly [what: string, foreign: Attack, missing: Attack]> {
  const shape = bodyShape(operation)
  if (!shape) return
  const good = wellFormed(operation, token, known)
  for (const place of places(shape, known)) {
    const noun = nounIn(place.schema)
    const other = noun && foreign.get(noun)
    if (other)
      yield [
        `${place.path} of ${operation.id}`,
        { ...good, body: JSON.stringify(place.body(other)) },
        { ...good, body: JSON.stringify(place.body(newId(noun))) },
      ]
  }
}

/** What is no CSV file, or hardly one; `column` is one that the kind has. */
export function brokenFiles(column: string): Record<string, string | Buffer | undefined> {
  return {
    'no file': undefined,
    'an empty file': '',
    'a byte order mark': '\ufeff',
    'line ends only': '\r\n\n\n',
    'a header only': `${column}\n`,
    'no header': 'x\ny\nz\n',
    'an open quote': `${column},note\n"x,y\nz,z\n`,
    'a quote inside': `${column}\nx"y"z\n`,
    'text after a quote': `${column}\n"x"y\n`,
    'a header with an open quote': `"${column}\nx\n`,
    'bytes that are no UTF-8': Buffer.concat([Buffer.from(`${column}\n`), Buffer.from([0xff, 0xfe, 0x0a])]),
    'a cut character': Buffer.from(`${column}\n中`).subarray(0, -1),
    'UTF-16': Buffer.from(`${column}\nx\n`, 'utf16le'),
    'a NUL': `${column}\na\u0000b\n`,
    '2,000 columns': `${[column, ...Array.from({ length: 2_000 }, (_, n) => `c${n}`)].join()}\n${'x,'.repeat(2_000)}\n`,
    'rows of other lengths': `${column},b\nx\nx,y,z,z,z\n`,
    'two columns of one name': `${column},${column}\nx,y\n`,
    'columns that objects have': `${column},__proto__,constructor,toString,\nx,a,b,c,d\n`,
    'a cell of 5 MB': `${column}\n${'x'.repeat(5_000_000)}\n`,
    semicolons: `${column};b\nx;y\n`,
    'old line ends': `${column}\rx\r`,
    'an Excel file that is cut off': Buffer.from('504b0304140006000800000021', 'hex'),
    'an empty archive': Buffer.concat([Buffer.from('504b0506', 'hex'), Buffer.alloc(18)]),
    'an old Excel file': Buffer.from('d0cf11e0a1b11ae1', 'hex'),
    'two bytes': 'PK',
    GB18030: Buffer.concat([Buffer.from(`${column}\n`), Buffer.from('b9abcbbe0a', 'hex')]),
  }
}

/** Mappings that fit no file. */
export const brokenMappings: readonly string[] = [
  '',
  'x',
  'null',
  '[]',
  '{"columns":[]}',
  '{"columns":{"nothing":"x"}}',
  '{"columns":{"__proto__":"x"}}',
  '{"values":{"constructor":{"a":"b"}}}',
  '{"defaults":{"toString":"x"}}',
  '{"__proto__":{"columns":{}}}',
  '{"unknown":1}',
  `{"values":{"x":{"a\\u0000":"b"}}}`,
  `{"columns":{"x":"a\\ud800"}}`,
  deep(7_000),
  `{"columns":{"x":"${'y'.repeat(16_000)}"}}`,
]

const plausible: Record<string, (n: number) => string> = {
  email: (n) => `row${n}@example.com`,
  currency: () => 'CNY',
  roles: () => 'sales_rep',
  country: () => 'CN',
  phone: () => '+8613800138000',
}

/** A file in which each row has one cell that it should not have. */
export function hostileFile(columns: readonly string[]): string {
  const cells = [
    ...[
      '\u0001',
      '\u202egnp',
      '\u200b',
      '👩‍👩‍👧‍👦',
      sql,
      formula,
      '@SUM(1)',
      '-1',
      '1e308',
      'NaN',
      'Infinity',
      '99999999999999999999',
      '10.005',
      '92233720368547758.08',
    ],
    ...[
      '2026-02-30',
      '0000-01-01',
      '0001-01-01',
      '99999-01-01',
      '+275760-09-13',
      '-000001-01-01',
      'now',
      '1',
      'true',
      'null',
      'x'.repeat(6_000),
      'a\nb',
      ...trickyNames,
    ],
  ]
  const rows = columns.flatMap((column) => cells.map((cell) => ({ column, cell })))
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
  const usual = (name: string, n: number) =>
    plausible[name]?.(n) ??
    (/^(name|title|companyName|code|externalId)$/.test(name) ? `${name} ${n}` : /price|amount/i.test(name) ? '1.00' : '')
  return [columns, ...rows.map(({ column, cell }, n) => columns.map((name) => (name === column ? cell : usual(name, n))))]
    .map((row) => row.map(quoted).join())
    .join('\n')
}

/** Requests to the sign-in, whose paths and answers OAuth prescribes. */
export function* attacksOnSignIn(token: string): Generator<Attack> {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const fields = [
    '',
    '&&&',
    'grant_type=x',
    'grant_type=client_credentials',
    'grant_type=client_credentials&grant_type=password',
    'grant_type[]=x',
    '%',
    '__proto__=1',
  ]
  fields.push(
    'grant_type=client_credentials&client_id=%00&client_secret=%00',
    'grant_type=client_credentials&client_id=__proto__&client_secret=x',
  )
  fields.push(
    'grant_type=authorization_code&code=%00&client_id=millrace-console&redirect_uri=x&code_verifier=x',
    'grant_type=refresh_token&client_id=millrace-console&refresh_token=x',
  )
  fields.push(`grant_type=client_credentials&client_id=${'x'.repeat(10_000)}&client_secret=x`, 'token=%00', `token=${token}`)
  for (const path of [
    '/oauth/token',
    '/oauth/revoke',
    '/oauth/introspect',
    '/oauth/userinfo',
    '/oauth/interaction/x',
    '/oauth/end-session/confirm',
  ]) {
    for (const body of fields) yield { what: body, method: 'POST', path, headers: form, body }
    for (const authorization of [
      'Basic',
      'Basic %%%',
      `Basic ${Buffer.from('a\u0000b:c').toString('base64')}`,
      `Basic ${Buffer.from('x').toString('base64')}`,
    ])
      yield { what: authorization, method: 'POST', path, headers: { ...form, authorization }, body: 'grant_type=client_credentials' }
    for (const [what, body, type] of bodies)
      yield { what, method: 'POST', path, headers: { ...(type !== '' && { 'content-type': type ?? 'application/json' }) }, body }
  }
  for (const authorization of Object.values(forgedTokens(token)))
    yield { what: authorization.slice(0, 40), method: 'GET', path: '/oauth/userinfo', headers: { authorization } }
  const queries = [
    '',
    'client_id=x',
    'client_id=%00',
    'client_id[]=x',
    'client_id=millrace-console',
    'client_id=millrace-console&client_id=x',
    'request=x',
    '__proto__=1',
  ]
  queries.push(
    'client_id=millrace-console&redirect_uri=javascript:alert(1)&response_type=code',
    `client_id=millrace-console&ui_locales=${'x,'.repeat(2_000)}`,
  )
  queries.push(
    'client_id=millrace-console&redirect_uri=http://127.0.0.1/callback&response_type=code&scope=openid&code_challenge=%00&code_challenge_method=S256',
  )
  for (const path of ['/oauth/authorize', '/oauth/end-session'])
    for (const query of queries) yield { what: query, method: 'GET', path: `${path}?${query}`, headers: { accept: 'text/html' } }
  for (const id of oddIds)
    for (const path of [
      `/oauth/authorize/${id}`,
      `/oauth/interaction/${id}`,
      `/oauth/${id}`,
      `/.well-known/${id}`,
      `/v1/${id}`,
      `/v1/problems/${id}`,
      `/${id}`,
    ])
      yield { what: path, method: 'GET', path, headers: { cookie: `_interaction=${id}; _session=${id}` } }
}

/** `POST /v1/imports` of a kind. */
export function importing(token: string, kind: string, file: string | Buffer | undefined, mapping?: string): Attack {
  const query = new URLSearchParams({ kind, ...(mapping !== undefined && { mapping }) })
  return {
    what: `an import of ${kind}`,
    method: 'POST',
    path: `/v1/imports?${query.toString()}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
    body: file,
  }
}
