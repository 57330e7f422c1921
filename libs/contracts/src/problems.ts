import type { Language } from './shapes.js'

/**
 * A refusal in the languages of the platform. The first sentence is the title and the same each time; the whole text is the
 * detail, with `{placeholders}` filled from the refusal's details. It says what to do.
 */
export type ProblemText = Readonly<Record<Language, string>>

/** Every problem code with its texts. */
export const problems = new Map<string, ProblemText>()

/** Declares the texts of problem codes; `not_found` and `illegal_move` serve every noun that has no own text. */
export function defineProblems(texts: Readonly<Record<string, ProblemText>>): void {
  for (const [code, text] of Object.entries(texts)) {
    if (problems.has(code)) throw new Error(`problem ${code} is declared twice`)
    problems.set(code, text)
  }
}

/** Title and detail of a problem in a language. */
export function describeProblem(code: string, details: Record<string, unknown>, language: Language): { title: string; detail: string } {
  const template = (problems.get(code) ?? problems.get(code.slice(code.lastIndexOf('.') + 1)) ?? problems.get('refused')!)[language]
  const title = /^.*?[.。]/u.exec(template)?.[0] ?? template
  const noun = code.slice(0, code.lastIndexOf('.'))
  const filled = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_, name: string) => show(name in details ? details[name] : name === 'noun' ? noun : code))
  return { title: filled(title.replace(/\{(?!noun\})\w+\}/g, '…')), detail: filled(template) }
}

function show(value: unknown): string {
  return Array.isArray(value)
    ? value.map(show).join(', ')
    : typeof value === 'object' && value !== null
      ? JSON.stringify(value)
      : String(value)
}

defineProblems({
  refused: { en: 'This cannot be done ({code}).', 'zh-CN': '无法执行此操作({code})。' },
  not_found: {
    en: 'There is no such {noun}. It may have been removed, or you may not see it.',
    'zh-CN': '找不到该记录({noun})。可能已被删除,或您无权查看。',
  },
  illegal_move: {
    en: 'The {noun} is not in a status that allows this. It cannot go from {from} to {to}; possible: {allowed}.',
    'zh-CN': '当前状态不允许此操作。{noun} 不能从 {from} 变为 {to};可选:{allowed}。',
  },
  'request.invalid': {
    en: 'The request is not valid. See "errors" for each field and what it must be.',
    'zh-CN': '请求无效。请查看 errors 中每个字段的说明。',
  },
  'request.malformed': { en: 'The body cannot be read. Send valid UTF-8 JSON.', 'zh-CN': '无法读取请求正文。请发送有效的 UTF-8 JSON。' },
  'request.unknown_field': {
    en: 'There is no such field. See /v1/openapi.json for those there are.',
    'zh-CN': '没有这个字段。可用字段见 /v1/openapi.json。',
  },
  'request.too_large': {
    en: 'The body is too large. At most {limit} bytes are accepted here.',
    'zh-CN': '请求正文过大。此处最多接受 {limit} 字节。',
  },
  'request.headers_too_large': {
    en: 'The headers are too large. Send less than 16 KB of them.',
    'zh-CN': '请求头过大。请控制在 16 KB 以内。',
  },
  'request.unsupported_media_type': {
    en: 'This content type is not accepted here. Send {accepted}.',
    'zh-CN': '不支持此内容类型。请使用 {accepted}。',
  },
  'request.timeout': { en: 'The request took too long. Nothing was changed; try again.', 'zh-CN': '请求超时。未做任何更改,请重试。' },
  'route.not_found': {
    en: 'There is nothing at this address. See /v1/openapi.json for what there is.',
    'zh-CN': '此地址不存在。可用接口见 /v1/openapi.json。',
  },
  'token.missing': {
    en: 'Sign in first. Send "Authorization: Bearer <access token>" from /oauth/token.',
    'zh-CN': '请先登录。请在 Authorization 头中发送 /oauth/token 颁发的访问令牌。',
  },
  'token.invalid': {
    en: 'The access token is not valid. Get a new one from /oauth/token.',
    'zh-CN': '访问令牌无效。请从 /oauth/token 重新获取。',
  },
  'token.expired': {
    en: 'The access token has expired. Get a new one from /oauth/token.',
    'zh-CN': '访问令牌已过期。请从 /oauth/token 重新获取。',
  },
  'access.forbidden': {
    en: 'You may not do this. It needs the permission {permission}.',
    'zh-CN': '您没有执行此操作的权限。需要权限 {permission}。',
  },
  'tenant.operator_only': {
    en: 'Only the operator of the platform may do this. Use the operator’s client.',
    'zh-CN': '只有平台运营者可以执行此操作。请使用运营者客户端。',
  },
  'tenant.none': {
    en: 'The operator of the platform belongs to no company. Sign in as somebody of the company.',
    'zh-CN': '平台运营者不属于任何企业。请以企业成员身份登录。',
  },
  'version.required': {
    en: 'Say which version you are changing. Send If-Match with the ETag you last read.',
    'zh-CN': '请说明要修改的版本。请在 If-Match 中发送最近读取的 ETag。',
  },
  'version.stale': {
    en: 'Somebody changed this meanwhile. Read it again (now version {current}) and repeat your change.',
    'zh-CN': '该记录已被他人修改。请重新读取(当前版本 {current})后再修改。',
  },
  'idempotency.reused': {
    en: 'This Idempotency-Key was used for another request. Use a new key.',
    'zh-CN': '该 Idempotency-Key 已用于其他请求。请使用新的键。',
  },
  'idempotency.in_flight': {
    en: 'The same request is still being worked on. Try again in a moment.',
    'zh-CN': '相同的请求正在处理中。请稍后重试。',
  },
  'idempotency.malformed': {
    en: 'The Idempotency-Key is not valid. Use 1 to 128 visible ASCII characters.',
    'zh-CN': 'Idempotency-Key 无效。请使用 1 至 128 个可见 ASCII 字符。',
  },
  not_yet: {
    en: 'This service has not caught up with your last write yet. Try again in a moment; waiting for: {events}.',
    'zh-CN': '本服务尚未处理您最近的写入。请稍后重试;等待:{events}。',
  },
  'causality.malformed': {
    en: 'The Millrace-Causality header is not one that we gave. Send it back unchanged.',
    'zh-CN': 'Millrace-Causality 头无效。请原样返回。',
  },
  'service.unavailable': {
    en: 'The service cannot answer now. Nothing was changed; try again after the time in Retry-After.',
    'zh-CN': '服务暂不可用。未做任何更改,请在 Retry-After 指定的时间后重试。',
  },
  'rate.exceeded': {
    en: 'Too many requests. Slow down; see the RateLimit headers.',
    'zh-CN': '请求过于频繁。请降低频率,参见 RateLimit 头。',
  },
  fault: {
    en: 'Something went wrong on our side. It was logged under the trace id; nothing was changed.',
    'zh-CN': '系统内部错误。已按跟踪号记录,未做任何更改。',
  },
  'cursor.malformed': {
    en: 'The cursor is not one that we gave for this list and sort order. Start again without it.',
    'zh-CN': '游标无效或与当前排序不符。请不带游标重新开始。',
  },
  'reference.unknown': {
    en: 'A record you refer to does not exist. {field} {value} is not known here.',
    'zh-CN': '引用的记录不存在。{field} {value} 未知。',
  },
  'value.taken': { en: 'This value is already in use. {field} must be unique.', 'zh-CN': '该值已被使用。{field} 必须唯一。' },
  'id.malformed': { en: 'This is not an id of the right kind.', 'zh-CN': '标识格式不正确。' },
  'date.malformed': { en: 'This is not a day of the calendar. Write it as 2026-11-21.', 'zh-CN': '日期无效。请写成 2026-11-21。' },
  'money.malformed': {
    en: 'This is not an amount. Write it as plain decimal text such as "1234.50".',
    'zh-CN': '金额格式不正确。请写成 "1234.50" 这样的十进制文本。',
  },
  'money.too_precise': {
    en: 'The amount has more decimals than {currency} has ({digits}).',
    'zh-CN': '金额小数位超过 {currency} 允许的 {digits} 位。',
  },
  'money.unknown_currency': { en: 'This is not a currency of ISO 4217.', 'zh-CN': '不是 ISO 4217 货币代码。' },
  'money.too_large': { en: 'The amount is too large.', 'zh-CN': '金额过大。' },
  'money.negative': { en: 'The amount may not be negative.', 'zh-CN': '金额不能为负。' },
  'money.mixed_currencies': {
    en: 'Amounts of different currencies cannot be added. {left} and {right} were given.',
    'zh-CN': '不同货币的金额不能相加:{left} 与 {right}。',
  },
  'money.no_weights': {
    en: 'Nothing says how to split the amount. Give at least one share above zero.',
    'zh-CN': '缺少分配比例。请至少提供一个大于零的份额。',
  },
  'money.negative_weight': { en: 'A share may not be negative.', 'zh-CN': '分配份额不能为负。' },
  'ratio.malformed': { en: 'This is not a decimal number. Write it as "12.5".', 'zh-CN': '不是有效的小数。请写成 "12.5"。' },
  'zone.unknown': {
    en: 'This is not a time zone. Use an IANA name such as Asia/Shanghai.',
    'zh-CN': '未知时区。请使用 IANA 名称,例如 Asia/Shanghai。',
  },
  'text.control_characters': { en: 'The text has control characters. Remove them.', 'zh-CN': '文本包含控制字符,请删除。' },
})
