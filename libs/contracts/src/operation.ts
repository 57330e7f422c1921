import { z } from 'zod'
import type { Permission } from './access.js'
import type { CustomRecord } from './custom-field.operations.js'
import type { ServiceName } from './services.js'

type Shape = z.ZodType

/** Who may call an operation: holders of a permission, anyone who is signed in, or anyone at all. There is no default. */
export type Rule = Permission | 'signed-in' | 'public'

/** One operation of the HTTP API, declared once: the controller serves it, clients call it, OpenAPI describes it. */
export interface Operation<
  Params extends Shape = Shape,
  Query extends Shape = Shape,
  Body extends Shape = Shape,
  Answer extends Shape = Shape,
> {
  /** Unique name and the OpenAPI operationId, e.g. `convertLead`. */
  readonly id: string
  /** The service that serves it; `each`: every one, chosen by `?kind`, `?service` or the first word of the id; `gateway`: composed of several. */
  readonly service: ServiceName | 'each' | 'gateway'
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** e.g. `/v1/leads/{id}/convert` */
  readonly path: string
  readonly summary: string
  readonly rule: Rule
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  /** JSON unless `media` says otherwise; none: 204. */
  readonly answer?: Answer
  readonly status: number
  /** Media type of the answer, or those it can have; `application/json` by default. */
  readonly media?: string | readonly string[]
  /** Media type of the body, or those it can have; a body that is not JSON arrives as a stream. */
  readonly accepts?: string | readonly string[]
  /** Whether a change must name the version it changes (If-Match). */
  readonly ifMatch: boolean
  /** Whether the whole call is one transaction (every write, unless it says otherwise). */
  readonly transaction: boolean
  readonly list?: ListOptions & { readonly item: z.ZodObject }
  /** Whether people of a company call it (by default), the operator of the platform, who belongs to none, or both. */
  readonly callers?: 'company' | 'operator' | 'both'
}

/** What a controller method gets. */
export interface Input<Op extends Operation> {
  readonly params: Op['params'] extends Shape ? z.output<Op['params']> : undefined
  readonly query: Op['query'] extends Shape ? z.output<Op['query']> : undefined
  readonly body: Op['body'] extends Shape ? z.output<Op['body']> : undefined
}

/** What a controller method answers. */
export type Answer<Op extends Operation> = Op['answer'] extends Shape ? z.input<Op['answer']> : void

/** Every operation of the platform. */
export const operations: Operation[] = []

type Declared<D> = D & { status: number; ifMatch: boolean; transaction: boolean }

/** Declares an operation. A `PATCH` needs If-Match unless told otherwise; a `POST` answers 201 when its path ends in a plural noun. */
export function defineOperation<
  const D extends Omit<Operation, 'status' | 'ifMatch' | 'transaction' | 'list'> &
    Partial<Pick<Operation, 'status' | 'ifMatch' | 'transaction'>>,
>(declaration: D): Declared<D> {
  const status =
    declaration.status ??
    (!declaration.answer && !declaration.media
      ? 204
      : declaration.method === 'POST' && /^\/v1\/[a-z-]+$/.test(declaration.path)
        ? 201
        : 200)
  return register({
    ...declaration,
    status,
    ifMatch: declaration.ifMatch ?? declaration.method === 'PATCH',
    transaction: declaration.transaction ?? declaration.method !== 'GET',
  })
}

/** The media types of `accepts` or `media`, the usual one first. */
export function mediaTypes(declared: string | readonly string[] = 'application/json'): readonly string[] {
  return typeof declared === 'string' ? [declared] : declared
}

/** The files that a list can be had as, and their media types. */
export const fileFormats = {
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
} as const
export type FileFormat = keyof typeof fileFormats
export const fileFormat = z.enum(Object.keys(fileFormats) as [FileFormat, ...FileFormat[]])

/** What a list can be filtered by: an exact text, an element of several, a free text (also `.contains`), or something ordered (also `.gte`, `.gt`, `.lte`, `.lt`). */
export type FilterKind = 'exact' | 'element' | 'text' | 'instant' | 'day' | 'number' | 'boolean' | readonly [string, ...string[]]

export interface ListOptions {
  readonly filters: Readonly<Record<string, FilterKind>>
  readonly sorts: readonly string[]
  /** The records listed, when a company may add fields to them: it also filters (`custom.region=south`) and sorts (`sort=custom.budget`) by those. */
  readonly custom?: CustomRecord | undefined
}

/** What a list operation hands to its query: the wishes, checked. */
export interface ListQuery {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly sort?: string | undefined
  readonly fields?: string | undefined
  readonly format?: FileFormat | undefined
  readonly [filter: string]: unknown
}

/** One page of a list, and the cursor of the next (null: this was the last). */
export interface Page<Item> {
  data: Item[]
  next: string | null
}

/**
 * Declares a list: `GET /v1/<plural noun>` with filters (`status=new`, repeated = any of; `createdAt.gte=…`, `name.contains=…`),
 * `sort=-createdAt`, `fields=id,status`, `limit` (1–200, default 50) and `cursor`. It answers `{ data, next }`, or with `format=csv` or
 * `format=xlsx` all rows as a file.
 */
export function defineList<Item extends z.ZodObject>(declaration: ListDeclaration<Item>) {
  const { filters, sorts, custom, item, ...rest } = declaration
  const query = listQuery({ filters, sorts, custom }, item)
  const answer = z.object({ data: z.array(item), next: z.string().nullable() })
  return register({
    ...rest,
    method: 'GET' as const,
    query,
    answer,
    status: 200,
    ifMatch: false,
    transaction: false,
    list: { filters, sorts, custom, item },
  })
}

interface ListDeclaration<Item> extends ListOptions {
  readonly id: string
  readonly service: ServiceName
  readonly path: string
  readonly summary: string
  readonly rule: Rule
  readonly callers?: 'company' | 'operator' | 'both'
  /** The shape of one item. */
  readonly item: Item
}

function register<Op extends Operation>(operation: Op): Op {
  const clash = operations.find(
    (other) => other.id === operation.id || (other.method === operation.method && other.path === operation.path),
  )
  if (clash) throw new Error(`operation ${operation.id} (${operation.method} ${operation.path}) is declared twice`)
  operations.push(operation)
  return operation
}

const comparisons = { gte: 'at least', gt: 'more than', lte: 'at most', lt: 'less than' }

function listQuery({ filters, sorts, custom }: ListOptions, item: z.ZodObject): z.ZodType<ListQuery, Record<string, unknown>> {
  const ownSort = z.enum(sorts.flatMap((name) => [name, `-${name}`]) as [string, ...string[]])
  const shape: Record<string, z.ZodType> = {
    limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'items of a page at most' }),
    cursor: z.string().max(4_000).optional().meta({ description: 'where the page begins: `next` of the page before' }),
    sort: (custom ? ownSort.or(z.string().regex(customSort)) : ownSort)
      .optional()
      .meta({ description: 'ascending, or descending with a minus; newest first (`-id`) when not said' }),
    fields: z
      .string()
      .max(1000)
      .refine((list) => list.split(',').every((name) => Object.hasOwn(item.shape, name)), { message: 'request.unknown_field' })
      .optional()
      .meta({ description: `the only fields wanted of each item, comma-separated, of: ${Object.keys(item.shape).join(', ')}` }),
    format: fileFormat.optional().meta({
      description:
        'a file of all rows instead of a page, its columns in the order of `fields`; `limit` has no say then. Needs `list.export` too',
    }),
  }
  for (const [name, kind] of Object.entries(filters)) {
    const value = filterValue(kind)
    shape[name] = z
      .union([value, z.array(value).max(100)])
      .optional()
      .meta({ description: 'exactly this; repeated: any of these' })
    if (kind === 'text') shape[`${name}.contains`] = text.optional().meta({ description: 'holds this, in capital or small letters' })
    if (kind === 'instant' || kind === 'day' || kind === 'number')
      for (const [op, description] of Object.entries(comparisons)) shape[`${name}.${op}`] = value.optional().meta({ description })
  }
  const query = custom ? withCustomFilters(shape) : z.strictObject(shape)
  return query as unknown as z.ZodType<ListQuery, Record<string, unknown>>
}

const customSort = /^-?custom\.[a-z0-9_]{1,40}$/
const customFilter = /^custom\.[a-z0-9_]{1,40}(\.(contains|gte|gt|lte|lt))?$/

/** Which custom fields there are, and what they are compared with, only the service knows. */
function withCustomFilters(shape: Record<string, z.ZodType>): z.ZodType {
  return z
    .object(shape)
    .catchall(z.union([text, z.array(text).max(100)]))
    .superRefine((query, ctx) => {
      const keys = Object.keys(query).filter((name) => !Object.hasOwn(shape, name) && !customFilter.test(name))
      if (keys.length) ctx.addIssue({ code: 'unrecognized_keys', keys, input: query })
    })
}

function filterValue(kind: FilterKind): z.ZodType {
  if (typeof kind === 'object') return z.enum(kind as unknown as [string, ...string[]])
  if (kind === 'instant') return z.iso.datetime({ offset: true }).or(z.iso.date()).refine(isStorable, { message: 'date.malformed' })
  if (kind === 'day') return z.iso.date().refine(isStorable, { message: 'date.malformed' })
  if (kind === 'number') return z.string().regex(/^-?\d{1,18}(\.\d{1,9})?$/)
  if (kind === 'boolean') return z.enum(['true', 'false'])
  return text
}

const text = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\0\p{Cs}]*$/u, { message: 'text.control_characters' })

/** There is no year 0, and no place is further from Greenwich than 14 hours. */
function isStorable(given: string): boolean {
  return !given.startsWith('0000') && Number(/[+-](\d\d):\d\d$/.exec(given)?.[1] ?? 0) <= 14
}
