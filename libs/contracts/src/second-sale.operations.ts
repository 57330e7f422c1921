import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, id, instant, line } from './shapes.js'

const whole = z.number().int()
const asOf = instant.nullable().meta({ description: 'when it was worked out; null: not yet' })

const Suggestion = z
  .object({
    family: z.string().meta({ description: 'product family that the account has not ordered from' }),
    among: z.enum(['industry_and_size', 'industry', 'all']).meta({
      description: 'which accounts with orders it is compared with: the first of these of which there are at least 5 others',
    }),
    bought: whole.meta({ description: 'so many of them ordered from the family; at least 3' }),
    of: whole.meta({ description: 'so many they are, without the account itself' }),
    share: z.string().meta({ description: 'bought / of', examples: ['0.6250'] }),
    lift: z
      .string()
      .meta({ description: 'the share among them against the share among all accounts with orders; never below 1', examples: ['1.8750'] }),
  })
  .meta({ id: 'SecondSaleSuggestion' })

export const SecondSaleSuggestions = z
  .object({
    accountId: id('account'),
    asOf,
    data: z.array(Suggestion).meta({ description: 'the largest share first; at most 10' }),
    dismissed: z.array(
      z.object({
        family: z.string(),
        reason: z.string(),
        until: day.nullable().meta({ description: 'suggested again from that day on; null: never' }),
        dismissedById: id('user').nullable(),
        dismissedAt: instant,
      }),
    ),
  })
  .meta({ id: 'SecondSaleSuggestions' })

const read = permission('second_sale.read', salesReaders)
const params = z.object({ id: id('account') })

export const getSuggestions = defineOperation({
  id: 'getSuggestions',
  service: 'account',
  method: 'GET',
  path: '/v1/accounts/{id}/suggestions',
  summary: 'Product families that similar accounts ordered from and this one did not.',
  rule: read,
  params,
  answer: SecondSaleSuggestions,
})

export const dismissSuggestion = defineOperation({
  id: 'dismissSuggestion',
  service: 'account',
  method: 'POST',
  path: '/v1/accounts/{id}/suggestions/dismiss',
  summary: 'Says that a family is nothing for an account, for good or until a day. Said again, the new reason and day count.',
  rule: permission('second_sale.dismiss', salesWriters),
  params,
  body: z.strictObject({ family: line(100), reason: line(500), until: day.nullable().default(null) }).meta({ id: 'DismissSuggestion' }),
  answer: SecondSaleSuggestions,
})

export const listSecondSales = defineOperation({
  id: 'listSecondSales',
  service: 'account',
  method: 'GET',
  path: '/v1/second-sales',
  summary: 'Accounts that could be sold more to, the one with the strongest suggestion first.',
  rule: read,
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'items of a page at most' }),
    cursor: z.string().max(500).optional().meta({ description: 'where the page begins: `next` of the page before' }),
    ownerId: id('user').optional().meta({ description: 'only this rep’s accounts' }),
  }),
  answer: z
    .object({
      asOf,
      data: z.array(
        z.object({ accountId: id('account'), name: z.string(), ownerId: id('user').nullable(), suggestions: z.array(Suggestion) }),
      ),
      next: z.string().nullable(),
    })
    .meta({ id: 'SecondSales' }),
})

defineProblems({
  'second_sale.unknown_family': {
    en: 'There is no such product family. No product is of the family {family}; write it as the products have it.',
    'zh-CN': '没有该产品系列。没有属于 {family} 的产品;请按产品中的写法填写。',
  },
  'second_sale.until_past': {
    en: 'The day lies in the past. Today is {today}; choose a later day than {until}, or none.',
    'zh-CN': '日期已过。今天是 {today};请选择晚于 {until} 的日期,或不填写。',
  },
})
