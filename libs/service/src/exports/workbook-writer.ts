import { Readable, type PassThrough } from 'node:stream'
import { ZipFile } from 'yazl'
import type { ColumnKind, FileColumn, Rows } from './files.js'

/** What a spreadsheet would run as a formula when a text begins with it. */
const formula = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/

/** Whether a spreadsheet would run a text as a formula. */
export function isFormula(text: string): boolean {
  return formula.test(text)
}

/** Excel shows no more of a text. */
const longestText = 32_767
/** The styles below, by their place. */
const styles = { plain: 0, heading: 1, day: 2, instant: 3, amount: 4, defused: 5 } as const

/**
 * An Excel file (.xlsx) of one sheet, zipped while it is read. Numbers, days and instants (UTC) are such in their cells; a text that looks like a formula
 * is marked as text the way Excel does it itself, so that it stays one when somebody edits the cell.
 */
export function workbook(columns: readonly FileColumn[], rows: Rows): Readable {
  const zip = new ZipFile()
  const out = zip.outputStream as PassThrough
  for (const [path, xml] of Object.entries(parts)) zip.addBuffer(Buffer.from(`${head}${xml}`), path)
  const sheet = Readable.from(sheetXml(columns, rows), { objectMode: true, highWaterMark: 1 })
  sheet.once('error', (error) => out.destroy(error))
  zip.once('error', (error) => out.destroy(error as Error))
  out.once('close', () => sheet.destroy()) // who read it has gone
  zip.addReadStream(sheet, 'xl/worksheets/sheet1.xml')
  zip.end()
  return out
}

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const spreadsheet = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const packages = 'http://schemas.openxmlformats.org/package/2006'
const contents = 'application/vnd.openxmlformats-officedocument.spreadsheetml'

const parts = {
  '[Content_Types].xml': `<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${contents}.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="${contents}.styles+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${contents}.worksheet+xml"/></Types>`,
  '_rels/.rels': `<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/workbook.xml': `<workbook xmlns="${spreadsheet}" xmlns:r="${office}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/styles" Target="styles.xml"/></Relationships>`,
  'xl/styles.xml': `<styleSheet xmlns="${spreadsheet}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="6"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`,
}

async function* sheetXml(columns: readonly FileColumn[], rows: Rows): AsyncGenerator<Buffer> {
  const letters = columns.map((_, n) => lettersOf(n))
  const heading = columns.map((column, n) => textCell(`${letters[n]}1`, column.heading, styles.heading)).join('')
  const frozen =
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
  yield Buffer.from(`${head}<worksheet xmlns="${spreadsheet}">${frozen}<sheetData><row r="1">${heading}</row>`)
  let number = 1
  for await (const some of rows) {
    let xml = ''
    for (const row of some) {
      number += 1
      xml += `<row r="${number}">${row.map((cell, n) => (cell === null ? '' : cellXml(`${letters[n]}${number}`, cell, columns[n]!.kind))).join('')}</row>`
    }
    yield Buffer.from(xml)
  }
  yield Buffer.from('</sheetData></worksheet>')
}

function cellXml(at: string, text: string, kind: ColumnKind): string {
  // A number of more digits would not come out of a spreadsheet as it went in.
  if ((kind === 'number' || kind === 'amount') && /^-?\d+(\.\d+)?$/.test(text) && text.replace(/\D|^-?0+/g, '').length <= 15)
    return valueCell(at, text, kind === 'amount' ? styles.amount : styles.plain)
  if (kind === 'day' || kind === 'instant') {
    const days = (Date.parse(text) - epoch) / 86_400_000
    if (days >= firstDay) return valueCell(at, String(days), styles[kind])
  }
  return textCell(at, text, isFormula(text) ? styles.defused : styles.plain)
}

/** The day that spreadsheets count as 0; before March 1900 they count otherwise. */
const epoch = Date.UTC(1899, 11, 30)
const firstDay = 61

function valueCell(at: string, value: string, style: number): string {
  return `<c r="${at}"${style ? ` s="${style}"` : ''}><v>${value}</v></c>`
}

function textCell(at: string, text: string, style: number): string {
  const short = text.length > longestText ? `${text.slice(0, longestText - 1)}…` : text
  return `<c r="${at}"${style ? ` s="${style}"` : ''} t="inlineStr"><is><t xml:space="preserve">${escaped(short)}</t></is></c>`
}

const signs: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }

/** XML has no place for most control characters; what looks like Excel's own way of writing them is kept apart from it. */
function escaped(text: string): string {
  if (!/[^\t\n -%'-;=?-^`-\ud7ff]/.test(text)) return text // nothing of what follows is in it
  return text
    .toWellFormed()
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replace(/[&<>\r]/g, (sign) => signs[sign]!)
}

function lettersOf(column: number): string {
  return (column >= 26 ? lettersOf(Math.floor(column / 26) - 1) : '') + String.fromCharCode(65 + (column % 26))
}
