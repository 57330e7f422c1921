import { customTypes, isCurrency, mostCustomDecimals } from '@millrace/domain'
import { z } from 'zod'
import { everybody, permission } from './access.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import type { ServiceName } from './services.js'
import { instant, line } from './shapes.js'

/**
 * The records that a company may add fields to, the service that keeps them, and the statuses from which on a field may be required: the main road of
 * a record, in its order. What happens beside it (given up, resting, in a pool) asks for nothing.
 */
export const customRecords = {
  lead: { service: 'lead', statuses: ['working', 'qualified', 'converted'] },
  account: { service: 'account', statuses: [] },
  contact: { service: 'account', statuses: [] },
  activity: { service: 'account', statuses: [] },
} as const satisfies Record<string, { service: ServiceName; statuses: readonly string[] }>
export type CustomRecord = keyof typeof customRecords

/** Fields of one kind of record at most. */
export const mostCustomFields = 200

const record = z.enum(Object.keys(customRecords) as [CustomRecord, ...CustomRecord[]])
const servedId = z
  .string()
  .regex(/^[a-z]+_custom_field_[0-7][0-9a-hjkmnp-tv-z]{25}$/, { message: 'id.malformed' })
  .meta({ examples: ['lead_custom_field_01k9zq3v6he0a8r7n2m4x5c1bd'] })

/** What cannot be told from other words of a rule. */
const reserved = new Set(
  'as break const continue else false for function if import in let loop namespace null package prototype return true var void while'.split(
    ' ',
  ),
)
const key = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/, { message: 'custom_field.key_malformed' })
  .refine((word) => !reserved.has(word), { message: 'custom_field.key_malformed' })
const labels = (max: number) => z.strictObject({ en: line(max), 'zh-CN': line(max) })
const option = z.strictObject({ key, labels: labels(80), active: z.boolean().default(true) }).meta({ id: 'CustomOption' })

const changing = {
  labels: labels(80),
  help: labels(300).nullable(),
  options: z
    .array(option)
    .max(200)
    .meta({ description: 'of a choice or multi_choice; those that were chosen may be retired, never removed' }),
  required: z.enum(['never', 'always', ...Object.values(customRecords).flatMap(({ statuses }) => statuses)]).meta({
    description: '`always`: when somebody adds or changes a record; a status: also then, and before a record comes into it or a later one',
  }),
  position: z.number().int().min(0).max(100_000).meta({ description: 'where it stands among the fields, smallest first' }),
  private: z.boolean().meta({ description: 'holds personal data: it is left out of events' }),
}

/** A value as it is sent and answered; what each type takes is in the field’s description. */
const text = z.string().max(2_000)
const amount = z.strictObject({ amount: z.string().max(32), currency: z.string().max(3) })
export const CustomValuesView = z.record(z.string(), z.union([text, z.array(text), amount])).meta({
  id: 'CustomValues',
  description: 'The company’s own fields by key: texts, decimal texts, days, keys of options, ids, links, money.',
})

/** Values to write, by key; null removes one, what is not named stays. */
export const CustomValuesGiven = z
  .record(
    z.string().max(60),
    z.union([text, z.number(), z.boolean(), z.array(z.union([text, z.number()])).max(200), z.looseObject({}), z.null()]),
  )
  .refine((given) => Object.keys(given).length <= mostCustomFields, { message: 'custom.too_many' })
  .meta({
    id: 'CustomValuesGiven',
    description: 'The company’s own fields by key. Null removes a value; fields that are not named stay as they are.',
  })
export type CustomValuesGiven = z.output<typeof CustomValuesGiven>

/** What events tell of them: not those that are private. */
export const customInEvents = z
  .record(z.string(), z.union([z.string(), z.array(z.string()), z.object({ amount: z.string(), currency: z.string() })]))
  .optional()

export const CustomFieldView = z
  .object({
    id: servedId,
    version: z.number().int(),
    record,
    key: z.string(),
    type: z.enum(customTypes),
    decimals: z.number().int().nullable().meta({ description: 'of a number: digits after the point at most' }),
    currency: z.string().nullable().meta({ description: 'of money: the currency of all its amounts' }),
    ...changing,
    active: z.boolean().meta({ description: 'a retired field keeps its values and takes no new ones' }),
    index: z
      .object({ status: z.enum(['none', 'building', 'ready']), rows: z.number().int() })
      .meta({ description: 'whether lists find and sort by it through an index, and how many records are in it so far' }),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'CustomField' })

const access = {
  read: permission('custom_field.read', everybody),
  change: permission('custom_field.change', { administrator: 'company', sales_ops: 'company' }),
}
const query = z.strictObject({ record })
const one = { service: 'each', params: z.object({ id: servedId }), answer: CustomFieldView } as const

export const listCustomFields = defineOperation({
  id: 'listCustomFields',
  service: 'each',
  method: 'GET',
  path: '/v1/custom-fields',
  summary: 'The fields that the company has added to a kind of record, by position.',
  rule: access.read,
  query,
  answer: z.object({ data: z.array(CustomFieldView), next: z.null() }),
})

export const addCustomField = defineOperation({
  id: 'addCustomField',
  service: 'each',
  method: 'POST',
  path: '/v1/custom-fields',
  summary:
    'Adds a field to a kind of record; every replica knows it within a second. Its key and type stay for good, also when it is retired.',
  rule: access.change,
  query,
  body: z
    .strictObject({
      key,
      type: z.enum(customTypes),
      decimals: z.number().int().min(0).max(mostCustomDecimals).optional().meta({ description: 'of a number; none when not said' }),
      currency: z.string().refine(isCurrency, { message: 'money.unknown_currency' }).optional(),
      ...changing,
      help: changing.help.default(null),
      options: changing.options.default([]),
      required: changing.required.default('never'),
      position: changing.position.default(0),
      private: changing.private.default(false),
    })
    .meta({ id: 'AddCustomField' }),
  answer: CustomFieldView,
})

export const getCustomField = defineOperation({
  ...one,
  id: 'getCustomField',
  method: 'GET',
  path: '/v1/custom-fields/{id}',
  summary: 'One field, and how far its index has come.',
  rule: access.read,
})

export const changeCustomField = defineOperation({
  ...one,
  id: 'changeCustomField',
  method: 'PATCH',
  path: '/v1/custom-fields/{id}',
  summary: 'Changes what a field is called, offers and requires, or retires it. Records keep the values that they have.',
  rule: access.change,
  body: z
    .strictObject({ ...changing, active: z.boolean() })
    .partial()
    .meta({ id: 'ChangeCustomField' }),
})

export const indexCustomField = defineOperation({
  ...one,
  id: 'indexCustomField',
  method: 'POST',
  path: '/v1/custom-fields/{id}/index',
  summary: 'Builds an index of the field in the background, for lists that filter or sort by it. Asked again, answers how far it is.',
  rule: access.change,
})

defineProblems({
  'custom_field.key_malformed': {
    en: 'This is not a key. Use small letters, digits and single underscores, such as annual_budget, and no word that rules keep for themselves.',
    'zh-CN': '键名无效。请使用小写字母、数字和单个下划线,例如 annual_budget,且不能是规则的保留字。',
  },
  'custom_field.key_used': {
    en: 'This key has been given already. {key} belongs to a {type} field of the {record}; keys are never used again, so choose another one.',
    'zh-CN': '该键名已被使用。{key} 属于 {record} 的 {type} 字段;键名不会重复使用,请换一个。',
  },
  'custom_field.too_many': {
    en: 'A kind of record has no more than {limit} fields of its own.',
    'zh-CN': '每类记录最多 {limit} 个自定义字段。',
  },
  'custom_field.wrong_detail': {
    en: 'The field’s type and its details do not fit. {detail} belongs to: {types}.',
    'zh-CN': '字段类型与设置不符。{detail} 仅适用于:{types}。',
  },
  'custom_field.no_currency': {
    en: 'A field of money has one currency. Give it in currency, such as CNY.',
    'zh-CN': '金额字段必须指定币种。请填写 currency,例如 CNY。',
  },
  'custom_field.no_options': {
    en: 'A choice offers at least one option. Give them in options.',
    'zh-CN': '选项字段至少需要一个选项。请填写 options。',
  },
  'custom_field.option_twice': { en: 'An option is named twice: {option}.', 'zh-CN': '选项 {option} 重复。' },
  'custom_field.option_removed': {
    en: 'An option that was offered cannot be removed. Keep {option} in the list and set active to false.',
    'zh-CN': '已提供的选项不能删除。请在列表中保留 {option},并将 active 设为 false。',
  },
  'custom_field.no_such_status': {
    en: 'A field cannot be required from this status on. Of a {record}, possible: {possible}.',
    'zh-CN': '字段不能从该状态起必填。{record} 可选:{possible}。',
  },
  'custom_field.not_indexable': {
    en: 'A retired field is not indexed. Make it active first.',
    'zh-CN': '已停用的字段不能建立索引。请先启用。',
  },
  'custom_field.not_here': { en: 'This service does not keep such records.', 'zh-CN': '本服务没有该类记录。' },
  'custom.too_many': { en: 'More values than a record may have fields.', 'zh-CN': '值的数量超过记录可有的字段数。' },
  'custom.unknown_field': {
    en: 'The company has no such field. Ask /v1/custom-fields for those there are.',
    'zh-CN': '没有该自定义字段。可用字段见 /v1/custom-fields。',
  },
  'custom.retired_field': {
    en: 'This field is retired and takes no new values. Leave it out.',
    'zh-CN': '该字段已停用,不再接受新值。请不要填写。',
  },
  'custom.not_a_text': { en: 'This is not a text.', 'zh-CN': '不是文本。' },
  'custom.too_long': { en: 'The text is too long. At most {limit} characters are kept.', 'zh-CN': '文本过长。最多 {limit} 个字符。' },
  'custom.not_a_number': {
    en: 'This is not a number that can be kept exactly. Write it as "12.5", with at most 15 digits before the point and 9 after it.',
    'zh-CN': '不是可精确保存的数字。请写成 "12.5",小数点前最多 15 位,后最多 9 位。',
  },
  'custom.too_precise': {
    en: 'The number has too many decimals. The field takes {decimals}.',
    'zh-CN': '小数位过多。该字段允许 {decimals} 位。',
  },
  'custom.not_an_amount': {
    en: 'This is not an amount of money. Write it as an amount with its currency {currency}, such as "1234.50".',
    'zh-CN': '不是金额。请提供 amount(例如 "1234.50")和 currency {currency}。',
  },
  'custom.other_currency': {
    en: 'The amount is in another currency than the field. It takes {currency}.',
    'zh-CN': '币种与字段不符。该字段使用 {currency}。',
  },
  'custom.unknown_option': { en: 'There is no such option. Possible: {possible}.', 'zh-CN': '没有该选项。可选:{possible}。' },
  'custom.retired_option': {
    en: 'This option is retired and cannot be chosen any more: {option}.',
    'zh-CN': '该选项已停用,不能再选择:{option}。',
  },
  'custom.not_a_list': {
    en: 'Several options may be chosen here. Send a list of their keys.',
    'zh-CN': '该字段可多选。请发送选项键的列表。',
  },
  'custom.not_an_id': { en: 'This is not the id of a {noun}.', 'zh-CN': '不是 {noun} 的标识。' },
  'custom.unknown_user': {
    en: 'There is no such colleague any more, or never was. Name one who is active.',
    'zh-CN': '没有该同事,或其已停用。请选择在职人员。',
  },
  'custom.unknown_account': {
    en: 'There is no such account, or you may not see it.',
    'zh-CN': '没有该客户,或您无权查看。',
  },
  'custom.not_a_link': {
    en: 'This is not a link. Write it in full, as https://… or mailto:….',
    'zh-CN': '链接无效。请填写完整的 https://… 或 mailto:… 地址。',
  },
  'custom.missing': {
    en: 'Something that is required has not been filled in. Fill in: {fields}.',
    'zh-CN': '有必填字段尚未填写。请填写:{fields}。',
  },
  'custom.required': { en: 'This field has to be filled in.', 'zh-CN': '此字段必填。' },
  'custom.no_such_filter': {
    en: 'A field of this type is not filtered or sorted in this way.',
    'zh-CN': '该类型的字段不支持这种筛选或排序。',
  },
})
