import { Controller } from '@nestjs/common'
import { getTimeline, listNextSteps, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { TimelineQueries } from './timeline.queries.js'

@Controller()
export class TimelineController {
  constructor(private readonly timelines: TimelineQueries) {}

  @Serve(getTimeline)
  timeline({ params, query }: Input<typeof getTimeline>) {
    return this.timelines.of(params.id, query)
  }

  @Serve(listNextSteps)
  nextSteps({ query }: Input<typeof listNextSteps>) {
    return this.timelines.nextSteps(query)
  }
}
