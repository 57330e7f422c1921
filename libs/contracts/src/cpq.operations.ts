import { isCurrency, Ratio } from '@millrace/domain'
import { z } from 'zod'
import { everybody, keepers, permission, salesReaders, salesWriters } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, decimal, id, instant, line, money, positiveMoney, text } from './shapes.js'

const access = {
  readProducts: permission('product.read', everybody),
  writeProducts: permission('product.write', keepers),
  readPrices: permission('price_book.read', everybody),
  writePrices: permission('price_book.write', keepers),
  readQuotes: permission('quote.read', salesReaders),
  writeQuotes: permission('quote.write', salesWriters),
  readContracts: permission('contract.read', salesReaders),
  writeContracts: permission('contract.write', salesWriters),
  approve: permission('contract.approve', {
    administrator: 'company',
    executive: 'company',
    finance: 'company',
    sales_manager: 'subtree',
  }),
  readOrders: permission('order.read', salesReaders),
}

/** Exact decimal text whose value has to hold; what is no number at all is told by `decimal` itself. */
function decimalThat(code: string, holds: (value: Ratio) => boolean) {
  return decimal.refine(
    (given) => {
      try {
        return holds(Ratio.parse(given))
      } catch {
        return true
      }
    },
    { message: code },
  )
}

const hundred = Ratio.of(100)
const percent = (code: string) => decimalThat(code, (value) => !value.isNegative() && value.compare(hundred) <= 0)
const exactlyOne = (...values: unknown[]) => values.filter((value) => value !== undefined && value !== null).length === 1
const currency = z
  .string()
  .length(3)
  .refine(isCurrency, { message: 'money.unknown_currency' })
  .meta({ description: 'ISO 4217', examples: ['CNY'] })
const dates = { createdAt: instant, updatedAt: instant }

// ---- product

const productBase = {
  name: line(200),
  family: line(100).nullable().optional(),
  description: text(5000).nullable().optional(),
  unit: line(40).nullable().optional(),
}

export const CreateProduct = z
  .strictObject({
    code: line(60).meta({ description: 'the company’s own number of the product; unique' }),
    ...productBase,
    active: z.boolean().optional(),
  })
  .meta({ id: 'CreateProduct' })

export const ChangeProduct = z
  .strictObject({ code: line(60), ...productBase, active: z.boolean() })
  .partial()
  .meta({ id: 'ChangeProduct' })

export const ProductView = z
  .object({
    id: id('product'),
    version: z.number().int(),
    code: z.string(),
    name: z.string(),
    family: z.string().nullable(),
    description: z.string().nullable(),
    unit: z.string().nullable(),
    active: z.boolean().meta({ description: 'whether it can be put on new quotes' }),
    externalId: z.string().nullable(),
    ...dates,
  })
  .meta({ id: 'Product' })

const oneProduct = { service: 'cpq', path: '/v1/products/{id}', params: z.object({ id: id('product') }), answer: ProductView } as const

export const createProduct = defineOperation({
  id: 'createProduct',
  service: 'cpq',
  method: 'POST',
  path: '/v1/products',
  summary: 'Adds something that can be sold.',
  rule: access.writeProducts,
  body: CreateProduct,
  answer: ProductView,
})

export const getProduct = defineOperation({
  ...oneProduct,
  id: 'getProduct',
  method: 'GET',
  summary: 'One product.',
  rule: access.readProducts,
})

export const changeProduct = defineOperation({
  ...oneProduct,
  id: 'changeProduct',
  method: 'PATCH',
  summary: 'Changes a product, or takes it out of sale (`active: false`). Quotes that have it keep it.',
  rule: access.writeProducts,
  body: ChangeProduct,
})

export const listProducts = defineList({
  id: 'listProducts',
  service: 'cpq',
  path: '/v1/products',
  summary: 'Products.',
  rule: access.readProducts,
  item: ProductView,
  filters: { code: 'exact', name: 'text', family: 'exact', active: 'boolean', externalId: 'exact', updatedAt: 'instant' },
  sorts: ['id', 'code', 'name', 'family', 'updatedAt'],
})

// ---- price book

const validity = {
  validFrom: day.nullable().optional().meta({ description: 'first day, in the company’s zone; none: always was' }),
  validTo: day.nullable().optional().meta({ description: 'last day, in the company’s zone; none: for ever' }),
}

export const CreatePriceBook = z
  .strictObject({
    name: line(100),
    currency,
    ...validity,
    isDefault: z
      .boolean()
      .optional()
      .meta({ description: 'the book that quotes of this currency take; the currency’s first book is, unless told otherwise' }),
  })
  .meta({ id: 'CreatePriceBook' })

export const ChangePriceBook = z
  .strictObject({ name: line(100).optional(), ...validity, isDefault: z.boolean().optional() })
  .meta({ id: 'ChangePriceBook' })

export const PriceBookView = z
  .object({
    id: id('price_book'),
    version: z.number().int(),
    name: z.string(),
    currency,
    validFrom: day.nullable(),
    validTo: day.nullable(),
    isDefault: z.boolean(),
    ...dates,
  })
  .meta({ id: 'PriceBook' })

export const PriceView = z
  .object({
    id: id('price'),
    priceBookId: id('price_book'),
    productId: id('product'),
    code: z.string(),
    name: z.string(),
    price: money.meta({ description: 'for one unit' }),
    updatedAt: instant,
  })
  .meta({ id: 'Price' })

const onePriceBook = {
  service: 'cpq',
  path: '/v1/price-books/{id}',
  params: z.object({ id: id('price_book') }),
  answer: PriceBookView,
} as const

export const createPriceBook = defineOperation({
  id: 'createPriceBook',
  service: 'cpq',
  method: 'POST',
  path: '/v1/price-books',
  summary: 'Makes a price book of one currency.',
  rule: access.writePrices,
  body: CreatePriceBook,
  answer: PriceBookView,
})

export const getPriceBook = defineOperation({
  ...onePriceBook,
  id: 'getPriceBook',
  method: 'GET',
  summary: 'One price book.',
  rule: access.readPrices,
})

export const changePriceBook = defineOperation({
  ...onePriceBook,
  id: 'changePriceBook',
  method: 'PATCH',
  summary: 'Changes a price book. Making it the default takes that from the currency’s former default.',
  rule: access.writePrices,
  body: ChangePriceBook,
})

export const listPriceBooks = defineList({
  id: 'listPriceBooks',
  service: 'cpq',
  path: '/v1/price-books',
  summary: 'Price books.',
  rule: access.readPrices,
  item: PriceBookView,
  filters: { name: 'text', currency: 'exact', isDefault: 'boolean', validFrom: 'day', validTo: 'day' },
  sorts: ['id', 'name', 'currency', 'updatedAt'],
})

export const setPrice = defineOperation({
  id: 'setPrice',
  service: 'cpq',
  method: 'PUT',
  path: '/v1/price-books/{id}/entries/{productId}',
  summary: 'Sets the price of a product in the book. Quotes that exist keep theirs.',
  rule: access.writePrices,
  params: z.object({ id: id('price_book'), productId: id('product') }),
  body: z.strictObject({ price: positiveMoney }).meta({ id: 'SetPrice' }),
  answer: PriceView,
})

export const listPrices = defineOperation({
  id: 'listPrices',
  service: 'cpq',
  method: 'GET',
  path: '/v1/price-books/{id}/entries',
  summary: 'The prices of a book, by product.',
  rule: access.readPrices,
  params: z.object({ id: id('price_book') }),
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: id('product').optional().meta({ description: '`next` of the page before' }),
  }),
  answer: z.object({ data: z.array(PriceView), next: z.string().nullable() }),
})

// ---- quote

export const quoteStatuses = ['draft', 'sent', 'accepted', 'declined', 'superseded'] as const

export const Vat = z
  .strictObject({
    rate: percent('vat.rate_out_of_range').meta({ description: 'in %', examples: ['13'] }),
    mode: z.enum(['on_top', 'inside']).meta({ description: 'whether prices are without it (on_top) or contain it (inside)' }),
  })
  .meta({ id: 'Vat' })

/** When which part is to be paid: a share of the total or an amount, on a day or some days after signing. */
export const Term = z
  .strictObject({
    share: decimalThat('terms.share_out_of_range', (value) => value.compare(Ratio.zero) > 0 && value.compare(hundred) <= 0)
      .nullish()
      .meta({ description: 'in % of the total', examples: ['30'] }),
    amount: positiveMoney.nullish(),
    dueOn: day.nullish(),
    daysAfterSigning: z.number().int().min(0).max(3650).nullish(),
    label: line(100).optional(),
  })
  .refine(({ share, amount }) => exactlyOne(share, amount), { message: 'terms.share_or_amount' })
  .refine(({ dueOn, daysAfterSigning }) => exactlyOne(dueOn, daysAfterSigning), { message: 'terms.one_day' })
  .meta({ id: 'Term' })

const terms = z
  .array(Term)
  .min(1)
  .max(120)
  .meta({ description: 'shares add up to 100 %, or amounts to the total; by default all of it 30 days after signing' })

const DraftLine = z
  .strictObject({
    productId: id('product'),
    quantity: decimalThat('quote.quantity_not_positive', (value) => value.compare(Ratio.zero) > 0),
    price: positiveMoney.nullish().meta({ description: 'for one unit; none: that of the price book' }),
    discount: percent('quote.discount_out_of_range').nullish().meta({ description: 'in % of the line' }),
    vat: Vat.nullish().meta({ description: 'when it differs from the quote’s' }),
  })
  .meta({ id: 'DraftLine' })

const lines = z.array(DraftLine).min(1).max(500)

const HeaderDiscount = z
  .strictObject({ percent: percent('quote.discount_out_of_range').nullish(), amount: positiveMoney.nullish() })
  .refine(({ percent, amount }) => exactlyOne(percent, amount), { message: 'quote.two_discounts' })
  .meta({ id: 'HeaderDiscount', description: 'Off the whole quote, in % or as an amount of prices as quoted; the lines share it exactly.' })

const offer = {
  title: line(200).optional().meta({ description: 'by default that of the opportunity' }),
  validUntil: day.optional().meta({ description: 'last day to accept, in the company’s zone; 30 days from today by default' }),
  discount: HeaderDiscount.nullable().optional(),
  vat: Vat.nullable().optional().meta({ description: 'of every line that has none of its own; none: 0 % on top' }),
  notes: text(5000).nullable().optional(),
  terms: terms.optional(),
}

export const DraftQuote = z
  .strictObject({
    opportunityId: id('opportunity'),
    priceBookId: id('price_book').optional(),
    currency: currency.optional().meta({ description: 'takes its default price book; by default the company’s currency' }),
    ...offer,
    lines,
  })
  .refine(({ priceBookId, currency }) => !(priceBookId && currency), { message: 'quote.book_or_currency' })
  .meta({ id: 'DraftQuote' })

export const ChangeQuote = z
  .strictObject({ ...offer, lines: lines.optional() })
  .meta({ id: 'ChangeQuote', description: 'Lines that are given replace all lines and take today’s prices of the price book.' })

/** The terms as they are kept; the same shape as in the event ContractSigned. */
export const TermView = z
  .object({
    share: decimal.nullable(),
    amount: money.nullable(),
    dueOn: day.nullable(),
    daysAfterSigning: z.number().int().nullable(),
    label: z.string(),
  })
  .meta({ id: 'TermView' })

export const QuoteLineView = z
  .object({
    id: id('quote_line'),
    position: z.number().int(),
    productId: id('product'),
    code: z.string(),
    name: z.string(),
    unit: z.string().nullable(),
    quantity: decimal,
    listPrice: money.nullable().meta({ description: 'for one unit, from the price book' }),
    price: money.nullable().meta({ description: 'for one unit, given instead of the list price' }),
    discount: decimal,
    vat: z.object({ rate: decimal, mode: z.enum(['on_top', 'inside']) }),
    list: money,
    lineDiscount: money,
    headerDiscount: money.meta({ description: 'this line’s share of the quote’s discount' }),
    net: money,
    tax: money,
    gross: money,
    waterfall: z
      .array(
        z.object({
          step: z.enum(['list', 'price_override', 'line_discount', 'header_discount', 'net', 'tax', 'gross']),
          rule: z.string(),
          amount: money,
        }),
      )
      .meta({ description: 'how the price came about: list + override − discounts, then net, tax and gross' }),
  })
  .meta({ id: 'QuoteLine' })

const totals = {
  list: money,
  lineDiscount: money,
  headerDiscount: money,
  net: money,
  tax: money,
  gross: money,
  taxes: z.array(z.object({ rate: decimal, mode: z.enum(['on_top', 'inside']), net: money, tax: money, gross: money })),
}

const versionState = {
  number: z.number().int(),
  status: z.enum(quoteStatuses),
  expired: z.boolean().meta({ description: 'sent or in draft, and its last day has passed' }),
  validUntil: day,
  createdAt: instant,
  sentAt: instant.nullable(),
  acceptedAt: instant.nullable(),
  declinedAt: instant.nullable(),
}

export const QuoteVersionView = z
  .object({
    quoteId: id('quote'),
    ...versionState,
    vat: z.object({ rate: decimal, mode: z.enum(['on_top', 'inside']) }).nullable(),
    discount: z.object({ percent: decimal.nullable(), amount: money.nullable() }).nullable(),
    notes: z.string().nullable(),
    terms: z.array(TermView),
    lines: z.array(QuoteLineView),
    totals: z.object(totals),
    signer: z.string().nullable().meta({ description: 'who accepted at the customer' }),
    signerTitle: z.string().nullable(),
    acceptedBy: z.string().nullable().meta({ description: 'who recorded the acceptance' }),
    declineReason: z.string().nullable(),
  })
  .meta({ id: 'QuoteVersion' })

export const QuoteSummary = z
  .object({
    id: id('quote'),
    version: z.number().int().meta({ description: 'of the record, for If-Match; versions of the offer have a number' }),
    number: z.string(),
    title: z.string(),
    status: z.enum(quoteStatuses).meta({ description: 'of the current version' }),
    currentNumber: z.number().int(),
    acceptedNumber: z.number().int().nullable(),
    validUntil: day,
    opportunityId: id('opportunity'),
    accountId: id('account'),
    ownerId: id('user').nullable(),
    priceBookId: id('price_book').nullable(),
    currency,
    total: money.meta({ description: 'gross of the current version' }),
    journeyId: z.string().nullable(),
    ...dates,
  })
  .meta({ id: 'QuoteSummary' })

export const QuoteView = QuoteSummary.extend({
  accountName: z.string().nullable(),
  current: QuoteVersionView,
  versions: z.array(z.object({ ...versionState, total: money })),
}).meta({ id: 'Quote' })

const quote = { service: 'cpq', params: z.object({ id: id('quote') }), answer: QuoteView } as const

export const draftQuote = defineOperation({
  id: 'draftQuote',
  service: 'cpq',
  method: 'POST',
  path: '/v1/quotes',
  summary: 'Begins a quote for an open opportunity; its first version is a draft.',
  rule: access.writeQuotes,
  body: DraftQuote,
  answer: QuoteView,
})

export const getQuote = defineOperation({
  ...quote,
  id: 'getQuote',
  method: 'GET',
  path: '/v1/quotes/{id}',
  summary: 'One quote: the current version with lines and totals, and all versions in short.',
  rule: access.readQuotes,
})

export const listQuotes = defineList({
  id: 'listQuotes',
  service: 'cpq',
  path: '/v1/quotes',
  summary: 'Quotes.',
  rule: access.readQuotes,
  item: QuoteSummary,
  filters: {
    status: quoteStatuses,
    number: 'exact',
    title: 'text',
    opportunityId: 'exact',
    accountId: 'exact',
    ownerId: 'exact',
    currency: 'exact',
    validUntil: 'day',
    createdAt: 'instant',
    updatedAt: 'instant',
  },
  sorts: ['id', 'number', 'title', 'status', 'validUntil', 'createdAt', 'updatedAt'],
})

export const changeQuote = defineOperation({
  ...quote,
  id: 'changeQuote',
  method: 'PATCH',
  path: '/v1/quotes/{id}',
  summary: 'Changes the draft version and prices it anew.',
  rule: access.writeQuotes,
  body: ChangeQuote,
})

export const newQuoteVersion = defineOperation({
  ...quote,
  id: 'newQuoteVersion',
  method: 'POST',
  path: '/v1/quotes/{id}/new-version',
  summary: 'Begins a new version from the current one, which can no longer be accepted. Prices stay until lines are given.',
  rule: access.writeQuotes,
})

export const sendQuote = defineOperation({
  ...quote,
  id: 'sendQuote',
  method: 'POST',
  path: '/v1/quotes/{id}/send',
  summary: 'The draft version was given to the customer; it does not change any more.',
  rule: access.writeQuotes,
})

export const acceptQuote = defineOperation({
  ...quote,
  id: 'acceptQuote',
  method: 'POST',
  path: '/v1/quotes/{id}/accept',
  summary: 'The customer accepted the version that was sent. Only one version of a quote is ever accepted.',
  rule: access.writeQuotes,
  body: z
    .strictObject({
      signer: line(200).meta({ description: 'who accepted at the customer' }),
      signerTitle: line(100).optional(),
      number: z.number().int().min(1).optional().meta({ description: 'the version that is meant; refused when another is current' }),
    })
    .meta({ id: 'AcceptQuote' }),
})

export const declineQuote = defineOperation({
  ...quote,
  id: 'declineQuote',
  method: 'POST',
  path: '/v1/quotes/{id}/decline',
  summary: 'The customer declined the version that was sent.',
  rule: access.writeQuotes,
  body: z.strictObject({ reason: text(2000) }).meta({ id: 'DeclineQuote' }),
})

const versionNumber = z.coerce.number().int().min(1).max(100_000)

export const getQuoteVersion = defineOperation({
  id: 'getQuoteVersion',
  service: 'cpq',
  method: 'GET',
  path: '/v1/quotes/{id}/versions/{number}',
  summary: 'One version of a quote with its lines and totals.',
  rule: access.readQuotes,
  params: z.object({ id: id('quote'), number: versionNumber }),
  answer: QuoteVersionView,
})

const sides = <T extends z.ZodType>(side: T) => ({ from: side.nullable(), to: side.nullable() })
const comparedLine = z.object({
  quantity: decimal,
  unitPrice: money,
  discount: decimal,
  vat: z.object({ rate: decimal, mode: z.enum(['on_top', 'inside']) }),
  net: money,
  gross: money,
})

const comparedMoney = z.object({ from: money, to: money, difference: money })

export const QuoteComparison = z
  .object({
    lines: z.array(
      z.object({
        change: z.enum(['added', 'removed', 'changed', 'same']),
        productId: id('product'),
        name: z.string(),
        ...sides(comparedLine),
        difference: money.meta({ description: 'gross of `to` minus gross of `from`' }),
      }),
    ),
    totals: z.object({
      list: comparedMoney,
      lineDiscount: comparedMoney,
      headerDiscount: comparedMoney,
      net: comparedMoney,
      tax: comparedMoney,
      gross: comparedMoney,
    }),
    changed: z.array(z.enum(['validUntil', 'vat', 'discount', 'notes', 'terms'])).meta({ description: 'what else differs' }),
  })
  .meta({ id: 'QuoteComparison' })

export const compareQuoteVersions = defineOperation({
  id: 'compareQuoteVersions',
  service: 'cpq',
  method: 'GET',
  path: '/v1/quotes/{id}/compare',
  summary: 'What differs between two versions of a quote.',
  rule: access.readQuotes,
  params: z.object({ id: id('quote') }),
  query: z.strictObject({ from: versionNumber, to: versionNumber }),
  answer: QuoteComparison,
})

// ---- contract

export const contractStatuses = ['draft', 'in_approval', 'approved', 'signed', 'active', 'completed', 'terminated'] as const

export const ContractSummary = z
  .object({
    id: id('contract'),
    version: z.number().int(),
    number: z.string(),
    status: z.enum(contractStatuses),
    title: z.string(),
    quoteId: id('quote'),
    quoteVersion: z.number().int(),
    opportunityId: id('opportunity'),
    accountId: id('account'),
    customerName: z.string().nullable().meta({ description: 'name of the account when the contract was drafted' }),
    ownerId: id('user').nullable(),
    net: money,
    tax: money,
    total: money.meta({ description: 'gross' }),
    authorIds: z.array(z.string()).meta({ description: 'who wrote it; none of them may approve it' }),
    customerSigner: z.string().nullable(),
    ourSigner: z.string().nullable(),
    submittedAt: instant.nullable(),
    submittedBy: z.string().nullable(),
    approvedAt: instant.nullable(),
    approvedBy: z.string().nullable(),
    rejectedReason: z.string().nullable().meta({ description: 'why it last went back to its author' }),
    signedOn: day.nullable().meta({ description: 'in the company’s zone' }),
    signedAt: instant.nullable().meta({ description: 'when the signature was recorded' }),
    signedBy: z.string().nullable().meta({ description: 'who recorded the signature' }),
    journeyId: z.string().nullable(),
    ...dates,
  })
  .meta({ id: 'ContractSummary' })

const soldLine = {
  position: z.number().int(),
  productId: id('product'),
  name: z.string(),
  quantity: decimal,
  net: money,
  tax: money,
  gross: money,
}

export const ContractView = ContractSummary.extend({
  lines: z.array(z.object({ id: id('contract_line'), ...soldLine })),
  terms: z.array(TermView),
  orderId: id('order').nullable(),
}).meta({ id: 'Contract' })

const contract = { service: 'cpq', params: z.object({ id: id('contract') }), answer: ContractView } as const

export const draftContract = defineOperation({
  id: 'draftContract',
  service: 'cpq',
  method: 'POST',
  path: '/v1/contracts',
  summary: 'Makes the contract of an accepted quote, with nothing typed again. Asked again, answers the same contract.',
  rule: access.writeContracts,
  body: z.strictObject({ quoteId: id('quote'), title: line(200).optional() }).meta({ id: 'DraftContract' }),
  answer: ContractView,
})

export const getContract = defineOperation({
  ...contract,
  id: 'getContract',
  method: 'GET',
  path: '/v1/contracts/{id}',
  summary: 'One contract with its lines and terms.',
  rule: access.readContracts,
})

export const listContracts = defineList({
  id: 'listContracts',
  service: 'cpq',
  path: '/v1/contracts',
  summary: 'Contracts.',
  rule: access.readContracts,
  item: ContractSummary,
  filters: {
    status: contractStatuses,
    number: 'exact',
    title: 'text',
    customerName: 'text',
    quoteId: 'exact',
    opportunityId: 'exact',
    accountId: 'exact',
    ownerId: 'exact',
    signedOn: 'day',
    createdAt: 'instant',
    updatedAt: 'instant',
  },
  sorts: ['id', 'number', 'title', 'status', 'signedOn', 'createdAt', 'updatedAt'],
})

export const changeContract = defineOperation({
  ...contract,
  id: 'changeContract',
  method: 'PATCH',
  path: '/v1/contracts/{id}',
  summary: 'Changes a contract in draft. What is sold and for how much stays that of the quote.',
  rule: access.writeContracts,
  body: z
    .strictObject({ title: line(200).optional(), customerSigner: line(200).nullable().optional(), terms: terms.optional() })
    .meta({ id: 'ChangeContract' }),
})

export const submitContract = defineOperation({
  ...contract,
  id: 'submitContract',
  method: 'POST',
  path: '/v1/contracts/{id}/submit',
  summary: 'Hands the contract in for approval.',
  rule: access.writeContracts,
})

export const approveContract = defineOperation({
  ...contract,
  id: 'approveContract',
  method: 'POST',
  path: '/v1/contracts/{id}/approve',
  summary: 'Approves the contract; refused for those who wrote it.',
  rule: access.approve,
})

export const rejectContract = defineOperation({
  ...contract,
  id: 'rejectContract',
  method: 'POST',
  path: '/v1/contracts/{id}/reject',
  summary: 'Sends the contract back to its author with the reason; also when it was approved but is not signed yet.',
  rule: access.approve,
  body: z.strictObject({ reason: text(2000) }).meta({ id: 'RejectContract' }),
})

export const signContract = defineOperation({
  ...contract,
  id: 'signContract',
  method: 'POST',
  path: '/v1/contracts/{id}/sign',
  summary: 'Records that both sides signed the approved contract; the order is placed with it.',
  rule: access.writeContracts,
  body: z
    .strictObject({
      customerSigner: line(200).optional().meta({ description: 'needed unless the contract names one' }),
      signedOn: day.optional().meta({ description: 'in the company’s zone; today by default, never later' }),
      ourSigner: line(200).optional(),
    })
    .meta({ id: 'SignContract' }),
})

// ---- order

export const OrderSummary = z
  .object({
    id: id('order'),
    version: z.number().int(),
    number: z.string(),
    contractId: id('contract'),
    opportunityId: id('opportunity'),
    accountId: id('account'),
    customerName: z.string().nullable(),
    ownerId: id('user').nullable(),
    total: money.meta({ description: 'gross' }),
    placedOn: day.meta({ description: 'the day the contract was signed' }),
    journeyId: z.string().nullable(),
    ...dates,
  })
  .meta({ id: 'OrderSummary' })

export const OrderView = OrderSummary.extend({ lines: z.array(z.object({ id: id('order_line'), ...soldLine })) }).meta({ id: 'Order' })

export const getOrder = defineOperation({
  id: 'getOrder',
  service: 'cpq',
  method: 'GET',
  path: '/v1/orders/{id}',
  summary: 'One order with its lines.',
  rule: access.readOrders,
  params: z.object({ id: id('order') }),
  answer: OrderView,
})

export const listOrders = defineList({
  id: 'listOrders',
  service: 'cpq',
  path: '/v1/orders',
  summary: 'Orders.',
  rule: access.readOrders,
  item: OrderSummary,
  filters: {
    number: 'exact',
    contractId: 'exact',
    opportunityId: 'exact',
    accountId: 'exact',
    ownerId: 'exact',
    customerName: 'text',
    placedOn: 'day',
    createdAt: 'instant',
  },
  sorts: ['id', 'number', 'placedOn', 'createdAt'],
})

defineProblems({
  'product.code_missing': {
    en: 'The product has no usable code. Its name is longer than a code may be (60); give a code.',
    'zh-CN': '产品缺少可用编码。名称超过编码允许的 60 个字符,请提供编码。',
  },
  'product.currency_missing': {
    en: 'The price has no currency. Give the currency column or a default for it.',
    'zh-CN': '价格缺少币种。请提供币种列或其默认值。',
  },
  'product.code_taken': {
    en: 'Another product has this code already. {code} belongs to {productId}; choose another code.',
    'zh-CN': '该产品编码已被使用。{code} 属于 {productId},请另选编码。',
  },
  'product.inactive': {
    en: 'The product is not sold any more. {name} cannot be put on a quote; make it active or choose another.',
    'zh-CN': '该产品已停售。{name} 不能加入报价,请启用或改选其他产品。',
  },
  'price_book.name_taken': {
    en: 'Another price book has this name already. Choose another name than {name}.',
    'zh-CN': '已有同名价目表。请使用 {name} 以外的名称。',
  },
  'price_book.validity_reversed': {
    en: 'The price book would end before it begins. Give a validTo on or after {validFrom}.',
    'zh-CN': '价目表的结束日早于开始日。请提供不早于 {validFrom} 的 validTo。',
  },
  'price_book.not_valid': {
    en: 'The price book is not valid today. It holds from {validFrom} to {validTo}; choose another.',
    'zh-CN': '价目表今日无效。有效期为 {validFrom} 至 {validTo},请选择其他价目表。',
  },
  'vat.rate_out_of_range': { en: 'The VAT rate must be from 0 to 100 %.', 'zh-CN': '增值税率必须在 0 至 100 % 之间。' },
  'terms.share_out_of_range': { en: 'A share must be more than 0 and at most 100 %.', 'zh-CN': '比例必须大于 0 且不超过 100 %。' },
  'terms.share_or_amount': { en: 'A term needs either a share or an amount.', 'zh-CN': '每期收款须且只须指定比例或金额之一。' },
  'terms.one_day': {
    en: 'A term needs one day to be paid. Give either dueOn or daysAfterSigning.',
    'zh-CN': '每期收款须指定一个付款日。请提供 dueOn 或 daysAfterSigning 之一。',
  },
  'terms.mixed': {
    en: 'The terms mix shares and amounts. Give shares for all of them, or amounts for all.',
    'zh-CN': '收款条款混用了比例和金额。请全部使用比例或全部使用金额。',
  },
  'terms.shares_incomplete': {
    en: 'The shares do not add up to 100 %. They make {sum} %.',
    'zh-CN': '各期比例之和不等于 100 %。当前合计 {sum} %。',
  },
  'terms.amounts_differ': {
    en: 'The instalments do not add up to the total. They make {sum} {currency}, the total is {total} {currency}.',
    'zh-CN': '各期金额之和与总额不符。合计 {sum} {currency},总额 {total} {currency}。',
  },
  'quote.book_or_currency': {
    en: 'Choose a price book or a currency. A price book has its currency already.',
    'zh-CN': '请选择价目表或币种之一。价目表已包含币种。',
  },
  'quote.two_discounts': { en: 'Give the discount either in % or as an amount.', 'zh-CN': '折扣请用百分比或金额之一表示。' },
  'quote.no_lines': { en: 'A quote needs at least one line.', 'zh-CN': '报价至少需要一行。' },
  'quote.quantity_not_positive': { en: 'The quantity must be more than 0.', 'zh-CN': '数量必须大于 0。' },
  'quote.discount_out_of_range': { en: 'The discount must be from 0 to 100 %.', 'zh-CN': '折扣必须在 0 至 100 % 之间。' },
  'quote.discount_too_large': {
    en: 'The discount is more than the quote. At most {most} {currency} can be taken off.',
    'zh-CN': '折扣金额超过报价。最多可减 {most} {currency}。',
  },
  'quote.no_price': {
    en: 'There is no price for a product. {name} is not in the price book of {currency}; give a price on the line or add it to the book.',
    'zh-CN': '产品没有价格。{currency} 价目表中没有 {name},请在行上提供价格或加入价目表。',
  },
  'quote.no_account': {
    en: 'The opportunity has no account to quote to. Give it one first.',
    'zh-CN': '商机没有客户,无法报价。请先关联客户。',
  },
  'quote.deal_closed': {
    en: 'The opportunity is closed. It is {status}; quotes belong to open ones.',
    'zh-CN': '商机已关闭。当前状态:{status};只能为未关闭的商机报价。',
  },
  'quote.valid_until_past': {
    en: 'The last day of the quote has passed already. Today is {today}; choose a later one than {validUntil}.',
    'zh-CN': '报价有效期已过。今天是 {today},请选择晚于 {validUntil} 的日期。',
  },
  'quote.expired': {
    en: 'The quote has expired. It was valid until {validUntil}; begin a new version.',
    'zh-CN': '报价已过期。有效期至 {validUntil},请创建新版本。',
  },
  'quote.not_draft': {
    en: 'Only a draft can be changed. The current version is {status}; begin a new version.',
    'zh-CN': '只能修改草稿。当前版本状态为 {status},请创建新版本。',
  },
  'quote.already_accepted': {
    en: 'A version of this quote was accepted already. Version {number} is; make its contract.',
    'zh-CN': '该报价已有版本被接受。已接受版本 {number},请据此生成合同。',
  },
  'quote.not_current': {
    en: 'Another version is the current one. Version {number} was meant, {current} is current.',
    'zh-CN': '指定版本不是当前版本。指定 {number},当前 {current}。',
  },
  'contract.quote_not_accepted': {
    en: 'Only an accepted quote becomes a contract. This one is {status}.',
    'zh-CN': '只有已接受的报价才能生成合同。当前状态:{status}。',
  },
  'contract.not_draft': {
    en: 'Only a draft can be changed. The contract is {status}; it has to be rejected first.',
    'zh-CN': '只能修改草稿状态的合同。当前状态:{status},需先驳回。',
  },
  'contract.own_approval': {
    en: 'You wrote this contract, so somebody else has to approve it.',
    'zh-CN': '您是该合同的编写人,须由他人审批。',
  },
  'contract.no_signer': {
    en: 'Nobody signed for the customer. Give customerSigner.',
    'zh-CN': '缺少客户签署人。请提供 customerSigner。',
  },
  'contract.signed_in_future': {
    en: 'A signature cannot lie in the future. Today is {today}, {signedOn} was given.',
    'zh-CN': '签署日期不能晚于今天。今天是 {today},提供的是 {signedOn}。',
  },
})
