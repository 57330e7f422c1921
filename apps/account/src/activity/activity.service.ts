import { Injectable } from '@nestjs/common'
import {
  ActivityChanged,
  ActivityLogged,
  type changeActivity,
  type Input,
  type logActivity,
  type OpportunityOpened,
  type Sent,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, CustomFields, Database, Directory, Events, type Received, type Transaction } from '@millrace/service'
import type { Account } from '../account/account.js'
import { AccountService } from '../account/account.service.js'
import { touch } from '../pool/touch.service.js'
import { scoreSoon } from '../scorecard/to-score.service.js'
import { DueListService } from '../service-plan/due-list.service.js'
import { Activity, type ActivityData } from './activity.js'

type Given = Input<typeof changeActivity>['body']

/** Use cases of the activity. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class ActivityService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly accounts: AccountService,
    private readonly customFields: CustomFields,
    private readonly dueList: DueListService,
  ) {}

  /** Records what somebody did. It belongs to the journey of its deal, else to that of its account. */
  log({ kind, accountId, subject, takesPlaceAt, ...given }: Input<typeof logActivity>['body']): Promise<Activity> {
    return this.db.transaction(async (tx) => {
      const account = await this.accounts.standing(tx, accountId)
      const now = this.clock.now()
      const { actor } = context()
      return this.store(tx, {
        ...begun('activity', now),
        journeyId: account.journeyId,
        ...(await this.checked(tx, account.id, given)),
        custom: await this.customFields.merged('activity', given.custom),
        kind,
        accountId: account.id,
        subject,
        takesPlaceAt: takesPlaceAt ?? now,
        ownerId: account.ownerId,
        loggedById: actor?.kind === 'user' ? (actor.id as Id<'user'>) : null,
      })
    })
  }

  /** Records an e-mail that was filed, at an account that the transaction holds. */
  async logMail(tx: Transaction, account: Account, { contactId, opportunityId, ...given }: FiledMail): Promise<Activity> {
    return this.store(tx, {
      ...begun('activity', this.clock.now()),
      journeyId: account.journeyId,
      ...(await this.checked(tx, account.id, { contactId, opportunityId })),
      ...given,
      kind: 'email',
      accountId: account.id,
      ownerId: account.ownerId,
    })
  }

  private async store(tx: Transaction, given: Parameters<typeof Activity.log>[0]): Promise<Activity> {
    const activity = Activity.log(given)
    await tx.insert(activity)
    touch(tx, [{ accountId: activity.accountId, at: activity.takesPlaceAt }])
    scoreSoon(tx, [activity.accountId])
    await this.dueList.tick(tx, activity.accountId, activity.kind, activity.takesPlaceAt)
    await this.events.publish(tx, ActivityLogged, activity, facts(activity), activity.takesPlaceAt)
    return activity
  }

  change(id: Id<'activity'>, { subject, takesPlaceAt, ...given }: Given): Promise<Activity> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Activity, id)
      const data = {
        ...(await this.checked(tx, before.accountId, given)),
        custom: await this.customFields.merged('activity', given.custom, before),
        ...(subject !== undefined && { subject }),
        ...(takesPlaceAt && { takesPlaceAt }),
      }
      const activity = await tx.update(before.change(data, this.clock.now()))
      if (takesPlaceAt) scoreSoon(tx, [activity.accountId])
      await this.events.publish(tx, ActivityChanged, activity, facts(activity), activity.takesPlaceAt)
      return activity
    })
  }

  finishNextStep(id: Id<'activity'>): Promise<Activity> {
    return this.db.transaction(async (tx) => {
      const { actor } = context()
      const before = await tx.lock(Activity, id)
      const activity = before.finishNextStep(actor?.kind === 'user' ? (actor.id as Id<'user'>) : null, this.clock.now())
      if (activity === before) return activity
      await tx.update(activity)
      await this.events.publish(tx, ActivityChanged, activity, facts(activity), activity.takesPlaceAt)
      return activity
    })
  }

  /** Remembers a deal as far as activities refer to it: of which account it is, and on which journey. */
  know(tx: Transaction, { payload, journeyId, sequence }: Received<typeof OpportunityOpened>): void {
    tx.send(
      `INSERT INTO known_opportunity (id, account_id, journey_id, version) VALUES ($1, $2, $3, $4)
       ON CONFLICT (tenant_id, id) DO UPDATE SET account_id = excluded.account_id, journey_id = excluded.journey_id, version = excluded.version
       WHERE known_opportunity.version < excluded.version`,
      [payload.opportunityId, payload.accountId, journeyId, sequence],
    )
  }

  /** What is noted, once all that it refers to is known, and of the same account. */
  private async checked(
    tx: Transaction,
    accountId: Id<'account'>,
    { checkIn, contactId, opportunityId, companions, ...rest }: Omit<Given, 'subject' | 'takesPlaceAt'>,
  ): Promise<ActivityData & { journeyId?: string }> {
    await this.directory.colleagues(companions ?? [], 'companions')
    if (contactId) {
      const contact = await tx.one<Referred>('SELECT account_id AS "accountId" FROM contact WHERE id = $1', [contactId])
      mustBeOf(accountId, contact, 'contactId', contactId)
    }
    let deal: Referred | undefined
    if (opportunityId) {
      deal = await tx.one<Referred>('SELECT account_id AS "accountId", journey_id AS "journeyId" FROM known_opportunity WHERE id = $1', [
        opportunityId,
      ])
      mustBeOf(accountId, deal, 'opportunityId', opportunityId)
    }
    return {
      ...rest,
      ...(companions && { companions }),
      ...(contactId !== undefined && { contactId }),
      ...(opportunityId !== undefined && { opportunityId }),
      ...(deal?.journeyId && { journeyId: deal.journeyId }),
      ...(checkIn !== undefined && { checkIn: checkIn && { ...checkIn, at: checkIn.at.toISOString() } }),
    } as ActivityData & { journeyId?: string }
  }
}

/** What is known of an e-mail that becomes an activity. */
export interface FiledMail extends Pick<Activity, 'subject' | 'text' | 'takesPlaceAt' | 'loggedById' | 'mail'> {
  readonly contactId: Id<'contact'> | null
  readonly opportunityId: Id<'opportunity'> | null
}

interface Referred {
  readonly accountId: Id<'account'> | null
  readonly journeyId?: string
}

/** A deal may have no account yet; then it fits every one. */
function mustBeOf(accountId: Id<'account'>, found: Referred | undefined, field: string, value: string): void {
  if (!found) throw Refusal.invalid('reference.unknown', { field, value })
  if (found.accountId && found.accountId !== accountId) throw Refusal.invalid('activity.other_account', { field, value })
}

function facts({ id, kind, accountId, contactId, opportunityId, ownerId }: Activity): Sent<typeof ActivityLogged> {
  return { activityId: id, kind, accountId, contactId, opportunityId, ownerId }
}
