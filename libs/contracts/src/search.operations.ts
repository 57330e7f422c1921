import { searchMatches } from '@millrace/domain'
import { z } from 'zod'
import { accountRead, contactRead } from './account.operations.js'
import { leadRead } from './lead.operations.js'
import { defineOperation } from './operation.js'
import { id, instant, line } from './shapes.js'

/** What can be searched for. */
export const searchKinds = ['lead', 'account', 'contact'] as const
export type SearchKind = (typeof searchKinds)[number]

/** A record that was found. */
export const SearchHit = z
  .object({
    kind: z.enum(searchKinds),
    id: z.string(),
    title: z.string(),
    subtitle: z.string().nullable().meta({ description: 'what else tells it from others: company, person, e-mail, phone' }),
    status: z.string().nullable().meta({ description: 'of a lead' }),
    ownerId: id('user').nullable(),
    mine: z.boolean(),
    match: z.enum(searchMatches).meta({
      description:
        'how well it fits: a field is just what was typed (a company also without its legal form), begins with it, all words that were typed begin words, or some are inside',
    }),
    matches: z.array(
      z.object({
        field: z.string(),
        text: z.string(),
        ranges: z
          .array(z.object({ from: z.number().int(), to: z.number().int() }))
          .meta({ description: 'what to highlight: from, and up to but not with, in UTF-16 units' }),
      }),
    ),
    createdAt: instant,
  })
  .meta({ id: 'SearchHit' })

const q = line(100).meta({
  description:
    'words or beginnings of words; Chinese from one character on; an e-mail address or its beginning; a phone number however it is written, or its last 4 digits and more',
  examples: ['云图 李雷'],
})
const limit = z.coerce.number().int().min(1).max(50).default(20).meta({ description: 'records at most' })
const found = z.object({
  data: z.array(SearchHit).meta({ description: 'better matches first, then own records, then newer ones' }),
  complete: z.boolean().meta({ description: 'false: there are, or may be, others that fit; say more words' }),
})
const ofOneKind = { method: 'GET', query: z.strictObject({ q, limit }), answer: found } as const

export const searchLeads = defineOperation({
  ...ofOneKind,
  id: 'searchLeads',
  service: 'lead',
  path: '/v1/leads/search',
  summary: 'Leads by company, person, e-mail, phone or external id.',
  rule: leadRead,
})

export const searchAccounts = defineOperation({
  ...ofOneKind,
  id: 'searchAccounts',
  service: 'account',
  path: '/v1/accounts/search',
  summary: 'Accounts by name, phone or external id.',
  rule: accountRead,
})

export const searchContacts = defineOperation({
  ...ofOneKind,
  id: 'searchContacts',
  service: 'account',
  path: '/v1/contacts/search',
  summary: 'Contacts by name, e-mail, phone or external id.',
  rule: contactRead,
})

/** Where each kind is searched. */
export const searchOf = { lead: searchLeads, account: searchAccounts, contact: searchContacts } as const

export const search = defineOperation({
  id: 'search',
  service: 'gateway',
  method: 'GET',
  path: '/v1/search',
  summary:
    'Leads, accounts and contacts by words, in one answer. Each kind as far as its own permission reaches; a kind that the caller may not read is left out.',
  rule: 'signed-in',
  query: z.strictObject({
    q,
    limit,
    kinds: z
      .string()
      .max(60)
      .transform((list) => list.split(','))
      .pipe(z.array(z.enum(searchKinds)))
      .default([...searchKinds])
      .meta({ type: 'string', description: `what to search, comma-separated, of: ${searchKinds.join(', ')}` }),
  }),
  answer: found.extend({
    missing: z.array(z.enum(searchKinds)).meta({ description: 'kinds that could not be searched just now: ask again' }),
  }),
})
