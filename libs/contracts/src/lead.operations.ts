import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { CustomValuesGiven, CustomValuesView } from './custom-field.operations.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { grade } from './lead.events.js'
import { id, instant, line, positiveMoney, text } from './shapes.js'

const statuses = ['new', 'assigned', 'working', 'qualified', 'converted', 'pooled', 'nurturing', 'disqualified', 'merged'] as const

/** Why a lead is given up. */
export const disqualifyReasons = [
  'no_interest',
  'no_budget',
  'no_need',
  'not_reachable',
  'competitor',
  'duplicate',
  'spam',
  'other',
] as const

const email = z
  .string()
  .trim()
  .max(320)
  .pipe(z.email({ message: 'email.malformed' }))
const phone = line(40).min(3)
const country = z
  .string()
  .regex(/^[A-Z]{2}$/)
  .meta({ description: 'ISO 3166-1 alpha-2; tells how a phone number without country code is read', examples: ['CN'] })

const tags = z.array(line(60)).max(50)
const word = line(200).optional()
const utm = z
  .strictObject({ source: word, medium: word, campaign: word, term: word, content: word })
  .meta({ id: 'Utm', description: 'where a click came from: utm_source, utm_medium …' })

const base = {
  companyName: line(200).nullable().optional(),
  contactName: line(200).nullable().optional(),
  jobTitle: line(100).nullable().optional(),
  email: email.nullable().optional(),
  phone: phone.nullable().optional(),
  country: country.nullable().optional(),
  source: line(100).nullable().optional(),
  channel: line(100).nullable().optional(),
  campaign: line(100).nullable().optional(),
  note: text(5000).nullable().optional(),
  tags: tags.optional(),
  utm: utm.nullable().optional(),
  custom: CustomValuesGiven.optional(),
}

/** A new lead: at least a company or a contact, or an e-mail or phone. */
export const CaptureLead = z
  .strictObject({
    ...base,
    ownerId: id('user').optional().meta({ description: 'who is to work on it; a rep who captures a lead owns it unless told otherwise' }),
  })
  .refine(({ companyName, contactName, email, phone }) => Boolean(companyName ?? contactName ?? email ?? phone), {
    message: 'lead.nameless',
  })
  .meta({ id: 'CaptureLead' })

export const ChangeLead = z.strictObject(base).meta({ id: 'ChangeLead' })

export const LeadView = z
  .object({
    id: id('lead'),
    version: z.number().int(),
    status: z.enum(statuses),
    companyName: z.string().nullable(),
    contactName: z.string().nullable(),
    jobTitle: z.string().nullable(),
    email: z.string().nullable(),
    phone: z.string().nullable().meta({ description: 'E.164 when it could be read, otherwise as given' }),
    country: z.string().nullable(),
    source: z.string().nullable(),
    channel: z.string().nullable(),
    campaign: z.string().nullable(),
    note: z.string().nullable(),
    tags: z.array(z.string()),
    utm: utm.nullable(),
    score: z.number().int().nullable().meta({ description: '0–100 by the active scorecard when it was scored; null: there was none' }),
    grade: grade.nullable(),
    scorecardId: id('scorecard').nullable(),
    ownerId: id('user').nullable(),
    externalId: z.string().nullable(),
    duplicateOf: z
      .array(z.object({ leadId: id('lead'), score: z.number().int(), reasons: z.array(z.string()) }))
      .meta({ description: 'open leads that look the same, score 0–100' }),
    customers: z
      .array(
        z.object({
          accountId: id('account').nullable(),
          contactId: id('contact').nullable(),
          score: z.number().int(),
          reasons: z.array(z.string()),
        }),
      )
      .meta({ description: 'accounts, or contacts at one, that look the same, score 0–100: convert into them' }),
    disqualifiedReason: z.enum(disqualifyReasons).nullable(),
    poolId: id('pool').nullable().meta({ description: 'the pool that it is in, or was claimed from' }),
    pooledAt: instant.nullable(),
    pooledReason: z.string().nullable().meta({ description: 'why it is in the pool' }),
    wakeAt: instant.nullable().meta({ description: 'until when a nurtured lead rests' }),
    assignedAt: instant.nullable().meta({ description: 'when its owner, or the last one, got it' }),
    respondedAt: instant.nullable().meta({ description: 'when somebody dealt with it for the first time' }),
    responseMinutes: z
      .number()
      .int()
      .nullable()
      .meta({ description: 'working minutes of its owner from the assignment to the first response' }),
    qualifiedAt: instant.nullable(),
    nextStep: z.string().nullable().meta({ description: 'what its owner is going to do' }),
    nextStepAt: instant.nullable().meta({ description: 'until when, as the owner said' }),
    dueAt: instant.nullable().meta({ description: 'until when its owner has to do something: respond first, or take the next step' }),
    failedAttempts: z.number().int().meta({ description: 'times in a row that nobody could be reached' }),
    mergedInto: id('lead')
      .nullable()
      .meta({ description: 'the lead that this one became part of; asked for this one, the API answers that one' }),
    accountId: id('account').nullable(),
    contactId: id('contact').nullable(),
    opportunityId: id('opportunity').nullable(),
    journeyId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
    convertedAt: instant.nullable(),
    custom: CustomValuesView,
  })
  .meta({ id: 'Lead' })

/** Who reads leads. */
export const leadRead = permission('lead.read', salesReaders)

const access = {
  read: leadRead,
  capture: permission('lead.capture', salesWriters),
  change: permission('lead.change', salesWriters),
  assign: permission('lead.assign', { administrator: 'company', sales_ops: 'company', integrator: 'company', sales_manager: 'company' }),
  convert: permission('lead.convert', salesWriters),
}

const one = { service: 'lead', params: z.object({ id: id('lead') }), answer: LeadView } as const

export const captureLead = defineOperation({
  id: 'captureLead',
  service: 'lead',
  method: 'POST',
  path: '/v1/leads',
  summary:
    'Records a new lead. By the company’s policy a duplicate of an open lead is flagged, refused (409) or merged: then what the open lead lacked is added to it, and it is the answer.',
  rule: access.capture,
  body: CaptureLead,
  answer: LeadView,
})

export const getLead = defineOperation({
  ...one,
  id: 'getLead',
  method: 'GET',
  path: '/v1/leads/{id}',
  summary: 'One lead. One that was merged answers with the lead that it became part of.',
  rule: access.read,
})

export const listLeads = defineList({
  id: 'listLeads',
  service: 'lead',
  path: '/v1/leads',
  summary: 'Leads.',
  rule: access.read,
  item: LeadView,
  filters: {
    status: statuses,
    ownerId: 'exact',
    companyName: 'text',
    contactName: 'text',
    email: 'exact',
    phone: 'exact',
    source: 'exact',
    channel: 'exact',
    campaign: 'exact',
    tags: 'element',
    grade: ['A', 'B', 'C', 'D'],
    score: 'number',
    externalId: 'exact',
    createdAt: 'instant',
    updatedAt: 'instant',
    wakeAt: 'instant',
    poolId: 'exact',
    dueAt: 'instant',
  },
  sorts: ['id', 'dueAt', 'createdAt', 'updatedAt', 'companyName', 'status', 'wakeAt', 'score'],
  custom: 'lead',
})

export const changeLead = defineOperation({
  ...one,
  id: 'changeLead',
  method: 'PATCH',
  path: '/v1/leads/{id}',
  summary: 'Changes base data of an open lead.',
  rule: access.change,
  body: ChangeLead,
})

export const assignLead = defineOperation({
  ...one,
  id: 'assignLead',
  method: 'POST',
  path: '/v1/leads/{id}/assign',
  summary: 'Makes a rep responsible for the lead.',
  rule: access.assign,
  body: z.strictObject({ ownerId: id('user') }).meta({ id: 'AssignLead' }),
})

export const workLead = defineOperation({
  ...one,
  id: 'workLead',
  method: 'POST',
  path: '/v1/leads/{id}/work',
  summary: 'The owner begins to work on the lead.',
  rule: access.change,
})

export const qualifyLead = defineOperation({
  ...one,
  id: 'qualifyLead',
  method: 'POST',
  path: '/v1/leads/{id}/qualify',
  summary: 'The lead is worth a deal. A lead that is only assigned counts as worked with this.',
  rule: access.change,
})

export const nurtureLead = defineOperation({
  ...one,
  id: 'nurtureLead',
  method: 'POST',
  path: '/v1/leads/{id}/nurture',
  summary: 'Lets the lead rest until its day, when it is worked again by itself. Who works on it before wakes it.',
  rule: access.change,
  body: z.strictObject({ wakeAt: instant.meta({ description: 'in the future, within two years' }) }).meta({ id: 'NurtureLead' }),
})

export const disqualifyLead = defineOperation({
  ...one,
  id: 'disqualifyLead',
  method: 'POST',
  path: '/v1/leads/{id}/disqualify',
  summary: 'Gives the lead up, with the reason.',
  rule: access.change,
  body: z.strictObject({ reason: z.enum(disqualifyReasons), note: text(2000).optional() }).meta({ id: 'DisqualifyLead' }),
})

export const reopenLead = defineOperation({
  ...one,
  id: 'reopenLead',
  method: 'POST',
  path: '/v1/leads/{id}/reopen',
  summary: 'Looks at a lead again that was given up.',
  rule: access.change,
})

/** What of the merged lead replaces what the surviving one has; what that one lacks is taken in any case. */
const taken = [
  'companyName',
  'contactName',
  'jobTitle',
  'email',
  'phone',
  'country',
  'source',
  'channel',
  'campaign',
  'note',
  'utm',
] as const

export const mergeLead = defineOperation({
  ...one,
  id: 'mergeLead',
  method: 'POST',
  path: '/v1/leads/{id}/merge',
  summary: 'Merges another open lead into this one, which keeps its owner, status and journey. Asked again, answers the same.',
  rule: access.change,
  body: z
    .strictObject({
      leadId: id('lead').meta({ description: 'the lead that becomes part of this one' }),
      take: z
        .array(z.enum(taken))
        .max(taken.length)
        .default([])
        .meta({ description: 'fields that the merged lead knows better; what this one lacks is taken in any case' }),
    })
    .meta({ id: 'MergeLead' }),
})

export const keepLeadApart = defineOperation({
  ...one,
  id: 'keepLeadApart',
  method: 'POST',
  path: '/v1/leads/{id}/keep-apart',
  summary: 'Says that two leads that look the same are two. They are not told as duplicates of each other any more.',
  rule: access.change,
  body: z.strictObject({ leadId: id('lead') }).meta({ id: 'KeepLeadApart' }),
})

const LeadInShort = LeadView.pick({
  id: true,
  version: true,
  status: true,
  companyName: true,
  contactName: true,
  email: true,
  phone: true,
  source: true,
  ownerId: true,
  createdAt: true,
}).meta({ id: 'LeadInShort' })

export const listLeadDuplicates = defineOperation({
  id: 'listLeadDuplicates',
  service: 'lead',
  method: 'GET',
  path: '/v1/lead-duplicates',
  summary: 'Pairs of open leads that look the same and nobody has decided on, the newest lead first.',
  rule: access.read,
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'pairs of a page at most' }),
    cursor: z.string().max(200).optional().meta({ description: 'where the page begins: `next` of the page before' }),
  }),
  answer: z.object({
    data: z.array(z.object({ lead: LeadInShort, other: LeadInShort, score: z.number().int(), reasons: z.array(z.string()) })),
    next: z.string().nullable(),
  }),
})

/** What a lead is converted into: existing records by id, new ones otherwise. */
export const ConvertLead = z
  .strictObject({
    accountId: id('account').optional().meta({ description: 'existing account; none: a new one with the lead’s company' }),
    contactId: id('contact').optional().meta({ description: 'existing contact; none: a new one with the lead’s person, if it has one' }),
    opportunityId: id('opportunity').optional().meta({ description: 'existing opportunity' }),
    opportunity: z
      .strictObject({ title: line(200), amount: positiveMoney.optional() })
      .optional()
      .meta({ description: 'a new opportunity; neither this nor opportunityId: none' }),
  })
  .refine(({ opportunityId, opportunity }) => !(opportunityId && opportunity), { message: 'lead.two_opportunities' })
  .meta({ id: 'ConvertLead' })

export const convertLead = defineOperation({
  ...one,
  id: 'convertLead',
  method: 'POST',
  path: '/v1/leads/{id}/convert',
  summary: 'Turns a qualified lead into account, contact and opportunity, in one call. Asked again, answers the same ids.',
  rule: access.convert,
  body: ConvertLead,
})

/** What becomes of a lead with the e-mail, the phone, or the company and person of an open one. */
export const duplicatePolicies = ['refuse', 'flag', 'merge'] as const
export const LeadSettings = z
  .object({ duplicates: z.enum(duplicatePolicies), defaultCountry: country, version: z.number().int() })
  .meta({ id: 'LeadSettings' })

export const getLeadSettings = defineOperation({
  id: 'getLeadSettings',
  service: 'lead',
  method: 'GET',
  path: '/v1/lead-settings',
  summary: 'How leads are captured in this company.',
  rule: access.read,
  answer: LeadSettings,
})

export const changeLeadSettings = defineOperation({
  id: 'changeLeadSettings',
  service: 'lead',
  method: 'PATCH',
  path: '/v1/lead-settings',
  summary: 'Changes how leads are captured.',
  rule: permission('lead.settings', { administrator: 'company', sales_ops: 'company' }),
  body: z.strictObject({ duplicates: z.enum(duplicatePolicies).optional(), defaultCountry: country.optional() }),
  answer: LeadSettings,
})

defineProblems({
  'email.malformed': { en: 'This is not an e-mail address.', 'zh-CN': '不是有效的电子邮件地址。' },
  'lead.nameless': {
    en: 'The lead has nothing to go by. Give a company, a contact, an e-mail or a phone number.',
    'zh-CN': '线索缺少信息。请至少提供公司、联系人、邮箱或电话之一。',
  },
  'lead.duplicate': {
    en: 'There is an open lead like this already. See candidates; change one of them, or let the administrator set the policy to "flag".',
    'zh-CN': '已存在相同的未关闭线索。请查看 candidates 并修改已有线索,或由管理员将策略改为“标记”。',
  },
  'lead.no_owner': { en: 'The lead has no owner. Assign it to somebody first.', 'zh-CN': '线索没有负责人。请先分配。' },
  'lead.not_contactable': {
    en: 'The lead cannot be reached. Add an e-mail or a phone number first.',
    'zh-CN': '线索无法联系。请先补充邮箱或电话。',
  },
  'lead.no_company': {
    en: 'The lead has no company to make an account of. Add the company, or choose an existing account.',
    'zh-CN': '线索没有公司,无法创建客户。请补充公司或选择已有客户。',
  },
  'lead.closed': { en: 'The lead is closed ({status}). Reopen it first.', 'zh-CN': '线索已关闭({status})。请先重新打开。' },
  'lead.wake_at_once': {
    en: 'The lead has to rest until a moment that is still to come, within two years; {wakeAt} is not.',
    'zh-CN': '再次跟进的时间必须在将来,且不超过两年。当前为 {wakeAt}。',
  },
  'lead.merged_with_itself': {
    en: 'A lead cannot be merged with itself. Name the other one in leadId.',
    'zh-CN': '线索不能与自身合并。请在 leadId 中指定另一条线索。',
  },
  'lead.merged_otherwise': {
    en: 'The lead is part of another one already. See mergedInto.',
    'zh-CN': '该线索已并入另一条线索。请查看 mergedInto。',
  },
  'lead.not_qualified': {
    en: 'Only a qualified lead can be converted. This one is {status}; missing: {missing}.',
    'zh-CN': '只有已确认的线索才能转化。当前状态:{status};缺少:{missing}。',
  },
  'lead.two_opportunities': {
    en: 'Choose an existing opportunity or a new one. Both were given.',
    'zh-CN': '请选择已有商机或新建商机,不能同时提供。',
  },
  'lead.converted_otherwise': {
    en: 'The lead was converted into other records. See accountId, contactId and opportunityId of the lead.',
    'zh-CN': '该线索已转化为其他记录。请查看线索的 accountId、contactId、opportunityId。',
  },
})
