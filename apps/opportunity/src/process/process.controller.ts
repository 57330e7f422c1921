import { Controller } from '@nestjs/common'
import {
  changeProcess,
  draftProcess,
  getProcess,
  listProcesses,
  listProcessTemplates,
  makeDefaultProcess,
  newProcessVersion,
  publishProcess,
  retireProcess,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ProcessQueries, processView } from './process.queries.js'
import { ProcessService } from './process.service.js'

@Controller()
export class ProcessController {
  constructor(
    private readonly processes: ProcessService,
    private readonly queries: ProcessQueries,
  ) {}

  @Serve(draftProcess)
  async draft({ body }: Input<typeof draftProcess>) {
    return processView(await this.processes.draft(body))
  }

  @Serve(listProcesses)
  list({ query }: Input<typeof listProcesses>) {
    return this.queries.list(query)
  }

  @Serve(getProcess)
  get({ params }: Input<typeof getProcess>) {
    return this.queries.get(params.id)
  }

  @Serve(changeProcess)
  async change({ params, body }: Input<typeof changeProcess>) {
    return processView(await this.processes.change(params.id, body))
  }

  @Serve(publishProcess)
  async publish({ params, body }: Input<typeof publishProcess>) {
    return processView(await this.processes.publish(params.id, body))
  }

  @Serve(makeDefaultProcess)
  async makeDefault({ params }: Input<typeof makeDefaultProcess>) {
    return processView(await this.processes.makeDefault(params.id))
  }

  @Serve(retireProcess)
  async retire({ params }: Input<typeof retireProcess>) {
    return processView(await this.processes.retire(params.id))
  }

  @Serve(newProcessVersion)
  async newVersion({ params }: Input<typeof newProcessVersion>) {
    return processView(await this.processes.newVersion(params.id))
  }

  @Serve(listProcessTemplates)
  templates() {
    return this.queries.templates()
  }
}
