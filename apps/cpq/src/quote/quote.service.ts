import { Injectable } from '@nestjs/common'
import {
  QuoteAccepted,
  QuoteDeclined,
  QuoteDrafted,
  QuoteSent,
  type acceptQuote,
  type changeQuote,
  type draftQuote,
  type Input,
  type Sent,
} from '@millrace/contracts'
import { addDays, Ratio, Refusal, type CalendarDate, type Currency, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Events, type Transaction } from '@millrace/service'
import { Deals } from '../deal/deal.service.js'
import { Numbers } from '../deal/number.service.js'
import { PriceBookService } from '../price-book/price-book.service.js'
import type { HeaderDiscount, Vat } from './pricing.js'
import { Quote, QuoteLine, QuoteVersion, usualValidityDays, type LineWish, type Offer, type Wish } from './quote.js'
import { termsOf } from './terms.js'

type Given = Input<typeof changeQuote>['body']
type QuoteEvent = typeof QuoteDrafted

/** Use cases of the quote. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class QuoteService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly deals: Deals,
    private readonly numbers: Numbers,
    private readonly priceBooks: PriceBookService,
  ) {}

  /** Begins a quote for an open deal. It belongs to the deal's journey, account and owner. */
  draft({ opportunityId, priceBookId, currency: wished, title, ...given }: Input<typeof draftQuote>['body']): Promise<Quote> {
    return this.db.transaction(async (tx) => {
      const [deal, company] = [await this.deals.toQuote(opportunityId), await this.deals.company()]
      const book = await this.priceBooks.forQuote({ priceBookId, currency: wished ?? company.currency }, company.today)
      const currency = book?.currency ?? wished ?? company.currency
      const fresh = {
        ...nothing,
        currency,
        validUntil: addDays(company.today, usualValidityDays),
        terms: termsOf(undefined, context().language),
      }
      const lines = await this.lines(given.lines, currency, book?.id ?? null)
      const begins = { ...begun('quote', this.clock.now()), journeyId: deal.journeyId }
      const offer = QuoteVersion.draft(begins.id, 1, { ...fresh, ...wishOf(given), lines }, this.clock.now(), company.today)
      const { accountId, ownerId } = deal
      const quote = Quote.begin(
        {
          ...begins,
          number: await this.numbers.next('Q'),
          title: title ?? deal.title,
          opportunityId,
          accountId,
          ownerId,
          priceBookId: book?.id ?? null,
          currency,
        },
        offer.version,
      )
      await tx.insert(quote)
      await this.store(tx, offer)
      await this.tell(tx, QuoteDrafted, quote)
      return quote
    })
  }

  /** Changes the draft. Lines that are given replace all lines and take today's prices. */
  change(id: Id<'quote'>, { title, ...given }: Given): Promise<Quote> {
    return this.db.transaction(async (tx) => {
      const { quote, version, lines } = await this.open(tx, id)
      const { today } = await this.deals.company()
      const before = version.wish(lines)
      const wish = { ...before, ...wishOf(given) }
      const offer = version.change(
        given.lines ? { ...wish, lines: await this.lines(given.lines, quote.currency, quote.priceBookId) } : wish,
        today,
      )
      await tx.query('DELETE FROM quote_line WHERE quote_version_id = $1', [version.id])
      await tx.update(offer.version)
      await tx.insert(offer.lines)
      return tx.update((title === undefined ? quote : quote.retitle(title)).show(offer.version, this.clock.now()))
    })
  }

  /** Begins the next version from the current one, which steps back. */
  newVersion(id: Id<'quote'>): Promise<Quote> {
    return this.db.transaction(async (tx) => {
      const { quote, version, lines } = await this.open(tx, id)
      await this.deals.mustBeOpen(quote.opportunityId)
      const former = version.supersede()
      const offer = version.next(lines, this.clock.now(), (await this.deals.company()).today)
      if (former !== version) await tx.update(former)
      await this.store(tx, offer)
      const next = await tx.update(quote.show(offer.version, this.clock.now()))
      await this.tell(tx, QuoteDrafted, next)
      return next
    })
  }

  send(id: Id<'quote'>): Promise<Quote> {
    return this.step(id, QuoteSent, async (version, quote) => {
      await this.deals.mustBeOpen(quote.opportunityId)
      return version.send(this.clock.now(), (await this.deals.company()).today)
    })
  }

  /** The customer said yes to the current version; of several who record it at once, one does. */
  accept(id: Id<'quote'>, { signer, signerTitle, number }: Input<typeof acceptQuote>['body']): Promise<Quote> {
    return this.step(id, QuoteAccepted, async (version, quote) => {
      if (number !== undefined && number !== version.number) throw new Refusal('quote.not_current', { number, current: version.number })
      const by = { signer, signerTitle: signerTitle ?? null, acceptedBy: context().actor?.id ?? null }
      const accepted = version.accept(by, this.clock.now(), (await this.deals.company()).today)
      await this.deals.mustBeOpen(quote.opportunityId)
      return accepted
    })
  }

  decline(id: Id<'quote'>, reason: string): Promise<Quote> {
    return this.step(id, QuoteDeclined, async (version) => version.decline(reason, this.clock.now()))
  }

  /** One move of the current version. */
  private step(id: Id<'quote'>, event: QuoteEvent, move: (version: QuoteVersion, quote: Quote) => Promise<QuoteVersion>): Promise<Quote> {
    return this.db.transaction(async (tx) => {
      const before = await this.open(tx, id)
      const version = await move(before.version, before.quote)
      await tx.update(version)
      const quote = await tx.update(before.quote.show(version, this.clock.now()))
      await this.tell(tx, event, quote)
      return quote
    })
  }

  /** The quote, locked, with its current version and lines. */
  private async open(tx: Transaction, id: Id<'quote'>): Promise<Offer & { quote: Quote }> {
    const quote = await tx.lock(Quote, id)
    const [version] = await tx.findBy(QuoteVersion, { quote_id: id, number: quote.currentNumber })
    const lines = await tx.findBy(QuoteLine, { quote_version_id: version!.id })
    return { quote, version: version!, lines: lines.sort((a, b) => a.position - b.position) }
  }

  private async store(tx: Transaction, { version, lines }: Offer): Promise<void> {
    await tx.insert(version)
    await tx.insert(lines)
  }

  /** What was asked for, with product and list price looked up. Refuses unknown and inactive products, and those without any price. */
  private async lines(given: NonNullable<Given['lines']>, currency: Currency, priceBookId: Id<'price_book'> | null): Promise<LineWish[]> {
    const products = await this.priceBooks.products(
      given.map(({ productId }) => productId),
      priceBookId,
    )
    return given.map(({ productId, quantity, price, discount, vat }) => {
      const product = products.get(productId)
      if (!product) throw Refusal.invalid('reference.unknown', { field: 'productId', value: productId })
      if (!product.active) throw new Refusal('product.inactive', { name: product.name, productId })
      if (!product.listPrice && !price) throw Refusal.invalid('quote.no_price', { name: product.name, productId, currency })
      return {
        product,
        listPrice: product.listPrice,
        price: price ?? null,
        quantity: Ratio.parse(quantity),
        discount: Ratio.parse(discount ?? '0'),
        vat: vat ? vatOf(vat) : null,
      }
    })
  }

  private tell(tx: Transaction, event: QuoteEvent, quote: Quote): Promise<void> {
    return this.events.publish(tx, event, quote, facts(quote))
  }
}

const nothing = { vat: null, discount: null, notes: null }

/** What was given of an offer apart from its lines; what was not stays away. */
function wishOf({ validUntil, vat, discount, notes, terms }: Given): Partial<Omit<Wish, 'lines'>> {
  return {
    ...(validUntil !== undefined && { validUntil: validUntil as CalendarDate }),
    ...(vat !== undefined && { vat: vat && vatOf(vat) }),
    ...(discount !== undefined && { discount: discount && discountOf(discount) }),
    ...(notes !== undefined && { notes }),
    ...(terms !== undefined && { terms: termsOf(terms, context().language) }),
  }
}

function vatOf({ rate, mode }: { rate: string; mode: Vat['mode'] }): Vat {
  return { rate: Ratio.parse(rate), mode }
}

function discountOf({ percent, amount }: NonNullable<Given['discount']>): HeaderDiscount {
  return { percent: percent ? Ratio.parse(percent) : null, amount: amount ?? null }
}

function facts({ id, number, currentNumber, opportunityId, accountId, ownerId, total }: Quote): Sent<typeof QuoteDrafted> {
  return { quoteId: id, number, version: currentNumber, opportunityId, accountId, ownerId, total }
}
