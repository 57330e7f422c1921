import { z } from 'zod'
import { permission } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, line } from './shapes.js'

const list = line(60).meta({ description: 'the operation that lists them', examples: ['listLeads'] })

/** How somebody looks at a list. */
const look = {
  filters: z
    .record(z.string().max(80), z.union([z.string().max(200), z.array(z.string().max(200)).min(1).max(100)]))
    .refine((filters) => Object.keys(filters).length <= 50)
    .meta({
      description: 'filters of the list as its query takes them',
      examples: [{ status: ['new', 'assigned'], 'createdAt.gte': '2026-01-01' }],
    }),
  columns: z.array(z.string().max(80)).max(100).meta({ description: 'fields of an item, in the order wanted; none: all' }),
  sort: z.string().max(81).nullable().meta({ description: 'as the list takes it, e.g. -createdAt' }),
}

export const ViewView = z
  .object({
    id: id('view'),
    version: z.number().int(),
    name: z.string(),
    list: z.string(),
    ...look,
    savedBy: z.string().meta({ description: 'the user or program whose view it is' }),
    sharedWith: z.enum(['nobody', 'unit', 'company']),
    unitId: id('org_unit').nullable().meta({ description: 'the unit that shares it, with those below' }),
    isDefault: z.boolean().meta({ description: 'whether the caller’s list opens with it' }),
    path: z
      .string()
      .nullable()
      .meta({
        description:
          'the list as this view shows it: call it, add `cursor`, `limit` or `format`; null: the list is no more, or not the caller’s to read',
        examples: ['/v1/leads?status=new&sort=-createdAt'],
      }),
    problems: z
      .array(z.object({ parameter: z.string(), code: z.string(), detail: z.string() }))
      .meta({ description: 'what of the view the list does not take any more, and `path` leaves out' }),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'View' })

const one = { service: 'identity', params: z.object({ id: id('view') }), answer: ViewView, rule: 'signed-in' } as const

export const saveView = defineOperation({
  id: 'saveView',
  service: 'identity',
  method: 'POST',
  path: '/v1/views',
  summary: 'Keeps how the caller looks at a list: filters, columns and order. It is private until it is shared. At most 200 each.',
  rule: 'signed-in',
  body: z
    .strictObject({
      name: line(100),
      list,
      filters: look.filters.default({}),
      columns: look.columns.default([]),
      sort: look.sort.default(null),
    })
    .meta({ id: 'SaveView' }),
  answer: ViewView,
})

export const listViews = defineList({
  id: 'listViews',
  service: 'identity',
  path: '/v1/views',
  summary: 'The caller’s views, and those shared with them.',
  rule: 'signed-in',
  item: ViewView,
  filters: { list: 'exact', name: 'text', savedBy: 'exact', sharedWith: ['nobody', 'unit', 'company'] },
  sorts: ['id', 'name'],
})

export const getView = defineOperation({
  ...one,
  id: 'getView',
  method: 'GET',
  path: '/v1/views/{id}',
  summary: 'One view. `path` is the list as it shows it; filters given beside it win.',
})

export const changeView = defineOperation({
  ...one,
  id: 'changeView',
  method: 'PATCH',
  path: '/v1/views/{id}',
  summary: 'Changes a view of one’s own; a shared one also whoever may share with the whole company.',
  body: z
    .strictObject({ name: line(100), ...look })
    .partial()
    .meta({ id: 'ChangeView' }),
})

export const deleteView = defineOperation({
  id: 'deleteView',
  service: 'identity',
  method: 'DELETE',
  path: '/v1/views/{id}',
  summary: 'Removes a view of one’s own; a shared one also whoever may share with the whole company.',
  rule: 'signed-in',
  params: one.params,
})

/** Who may share views, and how far. */
export const viewShare = permission('view.share', {
  administrator: 'company',
  executive: 'company',
  sales_ops: 'company',
  integrator: 'company',
  sales_manager: 'subtree',
})

export const shareView = defineOperation({
  ...one,
  id: 'shareView',
  method: 'POST',
  path: '/v1/views/{id}/share',
  summary: 'Shows a view to a unit and those below it, to the whole company, or to nobody else any more.',
  rule: viewShare,
  body: z
    .strictObject({ with: z.enum(['nobody', 'unit', 'company']), unitId: id('org_unit').optional() })
    .refine(({ with: whom, unitId }) => (whom === 'unit') === (unitId !== undefined), { message: 'view.which_unit' })
    .meta({ id: 'ShareView' }),
})

export const makeDefaultView = defineOperation({
  ...one,
  id: 'makeDefaultView',
  method: 'POST',
  path: '/v1/views/{id}/make-default',
  summary: 'Lets the caller’s list open with this view, instead of the one before.',
})

export const clearDefaultView = defineOperation({
  ...one,
  id: 'clearDefaultView',
  method: 'POST',
  path: '/v1/views/{id}/clear-default',
  summary: 'Lets the caller’s list open as it is again.',
})

defineProblems({
  'view.unknown_list': {
    en: 'There is no such list. {list} was given; possible: {possible}.',
    'zh-CN': '没有该列表:{list};可选:{possible}。',
  },
  'view.too_many': {
    en: 'You keep as many views as one may. Delete some of the {limit} first.',
    'zh-CN': '视图数量已达上限。请先删除部分视图(上限 {limit} 个)。',
  },
  'view.not_yours': {
    en: 'This view is somebody else’s. Save one of your own with the same filters.',
    'zh-CN': '该视图属于他人。请以相同条件另存为自己的视图。',
  },
  'view.unit_too_high': {
    en: 'You may share within your own unit and those below it. Choose one of these.',
    'zh-CN': '只能在本部门及下级部门内共享。请选择其中的部门。',
  },
  'view.which_unit': {
    en: 'A unit is named when, and only when, a view is shared with one. Give unitId with "unit".',
    'zh-CN': '仅在共享给部门时需指定部门。请在 with 为 unit 时提供 unitId。',
  },
})
