import { rowSchema } from '@millrace/service'
import { JournalEntry, Posting } from './journal-entry.js'
import { LedgerBalance } from './ledger-balance.js'

export const JournalEntrySchema = rowSchema(JournalEntry, 'journal_entry', {
  journeyId: 'text?',
  kind: 'text',
  sourceId: 'text',
  reverses: 'text?',
  accountId: 'text',
  occurredOn: 'day',
  createdAt: 'instant',
})

export const PostingSchema = rowSchema(Posting, 'posting', {
  entryId: 'text',
  position: 'integer',
  ledgerAccount: 'text',
  side: 'text',
  amount: 'money',
  accountId: 'text',
  receivableId: 'text?',
})

/** A view of the database: sums of postings. */
export const LedgerBalanceSchema = rowSchema(LedgerBalance, 'ledger_balance', {
  ledgerAccount: 'text',
  currency: 'text',
  accountId: 'text',
  debitMinor: 'text',
  creditMinor: 'text',
})
