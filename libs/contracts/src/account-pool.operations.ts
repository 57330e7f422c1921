import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { AccountView } from './account.operations.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, line } from './shapes.js'

const days = z.number().int().min(1).max(3650)
const atMost = z.number().int().min(1).max(1_000_000).nullable()

const settings = {
  active: z.boolean().meta({ description: 'false: no account goes into the pool by itself' }),
  rules: z
    .array(
      z.strictObject({
        when: line(2000)
          .nullable()
          .meta({ description: 'condition in CEL over `account`; null: every account', examples: ['account.employees < 50.0'] }),
        idleDays: days
          .nullable()
          .meta({ description: 'days without contact or open deal after which the account goes into the pool; null: it never does' }),
      }),
    )
    .max(50)
    .meta({ description: 'the first whose condition holds counts for an account; one for which none holds never goes into the pool' }),
  warnDays: z.number().int().min(0).max(365).meta({ description: 'so many days before, at least, the owner is reminded; 0: not at all' }),
  maxOwned: atMost.meta({ description: 'who owns so many accounts claims no more; null: any number' }),
  maxPerDay: atMost.meta({ description: 'accounts that one person may claim on one day of the company’s zone; null: any number' }),
  blockedDays: z.number().int().min(0).max(365).meta({ description: 'for so many days a former owner may not claim the account again' }),
}

export const AccountPoolSettings = z.object({ ...settings, version: z.number().int() }).meta({ id: 'AccountPoolSettings' })

export const getAccountPoolSettings = defineOperation({
  id: 'getAccountPoolSettings',
  service: 'account',
  method: 'GET',
  path: '/v1/account-pool-settings',
  summary: 'When accounts go into the pool, and who may claim how many.',
  rule: permission('account_pool.read', salesReaders),
  answer: AccountPoolSettings,
})

export const changeAccountPoolSettings = defineOperation({
  id: 'changeAccountPoolSettings',
  service: 'account',
  method: 'PATCH',
  path: '/v1/account-pool-settings',
  summary: 'Changes the rules of the account pool. They count for all accounts from then on; what is in the pool stays.',
  rule: permission('account_pool.change', { administrator: 'company', sales_ops: 'company' }),
  body: z.strictObject(settings).partial().meta({ id: 'ChangeAccountPoolSettings' }),
  answer: AccountPoolSettings,
})

const claim = permission('account.claim', {
  administrator: 'company',
  sales_ops: 'company',
  sales_manager: 'company',
  sales_rep: 'company',
})

/** An account as it is shown before it is claimed: without the ways to reach it. */
export const PooledAccount = AccountView.pick({
  id: true,
  version: true,
  name: true,
  industry: true,
  country: true,
  region: true,
  employees: true,
  pooledAt: true,
  createdAt: true,
}).meta({ id: 'PooledAccount' })

export const listPooledAccounts = defineList({
  id: 'listPooledAccounts',
  service: 'account',
  path: '/v1/pooled-accounts',
  summary: 'Accounts that may be claimed, without the ways to reach them: those are for who claims one.',
  rule: claim,
  item: PooledAccount,
  filters: { name: 'text', industry: 'exact', country: 'exact', region: 'exact', pooledAt: 'instant' },
  sorts: ['id', 'name', 'pooledAt'],
})

const one = { service: 'account', method: 'POST', params: z.object({ id: id('account') }), answer: AccountView } as const

export const releaseAccount = defineOperation({
  ...one,
  id: 'releaseAccount',
  path: '/v1/accounts/{id}/release',
  summary: 'Gives an account back to the pool.',
  rule: permission('account.release', salesWriters),
})

export const claimAccount = defineOperation({
  ...one,
  id: 'claimAccount',
  path: '/v1/accounts/{id}/claim',
  summary: 'Takes an account out of the pool. Of several who try at the same moment one gets it.',
  rule: claim,
})

defineProblems({
  'account.not_pooled': {
    en: 'The account is not in the pool ({status}). Somebody was faster; choose another one.',
    'zh-CN': '客户不在公海中(当前状态:{status})。已被他人领取,请选择其他客户。',
  },
  'account.was_yours': {
    en: 'The account was yours. You may claim it again from {from}.',
    'zh-CN': '该客户曾由您负责。您可在 {from} 之后重新领取。',
  },
  'account_pool.only_people': {
    en: 'Only people claim accounts. Use assign with an ownerId.',
    'zh-CN': '只有用户可以领取客户。请使用分配并指定 ownerId。',
  },
  'account_pool.owns_enough': {
    en: 'You own {owned} accounts; one who owns {limit} claims no more. Give some back first.',
    'zh-CN': '您已负责 {owned} 个客户,上限为 {limit} 个。请先退回部分客户。',
  },
  'account_pool.claimed_enough': {
    en: 'You have claimed {claimed} accounts today; {limit} a day are allowed. Try again tomorrow.',
    'zh-CN': '您今天已领取 {claimed} 个客户,每日上限为 {limit} 个。请明天再试。',
  },
})
