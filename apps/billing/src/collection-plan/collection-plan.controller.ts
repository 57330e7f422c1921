import { Controller } from '@nestjs/common'
import { getCollectionPlan, listCollectionPlans, replanCollection, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { CollectionPlanQueries } from './collection-plan.queries.js'
import { CollectionPlanService } from './collection-plan.service.js'

@Controller()
export class CollectionPlanController {
  constructor(
    private readonly plans: CollectionPlanService,
    private readonly queries: CollectionPlanQueries,
  ) {}

  @Serve(listCollectionPlans)
  list({ query }: Input<typeof listCollectionPlans>) {
    return this.queries.list(query)
  }

  @Serve(getCollectionPlan)
  get({ params }: Input<typeof getCollectionPlan>) {
    return this.queries.get(params.id)
  }

  @Serve(replanCollection)
  async replan({ params, body }: Input<typeof replanCollection>) {
    const { id } = await this.plans.replan(params.id, body.terms)
    return this.queries.get(id)
  }
}
