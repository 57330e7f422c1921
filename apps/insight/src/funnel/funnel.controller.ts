import { Controller } from '@nestjs/common'
import { getFunnel, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { FunnelQueries } from './funnel.queries.js'

@Controller()
export class FunnelController {
  constructor(private readonly funnel: FunnelQueries) {}

  @Serve(getFunnel)
  get({ query }: Input<typeof getFunnel>) {
    return this.funnel.get(query)
  }
}
