import type { QueryConfig } from 'pg'

/** Rows as one INSERT takes them. */
export interface Rows {
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

/** Statements that each connection parses and plans once. Own code's statements are few; more than this are made up from wishes (list filters). */
const names = new Map<string, string>()
const namesAtMost = 400
/** `SELECT *`, `a.*` and `RETURNING *`; `count(*)` and a product are none. */
const allColumns = /(?:\b(?:SELECT|DISTINCT|RETURNING)\s+|[.,]\s*)\*/

/** The statement under a name, so that Postgres keeps its plan. Not with `SELECT *`: the plan would break when a migration adds a column. */
export function prepared(text: string, values: readonly unknown[]): QueryConfig {
  const query = { text, values: values.map((value) => (Array.isArray(value) ? arrayText(value) : value)) }
  if (!values.length) return query
  let name = names.get(text)
  if (!name && names.size < namesAtMost && !allColumns.test(text)) names.set(text, (name = `m${names.size}`))
  return name ? { ...query, name } : query
}

/** An array as Postgres reads it. pg's own way rewrites each element twice, which was a tenth of what a consumer does. */
function arrayText(items: readonly unknown[]): unknown {
  let text = ''
  for (const item of items) {
    let part = 'NULL'
    if (typeof item === 'string') part = quoted(item)
    else if (item instanceof Date) {
      const year = item.getUTCFullYear()
      if (!(year >= 1 && year <= 9999)) return items // pg knows how Postgres writes those
      part = `"${item.toISOString()}"`
    } else if (Array.isArray(item) || ArrayBuffer.isView(item)) return items
    else if (typeof item === 'object' && item !== null) part = quoted(JSON.stringify(item))
    else if (item !== null && item !== undefined) part = String(item)
    text += text ? `,${part}` : part
  }
  return `{${text}}`
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`
}

const inserts = new Map<string, string>()

/** One statement that inserts rows into several tables, and its values. */
export function insertOf(writes: readonly Rows[]): [sql: string, values: unknown[]] {
  const shape = writes.map(({ table, rows }) => `${table} ${rows.length}`).join()
  let sql = inserts.get(shape)
  if (!sql) {
    let n = 0
    const statements = writes.map(({ table, columns, rows }) => {
      const values = rows.map(() => `(${columns.map(() => `$${(n += 1)}`).join(', ')})`)
      return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${values.join(', ')}`
    })
    const last = statements.pop()!
    const others = statements.map((statement, index) => `write${index} AS (${statement})`)
    sql = `${others.length ? `WITH ${others.join(', ')} ` : ''}${last}`
    inserts.set(shape, sql)
  }
  return [sql, writes.flatMap(({ rows }) => rows.flat())]
}
