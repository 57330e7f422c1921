import { currencies, type Currency, type Id } from '@millrace/domain'
import type { LedgerAccount } from './journal-entry.js'

/** What stands on one ledger account for one customer in one currency: sums of postings, which may be larger than a Money can be. */
export class LedgerBalance {
  declare readonly id: string
  declare readonly ledgerAccount: LedgerAccount
  declare readonly currency: Currency
  declare readonly accountId: Id<'account'>
  declare readonly debitMinor: string
  declare readonly creditMinor: string
}

/** Decimal text of a sum in minor units. */
export function exactly(minor: string | bigint, currency: Currency): string {
  const sum = BigInt(minor)
  const digits = currencies[currency]
  const text = (sum < 0n ? -sum : sum).toString().padStart(digits + 1, '0')
  const units = text.slice(0, text.length - digits)
  return `${sum < 0n ? '-' : ''}${units}${digits ? `.${text.slice(-digits)}` : ''}`
}
