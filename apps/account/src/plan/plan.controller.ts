import { Controller } from '@nestjs/common'
import {
  activateAccountPlan,
  changeAccountPlan,
  closeAccountPlan,
  draftAccountPlan,
  getAccountPlan,
  listAccountPlans,
  listPlanActions,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { AccountPlanQueries, planView } from './plan.queries.js'
import { AccountPlanService } from './plan.service.js'

@Controller()
export class AccountPlanController {
  constructor(
    private readonly plans: AccountPlanService,
    private readonly queries: AccountPlanQueries,
  ) {}

  @Serve(draftAccountPlan)
  async draft({ body }: Input<typeof draftAccountPlan>) {
    return planView(await this.plans.draft(body))
  }

  @Serve(listAccountPlans)
  list({ query }: Input<typeof listAccountPlans>) {
    return this.queries.list(query)
  }

  @Serve(listPlanActions)
  actions({ query }: Input<typeof listPlanActions>) {
    return this.queries.actions(query)
  }

  @Serve(getAccountPlan)
  get({ params }: Input<typeof getAccountPlan>) {
    return this.queries.get(params.id)
  }

  @Serve(changeAccountPlan)
  async change({ params, body }: Input<typeof changeAccountPlan>) {
    return planView(await this.plans.change(params.id, body))
  }

  @Serve(activateAccountPlan)
  async activate({ params }: Input<typeof activateAccountPlan>) {
    return planView(await this.plans.activate(params.id))
  }

  @Serve(closeAccountPlan)
  async close({ params, body }: Input<typeof closeAccountPlan>) {
    return planView(await this.plans.close(params.id, body.note))
  }
}
