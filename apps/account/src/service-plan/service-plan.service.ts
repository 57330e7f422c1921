import { Injectable } from '@nestjs/common'
import type { changeServicePlan, createServicePlan, Input } from '@millrace/contracts'
import { dayOf, Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, Directory, Jobs, type Transaction } from '@millrace/service'
import { Segment } from '../segment/segment.js'
import { DueListService } from './due-list.service.js'
import { ServicePlan, type ServicePlanData } from './service-plan.js'

/** Use cases of service plans. */
@Injectable()
export class ServicePlanService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly jobs: Jobs,
    private readonly dueList: DueListService,
  ) {}

  create({ startsOn, ...given }: Input<typeof createServicePlan>['body']): Promise<ServicePlan> {
    return this.db.transaction(async (tx) => {
      await this.mustExist(tx, given.segmentId)
      const now = this.clock.now()
      const plan = ServicePlan.create({
        ...begun('service_plan', now),
        ...given,
        startsOn: startsOn ?? dayOf(now, await this.directory.zone()),
      })
      await tx.insert(plan)
      this.writeAnew(tx, now)
      return plan
    })
  }

  change(id: Id<'service_plan'>, given: Input<typeof changeServicePlan>['body']): Promise<ServicePlan> {
    const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<ServicePlanData>
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(ServicePlan, id)
      await this.mustExist(tx, said.segmentId)
      const now = this.clock.now()
      const plan = await tx.update(before.change(said, now))
      this.writeAnew(tx, now)
      return plan
    })
  }

  private async mustExist(tx: Transaction, segmentId: Id<'segment'> | null | undefined): Promise<void> {
    if (segmentId && !(await tx.find(Segment, segmentId)))
      throw Refusal.invalid('reference.unknown', { field: 'segmentId', value: segmentId })
  }

  private writeAnew(tx: Transaction, at: Date): void {
    tx.send('INSERT INTO service_due_look (look_at) VALUES ($1) ON CONFLICT (tenant_id) DO UPDATE SET look_at = excluded.look_at', [at])
    tx.onCommit(() => this.jobs.begin('due lists', () => this.dueList.write()))
  }
}
