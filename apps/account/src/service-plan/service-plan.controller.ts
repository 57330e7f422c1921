import { Controller } from '@nestjs/common'
import {
  changeServicePlan,
  createServicePlan,
  finishServiceDue,
  getServicePlan,
  listServiceDues,
  listServicePlans,
  postponeServiceDue,
  skipServiceDue,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { DueListService } from './due-list.service.js'
import { planView, ServicePlanQueries } from './service-plan.queries.js'
import { ServicePlanService } from './service-plan.service.js'

@Controller()
export class ServicePlanController {
  constructor(
    private readonly plans: ServicePlanService,
    private readonly dueList: DueListService,
    private readonly queries: ServicePlanQueries,
  ) {}

  @Serve(createServicePlan)
  async create({ body }: Input<typeof createServicePlan>) {
    return planView(await this.plans.create(body))
  }

  @Serve(listServicePlans)
  list({ query }: Input<typeof listServicePlans>) {
    return this.queries.list(query)
  }

  @Serve(getServicePlan)
  get({ params }: Input<typeof getServicePlan>) {
    return this.queries.get(params.id)
  }

  @Serve(changeServicePlan)
  async change({ params, body }: Input<typeof changeServicePlan>) {
    return planView(await this.plans.change(params.id, body))
  }

  @Serve(listServiceDues)
  dues({ query }: Input<typeof listServiceDues>) {
    return this.queries.dues(query)
  }

  @Serve(finishServiceDue)
  async finish({ params }: Input<typeof finishServiceDue>) {
    return this.queries.due((await this.dueList.finish(params.id)).id)
  }

  @Serve(skipServiceDue)
  async skip({ params, body }: Input<typeof skipServiceDue>) {
    return this.queries.due((await this.dueList.skip(params.id, body.reason)).id)
  }

  @Serve(postponeServiceDue)
  async postpone({ params, body }: Input<typeof postponeServiceDue>) {
    return this.queries.due((await this.dueList.postpone(params.id, body.to, body.reason)).id)
  }
}
