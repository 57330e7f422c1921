import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { AttachmentView } from './attachment.operations.js'
import { CustomValuesGiven, CustomValuesView } from './custom-field.operations.js'
import { grade } from './lead.events.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, id, instant, line, money, positiveMoney, text } from './shapes.js'

/** What somebody did with a customer. */
export const activityKinds = ['call', 'visit', 'email', 'meeting', 'note'] as const

/** What kind of customer an account is to us; its service plan goes by it. */
export const accountClasses = ['key', 'sme', 'individual'] as const

const email = z
  .string()
  .trim()
  .max(320)
  .pipe(z.email({ message: 'email.malformed' }))
const phone = line(40).min(3)
const country = z
  .string()
  .regex(/^[A-Z]{2}$/)
  .meta({ description: 'ISO 3166-1 alpha-2; tells how phone numbers without country code are read', examples: ['CN'] })
const website = z
  .string()
  .trim()
  .max(300)
  .pipe(z.url({ protocol: /^https?$/, message: 'website.malformed' }))
const externalId = line(200).meta({ description: 'id in another system; unique' })

const company = {
  industry: line(100).nullable().optional(),
  country: country.nullable().optional(),
  region: line(100).nullable().optional(),
  location: line(200).nullable().optional(),
  website: website.nullable().optional(),
  phone: phone.nullable().optional(),
  employees: z.number().int().min(0).max(100_000_000).nullable().optional(),
  annualRevenue: positiveMoney.nullable().optional(),
  foundedYear: z.number().int().min(1000).max(2100).nullable().optional(),
  parentId: id('account').nullable().optional().meta({ description: 'the company that it belongs to' }),
  note: text(5000).nullable().optional(),
  externalId: externalId.nullable().optional(),
  class: z.enum(accountClasses).nullable().optional().meta({ description: 'a key account, a small or medium company, or a single person' }),
  custom: CustomValuesGiven.optional(),
}

const accountStatuses = ['active', 'pooled', 'merged'] as const

export const OpenAccount = z
  .strictObject({
    name: line(200),
    ...company,
    ownerId: id('user').optional().meta({ description: 'who is responsible; a rep who opens an account owns it unless told otherwise' }),
  })
  .meta({ id: 'OpenAccount' })

export const ChangeAccount = z.strictObject({ name: line(200).optional(), ...company }).meta({ id: 'ChangeAccount' })

export const AccountView = z
  .object({
    id: id('account'),
    version: z.number().int(),
    name: z.string(),
    industry: z.string().nullable(),
    country: z.string().nullable(),
    region: z.string().nullable(),
    location: z.string().nullable(),
    website: z.string().nullable(),
    phone: z.string().nullable(),
    employees: z.number().int().nullable(),
    annualRevenue: money.nullable(),
    foundedYear: z.number().int().nullable(),
    parentId: id('account').nullable(),
    ownerId: id('user').nullable(),
    note: z.string().nullable(),
    externalId: z.string().nullable(),
    class: z.enum(accountClasses).nullable(),
    status: z.enum(accountStatuses).meta({ description: '`pooled`: nobody’s until somebody claims it' }),
    mergedInto: id('account')
      .nullable()
      .meta({ description: 'the account that this one became part of; asked for this one, the API answers that one' }),
    pooledAt: instant.nullable(),
    score: z.number().int().nullable().meta({ description: '0 to 100, by the active account scorecard; null: not scored' }),
    grade: grade.nullable(),
    journeyId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
    custom: CustomValuesView,
  })
  .meta({ id: 'Account' })

const handOver = {
  administrator: 'company',
  sales_ops: 'company',
  integrator: 'company',
  sales_manager: 'subtree',
} as const

/** Who reads accounts, and who their contacts. */
export const accountRead = permission('account.read', salesReaders)
export const contactRead = permission('contact.read', salesReaders)

const accounts = {
  read: accountRead,
  open: permission('account.open', salesWriters),
  change: permission('account.change', salesWriters),
  assign: permission('account.assign', handOver),
}
const oneAccount = { service: 'account', params: z.object({ id: id('account') }), answer: AccountView } as const

export const openAccount = defineOperation({
  id: 'openAccount',
  service: 'account',
  method: 'POST',
  path: '/v1/accounts',
  summary: 'Records a company that we deal with.',
  rule: accounts.open,
  body: OpenAccount,
  answer: AccountView,
})

export const getAccount = defineOperation({
  ...oneAccount,
  id: 'getAccount',
  method: 'GET',
  path: '/v1/accounts/{id}',
  summary: 'One account. One that was merged answers with the account that it became part of.',
  rule: accounts.read,
})

export const listAccounts = defineList({
  id: 'listAccounts',
  service: 'account',
  path: '/v1/accounts',
  summary:
    'Accounts, without those that became part of another one. `sameName` finds a company however its name is written: without width, case, punctuation and legal form. `segmentId`: members of a segment.',
  rule: accounts.read,
  item: AccountView,
  filters: {
    name: 'text',
    sameName: 'exact',
    ownerId: 'exact',
    industry: 'exact',
    country: 'exact',
    parentId: 'exact',
    externalId: 'exact',
    class: accountClasses,
    segmentId: 'exact',
    status: accountStatuses,
    score: 'number',
    grade: ['A', 'B', 'C', 'D'],
    createdAt: 'instant',
    updatedAt: 'instant',
  },
  sorts: ['id', 'name', 'class', 'score', 'grade', 'createdAt', 'updatedAt'],
  custom: 'account',
})

export const changeAccount = defineOperation({
  ...oneAccount,
  id: 'changeAccount',
  method: 'PATCH',
  path: '/v1/accounts/{id}',
  summary:
    'Changes base data or the parent of an account. The owner changes by `assign`. Accounts are never deleted: deals, contracts and invoices refer to them for good.',
  rule: accounts.change,
  body: ChangeAccount,
})

export const assignAccount = defineOperation({
  ...oneAccount,
  id: 'assignAccount',
  method: 'POST',
  path: '/v1/accounts/{id}/assign',
  summary: 'Makes somebody responsible for the account; its contacts and activities are seen by the new owner from then on.',
  rule: accounts.assign,
  body: z.strictObject({ ownerId: id('user') }).meta({ id: 'AssignAccount' }),
})

/** A company above or below another. */
export const RelatedAccount = z
  .object({
    id: id('account'),
    name: z.string(),
    parentId: id('account').nullable(),
    ownerId: id('user').nullable(),
  })
  .meta({ id: 'RelatedAccount' })

export const getHierarchy = defineOperation({
  ...oneAccount,
  id: 'getHierarchy',
  method: 'GET',
  path: '/v1/accounts/{id}/hierarchy',
  summary: 'The companies above an account and below it, as far as the caller may see them.',
  rule: accounts.read,
  answer: z
    .object({
      ancestors: z.array(RelatedAccount).meta({ description: 'the top company first' }),
      below: z
        .array(RelatedAccount.extend({ depth: z.number().int().meta({ description: '1: a direct subsidiary' }) }))
        .meta({ description: 'by depth, then by name; at most 500' }),
      complete: z.boolean().meta({ description: 'false: there are more below than 500' }),
    })
    .meta({ id: 'AccountHierarchy' }),
})

const person = {
  jobTitle: line(100).nullable().optional(),
  email: email.nullable().optional(),
  phone: phone.nullable().optional(),
  roles: z
    .array(line(60))
    .max(20)
    .optional()
    .meta({ description: 'parts played in the customer’s decisions', examples: [['supporter']] }),
  note: text(5000).nullable().optional(),
  externalId: externalId.nullable().optional(),
  custom: CustomValuesGiven.optional(),
}

export const AddContact = z.strictObject({ accountId: id('account'), name: line(200), ...person }).meta({ id: 'AddContact' })

export const ChangeContact = z
  .strictObject({ accountId: id('account').optional(), name: line(200).optional(), ...person })
  .meta({ id: 'ChangeContact' })

export const ContactView = z
  .object({
    id: id('contact'),
    version: z.number().int(),
    accountId: id('account'),
    name: z.string(),
    jobTitle: z.string().nullable(),
    email: z.string().nullable(),
    phone: z.string().nullable().meta({ description: 'as given' }),
    phoneE164: z.string().nullable().meta({ description: 'the same as E.164, when it could be read' }),
    roles: z.array(z.string()),
    note: z.string().nullable(),
    externalId: z.string().nullable(),
    journeyId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
    custom: CustomValuesView,
  })
  .meta({ id: 'Contact' })

const contacts = {
  read: contactRead,
  add: permission('contact.add', salesWriters),
  change: permission('contact.change', salesWriters),
}
const oneContact = { service: 'account', params: z.object({ id: id('contact') }), answer: ContactView } as const

export const addContact = defineOperation({
  id: 'addContact',
  service: 'account',
  method: 'POST',
  path: '/v1/contacts',
  summary: 'Records a person at an account. Whoever sees the account sees its contacts.',
  rule: contacts.add,
  body: AddContact,
  answer: ContactView,
})

export const getContact = defineOperation({
  ...oneContact,
  id: 'getContact',
  method: 'GET',
  path: '/v1/contacts/{id}',
  summary: 'One contact.',
  rule: contacts.read,
})

export const listContacts = defineList({
  id: 'listContacts',
  service: 'account',
  path: '/v1/contacts',
  summary: 'Contacts. `email` is compared without case; `ownerId` is the owner of the account.',
  rule: contacts.read,
  item: ContactView,
  filters: {
    accountId: 'exact',
    ownerId: 'exact',
    name: 'text',
    email: 'exact',
    phoneE164: 'exact',
    externalId: 'exact',
    createdAt: 'instant',
    updatedAt: 'instant',
  },
  sorts: ['id', 'name', 'createdAt', 'updatedAt'],
  custom: 'contact',
})

export const changeContact = defineOperation({
  ...oneContact,
  id: 'changeContact',
  method: 'PATCH',
  path: '/v1/contacts/{id}',
  summary: 'Changes the data of a contact, or the account where the person works.',
  rule: contacts.change,
  body: ChangeContact,
})

const checkIn = z
  .strictObject({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180), at: instant })
  .meta({ id: 'CheckIn', description: 'where and when a visitor reported arrival; WGS 84, degrees' })
const nextStep = z
  .strictObject({ text: line(500), on: day })
  .meta({ id: 'NextStep', description: 'what is agreed to follow, and on which day' })
const nextStepView = z
  .object({ text: z.string(), on: day, doneAt: instant.optional(), doneById: id('user').nullable().optional() })
  .meta({ id: 'NextStepView', description: 'with `doneAt` once it is done' })
const mailAddress = z.object({ name: z.string(), address: z.string() })

const report = {
  contactId: id('contact').nullable().optional(),
  opportunityId: id('opportunity').nullable().optional(),
  text: text(10_000).nullable().optional(),
  place: line(200).nullable().optional(),
  checkIn: checkIn.nullable().optional().meta({ description: 'of visits and meetings only' }),
  companions: z.array(id('user')).max(50).optional().meta({ description: 'colleagues who took part' }),
  nextStep: nextStep.nullable().optional(),
  custom: CustomValuesGiven.optional(),
}

export const LogActivity = z
  .strictObject({
    kind: z.enum(activityKinds),
    accountId: id('account'),
    subject: line(200),
    takesPlaceAt: instant.optional().meta({ description: 'none: now' }),
    ...report,
  })
  .meta({ id: 'LogActivity' })

export const ChangeActivity = z
  .strictObject({ subject: line(200).optional(), takesPlaceAt: instant.optional(), ...report })
  .meta({ id: 'ChangeActivity' })

export const ActivityView = z
  .object({
    id: id('activity'),
    version: z.number().int(),
    kind: z.enum(activityKinds),
    accountId: id('account'),
    contactId: id('contact').nullable(),
    opportunityId: id('opportunity').nullable(),
    subject: z.string(),
    text: z.string().nullable(),
    takesPlaceAt: instant,
    place: z.string().nullable(),
    checkIn: checkIn.nullable(),
    companions: z.array(id('user')),
    nextStep: nextStepView.nullable(),
    mail: z
      .object({
        threadId: z.string().meta({ description: 'the same for all that answer each other' }),
        from: mailAddress.nullable(),
        to: z.array(mailAddress),
        cc: z.array(mailAddress),
      })
      .nullable()
      .meta({ description: 'of e-mails that were filed: who wrote to whom' }),
    loggedById: id('user').nullable().meta({ description: 'null: a program logged it' }),
    journeyId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
    custom: CustomValuesView,
  })
  .meta({ id: 'Activity' })

export const ActivityDetail = ActivityView.extend({ attachments: z.array(AttachmentView) }).meta({ id: 'ActivityDetail' })

const activities = {
  read: permission('activity.read', salesReaders),
  log: permission('activity.log', salesWriters),
  change: permission('activity.change', salesWriters),
}
/** What the operations on one activity have in common. */
export const oneActivity = { service: 'account', params: z.object({ id: id('activity') }), answer: ActivityDetail } as const

export const logActivity = defineOperation({
  id: 'logActivity',
  service: 'account',
  method: 'POST',
  path: '/v1/activities',
  summary: 'Records a call, visit, e-mail, meeting or note. Whoever sees the account sees its activities.',
  rule: activities.log,
  body: LogActivity,
  answer: ActivityDetail,
})

export const getActivity = defineOperation({
  ...oneActivity,
  id: 'getActivity',
  method: 'GET',
  path: '/v1/activities/{id}',
  summary: 'One activity.',
  rule: activities.read,
})

export const listActivities = defineList({
  id: 'listActivities',
  service: 'account',
  path: '/v1/activities',
  summary: 'Activities. `nextStepOn` finds next steps that are agreed for a day and not done; `ownerId` is the owner of the account.',
  rule: activities.read,
  item: ActivityView,
  filters: {
    kind: activityKinds,
    accountId: 'exact',
    contactId: 'exact',
    opportunityId: 'exact',
    ownerId: 'exact',
    loggedById: 'exact',
    takesPlaceAt: 'instant',
    nextStepOn: 'day',
    createdAt: 'instant',
  },
  sorts: ['id', 'takesPlaceAt', 'createdAt', 'updatedAt'],
  custom: 'activity',
})

export const changeActivity = defineOperation({
  ...oneActivity,
  id: 'changeActivity',
  method: 'PATCH',
  path: '/v1/activities/{id}',
  summary: 'Corrects an activity. Its kind and account stay.',
  rule: activities.change,
  body: ChangeActivity,
})

defineProblems({
  'count.malformed': { en: 'This is not a whole number. Write it in digits only.', 'zh-CN': '不是有效的整数。请只填写数字。' },
  'website.malformed': {
    en: 'This is not the address of a website. Write it in full, such as https://example.com.',
    'zh-CN': '网址无效。请填写完整网址,例如 https://example.com。',
  },
  'account.cycle': {
    en: 'An account cannot stand below itself. {parent} belongs to {account} already, directly or through others; choose another parent.',
    'zh-CN': '客户层级不能形成循环。{parent} 已直接或间接隶属于 {account};请选择其他上级客户。',
  },
  'account.revenue_twice': {
    en: 'The revenue is given twice. Give annualRevenue or annualRevenueMillions, not both.',
    'zh-CN': '年收入重复。请只填写 annualRevenue 或 annualRevenueMillions 之一。',
  },
  'activity.other_account': {
    en: 'What is referred to belongs to another account. {field} {value} is not of this one.',
    'zh-CN': '引用的记录属于其他客户。{field} {value} 不属于该客户。',
  },
  'activity.early_check_in': {
    en: 'A check-in cannot lie in the future. It says {at}; send the moment of arrival.',
    'zh-CN': '签到时间不能晚于当前时间({at})。请填写实际到达时间。',
  },
  'activity.no_check_in': {
    en: 'Only a visit or meeting has a check-in. This is a {kind}; leave checkIn out.',
    'zh-CN': '只有拜访或会议可以签到。当前类型为 {kind},请不要填写 checkIn。',
  },
})
