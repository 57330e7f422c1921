import { z } from 'zod'
import { AccountView, activityKinds, ContactView, getAccount, RelatedAccount } from './account.operations.js'
import { defineOperation } from './operation.js'
import { day, decimal, id, instant, money } from './shapes.js'

const amounts = z
  .array(money)
  .meta({ description: 'exact, one of each currency in the order of their codes; never added across currencies' })
const counted = { count: z.number().int() }
const owned = { ownerId: id('user').nullable() }

/** What an account and all below it come to, as far as the caller may see. */
export const AccountFigures = z
  .object({
    open: amounts.optional().meta({ description: 'open deals; deals without an amount count nothing' }),
    won: amounts.optional().meta({ description: 'won deals' }),
    invoiced: amounts.optional().meta({ description: 'issued invoices, less what was credited of them' }),
    overdue: amounts.optional().meta({ description: 'receivables whose day is past, as far as they are open' }),
  })
  .meta({ id: 'AccountFigures', description: 'figures that the caller may not see are absent' })

const person = z.object({ id: id('user'), name: z.string() })

const newest = 'the newest ten'
const section = <Item extends z.ZodType, More extends z.ZodRawShape>(item: Item, more: More) =>
  z.object({ ...counted, ...more, newest: z.array(item).meta({ description: newest }) })

/** An account with all that the company has to do with it, section by section; a section that the caller’s role may not see is absent. */
export const AccountOverview = z
  .object({
    account: AccountView,
    owner: person.nullable(),
    team: z.array(person).meta({ description: 'who else owns something of the account, or took part in its latest activities; by name' }),
    asOf: z
      .object({
        lead: instant.nullable(),
        opportunity: instant.nullable(),
        cpq: instant.nullable(),
        billing: instant.nullable(),
      })
      .meta({
        description:
          'when the newest event of each service that is in was sent; null: none came yet. Account, contacts and activities are of now',
      }),
    hierarchy: z.object({
      above: z.array(RelatedAccount).meta({ description: 'the top company first' }),
      children: z
        .array(RelatedAccount.extend({ below: z.number().int().meta({ description: 'accounts below this one' }), figures: AccountFigures }))
        .meta({ description: 'direct subsidiaries by name, each with all below it' }),
      complete: z.boolean().meta({ description: 'false: there are more below than the 500 that were added up' }),
      figures: AccountFigures.meta({ description: 'the account itself and all below it' }),
    }),
    contacts: section(ContactView.pick({ id: true, name: true, jobTitle: true, email: true, phone: true, roles: true }), {}).optional(),
    activities: section(
      z.object({
        id: id('activity'),
        kind: z.enum(activityKinds),
        subject: z.string(),
        takesPlaceAt: instant,
        contactId: id('contact').nullable(),
        opportunityId: id('opportunity').nullable(),
        loggedById: id('user').nullable(),
      }),
      {
        nextSteps: z
          .array(z.object({ activityId: id('activity'), text: z.string(), on: day }))
          .meta({ description: 'what is agreed for today and later, the nearest ten' }),
      },
    ).optional(),
    leads: section(
      z.object({ id: id('lead'), name: z.string(), source: z.string().nullable(), ...owned, convertedAt: instant }),
      {},
    ).optional(),
    opportunities: section(
      z.object({
        id: id('opportunity'),
        title: z.string(),
        status: z.enum(['open', 'won', 'lost']),
        stage: z.string().nullable(),
        probability: decimal.nullable(),
        amount: money.nullable(),
        expectedCloseOn: day.nullable(),
        ...owned,
        openedAt: instant,
      }),
      {
        open: z.object({ ...counted, amounts }),
        won: z.object({ ...counted, amounts }),
        lost: z.object(counted),
      },
    ).optional(),
    quotes: section(
      z.object({
        id: id('quote'),
        number: z.string(),
        version: z.number().int().meta({ description: 'number of the current version' }),
        status: z.enum(['draft', 'sent', 'accepted', 'declined']),
        total: money,
        ...owned,
      }),
      {},
    ).optional(),
    contracts: section(
      z.object({
        id: id('contract'),
        number: z.string(),
        status: z.enum(['draft', 'in_approval', 'approved', 'signed']),
        total: money,
        signedOn: day.nullable(),
        ...owned,
      }),
      { signed: z.object({ ...counted, amounts }) },
    ).optional(),
    orders: section(
      z.object({ id: id('order'), number: z.string(), contractId: id('contract'), total: money, placedAt: instant, ...owned }),
      { total: amounts },
    ).optional(),
    invoices: section(
      z.object({
        id: id('invoice'),
        number: z.string(),
        total: money,
        left: money.meta({ description: 'the total less what was credited' }),
        issuedOn: day,
        ...owned,
      }),
      { invoiced: amounts.meta({ description: 'less what was credited' }) },
    ).optional(),
    receivables: z
      .object({
        ...counted,
        open: z.object({ ...counted, amounts }),
        overdue: z.object({ ...counted, amounts }),
        next: z
          .array(
            z.object({
              id: id('receivable'),
              contractId: id('contract'),
              number: z.number().int(),
              label: z.string(),
              amount: money,
              open: money,
              dueOn: day,
              overdue: z.boolean(),
              ...owned,
            }),
          )
          .meta({ description: 'open ones by their day, the first ten' }),
      })
      .optional(),
    receipts: section(
      z.object({
        id: id('receipt'),
        amount: money,
        credit: money.meta({ description: 'what of it pays nothing yet' }),
        receivedOn: day,
        reference: z.string().nullable(),
        ...owned,
      }),
      { received: amounts, credit: amounts },
    ).optional(),
    balance: amounts
      .optional()
      .meta({ description: 'what the account owes: receivables that are open, whether due or not, less the credit of its receipts' }),
  })
  .meta({ id: 'AccountOverview' })

export const getAccountOverview = defineOperation({
  id: 'getAccountOverview',
  service: 'account',
  method: 'GET',
  path: '/v1/accounts/{id}/overview',
  summary:
    'All that the company has to do with an account, in one read: kept from the events of all services, with the time as of which they are in.',
  rule: getAccount.rule,
  params: z.object({ id: id('account') }),
  answer: AccountOverview,
})
