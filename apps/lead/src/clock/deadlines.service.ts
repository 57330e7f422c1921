import { Injectable } from '@nestjs/common'
import {
  LeadContacted,
  LeadOverdue,
  LeadPooled,
  LeadReminded,
  LeadStepPlanned,
  type changeClockSettings,
  type Input,
} from '@millrace/contracts'
import { Refusal, workingMinutesBetween, type Id, type WorkingCalendar } from '@millrace/domain'
import { Clock, context, Database, Directory, Events, inTenant, Jobs, Remembered, type Transaction } from '@millrace/service'
import { Lead, leadStatus } from '../lead/lead.js'
import { Pool } from '../pool/pool.js'
import { afterWork, allowed, awaited, dueOf, isTimed, remindOf, runsFrom, unhurried, type ClockRules } from './deadline.js'

type Settings = ClockRules & { readonly version: number }

const firedAtOnce = 500
const renewedAtOnce = 200

/** Until when owners have to do something about their leads, and what becomes of those that they do not. */
@Injectable()
export class Deadlines {
  private readonly rules = new Remembered(() => this.settings())
  private stopped = false

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly jobs: Jobs,
  ) {
    jobs.every(60, 'deadlines of leads', () => this.runDue())
    jobs.every(60, 'deadlines of leads anew', () => this.renewAll())
    jobs.onStop(() => (this.stopped = true))
  }

  /** Stores a changed lead with the deadline that it has now. */
  async update(tx: Transaction, before: Lead, changed: Lead): Promise<Lead> {
    const [lead] = await this.timed(tx, [changed], [before])
    return tx.update(lead!)
  }

  /**
   * The leads with the deadlines that they have now, and how long the first response took; `before` is what they were, where they are not new.
   * What does not depend on anything that changed is left as it is.
   */
  async timed(tx: Transaction, leads: readonly Lead[], before: readonly Lead[] = []): Promise<Lead[]> {
    const rules = await this.rules.get()
    const ofInterest = leads.filter(
      (lead, n) => isResponse(lead, before[n]) || (isTimed(lead, rules) ? !isSame(lead, before[n]) : lead.dueAt),
    )
    if (!ofInterest.length) return [...leads]
    return this.reckon(tx, leads, new Set(ofInterest), rules)
  }

  private async reckon(tx: Transaction, leads: readonly Lead[], which: ReadonlySet<Lead>, rules: ClockRules): Promise<Lead[]> {
    const now = this.clock.now()
    const owners = new Set([...which].flatMap(({ ownerId }) => ownerId ?? []))
    const earliest = [...which].map(({ assignedAt }) => assignedAt?.getTime() ?? now.getTime())
    const calendars = await this.directory.calendarsOf([...owners], new Date(Math.min(...earliest, now.getTime())))
    const notes: { id: Id<'lead'>; at: Date; reminded: boolean }[] = []
    const timed = leads.map((lead) => {
      const calendar = which.has(lead) && lead.ownerId ? calendars.get(lead.ownerId)! : undefined
      if (!calendar) return lead
      const minutes = lead.responseMinutes ?? responseMinutes(lead, calendar)
      const dueAt = dueOf(lead, rules, calendar, now)
      if (dueAt) {
        const remindAt = remindOf(dueAt, runsFrom(lead, rules, now), rules, calendar)
        notes.push({ id: lead.id, at: remindAt ?? dueAt, reminded: !remindAt })
      }
      return lead.timed(dueAt, minutes)
    })
    if (notes.length) tx.send(noteDue, [notes.map(({ id }) => id), notes.map(({ at }) => at), notes.map(({ reminded }) => reminded)])
    return timed
  }

  /** The owner spoke with the customer, or tried to. */
  contact(id: Id<'lead'>, reached: boolean): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const lead = await this.update(tx, before, before.contact(reached, this.clock.now()))
      const { ownerId, failedAttempts } = lead
      await this.events.publish(tx, LeadContacted, lead, { leadId: id, ownerId, reached, failedAttempts })
      return lead
    })
  }

  /** What the owner is going to do, and until when. */
  plan(id: Id<'lead'>, text: string, dueAt: Date | null): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const [rules, now] = [await this.rules.get(), this.clock.now()]
      const minutes = before.status === 'qualified' ? null : allowed({ ...before, status: 'working' }, rules)
      const latest = minutes && before.ownerId ? afterWork(await this.directory.calendarOf(before.ownerId, now), now, minutes) : null
      const lead = await this.update(tx, before, before.plan(text, dueAt, latest, now))
      await this.events.publish(tx, LeadStepPlanned, lead, { leadId: id, ownerId: lead.ownerId, dueAt: lead.dueAt })
      return lead
    })
  }

  /** Reminds of deadlines that are near and acts on those that are over, in all companies, each once. Those of a night without service, too. */
  async runDue(): Promise<void> {
    const now = this.clock.now()
    const failures: unknown[] = []
    for (let more = true; more && !failures.length && !this.stopped;) {
      const due = await inTenant('*', () =>
        this.db.query<{ tenant_id: string; lead_id: Id<'lead'> }>(
          'SELECT tenant_id, lead_id FROM lead_due WHERE at <= $1 ORDER BY at LIMIT $2',
          [now, firedAtOnce],
        ),
      )
      for (const { tenant_id, lead_id } of due)
        await inTenant(tenant_id, () => this.fire(lead_id, now)).catch((error: unknown) => failures.push(error))
      more = due.length === firedAtOnce
    }
    if (failures.length) throw new AggregateError(failures, 'some deadlines could not be acted on')
  }

  private fire(id: Id<'lead'>, now: Date): Promise<void> {
    return this.db.transaction(async (tx) => {
      const [found] = await tx.lockAll(Lead, [id])
      const note = await tx.one<{ reminded: boolean }>('SELECT reminded FROM lead_due WHERE tenant_id = $1 AND lead_id = $2 AND at <= $3', [
        tx.tenant,
        id,
        now,
      ])
      if (!note) return
      if (!found?.dueAt || !found.ownerId) return tx.send(forgetDue, [tx.tenant, id])
      const rules = await this.rules.get()
      // The calendar, an absence or the rules may have changed since: what counts is what they say now.
      const [lead] = (await this.reckon(tx, [found], new Set([found]), rules)) as [Lead]
      if (lead.dueAt && lead.dueAt <= now) return this.overdue(tx, found, lead, rules, now)
      if (lead !== found) this.keep(tx, [lead])
      if (!lead.dueAt) return tx.send(forgetDue, [tx.tenant, id])
      const near = await tx.count('UPDATE lead_due SET at = $4, reminded = true WHERE tenant_id = $1 AND lead_id = $2 AND at <= $3', [
        tx.tenant,
        id,
        now,
        lead.dueAt,
      ])
      if (near && !note.reminded) await this.events.publish(tx, LeadReminded, lead, deadlineOf(lead))
    })
  }

  /** Nobody did anything in time: the lead goes to the pool, if the company has named one, and it is told. */
  private async overdue(tx: Transaction, found: Lead, before: Lead, { poolId }: ClockRules, now: Date): Promise<void> {
    tx.send(forgetDue, [tx.tenant, before.id])
    const pool = poolId && leadStatus.can(before.status, 'pooled') ? await tx.find(Pool, poolId) : undefined
    const deadline = deadlineOf(before)
    const { ownerId, id } = before
    if (!pool?.active) {
      const lead = before === found ? before : await tx.update(before)
      return this.events.publish(tx, LeadOverdue, lead, { ...deadline, poolId: null })
    }
    const reason = `overdue_${deadline.what}`
    const lead = await tx.update(before.release(pool.id, reason, now))
    const calendar = await this.directory.calendarOf(ownerId!, before.steppedAt ?? now)
    const waited = workingMinutesBetween(calendar, before.steppedAt ?? now, now)
    tx.send(noteNeglect, [id, now, ownerId, deadline.what, before.steppedAt, before.dueAt, waited, pool.id])
    await this.events.publish(tx, LeadOverdue, lead, { ...deadline, poolId: pool.id })
    await this.events.publish(tx, LeadPooled, lead, { leadId: id, poolId: pool.id, formerOwnerId: ownerId, reason })
  }

  /** The company's settings; those it was given when it never changed them. */
  async settings(): Promise<Settings> {
    const found = await this.db.one<Settings>(
      'SELECT deadlines, remind_minutes AS "remindMinutes", pool_id AS "poolId", changed_at AS "changedAt", version FROM clock_settings',
    )
    return found ?? { ...unhurried, version: 0 }
  }

  /** Changes the company's settings, and with them all running deadlines, soon. */
  changeSettings(given: Input<typeof changeClockSettings>['body']): Promise<Settings> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['clock settings'])
      const before = await this.settings()
      const expected = context().target?.ifMatch
      if (expected !== undefined && expected !== before.version) throw new Refusal('version.stale', { current: before.version })
      const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
      const { deadlines, remindMinutes, poolId } = { ...before, ...said } as Settings
      if (poolId) {
        const pool = await tx.find(Pool, poolId)
        if (!pool) throw Refusal.invalid('reference.unknown', { field: 'poolId', value: poolId })
        pool.mustBeActive()
      }
      await tx.query(
        `INSERT INTO clock_settings (deadlines, remind_minutes, pool_id, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id) DO UPDATE SET deadlines = excluded.deadlines, remind_minutes = excluded.remind_minutes, pool_id = excluded.pool_id,
           changed_at = excluded.changed_at, version = clock_settings.version + 1`,
        [JSON.stringify(deadlines), remindMinutes, poolId, this.clock.now()],
      )
      tx.send(`INSERT INTO deadline_renewal (after_id) VALUES ('') ON CONFLICT (tenant_id) DO UPDATE SET after_id = ''`)
      const { tenantId } = context()
      tx.onCommit(() => {
        this.rules.forget()
        this.jobs.begin('deadlines of leads anew', () => inTenant(tenantId, () => this.renew()))
      })
      return this.settings()
    })
  }

  /** Goes on wherever leads still have the deadlines of settings before. */
  async renewAll(): Promise<void> {
    const begun = await inTenant('*', () => this.db.query<{ tenant_id: string }>('SELECT tenant_id FROM deadline_renewal'))
    for (const { tenant_id } of begun) await inTenant(tenant_id, () => this.renew())
  }

  private async renew(): Promise<void> {
    while (!this.stopped && (await this.db.transaction((tx) => this.renewSome(tx))));
  }

  private async renewSome(tx: Transaction): Promise<boolean> {
    const progress = await tx.one<{ after_id: string }>('SELECT after_id FROM deadline_renewal FOR UPDATE')
    if (!progress) return false
    const next = await tx.query<{ id: Id<'lead'> }>(
      `SELECT id FROM lead WHERE owner_id IS NOT NULL AND status IN ('assigned', 'working', 'qualified') AND id > $1 ORDER BY id LIMIT ${renewedAtOnce}`,
      [progress.after_id],
    )
    const leads = await tx.lockAll(
      Lead,
      next.map(({ id }) => id),
    )
    this.rules.forget()
    const timed = await this.reckon(tx, leads, new Set(leads), await this.rules.get())
    this.keep(
      tx,
      timed.filter((lead, n) => lead !== leads[n]),
    )
    const more = next.length === renewedAtOnce
    if (more) tx.send('UPDATE deadline_renewal SET after_id = $1', [next.at(-1)!.id])
    else tx.send('DELETE FROM deadline_renewal WHERE tenant_id = $1', [tx.tenant])
    return more
  }

  /** Another deadline by other rules or another calendar is no change that anybody is told of: the version stays. */
  private keep(tx: Transaction, leads: readonly Lead[]): void {
    tx.send(keepDeadlines, [
      ...[tx.tenant, leads.map(({ id }) => id)],
      ...[leads.map(({ dueAt }) => dueAt), leads.map(({ responseMinutes }) => responseMinutes)],
    ])
  }
}

function isResponse(lead: Lead, before: Lead | undefined): boolean {
  return !!lead.respondedAt && !!before && !before.respondedAt
}

/** Whether nothing changed that a deadline depends on. */
function isSame(lead: Lead, before: Lead | undefined): boolean {
  const fields = ['status', 'grade', 'ownerId', 'steppedAt', 'nextStepAt', 'dueAt'] as const
  return !!before && fields.every((field) => lead[field] === before[field])
}

function responseMinutes({ assignedAt, respondedAt }: Lead, calendar: WorkingCalendar): number | null {
  return assignedAt && respondedAt && assignedAt <= respondedAt ? workingMinutesBetween(calendar, assignedAt, respondedAt) : null
}

function deadlineOf(lead: Lead) {
  return { leadId: lead.id, ownerId: lead.ownerId!, what: awaited(lead), dueAt: lead.dueAt! }
}

const keepDeadlines = `
  UPDATE lead SET due_at = given.due_at, response_minutes = given.minutes
  FROM unnest($2::text[], $3::timestamptz[], $4::int[]) AS given(id, due_at, minutes) WHERE lead.tenant_id = $1 AND lead.id = given.id`
const noteDue = `
  INSERT INTO lead_due (lead_id, at, reminded) SELECT l, t, r FROM unnest($1::text[], $2::timestamptz[], $3::boolean[]) AS given(l, t, r)
  ON CONFLICT (tenant_id, lead_id) DO UPDATE SET at = excluded.at, reminded = excluded.reminded`
const forgetDue = 'DELETE FROM lead_due WHERE tenant_id = $1 AND lead_id = $2'
const noteNeglect = `
  INSERT INTO lead_neglect (lead_id, pooled_at, owner_id, what, since, due_at, waited_minutes, pool_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
