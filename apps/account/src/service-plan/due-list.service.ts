import { Injectable } from '@nestjs/common'
import { addDays, dayOf, Refusal, startOfDay, type CalendarDate, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Directory, inTenant, type Transaction } from '@millrace/service'
import { Account } from '../account/account.js'
import { ServiceDue } from './service-due.js'
import { counted, type ServiceKind, type Standing } from './service-plan.js'

/** So many accounts are looked at in one transaction. */
const lookedAtOnce = 500
/** So many days before it is due, something is on the list. */
const aheadDays = 14

/** An account, a step of a plan that it is under, and how they stand. */
interface Owed extends Standing {
  readonly planId: Id<'service_plan'>
  readonly step: string
  readonly kind: ServiceKind
  readonly accountId: Id<'account'>
}

/** Has the due list of the company brought up to date soon: other accounts may have come under its service plans. */
export function lookAgain(tx: Transaction, at: Date): void {
  tx.send('UPDATE service_due_look SET look_at = $2 WHERE tenant_id = $1', [tx.tenant, at])
}

/** Use cases of what is owed to accounts. */
@Injectable()
export class DueListService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly directory: Directory,
  ) {}

  /** What was just done does what is owed of this kind. */
  async tick(tx: Transaction, accountId: Id<'account'>, kind: string, doneAt: Date): Promise<void> {
    const open = await tx.lockBy(ServiceDue, { account_id: accountId, status: 'open', kind })
    const now = this.clock.now()
    if (!open.length || doneAt > now) return
    const on = dayOf(doneAt, await this.directory.zone())
    await tx.updateAll(open.filter((due) => due.isDoneBy(on)).map((due) => due.finish(on, me(), now)))
  }

  finish(id: Id<'service_due'>): Promise<ServiceDue> {
    return this.decide(id, (due, today, now) => due.finish(today, me(), now))
  }

  skip(id: Id<'service_due'>, reason: string): Promise<ServiceDue> {
    return this.decide(id, (due, today, now) => due.skip(reason, today, me(), now))
  }

  postpone(id: Id<'service_due'>, to: CalendarDate, reason: string): Promise<ServiceDue> {
    return this.decide(id, (due, today, now) => due.postpone(to, reason, today, now))
  }

  private decide(id: Id<'service_due'>, move: (due: ServiceDue, today: CalendarDate, now: Date) => ServiceDue): Promise<ServiceDue> {
    return this.db.transaction(async (tx) => {
      const due = await tx.lock(ServiceDue, id)
      if (!(await tx.find(Account, due.accountId))) throw Refusal.notFound('service_due', id)
      const now = this.clock.now()
      return tx.update(move(due, dayOf(now, await this.directory.zone()), now))
    })
  }

  /**
   * The job: over all companies, brings the due lists up to date, each once a day and when plans or segments changed. It writes what is to be
   * written as of today, so that a night without it is caught up and a second turn does nothing.
   */
  async write(): Promise<void> {
    const now = this.clock.now()
    const due = await inTenant('*', () =>
      this.db.query<{ tenant_id: string }>('SELECT tenant_id FROM service_due_look WHERE look_at <= $1 ORDER BY look_at', [now]),
    )
    const failures: unknown[] = []
    for (const { tenant_id } of due) await inTenant(tenant_id, () => this.writeAll(now)).catch((error: unknown) => failures.push(error))
    if (failures.length) throw new AggregateError(failures, 'the due lists of some companies could not be written')
  }

  private async writeAll(now: Date): Promise<void> {
    const zone = await this.directory.zone()
    const today = dayOf(now, zone)
    for (let after: string | null = ''; after !== null;) {
      const from: string = after
      after = await this.db.transaction(async (tx) => {
        // Another replica that writes at the same moment waits, and then finds it done.
        const look = await tx.one<{ at: Date }>(
          'SELECT look_at AS at FROM service_due_look WHERE tenant_id = $1 AND look_at <= $2 FOR UPDATE',
          [...[tx.tenant, now]],
        )
        if (!look) return null
        const last = await this.writeFor(tx, from, now, zone, today)
        // Where a plan changed meanwhile, it begins again.
        if (last === null)
          tx.send('UPDATE service_due_look SET look_at = $2 WHERE tenant_id = $1 AND look_at = $3', [
            ...[tx.tenant, startOfDay(addDays(today, 1), zone), look.at],
          ])
        return last
      })
    }
  }

  /** Brings the list of the next accounts up to date; answers the last of them, null when there are no more. */
  private async writeFor(tx: Transaction, after: string, now: Date, zone: string, today: CalendarDate): Promise<string | null> {
    const ids = await tx.query<{ id: string }>('SELECT id FROM account WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3', [
      ...[tx.tenant, after, lookedAtOnce],
    ])
    const accountIds = ids.map(({ id }) => id)
    const openIds = await tx.query<{ id: string }>(
      `SELECT id FROM service_due WHERE tenant_id = $1 AND account_id = ANY($2::text[]) AND status = 'open'`,
      [tx.tenant, accountIds],
    )
    const open = openIds.length
      ? await tx.lockAll(
          ServiceDue,
          openIds.map(({ id }) => id),
        )
      : []
    // After what is open is held: whatever does some of it from here on waits.
    const owed = new Map((await tx.query<Owed>(owedSql, [tx.tenant, accountIds, now, zone])).map((one) => [keyOf(one), one]))
    const changed: ServiceDue[] = []
    for (const due of open.filter(({ status }) => status === 'open')) {
      const standing = owed.get(keyOf(due))
      if (!standing) changed.push(due.lapse(now))
      else if (standing.lastDoneOn && due.isDoneBy(standing.lastDoneOn)) changed.push(due.finish(standing.lastDoneOn, null, now))
      else {
        owed.delete(keyOf(due))
        const recounted = due.recount(counted(standing), now)
        if (recounted !== due) changed.push(recounted)
      }
    }
    await tx.updateAll(changed)
    const fresh = [...owed.values()]
      .map((one) => ({ ...one, ...counted(one) }))
      .filter(({ dueOn }) => dueOn <= addDays(today, aheadDays))
      .map(({ planId, step, kind, accountId, since, dueOn }) =>
        ServiceDue.owe({ ...begun('service_due', now), planId, step, kind, accountId, since, dueOn }),
      )
    await tx.insert(fresh)
    return ids.length < lookedAtOnce ? null : accountIds.at(-1)!
  }
}

function keyOf({ planId, step, accountId }: Pick<ServiceDue, 'planId' | 'step' | 'accountId'>): string {
  return `${planId} ${step} ${accountId}`
}

function me(): Id<'user'> | null {
  const { actor } = context()
  return actor?.kind === 'user' ? (actor.id as Id<'user'>) : null
}

const owedSql = `
  SELECT p.id AS "planId", s.key AS step, s.kind, s."everyDays", a.id AS "accountId", p.starts_on AS "startsOn",
    (a.created_at AT TIME ZONE $4::text)::date AS "openedOn", (done.at AT TIME ZONE $4::text)::date AS "lastDoneOn", closed.on_day AS "lastClosedOn"
  FROM service_plan p CROSS JOIN jsonb_to_recordset(p.steps) AS s(key text, kind text, "everyDays" int)
    CROSS JOIN (SELECT id, class, created_at FROM account
      WHERE tenant_id = $1 AND id = ANY($2::text[]) AND status = 'active' AND owner_id IS NOT NULL) a
    CROSS JOIN LATERAL (SELECT greatest(
      (SELECT max(takes_place_at) FROM activity
        WHERE tenant_id = $1 AND account_id = a.id AND kind = s.kind AND takes_place_at <= $3::timestamptz),
      (SELECT max(sent_at) FROM survey_invitation WHERE tenant_id = $1 AND account_id = a.id AND s.kind = 'survey')) AS at) done
    CROSS JOIN LATERAL (SELECT max(closed_on) AS on_day FROM service_due
      WHERE tenant_id = $1 AND account_id = a.id AND plan_id = p.id AND step = s.key AND closed_on IS NOT NULL) closed
  WHERE p.tenant_id = $1 AND p.active AND (p.account_class = a.class
    OR EXISTS (SELECT 1 FROM segment_member m WHERE m.tenant_id = $1 AND m.segment_id = p.segment_id AND m.account_id = a.id))`
