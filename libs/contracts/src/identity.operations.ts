import { isCurrency } from '@millrace/domain'
import { z } from 'zod'
import { everybody, permission, roles, type Permission } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, language, line, zone } from './shapes.js'

const email = z
  .string()
  .trim()
  .max(320)
  .pipe(z.email({ message: 'email.malformed' }))
  .meta({ format: 'email' })
const password = z
  .string()
  .min(10, { message: 'password.short' })
  .max(200)
  .meta({ format: 'password', description: 'at least 10 characters' })
const heldRoles = z
  .array(z.enum(roles))
  .min(1)
  .max(roles.length)
  .transform((held) => [...new Set(held)])
const currency = z
  .string()
  .refine(isCurrency, { message: 'money.unknown_currency' })
  .meta({ description: 'ISO 4217', examples: ['CNY'] })

const administration: Permission['grants'] = { administrator: 'company' }
const administering: Permission['grants'] = { administrator: 'company', sales_ops: 'company' }
const begun = { version: z.number().int(), createdAt: instant, updatedAt: instant }

// Tenants

export const TenantView = z
  .object({ id: id('tenant'), name: z.string(), currency: z.string(), zone: z.string(), language, ...begun })
  .meta({ id: 'Tenant' })

export const CreateTenant = z
  .strictObject({
    name: line(200),
    currency,
    zone,
    language,
    administrator: z.strictObject({ name: line(200), email, password }),
  })
  .meta({ id: 'CreateTenant' })

export const createTenant = defineOperation({
  id: 'createTenant',
  service: 'identity',
  method: 'POST',
  path: '/v1/tenants',
  summary: 'A company begins to use the platform: with its first organisational unit and administrator. For the platform’s operator.',
  rule: permission('tenant.create', administration),
  callers: 'operator',
  body: CreateTenant,
  answer: TenantView.extend({ rootUnitId: id('org_unit'), administratorId: id('user') }),
})

export const listTenants = defineList({
  id: 'listTenants',
  service: 'identity',
  path: '/v1/tenants',
  summary: 'All companies on the platform. For its operator.',
  rule: permission('tenant.list', administration),
  callers: 'operator',
  item: TenantView,
  filters: { name: 'text', createdAt: 'instant' },
  sorts: ['id', 'name', 'createdAt'],
})

export const getCurrentTenant = defineOperation({
  id: 'getCurrentTenant',
  service: 'identity',
  method: 'GET',
  path: '/v1/tenants/current',
  summary: 'The company of whoever asks.',
  rule: 'signed-in',
  answer: TenantView,
})

export const changeCurrentTenant = defineOperation({
  id: 'changeCurrentTenant',
  service: 'identity',
  method: 'PATCH',
  path: '/v1/tenants/current',
  summary: 'Changes the company’s name, time zone or language. Its currency stays: figures of the past are in it.',
  rule: permission('tenant.change', administration),
  body: z.strictObject({ name: line(200).optional(), zone: zone.optional(), language: language.optional() }).meta({ id: 'ChangeTenant' }),
  answer: TenantView,
})

// Organisational units

export const OrgUnitView = z
  .object({
    id: id('org_unit'),
    name: z.string(),
    parentId: id('org_unit').nullable().meta({ description: 'null: the top of the company' }),
    path: z.string().meta({ description: 'ids from the top down to this unit, e.g. /org_unit_…/org_unit_…/' }),
    ...begun,
  })
  .meta({ id: 'OrgUnit' })

const unit = {
  read: permission('org_unit.read', everybody),
  change: permission('org_unit.change', administering),
  one: { service: 'identity', params: z.object({ id: id('org_unit') }), answer: OrgUnitView },
} as const

export const createOrgUnit = defineOperation({
  id: 'createOrgUnit',
  service: 'identity',
  method: 'POST',
  path: '/v1/org-units',
  summary: 'Adds a unit to the organisation.',
  rule: unit.change,
  body: z
    .strictObject({ name: line(200), parentId: id('org_unit').optional().meta({ description: 'none: directly below the top' }) })
    .meta({ id: 'CreateOrgUnit' }),
  answer: OrgUnitView,
})

export const listOrgUnits = defineList({
  id: 'listOrgUnits',
  service: 'identity',
  path: '/v1/org-units',
  summary: 'The units of the organisation; sorted by path, each parent comes before those below it.',
  rule: unit.read,
  item: OrgUnitView,
  filters: { name: 'text', parentId: 'exact', createdAt: 'instant', updatedAt: 'instant' },
  sorts: ['id', 'name', 'path', 'createdAt'],
})

export const getOrgUnit = defineOperation({
  ...unit.one,
  id: 'getOrgUnit',
  method: 'GET',
  path: '/v1/org-units/{id}',
  summary: 'One unit.',
  rule: unit.read,
})

export const changeOrgUnit = defineOperation({
  ...unit.one,
  id: 'changeOrgUnit',
  method: 'PATCH',
  path: '/v1/org-units/{id}',
  summary: 'Renames a unit or moves it below another one, with everything that is below it.',
  rule: unit.change,
  body: z.strictObject({ name: line(200).optional(), parentId: id('org_unit').optional() }).meta({ id: 'ChangeOrgUnit' }),
})

// Users

export const UserView = z
  .object({
    id: id('user'),
    name: z.string(),
    email: z.string(),
    unitId: id('org_unit'),
    roles: z.array(z.enum(roles)),
    active: z.boolean(),
    externalId: z.string().nullable(),
    ...begun,
  })
  .meta({ id: 'User' })

const user = {
  read: permission('user.read', everybody),
  change: permission('user.change', administering),
  password: permission('user.password', administration),
  one: { service: 'identity', params: z.object({ id: id('user') }), answer: UserView },
} as const

export const createUser = defineOperation({
  id: 'createUser',
  service: 'identity',
  method: 'POST',
  path: '/v1/users',
  summary: 'Adds a person. Sales-ops may add those of sales (rep, manager, sales-ops), administrators everybody.',
  rule: user.change,
  body: z
    .strictObject({
      name: line(200),
      email,
      password: password.optional().meta({ description: 'none: the person cannot sign in until an administrator sets one' }),
      roles: heldRoles,
      unitId: id('org_unit').optional().meta({ description: 'none: the top of the company' }),
    })
    .meta({ id: 'CreateUser' }),
  answer: UserView,
})

export const listUsers = defineList({
  id: 'listUsers',
  service: 'identity',
  path: '/v1/users',
  summary: 'The people of the company.',
  rule: user.read,
  item: UserView,
  filters: {
    name: 'text',
    email: 'exact',
    unitId: 'exact',
    active: 'boolean',
    externalId: 'exact',
    createdAt: 'instant',
    updatedAt: 'instant',
  },
  sorts: ['id', 'name', 'email', 'createdAt', 'updatedAt'],
})

export const getMe = defineOperation({
  id: 'getMe',
  service: 'identity',
  method: 'GET',
  path: '/v1/users/me',
  summary: 'The person who asks.',
  rule: 'signed-in',
  answer: UserView,
})

export const getUser = defineOperation({
  ...user.one,
  id: 'getUser',
  method: 'GET',
  path: '/v1/users/{id}',
  summary: 'One person of the company.',
  rule: user.read,
})

export const changeUser = defineOperation({
  ...user.one,
  id: 'changeUser',
  method: 'PATCH',
  path: '/v1/users/{id}',
  summary: 'Changes a person’s name, e-mail, roles or unit.',
  rule: user.change,
  body: z
    .strictObject({
      name: line(200).optional(),
      email: email.optional(),
      roles: heldRoles.optional(),
      unitId: id('org_unit').optional(),
    })
    .meta({ id: 'ChangeUser' }),
})

export const deactivateUser = defineOperation({
  ...user.one,
  id: 'deactivateUser',
  method: 'POST',
  path: '/v1/users/{id}/deactivate',
  summary: 'The person can no longer sign in and is signed out everywhere; access tokens already given end within 15 minutes.',
  rule: user.change,
})

export const reactivateUser = defineOperation({
  ...user.one,
  id: 'reactivateUser',
  method: 'POST',
  path: '/v1/users/{id}/reactivate',
  summary: 'The person can sign in again.',
  rule: user.change,
})

export const setPassword = defineOperation({
  id: 'setPassword',
  service: 'identity',
  method: 'POST',
  path: '/v1/users/{id}/password',
  summary: 'An administrator gives a person a new password; the person is signed out everywhere.',
  rule: user.password,
  params: z.object({ id: id('user') }),
  body: z.strictObject({ password }).meta({ id: 'SetPassword' }),
})

export const changeMyPassword = defineOperation({
  id: 'changeMyPassword',
  service: 'identity',
  method: 'POST',
  path: '/v1/users/me/password',
  summary: 'Changes one’s own password; one is signed out everywhere. Wrong old passwords count as wrong sign-ins.',
  rule: 'signed-in',
  body: z.strictObject({ oldPassword: z.string().max(200), newPassword: password }).meta({ id: 'ChangeMyPassword' }),
  // A wrong guess must stay counted although the request is refused.
  transaction: false,
})

// API clients

export const ApiClientView = z
  .object({ id: id('api_client'), name: z.string(), roles: z.array(z.enum(roles)), active: z.boolean(), ...begun })
  .meta({ id: 'ApiClient' })

export const ApiClientSecret = ApiClientView.extend({
  clientId: id('api_client'),
  clientSecret: z.string().meta({ description: 'shown this once' }),
}).meta({ id: 'ApiClientSecret' })

const client = {
  manage: permission('api_client.manage', administration),
  one: { service: 'identity', params: z.object({ id: id('api_client') }) },
} as const

export const createApiClient = defineOperation({
  id: 'createApiClient',
  service: 'identity',
  method: 'POST',
  path: '/v1/api-clients',
  summary:
    'Adds a program that may call the API, and shows its secret once. An Idempotency-Key has no effect here: its answer would keep the secret.',
  rule: client.manage,
  body: z.strictObject({ name: line(200), roles: heldRoles }).meta({ id: 'CreateApiClient' }),
  answer: ApiClientSecret,
  transaction: false,
})

export const listApiClients = defineList({
  id: 'listApiClients',
  service: 'identity',
  path: '/v1/api-clients',
  summary: 'The programs that may or might call the API.',
  rule: client.manage,
  item: ApiClientView,
  filters: { name: 'text', active: 'boolean', createdAt: 'instant' },
  sorts: ['id', 'name', 'createdAt'],
})

export const getApiClient = defineOperation({
  ...client.one,
  id: 'getApiClient',
  method: 'GET',
  path: '/v1/api-clients/{id}',
  summary: 'One API client.',
  rule: client.manage,
  answer: ApiClientView,
})

export const changeApiClient = defineOperation({
  ...client.one,
  id: 'changeApiClient',
  method: 'PATCH',
  path: '/v1/api-clients/{id}',
  summary: 'Changes an API client’s name or roles; tokens already given keep the old roles until they end, at most an hour.',
  rule: client.manage,
  body: z.strictObject({ name: line(200).optional(), roles: heldRoles.optional() }).meta({ id: 'ChangeApiClient' }),
  answer: ApiClientView,
})

export const revokeApiClient = defineOperation({
  ...client.one,
  id: 'revokeApiClient',
  method: 'DELETE',
  path: '/v1/api-clients/{id}',
  summary: 'Takes an API client’s secret away for good; tokens already given end within the hour.',
  rule: client.manage,
})

export const rotateApiClientSecret = defineOperation({
  ...client.one,
  id: 'rotateApiClientSecret',
  method: 'POST',
  path: '/v1/api-clients/{id}/rotate-secret',
  summary: 'Gives an API client a new secret, shown once; the old one stops at once.',
  rule: client.manage,
  answer: ApiClientSecret,
  transaction: false,
})

// Keys

export const rotateSigningKeys = defineOperation({
  id: 'rotateSigningKeys',
  service: 'identity',
  method: 'POST',
  path: '/v1/signing-keys/rotate',
  summary:
    'Makes a new key that signs access tokens from half a minute on; the old public key stays until the last token it signed has ended. For the platform’s operator.',
  rule: permission('signing_key.rotate', administration),
  callers: 'operator',
  answer: z.object({ kid: z.string(), signsFrom: instant }),
})

defineProblems({
  'password.short': { en: 'The password is too short. Use at least 10 characters.', 'zh-CN': '密码过短。请至少使用 10 个字符。' },
  'password.wrong': { en: 'The old password is wrong. Try again.', 'zh-CN': '原密码错误。请重试。' },
  'sign_in.locked': {
    en: 'Too many wrong tries. Wait until {until} and try again.',
    'zh-CN': '错误次数过多。请在 {until} 之后重试。',
  },
  'org_unit.cycle': {
    en: 'A unit cannot be below itself. Choose a parent outside of it.',
    'zh-CN': '组织单元不能位于自身之下。请选择其他上级单元。',
  },
  'org_unit.root': {
    en: 'The top of the company cannot be moved. Move the units below it instead.',
    'zh-CN': '公司顶层单元不能移动。请移动其下级单元。',
  },
  'org_unit.too_deep': { en: 'The tree is too deep. At most {levels} levels are possible.', 'zh-CN': '组织层级过深。最多 {levels} 级。' },
  'user.beyond_sales': {
    en: 'Only an administrator may do this to these roles. Sales-ops keeps the people of sales: {roles}.',
    'zh-CN': '只有管理员可以对这些角色执行此操作。销售运营只能维护:{roles}。',
  },
  'user.last_administrator': {
    en: 'The company needs an active administrator. Make somebody else one first.',
    'zh-CN': '企业必须至少有一名有效的管理员。请先指定其他管理员。',
  },
  'user.unknown_role': {
    en: 'There is no such role. {value} was given; possible: {possible}.',
    'zh-CN': '角色不存在:{value};可用:{possible}。',
  },
  'user.inactive': { en: 'The person is not active. Reactivate them first.', 'zh-CN': '该用户已停用。请先启用。' },
  'api_client.revoked': { en: 'The API client was revoked. Create a new one.', 'zh-CN': '该 API 客户端已吊销。请新建。' },
})
