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
      const settings = await this.queries.settings()
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
      const { defaultCountry } = await this.queries.settings()
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
      const name = lead.companyName ?? lead.contactName!
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
    const known = new Set(
      (await tx.query<{ external_id: string }>('SELECT external_id FROM lead WHERE external_id = ANY($1)', [externalIds])).map(
        ({ external_id }) => external_id,
      ),
    )
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
      return this.queries.settings()
    })
  }

  /** Open leads with the same e-mail, phone, or company and contact. Captures with the same keys wait for each other. */
  private async lookAlikes(tx: Transaction, data: LeadData, except?: Id<'lead'>): Promise<Likeness[]> {
    const { emailKey: email = null, phoneKey: phone = null, companyKey: company = null, contactKey: contact = null } = data
    const keys = [email && `email ${email}`, phone && `phone ${phone}`, company && contact && `company ${company} ${contact}`].filter(
      (key) => typeof key === 'string' && key !== '',
    )
    if (!keys.length) return []
    await tx.query(
      `SELECT pg_advisory_xact_lock(hashtextextended($1 || key, 7)) FROM unnest($2::text[]) AS k(key) ORDER BY hashtextextended($1 || key, 7)`,
      [tx.tenant, keys],
    )
    const rows = await tx.query<{ id: Id<'lead'>; same_email: boolean; same_phone: boolean; same_company: boolean }>(
      `SELECT id, coalesce(email_key = $1, false) AS same_email, coalesce(phone_key = $2, false) AS same_phone, coalesce(company_key = $3 AND contact_key = $4, false) AS same_company
       FROM lead WHERE status NOT IN ('converted', 'disqualified') AND id <> $5 AND (email_key = $1 OR phone_key = $2 OR (company_key = $3 AND contact_key = $4)) ORDER BY id LIMIT 20`,
      [email, phone, company, contact, except ?? ''],
    )
    return rows.map(({ id, same_email, same_phone, same_company }) => ({
      leadId: id,
      score: Math.min(100, (same_email ? 60 : 0) + (same_phone ? 50 : 0) + (same_company ? 40 : 0)),
      reasons: [...(same_email ? ['email'] : []), ...(same_phone ? ['phone'] : []), ...(same_company ? ['company_and_contact'] : [])],
    }))
  }
}

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
