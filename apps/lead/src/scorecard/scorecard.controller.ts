import { Controller } from '@nestjs/common'
import {
  activateScorecard,
  changeScorecard,
  draftScorecard,
  explainScore,
  getScorecard,
  listScorecards,
  listScoringFields,
  previewScorecard,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ScorecardQueries } from './scorecard.queries.js'
import { ScorecardService } from './scorecard.service.js'

@Controller()
export class ScorecardController {
  constructor(
    private readonly scorecards: ScorecardService,
    private readonly queries: ScorecardQueries,
  ) {}

  @Serve(draftScorecard)
  async draft({ body }: Input<typeof draftScorecard>) {
    return this.queries.view(await this.scorecards.draft(body))
  }

  @Serve(listScorecards)
  list({ query }: Input<typeof listScorecards>) {
    return this.queries.list(query)
  }

  @Serve(listScoringFields)
  fields() {
    return this.queries.fields()
  }

  @Serve(getScorecard)
  get({ params }: Input<typeof getScorecard>) {
    return this.queries.get(params.id)
  }

  @Serve(changeScorecard)
  async change({ params, body }: Input<typeof changeScorecard>) {
    return this.queries.view(await this.scorecards.change(params.id, body))
  }

  @Serve(activateScorecard)
  async activate({ params }: Input<typeof activateScorecard>) {
    return this.queries.view(await this.scorecards.activate(params.id))
  }

  @Serve(previewScorecard)
  preview({ body }: Input<typeof previewScorecard>) {
    return this.queries.preview(body)
  }

  @Serve(explainScore)
  explain({ params }: Input<typeof explainScore>) {
    return this.queries.explain(params.id)
  }
}
