import { Refusal } from '@millrace/domain'
import type { FilterKind, ListQuery, Operation, Page } from '@millrace/contracts'

interface Field {
  readonly sql: string
  readonly type: string
  readonly nullable: boolean
}

interface PageRequest {
  readonly from: string
  readonly field: (name: string) => Field | undefined
  readonly operation: Operation
  readonly query: ListQuery
  /** Further conditions; told how many parameters there are already. */
  readonly narrow: (offset: number) => { sql: string; values: unknown[] }
}

interface PageSql {
  readonly sql: string
  readonly values: unknown[]
  readonly sort: string
  readonly column: string
}

const comparators: Record<string, string> = { gte: '>=', gt: '>', lte: '<=', lt: '<' }

/** The SQL of one page: keyset, never OFFSET, so page 10,000 costs what page 1 costs. Nulls sort last both ways. */
export function pageSql({ from, field, operation, query, narrow }: PageRequest): PageSql {
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
    if (wish === undefined) continue
    const [name, operator] = key.split('.') as [string, string | undefined]
    const { sql, type } = known(name)
    const kind = operation.list!.filters[name] as FilterKind
    if (operator === 'contains') conditions.push(`${sql} ILIKE '%' || ${use(escapeLike(String(wish)))} || '%'`)
    else if (operator) conditions.push(`${sql} ${comparators[operator]} ${use(wish)}::${type}`)
    else if (kind === 'element') conditions.push(`${sql} ?| ${use([wish].flat())}::text[]`)
    else if (kind === 'boolean') conditions.push(`${sql} = ${use(String(wish) === 'true')}`)
    // One value by itself: behind ANY an index does not give the order any more.
    else if (Array.isArray(wish) && wish.length !== 1) conditions.push(`${sql} = ANY(${use(wish)}::${type}[])`)
    else conditions.push(`${sql} = ${use(Array.isArray(wish) ? wish[0] : wish)}::${type}`)
  }

  const descending = sort.startsWith('-')
  const name = descending ? sort.slice(1) : sort
  const { sql: column, type, nullable } = name === 'id' ? { sql: 'id', type: 'text', nullable: false } : known(name)
  const [after, direction] = descending ? ['<', 'DESC'] : ['>', 'ASC']
  if (cursor) {
    const [value, id] = decodeCursor(cursor, sort)
    if (name === 'id') conditions.push(`id ${after} ${use(id)}`)
    else if (value === null) conditions.push(`${column} IS NULL AND id ${after} ${use(id)}`)
    else {
      const row = `(${column}, id) ${after} (${use(value)}::${type}, ${use(id)})`
      conditions.push(nullable ? `(${row} OR ${column} IS NULL)` : row)
    }
  }
  const { sql: narrowed, values: more } = narrow(values.length)
  if (narrowed) {
    conditions.push(narrowed)
    values.push(...more)
  }
  const order = name === 'id' ? `id ${direction}` : `${column} ${direction}${nullable ? ' NULLS LAST' : ''}, id ${direction}`
  const where = conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''
  return {
    sql: `SELECT *, (${column})::text AS page_key FROM ${from} ${where} ORDER BY ${order} LIMIT ${use(limit + 1)}`,
    values,
    sort,
    column,
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

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (sign) => `\\${sign}`)
}
