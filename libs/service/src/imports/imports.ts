import type { Readable } from 'node:stream'
import { Injectable } from '@nestjs/common'
import {
  describeProblem,
  importKinds,
  type Answer,
  type FileFormat,
  type getImport,
  type ImportKindName,
  type ImportMapping,
  type Input,
  type Language,
  type listImports,
  type previewImport,
  type saveImportMapping,
  type startImport,
  type startWaitingImport,
} from '@millrace/contracts'
import { newId, Refusal } from '@millrace/domain'
import { CsvError } from 'csv-parse'
import type { z } from 'zod'
import { Clock } from '../clock.js'
import { context, withContext } from '../context.js'
import { Database } from '../database.js'
import type { FieldProblem } from '../validation.js'
import { guessColumns } from './headings.js'
import { ImportKinds, type ImportKind } from './import-kinds.js'
import { cellsOf, findStyles, forget, importView, withStyles, type ImportRecord, type Layout } from './import-record.js'
import { ImportRunner } from './import-runner.js'
import { holdTo, openCsv, receive, storedChunks, type Received } from './receive.js'
import { detailOf, rejectionFile } from './rejections.js'
import {
  checkMapping,
  columnOf,
  invalidRow,
  isRequired,
  missingFields,
  readRow,
  refusalOfRow,
  refuseMissing,
  type Checked,
  type Reading,
} from './rows.js'
import { ours, SavedMappings } from './saved-mappings.js'

type Wish = Input<typeof previewImport>['body']

const previewed = { rows: 200, shown: 20, errors: 50 } as const

/** What people do with files of rows: send them in, look at what would become of them, start them, and see what did. */
@Injectable()
export class Imports {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly kinds: ImportKinds,
    private readonly runner: ImportRunner,
    private readonly mappings: SavedMappings,
  ) {}

  /** Called by a service's module for each kind that it takes. */
  register<Shape extends z.ZodObject>(kind: ImportKind<Shape>): void {
    this.kinds.add(kind)
  }

  /** Receives a file and begins to import it; with `preview`, it waits to be started. */
  async start({ query, file }: { query: Input<typeof startImport>['query']; file: Readable }): Promise<Answer<typeof getImport>> {
    const id = newId(`${importKinds[query.kind]}_import`)
    const waits = query.preview === 'true'
    const { tenantId, actor } = context()
    try {
      const { shape } = this.kinds.of(query.kind)
      const mapping = (await this.chosen(query.kind, query)) ?? {}
      await this.database.query(
        `INSERT INTO import (id, kind, name, status, mapping, actor, created_at) VALUES ($1, $2, $3, 'receiving', $4::jsonb, $5::jsonb, $6)`,
        [id, query.kind, query.name ?? query.kind, JSON.stringify(mapping), JSON.stringify(actor), this.clock.now()],
      )
      const received = await receive(this.database, id, file, query)
      checkMapping(await this.kinds.fieldsOf(query.kind), mapping, received.columns)
      if (!waits) refuseMissing(shape, mapping, received.columns)
      await this.receivedAs(id, received, waits ? 'waiting' : 'queued')
    } catch (error) {
      file.resume() // the rest is read and dropped: who is still sending would not see the answer
      await forget(this.database, id)
      throw error
    }
    if (!waits) this.runner.begin(tenantId, id)
    return this.get(id)
  }

  private async receivedAs(id: string, file: Received, status: 'waiting' | 'queued'): Promise<void> {
    await this.database.query(
      `UPDATE import SET status = $2, bytes = $3, format = $4, encoding = $5, separator = $6, columns = $7::jsonb, sheets = $8::jsonb, sheet = $9, total_rows = $10
       WHERE id = $1`,
      [
        ...[id, status, file.bytes, file.format, file.encoding, file.separator],
        ...[JSON.stringify(file.columns), JSON.stringify(file.sheets), file.sheet, file.totalRows],
      ],
    )
  }

  /** The mapping that a request names, if any. */
  private async chosen(
    kind: ImportKindName,
    { mapping, savedMapping }: Pick<Wish, 'mapping' | 'savedMapping'>,
  ): Promise<ImportMapping | undefined> {
    if (mapping && savedMapping) throw Refusal.invalid('import.two_mappings')
    return mapping ?? (savedMapping ? (await this.mappings.get(kind, savedMapping)).mapping : undefined)
  }

  /** What would become of the first rows of a file that waits. They are stored as they would be, and that is taken back. */
  async preview(id: string, wish: Wish): Promise<Answer<typeof previewImport>> {
    const record = await this.record(id)
    refuseUnlessWaiting(record)
    const kind = this.kinds.of(record.kind)
    const { shape, holdings } = kind
    const custom = await this.kinds.customNames(kind)
    const layout = await this.layoutOf(record, wish)
    const { mapping, from, saved } = await this.mappingFor(record, layout, wish)
    const reading = { shape, custom, holdings, mapping, styles: await findStyles(this.database, id, kind, layout, mapping) }
    const { rows, whole } = await this.firstRows(record, layout, reading)
    const outcome = await this.rehearse(kind, rows)
    const { language } = context()
    const used = new Set([...Object.keys(shape.shape), ...custom].map((field) => columnOf(mapping, field)))
    return {
      encoding: record.format === 'csv' ? layout.encoding : null,
      separator: record.format === 'csv' ? layout.separator : null,
      columns: [...layout.columns],
      fields: [
        ...Object.keys(shape.shape).map((name) => ({
          name,
          required: isRequired(shape, name),
          holds: holdings.get(name) ?? ('text' as const),
        })),
        ...custom.map((name) => ({ name, required: false, holds: 'text' as const })),
      ],
      mapping: withStyles(mapping, reading.styles),
      mappingFrom: from,
      savedMapping: saved ?? null,
      missing: missingFields(shape, mapping, layout.columns),
      unused: layout.columns.filter((column) => column && !used.has(column) && !ours.has(column)),
      sampled: rows.length,
      whole,
      added: outcome.filter((one) => one === 'added').length,
      existing: outcome.filter((one) => one === 'existing').length,
      rejected: outcome.filter((one) => one instanceof Refusal).length,
      rows: rows.slice(0, previewed.shown).map(({ row, texts }) => ({ row, fields: { ...texts } })),
      errors: rows
        .flatMap((row, n) => (outcome[n] instanceof Refusal ? errorsOf(row, outcome[n], mapping, language) : []))
        .slice(0, previewed.errors),
    }
  }

  /** Imports a file that waits: with the mapping that is given, else as its preview showed it. */
  startWaiting(id: string, { saveAs, ...wish }: Input<typeof startWaitingImport>['body']): Promise<Answer<typeof getImport>> {
    return this.database.transaction(async (tx) => {
      const record = await this.record(id, 'FOR UPDATE')
      refuseUnlessWaiting(record)
      const { shape } = this.kinds.of(record.kind)
      const layout = await this.layoutOf(record, wish)
      const { mapping } = await this.mappingFor(record, layout, wish)
      refuseMissing(shape, mapping, layout.columns)
      if (layout.encoding !== record.encoding) await holdTo(layout.encoding, storedChunks(this.database, id))
      if (saveAs) await this.mappings.save(record.kind, saveAs, layout.columns, mapping)
      await tx.query(
        `UPDATE import SET status = 'queued', mapping = $2::jsonb, encoding = $3, separator = $4, columns = $5::jsonb, actor = $6::jsonb WHERE id = $1`,
        [id, JSON.stringify(mapping), layout.encoding, layout.separator, JSON.stringify(layout.columns), JSON.stringify(context().actor)],
      )
      const { tenantId } = context()
      tx.onCommit(() => this.runner.begin(tenantId, id))
      return importView(await this.record(id))
    })
  }

  discard(id: string): Promise<void> {
    return this.database.transaction(async () => {
      refuseUnlessWaiting(await this.record(id, 'FOR UPDATE'))
      await forget(this.database, id)
    })
  }

  async get(id: string): Promise<Answer<typeof getImport>> {
    return importView(await this.record(id))
  }

  private async record(id: string, lock: '' | 'FOR UPDATE' = ''): Promise<ImportRecord> {
    const found = await this.database.one<ImportRecord>(`SELECT * FROM import WHERE id = $1 ${lock}`, [id])
    if (!found) throw Refusal.notFound('import', id)
    return found
  }

  async list(kind: string): Promise<Answer<typeof listImports>> {
    const rows = await this.database.query<ImportRecord>('SELECT * FROM import WHERE kind = $1 ORDER BY id DESC LIMIT 100', [kind])
    return { data: rows.map(importView), next: null }
  }

  /** The rejected rows as a file; cells that a spreadsheet would run as a formula are defused. */
  async rejections(id: string, format: FileFormat, language: Language): Promise<Readable> {
    return rejectionFile(this.database, await this.record(id), format, language)
  }

  async saveMapping(
    kind: ImportKindName,
    { name, columns, mapping }: Input<typeof saveImportMapping>['body'],
  ): Promise<Answer<typeof saveImportMapping>> {
    checkMapping(await this.kinds.fieldsOf(kind), mapping, columns)
    return this.mappings.save(kind, name, columns, mapping)
  }

  /** How the text of a waiting file is read, with what the request wishes otherwise. An Excel file has no choice. */
  private async layoutOf(record: ImportRecord, { encoding = record.encoding, separator }: Wish): Promise<Layout> {
    if (record.format === 'xlsx' || (encoding === record.encoding && (separator ?? record.separator) === record.separator)) return record
    return { encoding, ...(await openCsv(storedChunks(this.database, record.id), { encoding, separator })) }
  }

  /** The mapping that was given, with the file or now; else the one saved for the same columns; else a guess by the headings. */
  private async mappingFor(record: ImportRecord, { columns }: Layout, wish: Wish) {
    const fields = await this.kinds.fieldsOf(record.kind)
    const own = Object.keys(record.mapping).length ? record.mapping : undefined
    const given = (await this.chosen(record.kind, wish)) ?? own
    if (given) checkMapping(fields, given, columns)
    if (given) return { mapping: given, from: 'given' as const, saved: wish.savedMapping }
    const saved = await this.mappings.forColumns(record.kind, columns)
    if (saved) return { mapping: saved.mapping, from: 'saved' as const, saved: saved.id }
    return { mapping: { columns: guessColumns(fields, columns) }, from: 'guessed' as const, saved: undefined }
  }

  private async firstRows(record: ImportRecord, layout: Layout, reading: Reading): Promise<{ rows: Checked[]; whole: boolean }> {
    const rows: Checked[] = []
    try {
      for await (const cells of cellsOf(this.database, record.id, layout)) {
        if (rows.length === previewed.rows) return { rows, whole: false }
        rows.push(readRow(reading, rows.length + 1, cells))
      }
    } catch (error) {
      if (error instanceof CsvError) throw Refusal.invalid('import.bad_csv', { row: rows.length + 1, reason: error.message })
      throw error
    }
    return { rows, whole: true }
  }

  /** What would become of rows. Like the runner's applyChunk, but nothing of it stays. */
  private async rehearse(kind: ImportKind, read: readonly Checked[]): Promise<('added' | 'existing' | Refusal)[]> {
    const rows = await this.kinds.withCustom(kind, read)
    const good = rows.filter(({ problems }) => !problems.length)
    const outcomes = good.length ? await this.rehearseGood(kind, good) : []
    return rows.map(({ problems }) => (problems.length ? invalidRow(problems) : outcomes.shift()!))
  }

  private async rehearseGood(kind: ImportKind, rows: readonly object[]): Promise<('added' | 'existing' | Refusal)[]> {
    const takenBack = new Error('a rehearsal')
    let outcomes: ('added' | 'existing' | Refusal)[] = []
    try {
      await withContext({ ...context(), caused: [] }, () =>
        this.database.transaction(async (tx) => {
          outcomes = await kind.apply(tx, rows as never)
          await tx.query('SELECT') // what was sent without waiting for an answer has one now
          throw takenBack
        }),
      )
    } catch (error) {
      if (error === takenBack) return outcomes
      if (rows.length > 1) {
        const half = rows.length >> 1
        return [...(await this.rehearseGood(kind, rows.slice(0, half))), ...(await this.rehearseGood(kind, rows.slice(half)))]
      }
      const refusal = refusalOfRow(error)
      if (!refusal) throw error
      return [refusal]
    }
    return outcomes
  }
}

function refuseUnlessWaiting({ status }: ImportRecord): void {
  if (status !== 'waiting') throw new Refusal('import.not_waiting', { status })
}

/** What is wrong with a row, field by field. */
function errorsOf(
  { row, cells, texts }: Checked,
  { code, details }: Refusal,
  mapping: ImportMapping,
  language: Language,
): Answer<typeof previewImport>['errors'] {
  const at = (field: string | undefined) => {
    const column = field === undefined ? null : columnOf(mapping, field)
    const known = column !== null && Object.hasOwn(cells, column)
    return { field: field ?? null, column: known ? column : null, value: known ? cells[column]! : (texts[field ?? ''] ?? null) }
  }
  const errors = (details['errors'] ?? []) as FieldProblem[]
  if (errors.length) return errors.map((error) => ({ row, ...at(error.pointer), code: error.code, detail: detailOf(error, language) }))
  const field = typeof details['field'] === 'string' ? details['field'] : undefined
  return [{ row, ...at(field), code, detail: describeProblem(code, details, language).detail }]
}
