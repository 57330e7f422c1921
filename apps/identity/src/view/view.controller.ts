import { Controller } from '@nestjs/common'
import {
  changeView,
  clearDefaultView,
  deleteView,
  getView,
  listViews,
  makeDefaultView,
  saveView,
  shareView,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ViewQueries } from './view.queries.js'
import { ViewService } from './view.service.js'

@Controller()
export class ViewController {
  constructor(
    private readonly views: ViewService,
    private readonly queries: ViewQueries,
  ) {}

  @Serve(saveView)
  async save({ body }: Input<typeof saveView>) {
    return this.queries.answer(await this.views.save(body))
  }

  @Serve(listViews)
  list({ query }: Input<typeof listViews>) {
    return this.queries.list(query)
  }

  @Serve(getView)
  get({ params }: Input<typeof getView>) {
    return this.queries.get(params.id)
  }

  @Serve(changeView)
  async change({ params, body }: Input<typeof changeView>) {
    return this.queries.answer(await this.views.change(params.id, body))
  }

  @Serve(deleteView)
  delete({ params }: Input<typeof deleteView>) {
    return this.views.delete(params.id)
  }

  @Serve(shareView)
  async share({ params, body }: Input<typeof shareView>) {
    return this.queries.answer(await this.views.share(params.id, body))
  }

  @Serve(makeDefaultView)
  async makeDefault({ params }: Input<typeof makeDefaultView>) {
    await this.views.makeDefault(params.id)
    return this.queries.get(params.id)
  }

  @Serve(clearDefaultView)
  async clearDefault({ params }: Input<typeof clearDefaultView>) {
    await this.views.clearDefault(params.id)
    return this.queries.get(params.id)
  }
}
