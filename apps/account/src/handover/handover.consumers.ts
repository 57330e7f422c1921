import { Controller } from '@nestjs/common'
import { handoverReports, type HandingService } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { HandoverService } from './handover.service.js'

type Reported = Received<(typeof handoverReports)[HandingService]>

/** Hears how far each service is with its part. */
@Controller()
export class HandoverReportConsumers {
  constructor(private readonly handovers: HandoverService) {}

  @On(handoverReports.lead)
  lead(event: Reported, tx: Transaction) {
    return this.handovers.heard(tx, event.payload, event.sequence)
  }

  @On(handoverReports.account)
  account(event: Reported, tx: Transaction) {
    return this.handovers.heard(tx, event.payload, event.sequence)
  }

  @On(handoverReports.opportunity)
  opportunity(event: Reported, tx: Transaction) {
    return this.handovers.heard(tx, event.payload, event.sequence)
  }

  @On(handoverReports.cpq)
  cpq(event: Reported, tx: Transaction) {
    return this.handovers.heard(tx, event.payload, event.sequence)
  }

  @On(handoverReports.billing)
  billing(event: Reported, tx: Transaction) {
    return this.handovers.heard(tx, event.payload, event.sequence)
  }
}
