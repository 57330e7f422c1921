import { newId, type CalendarDate, type Id, type Money } from '@millrace/domain'

/** The accounts of the sub-ledger; docs/ledger.md says what stands on which side. */
export type LedgerAccount = 'accounts_receivable' | 'unapplied_receipts' | 'bank' | 'revenue' | 'tax_payable' | 'bad_debt'
export type EntryKind = 'invoice' | 'credit_note' | 'receipt' | 'settlement' | 'settlement_undone' | 'write_off' | 'account_merged'
export type Side = 'debit' | 'credit'

/** One side of an entry: an amount above zero on one ledger account, of one customer. */
export class Posting {
  declare readonly id: Id<'posting'>
  declare readonly entryId: Id<'journal_entry'>
  declare readonly position: number
  declare readonly ledgerAccount: LedgerAccount
  declare readonly side: Side
  declare readonly amount: Money
  declare readonly accountId: Id<'account'>
  declare readonly receivableId: Id<'receivable'> | null
}

/** Something booked. It is never changed; what was wrong is reversed by another entry. */
export class JournalEntry {
  declare readonly id: Id<'journal_entry'>
  declare readonly journeyId: string | null
  declare readonly kind: EntryKind
  /** The document that it books. */
  declare readonly sourceId: string
  declare readonly reverses: Id<'journal_entry'> | null
  declare readonly accountId: Id<'account'>
  declare readonly occurredOn: CalendarDate
  declare readonly createdAt: Date
}

/** A posting as it is wished for: the ledger gives it an entry. */
export interface Wish {
  readonly ledgerAccount: LedgerAccount
  readonly side: Side
  readonly amount: Money
  readonly receivableId?: Id<'receivable'> | null
}

interface Billed {
  readonly receivableId: Id<'receivable'>
  readonly net: Money
  readonly tax: Money
  readonly gross: Money
}

interface Paid {
  readonly receivableId: Id<'receivable'>
  readonly amount: Money
}

/** The customer owes what is invoiced; the tax in it is owed to the state. */
export function invoicePostings(lines: readonly Billed[]): Wish[] {
  return lines.flatMap(({ receivableId, net, tax, gross }): Wish[] => [
    { ledgerAccount: 'accounts_receivable', side: 'debit', amount: gross, receivableId },
    { ledgerAccount: 'revenue', side: 'credit', amount: net, receivableId },
    { ledgerAccount: 'tax_payable', side: 'credit', amount: tax, receivableId },
  ])
}

export function creditNotePostings(lines: readonly Billed[]): Wish[] {
  return invoicePostings(lines).map(mirrored)
}

/** Money that arrived is the customer's until it pays something. */
export function receiptPostings(amount: Money): Wish[] {
  return [
    { ledgerAccount: 'bank', side: 'debit', amount },
    { ledgerAccount: 'unapplied_receipts', side: 'credit', amount },
  ]
}

export function settlementPostings(paid: readonly Paid[]): Wish[] {
  return paid.flatMap(({ receivableId, amount }): Wish[] => [
    { ledgerAccount: 'unapplied_receipts', side: 'debit', amount, receivableId },
    { ledgerAccount: 'accounts_receivable', side: 'credit', amount, receivableId },
  ])
}

export function writeOffPostings({ receivableId, amount }: Paid): Wish[] {
  return [
    { ledgerAccount: 'bad_debt', side: 'debit', amount, receivableId },
    { ledgerAccount: 'accounts_receivable', side: 'credit', amount, receivableId },
  ]
}

/** The same on the other side: what undoes an entry. */
export function mirrored(posting: Wish): Wish {
  return { ...posting, side: posting.side === 'debit' ? 'credit' : 'debit' }
}

/** An entry with its postings; those of nothing are left out. A programmer's error when it does not balance, so not a Refusal. */
export function entryOf(given: Omit<JournalEntry, 'id'>, wishes: readonly Wish[]): { entry: JournalEntry; postings: Posting[] } {
  const entry = Object.assign(Object.create(JournalEntry.prototype) as JournalEntry, { id: newId('journal_entry'), ...given })
  const postings = wishes
    .filter(({ amount }) => !amount.isZero())
    .map((wish, position) =>
      Object.assign(Object.create(Posting.prototype) as Posting, {
        receivableId: null,
        ...wish,
        id: newId('posting'),
        entryId: entry.id,
        position,
        accountId: entry.accountId,
      }),
    )
  if (!balances(postings)) throw new Error(`${given.kind} of ${given.sourceId} would not balance`)
  return { entry, postings }
}

/** Whether debits equal credits in each currency, and there are any. */
export function balances(postings: readonly Pick<Wish, 'side' | 'amount'>[]): boolean {
  const sums = new Map<string, bigint>()
  for (const { side, amount } of postings) {
    const signed = side === 'debit' ? amount.minor : -amount.minor
    sums.set(amount.currency, (sums.get(amount.currency) ?? 0n) + signed)
  }
  return postings.length > 0 && [...sums.values()].every((sum) => sum === 0n)
}
