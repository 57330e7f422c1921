import {
  activateScorecard,
  addCustomField,
  AccountOpened,
  captureLead,
  changeCustomField,
  changeLead,
  convertLead,
  getCustomField,
  getImport,
  getLead,
  indexCustomField,
  listCustomFields,
  listLeads,
  listRejections,
  listScoringFields,
  mergeLead,
  qualifyLead,
  disqualifyLead,
  draftScorecard,
  workLead,
  readAudit,
  startImport,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { CustomFields, Expressions, inTenant } from '@millrace/service'
import { asSuperuser, aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'
import { fieldsOf, leadFields } from './lead-fields.js'
import { Lead } from './lead.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(leadService)
})
afterAll(() => world.stop())

const labels = (name: string) => ({ en: name, 'zh-CN': `${name}(中文)` })
const option = (key: string) => ({ key, labels: labels(key) })
type Wish = Record<string, unknown>

/** Sales-ops adds a field to leads. */
function adds({ olga }: Company, key: string, type: string, more: Wish = {}): Promise<Record<string, any>> {
  const body = {
    key,
    type,
    labels: labels(key),
    ...(type === 'money' && { currency: 'CNY' }),
    ...(type.endsWith('choice') && { options: ['low', 'mid', 'high'].map(option) }),
    ...more,
  }
  return service.as(olga).does(addCustomField, { query: { record: 'lead' }, body })
}

const changesField = (person: Person, field: Record<string, any>, body: Wish) =>
  service.as(person).does(changeCustomField, { params: { id: field['id'] }, body, headers: { 'if-match': `"${field['version']}"` } })

const captures = (person: Person, custom: Wish, more: Wish = {}) =>
  service
    .as(person)
    .does(captureLead, { body: { companyName: `Works ${newId('lead')}`, email: `${newId('lead')}@works.example`, custom, ...more } })

const changes = (person: Person, lead: Record<string, any>, body: Wish) =>
  service.as(person).call(changeLead, { params: { id: lead['id'] }, body, headers: { 'if-match': `"${lead['version']}"` } })

async function isIndexed(person: Person, field: Record<string, any>): Promise<Record<string, any>> {
  await service.as(person).does(indexCustomField, { params: { id: field['id'] } })
  return eventually(async () => {
    const found = await service.as(person).does(getCustomField, { params: { id: field['id'] } })
    return found.index.status === 'ready' ? found : undefined
  })
}

describe('a field that a company adds to its leads', () => {
  it('is there at once, with its names, and stands where it was put', async () => {
    const company = await world.company()
    const budget = await adds(company, 'budget', 'money', { position: 20, help: { en: 'yearly', 'zh-CN': '每年' }, required: 'qualified' })
    await adds(company, 'region', 'choice', { position: 10 })
    expect(budget).toMatchObject({
      id: expect.stringMatching(/^lead_custom_field_/),
      version: 1,
      record: 'lead',
      key: 'budget',
      type: 'money',
      currency: 'CNY',
      labels: { en: 'budget', 'zh-CN': 'budget(中文)' },
      required: 'qualified',
      private: false,
      active: true,
      index: { status: 'none', rows: 0 },
    })
    const { data } = await service.as(company.amy).does(listCustomFields, { query: { record: 'lead' } })
    expect(data.map(({ key }: { key: string }) => key)).toEqual(['region', 'budget'])
    expect((await captures(company.amy, { budget: { amount: '5', currency: 'CNY' }, region: 'low' })).custom).toEqual({
      budget: { amount: '5.00', currency: 'CNY' },
      region: 'low',
    })
  })

  it('takes every type of value, and gives it back the same everywhere', async () => {
    const company = await world.company()
    const { amy, bob, tenantId } = company
    const accountId = newId('account')
    const opened = { accountId, name: 'Partner', ownerId: null, parentId: null, industry: null, country: null }
    await world.publish(tenantId, AccountOpened, accountId, opened)
    await service.settled()
    const types = ['text', 'number', 'money', 'date', 'choice', 'multi_choice', 'user', 'account', 'link']
    for (const type of types) await adds(company, `a_${type}`, type, type === 'number' ? { decimals: 2 } : {})
    const custom = {
      a_text: '两行\n文字',
      a_number: '-12.5',
      a_money: { amount: '1234.50', currency: 'CNY' },
      a_date: '2026-12-24',
      a_choice: 'mid',
      a_multi_choice: ['low', 'high'],
      a_user: bob.id,
      a_account: accountId,
      a_link: 'https://example.com/x',
    }
    const lead = await captures(amy, { ...custom, a_number: -12.5, a_multi_choice: ['high', 'low'] })
    expect(lead.custom).toEqual(custom)
    expect((await service.as(amy).does(getLead, { params: { id: lead.id } })).custom).toEqual(custom)
    const { data } = await service.as(amy).does(listLeads, { query: { fields: 'custom' } })
    expect(data).toEqual([{ custom }])
    const captured = (await world.events(tenantId)).find(({ name }) => name === 'lead.captured')!
    expect(captured.payload['custom']).toEqual(custom)
  })

  it('refuses what it does not take, naming each field in the reader’s language', async () => {
    const company = await world.company()
    for (const type of ['number', 'choice', 'user', 'account', 'link']) await adds(company, `a_${type}`, type)
    const gone = await adds(company, 'gone', 'text')
    await changesField(company.olga, gone, { active: false })
    const custom = {
      a_number: '1.5',
      a_choice: 'top',
      a_user: newId('user'),
      a_account: newId('account'),
      a_link: 'javascript:alert(1)',
      gone: 'x',
      'no/such': 'x',
    }
    const answer = await service
      .as(company.amy)
      .call(captureLead, { body: { companyName: 'x', custom }, headers: { 'accept-language': 'zh-CN' } })
    expect(answer.status).toBe(400)
    expect(answer.body.errors.map(({ pointer, code }: Wish) => `${pointer} ${code}`).sort()).toEqual([
      '/custom/a_account custom.unknown_account',
      '/custom/a_choice custom.unknown_option',
      '/custom/a_link custom.not_a_link',
      '/custom/a_number custom.too_precise',
      '/custom/a_user custom.unknown_user',
      '/custom/gone custom.retired_field',
      '/custom/no~1such custom.unknown_field',
    ])
    expect(answer.body.errors.find(({ code }: Wish) => code === 'custom.unknown_option').detail).toBe('没有该选项。可选:low, mid, high。')
    for (const wrong of [{ a_number: { deep: { er: 1 } } }, { a_choice: 'x'.repeat(3_000) }, 'text', { ['k'.repeat(61)]: 1 }]) {
      const refused = await service.as(company.amy).call(captureLead, { body: { companyName: 'x', custom: wrong } })
      expect(refused.status).toBe(400)
    }
  })

  it('is changed by itself: what is not named stays, null removes, and the record’s history tells which it was', async () => {
    const company = await world.company()
    await adds(company, 'area', 'text')
    await adds(company, 'seats', 'number')
    await adds(company, 'grade', 'choice')
    const lead = await captures(company.amy, { area: 'south', seats: 5 })
    const changed = await changes(company.amy, lead, { custom: { seats: null, grade: 'low' } })
    expect(changed.body).toMatchObject({ custom: { area: 'south', grade: 'low' } })
    expect(Object.keys(changed.body.custom).sort()).toEqual(['area', 'grade'])
    const { data } = await service.as(company.ada).does(readAudit, { params: { id: lead.id } })
    expect(data[0].change).toMatchObject({ 'custom.area': 'south', 'custom.seats': '5' })
    expect(data[0].change).not.toHaveProperty('custom')
    expect(data[1].change).toEqual({ 'custom.seats': { from: '5', to: null }, 'custom.grade': { from: null, to: 'low' } })
  })

  it('that is retired keeps its values, which may be sent back or removed, and takes no new ones', async () => {
    const company = await world.company()
    const field = await adds(company, 'area', 'text')
    const grade = await adds(company, 'grade', 'choice')
    const lead = await captures(company.amy, { area: 'south', grade: 'low' })
    await changesField(company.olga, field, { active: false })
    const options = grade['options'].map((each: Wish) => ({ ...each, active: each['key'] !== 'low' }))
    await changesField(company.olga, grade, { options })
    const same = await changes(company.amy, lead, { note: 'x', custom: { area: 'south', grade: 'low' } })
    expect(same.body.custom).toEqual({ area: 'south', grade: 'low' })
    const other = await changes(company.amy, same.body, { custom: { area: 'north', grade: 'mid' } })
    expect(other.body.errors).toMatchObject([{ pointer: '/custom/area', code: 'custom.retired_field' }])
  })

  it('is declared right, once, and by who may', async () => {
    const company = await world.company()
    const field = await adds(company, 'area', 'text')
    await changesField(company.olga, field, { active: false })
    const tries: [Wish, string][] = [
      [{ key: 'area', type: 'number' }, 'custom_field.key_used'],
      [{ key: 'a', type: 'money' }, 'custom_field.no_currency'],
      [{ key: 'a', type: 'text', currency: 'CNY' }, 'custom_field.wrong_detail'],
      [{ key: 'a', type: 'text', options: [option('x')] }, 'custom_field.wrong_detail'],
      [{ key: 'a', type: 'choice' }, 'custom_field.no_options'],
      [{ key: 'a', type: 'choice', options: [option('x'), option('x')] }, 'custom_field.option_twice'],
      [{ key: 'Area', type: 'text' }, 'request.invalid'],
      [{ key: 'while', type: 'text' }, 'request.invalid'],
      [{ key: 'a', type: 'text', required: 'pooled' }, 'request.invalid'],
    ]
    for (const [wish, code] of tries) {
      const body = { labels: labels('x'), ...wish }
      expect((await service.as(company.olga).call(addCustomField, { query: { record: 'lead' }, body })).body.code).toBe(code)
    }
    const body = { key: 'b', type: 'text', labels: labels('x') }
    expect((await service.as(company.amy).call(addCustomField, { query: { record: 'lead' }, body })).status).toBe(403)
    expect((await service.as(company.olga).call(addCustomField, { query: { record: 'account' }, body })).body.code).toBe(
      'custom_field.not_here',
    )
    const choice = await adds(company, 'grade', 'choice')
    const removed = { params: { id: choice['id'] }, body: { options: [option('low')] }, headers: { 'if-match': '"1"' } }
    expect((await service.as(company.olga).call(changeCustomField, removed)).body.code).toBe('custom_field.option_removed')
  })

  it('is known to every replica within a second, as is its end', async () => {
    const company = await world.company()
    const other = await world.start(leadService, { DATABASE_URL: service.database.url })
    const there = (custom: Wish) =>
      other.as(company.amy).call(captureLead, { body: { companyName: 'x', custom }, headers: { prefer: 'wait=30' } })
    expect((await there({})).status).toBe(201)
    const field = await adds(company, 'area', 'text')
    expect((await there({ area: 'south' })).body.custom).toEqual({ area: 'south' })
    await changesField(company.olga, field, { active: false })
    const refused = await eventually(async () => {
      const answer = await there({ area: 'south' })
      return answer.status === 400 && answer
    })
    expect(refused.body.errors).toMatchObject([{ code: 'custom.retired_field' }])
  })

  it('has its own meaning in each company', async () => {
    const [north, south] = [await world.company(), await world.company()]
    await adds(north, 'size', 'number')
    await adds(south, 'size', 'choice')
    const [five, low] = [await captures(north.amy, { size: 5 }), await captures(south.amy, { size: 'low' })]
    expect([five.custom, low.custom]).toEqual([{ size: '5' }, { size: 'low' }])
    expect((await changes(north.amy, five, { custom: { size: 'low' } })).body.errors).toMatchObject([{ code: 'custom.not_a_number' }])
    const list = async (person: Person, query: Wish) =>
      (await service.as(person).does(listLeads, { query })).data.map((lead: Wish) => lead['id'])
    expect(await list(north.amy, { 'custom.size.gte': '4', sort: 'custom.size' })).toEqual([five.id])
    expect(await list(south.amy, { 'custom.size': 'low', sort: 'custom.size' })).toEqual([low.id])
    expect((await service.as(south.olga).call(getCustomField, { params: { id: (await adds(north, 'x', 'text'))['id'] } })).status).toBe(404)
  })

  it('is one of 200 at most', async () => {
    const company = await world.company()
    await asSuperuser(
      (client) =>
        client.query(
          `INSERT INTO custom_field SELECT $1, 'lead_custom_field_' || n, 1, NULL, now(), now(), 'lead', 'k' || n, 'text', NULL, NULL, '{"en":"x","zh-CN":"x"}', NULL, '[]', 'never', 0, false, true, 'none', '', 0
           FROM generate_series(1, 200) AS n`,
          [company.tenantId],
        ),
      databaseName(),
    )
    const body = { key: 'one_more', type: 'text', labels: labels('x') }
    const answer = await service.as(company.olga).call(addCustomField, { query: { record: 'lead' }, body })
    expect(answer.body.code).toBe('custom_field.too_many')
  })
})

describe('a field that is required', () => {
  it('always, is asked for when somebody adds or changes a lead', async () => {
    const company = await world.company()
    const before = await captures(company.amy, {})
    await adds(company, 'area', 'text', { required: 'always' })
    const answer = await service.as(company.amy).call(captureLead, { body: { companyName: 'x' }, headers: { 'accept-language': 'zh-CN' } })
    expect(answer.status).toBe(422)
    expect(answer.body).toMatchObject({
      code: 'custom.missing',
      detail: '有必填字段尚未填写。请填写:area(中文) (area)。',
      errors: [{ pointer: '/custom/area', code: 'custom.required', detail: '此字段必填。' }],
    })
    expect((await changes(company.amy, before, { note: 'x' })).body.code).toBe('custom.missing')
    expect((await changes(company.amy, before, { custom: { area: 'south' } })).status).toBe(200)
  })

  it('from a status on, is asked for on the way into it, and not before', async () => {
    const company = await world.company()
    await adds(company, 'budget', 'money', { required: 'qualified' })
    const { amy } = company
    const lead = await captures(amy, {})
    const worked = await service.as(amy).does(workLead, { params: { id: lead.id } })
    const refused = await service.as(amy).call(qualifyLead, { params: { id: lead.id } })
    expect(refused.status).toBe(409)
    expect(refused.body).toMatchObject({ code: 'custom.missing', errors: [{ pointer: '/custom/budget' }] })
    const filled = await changes(amy, worked, { custom: { budget: { amount: '1', currency: 'CNY' } } })
    expect(filled.status).toBe(200)
    const qualified = await service.as(amy).does(qualifyLead, { params: { id: lead.id } })
    expect((await changes(amy, qualified, { custom: { budget: null } })).body.code).toBe('custom.missing')
  })

  it('never stands in the way of giving a lead up', async () => {
    const company = await world.company()
    const lead = await captures(company.amy, {})
    await adds(company, 'area', 'text', { required: 'always' })
    const given = await service.as(company.amy).does(disqualifyLead, { params: { id: lead.id }, body: { reason: 'spam' } })
    expect(given.status).toBe('disqualified')
  })
})

const databaseName = () => new URL(service.database.url).pathname.slice(1)

/** Leads with values as they were given (null: none), in the order of their capture. */
async function leadsWith(person: Person, key: string, values: readonly unknown[]): Promise<string[]> {
  const ids: string[] = []
  for (const value of values) ids.push((await captures(person, value === null ? {} : { [key]: value })).id)
  return ids
}

/** All pages of a list, two leads at a time. */
async function pages(person: Person, query: Wish): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page = await service.as(person).does(listLeads, { query: { ...query, limit: 2, ...(cursor && { cursor }) } })
    expect(page.data.length).toBeLessThanOrEqual(2)
    ids.push(...page.data.map(({ id }: { id: string }) => id))
    cursor = page.next
  } while (cursor)
  return ids
}

describe.each([
  ['by what the leads hold', async () => undefined],
  ['through an index', async (company: Company, field: Record<string, any>) => void (await isIndexed(company.olga, field))],
])('a list %s', (_, prepare) => {
  it('pages in the order of numbers, with ties and missing values last', async () => {
    const company = await world.company()
    const field = await adds(company, 'seats', 'number', { decimals: 1 })
    await prepare(company, field)
    const [ten, none, two, minus, tie, half, missing] = await leadsWith(company.amy, 'seats', [10, null, 2, -3, 10, '2.5', null])
    expect(await pages(company.amy, { sort: 'custom.seats' })).toEqual([minus, two, half, ten, tie, none, missing])
    expect(await pages(company.amy, { sort: '-custom.seats' })).toEqual([tie, ten, half, two, minus, missing, none])
    expect(await pages(company.amy, { 'custom.seats.gt': '2', 'custom.seats.lte': '10', sort: 'custom.seats' })).toEqual([half, ten, tie])
    expect(await pages(company.amy, { 'custom.seats.gte': '-3', 'custom.seats.lt': '2.5', sort: 'id' })).toEqual([two, minus])
    expect(await pages(company.amy, { 'custom.seats': ['2', '2.50'], sort: 'id' })).toEqual([two, half])
  })

  it('finds and sorts by money, days, texts, choices and people', async () => {
    const company = await world.company()
    const { amy, bob } = company
    const fields = [
      await adds(company, 'budget', 'money'),
      await adds(company, 'renewal', 'date'),
      await adds(company, 'area', 'text'),
      await adds(company, 'grade', 'choice'),
      await adds(company, 'tags', 'multi_choice'),
      await adds(company, 'helper', 'user'),
    ]
    for (const field of fields) await prepare(company, field)
    const cny = (amount: string) => ({ amount, currency: 'CNY' })
    const a = (await captures(amy, { budget: cny('900'), renewal: '2027-01-01', area: '华南 South', grade: 'low', tags: ['low', 'mid'] }))
      .id
    const b = (await captures(amy, { budget: cny('-1.5'), renewal: '2026-12-31', area: 'north', grade: 'high', tags: ['high'] })).id
    const c = (await captures(amy, { budget: cny('1000'), area: '50%', helper: bob.id })).id
    const list = (query: Wish) => pages(amy, { sort: 'id', ...query })
    expect(await list({ 'custom.budget.gte': '900' })).toEqual([a, c])
    expect(await list({ 'custom.budget': '900.00' })).toEqual([a])
    expect(await list({ sort: 'custom.budget' })).toEqual([b, a, c])
    expect(await list({ 'custom.renewal.lt': '2027-01-01' })).toEqual([b])
    expect(await list({ sort: '-custom.renewal' })).toEqual([a, b, c])
    expect(await list({ 'custom.area.contains': 'SOUTH' })).toEqual([a])
    expect(await list({ 'custom.area.contains': '%' })).toEqual([c])
    expect(await list({ 'custom.area': 'north' })).toEqual([b])
    expect(await list({ sort: 'custom.area' })).toEqual([c, b, a])
    expect(await list({ 'custom.grade': ['low', 'high'] })).toEqual([a, b])
    expect(await list({ 'custom.tags': 'mid' })).toEqual([a])
    expect(await list({ 'custom.tags': ['mid', 'high'] })).toEqual([a, b])
    expect(await list({ 'custom.helper': bob.id, 'custom.budget.gte': '1' })).toEqual([c])
  })

  it('pages through the longest texts there are', async () => {
    const company = await world.company()
    await prepare(company, await adds(company, 'story', 'text'))
    const stories = ['云'.repeat(500), '"\n'.repeat(249), '云'.repeat(499), '😀'.repeat(250)]
    const [clouds, quotes, fewer, faces] = await leadsWith(company.amy, 'story', stories)
    expect(await pages(company.amy, { sort: 'custom.story' })).toEqual([quotes, fewer, clouds, faces])
  })

  it('refuses what a field cannot be compared with', async () => {
    const company = await world.company()
    for (const type of ['number', 'text', 'multi_choice', 'date', 'money']) await prepare(company, await adds(company, `a_${type}`, type))
    const wishes: Wish[] = [
      { 'custom.nope': 'x' },
      { 'custom.a_number': 'x' },
      { 'custom.a_number.contains': '1' },
      { 'custom.a_text.gte': 'x' },
      { 'custom.a_date.gte': '2026-02-30' },
      { 'custom.a_money': '1.001' },
      { 'custom.a_multi_choice': 'top' },
      { sort: 'custom.a_multi_choice' },
      { sort: 'custom.nope' },
      { 'custom.a_number.near': '1' },
      { 'custom.A': '1' },
      { nope: '1' },
    ]
    for (const query of wishes) {
      const answer = await service.as(company.amy).call(listLeads, { query })
      expect([query, answer.status, answer.body.errors?.length]).toEqual([query, 400, 1])
    }
    const cursor = Buffer.from(JSON.stringify(['custom.a_number', 'x', newId('lead')])).toString('base64url')
    const made = await service.as(company.amy).call(listLeads, { query: { sort: 'custom.a_number', cursor } })
    expect(made.body.code).toBe('cursor.malformed')
  })
})

describe('the index of a field', () => {
  it('takes the leads that are there, follows each change, and keeps the place of who is paging', async () => {
    const company = await world.company()
    const { amy, olga } = company
    const field = await adds(company, 'seats', 'number')
    const ids = await leadsWith(amy, 'seats', [3, 1, 2, null])
    const first = await service.as(amy).does(listLeads, { query: { sort: 'custom.seats', limit: 2 } })
    const ready = await isIndexed(olga, field)
    expect(ready['index']).toEqual({ status: 'ready', rows: 3 })
    const query = { sort: 'custom.seats', limit: 2, cursor: first.next }
    expect((await service.as(amy).does(listLeads, { query })).data.map(({ id }: Wish) => id)).toEqual([ids[0], ids[3]])
    const [three] = (await service.as(amy).does(listLeads, { query: { 'custom.seats': '3' } })).data
    await changes(amy, three, { custom: { seats: 0 } })
    const [none] = await leadsWith(amy, 'seats', [null])
    expect(await pages(amy, { sort: 'custom.seats' })).toEqual([ids[0], ids[1], ids[2], ids[3], none])
    const [zero] = (await service.as(amy).does(listLeads, { query: { 'custom.seats': '0' } })).data
    await changes(amy, zero, { custom: { seats: null } })
    expect(await pages(amy, { sort: 'custom.seats' })).toEqual([ids[1], ids[2], ids[0], ids[3], none])
    expect((await service.as(olga).does(indexCustomField, { params: { id: field['id'] } })).index).toMatchObject({ status: 'ready' })
  })

  it('misses no lead that is captured or changed while it is built', async () => {
    const company = await world.company()
    const { amy, olga } = company
    const field = await adds(company, 'seats', 'number')
    const leads = await Promise.all(Array.from({ length: 20 }, (_, n) => captures(amy, { seats: n })))
    const busy = leads.map(async (lead, n) => {
      await captures(amy, { seats: 100 + n })
      await changes(amy, lead, { custom: { seats: 1_000 + n } })
    })
    await isIndexed(olga, field)
    await Promise.all(busy)
    const { rows } = await asSuperuser(
      (client) =>
        client.query<{ rows: number; right: number }>(
          `SELECT count(*)::int AS rows, count(*) FILTER (WHERE (l.custom->>'seats')::numeric * 1000000000 = substr(v.value, 2)::numeric)::int AS right
           FROM custom_value v JOIN lead l ON l.tenant_id = v.tenant_id AND l.id = v.record_id WHERE v.tenant_id = $1`,
          [company.tenantId],
        ),
      databaseName(),
    )
    expect(rows).toEqual([{ rows: 40, right: 40 }])
  })

  it('is what a page is read from, under the rows’ own security', async () => {
    const company = await world.company()
    const field = await adds(company, 'seats', 'number')
    await isIndexed(company.olga, field)
    await asSuperuser(async (client) => {
      await client.query(
        `INSERT INTO lead (tenant_id, id, version, journey_id, created_at, updated_at, status, duplicate_of, custom)
         SELECT $1, 'lead_' || lpad(n::text, 26, '0'), 1, 'j', now(), now(), 'new', '[]', jsonb_build_object('seats', (n % 700)::text) FROM generate_series(1, 20000) AS n`,
        [company.tenantId],
      )
      await client.query(
        `INSERT INTO custom_value SELECT tenant_id, 'lead', 'seats', '1' || lpad((custom->>'seats') || '000000000', 24, '0'), id FROM lead WHERE tenant_id = $1`,
        [company.tenantId],
      )
      await client.query('ANALYZE lead, custom_value')
    }, databaseName())
    const plans: string[] = []
    const { database } = service
    const query = database.query.bind(database)
    database.query = async <Row extends object>(sql: string, values?: readonly unknown[]) => {
      if (sql.includes('page_key'))
        plans.push((await query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, values)).map((row) => row['QUERY PLAN']).join('\n'))
      return query<Row>(sql, values)
    }
    const page = await service.as(company.olga).does(listLeads, { query: { sort: 'custom.seats' } })
    const filtered = await service.as(company.olga).does(listLeads, { query: { 'custom.seats': '699' } })
    const next = await service
      .as(company.olga)
      .does(listLeads, { query: { sort: 'custom.seats', 'custom.seats.gte': '650', cursor: page.next } })
    const back = await service.as(company.mona).does(listLeads, { query: { sort: '-custom.seats' } })
    database.query = query
    expect(back.data).toEqual([])
    expect([page, filtered, next].map(({ data }) => [data.length, data[0].custom.seats])).toEqual([
      [50, '0'],
      [28, '699'],
      [50, '650'],
    ])
    expect(plans).toHaveLength(5)
    for (const plan of plans.slice(0, 4)) {
      expect(plan).toMatch(/Index (Only )?Scan.* using custom_value/)
      expect(plan).not.toMatch(/Seq Scan on (lead|custom_value)/)
    }
    for (const sorted of [plans[0], plans[2], plans[3]]) {
      expect(sorted).toMatch(/Index Only Scan( Backward)? using custom_value_pkey/)
      expect(sorted).not.toMatch(/Sort/)
    }
  })
})

describe('leads from a file', () => {
  async function imports(person: Person, csv: string, mapping?: Wish) {
    const caller = service.as(person)
    const query = { kind: 'leads', ...(mapping && { mapping: JSON.stringify(mapping) }) }
    const { id } = await caller.does(startImport, { query, body: csv })
    return eventually(async () => {
      const found = await caller.does(getImport, { params: { id } })
      return found.status === 'done' || found.status === 'failed' ? found : undefined
    })
  }

  it('bring values of the company’s own fields, by key, label, name and e-mail, and rows with wrong ones come back', async () => {
    const company = await world.company()
    const { olga, bob } = company
    await adds(company, 'budget', 'money')
    await adds(company, 'grade', 'choice')
    await adds(company, 'tags', 'multi_choice')
    await adds(company, 'helper', 'user')
    await adds(company, 'area', 'text', { required: 'always' })
    const csv = [
      'companyName,custom.budget,Level,custom.tags,custom.helper,custom.area',
      `Good Ltd,12.5,low(中文),Low|high,${bob.email},south`,
      'Bad Ltd,12.555,top,,Nobody,south',
      'Empty Ltd,,,,,',
    ].join('\n')
    const report = await imports(olga, csv, { columns: { 'custom.grade': 'Level' } })
    expect(report).toMatchObject({ status: 'done', added: 1, rejected: 2 })
    expect((await service.as(olga).does(listLeads)).data[0].custom).toEqual({
      budget: { amount: '12.50', currency: 'CNY' },
      grade: 'low',
      tags: ['low', 'high'],
      helper: bob.id,
      area: 'south',
    })
    const { text } = await service.as(olga).call(listRejections, { params: { id: report.id } })
    expect(text).toMatch(/^2,.*custom.budget: .*custom.grade: There is no such option.*custom.helper: /m)
    expect(text).toMatch(/^3,.*custom.area: This field has to be filled in/m)
    const unknown = await service.as(olga).call(startImport, {
      query: { kind: 'leads', mapping: JSON.stringify({ columns: { 'custom.nope': 'Level' } }) },
      body: csv,
    })
    expect(unknown.body.code).toBe('import.unknown_field')
  })
})

describe('what others see of the fields', () => {
  it('is not told in events where the field is private', async () => {
    const company = await world.company()
    await adds(company, 'area', 'text')
    await adds(company, 'birthday', 'date', { private: true })
    const lead = await captures(company.amy, { area: 'south', birthday: '1990-01-01' })
    await changes(company.amy, lead, { custom: { area: null } })
    const told = (await world.events(company.tenantId)).filter(({ payload }) => payload['companyName'])
    expect(told.map(({ name, payload }) => [name, payload['custom']])).toEqual([
      ['lead.captured', { area: 'south' }],
      ['lead.changed', undefined],
    ])
  })

  it('is told with the conversion, for the account and contact that come of it', async () => {
    const company = await world.company()
    const { amy } = company
    await adds(company, 'area', 'text')
    await adds(company, 'birthday', 'date', { private: true })
    const { id } = await captures(amy, { area: 'south', birthday: '1990-01-01' })
    for (const step of [workLead, qualifyLead, convertLead]) await service.as(amy).does(step, { params: { id }, body: {} })
    const told = (await world.events(company.tenantId)).find(({ name }) => name === 'lead.converted')!
    expect(told.payload['custom']).toEqual({ area: 'south' })
  })

  it('is asked for by rules as lead.custom', async () => {
    const company = await world.company()
    await adds(company, 'budget', 'money')
    await adds(company, 'seats', 'number')
    await adds(company, 'tags', 'multi_choice')
    const captured = await captures(company.amy, { budget: { amount: '1200', currency: 'CNY' }, seats: 12, tags: ['low'] })
    await inTenant(company.tenantId, async () => {
      const rules = await service.app.get(CustomFields).expressions(new Expressions({ lead: leadFields }), 'lead')
      const rule = rules.condition('lead.custom.budget > 1000 && lead.custom.seats == 12.0 && "low" in lead.custom.tags')
      const lead = await service.database.get(Lead, captured.id)
      expect(rule.of({ lead: fieldsOf(lead) })).toBe(true)
    })
  })

  it('counts in a scorecard, which knows the fields of its own company only', async () => {
    const [company, other] = [await world.company(), await world.company()]
    await adds(company, 'seats', 'number')
    const rules = [{ name: 'large', condition: 'lead.custom.seats >= 100', points: 70 }]
    const body = { name: 'By seats', rules, grades: { a: 60, b: 40, c: 20 } }
    const { id } = await service.as(company.olga).does(draftScorecard, { body })
    await service.as(company.olga).does(activateScorecard, { params: { id } })
    expect(await captures(company.amy, { seats: 100 })).toMatchObject({ score: 70, grade: 'A' })
    expect(await captures(company.amy, {})).toMatchObject({ score: 0, grade: 'D' })
    expect((await service.as(company.olga).does(listScoringFields)).data).toContainEqual({ field: 'lead.custom.seats', kind: 'number' })
    expect((await service.as(other.olga).call(draftScorecard, { body })).body).toMatchObject({ code: 'scorecard.rule', position: 12 })
  })

  it('comes along when a lead becomes part of another that lacks it', async () => {
    const company = await world.company()
    const { amy } = company
    const seats = await adds(company, 'seats', 'number')
    await adds(company, 'area', 'text')
    await isIndexed(company.olga, seats)
    const [survivor, other] = [await captures(amy, { area: 'south' }), await captures(amy, { area: 'north', seats: 5 })]
    const merged = await service.as(amy).does(mergeLead, { params: { id: survivor.id }, body: { leadId: other.id } })
    expect(merged.custom).toEqual({ area: 'south', seats: '5' })
    expect(await pages(amy, { 'custom.seats': '5', sort: 'id' })).toEqual([survivor.id, other.id])
  })
})
