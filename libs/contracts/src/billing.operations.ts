import { isCurrency } from '@millrace/domain'
import { z } from 'zod'
import { everybody, financiers, permission, salesReaders } from './access.js'
import { Term } from './cpq.operations.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, id, instant, line, money, positiveMoney, text, zone } from './shapes.js'

const ledgerReaders = { administrator: 'company', executive: 'company', finance: 'company', integrator: 'company' } as const

const access = {
  readEntities: permission('legal_entity.read', everybody),
  writeEntities: permission('legal_entity.write', { administrator: 'company', finance: 'company' }),
  readPlans: permission('collection_plan.read', salesReaders),
  replan: permission('collection_plan.replan', financiers),
  readReceivables: permission('receivable.read', salesReaders),
  writeOff: permission('receivable.write_off', financiers),
  readInvoices: permission('invoice.read', salesReaders),
  issue: permission('invoice.issue', financiers),
  readReceipts: permission('receipt.read', salesReaders),
  record: permission('receipt.record', financiers),
  readLedger: permission('ledger.read', ledgerReaders),
}

/** More than nothing: what is billed, paid or taken back. */
const amountOwed = positiveMoney.refine((given) => !given.isZero(), { message: 'billing.zero_amount' })

const common = { id: z.string(), version: z.number().int(), createdAt: instant, updatedAt: instant }
const chained = { ...common, journeyId: z.string().nullable() }
const customer = { accountId: id('account'), accountName: z.string().nullable(), ownerId: id('user').nullable() }

// ---- legal entity

const country = z
  .string()
  .regex(/^[A-Z]{2}$/)
  .meta({ description: 'ISO 3166-1 alpha-2', examples: ['CN'] })
const currency = z
  .string()
  .length(3)
  .refine(isCurrency, { message: 'money.unknown_currency' })
  .meta({ description: 'ISO 4217', examples: ['CNY'] })
const prefix = z
  .string()
  .regex(/^[A-Z0-9]{1,10}$/)
  .meta({ description: 'what the numbers of its invoices begin with; no two legal entities have the same', examples: ['INV'] })
const series = z
  .string()
  .regex(/^[A-Z0-9]{1,10}$/)
  .meta({ description: 'numbers run without gap in each series', examples: ['VS'] })

const entity = { name: line(200), country: country.nullable(), zone, currency, prefix }

export const AddLegalEntity = z.strictObject({ ...entity, country: country.nullish() }).meta({ id: 'AddLegalEntity' })
export const ChangeLegalEntity = z.strictObject(entity).partial().meta({ id: 'ChangeLegalEntity' })

export const LegalEntityView = z
  .object({
    ...common,
    id: id('legal_entity'),
    name: z.string(),
    country: z.string().nullable(),
    zone: z.string().meta({ description: 'a day of billing is a day here' }),
    currency: z.string(),
    prefix: z.string(),
    isDefault: z.boolean().meta({ description: 'the seller wherever none is named' }),
  })
  .meta({ id: 'LegalEntity' })

export const addLegalEntity = defineOperation({
  id: 'addLegalEntity',
  service: 'billing',
  method: 'POST',
  path: '/v1/legal-entities',
  summary: 'Adds a legal entity that sells and issues invoices. The first one of a company comes with the company.',
  rule: access.writeEntities,
  body: AddLegalEntity,
  answer: LegalEntityView,
})

export const listLegalEntities = defineList({
  id: 'listLegalEntities',
  service: 'billing',
  path: '/v1/legal-entities',
  summary: 'The legal entities of the company.',
  rule: access.readEntities,
  item: LegalEntityView,
  filters: { name: 'text', country: 'exact', currency: 'exact', prefix: 'exact', isDefault: 'boolean' },
  sorts: ['id', 'name', 'createdAt'],
})

const oneEntity = { service: 'billing', params: z.object({ id: id('legal_entity') }), answer: LegalEntityView } as const

export const getLegalEntity = defineOperation({
  ...oneEntity,
  id: 'getLegalEntity',
  method: 'GET',
  path: '/v1/legal-entities/{id}',
  summary: 'One legal entity.',
  rule: access.readEntities,
})

export const changeLegalEntity = defineOperation({
  ...oneEntity,
  id: 'changeLegalEntity',
  method: 'PATCH',
  path: '/v1/legal-entities/{id}',
  summary: 'Changes a legal entity. Its prefix stays once it has issued an invoice.',
  rule: access.writeEntities,
  body: ChangeLegalEntity,
})

// ---- receivable

export const receivableStatuses = ['planned', 'due', 'partly_settled', 'settled', 'written_off', 'cancelled'] as const

export const ReceivableView = z
  .object({
    ...chained,
    id: id('receivable'),
    planId: id('collection_plan'),
    contractId: id('contract'),
    contractNumber: z.string(),
    number: z.number().int().meta({ description: 'of the instalment in its plan, from 1' }),
    label: z.string(),
    ...customer,
    status: z.enum(receivableStatuses),
    dueOn: day,
    overdue: z.boolean().meta({ description: 'open after its day, in the seller’s zone' }),
    amount: money,
    tax: money.meta({ description: 'contained in the amount' }),
    settled: money,
    credited: money.meta({ description: 'taken off by credit notes' }),
    open: money.meta({ description: 'what is still to be paid' }),
    invoiceId: id('invoice').nullable(),
    invoiceNumber: z.string().nullable(),
  })
  .meta({ id: 'Receivable' })

export const listReceivables = defineList({
  id: 'listReceivables',
  service: 'billing',
  path: '/v1/receivables',
  summary: 'What customers owe, and from when.',
  rule: access.readReceivables,
  item: ReceivableView,
  filters: {
    accountId: 'exact',
    contractId: 'exact',
    planId: 'exact',
    invoiceId: 'exact',
    ownerId: 'exact',
    status: receivableStatuses,
    dueOn: 'day',
    overdue: 'boolean',
  },
  sorts: ['id', 'dueOn', 'createdAt', 'updatedAt'],
})

const oneReceivable = { service: 'billing', params: z.object({ id: id('receivable') }), answer: ReceivableView } as const

export const getReceivable = defineOperation({
  ...oneReceivable,
  id: 'getReceivable',
  method: 'GET',
  path: '/v1/receivables/{id}',
  summary: 'One receivable.',
  rule: access.readReceivables,
})

export const writeOffReceivable = defineOperation({
  ...oneReceivable,
  id: 'writeOffReceivable',
  method: 'POST',
  path: '/v1/receivables/{id}/write-off',
  summary: 'Gives up what is open of a due receivable. It is not taken back.',
  rule: access.writeOff,
  body: z.strictObject({ reason: text(500) }).meta({ id: 'WriteOffReceivable' }),
})

// ---- collection plan

const plan = {
  ...chained,
  id: id('collection_plan'),
  contractId: id('contract'),
  contractNumber: z.string(),
  ...customer,
  total: money,
  tax: money.meta({ description: 'contained in the total' }),
  signedOn: day,
}

export const CollectionPlanView = z
  .object({ ...plan, instalments: z.array(ReceivableView).meta({ description: 'they add up to the total exactly' }) })
  .meta({ id: 'CollectionPlan' })

export const listCollectionPlans = defineList({
  id: 'listCollectionPlans',
  service: 'billing',
  path: '/v1/collection-plans',
  summary: 'How contracts are to be paid.',
  rule: access.readPlans,
  item: z.object(plan).meta({ id: 'CollectionPlanSummary' }),
  filters: { accountId: 'exact', contractId: 'exact', contractNumber: 'exact', ownerId: 'exact', signedOn: 'day' },
  sorts: ['id', 'signedOn', 'createdAt'],
})

const onePlan = { service: 'billing', params: z.object({ id: id('collection_plan') }), answer: CollectionPlanView } as const

export const getCollectionPlan = defineOperation({
  ...onePlan,
  id: 'getCollectionPlan',
  method: 'GET',
  path: '/v1/collection-plans/{id}',
  summary: 'One collection plan with its instalments.',
  rule: access.readPlans,
})

export const replanCollection = defineOperation({
  ...onePlan,
  id: 'replanCollection',
  method: 'POST',
  path: '/v1/collection-plans/{id}/replan',
  summary: 'Lays the total out anew, as long as nothing of it is due, invoiced or paid. The instalments get new ids.',
  rule: access.replan,
  body: z
    .strictObject({ terms: z.array(Term).min(1).max(120).meta({ description: 'together they make the contract’s total' }) })
    .meta({ id: 'ReplanCollection' }),
})

// ---- invoice

export const invoiceKinds = ['vat_special', 'vat_ordinary', 'commercial'] as const

const buyer = z.object({ name: z.string(), taxId: z.string().nullable(), address: z.string().nullable() }).meta({ id: 'Buyer' })

const document = {
  ...chained,
  id: id('invoice'),
  number: z.string(),
  legalEntityId: id('legal_entity'),
  series: z.string(),
  kind: z.enum(invoiceKinds),
  creditOf: id('invoice').nullable().meta({ description: 'the invoice that this credit note takes back; null: it is an invoice' }),
  ...customer,
  buyer,
  issuedOn: day,
  net: money,
  tax: money,
  total: money,
  credited: money.meta({ description: 'taken back by credit notes so far' }),
  reason: z.string().nullable().meta({ description: 'of a credit note' }),
}

const InvoiceLineView = z
  .object({ receivableId: id('receivable'), label: z.string(), net: money, tax: money, gross: money })
  .meta({ id: 'InvoiceLine' })

export const InvoiceView = z.object({ ...document, lines: z.array(InvoiceLineView) }).meta({ id: 'Invoice' })

/** What an invoice is issued for. */
export const IssueInvoice = z
  .strictObject({
    receivableIds: z
      .array(id('receivable'))
      .min(1)
      .max(100)
      .refine((ids) => new Set(ids).size === ids.length, { message: 'invoice.receivable_twice' })
      .meta({ description: 'of one account and currency, not invoiced yet' }),
    legalEntityId: id('legal_entity').optional().meta({ description: 'the seller; the company’s default one' }),
    kind: z.enum(invoiceKinds),
    series: series.optional().meta({ description: 'by default VS, VO or CI, after the kind' }),
    buyer: z
      .strictObject({ name: line(200), taxId: line(60).nullish(), address: line(300).nullish() })
      .optional()
      .meta({ id: 'BuyerData', description: 'by default the account’s name' }),
    issuedOn: day.optional().meta({ description: 'in the seller’s zone; today by default' }),
  })
  .meta({ id: 'IssueInvoice' })

export const issueInvoice = defineOperation({
  id: 'issueInvoice',
  service: 'billing',
  method: 'POST',
  path: '/v1/invoices',
  summary: 'Issues the tax document for receivables. It is never changed; a credit note takes it back.',
  rule: access.issue,
  body: IssueInvoice,
  answer: InvoiceView,
})

export const listInvoices = defineList({
  id: 'listInvoices',
  service: 'billing',
  path: '/v1/invoices',
  summary: 'Invoices and credit notes.',
  rule: access.readInvoices,
  item: z.object(document).meta({ id: 'InvoiceSummary' }),
  filters: {
    number: 'exact',
    legalEntityId: 'exact',
    series: 'exact',
    kind: invoiceKinds,
    creditOf: 'exact',
    accountId: 'exact',
    ownerId: 'exact',
    issuedOn: 'day',
  },
  sorts: ['id', 'number', 'issuedOn', 'createdAt'],
})

const oneInvoice = { service: 'billing', params: z.object({ id: id('invoice') }), answer: InvoiceView } as const

export const getInvoice = defineOperation({
  ...oneInvoice,
  id: 'getInvoice',
  method: 'GET',
  path: '/v1/invoices/{id}',
  summary: 'One invoice or credit note with its lines.',
  rule: access.readInvoices,
})

export const creditInvoice = defineOperation({
  ...oneInvoice,
  id: 'creditInvoice',
  method: 'POST',
  path: '/v1/invoices/{id}/credit',
  summary:
    'Issues a credit note. Without amount it takes back all of an unpaid invoice, whose receivables can then be invoiced again; with an amount the customer owes that much less.',
  rule: access.issue,
  body: z
    .strictObject({
      amount: amountOwed.optional().meta({ description: 'at most what is open of the invoice; its lines share it' }),
      reason: text(500).optional(),
      issuedOn: day.optional().meta({ description: 'in the seller’s zone; today by default' }),
    })
    .meta({ id: 'CreditInvoice' }),
})

// ---- receipt

const Allocation = z.object({ receivableId: id('receivable'), amount: money }).meta({ id: 'Allocation' })

const receipt = {
  ...chained,
  id: id('receipt'),
  ...customer,
  amount: money,
  credit: money.meta({ description: 'what is not settled with a receivable: credit of the account' }),
  receivedOn: day,
  reference: z.string().nullable(),
  bankAccount: z.string().nullable(),
  externalId: z.string().nullable(),
}

export const ReceiptView = z
  .object({ ...receipt, allocations: z.array(Allocation).meta({ description: 'the receivables it pays' }) })
  .meta({ id: 'Receipt' })

export const RecordReceipt = z
  .strictObject({
    accountId: id('account'),
    amount: amountOwed,
    receivedOn: day,
    reference: line(200).nullish().meta({ description: 'as the payer wrote it; numbers of invoices and contracts are found in it' }),
    bankAccount: line(60).nullish(),
    externalId: line(100).nullish().meta({ description: 'the bank’s id of it; sent again, the receipt that is there is answered' }),
  })
  .meta({ id: 'RecordReceipt' })

export const recordReceipt = defineOperation({
  id: 'recordReceipt',
  service: 'billing',
  method: 'POST',
  path: '/v1/receipts',
  summary:
    'Records money that arrived and settles it: by its reference, by its exact amount, then oldest due first. The rest is kept as credit.',
  rule: access.record,
  body: RecordReceipt,
  answer: ReceiptView,
})

export const listReceipts = defineList({
  id: 'listReceipts',
  service: 'billing',
  path: '/v1/receipts',
  summary: 'Money that arrived.',
  rule: access.readReceipts,
  item: z.object(receipt).meta({ id: 'ReceiptSummary' }),
  filters: { accountId: 'exact', ownerId: 'exact', receivedOn: 'day', reference: 'text', externalId: 'exact', bankAccount: 'exact' },
  sorts: ['id', 'receivedOn', 'createdAt'],
})

const oneReceipt = { service: 'billing', params: z.object({ id: id('receipt') }), answer: ReceiptView } as const

export const getReceipt = defineOperation({
  ...oneReceipt,
  id: 'getReceipt',
  method: 'GET',
  path: '/v1/receipts/{id}',
  summary: 'One receipt with what it pays and what is left of it.',
  rule: access.readReceipts,
})

export const settleReceipt = defineOperation({
  ...oneReceipt,
  id: 'settleReceipt',
  method: 'POST',
  path: '/v1/receipts/{id}/settle',
  summary: 'Settles the credit of a receipt: with the receivables named, otherwise by the usual rules.',
  rule: access.record,
  body: z
    .strictObject({
      allocations: z
        .array(z.strictObject({ receivableId: id('receivable'), amount: amountOwed }))
        .min(1)
        .max(100)
        .refine((list) => new Set(list.map(({ receivableId }) => receivableId)).size === list.length, {
          message: 'receipt.receivable_twice',
        })
        .optional(),
    })
    .meta({ id: 'SettleReceipt' }),
})

export const unsettleReceipt = defineOperation({
  ...oneReceipt,
  id: 'unsettleReceipt',
  method: 'POST',
  path: '/v1/receipts/{id}/unsettle',
  summary: 'Takes back all that the receipt pays: the receivables are open again, the money is credit of the account.',
  rule: access.record,
})

// ---- ledger

/** The chart of accounts of the sub-ledger. */
export const ledgerAccounts = ['accounts_receivable', 'unapplied_receipts', 'bank', 'revenue', 'tax_payable', 'bad_debt'] as const
export const entryKinds = ['invoice', 'credit_note', 'receipt', 'settlement', 'settlement_undone', 'write_off', 'account_merged'] as const

/** An exact sum; unlike `Money` it may be larger than one column holds. */
const sum = z.string().meta({ examples: ['1234.50'] })

export const LedgerEntryView = z
  .object({
    id: id('journal_entry'),
    kind: z.enum(entryKinds),
    sourceId: z.string().meta({ description: 'the invoice, credit note, receipt or receivable that it books' }),
    reverses: id('journal_entry').nullable(),
    accountId: id('account'),
    occurredOn: day,
    createdAt: instant,
    journeyId: z.string().nullable(),
    postings: z.array(
      z.object({
        ledgerAccount: z.enum(ledgerAccounts),
        side: z.enum(['debit', 'credit']),
        amount: money,
        receivableId: id('receivable').nullable(),
      }),
    ),
  })
  .meta({ id: 'LedgerEntry' })

export const listLedgerEntries = defineList({
  id: 'listLedgerEntries',
  service: 'billing',
  path: '/v1/ledger/entries',
  summary: 'What was booked. An entry is never changed; an error is reversed by another one.',
  rule: access.readLedger,
  item: LedgerEntryView,
  filters: { accountId: 'exact', sourceId: 'exact', kind: entryKinds, occurredOn: 'day' },
  sorts: ['id', 'occurredOn'],
})

export const LedgerBalanceView = z
  .object({
    id: z.string(),
    ledgerAccount: z.enum(ledgerAccounts),
    currency: z.string(),
    accountId: id('account'),
    debit: sum,
    credit: sum,
    balance: sum.meta({ description: 'debit less credit' }),
  })
  .meta({ id: 'LedgerBalance' })

export const listLedgerBalances = defineList({
  id: 'listLedgerBalances',
  service: 'billing',
  path: '/v1/ledger/balances',
  summary: 'Balances by customer, ledger account and currency: sums of what was booked.',
  rule: access.readLedger,
  item: LedgerBalanceView,
  filters: { accountId: 'exact', ledgerAccount: ledgerAccounts, currency: 'exact' },
  sorts: ['id'],
})

export const checkLedger = defineOperation({
  id: 'checkLedger',
  service: 'billing',
  method: 'GET',
  path: '/v1/ledger/check',
  summary: 'Whether the books hold: debits equal credits, and the balances equal the receivables and receipts they stand for.',
  rule: access.readLedger,
  answer: z
    .object({
      balanced: z.boolean().meta({ description: 'everything below holds' }),
      currencies: z.array(
        z.object({
          currency: z.string(),
          debit: sum,
          credit: sum,
          receivable: z.object({ booked: sum, open: sum.meta({ description: 'of invoiced receivables' }) }),
          unapplied: z.object({ booked: sum, credit: sum.meta({ description: 'of receipts' }) }),
        }),
      ),
      series: z.array(
        z.object({
          legalEntityId: id('legal_entity'),
          series: z.string(),
          issued: z.number().int(),
          last: z.number().int().meta({ description: 'as many as issued: there is no gap' }),
        }),
      ),
    })
    .meta({ id: 'LedgerCheck' }),
})

defineProblems({
  'billing.zero_amount': { en: 'The amount must be more than nothing.', 'zh-CN': '金额必须大于零。' },
  'legal_entity.none': {
    en: 'There is no seller to issue the invoice. Add a legal entity and name it as legalEntityId.',
    'zh-CN': '没有开票主体。请新增法人实体并在 legalEntityId 中指定。',
  },
  'legal_entity.prefix_taken': {
    en: 'Another legal entity numbers its invoices with this prefix. Choose one other than {prefix}.',
    'zh-CN': '该发票前缀已被其他法人实体使用。请使用 {prefix} 以外的前缀。',
  },
  'legal_entity.numbered': {
    en: 'The prefix stays as it is. Invoices numbered with {prefix} were issued already.',
    'zh-CN': '前缀不能再修改。已开具以 {prefix} 编号的发票。',
  },
  'collection_plan.lines_differ': {
    en: 'The lines of the contract do not make its total. They make {lines}, the total is {total}; mend the contract and send it again.',
    'zh-CN': '合同行之和与合同总额不符。合同行合计 {lines},总额 {total};请更正合同后重新发送。',
  },
  'collection_plan.does_not_add_up': {
    en: 'The terms do not make the contract’s total. They make {sum}, the total is {total}; give shares of 100 % or amounts that add up.',
    'zh-CN': '收款条款与合同总额不符。合计 {sum},总额 {total};请使比例合计 100 % 或金额合计等于总额。',
  },
  'collection_plan.vague_term': {
    en: 'A term must say how much and when. Term {number} needs a share or an amount, and a day or a number of days after signing.',
    'zh-CN': '收款条款必须说明金额和时间。第 {number} 期须指定比例或金额,以及日期或签约后天数。',
  },
  'collection_plan.negative_term': {
    en: 'A term may not be negative. Term {number} is.',
    'zh-CN': '收款条款不能为负。第 {number} 期为负。',
  },
  'collection_plan.begun': {
    en: 'The plan has begun and can no longer be laid out anew. These receivables are due, invoiced or paid already: {receivables}.',
    'zh-CN': '收款计划已开始执行,不能重新编排。以下应收单已到期、开票或收款:{receivables}。',
  },
  'receivable.invoiced': {
    en: 'The receivable is invoiced already. See {number}; credit that invoice first.',
    'zh-CN': '应收单已开票。请查看 {number},如需重开请先红冲。',
  },
  'receivable.not_invoiced': {
    en: 'The receivable is not invoiced yet. Issue the invoice first; until then the money is kept as credit.',
    'zh-CN': '应收单尚未开票。请先开票;在此之前款项作为余额保留。',
  },
  'receivable.not_due': {
    en: 'Before its day a receivable is paid in full or not at all. It is due on {dueOn}, open are {open}.',
    'zh-CN': '未到期的应收单只能全额收款。到期日 {dueOn},未收 {open}。',
  },
  'receivable.over_settled': {
    en: 'This is more than the receivable is open for. Open are {open}.',
    'zh-CN': '金额超过应收单未收金额。未收 {open}。',
  },
  'receivable.closed': {
    en: 'The receivable is closed. It is {status}; nothing more can be invoiced or paid on it.',
    'zh-CN': '应收单已关闭。状态为 {status},不能再开票或收款。',
  },
  'receivable.written_off': {
    en: 'The receivable was written off. What was settled with it before stays.',
    'zh-CN': '应收单已作坏账核销。此前的核销不能撤销。',
  },
  'invoice.receivable_twice': { en: 'A receivable is named twice.', 'zh-CN': '同一应收单重复出现。' },
  'invoice.several_accounts': {
    en: 'An invoice is for one customer. The receivables belong to {accounts}.',
    'zh-CN': '一张发票只能对应一个客户。这些应收单属于 {accounts}。',
  },
  'invoice.several_currencies': {
    en: 'An invoice is in one currency. The receivables are in {currencies}.',
    'zh-CN': '一张发票只能使用一种货币。这些应收单的货币为 {currencies}。',
  },
  'invoice.no_buyer': { en: 'The buyer has no name. Give buyer.name.', 'zh-CN': '缺少购买方名称。请提供 buyer.name。' },
  'invoice.no_tax_id': {
    en: 'A special VAT invoice needs the buyer’s tax number. Give buyer.taxId.',
    'zh-CN': '增值税专用发票必须填写购买方纳税人识别号。请提供 buyer.taxId。',
  },
  'invoice.is_credit_note': {
    en: 'A credit note cannot be credited. Credit its invoice.',
    'zh-CN': '红字发票不能再红冲。请对原发票操作。',
  },
  'invoice.credited_already': { en: 'The invoice is credited in full already.', 'zh-CN': '发票已全额红冲。' },
  'invoice.credit_too_large': {
    en: 'The credit note would be more than is open of the invoice. At most {available} can be credited.',
    'zh-CN': '红字金额超过发票未收金额。最多可红冲 {available}。',
  },
  'invoice.paid': {
    en: 'The invoice is paid in part or written off, so it cannot be taken back as a whole. Undo the settlement first, or credit an amount.',
    'zh-CN': '发票已部分收款或已作坏账,不能整张红冲。请先撤销核销,或按金额红冲。',
  },
  'receipt.differs': {
    en: 'Another receipt has this externalId. {receiptId} is of another account, amount or day.',
    'zh-CN': '该 externalId 已用于另一笔收款。{receiptId} 的客户、金额或日期不同。',
  },
  'receipt.over_allocated': {
    en: 'This is more than is left of the receipt. Left are {credit}.',
    'zh-CN': '金额超过收款单余额。余额 {credit}。',
  },
  'receipt.receivable_twice': { en: 'A receivable is named twice.', 'zh-CN': '同一应收单重复出现。' },
  'receipt.other_account': {
    en: 'The receivable is another customer’s. {receivableId} cannot be paid by this receipt.',
    'zh-CN': '应收单属于其他客户。该收款单不能核销 {receivableId}。',
  },
  'receipt.other_currency': {
    en: 'The receivable is in another currency. It is in {receivable}, the receipt in {receipt}.',
    'zh-CN': '应收单货币不同。应收单为 {receivable},收款单为 {receipt}。',
  },
  'receipt.not_settled': { en: 'The receipt pays nothing, so there is nothing to take back.', 'zh-CN': '收款单没有可撤销的核销。' },
})
