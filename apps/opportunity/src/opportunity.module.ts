import { Module } from '@nestjs/common'
import { Imports, type ServiceDefinition } from '@millrace/service'
import { opportunityMigrations } from './migrations/index.js'
import { KnownRecords } from './opportunity/known-records.queries.js'
import { opportunityStatus } from './opportunity/opportunity.js'
import { OpportunityConsumers } from './opportunity/opportunity.consumers.js'
import { OpportunityController } from './opportunity/opportunity.controller.js'
import { OpportunityImport } from './opportunity/opportunity.import.js'
import { OpportunityQueries } from './opportunity/opportunity.queries.js'
import { OpportunitySchema } from './opportunity/opportunity.schema.js'
import { OpportunityService } from './opportunity/opportunity.service.js'
import { processStatus } from './process/process.js'
import { ProcessConsumers } from './process/process.consumers.js'
import { ProcessController } from './process/process.controller.js'
import { ProcessQueries } from './process/process.queries.js'
import { ProcessSchema } from './process/process.schema.js'
import { ProcessService } from './process/process.service.js'

@Module({
  controllers: [ProcessController, ProcessConsumers, OpportunityController, OpportunityConsumers],
  providers: [ProcessService, ProcessQueries, OpportunityService, OpportunityQueries, OpportunityImport, KnownRecords],
})
export class OpportunityModule {
  constructor(imports: Imports, opportunities: OpportunityImport) {
    imports.register(opportunities)
  }
}

export const opportunityService: ServiceDefinition = {
  name: 'opportunity',
  module: OpportunityModule,
  schemas: [ProcessSchema, OpportunitySchema],
  migrations: opportunityMigrations,
  lifecycles: [processStatus, opportunityStatus],
}
