import { Injectable } from '@nestjs/common'
import {
  LeadAssigned,
  LeadCaptured,
  LeadChanged,
  LeadConverted,
  LeadDisqualified,
  LeadQualified,
  LeadReopened,
  LeadWorked,
  type Answer,
  type captureLead,
  type changeLead,
  type changeLeadSettings,
  type convertLead,
  type Input,
  type Sent,
} from '@millrace/contracts'
import { companyKey, contactKey, emailKey, Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Directory, Events, type Transaction } from '@millrace/service'
import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js'
import { Lead, type LeadData, type Likeness } from './lead.js'
import { LeadQueries } from './lead.queries.js'

type Given = Omit<Input<typeof captureLead>['body'], 'ownerId'>

/** Use cases of the lead. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class LeadService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly queries: LeadQueries,
  ) {}

  /** Records a lead. Two like captures at one moment see each other: an open lead with the same keys is refused or flagged, as the policy says. */
  capture({ ownerId, ...given }: Given & { ownerId?: Id<'user'> | undefined }): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      if (ownerId) await this.directory.colleague(ownerId)
      const { actor } = context()
      const owner = ownerId ?? (actor?.kind === 'user' && actor.roles.includes('sales_rep') ? (actor.id as Id<'user'>) : null)
      const settings = await this.queries.recentSettings()
      const data = normalised(given, settings.defaultCountry)
      const candidates = await this.lookAlikes(tx, data)
      if (candidates.length && settings.duplicates === 'refuse') throw new Refusal('lead.duplicate', { candidates })
      const lead = Lead.capture({ ...begun('lead', this.clock.now()), ...data, ownerId: owner, duplicateOf: candidates })
      await tx.insert(lead)
      await this.events.publish(tx, LeadCaptured, lead, facts(lead))
      if (lead.ownerId) await this.events.publish(tx, LeadAssigned, lead, { leadId: lead.id, ownerId: lead.ownerId })
      return lead
    })
  }

  change(id: Id<'lead'>, given: Input<typeof changeLead>['body']): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const { defaultCountry } = await this.queries.recentSettings()
      const data = normalised({ ...before, ...given } as Given, defaultCountry)
      const lead = await tx.update(before.change({ ...data, duplicateOf: await this.lookAlikes(tx, data, id) }, this.clock.now()))
      await this.events.publish(tx, LeadChanged, lead, facts(lead))
      return lead
    })
  }

  assign(id: Id<'lead'>, ownerId: Id<'user'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      await this.directory.colleague(ownerId)
      const lead = before.assign(ownerId, this.clock.now())
      if (lead === before) return lead
      await tx.update(lead)
      await this.events.publish(tx, LeadAssigned, lead, { leadId: lead.id, ownerId })
      return lead
    })
  }

  work(id: Id<'lead'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const lead = before.work(this.clock.now())
      if (lead === before) return lead
      await tx.update(lead)
      await this.events.publish(tx, LeadWorked, lead, { leadId: lead.id, ownerId: lead.ownerId! })
      return lead
    })
  }

  qualify(id: Id<'lead'>): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
      const lead = before.qualify(this.clock.now())
      if (lead === before) return lead
      await tx.update(lead)
      await this.events.publish(tx, LeadQualified, lead, { leadId: lead.id, ownerId: lead.ownerId! })
      return lead
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
      const lead = await tx.update((await tx.lock(Lead, id)).reopen(this.clock.now()))
      await this.events.publish(tx, LeadReopened, lead, { leadId: lead.id })
      return lead
    })
  }

  /** Turns a qualified lead into account, contact and opportunity. Asked again, answers the same ids. */
  convert(id: Id<'lead'>, wish: Input<typeof convertLead>['body']): Promise<Lead> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Lead, id)
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

  /** Colleagues by e-mail and by name, for imports. */
  colleagues() {
    return this.directory.byEmailOrName()
  }

  /** Stores leads of an import: those whose external id is known already change nothing. */
  async importAll(
    tx: Transaction,
    given: readonly (Given & { externalId?: string | undefined; ownerId: Id<'user'> | null; createdAt?: Date | undefined })[],
  ): Promise<('added' | 'existing')[]> {
    const { defaultCountry } = await this.queries.settings()
    const externalIds = given.flatMap(({ externalId }) => externalId ?? [])
    const known = new Set((await tx.query<{ external_id: string }>(findExternalIds, [externalIds])).map(({ external_id }) => external_id))
    const leads: Lead[] = []
    const outcomes = given.map(({ externalId, ownerId, createdAt, ...data }) => {
      if (externalId && known.has(externalId)) return 'existing'
      if (externalId) known.add(externalId)
      leads.push(
        Lead.capture({
          ...begun('lead', createdAt ?? this.clock.now()),
          ...normalised(data, defaultCountry),
          ownerId,
          externalId: externalId ?? null,
          duplicateOf: [],
        }),
      )
      return 'added'
    })
    await tx.insert(leads)
    for (const lead of leads) await this.events.publish(tx, LeadCaptured, lead, facts(lead), lead.createdAt)
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
      tx.onCommit(() => this.queries.forgetSettings())
      return this.queries.settings()
    })
  }

  /** Open leads with the same e-mail, phone, or company and contact. Captures with the same keys wait for each other. */
  private async lookAlikes(tx: Transaction, data: LeadData, except?: Id<'lead'>): Promise<Likeness[]> {
    const { emailKey: email = null, phoneKey: phone = null, companyKey: company = null, contactKey: contact = null } = data
    const keys = [
      ...(email ? [`email ${email}`] : []),
      ...(phone ? [`phone ${phone}`] : []),
      ...(company && contact ? [`company ${company} ${contact}`] : []),
    ]
    if (!keys.length) return []
    tx.lockKeys(keys)
    const rows = await tx.query<{ id: Id<'lead'>; by: string }>(likeThis, [tx.tenant, email, phone, company, contact, except ?? ''])
    const like = new Map<Id<'lead'>, Set<string>>()
    for (const { id, by } of rows) like.set(id, (like.get(id) ?? new Set()).add(by))
    return [...like].map(([leadId, equal]) => {
      const reasons = Object.entries(scores).filter(([reason]) => equal.has(reason))
      const score = reasons.reduce((sum, [, points]) => sum + points, 0)
      return { leadId, score: Math.min(100, score), reasons: reasons.map(([reason]) => reason) }
    })
  }
}

/** What an equal key says about two leads being the same. */
const scores = { email: 60, phone: 50, company_and_contact: 40 }

/** One look-up per index: of an OR of the three the planner makes a scan of the whole company's leads while the table is young. */
const likeThis = `
  SELECT id, by FROM (
    SELECT id, status, 'email' AS by FROM lead WHERE tenant_id = $1 AND email_key = $2
    UNION ALL SELECT id, status, 'phone' FROM lead WHERE tenant_id = $1 AND phone_key = $3
    UNION ALL SELECT id, status, 'company_and_contact' FROM lead WHERE tenant_id = $1 AND company_key = $4 AND contact_key = $5
  ) AS alike WHERE status NOT IN ('converted', 'disqualified') AND id <> $6 ORDER BY id LIMIT 40`

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
    country: country ?? null,
    email: email ?? null,
    emailKey: email ? emailKey(email) : null,
    phone: readable ?? phone ?? null,
    phoneKey: readable ?? null,
    companyKey: rest.companyName ? companyKey(rest.companyName) : null,
    contactKey: rest.contactName ? contactKey(rest.contactName) : null,
  }
}

function facts({ id, companyName, contactName, ownerId, source, channel, campaign }: Lead): Sent<typeof LeadCaptured> {
  return { leadId: id, companyName, contactName, ownerId, source, channel, campaign }
}

// One look into the index for each: in a table that grew since it was last analysed, `= ANY` read all leads of the company for each chunk.
const findExternalIds = `
  SELECT found.external_id FROM unnest($1::text[]) AS given(id),
    LATERAL (SELECT external_id FROM lead WHERE external_id = given.id LIMIT 1) AS found`
