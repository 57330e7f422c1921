import { Controller, StreamableFile } from '@nestjs/common'
import {
  describeProblem,
  fileFormats,
  listExports,
  type Answer,
  type FileFormat,
  type Language,
  type ListQuery,
  type Operation,
  type Page,
  type ServiceName,
} from '@millrace/contracts'
import { newId, Refusal } from '@millrace/domain'
import { z } from 'zod'
import type { Clock } from '../clock.js'
import { context, withContext } from '../context.js'
import { Database } from '../database.js'
import { isNumber } from '../imports/cells.js'
import { headingOf } from '../imports/headings.js'
import { Serve } from '../operation-server.js'
import { fileOf, type ColumnKind, type FileColumn } from './files.js'

const rowsAtOnce = 1_000
/** A sheet of Excel takes 1,048,576. */
export const mostRows = 1_000_000

const cutOff: Record<Language, string> = {
  en: `Only the first ${mostRows.toLocaleString('en')} rows are in this file. Narrow the filters for the others.`,
  'zh-CN': `本文件仅包含前 ${mostRows.toLocaleString('en')} 行。请缩小筛选范围以导出其余数据。`,
}

/** Lists as files: page after page through the list's own way of reading, so with its filters, its order and what its caller may see. */
export class Exports {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly service: ServiceName,
  ) {}

  /** The file of a list. Its first page is read before the answer begins, so that what is wrong with the request is said. */
  async answer(
    operation: Operation,
    { limit: _limit, format: _format, ...asked }: ListQuery,
    format: FileFormat,
    page: (query: ListQuery) => Promise<Page<object>>,
  ): Promise<StreamableFile> {
    const current = context()
    const { language } = current
    // Who reads the file comes back outside of the request, for each page.
    const read = (cursor: string | undefined) =>
      withContext({ ...current, caused: [] }, () => page({ ...asked, limit: rowsAtOnce, ...(cursor !== undefined && { cursor }) }))
    const note = (version: number, change: Record<string, unknown>) =>
      withContext({ ...current, caused: [] }, () => this.database.transaction(async (tx) => tx.noteInAudit('export', id, version, change)))
    const first = await read(asked.cursor)
    const id = newId(`${this.service}_export`)
    await note(1, { list: operation.id, format, query: asked })
    const columns = columnsOf(operation, asked.fields, language)
    const rows = async function* () {
      let count = 0
      let complete = false
      try {
        for (let next: Page<object> | Refusal = first; ; next = await read(next.next!).catch(refusalOrThrow)) {
          if (next instanceof Refusal) {
            // Too late for another status: the file says itself why it ends here.
            yield [columns.map((_, n) => (n ? null : describeProblem(next.code, next.details, language).detail))]
            return
          }
          const some = next.data.slice(0, mostRows - count)
          count += some.length
          if (some.length) yield some.map((item) => cellsOf(item, columns))
          if (!next.next || count >= mostRows) {
            if (next.next || some.length < next.data.length) yield [columns.map((_, n) => (n ? null : cutOff[language]))]
            complete = true
            return
          }
        }
      } finally {
        await note(2, { rows: count, complete })
      }
    }
    const name = `${operation.path.split('/').slice(2).join('-')}-${this.clock.now().toISOString().slice(0, 10)}.${format}`
    return new StreamableFile(fileOf(format, columns, rows()), {
      type: format === 'csv' ? `${fileFormats.csv}; charset=utf-8` : fileFormats.xlsx,
      disposition: `attachment; filename="${name}"`,
    })
  }
}

function refusalOrThrow(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  throw error
}

interface Column extends FileColumn {
  /** The cell of an item as it is on the wire. */
  readonly read: (item: Readonly<Record<string, unknown>>) => unknown
}

interface JsonSchema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly pattern?: string
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly $defs?: Readonly<Record<string, JsonSchema>>
}

/** One column a field, two for money: the amount and its currency. */
function columnsOf({ list }: Operation, fields: string | undefined, language: Language): Column[] {
  const { properties = {}, $defs = {} } = z.toJSONSchema(z.object(list!.item.shape), { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const resolved = (schema: JsonSchema): JsonSchema => (schema.$ref ? ($defs[schema.$ref.replace('#/$defs/', '')] ?? {}) : schema)
  const names = [...new Set(fields?.split(',') ?? Object.keys(properties))]
  return names.flatMap((name): Column[] => {
    const heading = headingOf(name, language)
    const options = [properties[name] ?? {}, ...(properties[name]?.anyOf ?? [])].map(resolved)
    if (!options.some((option) => option.properties?.['amount'] && option.properties['currency']))
      return [{ heading, kind: kindOf(options), read: (item) => item[name] }]
    const part = (key: 'amount' | 'currency') => (item: Readonly<Record<string, unknown>>) =>
      (item[name] as Record<string, unknown> | null | undefined)?.[key]
    return [
      { heading, kind: 'amount', read: part('amount') },
      { heading: language === 'zh-CN' ? `${heading}币种` : `${heading}Currency`, kind: 'text', read: part('currency') },
    ]
  })
}

function kindOf(options: readonly JsonSchema[]): ColumnKind {
  if (options.some(({ format }) => format === 'date-time')) return 'instant'
  if (options.some(({ format }) => format === 'date')) return 'day'
  return options.some(isNumber) ? 'number' : 'text'
}

function cellsOf(item: object, columns: readonly Column[]): (string | null)[] {
  const wire = JSON.parse(JSON.stringify(item)) as Record<string, unknown>
  return columns.map(({ read }) => cellOf(read(wire)))
}

/** Lists of words are written as imports read them. */
function cellOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join('|')
  return JSON.stringify(value)
}

interface ExportRow {
  readonly id: string
  readonly actor_id: string | null
  readonly begun: { readonly list: string; readonly format: FileFormat; readonly query: Record<string, unknown> }
  readonly ended: { readonly rows: number; readonly complete: boolean } | null
  readonly at: Date
}

@Controller()
export class ExportController {
  constructor(private readonly database: Database) {}

  @Serve(listExports)
  async list(): Promise<Answer<typeof listExports>> {
    const rows = await this.database.query<ExportRow>(
      `SELECT b.aggregate_id AS id, b.actor_id, b.change AS begun, e.change AS ended, b.at FROM audit b
       LEFT JOIN audit e ON e.aggregate_id = b.aggregate_id AND e.aggregate = 'export' AND e.version = 2
       WHERE b.aggregate = 'export' AND b.version = 1 ORDER BY b.seq DESC LIMIT 100`,
    )
    const data = rows.map(({ id, actor_id: actorId, begun, ended, at }) => ({
      ...{ id, list: begun.list, format: begun.format, query: begun.query, actorId, startedAt: at },
      ...{ rows: ended?.rows ?? null, complete: ended?.complete ?? false },
    }))
    return { data, next: null }
  }
}
