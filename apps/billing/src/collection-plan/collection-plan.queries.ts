import { Injectable } from '@nestjs/common'
import { listCollectionPlans, type Answer, type getCollectionPlan, type Input } from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { Database } from '@millrace/service'
import { AccountQueries } from '../account/account.queries.js'
import { LegalEntityService } from '../legal-entity/legal-entity.service.js'
import { Receivable } from '../receivable/receivable.js'
import { receivableView } from '../receivable/receivable.queries.js'
import { CollectionPlan } from './collection-plan.js'

@Injectable()
export class CollectionPlanQueries {
  constructor(
    private readonly db: Database,
    private readonly accounts: AccountQueries,
    private readonly entities: LegalEntityService,
  ) {}

  async list({ fields, ...query }: Input<typeof listCollectionPlans>['query']): Promise<Answer<typeof listCollectionPlans>> {
    const page = await this.db.list(CollectionPlan, listCollectionPlans, query, (plan) => plan)
    return this.accounts.named(page, fields, (plan, accountName) => ({ ...plan, accountName }))
  }

  async get(id: Id<'collection_plan'>): Promise<Answer<typeof getCollectionPlan>> {
    const plan = await this.db.get(CollectionPlan, id)
    const today = await this.entities.today()
    const accountName = await this.accounts.name(plan.accountId)
    const receivables = (await this.db.findBy(Receivable, { plan_id: id })).filter(({ status }) => status !== 'cancelled')
    const instalments = receivables
      .toSorted((a, b) => a.number - b.number)
      .map((receivable) => receivableView(receivable, accountName, today))
    return { ...plan, accountName, instalments }
  }
}
