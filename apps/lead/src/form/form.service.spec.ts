import {
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
