import { Controller } from '@nestjs/common'
import {
  activateAccountScorecard,
  changeAccountScorecard,
  draftAccountScorecard,
  explainAccountScore,
  getAccountScorecard,
  listAccountScorecards,
  listAccountScoringFields,
  previewAccountScorecard,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { AccountScoreQueries } from './account-score.queries.js'
import { AccountScorecardService } from './account-scorecard.service.js'

@Controller()
export class AccountScorecardController {
  constructor(
    private readonly scorecards: AccountScorecardService,
    private readonly queries: AccountScoreQueries,
  ) {}

  @Serve(draftAccountScorecard)
  async draft({ body }: Input<typeof draftAccountScorecard>) {
    return this.queries.view(await this.scorecards.draft(body))
  }

  @Serve(listAccountScorecards)
  list({ query }: Input<typeof listAccountScorecards>) {
    return this.queries.list(query)
  }

  @Serve(listAccountScoringFields)
  fields() {
    return this.queries.fields()
  }

  @Serve(getAccountScorecard)
  get({ params }: Input<typeof getAccountScorecard>) {
    return this.queries.get(params.id)
  }

  @Serve(changeAccountScorecard)
  async change({ params, body }: Input<typeof changeAccountScorecard>) {
    return this.queries.view(await this.scorecards.change(params.id, body))
  }

  @Serve(activateAccountScorecard)
  async activate({ params }: Input<typeof activateAccountScorecard>) {
    return this.queries.view(await this.scorecards.activate(params.id))
  }

  @Serve(previewAccountScorecard)
  preview({ body }: Input<typeof previewAccountScorecard>) {
    return this.queries.preview(body)
  }

  @Serve(explainAccountScore)
  explain({ params, query }: Input<typeof explainAccountScore>) {
    return this.queries.explain(params.id, query)
  }
}
