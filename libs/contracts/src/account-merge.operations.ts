import { z } from 'zod'
import { AccountView, changeAccount, getAccount } from './account.operations.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id } from './shapes.js'

/** What of the merged account can replace what the surviving one has; what that one lacks is taken in any case. */
const taken = [
  'name',
  'industry',
  'country',
  'region',
  'location',
  'website',
  'phone',
  'employees',
  'annualRevenue',
  'foundedYear',
  'note',
  'class',
] as const

const one = {
  service: 'account',
  method: 'POST',
  params: z.object({ id: id('account') }),
  rule: changeAccount.rule,
  answer: AccountView,
} as const

export const mergeAccount = defineOperation({
  ...one,
  id: 'mergeAccount',
  path: '/v1/accounts/{id}/merge',
  summary:
    'Merges another account into this one, which keeps its owner: contacts, activities and subsidiaries of the other one become its own, and so do its deals, quotes, contracts and money in the other services. Asked again, answers the same.',
  body: z
    .strictObject({
      accountId: id('account').meta({ description: 'the account that becomes part of this one' }),
      take: z
        .array(z.enum(taken))
        .max(taken.length)
        .default([])
        .meta({ description: 'fields that the merged account knows better; what this one lacks is taken in any case' }),
    })
    .meta({ id: 'MergeAccount' }),
})

export const keepAccountApart = defineOperation({
  ...one,
  id: 'keepAccountApart',
  path: '/v1/accounts/{id}/keep-apart',
  summary: 'Says that two accounts that look the same are two. They are not told as duplicates of each other any more.',
  body: z.strictObject({ accountId: id('account') }).meta({ id: 'KeepAccountApart' }),
})

const AccountInShort = AccountView.pick({
  id: true,
  version: true,
  name: true,
  industry: true,
  country: true,
  location: true,
  ownerId: true,
  createdAt: true,
}).meta({ id: 'AccountInShort' })

export const listAccountDuplicates = defineOperation({
  id: 'listAccountDuplicates',
  service: 'account',
  method: 'GET',
  path: '/v1/account-duplicates',
  summary: 'Pairs of accounts whose names look the same and nobody has decided on, the newest account first.',
  rule: getAccount.rule,
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'pairs of a page at most' }),
    cursor: z.string().max(200).optional().meta({ description: 'where the page begins: `next` of the page before' }),
  }),
  answer: z.object({
    data: z.array(
      z.object({
        account: AccountInShort,
        other: AccountInShort,
        score: z.number().int().meta({ description: 'of 100; 100: the same name' }),
      }),
    ),
    next: z.string().nullable(),
  }),
})

defineProblems({
  'account.merged': {
    en: 'The account is part of another one. Go on with that one; see mergedInto.',
    'zh-CN': '该客户已并入其他客户。请使用 mergedInto 所指的客户。',
  },
  'account.two_plans': {
    en: 'Both accounts have an active plan. Close one of them first; that of the surviving account is {planId}.',
    'zh-CN': '两个客户都有进行中的客户计划。请先关闭其中一个;保留客户的计划为 {planId}。',
  },
  'account.merged_with_itself': {
    en: 'An account cannot be merged with itself. Name the other one in accountId.',
    'zh-CN': '客户不能与自身合并。请在 accountId 中指定另一个客户。',
  },
})
