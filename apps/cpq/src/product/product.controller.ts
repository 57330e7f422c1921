import { Controller } from '@nestjs/common'
import { changeProduct, createProduct, getProduct, listProducts, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ProductQueries, productView } from './product.queries.js'
import { ProductService } from './product.service.js'

@Controller()
export class ProductController {
  constructor(
    private readonly products: ProductService,
    private readonly queries: ProductQueries,
  ) {}

  @Serve(createProduct)
  async create({ body }: Input<typeof createProduct>) {
    return productView(await this.products.create(body))
  }

  @Serve(listProducts)
  list({ query }: Input<typeof listProducts>) {
    return this.queries.list(query)
  }

  @Serve(getProduct)
  get({ params }: Input<typeof getProduct>) {
    return this.queries.get(params.id)
  }

  @Serve(changeProduct)
  async change({ params, body }: Input<typeof changeProduct>) {
    return productView(await this.products.change(params.id, body))
  }
}
