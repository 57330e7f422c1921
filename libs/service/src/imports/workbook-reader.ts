import type { Readable } from 'node:stream'
import { Refusal } from '@millrace/domain'
import { Parser } from 'saxen'
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl'
import { serialDate } from './cells.js'

/** What an archive may unpack to, all its parts together; it is looked up before anything is inflated, and held to while it is. */
const mostBytes = 512 * 1_048_576
const mostEntries = 2_000
const mostSheets = 100
/** Parts that are read as a whole. */
const mostOfSmallPart = 16 * 1_048_576
/** Letters of the texts that the cells of all sheets share, and of a single part of a file without any mark-up. */
const mostSharedText = 128 * 1_048_576
const mostWithoutTag = 1_048_576
/** The rows of one sheet of an Excel file, as text. */
export interface Sheet {
  /** The visible sheets of the file. */
  readonly names: readonly string[]
  readonly name: string
  /** From the header on, several at a time, without those that are empty. Each is as long as its last filled cell. */
  rows(): AsyncGenerator<string[][]>
}

/** Opens a sheet: the one that is named, else the first visible one. Refuses what is no Excel file, or holds too much. */
export async function openSheet(file: Buffer, wanted: string | undefined): Promise<Sheet> {
  const archive = await Archive.open(file)
  const { sheets, date1904 } = await readWorkbook(archive)
  const names = sheets.map(({ name }) => name)
  if (sheets.length > mostSheets) throw Refusal.invalid('import.too_many_sheets', { count: sheets.length, limit: mostSheets })
  const sheet = wanted === undefined ? sheets[0] : sheets.find(({ name }) => name === wanted)
  if (!sheet || !archive.has(sheet.path)) throw Refusal.invalid('import.no_sheet', { sheets: names.length ? names : '–' })
  return { names, name: sheet.name, rows: () => readRows(archive, sheet.path, date1904) }
}

class Archive {
  private constructor(
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  static async open(file: Buffer): Promise<Archive> {
    return reading(async () => {
      const zip = await fromBufferPromise(file, { lazyEntries: true, autoClose: false })
      const entries = new Map<string, Entry>()
      let bytes = 0
      let count = 0
      for await (const entry of zip.eachEntry()) {
        bytes += entry.uncompressedSize
        count += 1
        if (bytes > mostBytes || count > mostEntries) throw Refusal.invalid('import.workbook_too_large', { limit: mostBytes })
        if (entry.generalPurposeBitFlag & 1) throw Refusal.invalid('import.old_workbook')
        entries.set(entry.fileName, entry)
      }
      return new Archive(zip, entries)
    })
  }

  has(path: string): boolean {
    return this.entries.has(path)
  }

  /** The XML of a part; inflating stops with an error when there is more than its directory says. */
  async *text(path: string): AsyncGenerator<string> {
    const entry = this.entries.get(path)
    if (!entry) return
    const stream: Readable = await this.zip.openReadStreamPromise(entry)
    const decoder = new TextDecoder('utf-8', { fatal: true })
    for await (const part of stream as AsyncIterable<Buffer>) yield decoder.decode(part, { stream: true })
    yield decoder.decode()
  }

  async small(path: string): Promise<boolean> {
    const size = this.entries.get(path)?.uncompressedSize
    if (size !== undefined && size > mostOfSmallPart) throw Refusal.invalid('import.workbook_too_large', { limit: mostOfSmallPart })
    return size !== undefined
  }
}

/** What goes wrong with a damaged or forged archive is the file's fault, not ours. */
async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw Refusal.invalid('import.bad_workbook', { reason: (error as Error).message.slice(0, 200) })
  }
}

interface Handlers {
  open?(name: string, attributes: () => Record<string, string>): void
  close?(name: string): void
  text?(text: string): void
}

/** Runs through the XML of a part; answers after each piece, so that what the handlers gathered can be carried away. */
async function* walk(parts: AsyncIterable<string>, handlers: Handlers): AsyncGenerator<void> {
  let quiet = 0
  let failure: Error | undefined
  const parser = new Parser()
    .on('openTag', (name, attributes) => {
      quiet = 0
      handlers.open?.(local(name), attributes)
    })
    .on('closeTag', (name) => {
      quiet = 0
      handlers.close?.(local(name))
    })
    .on('text', (given, decode) => handlers.text?.(decode(given)))
    .on('cdata', (given) => handlers.text?.(given))
    .on('error', (error) => (failure ??= error))
    .on('warn', () => undefined)
  let seen = false
  for await (const part of parts) {
    seen ||= part !== ''
    quiet += part.length
    parser.write(part)
    if (failure) throw failure
    // A text or tag that does not end would be gone through again with each piece.
    if (quiet > mostWithoutTag) throw new Error('a text does not end')
    yield
  }
  if (!seen) return // a part that this file does without
  parser.end()
  if (failure) throw failure
}

/** Names without the prefix that a file gave to the namespace. */
function local(name: string): string {
  const colon = name.indexOf(':')
  return colon < 0 ? name : name.slice(colon + 1)
}

async function readSmall(archive: Archive, path: string, open: NonNullable<Handlers['open']>): Promise<boolean> {
  if (!(await archive.small(path))) return false
  for await (const _ of walk(archive.text(path), { open }));
  return true
}

interface SheetEntry {
  readonly name: string
  readonly path: string
}

/** The visible sheets with their paths, and the way the file counts days. */
async function readWorkbook(archive: Archive): Promise<{ sheets: SheetEntry[]; date1904: boolean }> {
  return reading(async () => {
    let path = 'xl/workbook.xml'
    await readSmall(archive, '_rels/.rels', (name, attributes) => {
      const { Type, Target } = name === 'Relationship' ? attributes() : {}
      if (Type?.endsWith('/officeDocument') && Target) path = resolved('', Target)
    })
    const folder = path.slice(0, path.lastIndexOf('/') + 1)
    const targets = new Map<string, string>()
    await readSmall(archive, `${folder}_rels/${path.slice(folder.length)}.rels`, (name, attributes) => {
      const { Id, Target } = name === 'Relationship' ? attributes() : {}
      if (Id && Target) targets.set(Id, resolved(folder, Target))
    })
    const sheets: SheetEntry[] = []
    let date1904 = false
    const found = await readSmall(archive, path, (name, attributes) => {
      if (name === 'workbookPr') date1904 = /^(1|true)$/.test(attributes()['date1904'] ?? '')
      if (name !== 'sheet') return
      const given = attributes()
      const relation = Object.entries(given).find(([key]) => local(key) === 'id' && key !== 'id')?.[1] ?? ''
      if (given['state'] && given['state'] !== 'visible') return
      sheets.push({ name: (given['name'] ?? '').slice(0, 100), path: targets.get(relation) ?? '' })
    })
    if (!found) throw new Error('there is no workbook in it')
    return { sheets, date1904 }
  })
}

function resolved(folder: string, target: string): string {
  return target.startsWith('/') ? target.slice(1) : folder + target
}

async function* readRows(archive: Archive, path: string, date1904: boolean): AsyncGenerator<string[][]> {
  const folder = path.replace(/worksheets\/[^/]*$/, '')
  const shared = await reading(() => readSharedTexts(archive, `${folder}sharedStrings.xml`))
  const isDate = await reading(() => readDateStyles(archive, `${folder}styles.xml`))
  const sheet = new SheetReader(shared, isDate, date1904)
  const pieces = walk(archive.text(path), sheet)
  for (;;) {
    const { done } = await reading(() => pieces.next())
    const rows = sheet.take()
    if (rows.length) yield rows
    if (done) return
  }
}

/** Puts the rows of a sheet together. */
class SheetReader implements Handlers {
  private rows: string[][] = []
  private row: string[] = []
  /** Of the header, once it was read. What stands further right belongs to no column. */
  private width = 16_384
  private column = -1
  private type = ''
  private style = 0
  private value = ''
  private inValue = false
  private inPhonetic = false

  constructor(
    private readonly shared: readonly string[],
    private readonly isDate: readonly boolean[],
    private readonly date1904: boolean,
  ) {}

  take(): string[][] {
    const { rows } = this
    this.rows = []
    return rows
  }

  open(name: string, attributes: () => Record<string, string>): void {
    if (name === 'row') {
      this.row = []
      this.column = -1
    } else if (name === 'c') {
      const { r, t = 'n', s } = attributes()
      this.column = r ? columnOf(r) : this.column + 1
      this.type = t
      this.style = Number(s ?? 0)
      this.value = ''
    } else if (name === 'rPh') this.inPhonetic = true
    else if (name === 'v' || (name === 't' && !this.inPhonetic)) this.inValue = true
  }

  text(text: string): void {
    if (this.inValue) this.value += text
  }

  close(name: string): void {
    if (name === 'v' || name === 't') this.inValue = false
    else if (name === 'rPh') this.inPhonetic = false
    else if (name === 'c') this.keep()
    else if (name === 'row' && this.row.length) {
      if (this.width === 16_384) this.width = this.row.length
      this.rows.push(Array.from(this.row, (cell) => cell ?? ''))
    }
  }

  private keep(): void {
    const text = this.read()
    if (text !== '' && this.column >= 0 && this.column < this.width) this.row[this.column] = text
  }

  private read(): string {
    const { value, type } = this
    if (type === 's') return this.shared[Number(value)] ?? ''
    if (type === 'inlineStr' || type === 'str') return unescaped(value)
    if (type === 'b') return value === '1' ? 'true' : 'false'
    if (type !== 'n' || value === '') return value // d: an ISO date; e: #N/A and its like, to be seen by who mends the row
    if (this.isDate[this.style]) return serialDate(Number(value) + (this.date1904 ? 1_462 : 0))
    return plainNumber(value)
  }
}

/** `AB12` is column 27. */
function columnOf(reference: string): number {
  let column = 0
  for (const letter of reference) {
    const place = letter.charCodeAt(0) - 64
    if (place < 1 || place > 26) break
    column = column * 26 + place
  }
  return column - 1
}

/** Spreadsheets calculate with 15 digits; what is beyond them is noise of the binary number (0.30000000000000004). */
function plainNumber(text: string): string {
  if (/^-?[1-9]\d{0,14}$/.test(text)) return text
  const value = Number(text)
  if (!Number.isFinite(value)) return text
  const rounded = Number(value.toPrecision(15))
  return Math.abs(rounded) >= 1e21 || (rounded !== 0 && Math.abs(rounded) < 1e-6)
    ? rounded.toFixed(20).replace(/\.?0+$/, '')
    : String(rounded)
}

/** `_x000D_` stands for a character that XML cannot hold. */
function unescaped(text: string): string {
  if (!text.includes('_x')) return text
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => (code === '0000' ? '' : String.fromCharCode(parseInt(code, 16))))
}

async function readSharedTexts(archive: Archive, path: string): Promise<string[]> {
  const texts: string[] = []
  let current = ''
  let letters = 0
  let inText = false
  let phonetic = false
  const handlers: Handlers = {
    open(name) {
      if (name === 'si') current = ''
      else if (name === 'rPh') phonetic = true
      else if (name === 't') inText = !phonetic
    },
    text(text) {
      if (inText) current += text
    },
    close(name) {
      if (name === 't') inText = false
      else if (name === 'rPh') phonetic = false
      else if (name === 'si') {
        letters += current.length + 16
        texts.push(unescaped(current))
      }
    },
  }
  for await (const _ of walk(archive.text(path), handlers))
    if (letters > mostSharedText) throw Refusal.invalid('import.workbook_too_large', { limit: mostSharedText })
  return texts
}

/** The formats that come with every file and show a day. */
const dateFormats = new Set([14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58])

/** Whether cells of each style show a day. */
async function readDateStyles(archive: Archive, path: string): Promise<boolean[]> {
  const own = new Map<number, string>()
  const styles: boolean[] = []
  let inCells = false
  await readSmall(archive, path, (name, attributes) => {
    if (name === 'numFmt') {
      const { numFmtId, formatCode = '' } = attributes()
      own.set(Number(numFmtId), formatCode)
    } else if (name === 'cellStyleXfs' || name === 'dxfs' || name === 'cellStyles') inCells = false
    else if (name === 'cellXfs') inCells = true
    else if (name === 'xf' && inCells) {
      const format = Number(attributes()['numFmtId'] ?? 0)
      styles.push(own.has(format) ? showsDay(own.get(format)!) : dateFormats.has(format))
    }
  })
  return styles
}

/** Whether a number format writes a year, a month or a day: without what is quoted, escaped or in brackets, it has their letters. */
function showsDay(format: string): boolean {
  const bareFormat = format.replace(/"[^"]*"|\\.|\[[^\]]*\]|[_*]./g, '')
  return /[yd]/i.test(bareFormat) || (/m/i.test(bareFormat) && !/[hs0#]/i.test(bareFormat))
}
