import { Injectable } from '@nestjs/common'
import { listProcesses, type Answer, type getProcess, type Input, type listProcessTemplates } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { templates } from './process-templates.js'
import { Process, type Stage } from './process.js'

@Injectable()
export class ProcessQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listProcesses>['query']) {
    return this.db.list(Process, listProcesses, query, processView)
  }

  async get(id: string) {
    return processView(await this.db.get(Process, id))
  }

  templates(): Answer<typeof listProcessTemplates> {
    return { data: templates.map((template) => ({ ...template, stages: template.stages.map(stageView) })), next: null }
  }
}

/** A process as the API shows it. */
export function processView(process: Process): Answer<typeof getProcess> {
  return { ...process, stages: process.stages.map(stageView) }
}

function stageView(stage: Stage) {
  return { ...stage, tools: [...stage.tools], items: stage.items.map((item) => ({ ...item, options: [...item.options] })) }
}
