import { Module } from '@nestjs/common'
import { HandoverConsumers, handoverPartSchema, Handovers, Imports, type ServiceDefinition } from '@millrace/service'
import { Contract, contractStatus } from './contract/contract.js'
import { ContractController } from './contract/contract.controller.js'
import { ContractQueries } from './contract/contract.queries.js'
import { ContractLineSchema, ContractSchema } from './contract/contract.schema.js'
import { ContractService } from './contract/contract.service.js'
import { DealConsumers } from './deal/deal.consumers.js'
import { Deals } from './deal/deal.service.js'
import { Numbers } from './deal/number.service.js'
import { cpqMigrations } from './migrations/index.js'
import { Order } from './order/order.js'
import { OrderController } from './order/order.controller.js'
import { OrderQueries } from './order/order.queries.js'
import { OrderLineSchema, OrderSchema } from './order/order.schema.js'
import { OrderService } from './order/order.service.js'
import { PriceBookController } from './price-book/price-book.controller.js'
import { PriceBookQueries } from './price-book/price-book.queries.js'
import { PriceBookSchema, PriceSchema } from './price-book/price-book.schema.js'
import { PriceBookService } from './price-book/price-book.service.js'
import { ProductController } from './product/product.controller.js'
import { productImport } from './product/product.import.js'
import { ProductQueries } from './product/product.queries.js'
import { ProductSchema } from './product/product.schema.js'
import { ProductService } from './product/product.service.js'
import { Quote, quoteStatus } from './quote/quote.js'
import { QuoteController } from './quote/quote.controller.js'
import { QuoteQueries } from './quote/quote.queries.js'
import { QuoteLineSchema, QuoteSchema, QuoteVersionSchema } from './quote/quote.schema.js'
import { QuoteService } from './quote/quote.service.js'

@Module({
  controllers: [
    ProductController,
    PriceBookController,
    QuoteController,
    ContractController,
    OrderController,
    DealConsumers,
    HandoverConsumers,
  ],
  providers: [
    ProductService,
    ProductQueries,
    PriceBookService,
    PriceBookQueries,
    QuoteService,
    QuoteQueries,
    ContractService,
    ContractQueries,
    OrderService,
    OrderQueries,
    Deals,
    Numbers,
  ],
})
export class CpqModule {
  constructor(imports: Imports, handovers: Handovers, products: ProductService) {
    imports.register(productImport(products))
    const ofDeal = { account: 'account_id', title: 'number', amount: 'total', follows: true }
    handovers.register('cpq', [
      { noun: 'quote', target: Quote, ...ofDeal },
      { noun: 'contract', target: Contract, ...ofDeal },
      { noun: 'order', target: Order, ...ofDeal },
    ])
  }
}

export const cpqService: ServiceDefinition = {
  name: 'cpq',
  module: CpqModule,
  schemas: [
    ProductSchema,
    PriceBookSchema,
    PriceSchema,
    QuoteSchema,
    QuoteVersionSchema,
    QuoteLineSchema,
    ContractSchema,
    ContractLineSchema,
    OrderSchema,
    OrderLineSchema,
    handoverPartSchema('cpq'),
  ],
  migrations: cpqMigrations,
  lifecycles: [quoteStatus, contractStatus],
}
