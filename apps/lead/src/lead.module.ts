import { Module } from '@nestjs/common'
import { CustomFields, HandoverConsumers, handoverPartSchema, Handovers, Imports, Jobs, type ServiceDefinition } from '@millrace/service'
import { AssignmentController } from './assignment/assignment.controller.js'
import { AssignmentQueries } from './assignment/assignment.queries.js'
import { AssignmentRuleSchema, TerritorySchema } from './assignment/assignment.schema.js'
import { AssignmentService } from './assignment/assignment.service.js'
import { ClockController } from './clock/clock.controller.js'
import { Deadlines } from './clock/deadlines.service.js'
import { LeadFiguresController } from './figures/lead-figures.controller.js'
import { LeadFiguresQueries } from './figures/lead-figures.queries.js'
import { LeadFormController } from './form/form.controller.js'
import { LeadFormQueries } from './form/form.queries.js'
import { LeadFormSchema } from './form/form.schema.js'
import { LeadFormService } from './form/form.service.js'
import { CustomersConsumers } from './lead/customers.consumers.js'
import { Duplicates } from './lead/duplicates.service.js'
import { LeadController } from './lead/lead.controller.js'
import { Lead, leadStatus } from './lead/lead.js'
import { leadImport } from './lead/lead.import.js'
import { LeadQueries } from './lead/lead.queries.js'
import { LeadSchema } from './lead/lead.schema.js'
import { LeadService } from './lead/lead.service.js'
import { leadMigrations } from './migrations/index.js'
import { PoolController } from './pool/pool.controller.js'
import { PoolQueries } from './pool/pool.queries.js'
import { PoolSchema, RecycleRuleSchema } from './pool/pool.schema.js'
import { PoolService } from './pool/pool.service.js'
import { Recycling } from './pool/recycling.service.js'
import { ScoreModelController } from './score-model/score-model.controller.js'
import { scoreModelStatus } from './score-model/score-model.js'
import { ScoreModelQueries } from './score-model/score-model.queries.js'
import { ScoreModelSchema } from './score-model/score-model.schema.js'
import { ScoreModelService } from './score-model/score-model.service.js'
import { ScorecardController } from './scorecard/scorecard.controller.js'
import { scorecardStatus } from './scorecard/scorecard.js'
import { ScorecardQueries } from './scorecard/scorecard.queries.js'
import { ScorecardSchema } from './scorecard/scorecard.schema.js'
import { ScorecardService } from './scorecard/scorecard.service.js'
import { Scoring } from './scorecard/scoring.service.js'
import { SearchController } from './search/search.controller.js'

@Module({
  controllers: [
    LeadController,
    PoolController,
    ScorecardController,
    ScoreModelController,
    LeadFormController,
    AssignmentController,
    ClockController,
    LeadFiguresController,
    CustomersConsumers,
    SearchController,
    HandoverConsumers,
  ],
  providers: [
    LeadService,
    LeadQueries,
    Duplicates,
    PoolService,
    PoolQueries,
    Recycling,
    AssignmentService,
    AssignmentQueries,
    Deadlines,
    LeadFiguresQueries,
    Scoring,
    ScorecardService,
    ScorecardQueries,
    ScoreModelService,
    ScoreModelQueries,
    LeadFormService,
    LeadFormQueries,
  ],
})
export class LeadModule {
  constructor(imports: Imports, jobs: Jobs, customFields: CustomFields, handovers: Handovers, leads: LeadService) {
    customFields.accountsIn('known_account')
    imports.register(leadImport(leads))
    handovers.register('lead', [
      {
        noun: 'lead',
        target: Lead,
        where: `status NOT IN ('converted', 'disqualified', 'merged')`,
        account: null,
        title: 'coalesce(company_name, contact_name, email)',
        tell: (tx, handed: readonly Lead[]) => leads.tellHandedOver(tx, handed),
      },
    ])
    jobs.every(60, 'nurtured leads wake', () => leads.wakeDue())
  }
}

export const leadService: ServiceDefinition = {
  name: 'lead',
  module: LeadModule,
  schemas: [
    LeadSchema,
    PoolSchema,
    RecycleRuleSchema,
    ScorecardSchema,
    ScoreModelSchema,
    LeadFormSchema,
    AssignmentRuleSchema,
    TerritorySchema,
    handoverPartSchema('lead'),
  ],
  migrations: leadMigrations,
  lifecycles: [leadStatus, scorecardStatus, scoreModelStatus],
}
