import { Controller } from '@nestjs/common'
import {
  cancelHandover,
  getHandover,
  listHandovers,
  listHandoversNeeded,
  prepareHandover,
  startHandover,
  undoHandover,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { HandoverQueries } from './handover.queries.js'
import { HandoverService } from './handover.service.js'

@Controller()
export class HandoverController {
  constructor(
    private readonly handovers: HandoverService,
    private readonly queries: HandoverQueries,
  ) {}

  @Serve(prepareHandover)
  async prepare({ body }: Input<typeof prepareHandover>) {
    return this.queries.view(await this.handovers.prepare(body))
  }

  @Serve(listHandovers)
  list({ query }: Input<typeof listHandovers>) {
    return this.queries.list(query)
  }

  @Serve(listHandoversNeeded)
  needed() {
    return this.queries.needed()
  }

  @Serve(getHandover)
  get({ params }: Input<typeof getHandover>) {
    return this.queries.get(params.id)
  }

  @Serve(startHandover)
  async start({ params }: Input<typeof startHandover>) {
    return this.queries.view(await this.handovers.start(params.id))
  }

  @Serve(cancelHandover)
  async cancel({ params }: Input<typeof cancelHandover>) {
    return this.queries.view(await this.handovers.cancel(params.id))
  }

  @Serve(undoHandover)
  async undo({ params }: Input<typeof undoHandover>) {
    return this.queries.view(await this.handovers.undo(params.id))
  }
}
