import { text as textOf } from 'node:stream/consumers'
import {
  captureLead,
  createPool,
  getImport,
  listExports,
  listLeads,
  listPooledLeads,
  listPools,
  readAudit,
  releaseLead,
  startImport,
  type Language,
  type Operation,
  type Page,
} from '@millrace/contracts'
import { context, Exports, inTenant, mostRows, withContext } from '@millrace/service'
import { Refusal } from '@millrace/domain'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { parse } from 'csv-parse/sync'
import readExcelFile from 'read-excel-file/node'
import { leadService } from '../lead.module.js'

let world: World
let service: TestService
let company: Company

const many = 2_300

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(leadService)
  company = await world.company()
  const olga = service.as(company.olga)
  const rows = Array.from({ length: many }, (_, n) =>
    [`site-${n}`, `Exported ${n} Ltd`, `li@exported-${n}.example`, n % 23 ? company.amy.email : company.bob.email].join(),
  )
  const { id } = await olga.does(startImport, {
    query: { kind: 'leads' },
    body: ['externalId,companyName,email,owner', ...rows].join('\n'),
  })
  await eventually(async () => (await olga.does(getImport, { params: { id } })).status === 'done')
})
afterAll(() => world.stop())

async function exported(person: Person, query: Record<string, string>, { list = listLeads as Operation, language = 'en' } = {}) {
  const answer = await fetch(`${service.url}${list.path}?${new URLSearchParams(query).toString()}`, {
    headers: { authorization: `Bearer ${await world.token(person)}`, 'accept-language': language },
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  return { answer, bytes, table: () => parse(bytes, { bom: true }) as string[][] }
}

async function sheetOf(bytes: Buffer): Promise<unknown[][]> {
  return ((await readExcelFile(bytes as never)) as unknown as { data: unknown[][] }[])[0]!.data
}

/** The file of a list that is read by these pages. */
const aFile = (page: () => Promise<Page<object>>, language: Language = 'en') =>
  inTenant(company.tenantId, () =>
    withContext({ ...context(), language }, () =>
      new Exports(service.database, service.clock, 'lead').answer(listLeads, { limit: 50, fields: 'id' }, 'csv', page),
    ),
  )

const newest = async () => (await service.as(company.ada).does(listExports, { query: { service: 'lead' } })).data

describe('a list as a file', () => {
  it('has all that its caller sees, page after page, and nothing else: a rep their own leads', async () => {
    const { answer, table } = await exported(company.amy, { format: 'csv', fields: 'externalId,ownerId', sort: 'createdAt' })
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="leads-\d{4}-\d\d-\d\d\.csv"$/)
    const [heading, ...rows] = table()
    expect(heading).toEqual(['externalId', 'ownerId'])
    expect(rows).toHaveLength(many - Math.ceil(many / 23))
    expect(new Set(rows.map(([, owner]) => owner))).toEqual(new Set([company.amy.id]))
    expect(new Set(rows.map(([id]) => id)).size).toBe(rows.length)
    expect((await exported(company.olga, { format: 'csv', fields: 'id' })).table()).toHaveLength(many + 1)
    expect((await exported(company.mona, { format: 'xlsx', fields: 'id' })).bytes.subarray(0, 2).toString()).toBe('PK')
  })

  it('has the filters, the order and the columns that were asked for, under the headings of the reader’s language', async () => {
    const query = { format: 'csv', 'companyName.contains': 'Exported 12', sort: '-companyName', fields: 'email,companyName,status' }
    const { table } = await exported(company.olga, query, { language: 'zh-CN' })
    const [heading, ...rows] = table()
    expect(heading).toEqual(['邮箱', '公司名称', '状态'])
    expect(rows).toHaveLength(111)
    const { format: _, ...page } = query
    const { data } = await service.as(company.olga).does(listLeads, { query: { ...page, limit: 200 } })
    expect(rows).toEqual(data.map(({ email, companyName, status }: Record<string, string>) => [email, companyName, status]))
  })

  it('is typed in Excel, and harmless in both', async () => {
    const body = { companyName: '=cmd|calc', contactName: '@SUM(1)', phone: '+8613800138000', email: 'x@danger.example', note: '-1\n"2"' }
    await service.as(company.bob).does(captureLead, { body })
    const query = { fields: 'companyName,contactName,phone,note,createdAt,version,duplicateOf', email: 'x@danger.example' }
    const csv = await exported(company.bob, { ...query, format: 'csv' })
    expect(csv.table()[1]).toEqual(
      ["'=cmd|calc", "'@SUM(1)", "'+8613800138000", '\'-1\n"2"', expect.stringMatching(/^\d{4}-.*Z$/), '1', '[]'].map((cell) =>
        cell === '[]' ? '' : cell,
      ),
    )
    const [, row] = await sheetOf((await exported(company.bob, { ...query, format: 'xlsx' })).bytes)
    expect(row!.slice(0, 6)).toEqual(['=cmd|calc', '@SUM(1)', '+8613800138000', '-1\n"2"', expect.any(Date), 1])
  })

  it('is noted: who had which list, with which filters, how many rows', async () => {
    const filter = { 'companyName.contains': 'exported', status: 'assigned', sort: 'companyName', fields: 'id' }
    await exported(company.fred, { ...filter, format: 'xlsx' })
    const [last] = await eventually(async () => {
      const found = await newest()
      return found[0].complete && found
    })
    expect(last).toMatchObject({
      ...{ list: 'listLeads', format: 'xlsx', actorId: company.fred.id, rows: many, complete: true },
      query: filter,
    })
    const { data } = await service.as(company.ada).does(readAudit, { params: { id: last.id } })
    expect(data).toMatchObject([
      { aggregate: 'export', action: 'insert', actorId: company.fred.id },
      { action: 'update', change: { rows: many } },
    ])
    expect((await service.as(company.amy).call(listExports, { query: { service: 'lead' } })).status).toBe(403)
  })

  it('that is not read to its end is noted as that', async () => {
    const file = (await aFile(() => Promise.resolve({ data: [{ id: 'x' }], next: 'more' }))).getStream()
    for await (const part of file) if (String(part).startsWith('x')) break
    const [last] = await eventually(async () => {
      const found = await newest()
      return found[0].rows !== null && found
    })
    expect(last).toMatchObject({ list: 'listLeads', complete: false })
    expect(last.rows).toBeGreaterThan(0)
  })

  it('is refused like the list: a wrong filter, a cursor that is made up, a format that is none', async () => {
    for (const query of [{ format: 'csv', shoe: '1' }, { format: 'csv', cursor: 'x' }, { format: 'pdf' }] as Record<string, string>[]) {
      const { answer, bytes } = await exported(company.olga, query)
      expect(answer.status).toBe(400)
      expect(JSON.parse(bytes.toString())).toMatchObject({ code: expect.stringMatching(/request\.invalid|cursor\.malformed/) })
    }
    const before = await newest()
    await exported(company.olga, { format: 'csv', cursor: 'x' })
    expect(await newest()).toEqual(before)
  })

  it('does not let a rep carry away what they may only look at', async () => {
    const [amy, olga] = [service.as(company.amy), service.as(company.olga)]
    const pool = await olga.does(createPool, { body: { name: 'Fair' } })
    const lead = await olga.does(captureLead, { body: { companyName: 'Pooled Ltd', email: 'x@pooled.example' } })
    await olga.does(releaseLead, { params: { id: lead.id }, body: { poolId: pool.id, reason: 'other' } })
    expect((await amy.does(listPooledLeads)).data).toMatchObject([{ companyName: 'Pooled Ltd' }])
    const { answer, table } = await exported(company.amy, { format: 'csv' }, { list: listPooledLeads })
    expect([answer.status, table().length]).toEqual([200, 1])
    expect((await exported(company.olga, { format: 'csv' }, { list: listPooledLeads })).table()).toHaveLength(2)
    // What nobody owns, they may have.
    expect((await exported(company.amy, { format: 'csv', fields: 'name' }, { list: listPools })).table()).toEqual([['name'], ['Fair']])
  })

  it('that is refused on its way ends with the reason, and is not complete', async () => {
    const pages = [{ data: [{ id: 'x' }], next: 'more' }]
    const answer = await aFile(async () => {
      const page = pages.shift()
      if (!page) throw new Refusal('rate.exceeded')
      return page
    })
    const lines = (await textOf(answer.getStream())).trim().split('\n')
    expect(lines.slice(1)).toEqual(['x', expect.stringContaining('Too many requests')])
    expect((await newest())[0]).toMatchObject({ rows: 1, complete: false })
  })

  it('ends at a million rows, and says so', async () => {
    const page = { data: Array.from({ length: 1_000 }, () => ({ id: 'x' })), next: 'more' }
    const answer = await aFile(() => Promise.resolve(page), 'zh-CN')
    const lines = (await textOf(answer.getStream())).trim().split('\n')
    expect(lines).toHaveLength(mostRows + 2)
    expect(lines.at(-1)).toContain('本文件仅包含前 1,000,000 行')
  })
})
