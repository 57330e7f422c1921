import { addDays, lifecycle, newId, Ratio, Refusal, type CalendarDate, type Currency, type Id, type Money } from '@millrace/domain'
import { priceQuote, type HeaderDiscount, type LineOffer, type Step, type TaxTotal, type Vat } from './pricing.js'
import { checkedTerms, type Term } from './terms.js'

/** The life of one version of a quote. */
export const quoteStatus = lifecycle('quote', {
  draft: ['sent', 'superseded'],
  sent: ['accepted', 'declined', 'superseded'],
  accepted: [],
  declined: [],
  superseded: [],
})
export type QuoteStatus = typeof quoteStatus.state

/** How long a quote holds unless told otherwise. */
export const usualValidityDays = 30

/** What a line offers, of which product, before it is priced. `vat` is null where the line follows the quote. */
export interface LineWish extends Omit<LineOffer, 'vat'> {
  readonly product: { readonly id: Id<'product'>; readonly code: string; readonly name: string; readonly unit: string | null }
  readonly vat: Vat | null
}

/** What a version of a quote offers, before it is priced. */
export interface Wish {
  readonly currency: Currency
  readonly validUntil: CalendarDate
  readonly vat: Vat | null
  readonly discount: HeaderDiscount | null
  readonly notes: string | null
  readonly terms: readonly Term[]
  readonly lines: readonly LineWish[]
}

/** A version with its lines. */
export interface Offer {
  readonly version: QuoteVersion
  readonly lines: readonly QuoteLine[]
}

/** An offer to one customer for one deal, in versions; only the current one can be sent and accepted. */
export class Quote {
  declare readonly id: Id<'quote'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly number: string
  declare readonly title: string
  declare readonly opportunityId: Id<'opportunity'>
  declare readonly accountId: Id<'account'>
  declare readonly ownerId: Id<'user'> | null
  declare readonly priceBookId: Id<'price_book'> | null
  declare readonly currency: Currency
  /** Number, status, gross and last day of the current version, kept here for lists. */
  declare readonly currentNumber: number
  declare readonly status: QuoteStatus
  declare readonly total: Money
  declare readonly validUntil: CalendarDate
  declare readonly acceptedNumber: number | null

  static begin(
    given: Omit<Quote, 'currentNumber' | 'status' | 'total' | 'validUntil' | 'acceptedNumber' | 'show' | 'retitle' | 'moveTo' | 'handOver'>,
    version: QuoteVersion,
  ): Quote {
    return Object.assign(Object.create(Quote.prototype) as Quote, given, { acceptedNumber: null, ...shown(version) })
  }

  /** The quote with this version as its current one. */
  show(version: QuoteVersion, at: Date): Quote {
    return this.with({ ...shown(version), acceptedNumber: version.status === 'accepted' ? version.number : null, updatedAt: at })
  }

  retitle(title: string): Quote {
    return this.with({ title })
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): Quote {
    return this.with({ accountId, updatedAt })
  }

  private with(change: Partial<Quote>): Quote {
    return Object.assign(Object.create(Quote.prototype) as Quote, this, change)
  }
}

function shown({ number, status, gross, validUntil }: QuoteVersion) {
  return { currentNumber: number, status, total: gross, validUntil }
}

/** One version of a quote: what is offered, until when, and what the customer said. */
export class QuoteVersion {
  declare readonly id: Id<'quote_version'>
  declare readonly quoteId: Id<'quote'>
  declare readonly number: number
  declare readonly status: QuoteStatus
  declare readonly createdAt: Date
  declare readonly validUntil: CalendarDate
  declare readonly vatRate: Ratio | null
  declare readonly vatMode: Vat['mode'] | null
  declare readonly discountPercent: Ratio | null
  declare readonly discountAmount: Money | null
  declare readonly notes: string | null
  declare readonly terms: readonly Term[]
  declare readonly list: Money
  declare readonly lineDiscount: Money
  declare readonly headerDiscount: Money
  declare readonly net: Money
  declare readonly tax: Money
  declare readonly gross: Money
  declare readonly taxes: readonly TaxTotal[]
  declare readonly sentAt: Date | null
  declare readonly acceptedAt: Date | null
  declare readonly acceptedBy: string | null
  declare readonly signer: string | null
  declare readonly signerTitle: string | null
  declare readonly declinedAt: Date | null
  declare readonly declineReason: string | null

  /** A draft with its lines, priced. */
  static draft(quoteId: Id<'quote'>, number: number, wish: Wish, at: Date, today: CalendarDate): Offer {
    const head = { ...untouched, id: newId('quote_version'), quoteId, number, status: quoteStatus.initial, createdAt: at }
    return Object.assign(Object.create(QuoteVersion.prototype) as QuoteVersion, head).priced(wish, today)
  }

  /** The draft with another offer, priced anew. */
  change(wish: Wish, today: CalendarDate): Offer {
    if (this.status !== 'draft') throw new Refusal('quote.not_draft', { status: this.status })
    return this.priced(wish, today)
  }

  /** The next version, a draft that begins as this one; one whose last day has passed gets a new one. */
  next(lines: readonly QuoteLine[], at: Date, today: CalendarDate): Offer {
    const wish = this.wish(lines)
    const validUntil = this.validUntil < today ? addDays(today, usualValidityDays) : wish.validUntil
    return QuoteVersion.draft(this.quoteId, this.number + 1, { ...wish, validUntil }, at, today)
  }

  /** Takes the version out of the way of a newer one. What the customer declined stays declined. */
  supersede(): QuoteVersion {
    if (this.status === 'accepted') throw new Refusal('quote.already_accepted', { number: this.number })
    if (quoteStatus.isFinal(this.status)) return this
    return this.with({ status: quoteStatus.move(this.status, 'superseded') })
  }

  send(at: Date, today: CalendarDate): QuoteVersion {
    const status = quoteStatus.move(this.status, 'sent')
    this.mustHold(today)
    return this.with({ status, sentAt: at })
  }

  accept(by: Pick<QuoteVersion, 'signer' | 'signerTitle' | 'acceptedBy'>, at: Date, today: CalendarDate): QuoteVersion {
    if (this.status === 'accepted') throw new Refusal('quote.already_accepted', { number: this.number })
    const status = quoteStatus.move(this.status, 'accepted')
    this.mustHold(today)
    return this.with({ status, acceptedAt: at, ...by })
  }

  decline(declineReason: string, at: Date): QuoteVersion {
    return this.with({ status: quoteStatus.move(this.status, 'declined'), declinedAt: at, declineReason })
  }

  /** Whether the last day has passed while the customer may still say yes. */
  expiredOn(today: CalendarDate): boolean {
    return !quoteStatus.isFinal(this.status) && this.validUntil < today
  }

  get vat(): Vat | null {
    return this.vatRate && this.vatMode && { rate: this.vatRate, mode: this.vatMode }
  }

  get discount(): HeaderDiscount | null {
    return this.discountPercent || this.discountAmount ? { percent: this.discountPercent, amount: this.discountAmount } : null
  }

  /** What was offered: pricing it again gives the same. */
  wish(lines: readonly QuoteLine[]): Wish {
    const { validUntil, vat, discount, notes, terms } = this
    return { currency: this.gross.currency, validUntil, vat, discount, notes, terms, lines: lines.map((line) => line.wish()) }
  }

  private mustHold(today: CalendarDate): void {
    if (this.validUntil < today) throw new Refusal('quote.expired', { validUntil: this.validUntil, today })
  }

  private priced(wish: Wish, today: CalendarDate): Offer {
    if (wish.validUntil < today) throw Refusal.invalid('quote.valid_until_past', { validUntil: wish.validUntil, today })
    const vats = wish.lines.map(({ vat }) => vat ?? wish.vat ?? noVat)
    const result = priceQuote(
      wish.currency,
      wish.lines.map((line, n) => ({ ...line, vat: vats[n]! })),
      wish.discount,
    )
    const lines = wish.lines.map(({ product: { id: productId, ...product }, vat, ...line }, n) =>
      QuoteLine.of({
        ...line,
        ...product,
        ...result.lines[n]!,
        id: newId('quote_line'),
        quoteVersionId: this.id,
        position: n + 1,
        productId,
        vatRate: vats[n]!.rate,
        vatMode: vats[n]!.mode,
        vatOwn: vat !== null,
      }),
    )
    return {
      version: this.with({
        ...result.totals,
        taxes: result.taxes,
        validUntil: wish.validUntil,
        vatRate: wish.vat?.rate ?? null,
        vatMode: wish.vat?.mode ?? null,
        discountPercent: wish.discount?.percent ?? null,
        discountAmount: wish.discount?.amount ?? null,
        notes: wish.notes,
        terms: checkedTerms(wish.terms, result.totals.gross),
      }),
      lines,
    }
  }

  private with(change: Partial<QuoteVersion>): QuoteVersion {
    return Object.assign(Object.create(QuoteVersion.prototype) as QuoteVersion, this, change)
  }
}

/** What a version offers of one product, with its price and how it came about. */
export class QuoteLine {
  declare readonly id: Id<'quote_line'>
  declare readonly quoteVersionId: Id<'quote_version'>
  declare readonly position: number
  declare readonly productId: Id<'product'>
  declare readonly code: string
  declare readonly name: string
  declare readonly unit: string | null
  declare readonly quantity: Ratio
  declare readonly listPrice: Money | null
  declare readonly price: Money | null
  declare readonly discount: Ratio
  declare readonly vatRate: Ratio
  declare readonly vatMode: Vat['mode']
  /** Whether the VAT is this line's own; otherwise it follows the quote's. */
  declare readonly vatOwn: boolean
  declare readonly list: Money
  declare readonly lineDiscount: Money
  declare readonly headerDiscount: Money
  declare readonly net: Money
  declare readonly tax: Money
  declare readonly gross: Money
  declare readonly waterfall: readonly Step[]

  static of(given: Omit<QuoteLine, 'wish'>): QuoteLine {
    return Object.assign(Object.create(QuoteLine.prototype) as QuoteLine, given)
  }

  wish(): LineWish {
    const { productId, code, name, unit, quantity, listPrice, price, discount, vatRate, vatMode, vatOwn } = this
    const vat = vatOwn ? { rate: vatRate, mode: vatMode } : null
    return { product: { id: productId, code, name, unit }, quantity, listPrice, price, discount, vat }
  }
}

const noVat: Vat = { rate: Ratio.zero, mode: 'on_top' }

const untouched = {
  sentAt: null,
  acceptedAt: null,
  acceptedBy: null,
  signer: null,
  signerTitle: null,
  declinedAt: null,
  declineReason: null,
}
