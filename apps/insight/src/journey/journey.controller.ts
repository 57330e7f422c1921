import { Controller } from '@nestjs/common'
import { getJourney, listJourneys, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { JourneyQueries } from './journey.queries.js'

@Controller()
export class JourneyController {
  constructor(private readonly journeys: JourneyQueries) {}

  @Serve(getJourney)
  get({ params }: Input<typeof getJourney>) {
    return this.journeys.get(params.id)
  }

  @Serve(listJourneys)
  list({ query }: Input<typeof listJourneys>) {
    return this.journeys.list(query)
  }
}
