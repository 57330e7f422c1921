import { Module } from '@nestjs/common'
import { Imports, Jobs, type ServiceDefinition } from '@millrace/service'
import { CustomersConsumers } from './lead/customers.consumers.js'
import { Duplicates } from './lead/duplicates.service.js'
import { LeadController } from './lead/lead.controller.js'
import { leadStatus } from './lead/lead.js'
import { leadImport } from './lead/lead.import.js'
import { LeadQueries } from './lead/lead.queries.js'
import { LeadSchema } from './lead/lead.schema.js'
import { LeadService } from './lead/lead.service.js'
import { leadMigrations } from './migrations/index.js'

@Module({ controllers: [LeadController, CustomersConsumers], providers: [LeadService, LeadQueries, Duplicates] })
export class LeadModule {
  constructor(imports: Imports, jobs: Jobs, leads: LeadService) {
    imports.register(leadImport(leads))
    jobs.every(60, 'nurtured leads wake', () => leads.wakeDue())
  }
}

export const leadService: ServiceDefinition = {
  name: 'lead',
  module: LeadModule,
  schemas: [LeadSchema],
  migrations: leadMigrations,
  lifecycles: [leadStatus],
}
