import { Controller } from '@nestjs/common'
import {
  changePool,
  changeRecycleRule,
  claimLead,
  createPool,
  createRecycleRule,
  getPool,
  getRecycleRule,
  listRecycleRules,
  listPooledLeads,
  listPools,
  releaseLead,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { leadView } from '../lead/lead.queries.js'
import { PoolQueries, poolView } from './pool.queries.js'
import { PoolService } from './pool.service.js'
import { Recycling } from './recycling.service.js'

@Controller()
export class PoolController {
  constructor(
    private readonly pools: PoolService,
    private readonly queries: PoolQueries,
    private readonly recycling: Recycling,
  ) {}

  @Serve(createPool)
  async create({ body }: Input<typeof createPool>) {
    return poolView(await this.pools.create(body))
  }

  @Serve(listPools)
  list({ query }: Input<typeof listPools>) {
    return this.queries.list(query)
  }

  @Serve(getPool)
  get({ params }: Input<typeof getPool>) {
    return this.queries.get(params.id)
  }

  @Serve(changePool)
  async change({ params, body }: Input<typeof changePool>) {
    return poolView(await this.pools.change(params.id, body))
  }

  @Serve(listPooledLeads)
  leads({ query }: Input<typeof listPooledLeads>) {
    return this.queries.leads(query)
  }

  @Serve(releaseLead)
  async release({ params, body }: Input<typeof releaseLead>) {
    return leadView(await this.pools.release(params.id, body))
  }

  @Serve(claimLead)
  async claim({ params }: Input<typeof claimLead>) {
    return leadView(await this.pools.claim(params.id))
  }

  @Serve(createRecycleRule)
  createRule({ body }: Input<typeof createRecycleRule>) {
    return this.recycling.create(body)
  }

  @Serve(listRecycleRules)
  rules({ query }: Input<typeof listRecycleRules>) {
    return this.recycling.list(query)
  }

  @Serve(getRecycleRule)
  rule({ params }: Input<typeof getRecycleRule>) {
    return this.recycling.get(params.id)
  }

  @Serve(changeRecycleRule)
  changeRule({ params, body }: Input<typeof changeRecycleRule>) {
    return this.recycling.change(params.id, body)
  }
}
