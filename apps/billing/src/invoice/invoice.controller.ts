import { Controller } from '@nestjs/common'
import { creditInvoice, getInvoice, issueInvoice, listInvoices, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { InvoiceQueries } from './invoice.queries.js'
import { InvoiceService } from './invoice.service.js'

@Controller()
export class InvoiceController {
  constructor(
    private readonly invoices: InvoiceService,
    private readonly queries: InvoiceQueries,
  ) {}

  @Serve(issueInvoice)
  async issue({ body }: Input<typeof issueInvoice>) {
    const { id } = await this.invoices.issue(body)
    return this.queries.get(id)
  }

  @Serve(listInvoices)
  list({ query }: Input<typeof listInvoices>) {
    return this.queries.list(query)
  }

  @Serve(getInvoice)
  get({ params }: Input<typeof getInvoice>) {
    return this.queries.get(params.id)
  }

  @Serve(creditInvoice)
  async credit({ params, body }: Input<typeof creditInvoice>) {
    const { id } = await this.invoices.credit(params.id, body)
    return this.queries.get(id)
  }
}
