import { Controller } from '@nestjs/common'
import { changeCalendar, createCalendar, getCalendar, listCalendars, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { CalendarService } from './calendar.service.js'

@Controller()
export class CalendarController {
  constructor(private readonly calendars: CalendarService) {}

  @Serve(createCalendar)
  create({ body }: Input<typeof createCalendar>) {
    return this.calendars.create(body)
  }

  @Serve(listCalendars)
  list({ query }: Input<typeof listCalendars>) {
    return this.calendars.list(query)
  }

  @Serve(getCalendar)
  get({ params }: Input<typeof getCalendar>) {
    return this.calendars.get(params.id)
  }

  @Serve(changeCalendar)
  change({ params, body }: Input<typeof changeCalendar>) {
    return this.calendars.change(params.id, body)
  }
}
