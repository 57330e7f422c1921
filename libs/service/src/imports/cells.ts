import type { ImportMapping } from '@millrace/contracts'
import { z } from 'zod'

/** What a field holds, as far as it decides how a cell is read. */
export type Holds = 'text' | 'day' | 'instant' | 'number'

/** How the ambiguous cells of a column are read; `unclear`: its other cells contradict each other, or do not tell. */
export interface Styles {
  readonly dates: Readonly<Record<string, 'day_first' | 'month_first' | 'unclear'>>
  readonly numbers: Readonly<Record<string, 'point' | 'comma' | 'unclear'>>
}

interface JsonSchema {
  readonly format?: string
  readonly pattern?: string
  readonly type?: string
  readonly anyOf?: readonly JsonSchema[]
}

/** What each field of a shape holds, by the text that it takes. */
export function holdings(shape: z.ZodObject): Map<string, Holds> {
  const { properties = {} } = z.toJSONSchema(z.object(shape.shape), { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, JsonSchema>
  }
  return new Map(Object.entries(properties).map(([name, schema]) => [name, holds(schema)]))
}

function holds(schema: JsonSchema): Holds {
  const options = [schema, ...(schema.anyOf ?? [])]
  if (options.some(({ format }) => format === 'date-time')) return 'instant'
  if (options.some(({ format }) => format === 'date')) return 'day'
  return options.some(isNumber) ? 'number' : 'text'
}

/** Whether a text of this shape is a number: it says so, or its pattern takes digits and nothing else. */
export function isNumber({ format, pattern, type }: JsonSchema): boolean {
  if (type === 'number' || type === 'integer' || format === 'decimal') return true
  if (!pattern) return false
  const fits = new RegExp(pattern, 'u')
  return fits.test('12') && !['a', '1a', '1-1', '1,234'].some((text) => fits.test(text))
}

const time = String.raw`(?:[ T]+(\d{1,2})[:时](\d{2})(?:[:分](\d{2}))?[分秒]?)?`
const yearFirst = new RegExp(String.raw`^(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?[日号]?${time}$`)
const yearLast = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})${time}$`)
const serial = /^[1-9]\d{4}(\.\d+)?$/

/** The day that a spreadsheet counts as 0, for every date after February 1900, in milliseconds. */
const epoch = Date.UTC(1899, 11, 30)

/** A date cell in the API's own way; as it stands when it is no date that we know; undefined when it can be read in two ways. */
export function readDate(given: string, kind: 'day' | 'instant', order: Styles['dates'][string] = 'unclear'): string | undefined {
  const text = given.normalize('NFKC').trim()
  const write = (year: string, month: string, day: string, clock: readonly (string | undefined)[]) => {
    const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
    const [hour, minute = '00', second = '00'] = clock
    return kind === 'day' || hour === undefined ? date : `${date}T${hour.padStart(2, '0')}:${minute}:${second}Z`
  }
  const [, year, month, day, ...clock] = yearFirst.exec(text) ?? []
  if (year) return write(year, month!, day!, clock)
  const [, first, sign, second, lastYear, ...lastClock] = yearLast.exec(text) ?? []
  if (lastYear) {
    const dayFirst = orderOf(first!, sign!, second!) ?? (order === 'unclear' ? undefined : order)
    if (!dayFirst) return undefined
    // What was said to be the other way round is not turned in silence: it is no date then.
    if (order !== 'unclear' && sign !== '.' && dayFirst !== order && dayFirst !== 'same') return text
    return dayFirst === 'month_first' ? write(lastYear, first!, second!, lastClock) : write(lastYear, second!, first!, lastClock)
  }
  if (serial.test(text)) return serialDate(Number(text), kind)
  return text
}

/** With points the day comes first everywhere; otherwise a number above 12 tells. */
function orderOf(first: string, sign: string, second: string): 'day_first' | 'month_first' | 'same' | undefined {
  if (sign === '.') return 'day_first'
  if (Number(first) > 12) return 'day_first'
  if (Number(second) > 12) return 'month_first'
  return Number(first) === Number(second) ? 'same' : undefined
}

/** The date of a spreadsheet's day number, whose fraction is the time of day. */
export function serialDate(days: number, kind: 'day' | 'instant' = 'instant'): string {
  const at = new Date(epoch + Math.round(days * 86_400) * 1_000)
  if (Number.isNaN(at.getTime())) return String(days)
  const text = at.toISOString()
  return kind === 'day' || text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : `${text.slice(0, 19)}Z`
}

const plain = /^[+-]?\d+(\.\d+)?$/
const groupedByComma = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/
const groupedByPoint = /^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$/
const withComma = /^[+-]?\d+,\d+$/

/** A number cell in the API's own way; as it stands when it is no number; undefined when it can be read in two ways. */
export function readNumber(given: string, sign?: Styles['numbers'][string]): string | undefined {
  const text = bare(given)
  if (!plain.test(text) && !groupedByComma.test(text) && !groupedByPoint.test(text) && !withComma.test(text)) return given
  const told = signOf(text)
  // 1.234 and 1,234 may both be a thousand or little more than one. Without a hint, they are what they are in the API and in English.
  if (told === undefined && sign === 'unclear') return undefined
  const used = told ?? sign ?? 'point'
  if (sign && sign !== 'unclear' && used !== sign && told !== 'none') return given
  const digits = used === 'comma' ? text.replaceAll('.', '').replace(',', '.') : text.replaceAll(',', '')
  return digits.replace(/^\+/, '')
}

function bare(text: string): string {
  return text
    .normalize('NFKC')
    .trim()
    .replace(/(?<=\d)[ '’\u00a0\u202f](?=\d{3})/g, '')
}

/** The decimal sign that a number shows by itself; `none`: it is whole and without separators; undefined: it can be either. */
function signOf(text: string): 'point' | 'comma' | 'none' | undefined {
  if (/^[+-]?\d+$/.test(text)) return 'none'
  if (groupedByComma.test(text)) return text.includes('.') || /,\d{3},/.test(text) ? 'point' : undefined
  if (groupedByPoint.test(text)) return text.includes(',') || /\.\d{3}\./.test(text) ? 'comma' : undefined
  return withComma.test(text) ? 'comma' : 'point'
}

/** Learns from the cells of a file how those are to be read that can be read in two ways. */
export class StyleFinder {
  private readonly told = new Map<string, Set<string>>()
  private readonly open = new Set<string>()

  constructor(
    private readonly holdings: ReadonlyMap<string, Holds>,
    private readonly mapping: ImportMapping,
  ) {}

  see(fields: Readonly<Record<string, string>>): void {
    for (const [field, text] of Object.entries(fields)) {
      const kind = this.holdings.get(field)
      if (!kind || kind === 'text' || this.mapping.dates?.[field] || this.mapping.numbers?.[field]) continue
      const told = kind === 'number' ? numberTells(text) : dateTells(text)
      if (told === 'open') this.open.add(field)
      else if (told) this.told.set(field, (this.told.get(field) ?? new Set()).add(told))
    }
  }

  /** Whether there is a column that can be read in two ways and has not told yet. */
  get undecided(): boolean {
    return [...this.open].some((field) => !this.told.has(field))
  }

  found(): Styles {
    const dates: Record<string, Styles['dates'][string]> = { ...this.mapping.dates }
    const numbers: Record<string, Styles['numbers'][string]> = { ...this.mapping.numbers }
    for (const [field, told] of this.told) {
      const [only, another] = [...told]
      if (this.holdings.get(field) === 'number') numbers[field] = another ? 'unclear' : (only as 'point')
      else dates[field] = another ? 'unclear' : (only as 'day_first')
    }
    return { dates, numbers }
  }
}

function numberTells(given: string): 'open' | 'point' | 'comma' | undefined {
  const text = bare(given)
  if (!plain.test(text) && !groupedByComma.test(text) && !groupedByPoint.test(text) && !withComma.test(text)) return undefined
  const told = signOf(text)
  return told === undefined ? 'open' : told === 'none' ? undefined : told
}

function dateTells(given: string): 'open' | 'day_first' | 'month_first' | undefined {
  const [, first, sign, second] = yearLast.exec(given.normalize('NFKC').trim()) ?? []
  if (!first || sign === '.') return undefined
  const told = orderOf(first, sign!, second!)
  return told === undefined ? 'open' : told === 'same' ? undefined : told
}
