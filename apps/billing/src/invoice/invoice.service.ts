import { Injectable } from '@nestjs/common'
import {
  InvoiceCredited,
  InvoiceHandedOver,
  InvoiceIssued,
  ReceivableCredited,
  type creditInvoice,
  type Input,
  type issueInvoice,
} from '@millrace/contracts'
import { Refusal, type Id, type Money } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { AccountService } from '../account/account.service.js'
import { creditNotePostings, invoicePostings } from '../ledger/journal-entry.js'
import { LedgerService } from '../ledger/ledger.service.js'
import { LegalEntity } from '../legal-entity/legal-entity.js'
import { LegalEntityService } from '../legal-entity/legal-entity.service.js'
import { SettlementService } from '../receipt/settlement.service.js'
import type { Receivable } from '../receivable/receivable.js'
import { ReceivableQueries } from '../receivable/receivable.queries.js'
import { creditSeries, documentNumber, Invoice, usualSeries, type BilledPart } from './invoice.js'
import { InvoiceQueries } from './invoice.queries.js'

type Issue = Input<typeof issueInvoice>['body']
type Credit = Input<typeof creditInvoice>['body']

/** Use cases of the invoice. */
@Injectable()
export class InvoiceService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
    private readonly entities: LegalEntityService,
    private readonly receivables: ReceivableQueries,
    private readonly ledger: LedgerService,
    private readonly settlements: SettlementService,
    private readonly queries: InvoiceQueries,
  ) {}

  /** Issues an invoice for receivables of one account. Credit that the account has pays those of them that are due. */
  issue({ receivableIds, legalEntityId, kind, series = usualSeries[kind], buyer, issuedOn }: Issue): Promise<Invoice> {
    return this.db.transaction(async (tx) => {
      const receivables = await this.lockTogether(tx, receivableIds)
      const { accountId, ownerId, journeyId } = receivables[0]!
      const entity = await this.seller(tx, legalEntityId)
      const parts = receivables.map((receivable) => receivable.billable())
      const buyerName = buyer?.name ?? (await this.accounts.find(accountId))?.name
      if (!buyerName) throw Refusal.invalid('invoice.no_buyer')
      if (kind === 'vat_special' && !buyer?.taxId) throw Refusal.invalid('invoice.no_tax_id')

      const { invoice, lines } = Invoice.issue(
        {
          ...begun('invoice', this.clock.now()),
          journeyId,
          ...(await this.nextNumber(tx, entity, series)),
          kind,
          creditOf: null,
          accountId,
          ownerId,
          buyerName,
          buyerTaxId: buyer?.taxId ?? null,
          buyerAddress: buyer?.address ?? null,
          issuedOn: issuedOn ?? entity.today(this.clock.now()),
          reason: null,
        },
        parts,
      )
      await tx.insert(invoice)
      await tx.insert(lines)
      await this.book(tx, 'invoice', invoice, parts)
      const invoiced: Receivable[] = []
      for (const receivable of receivables) invoiced.push(await tx.update(receivable.invoice(invoice.id, invoice.number, this.clock.now())))
      const { number, total } = invoice
      await this.events.publish(tx, InvoiceIssued, invoice, {
        invoiceId: invoice.id,
        number,
        legalEntityId: entity.id,
        accountId,
        ownerId,
        total,
        receivableIds: [...receivableIds],
        issuedOn: invoice.issuedOn,
      })
      await this.settlements.applyCredit(tx, invoiced)
      return invoice
    })
  }

  /**
   * Issues a credit note. Without amount the rest of the invoice is taken back and its receivables can be invoiced again; with an amount
   * they are open for that much less.
   */
  credit(id: Id<'invoice'>, { amount, reason, issuedOn }: Credit): Promise<Invoice> {
    return this.db.transaction(async (tx) => {
      const { accountId } = await tx.get(Invoice, id)
      await this.accounts.lock(tx, [accountId])
      const before = await tx.lock(Invoice, id)
      const lines = await this.queries.creditable(tx, id)
      const parts = before.creditable(lines, amount)
      const receivables = await this.receivables.lock(
        tx,
        (amount ? parts : lines).map(({ receivableId }) => receivableId),
      )
      const changed = receivables.map((receivable) => this.credited(receivable, parts, amount))

      const entity = await tx.get(LegalEntity, before.legalEntityId)
      const { kind, ownerId, journeyId, buyerName, buyerTaxId, buyerAddress } = before
      const note = Invoice.issue(
        {
          ...begun('invoice', this.clock.now()),
          journeyId,
          ...(await this.nextNumber(tx, entity, creditSeries(before.series))),
          kind,
          creditOf: id,
          accountId,
          ownerId,
          buyerName,
          buyerTaxId,
          buyerAddress,
          issuedOn: issuedOn ?? entity.today(this.clock.now()),
          reason: reason ?? null,
        },
        parts,
      )
      await tx.insert(note.invoice)
      await tx.insert(note.lines)
      await this.book(tx, 'credit_note', note.invoice, parts)
      const { number, total } = note.invoice
      const invoice = await tx.update(before.credit(total, this.clock.now()))
      for (const receivable of changed) await tx.update(receivable)
      await this.events.publish(tx, InvoiceCredited, invoice, {
        invoiceId: id,
        creditNoteId: note.invoice.id,
        number,
        accountId,
        total,
        issuedOn: note.invoice.issuedOn,
      })
      if (amount)
        for (const receivable of changed)
          await this.events.publish(tx, ReceivableCredited, receivable, {
            ...receivable.facts(),
            credited: parts.find(({ receivableId }) => receivableId === receivable.id)!.gross,
          })
      return note.invoice
    })
  }

  /** Tells of invoices and credit notes that a handover gave another owner. */
  async tellHandedOver(tx: Transaction, invoices: readonly Invoice[]): Promise<void> {
    for (const invoice of invoices) {
      const { id: invoiceId, accountId, ownerId, creditOf } = invoice
      await this.events.publish(tx, InvoiceHandedOver, invoice, { invoiceId, accountId, ownerId: ownerId!, creditOf })
    }
  }

  private credited(receivable: Receivable, parts: readonly BilledPart[], amount: Money | undefined): Receivable {
    if (!amount) return receivable.uninvoice(this.clock.now())
    const { gross, tax } = parts.find(({ receivableId }) => receivableId === receivable.id)!
    return receivable.credit(gross, tax, this.clock.now())
  }

  private async seller(tx: Transaction, id: Id<'legal_entity'> | undefined): Promise<LegalEntity> {
    const found = id ? await tx.find(LegalEntity, id) : await this.entities.home()
    if (found) return found
    if (id) throw Refusal.invalid('reference.unknown', { field: 'legalEntityId', value: id })
    throw new Refusal('legal_entity.none')
  }

  /** The receivables in the order they were named, with their one account held. Refuses those of several accounts or currencies. */
  private async lockTogether(tx: Transaction, ids: readonly Id<'receivable'>[]): Promise<Receivable[]> {
    const rows = await tx.query<{ account_id: Id<'account'>; amount_currency: string }>(
      'SELECT DISTINCT account_id, amount_currency FROM receivable WHERE id = ANY($1) ORDER BY account_id, amount_currency',
      [ids],
    )
    const accounts = [...new Set(rows.map(({ account_id }) => account_id))]
    const currencies = [...new Set(rows.map(({ amount_currency }) => amount_currency))]
    if (accounts.length > 1) throw Refusal.invalid('invoice.several_accounts', { accounts })
    if (currencies.length > 1) throw Refusal.invalid('invoice.several_currencies', { currencies })
    await this.accounts.lock(tx, accounts)
    const locked = new Map((await this.receivables.lock(tx, ids, 'receivableIds')).map((each) => [each.id, each]))
    return ids.map((id) => locked.get(id)!)
  }

  /** The next number of the series. Others who want one wait until this transaction ends, and get the same when it fails: no gap. */
  private async nextNumber(tx: Transaction, { id, prefix }: LegalEntity, series: string) {
    const row = await tx.one<{ last: bigint }>(
      `INSERT INTO invoice_series (legal_entity_id, series, last) VALUES ($1, $2, 1)
       ON CONFLICT (tenant_id, legal_entity_id, series) DO UPDATE SET last = invoice_series.last + 1 RETURNING last`,
      [id, series],
    )
    const sequence = row!.last
    return { legalEntityId: id, series, sequence, number: documentNumber(prefix, series, sequence) }
  }

  private book(tx: Transaction, kind: 'invoice' | 'credit_note', document: Invoice, parts: readonly BilledPart[]) {
    const { id, accountId, journeyId, issuedOn } = document
    const postings = kind === 'invoice' ? invoicePostings(parts) : creditNotePostings(parts)
    return this.ledger.book(tx, { kind, sourceId: id, accountId, journeyId, occurredOn: issuedOn }, postings)
  }
}
