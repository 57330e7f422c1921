import { Controller } from '@nestjs/common'
import { getScoreModel, listScoreModels, trainScoreModel, useScoreModel, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ScoreModelQueries, scoreModelView } from './score-model.queries.js'
import { ScoreModelService } from './score-model.service.js'

@Controller()
export class ScoreModelController {
  constructor(
    private readonly models: ScoreModelService,
    private readonly queries: ScoreModelQueries,
  ) {}

  @Serve(trainScoreModel)
  async train({ body }: Input<typeof trainScoreModel>) {
    return scoreModelView(await this.models.begin(body))
  }

  @Serve(listScoreModels)
  list({ query }: Input<typeof listScoreModels>) {
    return this.queries.list(query)
  }

  @Serve(getScoreModel)
  get({ params }: Input<typeof getScoreModel>) {
    return this.queries.get(params.id)
  }

  @Serve(useScoreModel)
  async use({ params }: Input<typeof useScoreModel>) {
    return scoreModelView(await this.models.use(params.id))
  }
}
