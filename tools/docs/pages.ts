import type { EventType, JsonSchema, Operation } from '@millrace/contracts'
import type { z } from 'zod'
import type { Configuration, FoundLifecycle } from './sources.ts'

/** Generated files: path and text. */
export type Page = Record<string, string>

const note = '<!-- Written by `npm run docs`. Change the declarations, not this page. -->'

interface OpenApi {
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>
}

interface DescribedOperation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: readonly string[]
  readonly parameters: readonly {
    readonly name?: string
    readonly in?: string
    readonly required?: boolean
    readonly description?: string
    readonly schema: JsonSchema
  }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}

/** api.md: every operation by service, then the shapes they share. */
export async function apiPage(document: object): Promise<string> {
  const { tags, paths, components } = document as OpenApi
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ at: `${method.toUpperCase()} ${path}`, ...operation })),
  )
  const sections = tags.flatMap(({ name, description }) => {
    const own = all.filter((operation) => operation.tags.includes(name))
    return own.length ? [`## ${name}`, `${description}.`, ...own.flatMap(operationSection)] : []
  })
  return page(
    'The HTTP API',
    'The same as `openapi.json`, to be read. Every operation also takes the headers that are described there: `Accept-Language`, `Millrace-Causality`, `Prefer`, `traceparent`; writes take `Idempotency-Key`, changes of one record `If-Match`.',
    'Filters of lists: `status=new` is exactly this, repeated any of these; `companyName.contains=ab` holds this, in capital or small letters; `createdAt.gte=2026-11-21` is at least this, likewise `.gt` more than, `.lte` at most and `.lt` less than.',
    ...sections,
    ...shapesSection(components.schemas),
  )
}

function operationSection({
  at,
  operationId,
  summary,
  description,
  parameters,
  requestBody,
  responses,
}: DescribedOperation & { at: string }): string[] {
  const query = parameters.filter((parameter) => parameter.in === 'query')
  /** `.contains` or `.gte`, `.gt`, `.lte`, `.lt` of a filter. */
  const variantsOf = (filter: string) =>
    query.flatMap(({ name = '' }) => (name.startsWith(`${filter}.`) ? [name.slice(filter.length)] : []))
  const [status = '', answer = {}] = Object.entries(responses).find(([code]) => code < '300') ?? []
  return [
    `### ${operationId}`,
    `\`${at}\` — ${summary}.`,
    description,
    ...(query.length
      ? [
          'Query:',
          table(
            ['Parameter', 'Is', 'Meaning'],
            query
              .filter(({ name = '' }) => !name.includes('.'))
              .map(({ name = '', required, description = '', schema }) => [
                [name, ...variantsOf(name)].map(code).join(' '),
                kindOf(schema) + needed(required),
                description,
              ]),
          ),
        ]
      : []),
    ...bodySection('Body', requestBody ?? {}),
    ...(answer.content ? bodySection(`Answer ${status}`, answer) : [`Answer ${status}, without a body.`]),
  ]
}

function bodySection(title: string, { content = {} }: Content): string[] {
  return Object.entries(content).flatMap(([media, { schema }]) => {
    const type = media === 'application/json' ? '' : `\`${media}\``
    if (media !== 'application/json') return [`${title}: ${type}.`]
    return schema.$ref ? [`${title}: ${kindOf(schema)}.`] : [`${title}:`, fieldTable(schema)]
  })
}

/** events.md: every event by service and topic, with its payload. */
export async function eventsPage(): Promise<string> {
  const { events, goldenSchema, services } = await import('@millrace/contracts')
  const shapes: Record<string, JsonSchema> = {}
  const sections = Object.entries(services).flatMap(([service, { purpose }]) => {
    const own = events.filter((event) => event.service === service).sort(by((event) => event.topic + event.type))
    return own.length ? [`## ${service}`, `${purpose}.`, ...own.flatMap(eventSection)] : []
  })
  return page(
    'The events',
    'The same as `asyncapi.json`, to be read. Headers are CloudEvents 1.0 (`ce_…`); the key of a message is the id of the record that it is about.',
    ...sections,
    ...shapesSection(shapes),
  )

  function eventSection(event: EventType): string[] {
    const { $defs = {}, ...payload } = goldenSchema(event)
    Object.assign(shapes, $defs)
    return [`### ${event.name}`, event.doc, `\`${event.type}\` on \`${event.topic}\``, fieldTable(payload)]
  }
}

/** access.md: who may do what, and how far it reaches. */
export async function accessPage(): Promise<string> {
  const { listExport, operations, permissions, roles } = await import('@millrace/contracts')
  const sorted = [...permissions.values()].sort(by(({ name }) => name))
  const guarded = (rule: Operation['rule']) => operations.filter((operation) => operation.rule === rule).sort(by(({ id }) => id))
  const list = (own: Operation[]) => own.map(({ id }) => `[${id}](api.md#${id.toLowerCase()})`).join(', ')
  return page(
    'Who may do what',
    'A permission reaches the records that somebody owns (`own`), those of the team (`team`), of the part of the organisation below (`subtree`) or all of the company’s (`company`). An empty cell: not at all. Who has several roles has the widest reach of them.',
    '## Permissions and roles',
    table(
      ['Permission', ...roles],
      sorted.map(({ name, grants }) => [code(name), ...roles.map((role) => grants[role] ?? '')]),
    ),
    '## What each permission is needed for',
    table(
      ['Permission', 'Operations'],
      sorted.map((permission) => [
        code(permission.name),
        permission === listExport ? 'every list, with `format`, besides its own permission' : list(guarded(permission)),
      ]),
    ),
    '## Without a permission',
    table(
      ['For', 'Operations'],
      (['signed-in', 'public'] as const).map((rule) => [rule === 'public' ? 'anybody' : 'everybody who is signed in', list(guarded(rule))]),
    ),
  )
}

/** problems.md: every refusal in both languages. */
export async function problemsPage(): Promise<string> {
  const { problems } = await import('@millrace/contracts')
  const rows = [...problems].sort(by(([name]) => name)).map(([name, texts]) => [code(name), texts.en, texts['zh-CN']])
  return page(
    'Every refusal',
    'The `code` of a problem is stable; programs decide by it. Words in braces are filled in from the case. `not_found` and `illegal_move` serve every noun that has no text of its own, e.g. `lead.not_found`.',
    table(['Code', 'English', '中文'], rows),
  )
}

/** states.md: the lifecycle of every noun, drawn from its table. */
export function statesPage(found: readonly FoundLifecycle[]): string {
  const sections = [...found]
    .sort(by(({ service, noun }) => `${service} ${noun}`))
    .flatMap((each) => [
      `## ${each.noun}`,
      `Kept by the ${each.service} service.`,
      [
        '```mermaid',
        'stateDiagram-v2',
        `  [*] --> ${each.initial}`,
        ...each.states.flatMap((state) => each.moves[state]!.map((next) => `  ${state} --> ${next}`)),
        ...each.states.filter((state) => each.isFinal(state)).map((state) => `  ${state} --> [*]`),
        '```',
      ].join('\n'),
    ])
  return page('The states of things', 'A move that is not drawn is refused (`<noun>.illegal_move`).', ...sections)
}

/** configuration.md: every environment variable. */
export function configurationPage(found: readonly Configuration[]): string {
  const sections = found
    .filter(({ variables }) => Object.keys(variables).length)
    .flatMap(({ title, variables }) => [
      `## ${title}`,
      table(
        ['Variable', 'Meaning', 'Default'],
        Object.entries(variables).map(([name, shape]) => [code(name), shape.description ?? '', defaultOf(shape)]),
      ),
    ])
  return page(
    'Configuration',
    'Environment variables. A program that lacks a required one, or finds a wrong one, does not start and says what is wrong.',
    ...sections,
  )
}

function defaultOf(shape: z.ZodType): string {
  const { success, data } = shape.safeParse(undefined)
  if (!success) return '**required**'
  if (data === undefined) return 'none'
  const text = Array.isArray(data) ? data.join(',') : String(data)
  return text === '' ? 'empty' : code(text)
}

function shapesSection(shapes: Readonly<Record<string, JsonSchema>>): string[] {
  const names = Object.keys(shapes).sort(by((name) => name))
  return names.length
    ? [
        '## Shapes',
        ...names.flatMap((name) => [
          `### ${name}`,
          ...(shapes[name]!.description ? [shapes[name]!.description!] : []),
          fieldTable(shapes[name]!),
        ]),
      ]
    : []
}

function fieldTable(schema: JsonSchema): string {
  return table(['Field', 'Is', 'Meaning'], [...fieldsOf(schema)])
}

/** The fields of an object and of the objects in it, e.g. `lines[].net`. */
function* fieldsOf({ properties = {}, required = [] }: JsonSchema, prefix = ''): Generator<string[]> {
  for (const [name, field] of Object.entries(properties)) {
    const { inner, path } = opened(field, prefix + name)
    yield [code(prefix + name), kindOf(field) + (required.includes(name) ? '' : ', optional'), field.description ?? '']
    if (inner) yield* fieldsOf(inner, `${path}.`)
  }
}

/** The object in a field: itself, where it may be null, or as an item of a list. */
function opened(field: JsonSchema, path: string): { inner?: JsonSchema; path: string } {
  if (field.properties) return { inner: field, path }
  if (field.items) return opened(field.items, `${path}[]`)
  const alternatives = field.anyOf?.filter(({ type }) => type !== 'null') ?? []
  return alternatives.length === 1 ? opened(alternatives[0]!, path) : { path }
}

const formats: Record<string, string> = { 'date-time': 'instant', date: 'day', 'uri-reference': 'address', email: 'e-mail address' }

function kindOf(schema: JsonSchema): string {
  const { $ref, const: only, enum: values, anyOf, oneOf, type, items, format, pattern, maxLength, additionalProperties } = schema
  if ($ref) {
    const name = $ref.split('/').at(-1)!
    return `[${name}](#${name.toLowerCase()})`
  }
  if (only !== undefined) return code(String(only))
  if (values) return (values as unknown[]).map((value) => code(String(value))).join(', ')
  const alternatives = (anyOf ?? oneOf) as JsonSchema[] | undefined
  if (alternatives) return [...new Set(alternatives.map(kindOf))].join(' or ')
  if (Array.isArray(type)) return type.map((each) => kindOf({ type: each })).join(' or ')
  if (type === 'array') return `list of ${items ? kindOf(items) : 'anything'}`
  if (type === 'object')
    return additionalProperties && !schema.properties ? `map to ${kindOf(additionalProperties as JsonSchema)}` : 'object'
  if (type !== 'string') return typeof type === 'string' ? type : 'anything'
  const noun = /^\^([a-z_]+)_\[0-7\]/.exec(String(pattern))?.[1]
  if (noun) return code(`${noun}_…`)
  return formats[String(format)] ?? (maxLength ? `text (${maxLength as number})` : 'text')
}

function needed(required = false): string {
  return required ? ', required' : ''
}

function page(title: string, ...parts: string[]): string {
  return `${[note, `# ${title}`, ...parts].join('\n\n')}\n`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |`
  return rows.length ? [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n') : '(none)'
}

function code(text: string): string {
  return `\`${text}\``
}

/** Orders by code points: the same on every machine, whatever its language. */
function by<T>(key: (value: T) => string) {
  return (a: T, b: T) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)
}
