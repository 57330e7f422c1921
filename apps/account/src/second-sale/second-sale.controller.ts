import { Controller } from '@nestjs/common'
import { dismissSuggestion, getSuggestions, listSecondSales, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { SecondSaleQueries } from './second-sale.queries.js'
import { SecondSaleService } from './second-sale.service.js'

@Controller()
export class SecondSaleController {
  constructor(
    private readonly secondSales: SecondSaleService,
    private readonly queries: SecondSaleQueries,
  ) {}

  @Serve(getSuggestions)
  get({ params }: Input<typeof getSuggestions>) {
    return this.queries.of(params.id)
  }

  @Serve(dismissSuggestion)
  async dismiss({ params, body }: Input<typeof dismissSuggestion>) {
    const { id } = await this.secondSales.dismiss(params.id, body)
    return this.queries.of(id)
  }

  @Serve(listSecondSales)
  list({ query }: Input<typeof listSecondSales>) {
    return this.queries.list(query)
  }
}
