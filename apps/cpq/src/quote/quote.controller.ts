import { Controller } from '@nestjs/common'
import {
  acceptQuote,
  changeQuote,
  compareQuoteVersions,
  declineQuote,
  draftQuote,
  getQuote,
  getQuoteVersion,
  listQuotes,
  newQuoteVersion,
  sendQuote,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { QuoteQueries } from './quote.queries.js'
import { QuoteService } from './quote.service.js'

@Controller()
export class QuoteController {
  constructor(
    private readonly quotes: QuoteService,
    private readonly queries: QuoteQueries,
  ) {}

  @Serve(draftQuote)
  async draft({ body }: Input<typeof draftQuote>) {
    const { id } = await this.quotes.draft(body)
    return this.queries.get(id)
  }

  @Serve(listQuotes)
  list({ query }: Input<typeof listQuotes>) {
    return this.queries.list(query)
  }

  @Serve(getQuote)
  get({ params }: Input<typeof getQuote>) {
    return this.queries.get(params.id)
  }

  @Serve(changeQuote)
  async change({ params, body }: Input<typeof changeQuote>) {
    await this.quotes.change(params.id, body)
    return this.queries.get(params.id)
  }

  @Serve(newQuoteVersion)
  async newVersion({ params }: Input<typeof newQuoteVersion>) {
    await this.quotes.newVersion(params.id)
    return this.queries.get(params.id)
  }

  @Serve(sendQuote)
  async send({ params }: Input<typeof sendQuote>) {
    await this.quotes.send(params.id)
    return this.queries.get(params.id)
  }

  @Serve(acceptQuote)
  async accept({ params, body }: Input<typeof acceptQuote>) {
    await this.quotes.accept(params.id, body)
    return this.queries.get(params.id)
  }

  @Serve(declineQuote)
  async decline({ params, body }: Input<typeof declineQuote>) {
    await this.quotes.decline(params.id, body.reason)
    return this.queries.get(params.id)
  }

  @Serve(getQuoteVersion)
  version({ params }: Input<typeof getQuoteVersion>) {
    return this.queries.version(params.id, params.number)
  }

  @Serve(compareQuoteVersions)
  compare({ params, query }: Input<typeof compareQuoteVersions>) {
    return this.queries.compare(params.id, query.from, query.to)
  }
}
