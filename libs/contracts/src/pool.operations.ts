import { z } from 'zod'
import { everybody, permission, salesWriters } from './access.js'
import { LeadView } from './lead.operations.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, line } from './shapes.js'

/** Why a lead goes back to a pool. */
export const releaseReasons = ['no_time', 'not_mine', 'not_reachable', 'too_early', 'left', 'other'] as const

const base = {
  name: line(100),
  maxHeld: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .nullable()
    .meta({ description: 'open leads from this pool that one person may have at a time; null: any number' }),
  maxPerDay: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .nullable()
    .meta({ description: 'leads that one person may claim from this pool on one day of the company’s zone; null: any number' }),
  maxViewedPerDay: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .nullable()
    .meta({ description: 'different leads of this pool that one person is shown on one day of the company’s zone; null: any number' }),
  blockedDays: z.number().int().min(0).max(365).meta({ description: 'for so many days a former owner may not claim the lead again' }),
  unitIds: z
    .array(id('org_unit'))
    .max(100)
    .meta({ description: 'units whose people, with those of the units below, may claim; none: everybody who may claim at all' }),
}

export const PoolView = z
  .object({ id: id('pool'), version: z.number().int(), ...base, active: z.boolean(), createdAt: instant, updatedAt: instant })
  .meta({ id: 'Pool' })

const access = {
  read: permission('pool.read', everybody),
  change: permission('pool.change', { administrator: 'company', sales_ops: 'company' }),
  release: permission('lead.release', salesWriters),
  claim: permission('lead.claim', {
    administrator: 'company',
    sales_ops: 'company',
    sales_manager: 'company',
    sales_rep: 'company',
  }),
}

const one = { service: 'lead', params: z.object({ id: id('pool') }), answer: PoolView } as const

export const createPool = defineOperation({
  id: 'createPool',
  service: 'lead',
  method: 'POST',
  path: '/v1/pools',
  summary: 'A new pool of leads that nobody owns.',
  rule: access.change,
  body: z
    .strictObject({
      ...base,
      maxHeld: base.maxHeld.default(null),
      maxPerDay: base.maxPerDay.default(null),
      maxViewedPerDay: base.maxViewedPerDay.default(null),
      blockedDays: base.blockedDays.default(0),
      unitIds: base.unitIds.default([]),
    })
    .meta({ id: 'CreatePool' }),
  answer: PoolView,
})

export const getPool = defineOperation({
  ...one,
  id: 'getPool',
  method: 'GET',
  path: '/v1/pools/{id}',
  summary: 'One pool.',
  rule: access.read,
})

export const changePool = defineOperation({
  ...one,
  id: 'changePool',
  method: 'PATCH',
  path: '/v1/pools/{id}',
  summary: 'Changes a pool’s rules. One that is not active takes no leads and gives none; what is in it stays.',
  rule: access.change,
  body: z
    .strictObject({ ...base, active: z.boolean() })
    .partial()
    .meta({ id: 'ChangePool' }),
})

export const listPools = defineList({
  id: 'listPools',
  service: 'lead',
  path: '/v1/pools',
  summary: 'Pools.',
  rule: access.read,
  item: PoolView,
  filters: { active: 'boolean', name: 'text' },
  sorts: ['id', 'name'],
})

/** A lead as it is shown before it is claimed: without the ways to reach it. */
export const PooledLead = LeadView.pick({
  id: true,
  version: true,
  companyName: true,
  jobTitle: true,
  country: true,
  source: true,
  channel: true,
  campaign: true,
  poolId: true,
  pooledAt: true,
  pooledReason: true,
  createdAt: true,
}).meta({ id: 'PooledLead' })

export const listPooledLeads = defineList({
  id: 'listPooledLeads',
  service: 'lead',
  path: '/v1/pooled-leads',
  summary:
    'Leads that may be claimed, without the ways to reach them: those are for who claims one. Of a pool with a limit, one is shown no more leads a day than that.',
  rule: access.claim,
  item: PooledLead,
  filters: {
    poolId: 'exact',
    companyName: 'text',
    country: 'exact',
    source: 'exact',
    campaign: 'exact',
    pooledAt: 'instant',
    createdAt: 'instant',
  },
  sorts: ['id', 'pooledAt', 'companyName'],
})

const lead = { service: 'lead', params: z.object({ id: id('lead') }), answer: LeadView } as const

export const releaseLead = defineOperation({
  ...lead,
  id: 'releaseLead',
  method: 'POST',
  path: '/v1/leads/{id}/release',
  summary: 'Puts the lead into a pool, for others to claim.',
  rule: access.release,
  body: z.strictObject({ poolId: id('pool'), reason: z.enum(releaseReasons) }).meta({ id: 'ReleaseLead' }),
})

export const claimLead = defineOperation({
  ...lead,
  id: 'claimLead',
  method: 'POST',
  path: '/v1/leads/{id}/claim',
  summary: 'Takes a lead out of its pool and owns it. Of several who claim at the same moment, one gets it.',
  rule: access.claim,
})

defineProblems({
  'pool.closed': {
    en: 'The pool is not active. Choose another one, or let the administrator open it.',
    'zh-CN': '该公海池未启用。请选择其他公海池,或由管理员启用。',
  },
  'pool.not_for_you': {
    en: 'This pool is for the people of other units.',
    'zh-CN': '该公海池仅供其他部门的人员领取。',
  },
  'pool.only_people': {
    en: 'Only a person can claim a lead. An API client assigns it to somebody instead.',
    'zh-CN': '只有人员可以领取线索。接口客户端请使用分配。',
  },
  'lead.not_pooled': {
    en: 'The lead is in no pool (any more); it is {status}. Somebody else may have been faster.',
    'zh-CN': '该线索不在公海池中,当前状态为 {status}。可能已被他人领取。',
  },
  'lead.was_yours': {
    en: 'You owned this lead before. You may claim it again from {from} on.',
    'zh-CN': '您曾是该线索的负责人,{from} 之后才可再次领取。',
  },
  'pool.holds_enough': {
    en: 'You have {held} open leads from this pool, and {limit} is the limit. Finish or release one first.',
    'zh-CN': '您已持有来自该公海池的 {held} 条未关闭线索,上限为 {limit}。请先处理或退回。',
  },
  'pool.viewed_enough': {
    en: 'You have seen as many leads of this pool today as one may ({limit}). Claim one of those, or come back tomorrow.',
    'zh-CN': '您今天查看该公海池线索的数量已达上限({limit})。请从中领取,或明天再来。',
  },
  'pool.claimed_enough': {
    en: 'You have claimed {claimed} leads from this pool today, and {limit} is the limit. Come back tomorrow.',
    'zh-CN': '您今天已从该公海池领取 {claimed} 条线索,上限为 {limit}。请明天再来。',
  },
})
