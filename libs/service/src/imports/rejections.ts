import type { Readable } from 'node:stream'
import { describeProblem, type FileFormat, type ImportMapping, type Language } from '@millrace/contracts'
import { context, withContext } from '../context.js'
import type { Database } from '../database.js'
import { fileOf, type FileColumn } from '../exports/files.js'
import type { FieldProblem } from '../validation.js'
import type { Cells } from './rows.js'
import { ours } from './saved-mappings.js'

interface Rejected {
  readonly row: number
  readonly cells: Cells
  readonly code: string
  readonly details: Record<string, unknown>
}

const atOnce = 1_000

/** The rejected rows of an import as a file: as they came, with the number of each and why. Sent again, what is ours is passed over. */
export function rejectionFile(
  database: Database,
  { id, columns, mapping }: { id: string; columns: readonly string[]; mapping: ImportMapping },
  format: FileFormat,
  language: Language,
): Readable {
  const used = new Set(Object.values(mapping.columns ?? {}))
  // Those of a file that was mended and sent again are not kept, unless the mapping takes something from them.
  const kept = columns.filter((column) => column && (!ours.has(column) || used.has(column)))
  const heading = (name: string): FileColumn => ({ heading: used.has(name) ? `${name} (import)` : name, kind: 'text' })
  const all = [heading('row'), ...kept.map((name): FileColumn => ({ heading: name, kind: 'text' })), heading('reason')]
  const current = context() // who reads the file comes back outside of the request
  return fileOf(format, all, rows())

  async function* rows() {
    for (let last = 0; ;) {
      const some = await withContext(current, () =>
        database.query<Rejected>(
          'SELECT row, cells, code, details FROM import_rejection WHERE import_id = $1 AND row > $2 ORDER BY row LIMIT $3',
          [id, last, atOnce],
        ),
      )
      if (!some.length) return
      yield some.map(({ row, cells, code, details }) => [
        String(row),
        ...kept.map((name) => cells[name] ?? ''),
        reasonOf(code, details, language),
      ])
      last = some.at(-1)!.row
    }
  }
}

/** Why a row was rejected, in words. */
export function reasonOf(code: string, details: Record<string, unknown>, language: Language): string {
  const errors = (details['errors'] ?? []) as FieldProblem[]
  if (!errors.length) return describeProblem(code, details, language).detail
  return errors.map((error) => `${error.pointer}: ${detailOf(error, language)}`).join('; ')
}

/** What is wrong with one field, in words. */
export function detailOf({ code, detail, details = {} }: FieldProblem, language: Language): string {
  return code.startsWith('field.') ? detail : describeProblem(code, details, language).detail
}
