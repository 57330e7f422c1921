import {
  AccountChanged,
  AccountMerged,
  AccountOpened,
  assignLead,
  captureLead,
  changeLead,
  changeLeadSettings,
  ContactAdded,
  ContactChanged,
  convertLead,
  disqualifyLead,
  getLead,
  getLeadSettings,
  keepLeadApart,
  listLeadDuplicates,
  listLeads,
  mergeLead,
  nurtureLead,
  qualifyLead,
  readAudit,
  workLead,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { asSuperuser, aWorld, houseRules, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'
import { Duplicates } from './duplicates.service.js'
import { LeadService } from './lead.service.js'

houseRules(leadService, `${import.meta.dirname}/..`)

let world: World
let leads: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
  company = await world.company()
})
afterAll(() => world.stop())

const cloud = { companyName: '云图科技有限公司', contactName: '李雷', email: 'Li@Example.com', phone: '138 0013 8000' }

describe('capturing a lead', () => {
  it('keeps what was typed, normalises beside it, and tells others once', async () => {
    const { amy, tenantId } = await world.company()
    const lead = await leads.as(amy).does(captureLead, { body: cloud })
    expect(lead).toMatchObject({
      companyName: '云图科技有限公司',
      email: 'Li@Example.com',
      phone: '+8613800138000',
      status: 'assigned',
      ownerId: amy.id,
      version: 1,
    })
    const events = (await world.events(tenantId)).filter(({ subject }) => subject === lead.id)
    expect(events.map(({ name, journeyId }) => ({ name, journeyId }))).toEqual([
      { name: 'lead.captured', journeyId: lead.journeyId },
      { name: 'lead.assigned', journeyId: lead.journeyId },
    ])
  })

  it('refuses nonsense with every field that is wrong, in the reader’s language', async () => {
    const answer = await leads
      .as(company.amy)
      .call(captureLead, { body: { email: 'nobody', surname: 'x', country: 'china' }, headers: { 'accept-language': 'zh-CN' } })
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.body.title).toMatch(/请求无效/)
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(['/country', '/email', '/surname'])
  })

  it('refuses an empty lead', async () => {
    const answer = await leads.as(company.amy).call(captureLead, { body: {} })
    expect(answer.status).toBe(400)
    expect(answer.body.errors[0].code).toBe('lead.nameless')
  })

  it('lets exactly one of two identical captures at the same moment through when duplicates are refused', async () => {
    const { amy, ada } = await world.company()
    await leads.as(ada).does(changeLeadSettings, { body: { duplicates: 'refuse' }, headers: { 'if-match': '"0"' } })
    const answers = await Promise.all(Array.from({ length: 8 }, () => leads.as(amy).call(captureLead, { body: cloud })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409])
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({
      code: 'lead.duplicate',
      candidates: [{ score: 100, reasons: ['email', 'phone', 'company_and_contact'] }],
    })
  })

  it('flags a duplicate with score and reason when the policy says so', async () => {
    const { amy } = await world.company()
    const first = await leads.as(amy).does(captureLead, { body: cloud })
    const second = await leads.as(amy).does(captureLead, { body: { companyName: '云图', email: 'LI@EXAMPLE.COM' } })
    expect(second.duplicateOf).toEqual([{ leadId: first.id, score: 60, reasons: ['email'] }])
  })

  it('sees a company that is written differently, and lets it pass where only equal leads are refused', async () => {
    const { amy, ada } = await world.company()
    await leads.as(ada).does(changeLeadSettings, { body: { duplicates: 'refuse' }, headers: { 'if-match': '"0"' } })
    const first = await leads.as(amy).does(captureLead, { body: { companyName: '北京明德信息技术有限公司', contactName: 'Li Lei' } })
    const second = await leads.as(amy).does(captureLead, { body: { companyName: '明德科技(北京)', contactName: 'Li Lei' } })
    expect(second.duplicateOf).toEqual([{ leadId: first.id, score: 30, reasons: ['similar_company_and_contact'] }])
    const other = await leads.as(amy).does(captureLead, { body: { companyName: '上海明德信息技术有限公司', contactName: 'Li Lei' } })
    expect(other.duplicateOf).toEqual([])
    const renamed = await leads.as(amy).does(changeLead, {
      params: { id: other.id },
      body: { companyName: '北京明德科技' },
      headers: { 'if-match': '"1"' },
    })
    expect(renamed.duplicateOf.map(({ leadId }: { leadId: string }) => leadId).sort()).toEqual([first.id, second.id].sort())
    const last = await leads.as(amy).does(captureLead, { body: { companyName: '明德科技(上海)' } })
    expect(last.duplicateOf).toEqual([]) // the one that was from Shanghai is found by its new name only
  })

  it('adds to the lead that is there, where the company wants duplicates merged; nobody learns of a lead that they may not see', async () => {
    const { amy, bob, ada, tenantId } = await world.company()
    await leads.as(ada).does(changeLeadSettings, { body: { duplicates: 'merge' }, headers: { 'if-match': '"0"' } })
    const first = await leads.as(amy).does(captureLead, { body: { email: 'li@merge.example', note: 'met at the fair' } })
    const again = { ...cloud, email: 'LI@merge.example', note: 'called' }
    const merged = await leads.as(amy).does(captureLead, { body: again })
    expect(merged).toMatchObject({
      ...cloud,
      id: first.id,
      version: 2,
      email: 'li@merge.example',
      phone: '+8613800138000',
      note: 'met at the fair',
    })
    expect((await leads.as(amy).does(captureLead, { body: again })).version).toBe(2)
    expect((await leads.as(bob).call(captureLead, { body: again })).body).toMatchObject({
      status: 409,
      code: 'lead.duplicate',
      candidates: [{ leadId: first.id, score: 100 }],
    })
    const told = (await world.events(tenantId)).filter(({ name }) => name.startsWith('lead.'))
    expect(told.map(({ name }) => name)).toEqual(['lead.captured', 'lead.assigned', 'lead.changed'])
  })

  it('sees that it is a customer already: an account by its name, a contact by e-mail or phone', async () => {
    const { amy, tenantId } = await world.company()
    const [accountId, contactId] = [newId('account'), newId('contact')]
    const account = { accountId, ownerId: null, parentId: null, industry: null, country: null }
    const contact = { contactId, accountId, name: 'Han Mei', email: null, phone: '+8613911112222', roles: [] }
    await world.publish(tenantId, AccountOpened, accountId, { ...account, name: 'Orion Maschinenbau GmbH' })
    await world.publish(tenantId, ContactAdded, contactId, { ...contact, email: 'Han@Orion.example' })
    await leads.settled()
    const lead = await leads.as(amy).does(captureLead, { body: { companyName: 'Orion Machinenbau', email: 'han@orion.example' } })
    expect(lead.customers).toEqual([
      { accountId, contactId, score: 60, reasons: ['email'] },
      { accountId, contactId: null, score: 20, reasons: ['similar_company'] },
    ])
    await world.publish(tenantId, AccountChanged, accountId, { ...account, name: 'Orion Werke' }, { sequence: 2 })
    await world.publish(tenantId, ContactChanged, contactId, contact, { sequence: 2 })
    await leads.settled()
    const later = await leads.as(amy).does(captureLead, { body: { companyName: 'Orion Machinenbau', email: 'han@orion.example' } })
    expect(later.customers).toEqual([])
    const byPhone = await leads.as(amy).does(captureLead, { body: { companyName: 'Orion Werke Ltd', phone: '139 1111 2222' } })
    expect(byPhone.customers).toEqual([
      { accountId, contactId, score: 50, reasons: ['phone'] },
      { accountId, contactId: null, score: 25, reasons: ['company'] },
    ])
  })

  it('knows an account that became part of another one as that one, and so do leads that were converted into it', async () => {
    const { amy, tenantId } = await world.company()
    const [gone, into] = [newId('account'), newId('account')]
    for (const accountId of [gone, into]) {
      const account = { accountId, name: 'Taurus Werke', ownerId: null, parentId: null, industry: null, country: null }
      await world.publish(tenantId, AccountOpened, accountId, account)
    }
    await leads.settled()
    const converts = async (id: string) => {
      await leads.as(amy).does(qualifyLead, { params: { id } })
      return leads.as(amy).does(convertLead, { params: { id }, body: { accountId: gone } })
    }
    const before = await leads.as(amy).does(captureLead, { body: { companyName: 'Taurus Werke', email: 'a@taurus.example' } })
    expect(before.customers.map(({ accountId }: any) => accountId).sort()).toEqual([gone, into].sort())
    expect(await converts(before.id)).toMatchObject({ accountId: gone })
    await world.publish(tenantId, AccountMerged, gone, { accountId: gone, into }, { sequence: 2 })
    await leads.settled()
    const converted = await leads.as(amy).does(getLead, { params: { id: before.id } })
    expect(converted).toMatchObject({ accountId: into, status: 'converted' })
    expect(await leads.as(amy).does(convertLead, { params: { id: before.id }, body: { accountId: gone } })).toEqual(converted)
    const later = await leads.as(amy).does(captureLead, { body: { companyName: 'Taurus Werke', email: 'b@taurus.example' } })
    expect(later.customers.map(({ accountId }: any) => accountId)).toEqual([into])
    expect(await converts(later.id)).toMatchObject({ accountId: into })
    const told = (await world.events(tenantId)).filter(({ subject, name }) => subject === later.id && name === 'lead.converted')
    expect(told[0]!.payload['account'].id).toBe(into)
  })

  it('finds leads from before companies were compared', async () => {
    const { amy, tenantId } = await world.company()
    const first = await leads.as(amy).does(captureLead, { body: { companyName: 'Ancient Machines Ltd' } })
    await asSuperuser(async (client) => {
      await client.query('DELETE FROM lead_company_token WHERE lead_id = $1', [first.id])
      await client.query('INSERT INTO lead_not_indexed VALUES ($1, $2, $3)', [tenantId, first.id, first.companyName])
    }, new URL(leads.database.url).pathname.slice(1))
    await leads.app.get(Duplicates).indexOlder()
    const second = await leads.as(amy).does(captureLead, { body: { companyName: 'Ancient Machinnes' } })
    expect(second.duplicateOf).toEqual([{ leadId: first.id, score: 20, reasons: ['similar_company'] }])
  })

  it('makes one lead of a request that is sent twice with the same key, and refuses another body under it', async () => {
    const { amy, tenantId } = await world.company()
    const headers = { 'idempotency-key': 'k-1' }
    const [one, two] = [
      await leads.as(amy).call(captureLead, { body: cloud, headers }),
      await leads.as(amy).call(captureLead, { body: cloud, headers }),
    ]
    expect([one.status, two.status]).toEqual([201, 201])
    expect(two.body).toEqual(one.body)
    expect(two.headers['idempotency-replayed']).toBe('true')
    expect((await leads.as(amy).call(captureLead, { body: { ...cloud, note: 'other' }, headers })).body).toMatchObject({
      status: 422,
      code: 'idempotency.reused',
    })
    expect((await world.events(tenantId)).filter(({ name }) => name === 'lead.captured')).toHaveLength(1)
  })
})

describe('leads that look the same', () => {
  const pairs = async (person: Person) => (await leads.as(person).does(listLeadDuplicates)).data as Record<string, any>[]

  it('wait at a desk until somebody merges them; the id of the one that went answers with the one that stayed', async () => {
    const { amy, tenantId } = await world.company()
    const as = leads.as(amy)
    const stays = await as.does(captureLead, { body: { companyName: 'Orion Ltd', email: 'a@orion.example', note: 'first' } })
    const goes = await as.does(captureLead, { body: { contactName: 'Ann', jobTitle: 'Buyer', email: 'A@orion.example', note: 'second' } })
    expect(await pairs(amy)).toMatchObject([
      { lead: { id: goes.id }, other: { id: stays.id, companyName: 'Orion Ltd' }, score: 60, reasons: ['email'] },
    ])
    const merge = () => as.call(mergeLead, { params: { id: stays.id }, body: { leadId: goes.id, take: ['note'] } })
    const merged = (await merge()).body
    expect(merged).toMatchObject({
      id: stays.id,
      companyName: 'Orion Ltd',
      contactName: 'Ann',
      jobTitle: 'Buyer',
      note: 'second',
      email: 'a@orion.example',
    })
    expect((await merge()).body.version).toBe(merged.version)
    expect(await pairs(amy)).toEqual([])
    expect((await as.does(getLead, { params: { id: goes.id } })).id).toBe(stays.id)
    expect((await as.does(listLeads, { query: { status: 'merged' } })).data).toMatchObject([{ id: goes.id, mergedInto: stays.id }])
    const told = (await world.events(tenantId)).filter(({ name }) => name === 'lead.merged' || name === 'lead.changed')
    expect(told.map(({ name, subject, payload }) => [name, subject, payload['into']]).sort()).toEqual([
      ['lead.changed', stays.id, undefined],
      ['lead.merged', goes.id, stays.id],
    ])
  })

  it('are found and converted by what they became', async () => {
    const { amy } = await world.company()
    const as = leads.as(amy)
    const stays = await as.does(captureLead, { body: { email: 'b@orion.example' } })
    const goes = await as.does(captureLead, { body: { companyName: 'Late Orion Ltd', email: 'b@orion.example' } })
    await as.does(mergeLead, { params: { id: stays.id }, body: { leadId: goes.id } })
    const third = await as.does(captureLead, { body: { companyName: 'Late Orion' } })
    expect(third.duplicateOf).toEqual([{ leadId: stays.id, score: 25, reasons: ['company'] }])
    await as.does(qualifyLead, { params: { id: stays.id } })
    const converted = await as.does(convertLead, { params: { id: goes.id }, body: {} })
    expect(converted).toMatchObject({ id: stays.id, status: 'converted' })
    expect((await as.call(mergeLead, { params: { id: third.id }, body: { leadId: goes.id } })).body).toMatchObject({
      status: 409,
      code: 'lead.merged_otherwise',
      mergedInto: stays.id,
    })
    expect((await as.call(mergeLead, { params: { id: third.id }, body: { leadId: third.id } })).body.code).toBe('lead.merged_with_itself')
    expect((await as.call(mergeLead, { params: { id: stays.id }, body: { leadId: third.id } })).body).toMatchObject({
      status: 409,
      code: 'lead.closed',
    })
  })

  it('that are two are remembered as two', async () => {
    const { amy, tenantId } = await world.company()
    const as = leads.as(amy)
    const one = await as.does(captureLead, { body: { companyName: 'Twin Ltd', phone: '139 0000 1111' } })
    const two = await as.does(captureLead, { body: { companyName: 'Twin Ltd', phone: '139 0000 1111' } })
    const apart = await as.does(keepLeadApart, { params: { id: one.id }, body: { leadId: two.id } })
    expect(apart.duplicateOf).toEqual([])
    expect(await pairs(amy)).toEqual([])
    const told = (await world.events(tenantId)).filter(({ name }) => name === 'lead.kept_apart')
    expect(told.map(({ subject, payload }) => [subject, payload['otherId']]).sort()).toEqual([
      [one.id, two.id],
      [two.id, one.id],
    ])
    const again = await as.does(changeLead, { params: { id: two.id }, body: { note: 'x' }, headers: { 'if-match': '"2"' } })
    expect(again.duplicateOf).toEqual([])
  })

  it('are shown to who sees both, page by page', async () => {
    const { amy, bob, olga } = await world.company()
    for (const person of [amy, bob, amy, bob]) await leads.as(person).does(captureLead, { body: { email: 'c@orion.example' } })
    expect(await pairs(olga)).toHaveLength(6)
    expect(await pairs(amy)).toHaveLength(1)
    const page = await leads.as(olga).does(listLeadDuplicates, { query: { limit: 4 } })
    const rest = await leads.as(olga).does(listLeadDuplicates, { query: { limit: 4, cursor: page.next } })
    expect([page.data.length, rest.data.length, rest.next]).toEqual([4, 2, null])
    expect(new Set([...page.data, ...rest.data].map(({ lead, other }) => `${lead.id} ${other.id}`)).size).toBe(6)
    expect((await leads.as(olga).call(listLeadDuplicates, { query: { cursor: 'x' } })).body.code).toBe('cursor.malformed')
    const [first] = await pairs(olga)
    const notHis = { params: { id: first!['lead'].id }, body: { leadId: first!['other'].id } }
    expect((await leads.as(amy).call(mergeLead, notHis)).status).toBe(404)
  })
})

describe('a lead that rests', () => {
  it('wakes once when its day has come, also after a night when nobody looked', async () => {
    const { amy, tenantId } = await world.company()
    const as = leads.as(amy)
    const rests = async (wakeAt: string) => {
      const { id } = await as.does(captureLead, { body: { companyName: `Sleepy ${wakeAt} Ltd` } })
      return (await as.does(nurtureLead, { params: { id }, body: { wakeAt } })).id as string
    }
    const now = leads.clock.now().getTime()
    const inDays = (days: number) => new Date(now + days * 86_400_000).toISOString()
    const [soon, late, never] = [await rests(inDays(2)), await rests(inDays(30)), await rests(inDays(3))]
    await as.does(workLead, { params: { id: never } }) // woken by hand
    expect((await as.does(listLeads, { query: { status: 'nurturing', sort: 'wakeAt' } })).data.map(({ id }: { id: string }) => id)).toEqual(
      [soon, late],
    )
    leads.clock.advance({ days: 5 })
    try {
      const service = leads.app.get(LeadService)
      await Promise.all([service.wakeDue(), service.wakeDue()])
      await service.wakeDue()
    } finally {
      leads.clock.advance({ days: -5 })
    }
    expect(await as.does(getLead, { params: { id: soon } })).toMatchObject({ status: 'working', wakeAt: null })
    expect(await as.does(getLead, { params: { id: late } })).toMatchObject({ status: 'nurturing', wakeAt: inDays(30) })
    const woken = (await world.events(tenantId)).filter(({ name }) => name === 'lead.woken')
    expect(woken.map(({ subject }) => subject)).toEqual([soon])
  })
})

describe('changing a lead', () => {
  it('needs the version that was read, and refuses an old one', async () => {
    const amy = leads.as(company.amy)
    const lead = await amy.does(captureLead, { body: { companyName: 'Stale Ltd' } })
    const params = { id: lead.id }
    expect((await amy.call(changeLead, { params, body: { note: 'a' } })).status).toBe(428)
    const changed = await amy.call(changeLead, { params, body: { note: 'a' }, headers: { 'if-match': '"1"' } })
    expect(changed.headers['etag']).toBe('"2"')
    const stale = await amy.call(changeLead, { params, body: { note: 'b' }, headers: { 'if-match': '"1"' } })
    expect(stale.body).toMatchObject({ status: 412, code: 'version.stale', current: 2 })
    expect((await amy.does(getLead, { params })).note).toBe('a')
  })

  it('leaves a trail of who changed what', async () => {
    const lead = await leads.as(company.amy).does(captureLead, { body: { companyName: 'Trail Ltd' } })
    await leads.as(company.amy).does(changeLead, { params: { id: lead.id }, body: { note: 'called' }, headers: { 'if-match': '"1"' } })
    const { data } = await leads.as(company.ada).does(readAudit, { params: { id: lead.id } })
    expect(data.map(({ action, actorId }: { action: string; actorId: string }) => [action, actorId])).toEqual([
      ['insert', company.amy.id],
      ['update', company.amy.id],
    ])
    expect(data[1].change).toEqual({ note: { from: null, to: 'called' } })
  })
})

describe('who sees which lead', () => {
  it('shows a rep her own, a manager his part of the company, another tenant nothing', async () => {
    const lead = await leads.as(company.amy).does(captureLead, { body: { companyName: 'Private Ltd' } })
    const params = { id: lead.id }
    const stranger = await world.company()
    const status = async (person: Company['amy']) => (await leads.as(person).call(getLead, { params })).status
    expect(await status(company.amy)).toBe(200)
    expect(await status(company.mona)).toBe(200)
    expect(await status(company.eva)).toBe(200)
    expect(await status(company.bob)).toBe(404)
    expect(await status(stranger.ada)).toBe(404)
    expect((await leads.as(company.bob).call(qualifyLead, { params })).status).toBe(404)
    const seen = await leads.as(company.bob).does(listLeads, { query: { companyName: 'Private Ltd' } })
    expect(seen.data).toEqual([])
  })

  it('lets only those assign who may', async () => {
    const lead = await leads.as(company.amy).does(captureLead, { body: { companyName: 'Assign Ltd' } })
    const answer = await leads.as(company.amy).call(assignLead, { params: { id: lead.id }, body: { ownerId: company.bob.id } })
    expect(answer.body).toMatchObject({ status: 403, code: 'access.forbidden', permission: 'lead.assign' })
    expect(await leads.as(company.olga).does(assignLead, { params: { id: lead.id }, body: { ownerId: company.bob.id } })).toMatchObject({
      ownerId: company.bob.id,
    })
    const ghost = await leads.as(company.olga).call(assignLead, { params: { id: lead.id }, body: { ownerId: newId('user') } })
    expect(ghost.body).toMatchObject({ status: 422, code: 'reference.unknown' })
  })

  it('refuses tokens that are missing, expired, for others or forged', async () => {
    const refused = async (token: string | undefined) =>
      (await leads.as(company.amy).call(listLeads, { headers: { authorization: token ? `Bearer ${token}` : '' } })).body.code as string
    expect(await refused(undefined)).toBe('token.missing')
    expect(await refused(await world.token(company.amy, { exp: 1_700_000_000 }))).toBe('token.expired')
    expect(await refused(await world.token(company.amy, { aud: 'other' }))).toBe('token.invalid')
    expect(await refused(await world.token(company.amy, { iss: 'https://evil.example' }))).toBe('token.invalid')
    expect(await refused(`${(await world.token(company.amy)).slice(0, -8)}AAAAAAAA`)).toBe('token.invalid')
    expect(await refused('e30.e30.')).toBe('token.invalid')
  })
})

describe('listing leads', () => {
  it('pages through all of them without gap or double, in any order', async () => {
    const { amy } = await world.company()
    for (let n = 0; n < 7; n += 1)
      await leads.as(amy).does(captureLead, { body: { companyName: `Page ${n % 3}`, source: n % 2 ? 'Web' : 'Fair' } })
    for (const sort of ['id', '-createdAt', 'companyName', '-companyName']) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: { data: { id: string }[]; next: string | null } = await leads
          .as(amy)
          .does(listLeads, { query: { limit: 3, sort, ...(cursor && { cursor }) } })
        seen.push(...page.data.map(({ id }) => id))
        cursor = page.next
      } while (cursor)
      expect(new Set(seen).size).toBe(7)
      expect(seen).toHaveLength(7)
    }
    const { data } = await leads.as(amy).does(listLeads, { query: { source: 'Web', 'companyName.contains': 'page', fields: 'id,source' } })
    expect(data).toHaveLength(3)
    expect(Object.keys(data[0])).toEqual(['id', 'source'])
  })

  it('refuses filters, cursors and fields it does not know', async () => {
    const status = async (query: Record<string, unknown>) => (await leads.as(company.amy).call(listLeads, { query })).status
    expect(await status({ colour: 'red' })).toBe(400)
    expect(await status({ cursor: 'bm9wZQ' })).toBe(400)
    expect(await status({ fields: 'id,secret' })).toBe(400)
    expect(await status({ limit: 1000 })).toBe(400)
    expect(await status({ status: 'sleeping' })).toBe(400)
  })
})

describe('the way to conversion', () => {
  it('ends in one account, contact and deal, however often it is asked for', async () => {
    const { amy, tenantId } = await world.company()
    const caller = leads.as(amy)
    const lead = await caller.does(captureLead, { body: cloud })
    const params = { id: lead.id }
    expect((await caller.call(convertLead, { params, body: {} })).body).toMatchObject({ status: 409, code: 'lead.not_qualified' })
    await caller.does(workLead, { params })
    await caller.does(qualifyLead, { params })
    const wish = { opportunity: { title: 'CRM for 120 seats', amount: { amount: '120000.00', currency: 'CNY' } } }
    const answers = await Promise.all([1, 2, 3].map(() => caller.does(convertLead, { params, body: wish })))
    expect(new Set(answers.map(({ opportunityId }) => opportunityId)).size).toBe(1)
    const events = (await world.events(tenantId)).filter(({ subject }) => subject === lead.id)
    expect(events.map(({ name }) => name)).toEqual(['lead.captured', 'lead.assigned', 'lead.worked', 'lead.qualified', 'lead.converted'])
    expect(events.at(-1)!.payload).toMatchObject({
      opportunity: { id: answers[0].opportunityId, title: 'CRM for 120 seats', amount: { amount: '120000.00', currency: 'CNY' } },
    })
  })

  it('leads into an account that is there also from a lead that has no more than an address', async () => {
    const { amy, tenantId } = await world.company()
    const email = `${'l'.repeat(60)}@${'e'.repeat(60)}.${'x'.repeat(60)}.${'a'.repeat(60)}.example.com`
    const lead = await leads.as(amy).does(captureLead, { body: { email } })
    await leads.as(amy).does(qualifyLead, { params: { id: lead.id } })
    const [accountId, opportunityId] = [newId('account'), newId('opportunity')]
    await leads.as(amy).does(convertLead, { params: { id: lead.id }, body: { accountId, opportunityId } })
    const { payload } = (await world.events(tenantId)).at(-1)!
    expect(payload).toMatchObject({
      account: { id: accountId, isNew: false },
      opportunity: { id: opportunityId, isNew: false },
    })
    expect(email.startsWith(payload['account'].name)).toBe(true)
  })

  it('refuses amounts that their currency cannot have', async () => {
    const lead = await leads.as(company.amy).does(captureLead, { body: { companyName: 'Precise Ltd', email: 'p@example.com' } })
    const refused = async (amount: unknown) =>
      (await leads.as(company.amy).call(convertLead, { params: { id: lead.id }, body: { opportunity: { title: 't', amount } } })).body
        .errors[0].code as string
    expect(await refused({ amount: '10.005', currency: 'CNY' })).toBe('money.too_precise')
    expect(await refused({ amount: '-1', currency: 'CNY' })).toBe('money.negative')
    expect(await refused({ amount: '1', currency: 'XXX' })).toBe('money.unknown_currency')
    expect(await refused({ amount: '99999999999999999999', currency: 'CNY' })).toBe('money.too_large')
  })

  it('gives a lead up with a reason of the list only', async () => {
    const lead = await leads.as(company.amy).does(captureLead, { body: { companyName: 'Lost Ltd' } })
    expect((await leads.as(company.amy).call(disqualifyLead, { params: { id: lead.id }, body: { reason: 'bored' } })).status).toBe(400)
    expect(await leads.as(company.amy).does(disqualifyLead, { params: { id: lead.id }, body: { reason: 'no_need' } })).toMatchObject({
      status: 'disqualified',
      disqualifiedReason: 'no_need',
    })
  })
})

describe('settings', () => {
  it('begin with what the platform gives', async () => {
    const { ada } = await world.company()
    expect(await leads.as(ada).does(getLeadSettings)).toEqual({ duplicates: 'flag', defaultCountry: 'CN', version: 0 })
  })
})
