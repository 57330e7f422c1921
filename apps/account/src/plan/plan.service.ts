import { Injectable } from '@nestjs/common'
import type { changeAccountPlan, draftAccountPlan, Input } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, type Transaction } from '@millrace/service'
import { AccountService } from '../account/account.service.js'
import { AccountPlan, type PlanContent } from './plan.js'

/** Use cases of the key-account plan. */
@Injectable()
export class AccountPlanService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
  ) {}

  draft({ accountId: asked, ...content }: Input<typeof draftAccountPlan>['body']): Promise<AccountPlan> {
    return this.db.transaction(async (tx) => {
      const { id: accountId, journeyId } = await this.accounts.standing(tx, asked)
      await this.mustBeKnown(tx, accountId, content)
      const plan = AccountPlan.draft({ ...begun('account_plan', this.clock.now()), journeyId, accountId, ...content })
      await tx.insert(plan)
      return plan
    })
  }

  change(id: Id<'account_plan'>, given: Input<typeof changeAccountPlan>['body']): Promise<AccountPlan> {
    const content = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<PlanContent>
    return this.db.transaction(async (tx) => {
      const before = await this.lock(tx, id)
      await this.mustBeKnown(tx, before.accountId, content)
      return tx.update(before.change(content, this.clock.now()))
    })
  }

  activate(id: Id<'account_plan'>): Promise<AccountPlan> {
    return this.db.transaction(async (tx) => {
      const before = await this.lock(tx, id)
      tx.lockKeys([`active plan of ${before.accountId}`])
      const plan = before.activate(this.clock.now())
      if (plan === before) return plan
      const [other] = await tx.findBy(AccountPlan, { account_id: before.accountId, status: 'active' })
      if (other) throw new Refusal('account_plan.another_active', { planId: other.id })
      return tx.update(plan)
    })
  }

  close(id: Id<'account_plan'>, note: string): Promise<AccountPlan> {
    return this.db.transaction(async (tx) => tx.update((await this.lock(tx, id)).close(note, this.clock.now())))
  }

  /** The plan, locked, if the actor sees its account. */
  private async lock(tx: Transaction, id: Id<'account_plan'>): Promise<AccountPlan> {
    const plan = await tx.lock(AccountPlan, id)
    await this.accounts.standing(tx, plan.accountId).catch(() => {
      throw Refusal.notFound('account_plan', id)
    })
    return plan
  }

  /** Refuses people whom nobody knows. */
  private async mustBeKnown(
    tx: Transaction,
    accountId: Id<'account'>,
    { relations = [], actions = [] }: Partial<PlanContent>,
  ): Promise<void> {
    const contactIds = relations.map(({ contactId }) => contactId)
    const userIds = [...relations.flatMap(({ ownerId }) => ownerId ?? []), ...actions.map(({ ownerId }) => ownerId)]
    const [known] = await tx.query<{ contacts: string[]; users: string[] }>(
      `SELECT ARRAY(SELECT id FROM contact WHERE account_id = $1 AND id = ANY($2::text[])) AS contacts,
         ARRAY(SELECT id FROM directory_user WHERE active AND id = ANY($3::text[])) AS users`,
      [accountId, contactIds, userIds],
    )
    const unknown = (field: string, ids: readonly string[], there: readonly string[]) => {
      const id = ids.find((one) => !there.includes(one))
      if (id) throw Refusal.invalid('reference.unknown', { field, value: id })
    }
    unknown('contactId', contactIds, known!.contacts)
    unknown('ownerId', userIds, known!.users)
  }
}
