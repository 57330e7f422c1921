import { z } from 'zod'
import { permission } from './access.js'
import { defineOperation, fileFormat, fileFormats } from './operation.js'
import { servedId } from './platform.operations.js'
import { defineProblems } from './problems.js'
import { instant, line } from './shapes.js'
import type { ServiceName } from './services.js'

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

/** The encodings that a CSV file may have. */
export const encodings = ['utf-8', 'utf-16le', 'utf-16be', 'gb18030', 'big5', 'shift_jis', 'windows-1252'] as const
export type Encoding = (typeof encodings)[number]

/** What may stand between the cells of a CSV file. */
export const separators = { comma: ',', semicolon: ';', tab: '\t' } as const
export type Separator = keyof typeof separators

const encoding = z.enum(encodings)
const separator = z.enum(Object.keys(separators) as [Separator, ...Separator[]])

/** A cell as it may stand in a file. */
const cell = z
  .string()
  .max(200)
  .regex(/^[^\0\p{Cs}]*$/u, { message: 'text.control_characters' })
const field = z.string().max(60)

/** How the columns of a file become the fields of a record. Every rule that is applied is counted in the import's report. */
export const ImportMapping = z
  .strictObject({
    columns: z.record(field, line(200).nullable()).optional().meta({
      description: 'field → column of the file (null: none); a field that is not named takes the column of its own name',
    }),
    values: z
      .record(field, z.record(cell, cell))
      .optional()
      .meta({ description: 'field → value as it stands in the file → value to take instead (an empty text: unknown)' }),
    defaults: z.record(field, cell).optional().meta({ description: 'field → value to take where the file has none' }),
    dates: z
      .record(field, z.enum(['day_first', 'month_first']))
      .optional()
      .meta({ description: 'field → how 03/04/2026 is read; what is not said is told by the other dates of the column' }),
    numbers: z
      .record(field, z.enum(['point', 'comma']))
      .optional()
      .meta({ description: 'field → the decimal sign of its numbers; what is not said is told by the other numbers of the column' }),
  })
  .meta({ id: 'ImportMapping' })
export type ImportMapping = z.infer<typeof ImportMapping>

const mappingId = servedId('import_mapping').meta({ description: 'a saved mapping, instead of `mapping`' })

/** How a file that waits is to be read. */
const reading = {
  encoding: encoding.optional().meta({ description: 'of a CSV file, when what was detected is wrong' }),
  separator: separator.optional().meta({ description: 'of a CSV file, when what was detected is wrong' }),
  mapping: ImportMapping.optional(),
  savedMapping: mappingId.optional(),
}

const report = {
  added: z.number().int(),
  existing: z.number().int().meta({ description: 'rows whose record was there already; they changed nothing' }),
  rejected: z.number().int(),
}

export const ImportView = z
  .object({
    id: servedId('import'),
    kind: kindName,
    name: z.string(),
    status: z.enum(['receiving', 'waiting', 'queued', 'running', 'done', 'failed']),
    format: fileFormat,
    encoding: encoding.nullable().meta({ description: 'of a CSV file, as it was detected or chosen' }),
    separator: separator.nullable().meta({ description: 'of a CSV file, as it was detected or chosen' }),
    sheets: z.array(z.string()).meta({ description: 'the visible sheets of an Excel file' }),
    sheet: z.string().nullable().meta({ description: 'the sheet that is read' }),
    columns: z.array(z.string()),
    mapping: ImportMapping.meta({ description: 'as it was given, with the orders of days and the decimal signs that were detected' }),
    bytes: z.number().int(),
    totalRows: z.number().int().nullable().meta({ description: 'rows of the file, about, until it is done' }),
    percent: z.number().int().nullable(),
    rows: z.number().int().meta({ description: 'rows worked on so far; all of the file’s when done' }),
    ...report,
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

export const ImportPreview = z
  .object({
    encoding: encoding.nullable(),
    separator: separator.nullable(),
    columns: z.array(z.string()),
    fields: z
      .array(z.object({ name: z.string(), required: z.boolean(), holds: z.enum(['text', 'day', 'instant', 'number']) }))
      .meta({ description: 'what a record of this kind can have' }),
    mapping: ImportMapping,
    mappingFrom: z.enum(['given', 'saved', 'guessed']),
    savedMapping: servedId('import_mapping').nullable().meta({ description: 'the saved mapping of a file with these columns' }),
    missing: z.array(z.string()).meta({ description: 'fields that are needed and get nothing' }),
    unused: z.array(z.string()).meta({ description: 'columns that go into no field' }),
    sampled: z.number().int().meta({ description: 'rows that were looked at, from the first on' }),
    whole: z.boolean().meta({ description: 'whether these are all of the file’s rows' }),
    ...report,
    rows: z
      .array(z.object({ row: z.number().int(), fields: z.record(z.string(), z.string()) }))
      .meta({ description: 'the first rows (at most 20) as they would be read' }),
    errors: z
      .array(
        z.object({
          row: z.number().int(),
          field: z.string().nullable(),
          column: z.string().nullable(),
          value: z.string().nullable(),
          code: z.string(),
          detail: z.string(),
        }),
      )
      .meta({ description: 'the first (at most 50) of what would be rejected' }),
  })
  .meta({ id: 'ImportPreview' })

const importing = permission('import.run', { administrator: 'company', sales_ops: 'company', integrator: 'company' })
const oneImport = { service: 'each', rule: importing, params: z.object({ id: servedId('import') }) } as const

export const startImport = defineOperation({
  id: 'startImport',
  service: 'each',
  method: 'POST',
  path: '/v1/imports',
  summary:
    'Takes a CSV file (at most 100 MB) or an Excel file (.xlsx, at most 50 MB) with a header row and imports it in the background, or with `preview=true` keeps it for a day until it is started. A repeat of the same rows adds nothing.',
  rule: importing,
  query: z.strictObject({
    kind: kindName,
    name: line(200).optional(),
    preview: z.enum(['true', 'false']).optional().meta({ description: 'true: nothing is written before the import is started' }),
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
    savedMapping: mappingId.optional(),
    encoding: reading.encoding.meta({ description: 'of a CSV file; detected when not said' }),
    separator: reading.separator.meta({ description: 'of a CSV file; detected when not said' }),
    sheet: line(100).optional().meta({ description: 'of an Excel file; its first visible one when not said' }),
  }),
  accepts: [fileFormats.csv, fileFormats.xlsx, 'application/vnd.ms-excel', 'application/octet-stream'],
  answer: ImportView,
  transaction: false,
})

export const getImport = defineOperation({
  ...oneImport,
  id: 'getImport',
  method: 'GET',
  path: '/v1/imports/{id}',
  summary: 'The progress and report of an import.',
  answer: ImportView,
})

export const previewImport = defineOperation({
  ...oneImport,
  id: 'previewImport',
  method: 'POST',
  path: '/v1/imports/{id}/preview',
  summary:
    'What would become of the first rows (at most 200) of a file that waits. Without a mapping, with the one that was saved for the same columns, else with a guess by the headings. Writes nothing.',
  body: z.strictObject(reading).meta({ id: 'PreviewImport' }),
  answer: ImportPreview,
  transaction: false,
})

export const startWaitingImport = defineOperation({
  ...oneImport,
  id: 'startWaitingImport',
  method: 'POST',
  path: '/v1/imports/{id}/start',
  summary: 'Imports a file that waits, with the mapping that was confirmed.',
  body: z
    .strictObject({
      ...reading,
      saveAs: line(100).optional().meta({ description: 'saves the mapping under this name for files with the same columns' }),
    })
    .meta({ id: 'StartImport' }),
  answer: ImportView,
})

export const discardImport = defineOperation({
  ...oneImport,
  id: 'discardImport',
  method: 'POST',
  path: '/v1/imports/{id}/discard',
  summary: 'Forgets a file that waits.',
})

export const listRejections = defineOperation({
  ...oneImport,
  id: 'listRejections',
  method: 'GET',
  path: '/v1/imports/{id}/rejections',
  summary:
    'The rejected rows as a file with the number of each row and the reason, to be mended and sent again as it is: these two columns are passed over.',
  query: z.strictObject({ format: fileFormat.default('csv') }),
  media: [fileFormats.csv, fileFormats.xlsx],
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

export const SavedMappingView = z
  .object({
    id: servedId('import_mapping'),
    kind: kindName,
    name: z.string(),
    columns: z.array(z.string()).meta({ description: 'the columns of the files that it is for' }),
    mapping: ImportMapping,
    updatedAt: instant,
  })
  .meta({ id: 'SavedImportMapping' })

export const saveImportMapping = defineOperation({
  id: 'saveImportMapping',
  service: 'each',
  method: 'POST',
  path: '/v1/import-mappings',
  summary: 'Saves a mapping for files of a kind under a name; one of the same name is replaced.',
  rule: importing,
  query: z.strictObject({ kind: kindName }),
  body: z.strictObject({ name: line(100), columns: z.array(line(200)).max(200), mapping: ImportMapping }).meta({ id: 'SaveImportMapping' }),
  answer: SavedMappingView,
})

export const listImportMappings = defineOperation({
  id: 'listImportMappings',
  service: 'each',
  method: 'GET',
  path: '/v1/import-mappings',
  summary: 'The saved mappings of a kind, by name (at most 200).',
  rule: importing,
  query: z.strictObject({ kind: kindName }),
  answer: z.object({ data: z.array(SavedMappingView), next: z.null() }),
})

export const deleteImportMapping = defineOperation({
  id: 'deleteImportMapping',
  service: 'each',
  method: 'DELETE',
  path: '/v1/import-mappings/{id}',
  summary: 'Forgets a saved mapping.',
  rule: importing,
  params: z.object({ id: servedId('import_mapping') }),
})

defineProblems({
  'import.bad_mapping': {
    en: 'The mapping is not valid. Send JSON with columns, values, defaults, dates and numbers, each by field.',
    'zh-CN': '映射无效。请发送包含 columns、values、defaults、dates、numbers 的 JSON。',
  },
  'import.two_mappings': {
    en: 'Two mappings were given. Send either mapping or savedMapping.',
    'zh-CN': '同时给出了两个映射。请只使用 mapping 或 savedMapping 之一。',
  },
  'import.too_many_mappings': {
    en: 'There are {limit} saved mappings of this kind. Delete one that nobody needs.',
    'zh-CN': '该类型已保存 {limit} 个映射。请先删除不再需要的映射。',
  },
  'import.not_here': { en: 'This service does not import that kind.', 'zh-CN': '本服务不支持导入该类型。' },
  'import.not_waiting': {
    en: 'This import does not wait any more. It is {status}; upload the file again to import it once more.',
    'zh-CN': '该导入不再等待确认。当前状态为 {status};如需再次导入,请重新上传文件。',
  },
  'import.empty': { en: 'The file is empty. Send a header row and at least one row.', 'zh-CN': '文件为空。请提供表头和至少一行数据。' },
  'import.not_text': {
    en: 'This is neither a CSV nor an Excel file. Save it as CSV (UTF-8) or .xlsx and send it again.',
    'zh-CN': '该文件既不是 CSV 也不是 Excel 文件。请另存为 CSV(UTF-8)或 .xlsx 后重新发送。',
  },
  'import.unknown_encoding': {
    en: 'The encoding of the file cannot be told. Save it as UTF-8, or say encoding=…, one of: {possible}.',
    'zh-CN': '无法识别文件编码。请另存为 UTF-8,或用 encoding=… 指定,可选:{possible}。',
  },
  'import.wrong_encoding': {
    en: 'The file is not in the encoding {encoding}. It may have been cut off; send it again, or choose another encoding.',
    'zh-CN': '文件编码不是 {encoding}。文件可能不完整,请重新发送,或选择其他编码。',
  },
  'import.unknown_field': {
    en: 'The mapping names a field that this kind does not have. {field} was given; possible: {possible}.',
    'zh-CN': '映射包含未知字段 {field};可用字段:{possible}。',
  },
  'import.missing_column': {
    en: 'The file lacks a column that the mapping needs. {column} for {field}; the file has: {columns}.',
    'zh-CN': '文件缺少映射所需的列 {column}(字段 {field});文件中的列:{columns}。',
  },
  'import.too_wide': {
    en: 'The file has too many columns. It has {count}, at most {limit} are read; delete those that are not needed.',
    'zh-CN': '文件的列过多。共 {count} 列,最多读取 {limit} 列;请删除不需要的列。',
  },
  'import.bad_csv': { en: 'The CSV cannot be read. See row {row}: {reason}.', 'zh-CN': '无法读取 CSV。第 {row} 行:{reason}。' },
  'import.old_workbook': {
    en: 'This is an Excel file of the old kind, or one with a password. Save it as .xlsx without a password and send it again.',
    'zh-CN': '这是旧格式或带密码的 Excel 文件。请另存为无密码的 .xlsx 后重新发送。',
  },
  'import.bad_workbook': {
    en: 'The Excel file cannot be read. It may be damaged: open it, save it as .xlsx or CSV and send it again ({reason}).',
    'zh-CN': '无法读取 Excel 文件。文件可能已损坏:请打开后另存为 .xlsx 或 CSV 再发送({reason})。',
  },
  'import.workbook_too_large': {
    en: 'The Excel file holds too much. It unpacks to more than {limit} bytes; split it, or save the sheet as CSV.',
    'zh-CN': 'Excel 文件内容过多。解压后超过 {limit} 字节;请拆分文件,或将工作表另存为 CSV。',
  },
  'import.too_many_sheets': {
    en: 'The Excel file has too many sheets. It has {count}, at most {limit} are read; save the one that is needed as a file of its own.',
    'zh-CN': 'Excel 文件的工作表过多。共 {count} 个,最多 {limit} 个;请将需要的工作表另存为单独的文件。',
  },
  'import.no_sheet': {
    en: 'The Excel file has no such sheet to read. It has: {sheets}.',
    'zh-CN': 'Excel 文件中没有可读取的工作表。现有:{sheets}。',
  },
  'import.ambiguous': {
    en: 'More than one record has this name. {field} {value} is not unique.',
    'zh-CN': '存在多个同名记录:{field} {value}。',
  },
  'date.ambiguous': {
    en: 'This date can be read in two ways. Write {value} as year-month-day, or say in the mapping (dates) whether the day or the month comes first.',
    'zh-CN': '该日期有两种读法。请将 {value} 写成 年-月-日,或在映射的 dates 中说明日在前还是月在前。',
  },
  'number.ambiguous': {
    en: 'This number can be read in two ways. Write {value} without a thousands separator, or say in the mapping (numbers) which sign its decimals have.',
    'zh-CN': '该数字有两种读法。请去掉 {value} 的千位分隔符,或在映射的 numbers 中说明小数点符号。',
  },
})
