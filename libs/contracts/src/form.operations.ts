import { z } from 'zod'
import { everybody, permission } from './access.js'
import { CustomValuesGiven } from './custom-field.operations.js'
import { CaptureLead } from './lead.operations.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, language, line } from './shapes.js'

/** What a form can ask for. */
export const formFieldNames = ['companyName', 'contactName', 'jobTitle', 'email', 'phone', 'country', 'note'] as const

const words = z.strictObject({ en: line(200), 'zh-CN': line(200) }).meta({ id: 'FormWords', description: 'a text in both languages' })
const field = z
  .strictObject({ name: z.enum(formFieldNames), required: z.boolean().default(false), label: words.optional() })
  .meta({ id: 'FormField' })

/** The types of custom fields that somebody outside can fill in. */
export const formCustomTypes = ['text', 'number', 'date', 'choice', 'multi_choice', 'link'] as const

const customField = z
  .strictObject({
    key: z.string().regex(/^[a-z0-9_]{1,40}$/, { message: 'custom_field.key_malformed' }),
    required: z.boolean().default(false),
  })
  .meta({ id: 'FormCustomField' })

const origin = z
  .string()
  .max(200)
  .regex(/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/, { message: 'lead_form.origin' })
  .meta({ description: 'scheme, host and port of a page that may show the form', examples: ['https://www.example.com'] })

const base = {
  name: line(100),
  fields: z
    .array(field)
    .min(1)
    .max(formFieldNames.length)
    .refine((fields) => new Set(fields.map(({ name }) => name)).size === fields.length, { message: 'lead_form.field_twice' })
    .refine((fields) => fields.some(({ name }) => name === 'email' || name === 'phone'), { message: 'lead_form.not_contactable' }),
  customFields: z
    .array(customField)
    .max(30)
    .refine((fields) => new Set(fields.map(({ key }) => key)).size === fields.length, { message: 'lead_form.field_twice' })
    .meta({
      description: 'custom fields of the lead that are asked for, in this order, by their own labels: texts, numbers, days, choices, links',
    }),
  origins: z.array(origin).max(20).meta({ description: 'sites that may embed the form; none: only its own page shows it' }),
  source: line(100).nullable(),
  channel: line(100).nullable(),
  campaign: line(100).nullable(),
  tags: z.array(line(60)).max(20),
  thanks: words.nullable().meta({ description: 'what is said after sending' }),
  consent: words.nullable().meta({ description: 'what the person has to agree to before sending; null: nothing' }),
  perMinute: z.number().int().min(1).max(600).meta({ description: 'forms that one address may send in a minute' }),
}

export const LeadFormView = z
  .object({
    id: id('lead_form'),
    version: z.number().int(),
    key: z.string().meta({ description: 'names the form to the public: /v1/public-forms/{key}' }),
    ...base,
    active: z.boolean(),
    received: z.number().int().meta({ description: 'forms that became leads' }),
    spam: z.number().int().meta({ description: 'forms that a machine had filled in' }),
    snippet: z.string().meta({ description: 'HTML that shows the form on a page' }),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'LeadForm' })

const keep = permission('lead_form.change', { administrator: 'company', sales_ops: 'company' })
const one = { service: 'lead', params: z.object({ id: id('lead_form') }), answer: LeadFormView } as const

export const createLeadForm = defineOperation({
  id: 'createLeadForm',
  service: 'lead',
  method: 'POST',
  path: '/v1/lead-forms',
  summary: 'A web form that anybody can send; what is sent becomes a lead.',
  rule: keep,
  body: z
    .strictObject({
      ...base,
      customFields: base.customFields.default([]),
      origins: base.origins.default([]),
      source: base.source.default(null),
      channel: base.channel.default('web form'),
      campaign: base.campaign.default(null),
      tags: base.tags.default([]),
      thanks: base.thanks.default(null),
      consent: base.consent.default(null),
      perMinute: base.perMinute.default(10),
    })
    .meta({ id: 'CreateLeadForm' }),
  answer: LeadFormView,
})

export const listLeadForms = defineList({
  id: 'listLeadForms',
  service: 'lead',
  path: '/v1/lead-forms',
  summary: 'Web forms.',
  rule: permission('lead_form.read', everybody),
  item: LeadFormView,
  filters: { name: 'text', active: 'boolean' },
  sorts: ['id', 'name'],
})

export const getLeadForm = defineOperation({
  ...one,
  id: 'getLeadForm',
  method: 'GET',
  path: '/v1/lead-forms/{id}',
  summary: 'One web form, with the snippet that shows it and how often it was sent.',
  rule: permission('lead_form.read_one', everybody),
})

export const changeLeadForm = defineOperation({
  ...one,
  id: 'changeLeadForm',
  method: 'PATCH',
  path: '/v1/lead-forms/{id}',
  summary: 'Changes a web form. One that is not active takes nothing.',
  rule: keep,
  body: z
    .strictObject({ ...base, active: z.boolean() })
    .partial()
    .meta({ id: 'ChangeLeadForm' }),
})

export const renewLeadFormKey = defineOperation({
  ...one,
  id: 'renewLeadFormKey',
  method: 'POST',
  path: '/v1/lead-forms/{id}/renew-key',
  summary: 'Gives the form another key; pages with the old one can no longer send.',
  rule: keep,
})

const key = z.object({ key: z.string().regex(/^[A-Za-z0-9_-]{20,40}$/, { message: 'id.malformed' }) })

export const readPublicForm = defineOperation({
  id: 'readPublicForm',
  service: 'lead',
  method: 'GET',
  path: '/v1/public-forms/{key}',
  summary: 'What a web form asks for.',
  rule: 'public',
  params: key,
  answer: z.object({
    key: z.string(),
    fields: z.array(z.object({ name: z.enum(formFieldNames), required: z.boolean(), label: words })),
    customFields: z.array(
      z.object({
        key: z.string(),
        type: z.enum(formCustomTypes),
        required: z.boolean(),
        label: words,
        help: words.nullable(),
        options: z.array(z.object({ key: z.string(), label: words })),
      }),
    ),
    thanks: words,
    consent: words.nullable(),
  }),
})

/** What a lead takes: a form is no way around its bounds. */
const { companyName, contactName, jobTitle, email, phone, country, note } = CaptureLead.shape

export const sendPublicForm = defineOperation({
  id: 'sendPublicForm',
  service: 'lead',
  method: 'POST',
  path: '/v1/public-forms/{key}/send',
  summary: 'Sends a filled form. The same `submission` sent again is one lead. The answer does not tell what became of it.',
  rule: 'public',
  params: key,
  status: 202,
  transaction: false,
  body: z
    .strictObject({
      submission: z
        .string()
        .regex(/^[A-Za-z0-9-]{8,64}$/, { message: 'id.malformed' })
        .meta({ description: 'made up by the page; the same when it is sent again' }),
      values: z
        .strictObject({ companyName, contactName, jobTitle, email, phone, country, note })
        .meta({ id: 'FormValues', description: 'field → what was filled in' }),
      custom: CustomValuesGiven.default({}),
      consent: z.boolean().default(false),
      homepage: z.string().max(500).default('').meta({ description: 'hidden from people: who fills it in is a machine' }),
      elapsedMs: z.number().int().min(0).max(86_400_000).optional().meta({ description: 'from showing the form to sending it' }),
      page: z.string().max(1000).optional(),
      utm: z
        .strictObject({
          source: line(200).optional(),
          medium: line(200).optional(),
          campaign: line(200).optional(),
          term: line(200).optional(),
          content: line(200).optional(),
        })
        .optional(),
      language: language.optional(),
    })
    .meta({ id: 'SendForm' }),
  answer: z.object({ received: z.literal(true), thanks: z.string() }),
})

export const embedPublicForm = defineOperation({
  id: 'embedPublicForm',
  service: 'lead',
  method: 'GET',
  path: '/v1/public-forms/{key}/embed.js',
  summary: 'The script that shows the form where it stands on a page.',
  rule: 'public',
  params: key,
  media: 'text/javascript',
})

export const showPublicForm = defineOperation({
  id: 'showPublicForm',
  service: 'lead',
  method: 'GET',
  path: '/v1/public-forms/{key}/page',
  summary: 'A page of its own with the form, for links and QR codes.',
  rule: 'public',
  params: key,
  media: 'text/html',
})

defineProblems({
  'lead_form.origin': {
    en: 'This is not the origin of a page. Write scheme, host and port, such as https://www.example.com.',
    'zh-CN': '不是有效的页面来源。请填写协议、主机和端口,例如 https://www.example.com。',
  },
  'lead_form.field_twice': { en: 'A field is asked for twice. Name each once.', 'zh-CN': '字段重复。每个字段只能出现一次。' },
  'lead_form.field_not_offered': {
    en: 'A form cannot ask for this field. {key} is of type {type}; forms take texts, numbers, days, choices and links.',
    'zh-CN': '表单不能包含该字段。{key} 的类型为 {type};表单支持文本、数字、日期、选项和链接。',
  },
  'lead_form.not_contactable': {
    en: 'The form asks for no way to answer. Add email or phone.',
    'zh-CN': '表单没有联系方式。请加入邮箱或电话。',
  },
  'lead_form.closed': { en: 'This form is closed. Nothing was sent.', 'zh-CN': '该表单已关闭,内容未提交。' },
  'lead_form.foreign_origin': {
    en: 'This form may not be sent from this site. Its owner has to add {origin} to the form’s origins.',
    'zh-CN': '不允许从该网站提交此表单。请由表单所有者将 {origin} 加入允许的来源。',
  },
  'lead_form.missing': { en: 'Please fill this in.', 'zh-CN': '请填写此项。' },
  'lead_form.not_asked': { en: 'The form does not ask for this.', 'zh-CN': '表单没有此项。' },
  'lead_form.no_consent': { en: 'Please agree first.', 'zh-CN': '请先勾选同意。' },
})
