import { z } from 'zod'
import type { Permission } from '../access.js'
import { listExport } from '../export.operations.js'
import { fileFormats, mediaTypes, operations, type Operation } from '../operation.js'
import { services } from '../services.js'
import { Schemas, type JsonSchema } from './json-schema.js'

/** Version of the HTTP API and of the events: the version of the release. */
export const apiVersion = '0.1.0'

/** OpenAPI 3.1 of everything that the platform serves, made from the declared operations. `publicUrl`: the address that users know. */
export function openApiDocument(publicUrl: string): object {
  const url = publicUrl.replace(/\/+$/, '')
  const schemas = new Schemas('#/components/schemas/')
  const problem = schemas.of(Problem)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of [...operations].sort(byPath))
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = describe(operation, schemas)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace API',
      version: apiVersion,
      summary: 'Lead to cash, over HTTP.',
      description: conventions,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    security: [{ millrace: [] }],
    tags: tags(),
    paths,
    components: {
      schemas: schemas.named,
      parameters: requestHeaders,
      headers: responseHeaders,
      responses: Object.fromEntries(
        Object.entries(refusals).map(([name, { description, headers = [] }]) => [
          name,
          {
            description,
            headers: headersOf([...headers, 'ContentLanguage']),
            content: { 'application/problem+json': { schema: problem } },
          },
        ]),
      ),
      securitySchemes: {
        millrace: {
          type: 'oauth2',
          description:
            'People sign in with code and PKCE, programs with client credentials. What a token may do follows from its roles, not from scopes.',
          flows: {
            authorizationCode: { authorizationUrl: `${url}/oauth/authorize`, tokenUrl: `${url}/oauth/token`, scopes: {} },
            clientCredentials: { tokenUrl: `${url}/oauth/token`, scopes: {} },
          },
        },
      },
    },
  }
}

const conventions = `One API for the whole platform; each tag is a service behind it.

- **Money** is \`{ "amount": "1234.50", "currency": "CNY" }\`, exact decimal text. Instants are UTC, days are \`2026-11-21\`.
- **Lists** answer \`{ "data": […], "next": "<cursor>" | null }\`. A filter that is repeated means any of its values.
- **Changes** name the version they change: send the \`ETag\` last read as \`If-Match\`.
- **Repeats** are safe with an \`Idempotency-Key\`: the same key gives the same answer.
- **Own writes** are seen everywhere by who sends back the last \`Millrace-Causality\` received.
- **Refusals** are \`application/problem+json\` with a stable \`code\`, in English or Chinese (\`Accept-Language\`); \`/v1/problems\` lists them.
- **Access**: each operation names its permission, and how far it reaches by role (\`own\`, \`team\`, \`subtree\`, \`company\`). A record out of reach is not found.`

/** What everybody gets instead of an answer (RFC 9457). */
const Problem = z
  .looseObject({
    type: z.string().meta({ format: 'uri-reference', examples: ['/v1/problems/lead.not_qualified'] }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().meta({ description: 'what happened, and what to do' }),
    code: z.string().meta({ description: 'stable: programs decide by it', examples: ['lead.not_qualified'] }),
    errors: z
      .array(
        z.looseObject({
          pointer: z.string().meta({ description: 'JSON pointer into the body, `?name` in the query or `{name}` in the path' }),
          code: z.string(),
          detail: z.string(),
        }),
      )
      .optional()
      .meta({ description: 'each field that is wrong' }),
    traceId: z.string().optional().meta({ description: 'to be named when asking for help' }),
  })
  .meta({ id: 'Problem', description: 'Why the platform refused, or could not answer. Details of the code are further properties.' })

const text = { type: 'string' } as const
const version = { ...text, pattern: '^(W/)?"\\d{1,9}"$', examples: ['"3"'] }
const traceparent = { ...text, pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' }
const causality = { ...text, examples: ['lead.converted/event_01k9zq3v6he0a8r7n2m4x5c1bd'] }

const requestHeaders = {
  AcceptLanguage: header('Accept-Language', { ...text, examples: ['zh-CN'] }, 'Language of problems: English unless Chinese comes first.'),
  Causality: header(
    'Millrace-Causality',
    causality,
    'The last one received, unchanged: the answer then includes the effects of that write.',
  ),
  Prefer: header(
    'Prefer',
    { ...text, pattern: 'wait=\\d{1,3}', examples: ['wait=10'] },
    'Seconds to wait for those effects: 2 when not said, 30 at most.',
  ),
  Traceparent: header('traceparent', traceparent, 'The trace that this request is part of (W3C Trace Context).'),
  IdempotencyKey: header(
    'Idempotency-Key',
    { ...text, pattern: '^[!-~]{1,128}$' },
    'Chosen by the caller, new for each wish. The same key with the same request gives the same answer and does nothing twice.',
  ),
  IfMatch: header('If-Match', version, 'The `ETag` last read; another version is refused.'),
  IfMatchRequired: { ...header('If-Match', version, 'The `ETag` last read; another version is refused.'), required: true },
}

const responseHeaders = {
  Causality: { schema: causality, description: 'The events of this write, and those that the request carried.' },
  ContentLanguage: { schema: { ...text, enum: ['en', 'zh-CN'] }, description: 'Language of title and detail.' },
  ETag: { schema: version, description: 'The version of the record; `If-Match` of the next change.' },
  IdempotencyReplayed: {
    schema: { ...text, const: 'true' },
    description: 'There when the answer is that of an earlier request with the same key.',
  },
  Location: { schema: { ...text, format: 'uri-reference' }, description: 'Where the new record is.' },
  RateLimit: {
    schema: { ...text, examples: ['"default";r=999;t=1'] },
    description: 'Requests left (`r`), and seconds (`t`) until all are again.',
  },
  RateLimitPolicy: {
    schema: { ...text, examples: ['"default";q=1000;w=1'] },
    description: 'Requests (`q`) that one client may send in so many seconds (`w`).',
  },
  RetryAfter: { schema: { type: 'integer', minimum: 0 }, description: 'Seconds after which to try again.' },
  WwwAuthenticate: { schema: text, description: 'What is wrong with the token.' },
}
type HeaderName = keyof typeof responseHeaders

const wireNames: Record<HeaderName, string> = {
  Causality: 'Millrace-Causality',
  ContentLanguage: 'Content-Language',
  ETag: 'ETag',
  IdempotencyReplayed: 'Idempotency-Replayed',
  Location: 'Location',
  RateLimit: 'RateLimit',
  RateLimitPolicy: 'RateLimit-Policy',
  RetryAfter: 'Retry-After',
  WwwAuthenticate: 'WWW-Authenticate',
}

interface RefusalResponse {
  readonly status: number
  readonly description: string
  readonly headers?: readonly HeaderName[]
  /** Whether an operation can answer it. */
  readonly of: (operation: Operation) => boolean
}

const writes = ({ method }: Operation) => method !== 'GET'
const takesBody = ({ body, accepts }: Operation) => Boolean(body ?? accepts)
const namesRecord = ({ path }: Operation) => path.includes('{')

const refusals: Record<string, RefusalResponse> = {
  BadRequest: {
    status: 400,
    description: 'The request has not the shape that is described here; `errors` names each field.',
    of: () => true,
  },
  Unauthenticated: {
    status: 401,
    description: 'The access token is missing, expired or not one of ours.',
    headers: ['WwwAuthenticate'],
    of: ({ rule }) => rule !== 'public',
  },
  Forbidden: {
    status: 403,
    description: 'The caller does not hold the permission, or a rule of the business keeps it from this caller.',
    of: (operation) => typeof operation.rule === 'object' || writes(operation),
  },
  NotFound: { status: 404, description: 'There is no such record, or none that the caller may see.', of: ({ list }) => !list },
  Conflict: { status: 409, description: 'A rule of the business, or a unique value, stands against it.', of: writes },
  VersionStale: {
    status: 412,
    description: 'Somebody changed the record meanwhile: read it again.',
    of: (operation) => operation.ifMatch || (writes(operation) && namesRecord(operation)),
  },
  TooLarge: { status: 413, description: 'The body is too large.', of: takesBody },
  UnsupportedMediaType: { status: 415, description: 'The body has another content type than is described here.', of: takesBody },
  Unprocessable: {
    status: 422,
    description: 'The request makes no sense as it stands, or its Idempotency-Key was used for another one.',
    of: ({ method, query, list }) => method !== 'GET' || Boolean(query && !list),
  },
  VersionRequired: { status: 428, description: 'If-Match is missing.', of: ({ ifMatch }) => ifMatch },
  RateExceeded: {
    status: 429,
    description: 'Too many requests of this client.',
    headers: ['RateLimit', 'RateLimitPolicy', 'RetryAfter'],
    of: () => true,
  },
  HeadersTooLarge: { status: 431, description: 'The headers, or the address, are too large.', of: () => true },
  Unavailable: {
    status: 503,
    description: 'The service cannot answer now, or has not caught up with the write that Millrace-Causality names. Nothing was changed.',
    headers: ['RetryAfter'],
    of: () => true,
  },
}

function header(name: string, schema: object, description: string) {
  return { name, in: 'header', required: false, description, schema }
}

function headersOf(names: readonly HeaderName[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [wireNames[name], { $ref: `#/components/headers/${name}` }]))
}

function describe(operation: Operation, schemas: Schemas) {
  const { id: operationId, service, summary, rule, body, accepts } = operation
  return {
    operationId,
    summary: summary.replace(/\.$/, ''),
    description: accessOf(operation),
    tags: [service === 'each' || service === 'gateway' ? 'platform' : service],
    ...(rule === 'public' && { security: [] }),
    'x-millrace-permission': typeof rule === 'object' ? rule.name : rule,
    ...(typeof rule === 'object' && { 'x-millrace-grants': rule.grants }),
    parameters: [
      ...parametersOf('path', operation.params, schemas),
      ...parametersOf('query', operation.query, schemas),
      ...requestHeadersOf(operation).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ],
    ...(takesBody(operation) && {
      requestBody: {
        required: !body?.safeParse({}).success,
        content: contentOf(mediaTypes(accepts), body ? schemas.of(body) : text),
      },
    }),
    responses: {
      [operation.status]: answerOf(operation, schemas),
      ...Object.fromEntries(
        Object.entries(refusals)
          .filter(([, { of }]) => of(operation))
          .map(([name, { status }]) => [status, { $ref: `#/components/responses/${name}` }]),
      ),
    },
  }
}

function accessOf({ rule, list }: Operation): string {
  const access =
    rule === 'public'
      ? 'Open to everybody.'
      : rule === 'signed-in'
        ? 'For everybody who is signed in.'
        : `Needs the permission \`${rule.name}\`: ${grantsOf(rule)}.`
  if (!list) return access
  const custom = list.custom
    ? ` The company’s own fields filter as \`custom.<key>=…\`, by type also \`.contains\`, \`.gte\`, \`.gt\`, \`.lte\`, \`.lt\`, and sort as \`sort=custom.<key>\` (\`/v1/custom-fields?record=${list.custom}\`).`
    : ''
  return `${access} With \`fields\`, the items have only those.${custom} A file of the whole list (\`format\`) needs \`${listExport.name}\` too, and reaches no further than it: ${grantsOf(listExport)}.`
}

function grantsOf({ grants }: Permission): string {
  return Object.entries(grants)
    .map(([role, reach]) => `${role} (${reach})`)
    .join(', ')
}

function requestHeadersOf(operation: Operation): (keyof typeof requestHeaders)[] {
  return [
    'AcceptLanguage',
    'Causality',
    'Prefer',
    'Traceparent',
    ...(operation.transaction ? (['IdempotencyKey'] as const) : []),
    ...(operation.ifMatch ? (['IfMatchRequired'] as const) : writes(operation) && namesRecord(operation) ? (['IfMatch'] as const) : []),
  ]
}

function parametersOf(place: 'path' | 'query', shape: z.ZodType | undefined, schemas: Schemas) {
  if (!shape) return []
  const { properties = {}, required = [] } = schemas.resolve(schemas.of(shape))
  return Object.entries(properties).map(([name, { description, ...property }]) => {
    const schema = repeated(property)
    return {
      name,
      in: place,
      required: required.includes(name),
      ...(description && { description }),
      ...(schema.type === 'array' && { style: 'form', explode: true }),
      schema,
    }
  })
}

/** One value or several is a list in the query: `status=new&status=working`. */
function repeated(schema: JsonSchema): JsonSchema {
  return schema.anyOf?.find(({ type }) => type === 'array') ?? schema
}

function answerOf(operation: Operation, schemas: Schemas) {
  const { answer, status, media, list } = operation
  const schema = answer ? schemas.of(answer) : text
  const has = (field: string) => Boolean(schemas.resolve(schema).properties?.[field])
  const headers: HeaderName[] = ['Causality', 'RateLimit', 'RateLimitPolicy']
  if (has('version')) headers.push('ETag')
  if (status === 201 && has('id')) headers.push('Location')
  if (operation.transaction) headers.push('IdempotencyReplayed')
  return {
    description:
      status === 201
        ? 'It was made.'
        : status === 204
          ? 'It was done.'
          : writes(operation)
            ? 'It was done; this is how it is now.'
            : 'This is how it is.',
    headers: headersOf(headers),
    ...(status !== 204 && {
      content: { ...contentOf(mediaTypes(media), schema), ...(list && contentOf(Object.values(fileFormats), text)) },
    }),
  }
}

function contentOf(types: readonly string[], schema: JsonSchema) {
  return Object.fromEntries(types.map((type) => [type, { schema }]))
}

function tags() {
  return [
    ...Object.entries(services).map(([name, { purpose }]) => ({ name, description: purpose })),
    {
      name: 'platform',
      description: 'What every service does alike: imports, parked events, audit; and what is composed of several: search',
    },
  ]
}

function byPath(a: Operation, b: Operation): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : a.method < b.method ? -1 : 1
}
