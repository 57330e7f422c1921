import { Refusal } from '@millrace/domain'
import type { FilterKind, ListQuery, Operation, Page } from '@millrace/contracts'

interface Field {
  readonly sql: string
  readonly type: string
  readonly nullable: boolean
}

/** How a list is sorted by a company's own field: by what its rows hold, or through the field's index, whose rows come in its order. */
export interface CustomSort extends Field {
  readonly index?: {
    rows(use: (value: unknown) => string): string
    /** Whether those without a value come after its rows. */
    readonly more: boolean
    readonly value: string
    readonly id: string
    /** A value as the index has it. */
    written(text: string): string
  }
}

/** What a list asks of a company's own fields. */
export interface CustomList {
  readonly sort?: CustomSort
  conditions(use: (value: unknown) => string): string[]
}

export interface PageRequest {
  readonly from: string
  readonly field: (name: string) => Field | undefined
  readonly operation: Operation
  readonly query: ListQuery
  readonly custom?: CustomList | undefined
  /** Whether the actor sees but few of the records. */
  readonly few?: boolean
  /** Further conditions; told how many parameters there are already. */
  readonly narrow: (offset: number) => { sql: string; values: unknown[] }
}

interface PageSql {
  readonly sql: string
  readonly values: unknown[]
  readonly sort: string
  /** After those with a value, which an index gave, come those without: by a statement of their own. */
  readonly more: boolean
}

const comparators: Record<string, string> = { gte: '>=', gt: '>', lte: '<=', lt: '<' }

/** The SQL of one page: keyset, never OFFSET, so page 10,000 costs what page 1 costs. Nulls sort last both ways. */
export function pageSql({ from, field, operation, query, custom, few = false, narrow }: PageRequest, part?: 'without value'): PageSql {
  const { limit, cursor, sort = '-id', fields: _fields, format: _format, ...filters } = query
  const values: unknown[] = []
  const conditions: string[] = []
  const use = (value: unknown) => `$${values.push(value)}`
  const known = (name: string): Field => {
    const found = field(name)
    if (!found) throw new Error(`${operation.id}: no column for "${name}"`)
    return found
  }

  for (const [key, wish] of Object.entries(filters)) {
    if (wish === undefined || key.startsWith('custom.')) continue
    const [name, operator] = key.split('.') as [string, string | undefined]
    const { sql, type: stored } = known(name)
    const kind = operation.list!.filters[name] as FilterKind
    const type = kind === 'number' && ![wish].flat().every((number) => isInteger(String(number))) ? 'numeric' : stored
    if (operator === 'contains') conditions.push(`${sql} ILIKE '%' || ${use(escapeLike(String(wish)))} || '%'`)
    else if (operator) conditions.push(`${sql} ${comparators[operator]} ${use(wish)}::${type}`)
    else if (kind === 'element') conditions.push(`${sql} ?| ${use([wish].flat())}::text[]`)
    else if (kind === 'boolean') conditions.push(`${sql} = ${use(String(wish) === 'true')}`)
    // One value by itself: behind ANY an index does not give the order any more.
    else if (Array.isArray(wish) && wish.length !== 1) conditions.push(`${sql} = ANY(${use(wish)}::${type}[])`)
    else conditions.push(`${sql} = ${use(Array.isArray(wish) ? wish[0] : wish)}::${type}`)
  }
  conditions.push(...(custom?.conditions(use) ?? []))
  const picks = few || conditions.length > 0

  const descending = sort.startsWith('-')
  const name = descending ? sort.slice(1) : sort
  const {
    sql: key,
    type,
    nullable,
    index,
  }: CustomSort = custom?.sort ?? (name === 'id' ? { sql: 'id', type: 'text', nullable: false } : known(name))
  const [after, direction] = descending ? ['<', 'DESC'] : ['>', 'ASC']
  const [value, lastId] = cursor && !part ? decodeCursor(cursor, sort) : []
  const withoutValue = part !== undefined || (value === null && name !== 'id')
  const byId = withoutValue || name === 'id'
  const indexed = withoutValue ? undefined : index
  const [column, id] = indexed ? [indexed.value, indexed.id] : [key, 'id']
  if (withoutValue) conditions.push(`${key} IS NULL`)
  if (lastId !== undefined) {
    if (byId) conditions.push(`id ${after} ${use(lastId)}`)
    else {
      const row = indexed
        ? `(${column}, ${id}) ${after} (${use(written(indexed, value!))}, ${use(lastId)})`
        : `(${column}, id) ${after} (${use(value)}::${type}, ${use(lastId)})`
      conditions.push(nullable && !indexed ? `(${row} OR ${column} IS NULL)` : row)
    }
  }
  const { sql: narrowed, values: more } = narrow(values.length)
  if (narrowed) {
    conditions.push(narrowed)
    values.push(...more)
  }
  const order = byId ? `id ${direction}` : `${column} ${direction}${nullable && !indexed ? ' NULLS LAST' : ''}, ${id} ${direction}`
  const where = conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''
  // Of most records one look-up for each row of the index: of a join the planner makes a scan of both tables, as it takes each company for one of
  // average size. Of few records it may begin with those.
  const looked = picks
    ? `JOIN ${from} ON ${from}.id = ${id}`
    : `CROSS JOIN LATERAL (SELECT * FROM ${from} WHERE id = ${id} LIMIT 1) AS ${from}`
  const source = indexed ? `${indexed.rows(use)} ${looked}` : from
  return {
    sql: `SELECT ${from}.*, (${key})::text AS page_key FROM ${source} ${where} ORDER BY ${order} LIMIT ${use(limit + 1)}`,
    values,
    sort,
    more: indexed?.more ?? false,
  }
}

/** The value of a cursor as an index has it; one that somebody made up is refused. */
function written(index: NonNullable<CustomSort['index']>, value: string): string {
  try {
    return index.written(value)
  } catch {
    throw Refusal.invalid('cursor.malformed')
  }
}

/** Cuts the surplus row off, keeps the fields that were asked for, and makes the next cursor. */
export function readPage<Row extends Record<string, any>, View extends object>(
  rows: Row[],
  page: { sort: string },
  query: ListQuery,
  view: (row: Row) => View,
): Page<View> {
  const more = rows.length > query.limit
  const kept = more ? rows.slice(0, query.limit) : rows
  const last = kept.at(-1)
  const next = more && last ? Buffer.from(JSON.stringify([page.sort, last['page_key'], last['id']])).toString('base64url') : null
  const wanted = query.fields?.split(',')
  const data = kept.map((row) => {
    const whole = view(row)
    return wanted ? (Object.fromEntries(Object.entries(whole).filter(([name]) => wanted.includes(name))) as View) : whole
  })
  return { data, next }
}

function decodeCursor(cursor: string, sort: string): [string | null, string] {
  try {
    const [given, value, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [string, string | null, string]
    if (given === sort && typeof id === 'string' && (value === null || typeof value === 'string')) return [value, id]
  } catch {
    // falls through to the refusal
  }
  throw Refusal.invalid('cursor.malformed')
}

export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (sign) => `\\${sign}`)
}

/** Whether Postgres reads it as a whole number; with any other, whole ones are compared as numbers with decimals. */
function isInteger(text: string): boolean {
  return Number.isInteger(Number(text)) && !text.includes('.') && Math.abs(Number(text)) < 2 ** 31
}
