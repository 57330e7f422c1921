import { Controller } from '@nestjs/common'
import { OpportunityChanged, OpportunityOpened } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { ActivityService } from './activity.service.js'

/** Keeps what activities need to know of deals. */
@Controller()
export class ActivityConsumers {
  constructor(private readonly activities: ActivityService) {}

  @On(OpportunityOpened)
  knowOpened(event: Received<typeof OpportunityOpened>, tx: Transaction) {
    return this.activities.know(tx, event)
  }

  @On(OpportunityChanged)
  knowChanged(event: Received<typeof OpportunityChanged>, tx: Transaction) {
    return this.activities.know(tx, event)
  }
}
