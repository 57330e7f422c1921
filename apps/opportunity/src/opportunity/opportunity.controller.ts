import { Controller } from '@nestjs/common'
import {
  assignOpportunity,
  changeOpportunity,
  completeItem,
  getOpportunity,
  listOpportunities,
  loseOpportunity,
  moveOpportunity,
  openOpportunity,
  reopenItem,
  winOpportunity,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { OpportunityQueries } from './opportunity.queries.js'
import { OpportunityService } from './opportunity.service.js'

@Controller()
export class OpportunityController {
  constructor(
    private readonly opportunities: OpportunityService,
    private readonly queries: OpportunityQueries,
  ) {}

  @Serve(openOpportunity)
  async open({ body }: Input<typeof openOpportunity>) {
    return this.queries.view(await this.opportunities.open(body))
  }

  @Serve(listOpportunities)
  list({ query }: Input<typeof listOpportunities>) {
    return this.queries.list(query)
  }

  @Serve(getOpportunity)
  get({ params }: Input<typeof getOpportunity>) {
    return this.queries.get(params.id)
  }

  @Serve(changeOpportunity)
  async change({ params, body }: Input<typeof changeOpportunity>) {
    return this.queries.view(await this.opportunities.change(params.id, body))
  }

  @Serve(assignOpportunity)
  async assign({ params, body }: Input<typeof assignOpportunity>) {
    return this.queries.view(await this.opportunities.assign(params.id, body.ownerId))
  }

  @Serve(moveOpportunity)
  async move({ params, body }: Input<typeof moveOpportunity>) {
    return this.queries.view(await this.opportunities.move(params.id, body.stage))
  }

  @Serve(completeItem)
  async complete({ params, body }: Input<typeof completeItem>) {
    return this.queries.view(await this.opportunities.complete(params.id, body.item, body.value))
  }

  @Serve(reopenItem)
  async reopen({ params, body }: Input<typeof reopenItem>) {
    return this.queries.view(await this.opportunities.reopen(params.id, body.item))
  }

  @Serve(winOpportunity)
  async win({ params, body }: Input<typeof winOpportunity>) {
    return this.queries.view(await this.opportunities.winByExemption(params.id, body.exemption))
  }

  @Serve(loseOpportunity)
  async lose({ params, body }: Input<typeof loseOpportunity>) {
    return this.queries.view(await this.opportunities.lose(params.id, body))
  }
}
