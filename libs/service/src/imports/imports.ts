import { Readable } from 'node:stream'
import { Controller, Injectable, StreamableFile } from '@nestjs/common'
import {
  describeProblem,
  getImport,
  importKinds,
  listImports,
  listRejections,
  startImport,
  type Answer,
  type CustomRecord,
  type ImportKindName,
  type ImportMapping,
  type ImportView,
  type Input,
  type Language,
} from '@millrace/contracts'
import { newId, Refusal, type CustomValues } from '@millrace/domain'
import { CsvError, parse } from 'csv-parse'
import { stringify } from 'csv-stringify/sync'
import { z } from 'zod'
import { Clock } from '../clock.js'
import { context, inTenant, withContext, type Actor } from '../context.js'
import { CustomFields } from '../custom-fields/custom-fields.js'
import { Database } from '../database.js'
import { Jobs } from '../jobs.js'
import { Serve } from '../operation-server.js'
import { refusalOf } from '../problem.js'
import type { Transaction } from '../transaction.js'
import { check, type FieldProblem } from '../validation.js'
import { receive } from './receive.js'

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
  /** The fields of one row; every value arrives as text or is absent, so shapes coerce and parse. */
  readonly shape: Shape
  /** The record that it adds, when a company may add fields to it: then also columns named `custom.<key>` are taken. */
  readonly custom?: CustomRecord
  /**
   * Stores rows in the given transaction and says for each what became of it. A row whose record is there already answers `existing` and
   * changes nothing. A Refusal that is thrown makes the rows be tried one by one, so that only the guilty one is rejected.
   */
  apply(tx: Transaction, rows: readonly ImportRow<z.output<Shape>>[]): Promise<(('added' | 'existing') | Refusal)[]>
}

interface ImportRecord {
  readonly id: string
  readonly tenant_id: string
  readonly kind: string
  readonly name: string
  readonly status: z.infer<typeof ImportView>['status']
  readonly mapping: ImportMapping
  readonly actor: Actor
  readonly bytes: bigint
  readonly rows: number
  readonly added: number
  readonly existing: number
  readonly rejected: number
  readonly rules: z.infer<typeof ImportView>['rules']
  readonly problem: string | null
  readonly created_at: Date
  readonly finished_at: Date | null
}

/** A row as it was read: its fields when they are good, else why not. */
interface Checked {
  readonly row: number
  readonly cells: Record<string, string>
  readonly fields: Record<string, unknown>
  /** Cells of the company's own fields, by key. */
  readonly custom: Record<string, string>
  readonly problems: readonly FieldProblem[]
  readonly rules: readonly Rule[]
}

interface Rejection {
  readonly row: number
  readonly cells: Record<string, string>
  readonly refusal: Refusal
}

const rowsAtOnce = 1_000
const longestUpload = 3_600_000

/** Imports files in the background: row by row checked, in chunks of one transaction each that also notes how far it came, so nothing is doubled. */
@Injectable()
export class Imports {
  private readonly kinds = new Map<string, ImportKind>()
  private readonly running = new Set<string>()
  private stopped = false

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
    private readonly customFields: CustomFields,
  ) {
    jobs.every(30, 'imports', () => this.resume())
    jobs.onStop(() => (this.stopped = true))
  }

  /** Called by a service's module for each kind that it takes. */
  register<Shape extends z.ZodObject>(kind: ImportKind<Shape>): void {
    this.kinds.set(kind.kind, kind as unknown as ImportKind)
  }

  async start({ query, file }: { query: Input<typeof startImport>['query']; file: Readable }): Promise<Answer<typeof getImport>> {
    const kind = this.kinds.get(query.kind)
    if (!kind) throw new Refusal('import.not_here')
    const mapping = query.mapping ?? {}
    const { tenantId, actor } = context()
    const id = newId(`${importKinds[query.kind]}_import`)
    await this.database.query(
      `INSERT INTO import (id, kind, name, status, mapping, actor, created_at) VALUES ($1, $2, $3, 'receiving', $4::jsonb, $5::jsonb, $6)`,
      [id, query.kind, query.name ?? query.kind, JSON.stringify(mapping), JSON.stringify(actor), this.clock.now()],
    )
    try {
      const custom = await this.customNames(kind)
      await receive(this.database, id, file, (header) => columnsFor(kind, custom, mapping, header))
    } catch (error) {
      file.resume() // the rest is read and dropped: who is still sending would not see the answer
      await this.forget(id)
      throw error
    }
    this.jobs.begin('imports', () => this.work(tenantId, id))
    return this.get(id)
  }

  async get(id: string): Promise<Answer<typeof getImport>> {
    const found = await this.database.one<ImportRecord>('SELECT * FROM import WHERE id = $1', [id])
    if (!found) throw Refusal.notFound('import', id)
    return view(found)
  }

  async list(kind: string): Promise<Answer<typeof listImports>> {
    const rows = await this.database.query<ImportRecord>('SELECT * FROM import WHERE kind = $1 ORDER BY id DESC LIMIT 100', [kind])
    return { data: rows.map(view), next: null }
  }

  /** The rejected rows as CSV; cells that a spreadsheet would run as a formula are defused. */
  async rejections(id: string, language: Language): Promise<string> {
    await this.get(id)
    const rows = await this.database.query<{ row: number; cells: Record<string, string>; code: string; details: Record<string, unknown> }>(
      'SELECT row, cells, code, details FROM import_rejection WHERE import_id = $1 ORDER BY row',
      [id],
    )
    return stringify(
      rows.map(({ row, cells, code, details }) => ({ row, ...cells, reason: reasonOf(code, details, language) })),
      { header: true, bom: true, escape_formulas: true, columns: ['row', ...Object.keys(rows[0]?.cells ?? {}), 'reason'] },
    )
  }

  private async forget(id: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query('DELETE FROM import_chunk WHERE import_id = $1', [id])
      await tx.query('DELETE FROM import WHERE id = $1', [id])
    })
  }

  /** Goes on with what a stop or crash interrupted. A file whose upload it cut off will not be completed: its sender got no answer. */
  private async resume(): Promise<void> {
    const waiting = await inTenant('*', () =>
      this.database.query<ImportRecord>(
        `SELECT id, tenant_id, status FROM import WHERE status IN ('queued', 'running') OR (status = 'receiving' AND created_at < $1)`,
        [new Date(this.clock.now().getTime() - longestUpload)],
      ),
    )
    for (const { id, tenant_id, status } of waiting)
      await (status === 'receiving' ? inTenant(tenant_id, () => this.forget(id)) : this.work(tenant_id, id))
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
    const custom = await this.customNames(kind)
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
      const parser = Readable.from(this.chunks(id)).pipe(
        parse({ bom: true, columns: true, relax_column_count: true, skip_empty_lines: true, max_record_size: 1_000_000 }),
      )
      for await (const cells of parser as AsyncIterable<Record<string, string>>) {
        row += 1
        if (row <= record.rows) continue
        chunk.push(checked(kind, custom, record.mapping, row, cells))
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

  /** The columns of the company's own fields that a kind takes. */
  private async customNames({ custom }: ImportKind): Promise<string[]> {
    if (!custom) return []
    const fields = await this.customFields.of(custom)
    return [...fields.values()].filter(({ active }) => active).map(({ key }) => `custom.${key}`)
  }

  private async *chunks(id: string): AsyncGenerator<Buffer> {
    for (let n = 0; ; n += 1) {
      const found = await this.database.one<{ data: Buffer }>('SELECT data FROM import_chunk WHERE import_id = $1 AND n = $2', [id, n])
      if (!found) return
      yield found.data
    }
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

  private async applyRows(tx: Transaction, id: string, kind: ImportKind, chunk: readonly Checked[]): Promise<void> {
    const read = kind.custom
      ? await this.customFields.fromCells(
          kind.custom,
          chunk.map((each) => each.custom),
        )
      : []
    const checkedChunk = chunk.map((each, n) => ({
      ...each,
      custom: read[n]?.values ?? {},
      problems: [...each.problems, ...(read[n]?.problems ?? [])],
    }))
    const good = checkedChunk.filter(({ problems }) => !problems.length)
    const rejections: Rejection[] = checkedChunk.flatMap(({ row, cells, problems }) =>
      problems.length ? { row, cells, refusal: Refusal.invalid('request.invalid', { errors: [...problems] }) } : [],
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

type Rule = Omit<ImportRecord['rules'][number], 'rows'>

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

function checked(kind: ImportKind, custom: readonly string[], mapping: ImportMapping, row: number, cells: Record<string, string>): Checked {
  const rules: Rule[] = []
  const problems: FieldProblem[] = []
  const fields = check(kind.shape, mapped(Object.keys(kind.shape.shape), mapping, cells, rules), (path) => path.join('.'), problems)
  const own = Object.entries(mapped(custom, mapping, cells, rules)).map(([name, value]) => [name.slice('custom.'.length), value] as const)
  return { row, cells, fields: fields as Record<string, unknown>, custom: Object.fromEntries(own), problems, rules }
}

/** The fields of a row: column chosen, aliases and defaults applied and noted, empty cells left out. */
function mapped(names: readonly string[], mapping: ImportMapping, cells: Record<string, string>, rules: Rule[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const field of names) {
    let value = (cells[mapping.columns?.[field] ?? field] ?? '').trim()
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
    if (value !== '') fields[field] = value
  }
  return fields
}

/** Refuses a mapping that does not fit kind and file before anything is written. */
function columnsFor(kind: ImportKind, custom: readonly string[], mapping: ImportMapping, header: readonly string[]): void {
  const own = Object.keys(kind.shape.shape)
  const possible = [...own, ...custom]
  for (const field of [mapping.columns, mapping.values, mapping.defaults].flatMap((part) => Object.keys(part ?? {})))
    if (!possible.includes(field)) throw Refusal.invalid('import.unknown_field', { field, possible })
  for (const [field, column] of Object.entries(mapping.columns ?? {}))
    if (!header.includes(column)) throw Refusal.invalid('import.missing_column', { field, column, columns: header })
  const required = own.filter((field) => !(kind.shape.shape[field] as z.ZodType).safeParse(undefined).success)
  for (const field of required)
    if (!header.includes(mapping.columns?.[field] ?? field) && mapping.defaults?.[field] === undefined)
      throw Refusal.invalid('import.missing_column', { field, column: mapping.columns?.[field] ?? field, columns: header })
}

function databaseRefusal(error: unknown): Refusal | undefined {
  const { code, constraint } = error as { code?: string; constraint?: string }
  if (code === '23505') return new Refusal('value.taken', { field: constraint ?? '' })
  return code?.startsWith('22') || code === '23514' ? Refusal.invalid('request.invalid', { errors: [] }) : undefined
}

function reasonOf(code: string, details: Record<string, unknown>, language: Language): string {
  const errors = (details['errors'] ?? []) as FieldProblem[]
  if (!errors.length) return describeProblem(code, details, language).detail
  return errors
    .map(
      (error) =>
        `${error.pointer}: ${error.code.startsWith('field.') ? error.detail : describeProblem(error.code, error.details ?? {}, language).detail}`,
    )
    .join('; ')
}

function view(record: ImportRecord): Answer<typeof getImport> {
  const { id, kind, name, status, rows, added, existing, rejected, rules, problem } = record
  return {
    id,
    kind: kind as never,
    name,
    status,
    bytes: Number(record.bytes),
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

@Controller()
export class ImportController {
  constructor(private readonly imports: Imports) {}

  @Serve(startImport)
  start({ query, body }: Input<typeof startImport>) {
    return this.imports.start({ query, file: body as unknown as Readable })
  }

  @Serve(getImport)
  get({ params }: Input<typeof getImport>) {
    return this.imports.get(params.id)
  }

  @Serve(listImports)
  list({ query }: Input<typeof listImports>) {
    return this.imports.list(query.kind)
  }

  @Serve(listRejections)
  async rejections({ params }: Input<typeof listRejections>) {
    const csv = await this.imports.rejections(params.id, context().language)
    return new StreamableFile(Buffer.from(csv), { type: 'text/csv; charset=utf-8', disposition: `attachment; filename="${params.id}.csv"` })
  }
}
