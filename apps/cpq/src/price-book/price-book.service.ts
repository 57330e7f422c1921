import { Injectable } from '@nestjs/common'
import { PriceBookChanged, type changePriceBook, type createPriceBook, type Input } from '@millrace/contracts'
import { Money, Refusal, type CalendarDate, type Currency, type Id } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { Price, PriceBook } from './price-book.js'

/** A product as a quote needs it. */
export interface PricedProduct {
  readonly id: Id<'product'>
  readonly code: string
  readonly name: string
  readonly unit: string | null
  readonly active: boolean
  readonly listPrice: Money | null
}

/** Use cases of price books. */
@Injectable()
export class PriceBookService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {}

  create({ name, currency, validFrom, validTo, isDefault }: Input<typeof createPriceBook>['body']): Promise<PriceBook> {
    return this.db.transaction(async (tx) => {
      await mustBeFree(tx, name)
      const former = await lockDefault(tx, currency)
      const begins = begun('price_book', this.clock.now())
      const validity = { validFrom: validFrom ?? null, validTo: validTo ?? null }
      const book = PriceBook.create({ ...begins, name, currency, ...validity, isDefault: isDefault ?? !former })
      if (book.isDefault && former) await this.store(tx, former.change({ isDefault: false }, this.clock.now()))
      await tx.insert(book)
      await this.tell(tx, book)
      return book
    })
  }

  change(id: Id<'price_book'>, given: Input<typeof changePriceBook>['body']): Promise<PriceBook> {
    return this.db.transaction(async (tx) => {
      const { currency } = await tx.get(PriceBook, id)
      const former = await lockDefault(tx, currency)
      const before = await tx.lock(PriceBook, id)
      if (given.name !== undefined && given.name !== before.name) await mustBeFree(tx, given.name, id)
      const book = before.change(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)), this.clock.now())
      if (book.isDefault && former && former.id !== id) await this.store(tx, former.change({ isDefault: false }, this.clock.now()))
      return this.store(tx, book)
    })
  }

  /** Sets the price of one unit. The book's version goes up with it. */
  setPrice(id: Id<'price_book'>, productId: Id<'product'>, price: Money): Promise<Price> {
    return this.db.transaction(async (tx) => {
      const book = await tx.lock(PriceBook, id)
      const product = await tx.one('SELECT 1 FROM product WHERE id = $1', [productId])
      if (!product) throw Refusal.notFound('product', productId)
      const [before] = await tx.findBy(Price, { price_book_id: id, product_id: productId })
      const entry = before
        ? before.change(book, price, this.clock.now())
        : Price.of(book, { ...begun('price', this.clock.now()), productId, price })
      if (before) await tx.update(entry)
      else await tx.insert(entry)
      await this.store(tx, book.change({}, this.clock.now()))
      return entry
    })
  }

  /** Puts prices of new products into the default book of a currency; makes the book when there is none. */
  async addToDefault(tx: Transaction, currency: Currency, prices: readonly { productId: Id<'product'>; price: Money }[]): Promise<void> {
    const now = this.clock.now()
    const found = await lockDefault(tx, currency)
    const book = found
      ? await tx.update(found.change({}, now))
      : PriceBook.create({
          ...begun('price_book', now),
          name: await freeName(tx, currency),
          currency,
          validFrom: null,
          validTo: null,
          isDefault: true,
        })
    if (!found) await tx.insert(book)
    await tx.insert(prices.map((price) => Price.of(book, { ...begun('price', now), ...price })))
    await this.tell(tx, book)
  }

  /** The book that a quote takes its prices from: the one named, or the currency's default when that is valid; null: there is none. */
  async forQuote(wish: { priceBookId?: Id<'price_book'> | undefined; currency: Currency }, today: CalendarDate): Promise<PriceBook | null> {
    if (!wish.priceBookId) {
      const [book] = await this.db.findBy(PriceBook, { currency: wish.currency, is_default: true })
      return book?.isValidOn(today) ? book : null
    }
    const book = await this.db.find(PriceBook, wish.priceBookId)
    if (!book) throw Refusal.invalid('reference.unknown', { field: 'priceBookId', value: wish.priceBookId })
    if (book.isValidOn(today)) return book
    throw new Refusal('price_book.not_valid', { validFrom: book.validFrom ?? '…', validTo: book.validTo ?? '…' })
  }

  /** Products by id, with their price in the book. */
  async products(ids: readonly Id<'product'>[], priceBookId: Id<'price_book'> | null): Promise<Map<string, PricedProduct>> {
    const rows = await this.db.query<Omit<PricedProduct, 'listPrice'> & { minor: bigint | null; currency: Currency }>(
      `SELECT p.id, p.code, p.name, p.unit, p.active, e.price_minor AS minor, e.price_currency AS currency
       FROM product p LEFT JOIN price e ON e.product_id = p.id AND e.price_book_id = $2 WHERE p.id = ANY($1)`,
      [ids, priceBookId],
    )
    return new Map(
      rows.map(({ minor, currency, ...product }) => [
        product.id,
        { ...product, listPrice: minor === null ? null : Money.of(minor, currency) },
      ]),
    )
  }

  private async store(tx: Transaction, book: PriceBook): Promise<PriceBook> {
    await tx.update(book)
    await this.tell(tx, book)
    return book
  }

  private tell(tx: Transaction, book: PriceBook): Promise<void> {
    return this.events.publish(tx, PriceBookChanged, book, { priceBookId: book.id, name: book.name, currency: book.currency })
  }
}

/** The default book of a currency, locked. Whoever makes or changes a default waits for others who do, also where there is none yet. */
async function lockDefault(tx: Transaction, currency: Currency): Promise<PriceBook | undefined> {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 11))`, [`default price book ${tx.tenant} ${currency}`])
  const found = await tx.one<{ id: string }>('SELECT id FROM price_book WHERE currency = $1 AND is_default', [currency])
  return found && tx.lock(PriceBook, found.id)
}

async function mustBeFree(tx: Transaction, name: string, except = ''): Promise<void> {
  const found = await tx.one('SELECT 1 FROM price_book WHERE lower(name) = lower($1) AND id <> $2', [name, except])
  if (found) throw new Refusal('price_book.name_taken', { name })
}

/** The name of a book that is made on the way: the currency's code, unless somebody called another book so. */
async function freeName(tx: Transaction, currency: Currency): Promise<string> {
  const row = await tx.one<{ count: number }>(
    `SELECT count(*)::int AS count FROM price_book WHERE lower(name) = lower($1) OR lower(name) LIKE lower($1) || ' %'`,
    [currency],
  )
  return row!.count ? `${currency} ${row!.count + 1}` : currency
}
