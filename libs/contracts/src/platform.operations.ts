import { z } from 'zod'
import { permission } from './access.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { instant, line } from './shapes.js'
import { services, type ServiceName } from './services.js'

/** What can be imported, and which service takes it. */
export const importKinds = {
  users: 'identity',
  leads: 'lead',
  accounts: 'account',
  contacts: 'account',
  products: 'cpq',
  opportunities: 'opportunity',
} as const satisfies Record<string, ServiceName>
export type ImportKindName = keyof typeof importKinds

const kindName = z.enum(Object.keys(importKinds) as [ImportKindName, ...ImportKindName[]])

/** An id whose first word tells the service, e.g. `lead_import_01k…`. */
const servedId = (what: string) => z.string().regex(new RegExp(`^[a-z]+_${what}_[0-7][0-9a-hjkmnp-tv-z]{25}$`), { message: 'id.malformed' })

/** A cell as it may stand in a file. */
const cell = z
  .string()
  .max(200)
  .regex(/^[^\0\p{Cs}]*$/u, { message: 'text.control_characters' })

/** How the columns of a file become the fields of a record. Every rule that is applied is counted in the import's report. */
export const ImportMapping = z
  .strictObject({
    columns: z
      .record(z.string().max(60), line(200))
      .optional()
      .meta({ description: 'field → column of the file; a field that is not named takes the column of its own name' }),
    values: z
      .record(z.string().max(60), z.record(cell, cell))
      .optional()
      .meta({ description: 'field → value as it stands in the file → value to take instead (an empty text: unknown)' }),
    defaults: z.record(z.string().max(60), cell).optional().meta({ description: 'field → value to take where the file has none' }),
  })
  .meta({ id: 'ImportMapping' })
export type ImportMapping = z.infer<typeof ImportMapping>

export const ImportView = z
  .object({
    id: servedId('import'),
    kind: kindName,
    name: z.string(),
    status: z.enum(['receiving', 'queued', 'running', 'done', 'failed']),
    bytes: z.number().int(),
    rows: z.number().int().meta({ description: 'rows worked on so far; all of the file’s when done' }),
    added: z.number().int(),
    existing: z.number().int().meta({ description: 'rows whose record was there already; they changed nothing' }),
    rejected: z.number().int(),
    rules: z.array(
      z.object({
        rule: z.enum(['value', 'default']),
        field: z.string(),
        from: z.string().nullable(),
        to: z.string(),
        rows: z.number().int(),
      }),
    ),
    problem: z.string().nullable().meta({ description: 'code of what stopped the import, when it failed' }),
    createdAt: instant,
    finishedAt: instant.nullable(),
  })
  .meta({ id: 'Import' })

const importing = permission('import.run', { administrator: 'company', sales_ops: 'company', integrator: 'company' })

export const startImport = defineOperation({
  id: 'startImport',
  service: 'each',
  method: 'POST',
  path: '/v1/imports',
  summary: 'Takes a CSV file (UTF-8, header row, at most 100 MB) and imports it in the background. A repeat of the same rows adds nothing.',
  rule: importing,
  query: z.strictObject({
    kind: kindName,
    name: line(200).optional(),
    mapping: z
      .string()
      .max(16_000)
      .transform((text, ctx): ImportMapping => {
        try {
          return ImportMapping.parse(JSON.parse(text))
        } catch {
          ctx.addIssue({ code: 'custom', message: 'import.bad_mapping', params: { refusal: 'import.bad_mapping' } })
          return z.NEVER
        }
      })
      .optional()
      .meta({ description: 'JSON of ImportMapping' }),
  }),
  accepts: 'text/csv',
  answer: ImportView,
  transaction: false,
})

export const getImport = defineOperation({
  id: 'getImport',
  service: 'each',
  method: 'GET',
  path: '/v1/imports/{id}',
  summary: 'The progress and report of an import.',
  rule: importing,
  params: z.object({ id: servedId('import') }),
  answer: ImportView,
})

export const listRejections = defineOperation({
  id: 'listRejections',
  service: 'each',
  method: 'GET',
  path: '/v1/imports/{id}/rejections',
  summary: 'The rejected rows as CSV with the number of each row and the reason, to be mended and sent again.',
  rule: importing,
  params: z.object({ id: servedId('import') }),
  media: 'text/csv',
})

export const listImports = defineOperation({
  id: 'listImports',
  service: 'each',
  method: 'GET',
  path: '/v1/imports',
  summary: 'The newest imports of a kind (at most 100).',
  rule: importing,
  query: z.strictObject({ kind: kindName }),
  answer: z.object({ data: z.array(ImportView), next: z.null() }),
})

export const ParkedEventView = z
  .object({
    id: servedId('parked'),
    eventId: z.string(),
    type: z.string(),
    subject: z.string(),
    topic: z.string(),
    stream: z.string(),
    offset: z.string(),
    code: z.string(),
    reason: z.string(),
    attempts: z.number().int(),
    blocks: z.boolean().meta({ description: 'whether later events of the same record wait behind it' }),
    parkedAt: instant,
  })
  .meta({ id: 'ParkedEvent' })

const keeping = permission('event.replay', { administrator: 'company' })
const serviceQuery = z.strictObject({ service: z.enum(Object.keys(services) as [ServiceName, ...ServiceName[]]) })

export const listParkedEvents = defineOperation({
  id: 'listParkedEvents',
  service: 'each',
  method: 'GET',
  path: '/v1/parked-events',
  summary: 'The events that a service could not apply, oldest first (at most 200).',
  rule: keeping,
  callers: 'both',
  query: serviceQuery,
  answer: z.object({ data: z.array(ParkedEventView), next: z.null() }),
})

export const getParkedEvent = defineOperation({
  id: 'getParkedEvent',
  service: 'each',
  method: 'GET',
  path: '/v1/parked-events/{id}',
  summary: 'One parked event with its payload.',
  rule: keeping,
  callers: 'both',
  params: z.object({ id: servedId('parked') }),
  answer: ParkedEventView.extend({ headers: z.record(z.string(), z.string()), payload: z.string() }),
})

const replayed = z.object({ applied: z.number().int(), failed: z.string().nullable() })

export const replayParkedEvent = defineOperation({
  id: 'replayParkedEvent',
  service: 'each',
  method: 'POST',
  path: '/v1/parked-events/{id}/replay',
  summary: 'Applies a parked event again, and in order those that wait behind it.',
  rule: keeping,
  callers: 'both',
  params: z.object({ id: servedId('parked') }),
  answer: replayed,
  transaction: false,
})

export const replayParkedEvents = defineOperation({
  id: 'replayParkedEvents',
  service: 'each',
  method: 'POST',
  path: '/v1/parked-events/replay',
  summary: 'Applies all parked events of a service again, oldest first; one that fails again stays parked, the others go on.',
  rule: keeping,
  callers: 'both',
  query: serviceQuery,
  answer: replayed,
  transaction: false,
})

export const AuditView = z
  .object({
    id: z.string(),
    aggregate: z.string(),
    version: z.number().int(),
    action: z.enum(['insert', 'update']),
    actorId: z.string().nullable().meta({ description: 'who did it; null: the platform itself' }),
    channel: z.string().nullable().meta({
      description:
        'how it came: api, form, import, event (another service told of something), handover, platform (its own clock); null: before it was kept',
    }),
    address: z.string().nullable().meta({ description: 'network address of the caller' }),
    change: z.record(z.string(), z.unknown()),
    traceId: z.string().nullable(),
    at: instant,
  })
  .meta({ id: 'AuditEntry' })

export const readAudit = defineOperation({
  id: 'readAudit',
  service: 'each',
  method: 'GET',
  path: '/v1/audit/{id}',
  summary: 'Who changed a record, when, and what: oldest first (at most 500).',
  rule: permission('audit.read', { administrator: 'company', executive: 'company', sales_ops: 'company', finance: 'company' }),
  params: z.object({ id: z.string().regex(/^[a-z_]+_[0-9a-z]{26}$/, { message: 'id.malformed' }) }),
  answer: z.object({ data: z.array(AuditView), next: z.null() }),
})

export const listAuditSeals = defineOperation({
  id: 'listAuditSeals',
  service: 'each',
  method: 'GET',
  path: '/v1/audit-seals',
  summary:
    'The seals on a service’s audit trail, newest first. Each covers the rows since the one before; whoever keeps a hash elsewhere can tell later that nothing before it was changed.',
  rule: permission('audit.seals', { administrator: 'company', executive: 'company', finance: 'company' }),
  query: serviceQuery.extend({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    before: z.coerce.number().int().min(1).max(2_147_483_647).optional().meta({ description: 'only seals with lower numbers' }),
  }),
  answer: z.object({
    data: z.array(z.object({ n: z.number().int(), rows: z.number().int(), hash: z.string(), sealedAt: instant })),
    next: z.null(),
  }),
})

defineProblems({
  'expression.malformed': {
    en: 'The rule cannot be used. At position {position}: {reason}.',
    'zh-CN': '该规则无法使用。位置 {position}:{reason}。',
  },
  'import.bad_mapping': {
    en: 'The mapping is not valid. Send JSON with columns, values and defaults, each by field.',
    'zh-CN': '映射无效。请发送包含 columns、values、defaults 的 JSON。',
  },
  'import.not_here': { en: 'This service does not import that kind.', 'zh-CN': '本服务不支持导入该类型。' },
  'import.empty': { en: 'The file is empty. Send a header row and at least one row.', 'zh-CN': '文件为空。请提供表头和至少一行数据。' },
  'import.not_utf8': {
    en: 'The file is not UTF-8. Save it as UTF-8 and send it again.',
    'zh-CN': '文件不是 UTF-8 编码。请另存为 UTF-8 后重新发送。',
  },
  'import.unknown_field': {
    en: 'The mapping names a field that this kind does not have. {field} was given; possible: {possible}.',
    'zh-CN': '映射包含未知字段 {field};可用字段:{possible}。',
  },
  'import.missing_column': {
    en: 'The file lacks a column that the mapping needs. {column} for {field}; the file has: {columns}.',
    'zh-CN': '文件缺少映射所需的列 {column}(字段 {field});文件中的列:{columns}。',
  },
  'import.bad_csv': { en: 'The CSV cannot be read. See row {row}: {reason}.', 'zh-CN': '无法读取 CSV。第 {row} 行:{reason}。' },
  'import.too_many_columns': { en: 'The row has another number of cells than the header.', 'zh-CN': '该行的列数与表头不一致。' },
  'import.ambiguous': {
    en: 'More than one record has this name. {field} {value} is not unique.',
    'zh-CN': '存在多个同名记录:{field} {value}。',
  },
})
