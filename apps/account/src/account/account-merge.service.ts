import { Injectable } from '@nestjs/common'
import { AccountChanged, AccountMerged, ContactChanged, type Input, type mergeAccount } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { Clock, context, Database, Events, type Transaction } from '@millrace/service'
import { Activity } from '../activity/activity.js'
import { Contact } from '../contact/contact.js'
import { facts as contactFacts } from '../contact/contact.service.js'
import { AccountPlan } from '../plan/plan.js'
import { SurveyInvitation } from '../survey/invitation.js'
import { touch, type Touch } from '../pool/touch.service.js'
import { scoreSoon } from '../scorecard/to-score.service.js'
import { AccountLikeness } from './account-likeness.service.js'
import { Account } from './account.js'
import { AccountService, facts } from './account.service.js'

/** What becomes of two accounts that look the same: one of them, or two for good. */
@Injectable()
export class AccountMerges {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
    private readonly likeness: AccountLikeness,
  ) {}

  /** Makes another account part of this one; what hangs on it moves, and its id answers with this one from then on. */
  merge(id: Id<'account'>, { accountId, take }: Input<typeof mergeAccount>['body']): Promise<Account> {
    return this.db.transaction(async (tx) => {
      await this.accounts.moveAlone(tx)
      const [before, other] = await this.both(tx, id, accountId)
      const now = this.clock.now()
      const gone = other.mergeInto(id, now)
      if (gone === other) return before
      const survivor = await this.placed(tx, before, other, before.absorb(other, take, now))
      await tx.update(gone)
      const account = await tx.update(survivor)
      await this.events.publish(tx, AccountMerged, gone, { accountId, into: id })
      await this.events.publish(tx, AccountChanged, account, facts(account))
      await this.move(tx, accountId, account, now)
      this.likeness.forget(tx, [accountId])
      touch(tx, await this.lastTouch(tx, accountId))
      scoreSoon(tx, [id])
      if (account.name !== before.name) await this.likeness.note(tx, [account])
      return account
    })
  }

  /** Remembers that two accounts that look the same are two. */
  keepApart(id: Id<'account'>, otherId: Id<'account'>): Promise<Account> {
    return this.db.transaction(async (tx) => {
      const [account, other] = await this.both(tx, id, otherId)
      account.mustStand()
      other.mustStand()
      const [newer, older] = id > otherId ? [id, otherId] : [otherId, id]
      tx.send('INSERT INTO account_apart (account_id, other_id, decided_by, decided_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', [
        ...[newer, older, context().actor!.id],
        this.clock.now(),
      ])
      tx.send('DELETE FROM account_alike WHERE account_id = $1 AND other_id = $2', [newer, older])
      return account
    })
  }

  private lastTouch(tx: Transaction, id: Id<'account'>): Promise<Touch[]> {
    return tx.query<Touch>(
      'DELETE FROM account_idle WHERE tenant_id = $1 AND account_id = $2 RETURNING account_id AS "accountId", touched_at AS at',
      [tx.tenant, id],
    )
  }

  /** Both locked, in the order that everybody takes. */
  private async both(tx: Transaction, id: Id<'account'>, otherId: Id<'account'>): Promise<[Account, Account]> {
    const accounts = new Map<string, Account>()
    for (const each of [id, otherId].sort()) accounts.set(each, await tx.lock(Account, each))
    if (id === otherId) throw Refusal.invalid('account.merged_with_itself')
    return [accounts.get(id)!, accounts.get(otherId)!]
  }

  /** The survivor takes the other one’s place when it stands below it, or stands nowhere itself. */
  private async placed(tx: Transaction, before: Account, other: Account, survivor: Account): Promise<Account> {
    const below = await this.accounts.standsBelow(tx, before.id, other.id)
    if (below) return survivor.below(other.parentId)
    if (before.parentId || !other.parentId || (await this.accounts.standsBelow(tx, other.id, before.id))) return survivor
    return survivor.below(other.parentId)
  }

  /** Contacts, activities, plans, surveys, subsidiaries, and accounts that were merged into the one that goes now. */
  private async move(tx: Transaction, from: Id<'account'>, { id, ownerId }: Account, now: Date): Promise<void> {
    const place = { accountId: id, ownerId }
    const contacts = (await tx.lockBy(Contact, { account_id: from })).map((contact) => contact.change(place, now))
    const activities = (await tx.lockBy(Activity, { account_id: from })).map((activity) => activity.moveTo(place, now))
    const children = (await tx.lockBy(Account, { parent_id: from })).filter((child) => child.id !== id).map((child) => child.below(id))
    const gone = (await tx.lockBy(Account, { merged_into: from })).map((account) => account.followInto(id))
    const plans = (await tx.lockBy(AccountPlan, { account_id: from })).map((plan) => plan.moveTo(id, now))
    const active = await tx.findBy(AccountPlan, { account_id: id, status: 'active' })
    if (active.length && plans.some(({ status }) => status === 'active')) throw new Refusal('account.two_plans', { planId: active[0]!.id })
    const invitations = (await tx.lockBy(SurveyInvitation, { account_id: from })).map((invitation) => invitation.moveTo(id, now))
    await tx.updateAll(plans)
    await tx.updateAll(invitations)
    await tx.updateAll(contacts)
    await tx.updateAll(activities)
    await tx.updateAll([...children, ...gone])
    for (const contact of contacts) await this.events.publish(tx, ContactChanged, contact, contactFacts(contact))
    for (const child of children) await this.events.publish(tx, AccountChanged, child, facts(child))
    for (const account of gone) await this.events.publish(tx, AccountMerged, account, { accountId: account.id, into: id })
  }
}
