import { Injectable } from '@nestjs/common'
import { ProductChanged, ProductCreated, type changeProduct, type createProduct, type Input, type Sent } from '@millrace/contracts'
import { Refusal, type Currency, type Id, type Money } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { PriceBookService } from '../price-book/price-book.service.js'
import { Product, type ProductData } from './product.js'

/** Use cases of the catalogue. */
@Injectable()
export class ProductService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly priceBooks: PriceBookService,
  ) {}

  create(given: Input<typeof createProduct>['body']): Promise<Product> {
    return this.db.transaction(async (tx) => {
      await mustBeFree(tx, given.code)
      const product = Product.create({ ...begun('product', this.clock.now()), ...told(given) })
      await tx.insert(product)
      await this.events.publish(tx, ProductCreated, product, facts(product))
      return product
    })
  }

  change(id: Id<'product'>, given: Input<typeof changeProduct>['body']): Promise<Product> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Product, id)
      if (given.code !== undefined && given.code !== before.code) await mustBeFree(tx, given.code)
      const product = await tx.update(before.change(told(given), this.clock.now()))
      await this.events.publish(tx, ProductChanged, product, facts(product))
      return product
    })
  }

  /** Stores products of an import with their prices in the default price book of each currency. A known code or external id changes nothing. */
  async importAll(tx: Transaction, given: readonly (ProductData & { price: Money | null })[]): Promise<('added' | 'existing')[]> {
    const rows = await tx.query<{ code: string; external_id: string | null }>(
      'SELECT code, external_id FROM product WHERE code = ANY($1) OR external_id = ANY($2)',
      [given.map(({ code }) => code), given.flatMap(({ externalId }) => externalId ?? [])],
    )
    const codes = new Set(rows.map(({ code }) => code))
    const externalIds = new Set(rows.flatMap(({ external_id }) => external_id ?? []))
    const products: Product[] = []
    const prices = new Map<Currency, { productId: Id<'product'>; price: Money }[]>()
    const outcomes = given.map(({ price, ...data }) => {
      if (codes.has(data.code) || (data.externalId && externalIds.has(data.externalId))) return 'existing'
      codes.add(data.code)
      if (data.externalId) externalIds.add(data.externalId)
      const product = Product.create({ ...begun('product', this.clock.now()), ...data })
      products.push(product)
      if (price) prices.set(price.currency, [...(prices.get(price.currency) ?? []), { productId: product.id, price }])
      return 'added'
    })
    await tx.insert(products)
    for (const product of products) await this.events.publish(tx, ProductCreated, product, facts(product))
    for (const [currency, entries] of prices) await this.priceBooks.addToDefault(tx, currency, entries)
    return outcomes
  }
}

/** Only what was given: a field that is absent stays as it is. */
function told<T extends object>(given: T) {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}

async function mustBeFree(tx: Transaction, code: string): Promise<void> {
  const found = await tx.one<{ id: string }>('SELECT id FROM product WHERE code = $1', [code])
  if (found) throw new Refusal('product.code_taken', { code, productId: found.id })
}

function facts({ id, code, name, family, active }: Product): Sent<typeof ProductCreated> {
  return { productId: id, code, name, family, active }
}
