import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Spectral from '@stoplight/spectral-core'
import rulesets from '@stoplight/spectral-rulesets'
import { apiVersion, asyncApiDocument, events, openApiDocument, operations, topics, type JsonSchema, type Operation } from '../index.js'

type Tree = { readonly [key: string]: Tree } & { readonly [index: number]: Tree }
const plain = (document: object) => JSON.parse(JSON.stringify(document))
const openApi: Tree = plain(openApiDocument('https://sales.example.com/'))
const asyncApi: Tree = plain(asyncApiDocument())

/** Everything that the official rules say about a document, down to hints. */
async function lint(document: unknown, rules: object, off: string) {
  const spectral = new Spectral.Spectral()
  // Whoever installs the platform answers for it: there is no contact that we could name.
  spectral.setRuleset({ extends: [rules], rules: { [off]: 'off' } } as never)
  const found = await spectral.run(document as Record<string, unknown>)
  return found.map(({ code, path, message }) => `${code} at ${path.join('.')}: ${message}`)
}
const lintOpenApi = (document: unknown) => lint(document, rulesets.oas, 'info-contact')
const lintAsyncApi = (document: unknown) => lint(document, rulesets.asyncapi, 'asyncapi-info-contact')

describe('the OpenAPI document', () => {
  it('passes the official rules', async () => {
    expect(openApi['openapi']).toBe('3.1.0')
    expect(await lintOpenApi(openApi)).toEqual([])
  })
  it('would not pass them with a fault', async () => {
    const broken = plain(openApi)
    broken.paths['/v1/leads/{id}'].get.parameters.shift()
    broken.components.schemas.Lead.type = 'objekt'
    const found = await lintOpenApi(broken)
    expect(found).toContainEqual(expect.stringMatching(/^path-params at/))
    expect(found).toContainEqual(expect.stringMatching(/^oas3-schema at .*Lead/))
  })

  it.each(operations.map((operation) => [operation.id, operation] as const))('describes %s', (id, { method, path, status, rule }) => {
    const described = openApi['paths']![path]![method.toLowerCase()]!
    expect(described).toMatchObject({
      operationId: id,
      'x-millrace-permission': typeof rule === 'object' ? rule.name : rule,
      responses: { [status]: expect.anything() },
    })
    if (typeof rule === 'object') expect(described['x-millrace-grants']).toEqual(rule.grants)
    if (rule === 'public') expect(described['security']).toEqual([])
  })
  it('names no operation that is not served', () => {
    expect(Object.values(openApi['paths']!).flatMap((path) => Object.keys(path))).toHaveLength(operations.length)
  })

  it('says what a change may be refused for, and which headers it takes', () => {
    expect(Object.keys(described('changeLead')['responses']!)).toEqual([
      '200',
      '400',
      '401',
      '403',
      '404',
      '409',
      '412',
      '413',
      '415',
      '422',
      '428',
      '429',
      '431',
      '503',
    ])
    expect(headersOf('changeLead')).toEqual(['AcceptLanguage', 'Causality', 'Prefer', 'Traceparent', 'IdempotencyKey', 'IfMatchRequired'])
    expect(Object.keys(described('changeLead')['responses']!['200']!['headers']!)).toContain('ETag')
    expect(Object.keys(described('captureLead')['responses']!['201']!['headers']!)).toContain('Location')
  })
  it('asks for no version and no key where nothing changes', () => {
    expect(headersOf('getLead')).toEqual(['AcceptLanguage', 'Causality', 'Prefer', 'Traceparent'])
    expect(Object.keys(described('getLead')['responses']!)).toEqual(['200', '400', '401', '403', '404', '429', '431', '503'])
  })
  it('tells of a refusal by a rule of the business, also where everybody may ask', () => {
    for (const id of ['changeMyPassword', 'saveView', 'sendPublicForm']) expect(Object.keys(described(id)['responses']!)).toContain('403')
  })
  it('shows a filter as a list of values that is repeated', () => {
    expect(parametersOf('listLeads').find(({ name }) => name === 'status')).toMatchObject({
      in: 'query',
      required: false,
      explode: true,
      schema: { type: 'array', items: { type: 'string' } },
    })
    expect(parametersOf('listLeads').map(({ name }) => name)).toEqual(
      expect.arrayContaining(['limit', 'cursor', 'sort', 'fields', 'companyName.contains', 'createdAt.gte']),
    )
  })
  it('keeps the media types of files', () => {
    expect(described('startImport')['requestBody']!['content']).toHaveProperty(['text/csv'])
    expect(described('listRejections')['responses']!['200']!['content']).toHaveProperty(['text/csv'])
  })
  it('leads to the sign-in of this installation', () => {
    expect(openApi['servers']).toEqual([{ url: 'https://sales.example.com' }])
    expect(openApi['components']!['securitySchemes']!['millrace']!['flows']).toMatchObject({
      authorizationCode: { authorizationUrl: 'https://sales.example.com/oauth/authorize' },
      clientCredentials: { tokenUrl: 'https://sales.example.com/oauth/token' },
    })
  })
})

describe('the AsyncAPI document', () => {
  it('passes the official rules', async () => {
    expect(asyncApi['asyncapi']).toBe('3.1.0')
    expect(await lintAsyncApi(asyncApi)).toEqual([])
  })
  it('would not pass them with a fault', async () => {
    const broken = plain(asyncApi)
    const [topic] = Object.keys(broken.channels)
    broken.channels[topic!].adress = broken.channels[topic!].address
    Object.values<{ headers: { type: string } }>(broken.components.messages)[0]!.headers.type = 'string'
    const found = await lintAsyncApi(broken)
    expect(found).toContainEqual(expect.stringMatching(/^asyncapi-3-document-resolved at .*adress/))
    expect(found).toContainEqual(expect.stringMatching(/^asyncapi-3-headers-schema-type-object at/))
  })

  it.each(events.map((event) => [event.type, event] as const))('describes %s', (type, { topic, service, aggregate, doc }) => {
    expect(asyncApi['channels']![topic]).toMatchObject({ address: topic, messages: { [type]: { $ref: `#/components/messages/${type}` } } })
    expect(asyncApi['components']!['messages']![type]).toMatchObject({ name: type, summary: doc, payload: expect.anything() })
    expect(asyncApi['operations']![`${service}.sends.${aggregate}`]).toMatchObject({
      action: 'send',
      channel: { $ref: `#/channels/${topic}` },
    })
  })
  it('names no topic that is not there', () => {
    expect(topics).toEqual(expect.arrayContaining(Object.keys(asyncApi['channels']!)))
  })
})

describe('both documents', () => {
  it('have the version of the release', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }
    expect(apiVersion).toBe(version)
    expect(openApi['info']!['version']).toBe(version)
    expect(asyncApi['info']!['version']).toBe(version)
  })
  it('say of each field what it holds', () => {
    expect([...fieldsWithoutType(openApi), ...fieldsWithoutType(asyncApi)]).toEqual([])
  })
  it('are the same each time', () => {
    expect(JSON.stringify(asyncApiDocument())).toBe(JSON.stringify(asyncApi))
    expect(JSON.stringify(openApiDocument('https://sales.example.com'))).toBe(JSON.stringify(openApi))
  })
})

function described(id: string): Tree {
  const { method, path } = operations.find((operation: Operation) => operation.id === id)!
  return openApi['paths']![path]![method.toLowerCase()]!
}

function parametersOf(id: string) {
  return described(id)['parameters'] as unknown as { name?: string; $ref?: string }[]
}

function headersOf(id: string) {
  return parametersOf(id).flatMap(({ $ref }) => $ref?.split('/').at(-1) ?? [])
}

function* fieldsWithoutType(part: unknown, path = '#'): Generator<string> {
  if (typeof part !== 'object' || part === null) return
  for (const [name, schema] of Object.entries((part as JsonSchema).properties ?? {}))
    if (!['type', '$ref', 'anyOf', 'oneOf', 'allOf', 'enum', 'const'].some((keyword) => keyword in schema)) yield `${path}/${name}`
  for (const [name, inner] of Object.entries(part)) yield* fieldsWithoutType(inner, `${path}/${name}`)
}
