import { z } from 'zod'
import { permission } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, line } from './shapes.js'

/** Why somebody is away. Only who may see the absence sees it; no event tells it. */
export const absenceKinds = ['leave', 'sick', 'business_trip', 'training', 'other'] as const

const base = {
  startsAt: instant,
  endsAt: instant.meta({ description: 'when they are back; within two years of the start' }),
  deputyId: id('user').nullable().meta({ description: 'who stands in for them' }),
  kind: z.enum(absenceKinds),
  note: line(200).nullable(),
}

export const AbsenceView = z
  .object({
    id: id('absence'),
    version: z.number().int(),
    userId: id('user'),
    ...base,
    withdrawnAt: instant.nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Absence' })

/** Everybody for themselves; who leads or runs sales for others, too. */
const grants = {
  administrator: 'company',
  sales_ops: 'company',
  integrator: 'company',
  sales_manager: 'subtree',
  sales_rep: 'own',
  finance: 'own',
  executive: 'own',
} as const
const access = { read: permission('absence.read', grants), note: permission('absence.note', grants) }
const one = { service: 'identity', params: z.object({ id: id('absence') }), answer: AbsenceView } as const

export const noteAbsence = defineOperation({
  id: 'noteAbsence',
  service: 'identity',
  method: 'POST',
  path: '/v1/absences',
  summary: 'Notes that somebody will be away: oneself, or those whom one leads.',
  rule: access.note,
  body: z
    .strictObject({
      ...base,
      userId: id('user').optional().meta({ description: 'none: oneself' }),
      deputyId: base.deputyId.default(null),
      kind: base.kind.default('leave'),
      note: base.note.default(null),
    })
    .meta({ id: 'NoteAbsence' }),
  answer: AbsenceView,
})

export const listAbsences = defineList({
  id: 'listAbsences',
  service: 'identity',
  path: '/v1/absences',
  summary: 'Absences of oneself and of those whom one leads.',
  rule: access.read,
  item: AbsenceView,
  filters: { userId: 'exact', deputyId: 'exact', kind: absenceKinds, startsAt: 'instant', endsAt: 'instant' },
  sorts: ['id', 'startsAt', 'endsAt'],
})

export const getAbsence = defineOperation({
  ...one,
  id: 'getAbsence',
  method: 'GET',
  path: '/v1/absences/{id}',
  summary: 'One absence.',
  rule: access.read,
})

export const changeAbsence = defineOperation({
  ...one,
  id: 'changeAbsence',
  method: 'PATCH',
  path: '/v1/absences/{id}',
  summary: 'Changes when somebody is away, why, or who stands in.',
  rule: access.note,
  body: z.strictObject(base).partial().meta({ id: 'ChangeAbsence' }),
})

export const withdrawAbsence = defineOperation({
  ...one,
  id: 'withdrawAbsence',
  method: 'POST',
  path: '/v1/absences/{id}/withdraw',
  summary: 'The person is not away after all. Asked again, answers the same.',
  rule: access.note,
})

defineProblems({
  'absence.times': {
    en: 'An absence has to end after it begins, and within two years. Give another endsAt.',
    'zh-CN': '缺勤的结束时间必须晚于开始时间,且不超过两年。请修改 endsAt。',
  },
  'absence.overlaps': {
    en: 'The person is away from {startsAt} to {endsAt} already. Change that absence, or choose other times.',
    'zh-CN': '该人员在 {startsAt} 至 {endsAt} 期间已登记缺勤。请修改原记录或选择其他时间。',
  },
  'absence.withdrawn': { en: 'The absence was withdrawn. Note a new one.', 'zh-CN': '该缺勤已撤销。请重新登记。' },
  'absence.own_deputy': { en: 'Nobody can stand in for themselves. Choose somebody else.', 'zh-CN': '不能由本人代理。请选择他人。' },
  'absence.whose': {
    en: 'Say who is away in userId: an API client is never away.',
    'zh-CN': '请在 userId 中指定缺勤人员:接口客户端本身没有缺勤。',
  },
})
