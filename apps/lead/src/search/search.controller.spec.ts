import { assignLead, captureLead, changeLead, disqualifyLead, mergeLead, searchLeads } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { inTenant, Search } from '@millrace/service'
import { asSuperuser, aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
afterAll(() => world.stop())

const capture = (person: Person, body: object) => leads.as(person).does(captureLead, { body })
const search = (person: Person, q: string, limit = 20) => leads.as(person).does(searchLeads, { query: { q, limit } })
const titles = async (person: Person, q: string) => (await search(person, q)).data.map(({ title }: { title: string }) => title) as string[]
const li = { companyName: '云图科技有限公司', contactName: '李雷', email: 'li@example.com', phone: '138 0013 8000' }

describe('searching leads', () => {
  it('finds one by its company, person, e-mail or phone, in part and however it is written, and says where', async () => {
    const { amy } = await world.company()
    const lead = await capture(amy, li)
    for (const q of [
      '云图',
      '科技',
      '李雷',
      '李雷 云图',
      'LI@example',
      'example.com',
      '8000',
      '+86 (138) 0013-8000',
      '138００１３８０００',
    ])
      expect((await search(amy, q)).data.map(({ id }: { id: string }) => id)).toEqual([lead.id])
    expect(await search(amy, '图科 8000')).toEqual({
      data: [
        {
          kind: 'lead',
          id: lead.id,
          title: '云图科技有限公司',
          subtitle: '李雷 · li@example.com · +8613800138000',
          status: 'assigned',
          ownerId: amy.id,
          mine: true,
          match: 'part',
          matches: [
            { field: 'companyName', text: '云图科技有限公司', ranges: [{ from: 1, to: 3 }] },
            { field: 'phone', text: '+8613800138000', ranges: [{ from: 10, to: 14 }] },
          ],
          createdAt: lead.createdAt,
        },
      ],
      complete: true,
    })
    for (const q of ['云科', '李 云图 韩', '3800', 'ample.com', '有限公司']) expect((await search(amy, q)).data).toEqual([])
  })

  it('puts the better match first, then one’s own, then the newer', async () => {
    const { amy, olga } = await world.company()
    for (const [person, companyName] of [
      [amy, 'North Acme Ltd'],
      [olga, 'Acme Works'],
      [amy, 'Acme Mills'],
      [amy, 'Acme Yards'],
      [olga, 'ACME GmbH'],
    ] as const)
      await capture(person, { companyName, ownerId: person.id })
    expect(await titles(olga, 'acme')).toEqual(['ACME GmbH', 'Acme Works', 'Acme Yards', 'Acme Mills', 'North Acme Ltd'])
    expect((await search(olga, 'acme', 2)).data).toHaveLength(2)
    expect((await search(olga, 'acme', 2)).complete).toBe(false)
  })

  it('shows each what their lists show: own, the team’s, the company’s; nothing of another company', async () => {
    const { amy, bob, mona, olga } = await world.company()
    await capture(amy, { companyName: 'Amyson Ltd' })
    await capture(bob, { companyName: 'Amyson & Bob' })
    expect(await titles(amy, 'amyson')).toEqual(['Amyson Ltd'])
    expect(await titles(bob, 'amyson')).toEqual(['Amyson & Bob'])
    expect(await titles(mona, 'amyson')).toEqual(['Amyson Ltd'])
    expect(await titles(olga, 'amyson')).toHaveLength(2)
    expect(await titles((await world.company()).olga, 'amyson')).toEqual([])
    expect((await search(amy, 'amyson')).complete).toBe(true)
  })

  it('finds a changed lead by what it is called now, a closed one still, and of merged ones the one that is left', async () => {
    const { amy, olga } = await world.company()
    const lead = await capture(amy, li)
    await leads.as(amy).does(changeLead, {
      params: { id: lead.id },
      body: { companyName: '北京明德', phone: '139 0000 1234' },
      headers: { 'if-match': '"1"' },
    })
    expect(await titles(amy, '云图')).toEqual([])
    expect(await titles(amy, '8000')).toEqual([])
    expect(await titles(amy, '明德 李雷 1234')).toEqual(['北京明德'])
    await leads.as(olga).does(assignLead, { params: { id: lead.id }, body: { ownerId: olga.id } })
    expect(await titles(olga, '明德')).toEqual(['北京明德'])
    const other = await capture(olga, { companyName: '明德(北京)', jobTitle: 'CTO', email: 'cto@mingde.example' })
    await leads.as(olga).does(mergeLead, { params: { id: lead.id }, body: { leadId: other.id, take: ['email'] } })
    expect(await titles(olga, '明德')).toEqual(['北京明德'])
    expect(await titles(olga, 'cto@mingde')).toEqual(['北京明德'])
    await leads.as(olga).does(disqualifyLead, { params: { id: lead.id }, body: { reason: 'spam' } })
    expect((await search(olga, '明德')).data).toMatchObject([{ title: '北京明德', status: 'disqualified' }])
  })

  it('keeps no token of what a lead is called no more', async () => {
    const { amy, tenantId } = await world.company()
    const lead = await capture(amy, li)
    const change = (body: object, version: number) =>
      leads.as(amy).does(changeLead, { params: { id: lead.id }, body, headers: { 'if-match': `"${version}"` } })
    await change({ companyName: '明德', contactName: null, email: null, phone: null }, 1)
    const tokens = () =>
      inTenant(tenantId, () =>
        leads.database.query<{ token: string }>('SELECT token FROM lead_search WHERE record_id = $1 ORDER BY token', [lead.id]),
      )
    expect((await tokens()).map(({ token }) => token)).toEqual(['德', '明德'])
    await change({ note: 'calls on Monday' }, 2)
    expect(await tokens()).toHaveLength(2)
  })

  it('finds among many by words that each lead to many, and by a word that leads to many one’s own first', async () => {
    const company = await world.company()
    const { amy, bob, olga } = company
    const hers = await capture(amy, { companyName: 'Common Pearl Ltd' })
    await many(company, 3_000)
    await capture(bob, { companyName: 'Common Opal Ltd' })
    expect(await titles(amy, 'common')).toEqual([hers.companyName])
    expect((await search(amy, 'common')).complete).toBe(false)
    const all = await search(olga, 'common', 50)
    expect(all.data).toHaveLength(50)
    expect(all.data[0]).toMatchObject({ title: 'Common Opal Ltd' })
    expect(all.complete).toBe(false)
    expect(await search(olga, 'common pearl')).toMatchObject({ data: [{ id: hers.id }], complete: true })
    // The newest of each word have not the other one.
    expect(await titles(olga, 'even old thing')).toEqual(
      Array.from({ length: 20 }, () => expect.stringMatching(/^Common Thing even old \d+$/)),
    )
    const [first] = (await search(olga, 'thing 2999')).data
    expect(first).toMatchObject({ title: 'Common Thing odd young 2999' })
  })

  it('finds leads of before the search once they were read, each company’s by itself', async () => {
    const [one, other] = [await world.company(), await world.company()]
    const [hers, theirs] = [await capture(one.amy, li), await capture(other.amy, { ...li, companyName: '云图国际' })]
    await many(one, 2_500)
    await asSuperuser(async (client) => {
      await client.query('TRUNCATE lead_search')
      await client.query(`INSERT INTO search_backfill (tenant_id, noun) SELECT DISTINCT tenant_id, 'lead' FROM lead`)
    }, new URL(leads.database.url).pathname.slice(1))
    expect(await titles(one.amy, '云图')).toEqual([])
    await leads.app.get(Search).indexOlder()
    await leads.app.get(Search).indexOlder()
    expect((await search(one.amy, '云图')).data).toMatchObject([{ id: hers.id }])
    expect((await search(other.amy, '云图')).data).toMatchObject([{ id: theirs.id }])
    expect(await titles(one.olga, 'thing 2500')).toEqual(['Common Thing even young 2500'])
    const left = await asSuperuser((client) => client.query('SELECT 1 FROM search_backfill'), new URL(leads.database.url).pathname.slice(1))
    expect(left.rows).toEqual([])
  })

  it('takes any text, and refuses only none and too much', async () => {
    const { amy } = await world.company()
    const status = async (q: string) => (await leads.as(amy).call(searchLeads, { query: { q } })).status
    for (const q of [
      "'; DROP TABLE lead; --",
      '%',
      '\\',
      '云'.repeat(100),
      '1'.repeat(100),
      'a b c d e f g h i j k l m n o p q',
      '😀',
      '\u{10ffff}',
    ])
      expect([q, await status(q)]).toEqual([q, 200])
    for (const q of ['', ' ', 'a'.repeat(101), 'a\u0000b']) expect([q, await status(q)]).toEqual([q, 400])
  })
})

/** Leads of nobody, as an import stores them. */
async function many({ tenantId }: Company, count: number): Promise<void> {
  await asSuperuser(async (client) => {
    const made = `FROM generate_series(1, $2::int) AS n, LATERAL (SELECT 'lead_01g' || lpad(n::text, 23, '0') AS id, CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END AS parity, CASE WHEN n <= 1500 THEN 'old' ELSE 'young' END AS age) AS made`
    await client.query(
      `INSERT INTO lead (tenant_id, id, version, journey_id, created_at, updated_at, status, company_name, duplicate_of)
         SELECT $1, id, 1, $3, '2026-01-01', '2026-01-01', 'new', 'Common Thing ' || parity || ' ' || age || ' ' || n, '[]' ${made}`,
      [tenantId, count, newId('journey')],
    )
    await client.query(
      `INSERT INTO lead_search (tenant_id, token, record_id) SELECT $1, token, id ${made}, unnest(ARRAY['common', 'thing', parity, age, n::text]) AS token`,
      [tenantId, count],
    )
  }, new URL(leads.database.url).pathname.slice(1))
}
