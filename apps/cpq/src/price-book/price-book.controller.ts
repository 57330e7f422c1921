import { Controller } from '@nestjs/common'
import { changePriceBook, createPriceBook, getPriceBook, listPriceBooks, listPrices, setPrice, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { PriceBookQueries, priceBookView } from './price-book.queries.js'
import { PriceBookService } from './price-book.service.js'

@Controller()
export class PriceBookController {
  constructor(
    private readonly books: PriceBookService,
    private readonly queries: PriceBookQueries,
  ) {}

  @Serve(createPriceBook)
  async create({ body }: Input<typeof createPriceBook>) {
    return priceBookView(await this.books.create(body))
  }

  @Serve(listPriceBooks)
  list({ query }: Input<typeof listPriceBooks>) {
    return this.queries.list(query)
  }

  @Serve(getPriceBook)
  get({ params }: Input<typeof getPriceBook>) {
    return this.queries.get(params.id)
  }

  @Serve(changePriceBook)
  async change({ params, body }: Input<typeof changePriceBook>) {
    return priceBookView(await this.books.change(params.id, body))
  }

  @Serve(setPrice)
  async setPrice({ params, body }: Input<typeof setPrice>) {
    await this.books.setPrice(params.id, params.productId, body.price)
    return this.queries.price(params.id, params.productId)
  }

  @Serve(listPrices)
  prices({ params, query }: Input<typeof listPrices>) {
    return this.queries.prices(params.id, query)
  }
}
