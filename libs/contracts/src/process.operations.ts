import { z } from 'zod'
import { everybody, keepers, permission } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { decimal, id, instant, line, text } from './shapes.js'

/** How an item of a checklist is answered. `file` and `image` name where the artefact is kept. */
export const itemKinds = [
  'text',
  'number',
  'money',
  'date',
  'tick',
  'choice',
  'contact_role',
  'visit',
  'quote',
  'contract',
  'file',
  'image',
] as const

/** What happens when a deal leaves a stage whose required items are missing. */
export const gatePolicies = ['block'] as const

/** Whether a deal is still open in a stage, or comes to it by being won. */
export const stageOutcomes = ['open', 'won'] as const

/** The processes that the platform brings along. */
export const processTemplateKeys = ['five-stages', 'value-selling', 'eight-stages', 'deal-control', 'simple'] as const

const statuses = ['draft', 'published', 'retired'] as const

/** A text in the platform's languages. */
export const Wording = z.object({ en: z.string(), 'zh-CN': z.string() }).meta({ id: 'Wording' })

/** Somebody's wording: one text for both languages, or one each. */
const wording = (one: z.ZodType<string, string>) =>
  z
    .union([one, z.strictObject({ en: one, 'zh-CN': one })])
    .transform((given) => (typeof given === 'string' ? { en: given, 'zh-CN': given } : given))

const key = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,59}$/, { message: 'process.malformed_key' })
  .meta({ description: 'lower-case letters, digits, - and _', examples: ['needs-confirmed'] })

const percent = z
  .string()
  .regex(/^(100(\.0{1,6})?|\d{1,2}(\.\d{1,6})?)$/, { message: 'process.malformed_percent' })
  .meta({ examples: ['12.5'], description: '0 to 100, exact' })

const distinct = (list: readonly { key: string }[]) => new Set(list.map((each) => each.key)).size === list.length

const item = z
  .strictObject({
    key,
    name: wording(line(200)),
    kind: z.enum(itemKinds).default('tick'),
    options: z.array(line(200)).max(50).default([]).meta({ description: 'the answers that a choice has' }),
    required: z.boolean().default(false).meta({ description: 'whether the stage can be left without it' }),
    weight: percent.default('0').meta({ description: 'what it adds to the win probability, in %' }),
  })
  .refine(({ kind, options }) => (kind === 'choice') === options.length > 0, { message: 'process.options', path: ['options'] })

const stage = z.strictObject({
  key,
  name: wording(line(100)),
  probability: percent.meta({ description: 'ceiling of the win probability in the stage, in %' }),
  outcome: z.enum(stageOutcomes).default('open').meta({ description: '`won`: a deal comes here by being won, e.g. after-sales' }),
  buyingPhase: wording(line(100)).nullable().default(null).meta({ description: 'what the customer does meanwhile' }),
  goal: wording(text(2000)).nullable().default(null),
  definitionOfDone: wording(text(2000)).nullable().default(null),
  workInstruction: wording(text(5000)).nullable().default(null),
  tools: z
    .array(wording(line(200)))
    .max(50)
    .default([]),
  expectedDays: z.number().int().min(0).max(3650).nullable().default(null),
  failureHint: wording(text(2000)).nullable().default(null).meta({ description: 'what a deal lost here points to' }),
  gate: z.enum(gatePolicies).default('block'),
  items: z.array(item).max(100).default([]),
})

const stages = z
  .array(stage)
  .min(1)
  .max(50)
  .refine(distinct, { message: 'process.doubled_stage' })
  .refine((list) => distinct(list.flatMap(({ items }) => items)), { message: 'process.doubled_item' })

export const StageItemView = z
  .object({
    key: z.string(),
    name: Wording,
    kind: z.enum(itemKinds),
    options: z.array(z.string()),
    required: z.boolean(),
    weight: decimal,
  })
  .meta({ id: 'StageItem' })

export const StageView = z
  .object({
    key: z.string(),
    name: Wording,
    probability: decimal,
    outcome: z.enum(stageOutcomes),
    buyingPhase: Wording.nullable(),
    goal: Wording.nullable(),
    definitionOfDone: Wording.nullable(),
    workInstruction: Wording.nullable(),
    tools: z.array(Wording),
    expectedDays: z.number().int().nullable(),
    failureHint: Wording.nullable(),
    gate: z.enum(gatePolicies),
    items: z.array(StageItemView),
  })
  .meta({ id: 'Stage' })

export const ProcessView = z
  .object({
    id: id('process'),
    version: z.number().int(),
    status: z.enum(statuses),
    family: z.string().meta({ description: 'the same in all versions of one process' }),
    number: z.number().int().meta({ description: 'version of the process, from 1' }),
    name: Wording,
    isDefault: z.boolean().meta({ description: 'whether new deals take it unless told otherwise; one published process is' }),
    stages: z.array(StageView),
    journeyId: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
    publishedAt: instant.nullable(),
    retiredAt: instant.nullable(),
  })
  .meta({ id: 'Process' })

const access = { read: permission('process.read', everybody), write: permission('process.write', keepers) }
const one = { service: 'opportunity', params: z.object({ id: id('process') }), answer: ProcessView } as const

/** A process from a template, or of one's own. It begins as a draft. */
export const DraftProcess = z
  .strictObject({
    template: z.enum(processTemplateKeys).optional().meta({ description: 'a process that the platform brings along; else give stages' }),
    family: key.optional().meta({ description: 'the template’s, or made from the English name, when not given' }),
    name: wording(line(100)).optional().meta({ description: 'needed without a template' }),
    stages: stages.optional().meta({ description: 'needed without a template' }),
  })
  .refine(({ template, name, stages }) => (template ? !stages : name && stages), { message: 'process.template_or_stages' })
  .meta({ id: 'DraftProcess' })

export const draftProcess = defineOperation({
  id: 'draftProcess',
  service: 'opportunity',
  method: 'POST',
  path: '/v1/processes',
  summary: 'Begins a sales process, from a template or of one’s own; a draft until it is published.',
  rule: access.write,
  body: DraftProcess,
  answer: ProcessView,
})

export const listProcesses = defineList({
  id: 'listProcesses',
  service: 'opportunity',
  path: '/v1/processes',
  summary: 'Sales processes, all versions.',
  rule: access.read,
  item: ProcessView,
  filters: { status: statuses, family: 'exact', isDefault: 'boolean', createdAt: 'instant' },
  sorts: ['id', 'createdAt', 'family', 'number'],
})

export const getProcess = defineOperation({
  ...one,
  id: 'getProcess',
  method: 'GET',
  path: '/v1/processes/{id}',
  summary: 'One version of a sales process.',
  rule: access.read,
})

export const changeProcess = defineOperation({
  ...one,
  id: 'changeProcess',
  method: 'PATCH',
  path: '/v1/processes/{id}',
  summary: 'Changes a draft: its name, or all its stages.',
  rule: access.write,
  body: z.strictObject({ name: wording(line(100)).optional(), stages: stages.optional() }).meta({ id: 'ChangeProcess' }),
})

export const publishProcess = defineOperation({
  ...one,
  id: 'publishProcess',
  method: 'POST',
  path: '/v1/processes/{id}/publish',
  summary:
    'Puts a draft to use. Refused unless the weights of each stage add up exactly to its step in win probability. The version before it is retired; running deals keep it.',
  rule: access.write,
  body: z
    .strictObject({
      isDefault: z.boolean().default(false).meta({ description: 'new deals take it; a new version of the default is the default anyway' }),
    })
    .meta({ id: 'PublishProcess' }),
})

export const makeDefaultProcess = defineOperation({
  ...one,
  id: 'makeDefaultProcess',
  method: 'POST',
  path: '/v1/processes/{id}/make-default',
  summary: 'New deals take this published process unless told otherwise.',
  rule: access.write,
})

export const retireProcess = defineOperation({
  ...one,
  id: 'retireProcess',
  method: 'POST',
  path: '/v1/processes/{id}/retire',
  summary: 'Takes a process out of use, or gives a draft up. Running deals keep it; the default cannot be retired.',
  rule: access.write,
})

export const newProcessVersion = defineOperation({
  ...one,
  id: 'newProcessVersion',
  method: 'POST',
  path: '/v1/processes/{id}/new-version',
  summary: 'A draft copy to change and publish as the next version. One draft a process.',
  rule: access.write,
})

export const ProcessTemplate = z
  .object({ key: z.enum(processTemplateKeys), name: Wording, stages: z.array(StageView) })
  .meta({ id: 'ProcessTemplate' })

export const listProcessTemplates = defineOperation({
  id: 'listProcessTemplates',
  service: 'opportunity',
  method: 'GET',
  path: '/v1/process-templates',
  summary: 'The processes that the platform brings along.',
  rule: access.read,
  answer: z.object({ data: z.array(ProcessTemplate), next: z.null() }),
})

defineProblems({
  'process.malformed_key': {
    en: 'This is not a key. Use up to 60 lower-case letters, digits, - and _, beginning with a letter or digit.',
    'zh-CN': '键格式不正确。请使用不超过 60 位的小写字母、数字、- 和 _,以字母或数字开头。',
  },
  'process.malformed_percent': {
    en: 'This is not a percentage. Write 0 to 100 as text with at most six decimals, e.g. "12.5".',
    'zh-CN': '百分比格式不正确。请用文本填写 0 到 100,最多六位小数,例如 "12.5"。',
  },
  'process.template_or_stages': {
    en: 'Give either a template, or a name and stages.',
    'zh-CN': '请提供模板,或者提供名称和阶段,二者选一。',
  },
  'process.doubled_stage': { en: 'Two stages have the same key. Rename one.', 'zh-CN': '两个阶段的键相同。请修改其中一个。' },
  'process.doubled_item': {
    en: 'Two checklist items of the process have the same key. Rename one, also across stages.',
    'zh-CN': '流程中有两个任务的键相同(包括不同阶段)。请修改其中一个。',
  },
  'process.options': {
    en: 'Options belong to a choice. Give a choice at least one, and other kinds none.',
    'zh-CN': '选项仅用于选择类任务。选择类至少一个选项,其他类型不得有选项。',
  },
  'process.not_draft': {
    en: 'Only a draft can be changed. This version is {status}; make a new version and change that.',
    'zh-CN': '只有草稿可以修改。此版本状态为 {status};请新建版本后再修改。',
  },
  'process.weights': {
    en: 'The weights of a stage do not add up to its step in win probability. Stage {stage}: they add up to {sum} %, expected {expected} %.',
    'zh-CN': '阶段任务的权重之和与该阶段的赢率增量不符。阶段 {stage}:合计 {sum} %,应为 {expected} %。',
  },
  'process.falling_probability': {
    en: 'The win probability falls from one stage to the next. Stage {stage} has {probability} %, the one before it {before} %.',
    'zh-CN': '赢率不能逐阶段下降。阶段 {stage} 为 {probability} %,前一阶段为 {before} %。',
  },
  'process.no_open_stage': {
    en: 'A process begins with a stage that a deal is open in. Put the stages of won deals last.',
    'zh-CN': '流程必须以进行中的阶段开始。已赢单的阶段请放在最后。',
  },
  'process.won_below_100': {
    en: 'A stage of won deals has 100 %. Stage {stage} has {probability} %.',
    'zh-CN': '已赢单阶段的赢率必须为 100 %。阶段 {stage} 为 {probability} %。',
  },
  'process.family_taken': {
    en: 'There is a process of this family already. Make a new version of it, or choose another family than {family}.',
    'zh-CN': '该流程族已存在。请为其新建版本,或换用 {family} 以外的名称。',
  },
  'process.draft_exists': {
    en: 'There is a draft of the next version already. Change or retire {draftId} first.',
    'zh-CN': '下一版本的草稿已存在。请先修改或停用 {draftId}。',
  },
  'process.not_published': {
    en: 'Only a published process can be used for this. This version is {status}.',
    'zh-CN': '只有已发布的流程可以如此使用。此版本状态为 {status}。',
  },
  'process.is_default': {
    en: 'New deals take this process. Make another one the default first.',
    'zh-CN': '此流程是新商机的默认流程。请先将其他流程设为默认。',
  },
})
