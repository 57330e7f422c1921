import { Money, newId, Ratio, Refusal, type CalendarDate, type Id } from '@millrace/domain'

export type InvoiceKind = 'vat_special' | 'vat_ordinary' | 'commercial'

/** The series that a kind of invoice is numbered in when none is named. */
export const usualSeries: Readonly<Record<InvoiceKind, string>> = { vat_special: 'VS', vat_ordinary: 'VO', commercial: 'CI' }

/** The series of the credit notes of a series. No series that can be named has a dash. */
export const creditSeries = (series: string) => `${series}-R`

/** e.g. `INV-VS-000042`. */
export function documentNumber(prefix: string, series: string, sequence: bigint): string {
  return `${prefix}-${series}-${sequence.toString().padStart(6, '0')}`
}

/** What one receivable is billed, or credited, with. */
export interface BilledPart {
  readonly receivableId: Id<'receivable'>
  readonly label: string
  readonly net: Money
  readonly tax: Money
  readonly gross: Money
}

/** A line of an invoice or credit note: one receivable. */
export class InvoiceLine implements BilledPart {
  declare readonly id: Id<'invoice_line'>
  declare readonly invoiceId: Id<'invoice'>
  declare readonly position: number
  declare readonly receivableId: Id<'receivable'>
  declare readonly label: string
  declare readonly net: Money
  declare readonly tax: Money
  declare readonly gross: Money
}

/** A line of an invoice, what was credited of it so far, and what its receivable is still open for. */
export interface CreditableLine extends BilledPart {
  readonly creditedTax: Money
  readonly creditedGross: Money
  readonly open: Money
}

/** The tax document for receivables, or the credit note that takes it back. Once issued, only how much of it was credited is kept. */
export class Invoice {
  declare readonly id: Id<'invoice'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly legalEntityId: Id<'legal_entity'>
  declare readonly series: string
  /** Without gap in the series of the legal entity, from 1. */
  declare readonly sequence: bigint
  declare readonly number: string
  declare readonly kind: InvoiceKind
  /** The invoice that this credit note takes back; null: it is an invoice. */
  declare readonly creditOf: Id<'invoice'> | null
  declare readonly accountId: Id<'account'>
  declare readonly ownerId: Id<'user'> | null
  declare readonly buyerName: string
  declare readonly buyerTaxId: string | null
  declare readonly buyerAddress: string | null
  /** In the zone of the legal entity. */
  declare readonly issuedOn: CalendarDate
  declare readonly net: Money
  declare readonly tax: Money
  declare readonly total: Money
  declare readonly credited: Money
  declare readonly reason: string | null

  /** An invoice or credit note with its lines, which make its total. */
  static issue(given: InvoiceFacts, parts: readonly BilledPart[]): { invoice: Invoice; lines: InvoiceLine[] } {
    const { currency } = parts[0]!.gross
    const sum = (part: (line: BilledPart) => Money) => Money.sum(parts.map(part), currency)
    const invoice = Object.assign(Object.create(Invoice.prototype) as Invoice, given, {
      net: sum(({ net }) => net),
      tax: sum(({ tax }) => tax),
      total: sum(({ gross }) => gross),
      credited: Money.zero(currency),
    })
    const lines = parts.map(({ receivableId, label, net, tax, gross }, position) =>
      Object.assign(Object.create(InvoiceLine.prototype) as InvoiceLine, {
        id: newId('invoice_line'),
        invoiceId: invoice.id,
        position,
        receivableId,
        label,
        net,
        tax,
        gross,
      }),
    )
    return { invoice, lines }
  }

  /** What a credit note takes back: all that is left of the invoice, or an amount that its lines share by what they are open for. */
  creditable(lines: readonly CreditableLine[], amount: Money | undefined): BilledPart[] {
    if (this.creditOf) throw new Refusal('invoice.is_credit_note')
    if (this.credited.equals(this.total)) throw new Refusal('invoice.credited_already')
    const { currency } = this.total
    const available = Money.sum(
      lines.map(({ open }) => open),
      currency,
    )
    if (amount && amount.compare(available) > 0) throw new Refusal('invoice.credit_too_large', { available: String(available) })
    const parts = amount ? amount.allocate(lines.map(({ open }) => open.minor)) : lines.map((line) => line.gross.minus(line.creditedGross))
    return lines
      .map((line, n) => {
        const tax = taxIn(line, parts[n]!)
        return { receivableId: line.receivableId, label: line.label, net: parts[n]!.minus(tax), tax, gross: parts[n]! }
      })
      .filter(({ gross }) => gross.isPositive())
  }

  /** The same, of the account that its own became part of; what is printed on it stays. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): Invoice {
    return Object.assign(Object.create(Invoice.prototype) as Invoice, this, { accountId, updatedAt })
  }

  /** Never more than the invoice. */
  credit(amount: Money, at: Date): Invoice {
    const credited = this.credited.plus(amount)
    if (credited.compare(this.total) > 0)
      throw new Refusal('invoice.credit_too_large', { available: String(this.total.minus(this.credited)) })
    return Object.assign(Object.create(Invoice.prototype) as Invoice, this, { credited, updatedAt: at })
  }
}

/** The tax in a further part of a line, so that the parts of a line credited bit by bit carry exactly its tax in the end. */
function taxIn({ gross, tax, creditedGross, creditedTax }: CreditableLine, part: Money): Money {
  return tax.times(Ratio.of(creditedGross.plus(part).minor, gross.minor)).minus(creditedTax)
}

type InvoiceFacts = Omit<Invoice, 'net' | 'tax' | 'total' | 'credited' | 'creditable' | 'credit' | 'moveTo'>
