import {
  deleteImportMapping,
  discardImport,
  fileFormats,
  getImport,
  listImportMappings,
  listImports,
  listLeads,
  listRejections,
  previewImport,
  saveImportMapping,
  startImport,
  startWaitingImport,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { inTenant, start } from '@millrace/service'
import { aWorld, caller, eventually, type Caller, type TestService, type World } from '@millrace/testing'
import { parse } from 'csv-parse/sync'
import readExcelFile from 'read-excel-file/node'
import writeExcelFile from 'write-excel-file/node'
import { leadService } from '../lead.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(leadService)
})
afterAll(() => world.stop())

type Row = readonly (string | number | Date | null)[]

/** An Excel file as people have them. */
async function excel(rows: readonly Row[]): Promise<Buffer> {
  const cell = (value: Row[number]) =>
    value === null
      ? null
      : { value, type: value instanceof Date ? Date : undefined, ...(value instanceof Date && { format: 'yyyy-mm-dd' }) }
  return (await writeExcelFile(rows.map((row) => row.map(cell)) as never).toBuffer()) as Buffer
}

const ended = (olga: Caller, id: string) =>
  eventually(async () => {
    const found = await olga.does(getImport, { params: { id } })
    return found.status === 'done' || found.status === 'failed' ? found : undefined
  })

async function uploads(olga: Caller, file: string | Buffer, query: Record<string, string> = {}) {
  const headers = Buffer.isBuffer(file) ? { 'content-type': 'application/octet-stream' } : {}
  return olga.does(startImport, { query: { kind: 'leads', ...query }, body: file, headers })
}
const waits = (olga: Caller, file: string | Buffer, query = {}) => uploads(olga, file, { preview: 'true', ...query })
const leadsOf = async (olga: Caller) => (await olga.does(listLeads, { query: { sort: 'id', limit: 200 } })).data as Record<string, any>[]

/** 公司名称,联系人,手机 / 云图科技,李雷,13800138000 */
const gb18030 = Buffer.from('b9abcbbec3fbb3c62cc1aacfb5c8cb2ccad6bbfa0ad4c6cdbcbfc6bcbc2cc0eec0d72c31333830303133383030300a', 'hex')

describe('a file of leads', () => {
  it('of another encoding is read as what it is, and as what its sender says', async () => {
    const olga = service.as((await world.company()).olga)
    const { id } = await waits(olga, gb18030)
    expect(await olga.does(getImport, { params: { id } })).toMatchObject({
      ...{ status: 'waiting', format: 'csv', encoding: 'gb18030', separator: 'comma', totalRows: 1, percent: 0 },
      columns: ['公司名称', '联系人', '手机'],
    })
    expect((await olga.does(previewImport, { params: { id }, body: { encoding: 'windows-1252' } })).columns[0]).toBe('¹«Ë¾Ãû³Æ')
    const wrong = await olga.call(startWaitingImport, { params: { id }, body: { encoding: 'utf-8', mapping: {} } })
    expect(wrong.body).toMatchObject({ status: 422, code: 'import.wrong_encoding' })
    await olga.does(startWaitingImport, { params: { id }, body: {} })
    expect(await ended(olga, id)).toMatchObject({ status: 'done', added: 1, rejected: 0, percent: 100 })
    expect(await leadsOf(olga)).toMatchObject([{ companyName: '云图科技', contactName: '李雷' }])
  })

  it('is shown before anything is written: its columns, a mapping, its rows, its errors', async () => {
    const olga = service.as((await world.company()).olga)
    const rows = Array.from({ length: 250 }, (_, n) => `site-${n};Works ${n} Ltd;li@works-${n}.example;13.04.2026`)
    const file = ['No;Firma Company;E-Mail;Created', ...rows.slice(0, 2), 'x;Works 0 Ltd;nobody;99.99.2026', ...rows].join('\r\n')
    const { id } = await waits(olga, file)
    const preview = await olga.does(previewImport, { params: { id }, body: {} })
    expect(preview).toMatchObject({
      ...{ encoding: 'utf-8', separator: 'semicolon', mappingFrom: 'guessed', sampled: 200, whole: false },
      mapping: { columns: { externalId: 'No', email: 'E-Mail', createdAt: 'Created' } },
      unused: ['Firma Company'],
      ...{ missing: [], added: 197, existing: 2, rejected: 1 },
    })
    expect(preview.rows[0]).toEqual({ row: 1, fields: { externalId: 'site-0', email: 'li@works-0.example', createdAt: '2026-04-13' } })
    expect(preview.errors).toEqual([
      { row: 3, field: 'email', column: 'E-Mail', value: 'nobody', code: 'email.malformed', detail: expect.any(String) },
      { row: 3, field: 'createdAt', column: 'Created', value: '99.99.2026', code: 'date.malformed', detail: expect.any(String) },
    ])
    const mapping = { columns: { externalId: 'No', companyName: 'Firma Company', email: 'E-Mail', createdAt: null } }
    expect(await olga.does(previewImport, { params: { id }, body: { mapping } })).toMatchObject({
      mappingFrom: 'given',
      unused: ['Created'],
    })
    expect(await leadsOf(olga)).toEqual([])
    await olga.does(startWaitingImport, { params: { id }, body: { mapping } })
    expect(await ended(olga, id)).toMatchObject({ added: 250, existing: 2, rejected: 1, totalRows: 253, mapping })
    const again = await olga.call(startWaitingImport, { params: { id }, body: {} })
    expect(again.body).toMatchObject({ status: 409, code: 'import.not_waiting' })
  })

  it('that nobody starts is forgotten after a day, or when it is not wanted', async () => {
    const { olga, bob } = await world.company()
    const caller = service.as(olga)
    const { id } = await waits(caller, 'companyName\nWaits\n')
    expect((await service.as(bob).call(discardImport, { params: { id } })).status).toBe(403)
    await caller.does(discardImport, { params: { id } })
    expect((await caller.call(getImport, { params: { id } })).status).toBe(404)
    const late = await waits(caller, 'companyName\nWaits\n')
    await inTenant(olga.tenantId, () =>
      service.database.query(`UPDATE import SET created_at = created_at - interval '25 hours' WHERE id = $1`, [late.id]),
    )
    const another = await start(leadService, { ...world.environment, DATABASE_URL: service.database.url }) // looks around when it starts
    await eventually(async () => (await caller.call(getImport, { params: { id: late.id } })).status === 404)
    await another.stop()
    const [chunks] = await inTenant(olga.tenantId, () =>
      service.database.query<{ count: bigint }>('SELECT count(*) AS count FROM import_chunk'),
    )
    expect(chunks!.count).toBe(0n)
  })

  it('of the same columns is mapped as the last one was, once that was saved', async () => {
    const { olga, mona } = await world.company()
    const caller = service.as(olga)
    const file = (n: number) => `Kunde,Mail\nCompany ${n},a@company-${n}.example\n`
    const mapping = { columns: { companyName: 'Kunde', email: 'Mail' }, defaults: { source: 'Fair' } }
    const first = await waits(caller, file(1))
    await caller.does(startWaitingImport, { params: { id: first.id }, body: { mapping, saveAs: 'Fairs' } })
    await ended(caller, first.id)
    const { data: saved } = await caller.does(listImportMappings, { query: { kind: 'leads' } })
    expect(saved).toEqual([
      { id: expect.any(String), kind: 'leads', name: 'Fairs', columns: ['Kunde', 'Mail'], mapping, updatedAt: expect.any(String) },
    ])
    const second = await waits(caller, 'Mail,Kunde\na@company-2.example,Company 2\n')
    expect(await caller.does(previewImport, { params: { id: second.id }, body: {} })).toMatchObject({
      ...{ mappingFrom: 'saved', savedMapping: saved[0].id, mapping, added: 1 },
    })
    await caller.does(startWaitingImport, { params: { id: second.id }, body: {} })
    await ended(caller, second.id)
    const third = await uploads(caller, file(3), { savedMapping: saved[0].id })
    await ended(caller, third.id)
    expect(await leadsOf(caller)).toMatchObject([1, 2, 3].map((n) => ({ companyName: `Company ${n}`, source: 'Fair' })))

    const better = { name: 'Fairs', columns: ['Kunde', 'Mail'], mapping: { columns: { companyName: 'Kunde' } } }
    const replaced = await caller.does(saveImportMapping, { query: { kind: 'leads' }, body: better })
    expect(replaced).toMatchObject({ id: saved[0].id, mapping: better.mapping })
    const unfit = { ...better, mapping: { columns: { shoeSize: 'Kunde' } } }
    expect((await caller.call(saveImportMapping, { query: { kind: 'leads' }, body: unfit })).body.code).toBe('import.unknown_field')
    expect((await service.as(mona).call(listImportMappings, { query: { kind: 'leads' } })).status).toBe(403)
    const others = service.as((await world.company()).olga)
    expect((await others.call(deleteImportMapping, { params: { id: saved[0].id } })).status).toBe(404)
    await caller.does(deleteImportMapping, { params: { id: saved[0].id } })
    expect((await caller.does(listImportMappings, { query: { kind: 'leads' } })).data).toEqual([])
  })

  it('comes as an Excel file too, with real dates, numbers and formulas', async () => {
    const olga = service.as((await world.company()).olga)
    const file = await excel([
      ['公司', '姓名', '手机', '创建日期', '备注'],
      ['云图科技', '李雷', 13800138000, new Date('2026-11-21T00:00:00Z'), '=cmd|calc'],
      ['Acme GmbH', null, null, 46347, null],
    ])
    const { id } = await waits(olga, file)
    expect(await olga.does(getImport, { params: { id } })).toMatchObject({ format: 'xlsx', encoding: null, sheet: 'Sheet1', totalRows: 2 })
    expect(await olga.does(previewImport, { params: { id }, body: {} })).toMatchObject({ added: 2, rejected: 0, whole: true })
    await olga.does(startWaitingImport, { params: { id }, body: {} })
    await ended(olga, id)
    expect(await leadsOf(olga)).toMatchObject([
      { companyName: '云图科技', note: '=cmd|calc', createdAt: '2026-11-21T00:00:00.000Z' },
      { companyName: 'Acme GmbH', createdAt: '2026-11-21T00:00:00.000Z' },
    ])
  })

  it('of dates that can be read in two ways is read as its clear ones tell, wherever they are, and refused when none does', async () => {
    const olga = service.as((await world.company()).olga)
    const rows = (from: number, date: string, count = 1) =>
      Array.from({ length: count }, (_, n) => `Dated ${from + n},d@dated-${from + n}.example,${date}`)
    const file = (...lines: string[]) => ['companyName,email,createdAt', ...lines].join('\n')
    const told = await uploads(olga, file(...rows(0, '03/04/2026', 1_500), ...rows(1_500, '25/04/2026')))
    expect(await ended(olga, told.id)).toMatchObject({ added: 1_501, rejected: 0, mapping: { dates: { createdAt: 'day_first' } } })
    expect((await leadsOf(olga))[0]).toMatchObject({ createdAt: '2026-04-03T00:00:00.000Z' })
    const open = await ended(olga, (await uploads(olga, file(...rows(2_000, '03/04/2026')))).id)
    expect(open).toMatchObject({ added: 0, rejected: 1 })
    const { text } = await olga.call(listRejections, { params: { id: open.id } })
    expect(text).toContain('createdAt: This date can be read in two ways. Write 03/04/2026 as year-month-day')
    const mapping = JSON.stringify({ dates: { createdAt: 'month_first' } })
    await ended(olga, (await uploads(olga, file(...rows(2_000, '03/04/2026')), { mapping })).id)
    const { data } = await olga.does(listLeads, { query: { companyName: 'Dated 2000' } })
    expect(data).toMatchObject([{ createdAt: '2026-03-04T00:00:00.000Z' }])
  })

  it.each(['csv', 'xlsx'] as const)('gives its rejected rows back as %s, which is mended and sent again as it is', async (format) => {
    const { olga: person } = await world.company()
    const olga = service.as(person)
    const mapping = JSON.stringify({ columns: { companyName: '公司', email: 'Mail', phone: 'Tel' } })
    const file = ['公司,Mail,Tel', 'Good,a@good.example,1234567', '=Bad,nobody,+86 138 0013 8000', '"Worse, ""too""",@,1234568'].join('\n')
    const report = await ended(olga, (await uploads(olga, file, { mapping })).id)
    expect(report).toMatchObject({ added: 1, rejected: 2 })
    const answer = await fetch(`${service.url}/v1/imports/${report.id}/rejections?format=${format}`, {
      headers: { authorization: `Bearer ${await world.token(person)}`, 'accept-language': 'zh-CN' },
    })
    expect(answer.headers.get('content-type')).toMatch(fileFormats[format])
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${report.id}.${format}"`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    const rows =
      format === 'csv'
        ? (parse(bytes, { bom: true }) as string[][])
        : ((await readExcelFile(bytes as never)) as unknown as { data: string[][] }[])[0]!.data
    for (const row of rows.slice(1)) expect(row[4]).toMatch(/^email: .*[\u4e00-\u9fff]/)
    expect(rows[0]).toEqual(['row', '公司', 'Mail', 'Tel', 'reason'])
    expect(rows.slice(1).map((row) => row.slice(0, 4))).toEqual([
      ['2', format === 'csv' ? "'=Bad" : '=Bad', 'nobody', format === 'csv' ? "'+86 138 0013 8000" : '+86 138 0013 8000'],
      ['3', 'Worse, "too"', '@', '1234568'].map((cell) => (format === 'csv' && cell === '@' ? "'@" : cell)),
    ])
    rows[1]![2] = 'b@bad.example'
    rows[2]![2] = 'c@worse.example'
    const mended =
      format === 'xlsx'
        ? await excel(rows as never)
        : rows.map((row) => row.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join()).join('\n')
    expect(await ended(olga, (await uploads(olga, mended, { mapping })).id)).toMatchObject({ added: 2, existing: 0, rejected: 0 })
    expect(await leadsOf(olga)).toMatchObject([
      { companyName: 'Good' },
      { companyName: '=Bad', phone: '+8613800138000' },
      { companyName: 'Worse, "too"' },
    ])
  })

  it.each([
    ['1,000 columns', Array.from({ length: 1_000 }, (_, n) => `c${n}`).join(), 422, 'import.too_wide'],
    ['an old Excel file', Buffer.from('d0cf11e0a1b11ae1000000000000', 'hex'), 422, 'import.old_workbook'],
    ['an archive that is cut off', Buffer.from('504b030414000600080000', 'hex'), 422, 'import.bad_workbook'],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452000001', 'hex'), 422, 'import.not_text'],
    ['nothing', '', 422, 'import.empty'],
    ['blanks', '\n\n', 422, 'import.empty'],
  ])('that is none is refused in words, and leaves nothing: %s', async (_, file, status, code) => {
    const { olga } = await world.company()
    const answer = await service.as(olga).call(startImport, {
      query: { kind: 'leads', preview: 'true' },
      body: file,
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect(answer.body).toMatchObject({ status, code })
    expect((await service.as(olga).does(listImports, { query: { kind: 'leads' } })).data).toEqual([])
  })

  it('is refused with two mappings, with one that is not there, with one that does not fit', async () => {
    const olga = service.as((await world.company()).olga)
    const savedMapping = newId('lead_import_mapping')
    const code = async (query: object) =>
      (await olga.call(startImport, { query: { kind: 'leads', ...query }, body: 'a,b\n1,2\n' })).body.code
    expect(await code({ mapping: '{}', savedMapping })).toBe('import.two_mappings')
    expect(await code({ savedMapping })).toBe('import_mapping.not_found')
    expect(await code({ mapping: JSON.stringify({ columns: { email: 'c' } }) })).toBe('import.missing_column')
    const { id } = await waits(olga, 'a,b\n1,2\n')
    const preview = await olga.call(previewImport, { params: { id }, body: { mapping: { dates: { shoe: 'day_first' } } } })
    expect(preview.body.code).toBe('import.unknown_field')
  })
})

describe('an import that is interrupted', () => {
  it('goes on where it was when the service comes back, an Excel file too', async () => {
    const { olga } = await world.company()
    const file = await excel([
      ['externalId', 'companyName', 'email'],
      ...Array.from({ length: 5_000 }, (_, n): Row => [`site-${n}`, `Resumed ${n} Ltd`, `li@resumed-${n}.example`]),
    ])
    const environment = { ...world.environment, DATABASE_URL: service.database.url }
    const first = await start(leadService, environment)
    const at = (url: string) => caller(url, () => world.token(olga))
    const { id } = await uploads(at(first.url), file)
    const far = await eventually(async () => {
      const found = await at(first.url).does(getImport, { params: { id } })
      return found.rows > 0 && found
    })
    expect(far).toMatchObject({ totalRows: 5_000, status: 'running' })
    await first.stop()
    const stopped = await at(service.url).does(getImport, { params: { id } })
    expect(stopped.rows).toBeLessThan(5_000)
    expect(stopped.percent).toBe(Math.floor(stopped.rows / 50))
    const second = await start(leadService, environment)
    expect(await ended(at(second.url), id)).toMatchObject({ status: 'done', rows: 5_000, added: 5_000, existing: 0, rejected: 0 })
    await second.stop()
  })
})
