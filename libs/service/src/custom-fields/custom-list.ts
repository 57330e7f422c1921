import type { ListQuery } from '@millrace/contracts'
import { customTexts, isCalendarDate, isId, Refusal, sortableText } from '@millrace/domain'
import { escapeLike, type CustomList, type CustomSort } from '../list.js'
import type { FieldProblem } from '../validation.js'
import type { CustomField } from './custom-field.js'

interface Wish {
  readonly operator: string
  readonly texts: readonly string[]
}
type Use = (value: unknown) => string

const comparators: Record<string, string> = { gte: '>=', gt: '>', lte: '<=', lt: '<' }

/** How a list filters and sorts by a company's own fields; refuses what they cannot be compared with. */
export function customList(fields: ReadonlyMap<string, CustomField>, query: ListQuery): CustomList {
  const problems: FieldProblem[] = []
  const refuse = (name: string, code: string, details: Record<string, unknown> = {}) =>
    void problems.push({ pointer: `?${name}`, code, detail: '', details })
  const wishes = new Map<CustomField, Wish[]>()
  for (const [name, wish] of Object.entries(query)) {
    if (!name.startsWith('custom.') || wish === undefined) continue
    const [, key = '', operator = '='] = name.split('.')
    const field = fields.get(key)
    if (!field) refuse(name, 'custom.unknown_field')
    else if (!allowed(field, operator)) refuse(name, 'custom.no_such_filter')
    else
      try {
        const texts = [wish].flat().map((text) => comparable(field, String(text)))
        wishes.set(field, [...(wishes.get(field) ?? []), { operator, texts }])
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        refuse(name, error.code, error.details)
      }
  }
  const sortKey = /^-?custom\.(.+)$/.exec(query.sort ?? '')?.[1]
  const sorted = sortKey === undefined ? undefined : fields.get(sortKey)
  if (sortKey !== undefined && !sorted) refuse('sort', 'custom.unknown_field')
  if (sorted?.type === 'multi_choice') refuse('sort', 'custom.no_such_filter')
  if (problems.length) throw Refusal.invalid('request.invalid', { errors: problems })
  return {
    ...(sorted && { sort: sortOf(sorted, wishes.get(sorted) ?? []) }),
    conditions: (use) =>
      [...wishes].flatMap(([field, asked]) => {
        if (!isIndexed(field)) return asked.map((wish) => conditionOf(field, wish, use))
        return field === sorted ? [] : [`id IN (SELECT record_id FROM custom_value WHERE ${rowsOf(field, asked, use)})`]
      }),
  }
}

function allowed({ type }: CustomField, operator: string): boolean {
  if (operator === '=') return true
  if (operator === 'contains') return type === 'text' || type === 'link'
  return type === 'number' || type === 'money' || type === 'date'
}

/** The text of a query as values are written; refuses what is none. */
function comparable(field: CustomField, text: string): string {
  const { type, options } = field
  if (type === 'number' || type === 'money') sortableText(field, text)
  if (type === 'date' && !isCalendarDate(text)) throw Refusal.invalid('date.malformed')
  if ((type === 'user' || type === 'account') && !isId(type, text)) throw Refusal.invalid('custom.not_an_id', { noun: type })
  if ((type === 'choice' || type === 'multi_choice') && !options.some(({ key }) => key === text))
    throw Refusal.invalid('custom.unknown_option', { possible: options.map(({ key }) => key) })
  return text
}

function conditionOf(field: CustomField, { operator, texts }: Wish, use: Use): string {
  const indexed = isIndexed(field)
  const { sql, type } = indexed ? { sql: 'value', type: 'text' } : columnOf(field)
  if (operator === 'contains')
    return `(${indexed ? 'value' : `custom->>'${field.key}'`}) COLLATE "default" ILIKE '%' || ${use(escapeLike(texts[0]!))} || '%'`
  const values = indexed ? texts.map((text) => sortableText(field, text)) : texts
  if (field.type === 'multi_choice' && !indexed) return `jsonb_exists_any(custom->'${field.key}', ${use(values)}::text[])`
  if (operator !== '=') return `${sql} ${comparators[operator]} ${use(values[0])}::${type}`
  // One value by itself: behind ANY an index does not give the order any more.
  return values.length === 1 ? `${sql} = ${use(values[0])}::${type}` : `${sql} = ANY(${use(values)}::${type}[])`
}

function sortOf(field: CustomField, asked: readonly Wish[]): CustomSort {
  const column = { ...columnOf(field), nullable: true }
  if (!isIndexed(field)) return column
  return {
    ...column,
    index: {
      rows: (use) => `(SELECT value AS custom_sort, record_id AS custom_of FROM custom_value WHERE ${rowsOf(field, asked, use)}) AS sorted`,
      more: !asked.length,
      value: 'custom_sort',
      id: 'custom_of',
      written: (text) => sortableText(field, text),
    },
  }
}

/** Keys are letters, digits and underscores, and those of a declared field, so they may stand in SQL: of constants the planner knows how many rows they have. */
function rowsOf(field: CustomField, asked: readonly Wish[], use: Use): string {
  return [`record = '${field.record}'`, `field_key = '${field.key}'`, ...asked.map((wish) => conditionOf(field, wish, use))].join(' AND ')
}

function columnOf({ type, key }: CustomField): { sql: string; type: string } {
  if (type === 'number') return { sql: `((custom->>'${key}')::numeric)`, type: 'numeric' }
  if (type === 'money') return { sql: `((custom->'${key}'->>'amount')::numeric)`, type: 'numeric' }
  return { sql: `((custom->>'${key}') COLLATE "C")`, type: 'text' }
}

function isIndexed({ indexStatus }: CustomField): boolean {
  return indexStatus === 'ready'
}

/** The texts that a value stands under in the index of its field. */
export function indexTexts(field: CustomField, value: Parameters<typeof customTexts>[0]): string[] {
  return customTexts(value).map((text) => sortableText(field, text))
}
