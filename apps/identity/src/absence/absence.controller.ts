import { Controller } from '@nestjs/common'
import { changeAbsence, getAbsence, listAbsences, noteAbsence, withdrawAbsence, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { AbsenceService } from './absence.service.js'

@Controller()
export class AbsenceController {
  constructor(private readonly absences: AbsenceService) {}

  @Serve(noteAbsence)
  note({ body }: Input<typeof noteAbsence>) {
    return this.absences.note(body)
  }

  @Serve(listAbsences)
  list({ query }: Input<typeof listAbsences>) {
    return this.absences.list(query)
  }

  @Serve(getAbsence)
  get({ params }: Input<typeof getAbsence>) {
    return this.absences.get(params.id)
  }

  @Serve(changeAbsence)
  change({ params, body }: Input<typeof changeAbsence>) {
    return this.absences.change(params.id, body)
  }

  @Serve(withdrawAbsence)
  withdraw({ params }: Input<typeof withdrawAbsence>) {
    return this.absences.withdraw(params.id)
  }
}
