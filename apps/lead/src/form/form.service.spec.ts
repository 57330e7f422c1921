import {
  addCustomField,
  changeCustomField,
  changeLeadForm,
  changeLeadSettings,
  createLeadForm,
  embedPublicForm,
  getLeadForm,
  listLeadForms,
  listLeads,
  readPublicForm,
  renewLeadFormKey,
  sendPublicForm,
  showPublicForm,
  type Operation,
} from '@millrace/contracts'
import { aWorld, type Company, type TestService, type World } from '@millrace/testing'
import request from 'supertest'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
afterAll(() => world.stop())

const fields = [{ name: 'companyName' }, { name: 'contactName' }, { name: 'email', required: true }]
const create = (company: Company, body: object = {}) =>
  leads.as(company.olga).does(createLeadForm, { body: { name: 'Contact', fields, origins: ['https://www.example.com'], ...body } })
/** Somebody whom nobody knows, on a page. */
const anybody = (operation: Operation, key: string, body?: object, headers: Record<string, string> = {}) => {
  const path = operation.path.replace('{key}', key)
  return body ? request(leads.url).post(path).set(headers).send(body) : request(leads.url).get(path).set(headers)
}
let sent = 0
const filled = (values: object, more: object = {}) => ({ submission: `submission-${(sent += 1)}`, values, ...more })
const captured = async (company: Company) =>
  (await leads.as(company.olga).does(listLeads, { query: { sort: 'id' } })).data as Record<string, unknown>[]

describe('a web form that is sent', () => {
  it('becomes a lead of the form’s company, with source, tags and the way it came, and thanks in the language asked for', async () => {
    const company = await world.company()
    const form = await create(company, {
      source: 'website',
      campaign: 'Autumn',
      tags: ['web'],
      thanks: { en: 'Thanks!', 'zh-CN': '谢谢!' },
    })
    const body = filled(
      { companyName: '云图科技', email: 'Li@Example.com' },
      { utm: { source: 'baidu', campaign: 'crm' }, language: 'zh-CN', page: 'https://www.example.com/x' },
    )
    const answer = await anybody(sendPublicForm, form.key, body, { origin: 'https://www.example.com' })
    expect([answer.status, answer.body]).toEqual([202, { received: true, thanks: '谢谢!' }])
    expect(await captured(company)).toMatchObject([
      {
        ...{ companyName: '云图科技', email: 'Li@Example.com', source: 'website', channel: 'web form', campaign: 'Autumn', tags: ['web'] },
        ...{ utm: { source: 'baidu', campaign: 'crm' }, ownerId: null, status: 'new' },
      },
    ])
    expect((await world.events(company.tenantId)).filter(({ name }) => name === 'lead.captured')).toHaveLength(1)
    expect(await leads.as(company.amy).does(getLeadForm, { params: { id: form.id } })).toMatchObject({ received: 1, spam: 0 })
  })

  it('twice, or by two at once, is one lead', async () => {
    const company = await world.company()
    const { key } = await create(company)
    const body = filled({ email: 'once@example.com' })
    const answers = await Promise.all(Array.from({ length: 5 }, () => anybody(sendPublicForm, key, body)))
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(202))
    expect(await captured(company)).toHaveLength(1)
  })

  it('by a machine is thanked and thrown away, and counted', async () => {
    const company = await world.company()
    const form = await create(company)
    for (const more of [{ homepage: 'https://spam.example' }, { elapsedMs: 100 }])
      expect((await anybody(sendPublicForm, form.key, filled({ email: 's@spam.example' }, more))).status).toBe(202)
    expect(await captured(company)).toEqual([])
    expect((await leads.as(company.olga).does(listLeadForms, {})).data).toMatchObject([{ id: form.id, received: 0, spam: 2 }])
  })

  it('goes into the lead that is there where the company refuses duplicates, and its sender learns nothing of it', async () => {
    const company = await world.company()
    await leads.as(company.olga).does(changeLeadSettings, { body: { duplicates: 'refuse' }, headers: { 'if-match': '"0"' } })
    const { key } = await create(company)
    await anybody(sendPublicForm, key, filled({ email: 'li@example.com' }))
    const answer = await anybody(sendPublicForm, key, filled({ email: 'li@example.com', companyName: 'Later Ltd' }))
    expect([answer.status, answer.body.received]).toEqual([202, true])
    expect(await captured(company)).toMatchObject([{ email: 'li@example.com', companyName: 'Later Ltd' }])
  })

  it('is refused with what is missing, in the language asked for', async () => {
    const { key } = await create(await world.company())
    const answer = await anybody(sendPublicForm, key, filled({ companyName: 'No Mail' }), { 'accept-language': 'zh-CN' })
    expect([answer.status, answer.body.errors[0]]).toMatchObject([
      400,
      { pointer: '/values/email', code: 'lead_form.missing', detail: '请填写此项。' },
    ])
  })

  it('is refused with what no lead can hold, and nothing is half done', async () => {
    const company = await world.company()
    const { key } = await create(company)
    for (const [values, pointer] of [
      [{ companyName: 'x'.repeat(201), email: 'a@example.com' }, '/values/companyName'],
      [{ contactName: 'two\nlines', email: 'a@example.com' }, '/values/contactName'],
      [{ email: 'nobody' }, '/values/email'],
    ] as const) {
      const answer = await anybody(sendPublicForm, key, filled(values))
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, pointer])
    }
    expect(await captured(company)).toEqual([])
  })

  it('is refused from a foreign site, under an unknown or old key, and when the form is closed', async () => {
    const company = await world.company()
    const form = await create(company)
    const code = async (key: string, origin?: string) =>
      (await anybody(sendPublicForm, key, filled({ email: 'a@example.com' }), origin ? { origin } : {})).body.code as string
    expect(await code(form.key, 'https://evil.example')).toBe('lead_form.foreign_origin')
    expect(await code('x'.repeat(24))).toBe('lead_form.not_found')
    const renewed = await leads.as(company.olga).does(renewLeadFormKey, { params: { id: form.id } })
    expect(await code(form.key)).toBe('lead_form.not_found')
    await leads
      .as(company.olga)
      .does(changeLeadForm, { params: { id: form.id }, body: { active: false }, headers: { 'if-match': `"${renewed.version}"` } })
    expect(await code(renewed.key)).toBe('lead_form.closed')
    expect(await captured(company)).toEqual([])
  })

  it('too often from one address is refused for a while', async () => {
    const { key } = await create(await world.company(), { perMinute: 3 })
    const send = (address: string) => anybody(sendPublicForm, key, filled({ email: 'a@example.com' }), { 'x-forwarded-for': address })
    const statuses = []
    for (let n = 0; n < 4; n += 1) statuses.push((await send('203.0.113.7')).status)
    expect(statuses).toEqual([202, 202, 202, 429])
    expect((await send('203.0.113.8')).status).toBe(202)
  })
})

describe('a web form with fields of the company’s own', () => {
  const labels = (en: string, zh: string) => ({ en, 'zh-CN': zh })
  const options = [
    { key: 'crm', labels: labels('CRM', '客户管理') },
    { key: 'cpq', labels: labels('Quotes', '报价') },
    { key: 'old', labels: labels('Old', '旧'), active: false },
  ]
  const adds = (company: Company, key: string, type: string, more: object = {}) =>
    leads
      .as(company.olga)
      .does(addCustomField, { query: { record: 'lead' }, body: { key, type, labels: labels(key, `字段${key}`), ...more } })
  const asking = async (company: Company) => {
    await adds(company, 'seats', 'number')
    await adds(company, 'starts', 'date')
    await adds(company, 'plan', 'choice', { options })
    await adds(company, 'modules', 'multi_choice', { options, help: labels('All that you need', '可多选') })
    await adds(company, 'site', 'link')
    await adds(company, 'city', 'text')
    const keys = ['seats', 'starts', 'plan', 'modules', 'site', 'city']
    return create(company, { customFields: keys.map((key) => ({ key, required: key === 'seats' })) })
  }
  const custom = { seats: '120', starts: '2027-02-01', plan: 'crm', modules: ['cpq', 'crm'], site: 'https://yuntu.example', city: '杭州' }

  it('asks for them by their own labels in both languages, without what is retired', async () => {
    const company = await world.company()
    const { key, customFields } = await asking(company)
    expect(customFields[0]).toEqual({ key: 'seats', required: true })
    const shown = (await anybody(readPublicForm, key)).body.customFields
    expect(shown.map(({ type }: { type: string }) => type)).toEqual(['number', 'date', 'choice', 'multi_choice', 'link', 'text'])
    expect(shown[3]).toEqual({
      ...{ key: 'modules', type: 'multi_choice', required: false, label: labels('modules', '字段modules') },
      ...{
        help: labels('All that you need', '可多选'),
        options: options.slice(0, 2).map((option) => ({ key: option.key, label: option.labels })),
      },
    })
    expect((await anybody(embedPublicForm, key)).text).toContain('"字段seats"')
  })

  it('puts what was filled in into the lead', async () => {
    const company = await world.company()
    const { key } = await asking(company)
    expect((await anybody(sendPublicForm, key, filled({ email: 'li@example.com' }, { custom }))).status).toBe(202)
    expect(await captured(company)).toMatchObject([{ email: 'li@example.com', custom: { ...custom, modules: ['crm', 'cpq'] } }])
  })

  it('is refused with each value that the field does not take, and nothing is half done', async () => {
    const company = await world.company()
    const { key } = await asking(company)
    const wrong = async (given: object, language = 'en') => {
      const body = filled({ email: 'li@example.com' }, { custom: { seats: '1', ...given } })
      const answer = await anybody(sendPublicForm, key, body, { 'accept-language': language })
      return [answer.status, ...(answer.body.errors ?? []).map(({ pointer, code }: Record<string, string>) => `${pointer} ${code}`)]
    }
    expect(await wrong({ seats: ' ' })).toEqual([400, '/custom/seats lead_form.missing'])
    expect(await wrong({ seats: 'many', starts: '1.2.2027' })).toEqual([
      400,
      '/custom/seats custom.not_a_number',
      '/custom/starts date.malformed',
    ])
    expect(await wrong({ plan: 'old' })).toEqual([400, '/custom/plan custom.retired_option'])
    expect(await wrong({ modules: ['none'] })).toEqual([400, '/custom/modules custom.unknown_option'])
    expect(await wrong({ site: 'javascript:alert(1)' })).toEqual([400, '/custom/site custom.not_a_link'])
    expect(await wrong({ budget: '1' })).toEqual([400, '/custom/budget lead_form.not_asked'])
    expect(await captured(company)).toEqual([])
  })

  it('no longer asks for a field that was retired, though it was required', async () => {
    const company = await world.company()
    const { key } = await create(company, { customFields: [{ key: (await adds(company, 'area', 'number')).key, required: true }] })
    const field = await adds(company, 'region', 'text')
    const form = await create(company, { customFields: [{ key: 'region', required: true }] })
    await leads
      .as(company.olga)
      .does(changeCustomField, { params: { id: field.id }, body: { active: false }, headers: { 'if-match': `"${field.version}"` } })
    expect((await anybody(readPublicForm, form.key)).body.customFields).toEqual([])
    expect((await anybody(sendPublicForm, form.key, filled({ email: 'li@example.com' }))).status).toBe(202)
    expect((await anybody(sendPublicForm, key, filled({ email: 'li@example.com' }))).status).toBe(400)
    const changed = await leads.as(company.olga).call(changeLeadForm, {
      params: { id: form.id },
      body: { customFields: form.customFields },
      headers: { 'if-match': `"${form.version}"` },
    })
    expect(changed.status).toBe(200)
  })

  it('cannot ask for money, colleagues or accounts, nor for what there is not', async () => {
    const company = await world.company()
    await adds(company, 'budget', 'money', { currency: 'CNY' })
    await adds(company, 'advisor', 'user')
    await adds(company, 'reseller', 'account')
    const refused = async (key: string) =>
      (await leads.as(company.olga).call(createLeadForm, { body: { name: 'x', fields, customFields: [{ key }] } })).body as { code: string }
    for (const key of ['budget', 'advisor', 'reseller']) expect(await refused(key)).toMatchObject({ code: 'lead_form.field_not_offered' })
    expect(await refused('nothing')).toMatchObject({ code: 'custom.unknown_field' })
  })
})

describe('a web form that is shown', () => {
  it('says what it asks for, and comes as a script and as a page', async () => {
    const { key, snippet } = await create(await world.company(), { fields: [{ name: 'phone', label: { en: 'Mobile', 'zh-CN': '手机' } }] })
    expect((await anybody(readPublicForm, key)).body.fields).toEqual([
      { name: 'phone', required: false, label: { en: 'Mobile', 'zh-CN': '手机' } },
    ])
    expect(snippet).toMatch(new RegExp(`^<script src="http://127.0.0.1:\\d+/v1/public-forms/${key}/embed.js" async></script>$`))
    const script = await anybody(embedPublicForm, key)
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(script.text ?? script.body.toString()).toContain('"手机"')
    const page = await anybody(showPublicForm, key)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.headers['content-security-policy']).toContain("script-src 'self'")
  })

  it('is made by administrators and sales-ops, of fields that let one answer', async () => {
    const company = await world.company()
    const refused = async (body: object) =>
      (await leads.as(company.olga).call(createLeadForm, { body: { name: 'x', ...body } })).body as { errors: { code: string }[] }
    expect((await refused({ fields: [{ name: 'companyName' }] })).errors[0]!.code).toBe('lead_form.not_contactable')
    expect((await refused({ fields: [{ name: 'email' }, { name: 'email' }] })).errors[0]!.code).toBe('lead_form.field_twice')
    expect((await refused({ fields, origins: ['example.com/x'] })).errors[0]!.code).toBe('lead_form.origin')
    expect((await leads.as(company.amy).call(createLeadForm, { body: { name: 'x', fields } })).status).toBe(403)
    const stranger = await world.company()
    const { id } = await create(company)
    expect((await leads.as(stranger.olga).call(getLeadForm, { params: { id } })).status).toBe(404)
  })
})
