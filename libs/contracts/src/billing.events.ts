import { z } from 'zod'
import { defineEvent } from './event.js'
import { day, id, line, money } from './shapes.js'

const owed = { contractId: id('contract'), accountId: id('account'), ownerId: id('user').nullable() }

export const CollectionPlanMade = defineEvent(
  'collection_plan.made',
  1,
  z.object({
    planId: id('collection_plan'),
    ...owed,
    total: money,
    instalments: z.array(
      z.object({ receivableId: id('receivable'), number: z.number().int(), label: line(100), amount: money, dueOn: day }),
    ),
  }),
  'A contract’s total was laid out over instalments; they add up to it exactly. Sent again when it is laid out anew: then these replace the earlier ones.',
)

const handed = { accountId: id('account'), ownerId: id('user').meta({ description: 'who has it now' }) }

export const CollectionPlanHandedOver = defineEvent(
  'collection_plan.handed_over',
  1,
  z.object({ planId: id('collection_plan'), ...handed }),
  'A handover gave a collection plan to another owner, or back.',
)
export const ReceivableHandedOver = defineEvent(
  'receivable.handed_over',
  1,
  z.object({ receivableId: id('receivable'), ...handed }),
  'A handover gave a receivable to another owner, or back.',
)
export const InvoiceHandedOver = defineEvent(
  'invoice.handed_over',
  1,
  z.object({
    invoiceId: id('invoice'),
    ...handed,
    creditOf: id('invoice').nullable().meta({ description: 'the invoice that it credits; null: it is an invoice' }),
  }),
  'A handover gave an invoice or credit note to another owner, or back.',
)
export const ReceiptHandedOver = defineEvent(
  'receipt.handed_over',
  1,
  z.object({ receiptId: id('receipt'), ...handed }),
  'A handover gave a receipt to another owner, or back.',
)

const receivable = z.object({ receivableId: id('receivable'), ...owed, amount: money, open: money, dueOn: day })

export const ReceivableDue = defineEvent('receivable.due', 1, receivable, 'The day came from which the customer owes an instalment.')
export const ReceivableSettled = defineEvent(
  'receivable.settled',
  1,
  receivable,
  'A receivable was paid in part or in full; `open` is what is left.',
)
export const ReceivableReopened = defineEvent(
  'receivable.reopened',
  1,
  receivable,
  'A settlement was undone; `open` is what is owed again.',
)
export const ReceivableCredited = defineEvent(
  'receivable.credited',
  1,
  receivable.extend({ credited: money.meta({ description: 'by how much less is owed' }) }),
  'A credit note reduced what the customer owes; `open` is what is left.',
)
export const ReceivableWrittenOff = defineEvent(
  'receivable.written_off',
  1,
  receivable.extend({ writtenOff: money, reason: z.string().max(500) }),
  'What was open of a receivable was given up.',
)

export const InvoiceIssued = defineEvent(
  'invoice.issued',
  1,
  z.object({
    invoiceId: id('invoice'),
    number: z.string().max(60),
    legalEntityId: id('legal_entity'),
    accountId: id('account'),
    ownerId: id('user').nullable(),
    total: money,
    receivableIds: z.array(id('receivable')),
    issuedOn: day,
  }),
  'A tax document was issued for one or more receivables; it never changes.',
)
export const InvoiceCredited = defineEvent(
  'invoice.credited',
  1,
  z.object({
    invoiceId: id('invoice'),
    creditNoteId: id('invoice'),
    number: z.string().max(60),
    accountId: id('account'),
    total: money,
    issuedOn: day,
  }),
  'An invoice was reversed in full or in part by a credit note.',
)
export const ReceiptRecorded = defineEvent(
  'receipt.recorded',
  1,
  z.object({
    receiptId: id('receipt'),
    accountId: id('account'),
    ownerId: id('user').nullable(),
    amount: money,
    receivedOn: day,
    reference: line(200).nullable(),
  }),
  'Money arrived.',
)
const matched = z.object({
  receiptId: id('receipt'),
  accountId: id('account'),
  ownerId: id('user').nullable(),
  allocations: z.array(z.object({ receivableId: id('receivable'), amount: money })),
  credit: money.meta({ description: 'what is left of the receipt as credit of the account' }),
})
export const ReceiptSettled = defineEvent('receipt.settled', 1, matched, 'A receipt was matched with receivables.')
export const SettlementUndone = defineEvent('receipt.unsettled', 1, matched, 'A match of a receipt with receivables was taken back.')
