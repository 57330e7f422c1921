import { Refusal, type CalendarDate, type Currency, type Id, type Money } from '@millrace/domain'

/** Prices of one currency, valid for a time. At most one book of a currency is its default. */
export class PriceBook {
  declare readonly id: Id<'price_book'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly currency: Currency
  declare readonly validFrom: CalendarDate | null
  declare readonly validTo: CalendarDate | null
  declare readonly isDefault: boolean

  static create(given: Omit<PriceBook, 'change' | 'isValidOn'>): PriceBook {
    return checked(Object.assign(Object.create(PriceBook.prototype) as PriceBook, given))
  }

  /** Without a change: only its prices changed. */
  change(change: Partial<Pick<PriceBook, 'name' | 'validFrom' | 'validTo' | 'isDefault'>>, at: Date): PriceBook {
    return checked(Object.assign(Object.create(PriceBook.prototype) as PriceBook, this, change, { updatedAt: at }))
  }

  /** From the first to the last day, both included. */
  isValidOn(day: CalendarDate): boolean {
    return (!this.validFrom || this.validFrom <= day) && (!this.validTo || day <= this.validTo)
  }
}

function checked(book: PriceBook): PriceBook {
  const { validFrom, validTo } = book
  if (validFrom && validTo && validTo < validFrom) throw Refusal.invalid('price_book.validity_reversed', { validFrom, validTo })
  return book
}

/** The price of one unit of a product in a price book. */
export class Price {
  declare readonly id: Id<'price'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly priceBookId: Id<'price_book'>
  declare readonly productId: Id<'product'>
  declare readonly price: Money

  /** Refuses `money.mixed_currencies` and `money.negative`. */
  static of(book: PriceBook, given: Omit<Price, 'priceBookId' | 'change'>): Price {
    const { price } = given
    if (price.currency !== book.currency) throw Refusal.invalid('money.mixed_currencies', { left: book.currency, right: price.currency })
    if (price.isNegative()) throw Refusal.invalid('money.negative', { amount: price.amount })
    return Object.assign(Object.create(Price.prototype) as Price, given, { priceBookId: book.id })
  }

  change(book: PriceBook, price: Money, at: Date): Price {
    return Price.of(book, { ...this, price, updatedAt: at })
  }
}
