import { Controller } from '@nestjs/common'
import { getSalesFigures, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { SalesFiguresQueries } from './sales-figures.queries.js'

@Controller()
export class SalesFiguresController {
  constructor(private readonly figures: SalesFiguresQueries) {}

  @Serve(getSalesFigures)
  get({ query }: Input<typeof getSalesFigures>) {
    return this.figures.get(query)
  }
}
