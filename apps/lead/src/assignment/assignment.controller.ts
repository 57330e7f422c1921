import { Controller } from '@nestjs/common'
import {
  assignOpenLeads,
  changeAssignmentRule,
  changeAssignmentSettings,
  changeTerritory,
  createAssignmentRule,
  createTerritory,
  dryRunAssignment,
  getAssignmentRule,
  getAssignmentSettings,
  getLeadAssignment,
  getTerritory,
  listAssignmentRules,
  listTerritories,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { AssignmentQueries, ruleView, territoryView } from './assignment.queries.js'
import { AssignmentService } from './assignment.service.js'

@Controller()
export class AssignmentController {
  constructor(
    private readonly assignment: AssignmentService,
    private readonly queries: AssignmentQueries,
  ) {}

  @Serve(createAssignmentRule)
  async createRule({ body }: Input<typeof createAssignmentRule>) {
    return ruleView(await this.assignment.createRule(body))
  }

  @Serve(listAssignmentRules)
  rules({ query }: Input<typeof listAssignmentRules>) {
    return this.queries.rules(query)
  }

  @Serve(getAssignmentRule)
  rule({ params }: Input<typeof getAssignmentRule>) {
    return this.queries.rule(params.id)
  }

  @Serve(changeAssignmentRule)
  async changeRule({ params, body }: Input<typeof changeAssignmentRule>) {
    return ruleView(await this.assignment.changeRule(params.id, body))
  }

  @Serve(dryRunAssignment)
  dryRun({ body }: Input<typeof dryRunAssignment>) {
    return this.assignment.dryRun(body)
  }

  @Serve(assignOpenLeads)
  assignOpen({ body }: Input<typeof assignOpenLeads>) {
    return this.assignment.assignOpen(body)
  }

  @Serve(getLeadAssignment)
  explain({ params }: Input<typeof getLeadAssignment>) {
    return this.queries.explain(params.id)
  }

  @Serve(createTerritory)
  async createTerritory({ body }: Input<typeof createTerritory>) {
    return territoryView(await this.assignment.createTerritory(body))
  }

  @Serve(listTerritories)
  territories({ query }: Input<typeof listTerritories>) {
    return this.queries.territories(query)
  }

  @Serve(getTerritory)
  territory({ params }: Input<typeof getTerritory>) {
    return this.queries.territory(params.id)
  }

  @Serve(changeTerritory)
  async changeTerritory({ params, body }: Input<typeof changeTerritory>) {
    return territoryView(await this.assignment.changeTerritory(params.id, body))
  }

  @Serve(getAssignmentSettings)
  settings() {
    return this.queries.settings()
  }

  @Serve(changeAssignmentSettings)
  changeSettings({ body }: Input<typeof changeAssignmentSettings>) {
    return this.assignment.changeSettings(body)
  }
}
