import { Controller } from '@nestjs/common'
import {
  assignLead,
  captureLead,
  changeLead,
  changeLeadSettings,
  convertLead,
  disqualifyLead,
  getLead,
  getLeadSettings,
  keepLeadApart,
  listLeadDuplicates,
  listLeads,
  mergeLead,
  nurtureLead,
  qualifyLead,
  reopenLead,
  workLead,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { LeadQueries, leadView } from './lead.queries.js'
import { LeadService } from './lead.service.js'

@Controller()
export class LeadController {
  constructor(
    private readonly leads: LeadService,
    private readonly queries: LeadQueries,
  ) {}

  @Serve(captureLead)
  async capture({ body }: Input<typeof captureLead>) {
    return leadView(await this.leads.capture(body))
  }

  @Serve(listLeads)
  list({ query }: Input<typeof listLeads>) {
    return this.queries.list(query)
  }

  @Serve(getLead)
  get({ params }: Input<typeof getLead>) {
    return this.queries.get(params.id)
  }

  @Serve(changeLead)
  async change({ params, body }: Input<typeof changeLead>) {
    return leadView(await this.leads.change(params.id, body))
  }

  @Serve(assignLead)
  async assign({ params, body }: Input<typeof assignLead>) {
    return leadView(await this.leads.assign(params.id, body.ownerId))
  }

  @Serve(workLead)
  async work({ params }: Input<typeof workLead>) {
    return leadView(await this.leads.work(params.id))
  }

  @Serve(qualifyLead)
  async qualify({ params }: Input<typeof qualifyLead>) {
    return leadView(await this.leads.qualify(params.id))
  }

  @Serve(nurtureLead)
  async nurture({ params, body }: Input<typeof nurtureLead>) {
    return leadView(await this.leads.nurture(params.id, body.wakeAt))
  }

  @Serve(disqualifyLead)
  async disqualify({ params, body }: Input<typeof disqualifyLead>) {
    return leadView(await this.leads.disqualify(params.id, body.reason, body.note))
  }

  @Serve(reopenLead)
  async reopen({ params }: Input<typeof reopenLead>) {
    return leadView(await this.leads.reopen(params.id))
  }

  @Serve(mergeLead)
  async merge({ params, body }: Input<typeof mergeLead>) {
    return leadView(await this.leads.merge(params.id, body))
  }

  @Serve(keepLeadApart)
  async keepApart({ params, body }: Input<typeof keepLeadApart>) {
    return leadView(await this.leads.keepApart(params.id, body.leadId))
  }

  @Serve(listLeadDuplicates)
  duplicates({ query }: Input<typeof listLeadDuplicates>) {
    return this.queries.duplicates(query)
  }

  @Serve(convertLead)
  async convert({ params, body }: Input<typeof convertLead>) {
    return leadView(await this.leads.convert(params.id, body))
  }

  @Serve(getLeadSettings)
  settings() {
    return this.queries.settings()
  }

  @Serve(changeLeadSettings)
  changeSettings({ body }: Input<typeof changeLeadSettings>) {
    return this.leads.changeSettings(body)
  }
}
