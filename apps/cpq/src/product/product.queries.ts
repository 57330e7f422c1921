import { Injectable } from '@nestjs/common'
import { listProducts, type Answer, type getProduct, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { Product } from './product.js'

@Injectable()
export class ProductQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listProducts>['query']) {
    return this.db.list(Product, listProducts, query, productView)
  }

  async get(id: string) {
    return productView(await this.db.get(Product, id))
  }
}

/** A product as the API shows it. */
export function productView({ journeyId: _, ...product }: Product): Answer<typeof getProduct> {
  return product
}
