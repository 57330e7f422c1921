import type { ImportMapping } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import type { z } from 'zod'
import { check, type FieldProblem } from '../validation.js'
import { readDate, readNumber, type Holds, type Styles } from './cells.js'

/** How the rows of a file become the fields of a kind. */
export interface Reading {
  readonly shape: z.ZodObject
  /** Names of the company's own fields, as `custom.<key>`. */
  readonly custom: readonly string[]
  readonly holdings: ReadonlyMap<string, Holds>
  readonly mapping: ImportMapping
  readonly styles: Styles
}

/** A row as it was read: its fields when they are good, else why not. */
export interface Checked {
  readonly row: number
  readonly cells: Cells
  /** What the shape was given. */
  readonly texts: Readonly<Record<string, string>>
  readonly fields: Record<string, unknown>
  /** Cells of the company's own fields, by key. */
  readonly custom: Readonly<Record<string, string>>
  readonly problems: readonly FieldProblem[]
  readonly rules: readonly Rule[]
}

/** A row as the file has it: the text of each cell by the heading of its column. */
export type Cells = Readonly<Record<string, string>>

/** A rule of the mapping that was applied to a cell. */
export interface Rule {
  readonly rule: 'value' | 'default'
  readonly field: string
  readonly from: string | null
  readonly to: string
}

/** Reads and checks one row. */
export function readRow({ shape, custom, holdings, mapping, styles }: Reading, row: number, cells: Cells): Checked {
  const rules: Rule[] = []
  const unclear: FieldProblem[] = []
  const texts = mapped(Object.keys(shape.shape), mapping, cells, rules)
  for (const [field, text] of Object.entries(texts)) {
    const kind = holdings.get(field)
    if (!kind || kind === 'text') continue
    const read = kind === 'number' ? readNumber(text, styles.numbers[field]) : readDate(text, kind, styles.dates[field])
    if (read !== undefined) texts[field] = read
    else {
      const code = kind === 'number' ? 'number.ambiguous' : 'date.ambiguous'
      unclear.push({ pointer: field, code, detail: code, details: { value: text } })
    }
  }
  const found: FieldProblem[] = []
  const fields = check(shape, texts, (path) => path.join('.'), found) as Record<string, unknown>
  const problems = unclear.length ? [...unclear, ...found.filter((one) => !unclear.some(({ pointer }) => pointer === one.pointer))] : found
  const own = Object.entries(mapped(custom, mapping, cells, rules)).map(([name, value]) => [name.slice('custom.'.length), value] as const)
  return { row, cells, texts, fields, custom: Object.fromEntries(own), problems, rules }
}

/** The texts of a row by field: column chosen, aliases and defaults applied and noted, empty cells left out. */
export function mapped(fields: readonly string[], mapping: ImportMapping, cells: Cells, rules: Rule[] = []): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const field of fields) {
    const column = columnOf(mapping, field)
    let value = (column === null ? '' : (cells[column] ?? '')).trim()
    // So were cells written that a spreadsheet would have run as a formula, in our own files too.
    if (/^'[=+\-@]/.test(value)) value = value.slice(1)
    const alias = mapping.values?.[field]
    if (alias && Object.hasOwn(alias, value)) {
      rules.push({ rule: 'value', field, from: value, to: alias[value]! })
      value = alias[value]!
    }
    const fallback = mapping.defaults?.[field]
    if (value === '' && fallback !== undefined) {
      rules.push({ rule: 'default', field, from: null, to: fallback })
      value = fallback
    }
    if (value !== '') texts[field] = value
  }
  return texts
}

/** The column that a field is taken from; null: none. */
export function columnOf(mapping: ImportMapping, field: string): string | null {
  const named = mapping.columns?.[field]
  return named === undefined ? field : named
}

/** Refuses a mapping that does not fit kind and file. */
export function checkMapping(possible: readonly string[], mapping: ImportMapping, columns: readonly string[]): void {
  const { columns: named, values, defaults, dates, numbers } = mapping
  for (const field of [named, values, defaults, dates, numbers].flatMap((part) => Object.keys(part ?? {})))
    if (!possible.includes(field)) throw Refusal.invalid('import.unknown_field', { field, possible })
  for (const [field, column] of Object.entries(named ?? {}))
    if (column !== null && !columns.includes(column)) throw Refusal.invalid('import.missing_column', { field, column, columns })
}

/** Whether each row needs the field. */
export function isRequired(shape: z.ZodObject, field: string): boolean {
  return !(shape.shape[field] as z.ZodType).safeParse(undefined).success
}

/** The fields that each row needs and that get nothing. */
export function missingFields(shape: z.ZodObject, mapping: ImportMapping, columns: readonly string[]): string[] {
  return Object.keys(shape.shape).filter((field) => {
    const column = columnOf(mapping, field)
    return isRequired(shape, field) && (column === null || !columns.includes(column)) && mapping.defaults?.[field] === undefined
  })
}

/** Refuses a file that lacks what each row needs. */
export function refuseMissing(shape: z.ZodObject, mapping: ImportMapping, columns: readonly string[]): void {
  const [field] = missingFields(shape, mapping, columns)
  if (field) throw Refusal.invalid('import.missing_column', { field, column: columnOf(mapping, field) ?? field, columns })
}

/** The refusal of a row with these fields. */
export function invalidRow(problems: readonly FieldProblem[]): Refusal {
  return Refusal.invalid('request.invalid', { errors: [...problems] })
}

/** Why a row was not taken, if that is its own fault: what a rule or the database says of it. */
export function refusalOfRow(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  const { code, constraint } = error as { code?: string; constraint?: string }
  if (code === '23505') return new Refusal('value.taken', { field: constraint ?? '' })
  return code?.startsWith('22') || code === '23514' ? invalidRow([]) : undefined
}
