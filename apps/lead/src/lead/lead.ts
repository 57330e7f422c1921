import { lifecycle, newId, Refusal, type Id } from '@millrace/domain'

export const leadStatus = lifecycle('lead', {
  new: ['assigned', 'pooled', 'disqualified'],
  assigned: ['assigned', 'working', 'pooled', 'disqualified'],
  working: ['assigned', 'qualified', 'nurturing', 'pooled', 'disqualified'],
  qualified: ['converted', 'working', 'disqualified'],
  nurturing: ['working', 'disqualified'],
  pooled: ['assigned', 'disqualified'],
  disqualified: ['new', 'assigned'],
  converted: [],
})
export type LeadStatus = typeof leadStatus.state

/** A lead that looks like another, and why; score 0–100. */
export interface Likeness {
  readonly leadId: Id<'lead'>
  readonly score: number
  readonly reasons: readonly string[]
}

/** What a lead turns into: existing records by id, new ones otherwise. */
export interface Conversion {
  readonly accountId?: Id<'account'> | undefined
  readonly contactId?: Id<'contact'> | undefined
  readonly opportunityId?: Id<'opportunity'> | undefined
  readonly newOpportunity: boolean
}

/** An unqualified interest of a person or company. Every method returns the lead as it is afterwards, or refuses. */
export class Lead {
  declare readonly id: Id<'lead'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: LeadStatus
  declare readonly companyName: string | null
  declare readonly companyKey: string | null
  declare readonly contactName: string | null
  declare readonly contactKey: string | null
  declare readonly jobTitle: string | null
  declare readonly email: string | null
  declare readonly emailKey: string | null
  declare readonly phone: string | null
  declare readonly phoneKey: string | null
  declare readonly country: string | null
  declare readonly source: string | null
  declare readonly channel: string | null
  declare readonly campaign: string | null
  declare readonly note: string | null
  declare readonly ownerId: Id<'user'> | null
  declare readonly externalId: string | null
  declare readonly duplicateOf: readonly Likeness[]
  declare readonly disqualifiedReason: string | null
  declare readonly accountId: Id<'account'> | null
  declare readonly contactId: Id<'contact'> | null
  declare readonly opportunityId: Id<'opportunity'> | null
  declare readonly convertedAt: Date | null

  /** A new lead; with an owner it is assigned at once. */
  static capture(given: LeadData & Pick<Lead, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Lead {
    return Object.assign(Object.create(Lead.prototype) as Lead, nothing, given, { status: given.ownerId ? 'assigned' : 'new' })
  }

  change(data: Partial<LeadData>, at: Date): Lead {
    if (this.status === 'converted' || this.status === 'disqualified') throw new Refusal('lead.closed', { status: this.status })
    return this.with({ ...data, updatedAt: at })
  }

  assign(ownerId: Id<'user'>, at: Date): Lead {
    if (this.ownerId === ownerId && this.status !== 'new' && this.status !== 'pooled') return this
    return this.with({ status: leadStatus.move(this.status, 'assigned'), ownerId, updatedAt: at })
  }

  work(at: Date): Lead {
    if (this.status === 'working') return this
    if (!this.ownerId) throw new Refusal('lead.no_owner')
    return this.with({ status: leadStatus.move(this.status, 'working'), updatedAt: at })
  }

  /** Worth a deal. One that is only assigned counts as worked with this. */
  qualify(at: Date): Lead {
    if (this.status === 'qualified') return this
    const worked = this.status === 'assigned' || this.status === 'nurturing' ? this.work(at) : this
    if (!worked.ownerId) throw new Refusal('lead.no_owner')
    return worked.with({ status: leadStatus.move(worked.status, 'qualified'), updatedAt: at })
  }

  disqualify(reason: string, at: Date): Lead {
    return this.with({ status: leadStatus.move(this.status, 'disqualified'), disqualifiedReason: reason, updatedAt: at })
  }

  reopen(at: Date): Lead {
    return this.with({ status: leadStatus.move(this.status, this.ownerId ? 'assigned' : 'new'), disqualifiedReason: null, updatedAt: at })
  }

  /** Mints the ids of what did not exist. Asked again in the same way, answers the same. */
  convert(into: Conversion, at: Date): Lead {
    if (this.status === 'converted') return this.sameConversion(into)
    const missing = this.missingForConversion(into)
    if (this.status !== 'qualified' || missing.length) {
      if (this.status === 'qualified') throw new Refusal(missing[0]!)
      throw new Refusal('lead.not_qualified', { status: this.status, missing: ['qualification', ...missing] })
    }
    return this.with({
      status: leadStatus.move(this.status, 'converted'),
      accountId: into.accountId ?? newId('account'),
      contactId: into.contactId ?? (this.contactName ? newId('contact') : null),
      opportunityId: into.opportunityId ?? (into.newOpportunity ? newId('opportunity') : null),
      convertedAt: at,
      updatedAt: at,
    })
  }

  private missingForConversion({ accountId }: Conversion): string[] {
    return [
      ...(this.ownerId ? [] : ['lead.no_owner']),
      ...(this.email || this.phone ? [] : ['lead.not_contactable']),
      ...(this.companyName || this.contactName || accountId ? [] : ['lead.no_company']),
    ]
  }

  private sameConversion(into: Conversion): Lead {
    const differs = (wish: string | undefined, is: string | null) => wish !== undefined && wish !== is
    if (
      differs(into.accountId, this.accountId) ||
      differs(into.contactId, this.contactId) ||
      differs(into.opportunityId, this.opportunityId)
    )
      throw new Refusal('lead.converted_otherwise', {
        accountId: this.accountId,
        contactId: this.contactId,
        opportunityId: this.opportunityId,
      })
    return this
  }

  private with(change: Partial<Lead>): Lead {
    return Object.assign(Object.create(Lead.prototype) as Lead, this, change)
  }
}

/** What is known of a lead, with the keys that likeness is judged by. */
export type LeadData = Partial<
  Pick<
    Lead,
    | 'companyName'
    | 'companyKey'
    | 'contactName'
    | 'contactKey'
    | 'jobTitle'
    | 'email'
    | 'emailKey'
    | 'phone'
    | 'phoneKey'
    | 'country'
    | 'source'
    | 'channel'
    | 'campaign'
    | 'note'
    | 'ownerId'
    | 'externalId'
    | 'duplicateOf'
  >
>

const nothing = {
  companyName: null,
  companyKey: null,
  contactName: null,
  contactKey: null,
  jobTitle: null,
  email: null,
  emailKey: null,
  phone: null,
  phoneKey: null,
  country: null,
  source: null,
  channel: null,
  campaign: null,
  note: null,
  ownerId: null,
  externalId: null,
  duplicateOf: [],
  disqualifiedReason: null,
  accountId: null,
  contactId: null,
  opportunityId: null,
  convertedAt: null,
}
