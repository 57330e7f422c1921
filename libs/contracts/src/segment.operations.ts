import { z } from 'zod'
import { permission, salesReaders } from './access.js'
import { AccountView } from './account.operations.js'
import { defineList, defineOperation } from './operation.js'
import { id, instant, line, text } from './shapes.js'

const condition = z
  .string()
  .trim()
  .min(1)
  .max(2000)
  .meta({
    description: 'CEL over the fields of `account`; see /v1/segment-fields',
    examples: ['account.industry == "software" && account.wonDeals >= 2.0'],
  })
const base = { name: line(100), note: text(1000).nullable(), condition }

export const SegmentView = z
  .object({
    id: id('segment'),
    version: z.number().int(),
    ...base,
    active: z.boolean(),
    members: z.number().int().meta({ description: 'accounts in it that the caller sees; /v1/accounts?segmentId=… lists them' }),
    evaluatedAt: instant
      .nullable()
      .meta({ description: 'when its members were found last; null: its condition is new and they are being looked for' }),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Segment' })

const read = permission('segment.read', salesReaders)
const keep = permission('segment.change', {
  administrator: 'company',
  sales_ops: 'company',
  integrator: 'company',
  sales_manager: 'company',
})
const one = { service: 'account', params: z.object({ id: id('segment') }), answer: SegmentView } as const

export const createSegment = defineOperation({
  id: 'createSegment',
  service: 'account',
  method: 'POST',
  path: '/v1/segments',
  summary: 'Names the accounts that a condition holds for. Its members are found at once, and anew several times a day.',
  rule: keep,
  body: z.strictObject({ ...base, note: base.note.default(null) }).meta({ id: 'CreateSegment' }),
  answer: SegmentView,
})

export const listSegments = defineList({
  id: 'listSegments',
  service: 'account',
  path: '/v1/segments',
  summary: 'Segments, with how many of the caller’s accounts are in each.',
  rule: read,
  item: SegmentView,
  filters: { name: 'text', active: 'boolean' },
  sorts: ['id', 'name'],
})

export const getSegment = defineOperation({
  ...one,
  id: 'getSegment',
  method: 'GET',
  path: '/v1/segments/{id}',
  summary: 'One segment.',
  rule: read,
})

export const changeSegment = defineOperation({
  ...one,
  id: 'changeSegment',
  method: 'PATCH',
  path: '/v1/segments/{id}',
  summary: 'Changes a segment; another condition finds its members anew. One that is not active has none.',
  rule: keep,
  body: z
    .strictObject({ ...base, active: z.boolean() })
    .partial()
    .meta({ id: 'ChangeSegment' }),
})

export const previewSegment = defineOperation({
  id: 'previewSegment',
  service: 'account',
  method: 'POST',
  path: '/v1/segments/preview',
  summary:
    'How many of the caller’s accounts a condition holds for, and the first of them. Of many accounts the newest 2,000 are looked at.',
  rule: permission('segment.preview', salesReaders),
  transaction: false,
  body: z.strictObject({ condition }).meta({ id: 'PreviewSegment' }),
  answer: z
    .object({
      matches: z.number().int(),
      looked: z.number().int().meta({ description: 'accounts that were looked at' }),
      complete: z.boolean().meta({ description: 'whether that is all that the caller sees' }),
      first: z.array(AccountView.pick({ id: true, name: true, industry: true, country: true, class: true, ownerId: true })),
    })
    .meta({ id: 'SegmentPreview' }),
})

export const listSegmentFields = defineOperation({
  id: 'listSegmentFields',
  service: 'account',
  method: 'GET',
  path: '/v1/segment-fields',
  summary: 'What conditions over accounts can ask for, as `account.<field>`, the company’s own fields included.',
  rule: permission('segment.read_fields', salesReaders),
  answer: z.object({ fields: z.record(z.string(), z.enum(['text', 'number', 'flag', 'instant', 'texts'])) }),
})
