import { Controller } from '@nestjs/common'
import { changeActivity, finishNextStep, getActivity, listActivities, logActivity, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ActivityQueries } from './activity.queries.js'
import { ActivityService } from './activity.service.js'

@Controller()
export class ActivityController {
  constructor(
    private readonly activities: ActivityService,
    private readonly queries: ActivityQueries,
  ) {}

  @Serve(logActivity)
  async log({ body }: Input<typeof logActivity>) {
    return this.queries.detail(await this.activities.log(body))
  }

  @Serve(listActivities)
  list({ query }: Input<typeof listActivities>) {
    return this.queries.list(query)
  }

  @Serve(getActivity)
  get({ params }: Input<typeof getActivity>) {
    return this.queries.get(params.id)
  }

  @Serve(changeActivity)
  async change({ params, body }: Input<typeof changeActivity>) {
    return this.queries.detail(await this.activities.change(params.id, body))
  }

  @Serve(finishNextStep)
  async finishNextStep({ params }: Input<typeof finishNextStep>) {
    return this.queries.detail(await this.activities.finishNextStep(params.id))
  }
}
