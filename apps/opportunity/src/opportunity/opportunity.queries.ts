import { Injectable } from '@nestjs/common'
import { listOpportunities, type Answer, type getOpportunity, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { Process } from '../process/process.js'
import { Opportunity } from './opportunity.js'
import { evidence, missing, stageOf } from './road.js'

type Summary = Answer<typeof listOpportunities>['data'][number]
type View = Answer<typeof getOpportunity>

@Injectable()
export class OpportunityQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listOpportunities>['query']) {
    return this.db.list(Opportunity, listOpportunities, query, summary)
  }

  async get(id: string): Promise<View> {
    return this.view(await this.db.get(Opportunity, id))
  }

  /** A deal with its checklist, as the version of the process it was opened in has it. */
  async view(opportunity: Opportunity): Promise<View> {
    return opportunityView(opportunity, await this.db.get(Process, opportunity.processId))
  }
}

function summary({ stage, stageName, done: _d, visits: _v, ...deal }: Opportunity): Summary {
  return {
    ...deal,
    stage: { key: stage, name: stageName },
    probability: deal.probability.toString(),
    ceiling: deal.ceiling.toString(),
    products: [...deal.products],
  }
}

function opportunityView(opportunity: Opportunity, process: Process): View {
  const answered = opportunity.answered()
  const answers = new Map(opportunity.done.map(({ item, ...answer }) => [item, answer]))
  return {
    ...summary(opportunity),
    checklist: process.stages.map((stage) => ({
      stage: { key: stage.key, name: stage.name },
      ceiling: stage.probability,
      evidence: evidence([stage], answered).toString(),
      items: stage.items.map((item) => ({ ...item, options: [...item.options], done: answers.get(item.key) ?? null })),
    })),
    missing: opportunity.status === 'lost' ? [] : missing([stageOf(process, opportunity.stage)], answered),
    history: opportunity.visits.map(({ stage, name, skipped, ...visit }) => ({
      ...visit,
      stage: { key: stage, name },
      skipped: [...skipped],
    })),
  }
}
