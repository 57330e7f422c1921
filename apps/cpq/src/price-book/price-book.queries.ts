import { Injectable } from '@nestjs/common'
import { listPriceBooks, type Answer, type getPriceBook, type Input, type listPrices, type setPrice } from '@millrace/contracts'
import { Money, type Currency, type Id } from '@millrace/domain'
import { Database } from '@millrace/service'
import { PriceBook } from './price-book.js'

interface PriceRow {
  readonly id: Id<'price'>
  readonly priceBookId: Id<'price_book'>
  readonly productId: Id<'product'>
  readonly code: string
  readonly name: string
  readonly minor: bigint
  readonly currency: Currency
  readonly updatedAt: Date
}

const prices = `SELECT e.id, e.price_book_id AS "priceBookId", e.product_id AS "productId", p.code, p.name,
  e.price_minor AS minor, e.price_currency AS currency, e.updated_at AS "updatedAt" FROM price e JOIN product p ON p.id = e.product_id`

@Injectable()
export class PriceBookQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listPriceBooks>['query']) {
    return this.db.list(PriceBook, listPriceBooks, query, priceBookView)
  }

  async get(id: string) {
    return priceBookView(await this.db.get(PriceBook, id))
  }

  async price(id: string, productId: string): Promise<Answer<typeof setPrice>> {
    const row = await this.db.one<PriceRow>(`${prices} WHERE e.price_book_id = $1 AND e.product_id = $2`, [id, productId])
    return priceView(row!)
  }

  async prices(id: string, { limit, cursor }: Input<typeof listPrices>['query']): Promise<Answer<typeof listPrices>> {
    await this.db.get(PriceBook, id)
    const rows = await this.db.query<PriceRow>(
      `${prices} WHERE e.price_book_id = $1 AND e.product_id > $2 ORDER BY e.product_id LIMIT $3`,
      [id, cursor ?? '', limit + 1],
    )
    const data = rows.slice(0, limit).map(priceView)
    return { data, next: rows.length > limit ? data.at(-1)!.productId : null }
  }
}

/** A price book as the API shows it. */
export function priceBookView({ journeyId: _, ...book }: PriceBook): Answer<typeof getPriceBook> {
  return book
}

function priceView({ minor, currency, ...row }: PriceRow): Answer<typeof setPrice> {
  return { ...row, price: Money.of(minor, currency) }
}
