import { Injectable } from '@nestjs/common'
import { listInvoices, type Answer, type getInvoice, type Input } from '@millrace/contracts'
import { Money, type Currency, type Id } from '@millrace/domain'
import { Database, type Transaction } from '@millrace/service'
import { AccountQueries } from '../account/account.queries.js'
import { Invoice, InvoiceLine, type CreditableLine } from './invoice.js'

interface CreditedRow {
  readonly currency: Currency
  readonly open: bigint
  readonly credited: string
  readonly credited_tax: string
}

@Injectable()
export class InvoiceQueries {
  constructor(
    private readonly db: Database,
    private readonly accounts: AccountQueries,
  ) {}

  async list({ fields, ...query }: Input<typeof listInvoices>['query']): Promise<Answer<typeof listInvoices>> {
    const page = await this.db.list(Invoice, listInvoices, query, (invoice) => invoice)
    return this.accounts.named(page, fields, documentView)
  }

  async get(id: Id<'invoice'>): Promise<Answer<typeof getInvoice>> {
    const invoice = await this.db.get(Invoice, id)
    const lines = (await this.db.findBy(InvoiceLine, { invoice_id: id })).toSorted((a, b) => a.position - b.position)
    return {
      ...documentView(invoice, await this.accounts.name(invoice.accountId)),
      lines: lines.map(({ receivableId, label, net, tax, gross }) => ({ receivableId, label, net, tax, gross })),
    }
  }

  /** The lines of an invoice with what was credited of each, and what is open of its receivable under this invoice. */
  async creditable(tx: Transaction, id: Id<'invoice'>): Promise<CreditableLine[]> {
    const rows = await tx.query<CreditedRow & Record<string, unknown>>(
      `SELECT l.*, l.gross_currency AS currency, CASE WHEN r.invoice_id = l.invoice_id THEN r.open_minor ELSE 0 END AS open,
         (SELECT coalesce(sum(c.gross_minor), 0) FROM invoice_line c JOIN invoice n ON n.id = c.invoice_id
          WHERE n.credit_of = l.invoice_id AND c.receivable_id = l.receivable_id) AS credited,
         (SELECT coalesce(sum(c.tax_minor), 0) FROM invoice_line c JOIN invoice n ON n.id = c.invoice_id
          WHERE n.credit_of = l.invoice_id AND c.receivable_id = l.receivable_id) AS credited_tax
       FROM invoice_line l JOIN receivable r ON r.id = l.receivable_id WHERE l.invoice_id = $1 ORDER BY l.position`,
      [id],
    )
    const lines = tx.hydrate(InvoiceLine, rows)
    return rows.map(({ currency, open, credited, credited_tax }, n) => ({
      ...lines[n]!,
      open: Money.of(open, currency),
      creditedGross: Money.of(BigInt(credited), currency),
      creditedTax: Money.of(BigInt(credited_tax), currency),
    }))
  }
}

function documentView({ sequence: _, buyerName, buyerTaxId, buyerAddress, ...invoice }: Invoice, accountName: string | null) {
  return { ...invoice, accountName, buyer: { name: buyerName, taxId: buyerTaxId, address: buyerAddress } }
}
