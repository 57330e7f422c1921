import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Refusal } from '@millrace/domain'
import writeExcelFile from 'write-excel-file/node'
import { ZipFile } from 'yazl'
import { fileOf } from '../exports/files.js'
import { openSheet } from './workbook-reader.js'

async function rowsOf(file: Buffer, sheet?: string): Promise<string[][]> {
  const rows: string[][] = []
  for await (const some of (await openSheet(file, sheet)).rows()) rows.push(...some)
  return rows
}

async function refusal(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: Refusal) => error.code,
  )
}

/** An archive of parts as they are given. */
function zipped(parts: Record<string, string>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [path, xml] of Object.entries(parts)) zip.addBuffer(Buffer.from(xml), path)
  zip.end()
  return buffer(zip.outputStream as Readable)
}

const workbook = (sheets: string, more = '') => `<x:workbook xmlns:x="m" xmlns:r="r">${more}<x:sheets>${sheets}</x:sheets></x:workbook>`
const relations = (...targets: string[]) =>
  `<Relationships>${targets.map((target, n) => `<Relationship Id="r${n + 1}" Type="t/worksheet" Target="${target}"/>`).join('')}</Relationships>`
const sheetOf = (rows: string) => `<worksheet><sheetData>${rows}</sheetData></worksheet>`
const aBook = (rows: string, parts: Record<string, string> = {}) =>
  zipped({
    'xl/workbook.xml': workbook('<x:sheet name="Leads" r:id="r1"/>'),
    'xl/_rels/workbook.xml.rels': relations('worksheets/sheet1.xml'),
    'xl/worksheets/sheet1.xml': sheetOf(rows),
    ...parts,
  })

/** Every entry of the archive's directory says another size. */
function lying(archive: Buffer, size: number): Buffer {
  const forged = Buffer.from(archive)
  for (let at = forged.indexOf('PK\x01\x02'); at >= 0; at = forged.indexOf('PK\x01\x02', at + 4)) forged.writeUInt32LE(size, at + 24)
  return forged
}

describe('a sheet of an Excel file', () => {
  it('is read as text, its dates as days and moments, its numbers without noise', async () => {
    const at = new Date('2026-11-21T08:30:00Z')
    const file = await writeExcelFile([
      [{ value: '公司' }, { value: 'on' }, { value: 'at' }, { value: 'amount' }, { value: 'active' }, { value: 'phone' }],
      [
        { value: '云图 & "Söhne"\n<GmbH>' },
        { value: new Date('2026-11-21T00:00:00Z'), type: Date, format: 'dd.mm.yyyy' },
        { value: at, type: Date, format: 'yyyy-mm-dd hh:mm' },
        { value: 0.1 + 0.2, type: Number, format: '#,##0.00' },
        { value: true, type: Boolean },
        { value: 13800138000, type: Number },
      ],
      [null, null, null, { value: 1e-7, type: Number }],
    ] as never).toBuffer()
    expect(await rowsOf(file as Buffer)).toEqual([
      ['公司', 'on', 'at', 'amount', 'active', 'phone'],
      ['云图 & "Söhne"\n<GmbH>', '2026-11-21', '2026-11-21T08:30:00Z', '0.3', 'true', '13800138000'],
      ['', '', '', '0.0000001'],
    ])
  })
  it('gives the results of its formulas, and leaves out what is right of its header and rows without anything', async () => {
    const rows = await rowsOf(
      await aBook(
        `<row r="1"><c r="A1" t="str"><f>"na"&amp;"me"</f><v>name</v></c><c r="B1" t="inlineStr"><is><r><t>no</t></r><r><t>te</t></r><rPh><t>x</t></rPh></is></c></row>
         <row r="5"/><row r="7"><c r="B7"><f>SUM(1)</f><v>1</v></c><c r="D7"><v>5</v></c></row><row r="8"><c t="e"><v>#N/A</v></c></row>`,
      ),
    )
    expect(rows).toEqual([['name', 'note'], ['', '1'], ['#N/A']])
  })
  it('counts days from 1904 where the file does', async () => {
    const file = await aBook('<row><c><v>1</v></c></row><row><c s="1"><v>44885</v></c></row>', {
      'xl/workbook.xml': workbook('<x:sheet name="Leads" r:id="r1"/>', '<x:workbookPr date1904="1"/>'),
      'xl/styles.xml':
        '<styleSheet><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
    })
    expect(await rowsOf(file)).toEqual([['1'], ['2026-11-21']])
  })
  it('is the first that can be seen, or the one that is named', async () => {
    const file = await zipped({
      'xl/workbook.xml': workbook(
        '<x:sheet name="Hidden" state="hidden" r:id="r1"/><x:sheet name="First" r:id="r2"/><x:sheet name="第二" r:id="r3"/>',
      ),
      'xl/_rels/workbook.xml.rels': relations('worksheets/a.xml', 'worksheets/b.xml', '/xl/worksheets/c.xml'),
      'xl/worksheets/a.xml': sheetOf('<row><c><v>1</v></c></row>'),
      'xl/worksheets/b.xml': sheetOf('<row><c><v>2</v></c></row>'),
      'xl/worksheets/c.xml': sheetOf('<row><c><v>3</v></c></row>'),
    })
    expect((await openSheet(file, undefined)).names).toEqual(['First', '第二'])
    expect(await rowsOf(file)).toEqual([['2']])
    expect(await rowsOf(file, '第二')).toEqual([['3']])
    expect(await refusal(openSheet(file, 'Hidden'))).toBe('import.no_sheet')
  })
  it('that we wrote ourselves is read as it was', async () => {
    const rows = [['=1+1', '-5.5', '2026-11-21', '2026-11-21T08:30:00.000Z', 'a\u0001b _x0041_ <&>\r\n', null]]
    const kinds = ['text', 'number', 'day', 'instant', 'text', 'text'] as const
    const columns = kinds.map((kind, n) => ({ heading: `c${n}`, kind }))
    const file = await buffer(fileOf('xlsx', columns, Readable.from([rows]) as never))
    expect((await rowsOf(file))[1]).toEqual(['=1+1', '-5.5', '2026-11-21', '2026-11-21T08:30:00Z', 'ab _x0041_ <&>\r\n'])
  })
})

describe('a file that is no sheet, or more than one', () => {
  const rows = '<row><c><v>1</v></c></row>'
  it.each<[string, () => Promise<Buffer>, string]>([
    ['an archive of something else', () => zipped({ 'word/document.xml': '<x/>' }), 'import.bad_workbook'],
    ['half an archive', async () => (await aBook(rows)).subarray(0, 300), 'import.bad_workbook'],
    ['XML that breaks off', () => aBook(rows, { 'xl/worksheets/sheet1.xml': '<worksheet><sheetData><row><c><v>1' }), 'import.bad_workbook'],
    ['XML that is none', () => aBook(rows, { 'xl/worksheets/sheet1.xml': '<a></b>' }), 'import.bad_workbook'],
    ['a text without end', () => aBook(`<row><c t="inlineStr"><is><t>${'x'.repeat(5_000_000)}</t></is></c></row>`), 'import.bad_workbook'],
    ['no sheet', () => aBook(rows, { 'xl/workbook.xml': workbook('') }), 'import.no_sheet'],
    [
      '101 sheets',
      () => aBook(rows, { 'xl/workbook.xml': workbook('<x:sheet name="s" r:id="r1"/>'.repeat(101)) }),
      'import.too_many_sheets',
    ],
    ['a bomb of 2 GB, before anything is inflated', async () => lying(await aBook(rows), 0x7fffffff), 'import.workbook_too_large'],
    [
      'a bomb that says it is small, while it is inflated',
      async () => lying(await aBook('<row><c><v>1</v></c></row>'.repeat(100_000)), 100),
      'import.bad_workbook',
    ],
  ])('is refused: %s', async (_, file, code) => {
    expect(await refusal(file().then((given) => rowsOf(given)))).toBe(code)
  })
  it('does not follow entities of its own', async () => {
    const laughs =
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + sheetOf('<row><c t="inlineStr"><is><t>&b;</t></is></c></row>')
    expect(await rowsOf(await aBook(rows, { 'xl/worksheets/sheet1.xml': laughs }))).toEqual([['&b;']])
  })
})
