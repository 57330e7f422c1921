import { z } from 'zod'
import { defineEvent } from './event.js'
import { day, decimal, id, instant, line, money } from './shapes.js'

const product = z.object({
  productId: id('product'),
  code: z.string().max(60),
  name: line(200),
  family: line(100).nullable(),
  active: z.boolean(),
})

export const ProductCreated = defineEvent('product.created', 1, product, 'Something can be sold from now on.')
export const ProductChanged = defineEvent('product.changed', 1, product, 'Name, family or activity of a product changed.')
export const PriceBookChanged = defineEvent(
  'price_book.changed',
  1,
  z.object({ priceBookId: id('price_book'), name: line(100), currency: z.string().length(3) }),
  'A price book was made or changed.',
)

const quoteVersion = z.object({
  quoteId: id('quote'),
  number: z.string().max(40),
  version: z.number().int().meta({ description: 'number of the quote version' }),
  opportunityId: id('opportunity'),
  accountId: id('account'),
  ownerId: id('user').nullable(),
  total: money,
})

export const QuoteDrafted = defineEvent('quote.drafted', 1, quoteVersion, 'A quote, or a new version of it, was begun.')
export const QuoteSent = defineEvent('quote.sent', 1, quoteVersion, 'A version of a quote was given to the customer.')
export const QuoteAccepted = defineEvent('quote.accepted', 1, quoteVersion, 'The customer accepted a version of a quote.')
export const QuoteDeclined = defineEvent('quote.declined', 1, quoteVersion, 'The customer declined a version of a quote.')

const contractFacts = z.object({
  contractId: id('contract'),
  number: z.string().max(40),
  quoteId: id('quote'),
  opportunityId: id('opportunity'),
  accountId: id('account'),
  ownerId: id('user').nullable(),
  total: money,
})

/** When which part of a contract is to be paid: a share in % or an amount, on a day or some days after signing. */
const term = z.object({
  share: decimal.nullable(),
  amount: money.nullable(),
  dueOn: day.nullable(),
  daysAfterSigning: z.number().int().nullable(),
  label: line(100),
})

export const ContractDrafted = defineEvent('contract.drafted', 1, contractFacts, 'An accepted quote version became a contract draft.')
export const ContractSubmitted = defineEvent('contract.submitted', 1, contractFacts, 'A contract was handed in for approval.')
export const ContractApproved = defineEvent(
  'contract.approved',
  1,
  contractFacts.extend({ approvedBy: id('user').nullable() }),
  'A contract was approved by somebody who did not write it.',
)
export const ContractRejected = defineEvent(
  'contract.rejected',
  1,
  contractFacts.extend({ reason: z.string().max(2000) }),
  'A contract went back to its author.',
)
export const ContractSigned = defineEvent(
  'contract.signed',
  1,
  contractFacts.extend({
    signedOn: day,
    signedAt: instant,
    customerSigner: line(200),
    lines: z.array(z.object({ productId: id('product'), name: line(200), quantity: decimal, net: money, tax: money, gross: money })),
    terms: z.array(term).min(1),
  }),
  'Both sides signed: order and collection plan follow, the deal is won.',
)
export const OrderPlaced = defineEvent(
  'order.placed',
  1,
  z.object({
    orderId: id('order'),
    number: z.string().max(40),
    contractId: id('contract'),
    opportunityId: id('opportunity').optional(),
    accountId: id('account'),
    ownerId: id('user').nullable(),
    total: money,
    lines: z.array(z.object({ lineId: id('order_line'), productId: id('product'), name: line(200), quantity: decimal, gross: money })),
  }),
  'What a signed contract promised is to be delivered.',
)
