import { Readable } from 'node:stream'
import type { FileFormat } from '@millrace/contracts'
import { stringify } from 'csv-stringify/sync'
import { isFormula, workbook } from './workbook-writer.js'

/** What a column of a file holds; its cells are text as the API writes it. */
export type ColumnKind = 'text' | 'number' | 'amount' | 'day' | 'instant'

export interface FileColumn {
  readonly heading: string
  readonly kind: ColumnKind
}

/** The rows of a file, some at a time; a cell is null when nothing is known. */
export type Rows = AsyncIterable<readonly (readonly (string | null)[])[]>

/** A file that is made while it is read: it never stands in memory as a whole. */
export function fileOf(format: FileFormat, columns: readonly FileColumn[], rows: Rows): Readable {
  return format === 'csv' ? Readable.from(csv(columns, rows), { objectMode: true, highWaterMark: 1 }) : workbook(columns, rows)
}

/** UTF-8 with a byte order mark, by which Excel knows it; a text that it would run as a formula begins with an apostrophe. */
async function* csv(columns: readonly FileColumn[], rows: Rows): AsyncGenerator<Buffer> {
  yield Buffer.from(stringify([columns.map(({ heading }) => harmless(heading))], { bom: true }))
  for await (const some of rows)
    yield Buffer.from(
      stringify(some.map((row) => row.map((cell, n) => (cell !== null && columns[n]!.kind === 'text' ? harmless(cell) : cell)))),
    )
}

function harmless(text: string): string {
  return isFormula(text) ? `'${text}` : text
}
