import type { Readable } from 'node:stream'
import { encodings, separators, type Encoding, type FileFormat, type Separator } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { parse } from 'csv-parse/sync'
import type { Database } from '../database.js'
import { detectEncoding, isIn, textOf, Watch } from './encoding.js'
import { openSheet } from './workbook-reader.js'

const largestCsv = 100 * 1_048_576
const largestWorkbook = 50 * 1_048_576
/** What the rows of a sheet may come to as CSV. */
const largestSheet = 256 * 1_048_576
const chunkSize = 262_144
const mostColumns = 200

/** How the sender wants the file to be read, as far as they say. */
export interface Wish {
  readonly encoding?: Encoding | undefined
  readonly separator?: Separator | undefined
  readonly sheet?: string | undefined
}

/** What a file turned out to be. */
export interface Received {
  readonly format: FileFormat
  readonly bytes: number
  readonly encoding: Encoding
  readonly separator: Separator
  readonly columns: readonly string[]
  readonly totalRows: number | null
  readonly sheets: readonly string[]
  readonly sheet: string | null
}

/** One workbook is unpacked at a time: what its cells share is held in memory. */
let unpacking: Promise<unknown> = Promise.resolve()

/**
 * Streams an uploaded file into the database in chunks, and tells what it is. A sheet of an Excel file becomes CSV here, once, so that what comes after
 * is the same for both. Refuses what is empty, too large or neither of them.
 */
export async function receive(database: Database, importId: string, file: Readable, wish: Wish): Promise<Received> {
  const chunks = new Chunks(database, importId)
  const parts = file.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  let start = Buffer.alloc(0)
  let ended = false
  while (start.length < 8 && !ended) {
    const { done, value } = await parts.next()
    ended = done === true
    if (value) start = Buffer.concat([start, value])
  }
  if (!start.length) throw Refusal.invalid('import.empty')
  const whole = (async function* () {
    yield start
    for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value
  })()
  const magic = start.subarray(0, 4).toString('hex')
  if (magic === 'd0cf11e0') throw Refusal.invalid('import.old_workbook')
  return /^504b0(304|506|708)$/.test(magic) ? receiveWorkbook(chunks, whole, wish) : receiveCsv(chunks, whole, wish)
}

/** Gathers what comes and stores it in chunks of a fair size. */
class Chunks {
  private pending: Buffer[] = []
  private pendingBytes = 0
  private n = 0
  bytes = 0

  constructor(
    private readonly database: Database,
    private readonly importId: string,
  ) {}

  async add(part: Buffer): Promise<void> {
    this.bytes += part.length
    this.pending.push(part)
    this.pendingBytes += part.length
    if (this.pendingBytes >= chunkSize) await this.flush()
  }

  async flush(): Promise<void> {
    if (!this.pendingBytes) return
    const data = Buffer.concat(this.pending)
    await this.database.query('INSERT INTO import_chunk (import_id, n, data) VALUES ($1, $2, $3)', [this.importId, this.n, data])
    this.n += 1
    this.pending = []
    this.pendingBytes = 0
  }

  stored(): AsyncGenerator<Buffer> {
    return storedChunks(this.database, this.importId)
  }
}

/** The stored bytes of an import, chunk by chunk. */
export async function* storedChunks(database: Database, importId: string): AsyncGenerator<Buffer> {
  for (let n = 0; ; n += 1) {
    const found = await database.one<{ data: Buffer }>('SELECT data FROM import_chunk WHERE import_id = $1 AND n = $2', [importId, n])
    if (!found) return
    yield found.data
  }
}

async function receiveCsv(chunks: Chunks, file: AsyncIterable<Buffer>, wish: Wish): Promise<Received> {
  const watch = new Watch()
  const rows = new RowCount()
  for await (const part of file) {
    if (chunks.bytes + part.length > largestCsv) throw new Refusal('request.too_large', { limit: largestCsv })
    watch.see(part)
    rows.see(part)
    await chunks.add(part)
  }
  await chunks.flush()
  const traits = watch.end()
  if (!wish.encoding && traits.cutOff) throw Refusal.invalid('import.wrong_encoding', { encoding: 'utf-8' })
  const detected = wish.encoding ?? (await detectEncoding(traits, () => chunks.stored()))
  if (detected === 'binary') throw Refusal.invalid('import.not_text')
  if (!detected) throw Refusal.invalid('import.unknown_encoding', { possible: encodings })
  const { separator, columns } = await openCsv(chunks.stored(), { ...wish, encoding: detected })
  if (wish.encoding) await holdTo(wish.encoding, chunks.stored())
  const totalRows = detected.startsWith('utf-16') ? null : rows.end()
  return { format: 'csv', bytes: chunks.bytes, encoding: detected, separator, columns, totalRows, sheets: [], sheet: null }
}

/** Refuses a file that is not in the encoding that somebody chose for it. */
export async function holdTo(encoding: Encoding, parts: AsyncIterable<Buffer>): Promise<void> {
  if (!(await isIn(encoding, parts))) throw Refusal.invalid('import.wrong_encoding', { encoding })
}

/** Reads the header of a CSV file, and tells what stands between its cells. */
export async function openCsv(
  parts: AsyncIterable<Buffer>,
  { encoding, separator: wanted }: { encoding: Encoding; separator?: Separator | undefined },
): Promise<{ separator: Separator; columns: string[] }> {
  let text = ''
  for await (const part of textOf(encoding, parts)) {
    text += part
    if (text.length >= chunkSize) break
  }
  const first = firstLine(text)
  const separator = wanted ?? separatorOf(first)
  const columns = headerOf(first, separator)
  if (!columns.some(Boolean)) throw Refusal.invalid('import.empty')
  return { separator, columns }
}

/** The first line that is not empty; line ends in quotes do not end it. */
function firstLine(text: string): string {
  const start = /[^\r\n]/.exec(text)?.index ?? 0
  let quoted = false
  for (let at = start; at < text.length; at += 1) {
    const sign = text[at]
    if (sign === '"') quoted = !quoted
    else if (!quoted && (sign === '\n' || sign === '\r')) return text.slice(start, at)
  }
  return text.slice(start)
}

function separatorOf(header: string): Separator {
  const bare = header.replace(/"[^"]*"/g, '')
  const count = (name: Separator) => bare.split(separators[name]).length
  return (Object.keys(separators) as Separator[]).reduce((best, name) => (count(name) > count(best) ? name : best))
}

function headerOf(line: string, separator: Separator): string[] {
  let cells: string[]
  try {
    cells = (parse(line, { delimiter: separators[separator], relax_quotes: true, relax_column_count: true }) as string[][])[0] ?? []
  } catch (error) {
    throw Refusal.invalid('import.bad_csv', { row: 0, reason: (error as Error).message })
  }
  return columnNames(cells)
}

/** The names of the columns: trimmed, those that come again numbered, so that the first of a name is found by it. */
export function columnNames(cells: readonly string[]): string[] {
  if (cells.length > mostColumns) throw Refusal.invalid('import.too_wide', { count: cells.length, limit: mostColumns })
  const times = new Map<string, number>()
  return cells.map((cell) => {
    const name = cell.trim().slice(0, 200)
    const before = times.get(name) ?? 0
    times.set(name, before + 1)
    return before && name ? `${name} (${before + 1})` : name
  })
}

async function receiveWorkbook(chunks: Chunks, file: AsyncIterable<Buffer>, wish: Wish): Promise<Received> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of file) {
    bytes += part.length
    if (bytes > largestWorkbook) throw new Refusal('request.too_large', { limit: largestWorkbook })
    parts.push(part)
  }
  const unpack = async (): Promise<Received> => {
    const sheet = await openSheet(Buffer.concat(parts), wish.sheet)
    let columns: string[] | undefined
    let rows = -1
    for await (const some of sheet.rows()) {
      columns ??= columnNames(some[0]!)
      await chunks.add(Buffer.from(csvOf(some)))
      rows += some.length
      if (chunks.bytes > largestSheet) throw Refusal.invalid('import.workbook_too_large', { limit: largestSheet })
    }
    await chunks.flush()
    if (!columns) throw Refusal.invalid('import.empty')
    const { names: sheets, name } = sheet
    return { format: 'xlsx', bytes, encoding: 'utf-8', separator: 'comma', columns, totalRows: rows, sheets, sheet: name }
  }
  const done = unpacking.then(unpack)
  unpacking = done.catch(() => undefined)
  return done
}

function csvOf(rows: readonly (readonly string[])[]): string {
  let text = ''
  for (const row of rows) text += `${row.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\n`
  return text.replaceAll('\0', '')
}

/** Counts the rows of a CSV file as it passes by: line ends outside of quotes, of lines that are not empty. */
class RowCount {
  private rows = 0
  private quoted = false
  private filled = false

  see(part: Buffer): void {
    for (const byte of part) {
      if (byte === 0x22) this.quoted = !this.quoted
      else if ((byte === 0x0a || byte === 0x0d) && !this.quoted) {
        if (this.filled) this.rows += 1
        this.filled = false
        continue
      }
      this.filled = true
    }
  }

  /** Without the header. */
  end(): number {
    return Math.max(0, this.rows + (this.filled ? 1 : 0) - 1)
  }
}
