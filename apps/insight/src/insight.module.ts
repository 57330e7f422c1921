import { Module } from '@nestjs/common'
import type { ServiceDefinition } from '@millrace/service'
import { DealConsumers } from './deal/deal.consumers.js'
import { DealQueries } from './deal/deal.queries.js'
import { NamesConsumers } from './deal/names.consumers.js'
import { FunnelController } from './funnel/funnel.controller.js'
import { FunnelQueries } from './funnel/funnel.queries.js'
import { JourneyConsumers } from './journey/journey.consumers.js'
import { JourneyController } from './journey/journey.controller.js'
import { JourneyQueries } from './journey/journey.queries.js'
import { insightMigrations } from './migrations/index.js'
import { SalesFiguresController } from './sales-figures/sales-figures.controller.js'
import { SalesFiguresQueries } from './sales-figures/sales-figures.queries.js'

@Module({
  controllers: [NamesConsumers, DealConsumers, JourneyConsumers, FunnelController, JourneyController, SalesFiguresController],
  providers: [DealQueries, FunnelQueries, JourneyQueries, SalesFiguresQueries],
})
export class InsightModule {}

export const insightService: ServiceDefinition = { name: 'insight', module: InsightModule, schemas: [], migrations: insightMigrations }
