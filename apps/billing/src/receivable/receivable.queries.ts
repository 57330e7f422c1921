import { Injectable } from '@nestjs/common'
import { listReceivables, type Answer, type getReceivable, type Input } from '@millrace/contracts'
import { Refusal, type CalendarDate, type Id } from '@millrace/domain'
import { Database, type Transaction } from '@millrace/service'
import { AccountQueries } from '../account/account.queries.js'
import { LegalEntityService } from '../legal-entity/legal-entity.service.js'
import { Receivable } from './receivable.js'

@Injectable()
export class ReceivableQueries {
  constructor(
    private readonly db: Database,
    private readonly accounts: AccountQueries,
    private readonly entities: LegalEntityService,
  ) {}

  async list({ fields, ...query }: Input<typeof listReceivables>['query']): Promise<Answer<typeof listReceivables>> {
    const today = await this.entities.today()
    const overdue = { sql: `(open_minor > 0 AND due_on < '${today}'::date)`, type: 'boolean', nullable: false }
    const page = await this.db.list(Receivable, listReceivables, query, (receivable) => receivable, { fields: { overdue } })
    return this.accounts.named(page, fields, (receivable, name) => receivableView(receivable, name, today))
  }

  async get(id: Id<'receivable'>): Promise<Answer<typeof getReceivable>> {
    return this.view(await this.db.get(Receivable, id))
  }

  async view(receivable: Receivable): Promise<Answer<typeof getReceivable>> {
    return receivableView(receivable, await this.accounts.name(receivable.accountId), await this.entities.today())
  }

  /** Receivables that a request names, by id; refuses those that do not exist. */
  async lock(tx: Transaction, ids: readonly Id<'receivable'>[], field = 'receivableId'): Promise<Receivable[]> {
    const locked: Receivable[] = []
    for (const id of ids.toSorted()) {
      if (!(await tx.find(Receivable, id))) throw Refusal.invalid('reference.unknown', { field, value: id })
      locked.push(await tx.lock(Receivable, id))
    }
    return locked
  }
}

/** A receivable as the API shows it on a day at the seller's. */
export function receivableView(
  { creditedTax: _, ...receivable }: Receivable,
  accountName: string | null,
  today: CalendarDate,
): Answer<typeof getReceivable> {
  return { ...receivable, accountName, overdue: receivable.open.isPositive() && receivable.dueOn < today }
}
