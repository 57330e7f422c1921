import { pipeline, Readable } from 'node:stream'
import {
  separators,
  type Answer,
  type Encoding,
  type FileFormat,
  type getImport,
  type ImportKindName,
  type ImportMapping,
  type ImportView,
  type Separator,
} from '@millrace/contracts'
import { CsvError, parse } from 'csv-parse'
import type { z } from 'zod'
import type { Actor } from '../context.js'
import type { Database } from '../database.js'
import { StyleFinder, type Styles } from './cells.js'
import { textOf } from './encoding.js'
import type { KnownKind } from './import-kinds.js'
import { columnNames, storedChunks } from './receive.js'
import { columnOf, mapped, type Cells } from './rows.js'

/** An import as it is stored. */
export interface ImportRecord {
  readonly id: string
  readonly tenant_id: string
  readonly kind: ImportKindName
  readonly name: string
  readonly status: z.infer<typeof ImportView>['status']
  readonly format: FileFormat
  readonly encoding: Encoding
  readonly separator: Separator
  readonly columns: readonly string[]
  readonly sheets: readonly string[]
  readonly sheet: string | null
  readonly mapping: ImportMapping
  readonly styles: Styles | null
  readonly actor: Actor
  readonly bytes: bigint
  readonly total_rows: number | null
  readonly rows: number
  readonly added: number
  readonly existing: number
  readonly rejected: number
  readonly rules: z.infer<typeof ImportView>['rules']
  readonly problem: string | null
  readonly created_at: Date
  readonly finished_at: Date | null
}

/** How a file's text is read. */
export type Layout = Pick<ImportRecord, 'encoding' | 'separator' | 'columns'>

/** So many rows are read, checked and stored at once. */
export const rowsAtOnce = 1_000

/** Removes an import and its file; with a status, only if it still has that. */
export async function forget(database: Database, id: string, status?: ImportRecord['status']): Promise<void> {
  await database.transaction(async (tx) => {
    const [gone] = await tx.query('DELETE FROM import WHERE id = $1 AND status = coalesce($2, status) RETURNING id', [id, status ?? null])
    if (gone) await tx.query('DELETE FROM import_chunk WHERE import_id = $1', [id])
  })
}

/** The rows of a stored file by column, without the empty ones that spreadsheets leave at the end. */
export function cellsOf(
  database: Database,
  id: string,
  { encoding, separator }: Pick<Layout, 'encoding' | 'separator'>,
): AsyncIterable<Cells> {
  const stored = storedChunks(database, id)
  const parser = parse({
    bom: true,
    columns: (header: string[]) => columnNames(header),
    delimiter: separators[separator],
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    max_record_size: 1_000_000,
  })
  // UTF-8 is what the parser reads anyway.
  return pipeline(Readable.from(encoding === 'utf-8' ? stored : textOf(encoding, stored)), parser, () => undefined)
}

/** How dates and numbers are meant that can be read in two ways: as the first rows tell, or when they leave it open, the first one that does. */
export async function findStyles(
  database: Database,
  id: string,
  { shape, holdings }: KnownKind,
  layout: Layout,
  mapping: ImportMapping,
): Promise<Styles> {
  const finder = new StyleFinder(holdings, mapping)
  const fields = Object.keys(shape.shape).filter(
    (field) => holdings.get(field) !== 'text' && layout.columns.includes(columnOf(mapping, field) ?? ''),
  )
  if (!fields.length) return finder.found()
  let seen = 0
  try {
    for await (const cells of cellsOf(database, id, layout)) {
      finder.see(mapped(fields, mapping, cells))
      seen += 1
      if (seen >= rowsAtOnce && !finder.undecided) break
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error // the rows before it can be read
  }
  return finder.found()
}

/** An import as the API tells of it. */
export function importView(record: ImportRecord): Answer<typeof getImport> {
  const { id, kind, name, status, format, encoding, separator, mapping, styles, rows, added, existing, rejected, rules, problem } = record
  const totalRows = status === 'done' ? rows : record.total_rows
  return {
    id,
    kind,
    name,
    status,
    format,
    encoding: format === 'csv' ? encoding : null,
    separator: format === 'csv' ? separator : null,
    sheets: [...record.sheets],
    sheet: record.sheet,
    columns: [...record.columns],
    mapping: withStyles(mapping, styles),
    bytes: Number(record.bytes),
    totalRows,
    // The rows were counted by their line ends: only the end is certain.
    percent: status === 'done' ? 100 : totalRows === null ? null : totalRows ? Math.min(99, Math.floor((rows / totalRows) * 100)) : 0,
    rows,
    added,
    existing,
    rejected,
    rules,
    problem,
    createdAt: record.created_at,
    finishedAt: record.finished_at,
  }
}

/** The mapping with what was found out about dates and numbers. */
export function withStyles(mapping: ImportMapping, styles: Styles | null): ImportMapping {
  const clear = <S extends string>(found: Readonly<Record<string, S>>) =>
    Object.fromEntries(Object.entries(found).filter(([, style]) => style !== 'unclear')) as Record<string, Exclude<S, 'unclear'>>
  const [dates, numbers] = [clear(styles?.dates ?? {}), clear(styles?.numbers ?? {})]
  return { ...mapping, ...(Object.keys(dates).length && { dates }), ...(Object.keys(numbers).length && { numbers }) }
}
