import { Module } from '@nestjs/common'
import { HandoverConsumers, handoverPartSchema, Handovers, Imports, type ServiceDefinition } from '@millrace/service'
import { opportunityMigrations } from './migrations/index.js'
import { KnownRecords } from './opportunity/known-records.queries.js'
import { Opportunity, opportunityStatus } from './opportunity/opportunity.js'
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
  controllers: [ProcessController, ProcessConsumers, OpportunityController, OpportunityConsumers, HandoverConsumers],
  providers: [ProcessService, ProcessQueries, OpportunityService, OpportunityQueries, OpportunityImport, KnownRecords],
})
export class OpportunityModule {
  constructor(imports: Imports, handovers: Handovers, opportunityImport: OpportunityImport, opportunities: OpportunityService) {
    imports.register(opportunityImport)
    handovers.register('opportunity', [
      {
        noun: 'opportunity',
        target: Opportunity,
        account: 'account_id',
        title: 'title',
        amount: 'amount',
        tell: (tx, handed: readonly Opportunity[]) => opportunities.tellHandedOver(tx, handed),
      },
    ])
  }
}

export const opportunityService: ServiceDefinition = {
  name: 'opportunity',
  module: OpportunityModule,
  schemas: [ProcessSchema, OpportunitySchema, handoverPartSchema('opportunity')],
  migrations: opportunityMigrations,
  lifecycles: [processStatus, opportunityStatus],
}
