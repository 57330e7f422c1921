import { Controller } from '@nestjs/common'
import { getLeadFigures, listNeglectedLeads, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { LeadFiguresQueries } from './lead-figures.queries.js'

@Controller()
export class LeadFiguresController {
  constructor(private readonly queries: LeadFiguresQueries) {}

  @Serve(getLeadFigures)
  get({ query }: Input<typeof getLeadFigures>) {
    return this.queries.get(query)
  }

  @Serve(listNeglectedLeads)
  neglected({ query }: Input<typeof listNeglectedLeads>) {
    return this.queries.neglected(query)
  }
}
