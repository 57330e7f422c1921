import { pipeline, Readable } from 'node:stream'
import { Injectable } from '@nestjs/common'
import {
  describeProblem,
  importKinds,
  separators,
  type Answer,
  type CustomRecord,
  type Encoding,
  type FileFormat,
  type getImport,
  type ImportKindName,
  type ImportMapping,
  type ImportView,
  type Input,
  type Language,
  type listImports,
  type previewImport,
  type saveImportMapping,
  type Separator,
  type startImport,
  type startWaitingImport,
} from '@millrace/contracts'
import { newId, Refusal, type CustomValues } from '@millrace/domain'
import { CsvError, parse } from 'csv-parse'
import type { z } from 'zod'
import { Clock } from '../clock.js'
import { context, inTenant, withContext, type Actor } from '../context.js'
import { CustomFields } from '../custom-fields/custom-fields.js'
import { Database } from '../database.js'
import { Jobs } from '../jobs.js'
import { refusalOf } from '../problem.js'
import type { Transaction } from '../transaction.js'
import type { FieldProblem } from '../validation.js'
import { holdings, StyleFinder, type Holds, type Styles } from './cells.js'
import { textOf } from './encoding.js'
import { guessColumns } from './headings.js'
import { columnNames, holdTo, openCsv, receive, storedChunks, type Received } from './receive.js'
import { detailOf, rejectionFile } from './rejections.js'
import {
  checkMapping,
  columnOf,
  isRequired,
  mapped,
  missingFields,
  readRow,
  refuseMissing,
  type Cells,
  type Checked,
  type Reading,
  type Rule,
} from './rows.js'
import { ours, SavedMappings } from './saved-mappings.js'

/** One row of a file, mapped and checked. */
export interface ImportRow<Fields> {
  /** Line of data in the file; the first after the header is 1. */
  readonly row: number
  readonly fields: Fields
  /** Values of the company's own fields, checked. */
  readonly custom: CustomValues
}

/** Something that can be imported. Names are those of the API's fields. */
export interface ImportKind<Shape extends z.ZodObject = z.ZodObject> {
  readonly kind: ImportKindName
  /**
   * The fields of one row; every value arrives as text or is absent, so shapes coerce and parse. Where a shape takes a date or a number, the usual ways
   * to write one arrive in the API's own way.
   */
  readonly shape: Shape
  /** The record that it adds, when a company may add fields to it: then also columns named `custom.<key>` are taken. */
  readonly custom?: CustomRecord
  /**
   * Stores rows in the given transaction and says for each what became of it. A row whose record is there already answers `existing` and
   * changes nothing. A Refusal that is thrown makes the rows be tried one by one, so that only the guilty one is rejected. A preview does this too, and
   * takes it back.
   */
  apply(tx: Transaction, rows: readonly ImportRow<z.output<Shape>>[]): Promise<(('added' | 'existing') | Refusal)[]>
}

interface ImportRecord {
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
type Layout = Pick<ImportRecord, 'encoding' | 'separator' | 'columns'>

interface Rejection {
  readonly row: number
  readonly cells: Cells
  readonly refusal: Refusal
}

type Wish = Input<typeof previewImport>['body']

const rowsAtOnce = 1_000
const longestUpload = 3_600_000
/** How long a file waits for its start. */
const longestWait = 24 * 3_600_000
const previewed = { rows: 200, shown: 20, errors: 50 } as const

/** Imports files in the background: row by row checked, in chunks of one transaction each that also notes how far it came, so nothing is doubled. */
@Injectable()
export class Imports {
  private readonly kinds = new Map<string, ImportKind & { readonly holdings: ReadonlyMap<string, Holds> }>()
  private readonly running = new Set<string>()
  private stopped = false

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
    private readonly mappings: SavedMappings,
    private readonly customFields: CustomFields,
  ) {
    jobs.every(30, 'imports', () => this.resume())
    jobs.onStop(() => (this.stopped = true))
  }

  /** Called by a service's module for each kind that it takes. */
  register<Shape extends z.ZodObject>(kind: ImportKind<Shape>): void {
    const general = kind as unknown as ImportKind
    this.kinds.set(kind.kind, {
      kind: kind.kind,
      shape: general.shape,
      ...(general.custom && { custom: general.custom }),
      holdings: holdings(kind.shape),
      apply: (tx, rows) => general.apply(tx, rows),
    })
  }

  /** Receives a file and begins to import it; with `preview`, it waits to be started. */
  async start({ query, file }: { query: Input<typeof startImport>['query']; file: Readable }): Promise<Answer<typeof getImport>> {
    const id = newId(`${importKinds[query.kind]}_import`)
    const waits = query.preview === 'true'
    const { tenantId, actor } = context()
    try {
      const kind = this.kindOf(query.kind)
      const { shape } = kind
      const mapping = (await this.chosen(query.kind, query)) ?? {}
      await this.database.query(
        `INSERT INTO import (id, kind, name, status, mapping, actor, created_at) VALUES ($1, $2, $3, 'receiving', $4::jsonb, $5::jsonb, $6)`,
        [id, query.kind, query.name ?? query.kind, JSON.stringify(mapping), JSON.stringify(actor), this.clock.now()],
      )
      const received = await receive(this.database, id, file, query)
      checkMapping([...Object.keys(shape.shape), ...(await this.customNames(kind))], mapping, received.columns)
      if (!waits) refuseMissing(shape, mapping, received.columns)
      await this.receivedAs(id, received, waits ? 'waiting' : 'queued')
    } catch (error) {
      file.resume() // the rest is read and dropped: who is still sending would not see the answer
      await this.forget(id)
      throw error
    }
    if (!waits) this.jobs.begin('imports', () => this.work(tenantId, id))
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

  private kindOf(kind: string) {
    const found = this.kinds.get(kind)
    if (!found) throw new Refusal('import.not_here')
    return found
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
    const { holdings, ...kind } = this.kindOf(record.kind)
    const { shape } = kind
    const custom = await this.customNames(kind)
    const layout = await this.layoutOf(record, wish)
    const { mapping, from, saved } = await this.mappingFor(record, layout, wish)
    const reading = { shape, custom, holdings, mapping, styles: await this.findStyles(record, layout, mapping) }
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
      const { shape } = this.kindOf(record.kind)
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
      tx.onCommit(() => this.jobs.begin('imports', () => this.work(tenantId, id)))
      return view(await this.record(id))
    })
  }

  discard(id: string): Promise<void> {
    return this.database.transaction(async () => {
      refuseUnlessWaiting(await this.record(id, 'FOR UPDATE'))
      await this.forget(id)
    })
  }

  async get(id: string): Promise<Answer<typeof getImport>> {
    return view(await this.record(id))
  }

  private async record(id: string, lock: '' | 'FOR UPDATE' = ''): Promise<ImportRecord> {
    const found = await this.database.one<ImportRecord>(`SELECT * FROM import WHERE id = $1 ${lock}`, [id])
    if (!found) throw Refusal.notFound('import', id)
    return found
  }

  async list(kind: string): Promise<Answer<typeof listImports>> {
    const rows = await this.database.query<ImportRecord>('SELECT * FROM import WHERE kind = $1 ORDER BY id DESC LIMIT 100', [kind])
    return { data: rows.map(view), next: null }
  }

  /** The rejected rows as a file; cells that a spreadsheet would run as a formula are defused. */
  async rejections(id: string, format: FileFormat, language: Language): Promise<Readable> {
    return rejectionFile(this.database, await this.record(id), format, language)
  }

  async saveMapping(
    kind: ImportKindName,
    { name, columns, mapping }: Input<typeof saveImportMapping>['body'],
  ): Promise<Answer<typeof saveImportMapping>> {
    checkMapping(await this.fieldsOf(kind), mapping, columns)
    return this.mappings.save(kind, name, columns, mapping)
  }

  /** How the text of a waiting file is read, with what the request wishes otherwise. An Excel file has no choice. */
  private async layoutOf(record: ImportRecord, { encoding = record.encoding, separator }: Wish): Promise<Layout> {
    if (record.format === 'xlsx' || (encoding === record.encoding && (separator ?? record.separator) === record.separator)) return record
    return { encoding, ...(await openCsv(storedChunks(this.database, record.id), { encoding, separator })) }
  }

  /** The mapping that was given, with the file or now; else the one saved for the same columns; else a guess by the headings. */
  private async mappingFor(record: ImportRecord, { columns }: Layout, wish: Wish) {
    const fields = await this.fieldsOf(record.kind)
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
      for await (const cells of this.cellsOf(record.id, layout)) {
        if (rows.length === previewed.rows) return { rows, whole: false }
        rows.push(readRow(reading, rows.length + 1, cells))
      }
    } catch (error) {
      if (error instanceof CsvError) throw Refusal.invalid('import.bad_csv', { row: rows.length + 1, reason: error.message })
      throw error
    }
    return { rows, whole: true }
  }

  /** What would become of rows. Like applyChunk, but nothing of it stays. */
  private async rehearse(kind: ImportKind, read: readonly Checked[]): Promise<('added' | 'existing' | Refusal)[]> {
    const rows = await this.withCustom(kind, read)
    const good = rows.filter(({ problems }) => !problems.length)
    const outcomes = good.length ? await this.rehearseGood(kind, good) : []
    return rows.map(({ problems }) => (problems.length ? invalid(problems) : outcomes.shift()!))
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
      const refusal = error instanceof Refusal ? error : databaseRefusal(error)
      if (!refusal) throw error
      return [refusal]
    }
    return outcomes
  }

  private async forget(id: string, status?: ImportRecord['status']): Promise<void> {
    await this.database.transaction(async (tx) => {
      const [gone] = await tx.query('DELETE FROM import WHERE id = $1 AND status = coalesce($2, status) RETURNING id', [id, status ?? null])
      if (gone) await tx.query('DELETE FROM import_chunk WHERE import_id = $1', [id])
    })
  }

  /**
   * Goes on with what a stop or crash interrupted. A file whose upload it cut off will not be completed: its sender got no answer. One that waited for a
   * day is not wanted any more.
   */
  private async resume(): Promise<void> {
    const waiting = await inTenant('*', () =>
      this.database.query<ImportRecord>(
        `SELECT id, tenant_id, status FROM import
         WHERE status IN ('queued', 'running') OR (status = 'receiving' AND created_at < $1) OR (status = 'waiting' AND created_at < $2)`,
        [new Date(this.clock.now().getTime() - longestUpload), new Date(this.clock.now().getTime() - longestWait)],
      ),
    )
    for (const { id, tenant_id, status } of waiting)
      await (status === 'queued' || status === 'running' ? this.work(tenant_id, id) : inTenant(tenant_id, () => this.forget(id, status)))
  }

  /** Works an import off; a lock keeps a second replica from doing the same. */
  private async work(tenantId: string, id: string): Promise<void> {
    if (this.running.has(id)) return
    this.running.add(id)
    const lock = await this.database.dedicated().catch(() => undefined)
    try {
      const held = (await lock?.query<{ held: boolean }>('SELECT pg_try_advisory_lock(hashtext($1)) AS held', [id]))?.rows[0]?.held
      if (held) await inTenant(tenantId, () => this.workThrough(id))
    } catch (error) {
      // When the database went away, resume() finds the import again. Anything else would fail each time.
      if (this.stopped || refusalOf(error)?.code === 'service.unavailable') return
      await inTenant(tenantId, () => this.finish(id, 'failed', 'fault'))
      throw error
    } finally {
      await lock?.end().catch(() => undefined)
      this.running.delete(id)
    }
  }

  private async workThrough(id: string): Promise<void> {
    const record = await this.database.one<ImportRecord>(
      `UPDATE import SET status = 'running' WHERE id = $1 AND status IN ('queued', 'running') RETURNING *`,
      [id],
    )
    const kind = record && this.kinds.get(record.kind)
    if (!record || !kind) return
    const acting = { ...context(), actor: record.actor, channel: 'import' as const }
    const styles = record.styles ?? (await this.findStyles(record, record, record.mapping))
    if (!record.styles) await this.database.query('UPDATE import SET styles = $2::jsonb WHERE id = $1', [id, JSON.stringify(styles)])
    const reading = { ...kind, custom: await this.customNames(kind), mapping: record.mapping, styles }
    let row = 0
    let chunk: Checked[] = []
    // One transaction at a time, in the file's order; while it waits for the database, the next rows are read and checked.
    let applying: Promise<void> = Promise.resolve()
    const flush = async () => {
      const ready = chunk
      chunk = []
      await applying
      if (ready.length) applying = withContext({ ...acting, caused: [] }, () => this.applyChunk(id, kind, ready))
      applying.catch(() => undefined)
    }
    try {
      for await (const cells of this.cellsOf(id, record)) {
        row += 1
        if (row <= record.rows) continue
        chunk.push(readRow(reading, row, cells))
        if (chunk.length < rowsAtOnce) continue
        await flush()
        if (this.stopped) return
      }
      await flush()
      await applying
      await this.finish(id, 'done', null)
    } catch (error) {
      if (!(error instanceof CsvError)) throw error
      await flush()
      await applying
      await this.finish(id, 'failed', 'import.bad_csv')
    } finally {
      await applying.catch(() => undefined)
    }
  }

  /** The rows of a stored file by column, without the empty ones that spreadsheets leave at the end. */
  private cellsOf(id: string, { encoding, separator }: Pick<Layout, 'encoding' | 'separator'>): AsyncIterable<Cells> {
    const stored = storedChunks(this.database, id)
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
  private async findStyles({ id, kind }: ImportRecord, layout: Layout, mapping: ImportMapping): Promise<Styles> {
    const { shape, holdings } = this.kindOf(kind)
    const finder = new StyleFinder(holdings, mapping)
    const fields = Object.keys(shape.shape).filter(
      (field) => holdings.get(field) !== 'text' && layout.columns.includes(columnOf(mapping, field) ?? ''),
    )
    if (!fields.length) return finder.found()
    let seen = 0
    try {
      for await (const cells of this.cellsOf(id, layout)) {
        finder.see(mapped(fields, mapping, cells))
        seen += 1
        if (seen >= rowsAtOnce && !finder.undecided) break
      }
    } catch (error) {
      if (!(error instanceof CsvError)) throw error // the rows before it can be read
    }
    return finder.found()
  }

  /** Rows with the values of the company's own fields, checked too. */
  private async withCustom(
    kind: ImportKind,
    rows: readonly Checked[],
  ): Promise<(Omit<Checked, 'custom'> & { readonly custom: CustomValues })[]> {
    if (!kind.custom) return rows.map((row) => ({ ...row, custom: {} }))
    const read = await this.customFields.fromCells(
      kind.custom,
      rows.map(({ custom }) => custom),
    )
    return rows.map((row, n) => ({ ...row, custom: read[n]!.values, problems: [...row.problems, ...read[n]!.problems] }))
  }

  /** What a mapping can name for a kind. */
  private async fieldsOf(name: ImportKindName): Promise<string[]> {
    const kind = this.kindOf(name)
    return [...Object.keys(kind.shape.shape), ...(await this.customNames(kind))]
  }

  /** The columns of the company's own fields that a kind takes. */
  private async customNames({ custom }: Pick<ImportKind, 'custom'>): Promise<string[]> {
    if (!custom) return []
    const fields = await this.customFields.of(custom)
    return [...fields.values()].filter(({ active }) => active).map(({ key }) => `custom.${key}`)
  }

  private async finish(id: string, status: 'done' | 'failed', problem: string | null): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query('UPDATE import SET status = $2, problem = $3, finished_at = $4 WHERE id = $1', [id, status, problem, this.clock.now()])
      await tx.query('DELETE FROM import_chunk WHERE import_id = $1', [id])
    })
  }

  /** One transaction: the rows' effect and the progress. When a row refuses, each half is tried by itself, so that only the guilty one is left out. */
  private async applyChunk(id: string, kind: ImportKind, chunk: readonly Checked[]): Promise<void> {
    try {
      await this.database.transaction((tx) => this.applyRows(tx, id, kind, chunk))
    } catch (error) {
      if (chunk.length > 1) {
        const half = chunk.length >> 1
        await this.applyChunk(id, kind, chunk.slice(0, half))
        return this.applyChunk(id, kind, chunk.slice(half))
      }
      const refusal = error instanceof Refusal ? error : databaseRefusal(error)
      if (!refusal) throw error
      await this.database.transaction((tx) => this.note(tx, id, chunk[0]!.row, { added: 0, existing: 0 }, [{ ...chunk[0]!, refusal }], []))
    }
  }

  private async applyRows(tx: Transaction, id: string, kind: ImportKind, read: readonly Checked[]): Promise<void> {
    const chunk = await this.withCustom(kind, read)
    const good = chunk.filter(({ problems }) => !problems.length)
    const rejections: Rejection[] = chunk.flatMap(({ row, cells, problems }) =>
      problems.length ? { row, cells, refusal: invalid(problems) } : [],
    )
    const outcomes = good.length ? await kind.apply(tx, good as never) : []
    outcomes.forEach((outcome, n) => {
      if (outcome instanceof Refusal) rejections.push({ row: good[n]!.row, cells: good[n]!.cells, refusal: outcome })
    })
    const counts = {
      added: outcomes.filter((outcome) => outcome === 'added').length,
      existing: outcomes.filter((outcome) => outcome === 'existing').length,
    }
    const rules = chunk.flatMap((each) => each.rules)
    await this.note(tx, id, chunk.at(-1)!.row, counts, rejections, rules)
  }

  private async note(
    tx: Transaction,
    id: string,
    row: number,
    counts: { added: number; existing: number },
    rejections: readonly Rejection[],
    rules: readonly Rule[],
  ): Promise<void> {
    if (rejections.length)
      await tx.query(
        `INSERT INTO import_rejection (import_id, row, cells, code, details) SELECT $1, r, c::jsonb, k, d::jsonb FROM unnest($2::int[], $3::text[], $4::text[], $5::text[]) AS given(r, c, k, d)`,
        [
          id,
          rejections.map(({ row }) => row),
          rejections.map(({ cells }) => JSON.stringify(cells)),
          rejections.map(({ refusal }) => refusal.code),
          rejections.map(({ refusal }) => JSON.stringify(refusal.details)),
        ],
      )
    const found = await tx.one<ImportRecord>(
      'UPDATE import SET rows = $2, added = added + $3, existing = existing + $4, rejected = rejected + $5 WHERE id = $1 RETURNING rules',
      [id, row, counts.added, counts.existing, rejections.length],
    )
    if (rules.length)
      await tx.query('UPDATE import SET rules = $2::jsonb WHERE id = $1', [id, JSON.stringify(counted(found!.rules, rules))])
  }
}

function counted(before: ImportRecord['rules'], applied: readonly Rule[]): ImportRecord['rules'] {
  const counts = new Map(before.map((rule) => [`${rule.rule} ${rule.field} ${rule.from}`, { ...rule }]))
  for (const rule of applied) {
    const key = `${rule.rule} ${rule.field} ${rule.from}`
    const found = counts.get(key)
    if (found) found.rows += 1
    else counts.set(key, { ...rule, rows: 1 })
  }
  return [...counts.values()]
}

function refuseUnlessWaiting({ status }: ImportRecord): void {
  if (status !== 'waiting') throw new Refusal('import.not_waiting', { status })
}

function invalid(problems: readonly FieldProblem[]): Refusal {
  return Refusal.invalid('request.invalid', { errors: [...problems] })
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

/** The mapping with what was found out about dates and numbers. */
function withStyles(mapping: ImportMapping, styles: Styles | null): ImportMapping {
  const clear = <S extends string>(found: Readonly<Record<string, S>>) =>
    Object.fromEntries(Object.entries(found).filter(([, style]) => style !== 'unclear')) as Record<string, Exclude<S, 'unclear'>>
  const [dates, numbers] = [clear(styles?.dates ?? {}), clear(styles?.numbers ?? {})]
  return { ...mapping, ...(Object.keys(dates).length && { dates }), ...(Object.keys(numbers).length && { numbers }) }
}

function databaseRefusal(error: unknown): Refusal | undefined {
  const { code, constraint } = error as { code?: string; constraint?: string }
  if (code === '23505') return new Refusal('value.taken', { field: constraint ?? '' })
  return code?.startsWith('22') || code === '23514' ? Refusal.invalid('request.invalid', { errors: [] }) : undefined
}

function view(record: ImportRecord): Answer<typeof getImport> {
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
