import type { Id } from '@millrace/domain'

/** Something that can be sold. */
export class Product {
  declare readonly id: Id<'product'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly code: string
  declare readonly name: string
  declare readonly family: string | null
  declare readonly description: string | null
  declare readonly unit: string | null
  declare readonly active: boolean
  declare readonly externalId: string | null

  static create(given: Pick<Product, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'> & ProductData): Product {
    return Object.assign(Object.create(Product.prototype) as Product, nothing, given)
  }

  change(data: Partial<ProductData>, at: Date): Product {
    return Object.assign(Object.create(Product.prototype) as Product, this, data, { updatedAt: at })
  }
}

/** What is told about a product; what is left out is unknown, and it is for sale. */
export type ProductData = Pick<Product, 'code' | 'name'> &
  Partial<Pick<Product, 'family' | 'description' | 'unit' | 'active' | 'externalId'>>

const nothing = { family: null, description: null, unit: null, active: true, externalId: null }
