import { Refusal, type Id } from '@millrace/domain'
import type { Utm } from '../lead/lead.js'

/** A text in both languages. */
export type Words = Readonly<Record<'en' | 'zh-CN', string>>

export type FormFieldName = 'companyName' | 'contactName' | 'jobTitle' | 'email' | 'phone' | 'country' | 'note'

export interface FormField {
  readonly name: FormFieldName
  readonly required: boolean
  readonly label?: Words | undefined
}

/** A custom field of the lead that a form asks for. */
export interface AskedCustomField {
  readonly key: string
  readonly required: boolean
}

/** What a page sends. */
export interface Submission {
  readonly submission: string
  readonly values: { readonly [Name in FormFieldName]?: string | null | undefined }
  /** Values of custom fields, as they were sent. */
  readonly custom: Readonly<Record<string, unknown>>
  readonly consent: boolean
  readonly homepage: string
  readonly elapsedMs?: number | undefined
  readonly page?: string | undefined
  readonly utm?: Utm | undefined
}

/** Nobody reads and fills in a form faster. */
const fastestMs = 1_500

/** A web form that anybody can send. */
export class LeadForm {
  declare readonly id: Id<'lead_form'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly key: string
  declare readonly name: string
  declare readonly fields: readonly FormField[]
  declare readonly customFields: readonly AskedCustomField[]
  declare readonly origins: readonly string[]
  declare readonly source: string | null
  declare readonly channel: string | null
  declare readonly campaign: string | null
  declare readonly tags: readonly string[]
  declare readonly thanks: Words | null
  declare readonly consent: Words | null
  declare readonly perMinute: number
  declare readonly active: boolean

  static create(given: LeadFormData & Pick<LeadForm, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'key'>): LeadForm {
    return Object.assign(Object.create(LeadForm.prototype) as LeadForm, given, { active: true })
  }

  change(data: Partial<LeadFormData & Pick<LeadForm, 'active' | 'key'>>, at: Date): LeadForm {
    return Object.assign(Object.create(LeadForm.prototype) as LeadForm, this, data, { updatedAt: at })
  }

  /** Refuses what comes from a page that may not show the form. Programs name no origin; the form's own page has the platform's. */
  mustTake(origin: string | undefined, own: string): void {
    if (!this.active) throw new Refusal('lead_form.closed')
    if (origin && origin !== own && !this.origins.includes(origin)) throw Refusal.forbidden('lead_form.foreign_origin', { origin })
  }

  /** Whether a machine filled it in. */
  isSpam({ homepage, elapsedMs }: Submission): boolean {
    return homepage !== '' || (elapsedMs !== undefined && elapsedMs < fastestMs)
  }

  /** Refuses with every field that is missing or not asked for. `custom`: its custom fields that can be filled in still. */
  mustBeComplete({ values, custom: given, consent }: Submission, custom: readonly AskedCustomField[] = this.customFields): void {
    const asked = new Map(this.fields.map((field) => [field.name, field]))
    const errors = [
      ...this.fields.flatMap(({ name, required }) =>
        required && !values[name]?.trim() ? [problem(`/values/${name}`, 'lead_form.missing')] : [],
      ),
      ...Object.keys(values).flatMap((name) =>
        asked.has(name as FormFieldName) ? [] : [problem(`/values/${name}`, 'lead_form.not_asked')],
      ),
      ...custom.flatMap(({ key, required }) => (required && isEmpty(given[key]) ? [problem(`/custom/${key}`, 'lead_form.missing')] : [])),
      ...Object.keys(given).flatMap((key) =>
        this.customFields.some((field) => field.key === key) ? [] : [problem(`/custom/${escaped(key)}`, 'lead_form.not_asked')],
      ),
      ...(values.email || values.phone ? [] : [problem('/values', 'lead_form.missing')]),
      ...(this.consent && !consent ? [problem('/consent', 'lead_form.no_consent')] : []),
    ]
    if (errors.length) throw Refusal.invalid('request.invalid', { errors })
  }
}

export type LeadFormData = Pick<
  LeadForm,
  'name' | 'fields' | 'customFields' | 'origins' | 'source' | 'channel' | 'campaign' | 'tags' | 'thanks' | 'consent' | 'perMinute'
>

function isEmpty(value: unknown): boolean {
  return (typeof value === 'string' && !value.trim()) || value === undefined || value === null || (Array.isArray(value) && !value.length)
}

/** A key as a JSON pointer has it. */
function escaped(key: string): string {
  return key.replace(/~/g, '~0').replace(/\//g, '~1')
}

function problem(pointer: string, code: string) {
  return { pointer, code, detail: code }
}

/** What each field is called where the form does not say. */
export const usualLabels: Readonly<Record<FormFieldName, Words>> = {
  companyName: { en: 'Company', 'zh-CN': '公司' },
  contactName: { en: 'Your name', 'zh-CN': '姓名' },
  jobTitle: { en: 'Job title', 'zh-CN': '职位' },
  email: { en: 'E-mail', 'zh-CN': '邮箱' },
  phone: { en: 'Phone', 'zh-CN': '电话' },
  country: { en: 'Country (two letters)', 'zh-CN': '国家(两位字母)' },
  note: { en: 'How can we help?', 'zh-CN': '您的需求' },
}

export const usualThanks: Words = { en: 'Thank you. We will be in touch soon.', 'zh-CN': '感谢您的提交,我们会尽快与您联系。' }
