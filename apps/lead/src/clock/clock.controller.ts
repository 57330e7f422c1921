import { Controller } from '@nestjs/common'
import { changeClockSettings, getClockSettings, logLeadContact, planNextStep, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { leadView } from '../lead/lead.queries.js'
import { Deadlines } from './deadlines.service.js'

@Controller()
export class ClockController {
  constructor(private readonly deadlines: Deadlines) {}

  @Serve(getClockSettings)
  settings() {
    return this.deadlines.settings()
  }

  @Serve(changeClockSettings)
  changeSettings({ body }: Input<typeof changeClockSettings>) {
    return this.deadlines.changeSettings(body)
  }

  @Serve(logLeadContact)
  async contact({ params, body }: Input<typeof logLeadContact>) {
    return leadView(await this.deadlines.contact(params.id, body.reached))
  }

  @Serve(planNextStep)
  async plan({ params, body }: Input<typeof planNextStep>) {
    return leadView(await this.deadlines.plan(params.id, body.text, body.dueAt))
  }
}
