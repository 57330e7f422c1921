import { Injectable } from '@nestjs/common'
import {
  LeadAssigned,
  LeadCaptured,
  LeadChanged,
  LeadConverted,
  LeadDisqualified,
  LeadKeptApart,
  LeadMerged,
  LeadNurtured,
  LeadQualified,
  LeadReopened,
  LeadWoken,
  LeadWorked,
  type Answer,
  type captureLead,
  type changeLead,
  type changeLeadSettings,
  type convertLead,
  type Input,
  type mergeLead,
  type Sent,
} from '@millrace/contracts'
import { companyKey, contactKey, emailKey, Refusal, type CustomValues, type Id } from '@millrace/domain'
import { begun, Clock, context, CustomFields, Database, Directory, Events, inTenant, type Transaction } from '@millrace/service'
import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js'
import { AssignmentService } from '../assignment/assignment.service.js'
import { Deadlines } from '../clock/deadlines.service.js'
import { Pool } from '../pool/pool.js'
import { Scoring } from '../scorecard/scoring.service.js'
import { Duplicates } from './duplicates.service.js'
import { Lead, tagged, type LeadData } from './lead.js'
import { LeadQueries } from './lead.queries.js'
import { surelySame, type Likeness } from './likeness.js'

type Given = Omit<Input<typeof captureLead>['body'], 'ownerId' | 'custom'>

/** What a row of a file may say besides. */
interface Imported {
  readonly externalId?: string | undefined
  readonly ownerId: Id<'user'> | null
  readonly poolId: Id<'pool'> | null
  readonly createdAt?: Date | undefined
  readonly custom?: CustomValues
}

/** Use cases of the lead. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class LeadService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly queries: LeadQueries,
    private readonly duplicates: Duplicates,
    private readonly scoring: Scoring,
    private readonly deadlines: Deadlines,
    private readonly assignment: AssignmentService,
    private readonly customFields: CustomFields,
  ) {}

  /**
   * Records a lead. Two like captures at one moment see each other: one with an equal key is refused or goes into the lead that is there, where the
   * company wants it so; what is only alike is flagged. `refused` says what becomes of one that would be refused.
   */
  capture({ ownerId, custom: wish, ...given }: Input<typeof captureLead>['body'], refused?: 'merge'): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      if (ownerId) await this.directory.colleague(ownerId)
      const { actor } = context()
      const owner = ownerId ?? (actor?.kind === 'user' && actor.roles.includes('sales_rep') ? (actor.id as Id<'user'>) : null)
      const settings = await this.queries.recentSettings.get()
      const data = { ...normalised(given, settings.defaultCountry), custom: await this.customFields.merged('lead', wish) }
      const { leads, customers } = await this.duplicates.of(tx, data)
      const same = settings.duplicates === 'flag' ? undefined : leads.find(sure)
      const policy = settings.duplicates === 'refuse' ? (refused ?? 'refuse') : settings.duplicates
      const scored = await this.scoring.now()
      const captured = scored(Lead.capture({ ...begun('lead', this.clock.now()), ...data, ownerId: owner, duplicateOf: leads, customers }))
      if (same) return this.intoOneThatIsThere(tx, same, policy, leads, captured)
      const [lead] = (await this.deadlines.timed(tx, await this.assignment.place(tx, [captured]))) as [Lead]
      this.duplicates.index(tx, [lead])
      await tx.insert(lead)
      await this.events.publish(tx, LeadCaptured, lead, facts(lead))
      await this.assignment.tell(tx, [lead])
      return lead
    })
  }

  /** One who may not see the lead that is there is refused: the answer would tell of it. */
  private async intoOneThatIsThere(
    tx: Transaction,
    { leadId }: Likeness,
    policy: string,
    candidates: readonly Likeness[],
    given: Lead,
  ): Promise<Lead> {
    if (policy === 'refuse' || !(await tx.find(Lead, leadId))) throw new Refusal('lead.duplicate', { candidates })
    return this.enrich(tx, await tx.lock(Lead, leadId), given)
  }

  /** Adds to a lead what it lacks. */
  private async enrich(tx: Transaction, before: Lead, given: Lead): Promise<Lead> {
    const absorbed = before.absorb(given, [], this.clock.now())
    if (absorbed === before) return before
    const lead = await this.deadlines.update(tx, before, (await this.scoring.now())(absorbed))
    if (lead.companyName !== before.companyName) this.duplicates.indexAgain(tx, lead)
    await this.events.publish(tx, LeadChanged, lead, facts(lead))
    return lead
  }

  change(id: Id<'lead'>, given: Input<typeof changeLead>['body']): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const { defaultCountry } = await this.queries.recentSettings.get()
      const data = normalised({ ...before, ...given } as Given, defaultCountry)
      const { leads, customers } = await this.duplicates.of(tx, data, id)
      const custom = await this.customFields.merged('lead', given.custom, before)
      const scored = await this.scoring.now()
      const changed = scored(before.change({ ...data, custom, duplicateOf: leads, customers }, this.clock.now()))
      const lead = await this.deadlines.update(tx, before, changed)
      if (lead.companyName !== before.companyName) this.duplicates.indexAgain(tx, lead)
      await this.events.publish(tx, LeadChanged, lead, facts(lead))
      return lead
    })
  }

  assign(id: Id<'lead'>, ownerId: Id<'user'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      await this.directory.colleague(ownerId)
      const changed = before.assign(ownerId, this.clock.now())
      if (changed === before) return before
      const lead = await this.deadlines.update(tx, before, changed)
      await this.events.publish(tx, LeadAssigned, lead, { leadId: lead.id, ownerId })
      return lead
    })
  }

  /** Tells of leads that a handover gave another owner. They keep their status, what was qualified stays so; the new owner's time begins. */
  async tellHandedOver(tx: Transaction, leads: readonly Lead[]): Promise<void> {
    const now = this.clock.now()
    const taken = leads.map((lead) => lead.handedOver(now))
    const timed = await this.deadlines.timed(tx, taken, leads)
    const ids = timed.map(({ id }) => id)
    tx.send(beginTime, [tx.tenant, ids, timed.map(({ dueAt }) => dueAt), timed.map(({ responseMinutes }) => responseMinutes), now])
    for (const lead of leads) await this.events.publish(tx, LeadAssigned, lead, { leadId: lead.id, ownerId: lead.ownerId! })
  }

  work(id: Id<'lead'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const changed = before.work(this.clock.now())
      if (changed === before) return before
      const lead = await this.deadlines.update(tx, before, changed)
      await this.events.publish(tx, LeadWorked, lead, { leadId: lead.id, ownerId: lead.ownerId! })
      return lead
    })
  }

  qualify(id: Id<'lead'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const changed = before.qualify(this.clock.now())
      if (changed === before) return before
      const lead = await this.deadlines.update(tx, before, changed)
      await this.events.publish(tx, LeadQualified, lead, { leadId: lead.id, ownerId: lead.ownerId! })
      return lead
    })
  }

  /** Lets the lead rest until its day. */
  nurture(id: Id<'lead'>, wakeAt: Date): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const lead = await this.deadlines.update(tx, before, before.nurture(wakeAt, this.clock.now()))
      tx.send(noteWake, [id, wakeAt])
      await this.events.publish(tx, LeadNurtured, lead, { leadId: id, ownerId: lead.ownerId, wakeAt })
      return lead
    })
  }

  /** Wakes the leads whose day has come, over all companies, each once. Those of a night when the service was down wake when it is back. */
  async wakeDue(): Promise<void> {
    const now = this.clock.now()
    const failures: unknown[] = []
    for (let more = true; more && !failures.length;) {
      const due = await inTenant('*', () =>
        this.db.query<{ tenant_id: string; lead_id: Id<'lead'> }>(
          'SELECT tenant_id, lead_id FROM lead_wake WHERE wake_at <= $1 ORDER BY wake_at LIMIT $2',
          [now, wokenAtOnce],
        ),
      )
      for (const { tenant_id, lead_id } of due)
        await inTenant(tenant_id, () => this.wake(lead_id, now)).catch((error: unknown) => failures.push(error))
      more = due.length === wokenAtOnce
    }
    if (failures.length) throw new AggregateError(failures, 'some leads could not be woken')
  }

  private wake(id: Id<'lead'>, now: Date): Promise<void> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      tx.send('DELETE FROM lead_wake WHERE tenant_id = $1 AND lead_id = $2 AND wake_at <= $3', [tx.tenant, id, now])
      if (!before.isToWake(now)) return
      const lead = await this.deadlines.update(tx, before, before.work(now))
      await this.events.publish(tx, LeadWoken, lead, { leadId: id, ownerId: lead.ownerId })
    })
  }

  disqualify(id: Id<'lead'>, reason: string, note?: string): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const lead = await tx.update((await tx.lock(Lead, id)).disqualify(reason, this.clock.now()))
      await this.events.publish(tx, LeadDisqualified, lead, { leadId: lead.id, reason, note: note ?? null })
      return lead
    })
  }

  reopen(id: Id<'lead'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const lead = await this.deadlines.update(tx, before, before.reopen(this.clock.now()))
      await this.events.publish(tx, LeadReopened, lead, { leadId: lead.id })
      return lead
    })
  }

  /** Makes another lead part of this one. */
  merge(id: Id<'lead'>, { leadId, take }: Input<typeof mergeLead>['body']): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const [before, other] = await this.both(tx, id, leadId)
      const now = this.clock.now()
      const gone = other.mergeInto(id, now)
      if (gone === other) return before
      const lead = await tx.update((await this.scoring.now())(before.absorb(other, take, now)))
      await tx.update(gone)
      if (lead.companyName !== before.companyName) this.duplicates.indexAgain(tx, lead)
      await this.events.publish(tx, LeadMerged, gone, { leadId, into: id })
      await this.events.publish(tx, LeadChanged, lead, facts(lead))
      return lead
    })
  }

  /** Remembers that two leads that look the same are two. */
  keepApart(id: Id<'lead'>, otherId: Id<'lead'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const [before, other] = await this.both(tx, id, otherId)
      const now = this.clock.now()
      const [first, second] = id < otherId ? [id, otherId] : [otherId, id]
      const noted = await tx.count(
        'INSERT INTO lead_apart (lead_id, other_id, decided_by, decided_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        [first, second, context().actor!.id, now],
      )
      if (!noted) return before
      const [lead, apart] = [await tx.update(before.keepApart(otherId, now)), await tx.update(other.keepApart(id, now))]
      await this.events.publish(tx, LeadKeptApart, lead, { leadId: id, otherId })
      await this.events.publish(tx, LeadKeptApart, apart, { leadId: otherId, otherId: id })
      return lead
    })
  }

  /** Both locked, in the order that everybody takes. */
  private async both(tx: Transaction, id: Id<'lead'>, otherId: Id<'lead'>): Promise<[Lead, Lead]> {
    const leads = new Map<string, Lead>()
    for (const each of [id, otherId].sort()) leads.set(each, await tx.lock(Lead, each))
    if (id === otherId) throw Refusal.invalid('lead.merged_with_itself')
    return [leads.get(id)!, leads.get(otherId)!]
  }

  /** Turns a qualified lead into account, contact and opportunity. Asked again, answers the same ids. */
  convert(id: Id<'lead'>, asWished: Input<typeof convertLead>['body']): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const wish = { ...asWished, ...(asWished.accountId && { accountId: await this.standing(tx, asWished.accountId) }) }
      const asked = await tx.lock(Lead, id)
      const before = asked.mergedInto ? await tx.lock(Lead, asked.mergedInto) : asked
      const lead = before.convert({ ...wish, newOpportunity: wish.opportunity !== undefined }, this.clock.now())
      if (lead === before) return lead
      await tx.update(lead)
      // Converted into an account that is there, a lead may have no more than an e-mail or a phone.
      const name = (lead.companyName ?? lead.contactName ?? lead.email ?? lead.phone!).slice(0, 200)
      await this.events.publish(tx, LeadConverted, lead, {
        leadId: lead.id,
        ownerId: lead.ownerId!,
        account: { id: lead.accountId!, name, isNew: !wish.accountId },
        contact: lead.contactId && {
          id: lead.contactId,
          name: lead.contactName ?? name,
          email: lead.email,
          phone: lead.phone,
          isNew: !wish.contactId,
        },
        opportunity: lead.opportunityId && {
          id: lead.opportunityId,
          title: wish.opportunity?.title ?? name,
          amount: wish.opportunity?.amount ?? null,
          isNew: !wish.opportunityId,
        },
        source: lead.source,
      })
      return lead
    })
  }

  /** Pools that take leads by their name (lower-case), for imports. */
  async pools(tx: Transaction): Promise<Map<string, Id<'pool'>>> {
    return new Map((await tx.findBy(Pool, { active: true })).map(({ id, name }) => [name.toLowerCase(), id]))
  }

  /** The account, or the one that it became part of. */
  private async standing(tx: Transaction, id: Id<'account'>): Promise<Id<'account'>> {
    const known = await tx.one<{ into: Id<'account'> | null }>('SELECT merged_into AS into FROM known_account WHERE id = $1', [id])
    return known?.into ?? id
  }

  /** Leads that were converted into an account which became part of another one belong to that one. */
  async followAccount(tx: Transaction, from: Id<'account'>, into: Id<'account'>, at: Date): Promise<void> {
    const leads = await tx.lockBy(Lead, { account_id: from })
    await tx.updateAll(leads.map((lead) => lead.followAccount(into, at)))
  }

  /** Colleagues by e-mail and by name, for imports. */
  colleagues() {
    return this.directory.byEmailOrName()
  }

  /**
   * Stores leads of an import: those whose external id is known already change nothing. They are compared with what is there and with each
   * other; one with an equal key is refused or goes into the lead that is there, where the company wants it so.
   */
  async importAll(tx: Transaction, given: readonly (Given & Imported)[]): Promise<('added' | 'existing' | Refusal)[]> {
    const { defaultCountry, duplicates } = await this.queries.settings()
    const externalIds = given.flatMap(({ externalId }) => externalId ?? [])
    const known = new Set((await tx.query<{ external_id: string }>(findExternalIds, [externalIds])).map(({ external_id }) => external_id))
    const fresh = given.map(({ externalId, ownerId, poolId, createdAt, custom, ...data }) => {
      if (externalId && known.has(externalId)) return undefined
      if (externalId) known.add(externalId)
      const lead = { ...begun('lead', createdAt ?? this.clock.now()), ...normalised(data, defaultCountry) }
      return { ...lead, ownerId, poolId, assignedAt: this.clock.now(), externalId: externalId ?? null, custom: custom ?? {} }
    })
    const found = await this.duplicates.among(
      tx,
      fresh.filter((lead) => lead !== undefined),
      (leads) => duplicates === 'flag' || !leads.some(sure),
    )
    const added = new Map<Id<'lead'>, Lead>()
    const merges: { into: Id<'lead'>; lead: Lead; row: number }[] = []
    const outcomes: ('added' | 'existing' | Refusal)[] = fresh.map((given, row) => {
      if (!given) return 'existing'
      const { leads: duplicateOf, customers } = found.shift()!
      const { poolId, ...data } = given
      const captured = Lead.capture({ ...data, duplicateOf, customers })
      const lead = poolId ? captured.release(poolId, 'imported', this.clock.now()) : captured
      const same = duplicates === 'flag' ? undefined : duplicateOf.find(sure)?.leadId
      if (same && duplicates === 'refuse') return new Refusal('lead.duplicate', { candidates: duplicateOf })
      const before = same && added.get(same)
      if (before) added.set(before.id, before.absorb(lead, [], before.updatedAt))
      else if (same) merges.push({ into: same, lead, row })
      else added.set(lead.id, lead)
      return same ? 'existing' : 'added'
    })
    for (const { into, lead, row } of merges.sort((a, b) => (a.into < b.into ? -1 : 1)))
      if (await tx.find(Lead, into)) await this.enrich(tx, await tx.lock(Lead, into), lead)
      else outcomes[row] = new Refusal('lead.duplicate', { candidates: lead.duplicateOf })
    const captured = [...added.values()].map(await this.scoring.now())
    this.duplicates.index(tx, captured)
    const leads = await this.assignment.place(tx, captured)
    await tx.insert(await this.deadlines.timed(tx, leads))
    for (const lead of leads) await this.events.publish(tx, LeadCaptured, lead, facts(lead), lead.createdAt)
    await this.assignment.tell(
      tx,
      leads.filter((lead, n) => lead !== captured[n] || lead.status === 'pooled'),
    )
    return outcomes
  }

  changeSettings({ duplicates, defaultCountry }: Input<typeof changeLeadSettings>['body']): Promise<Answer<typeof changeLeadSettings>> {
    return this.db.transaction(async (tx) => {
      const before = await this.queries.settings()
      const expected = context().target?.ifMatch
      if (expected !== undefined && expected !== before.version) throw new Refusal('version.stale', { current: before.version })
      await tx.query(
        `INSERT INTO lead_settings (duplicates, default_country) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET duplicates = excluded.duplicates, default_country = excluded.default_country, version = lead_settings.version + 1`,
        [duplicates ?? before.duplicates, defaultCountry ?? before.defaultCountry],
      )
      tx.onCommit(() => this.queries.recentSettings.forget())
      return this.queries.settings()
    })
  }
}

const wokenAtOnce = 500
const noteWake =
  'INSERT INTO lead_wake (lead_id, wake_at) VALUES ($1, $2) ON CONFLICT (tenant_id, lead_id) DO UPDATE SET wake_at = excluded.wake_at'

const beginTime = `
  UPDATE lead l SET assigned_at = $5, stepped_at = $5, failed_attempts = 0, due_at = given.due, response_minutes = given.minutes
  FROM unnest($2::text[], $3::timestamptz[], $4::int[]) AS given(id, due, minutes) WHERE l.tenant_id = $1 AND l.id = given.id`

const sure = ({ score }: { readonly score: number }) => score >= surelySame

function normalised({ email, phone, country, ...rest }: Given, defaultCountry: string): LeadData {
  const number = phone ? parsePhoneNumberFromString(phone, (country ?? defaultCountry) as CountryCode) : undefined
  const readable = number?.isPossible() ? number.number : undefined
  return {
    companyName: rest.companyName ?? null,
    contactName: rest.contactName ?? null,
    jobTitle: rest.jobTitle ?? null,
    source: rest.source ?? null,
    channel: rest.channel ?? null,
    campaign: rest.campaign ?? null,
    note: rest.note ?? null,
    tags: tagged(rest.tags ?? []),
    utm: rest.utm ?? null,
    country: country ?? null,
    email: email ?? null,
    emailKey: email ? emailKey(email) : null,
    phone: readable ?? phone ?? null,
    phoneKey: readable ?? null,
    companyKey: rest.companyName ? companyKey(rest.companyName) : null,
    contactKey: rest.contactName ? contactKey(rest.contactName) : null,
  }
}

function facts({ id, companyName, contactName, ownerId, source, channel, campaign, score, grade, tags }: Lead): Sent<typeof LeadCaptured> {
  return { leadId: id, companyName, contactName, ownerId, source, channel, campaign, score, grade, tags: [...tags] }
}

// One look into the index for each: in a table that grew since it was last analysed, `= ANY` read all leads of the company for each chunk.
const findExternalIds = `
  SELECT found.external_id FROM unnest($1::text[]) AS given(id),
    LATERAL (SELECT external_id FROM lead WHERE external_id = given.id LIMIT 1) AS found`
