import { lifecycle, newId, Refusal, type CustomValues, type Grade, type Id, type ScorePart } from '@millrace/domain'
import type { Score } from '../scorecard/scorecard.js'
import type { CustomerMatch, Likeness } from './likeness.js'

export const leadStatus = lifecycle('lead', {
  new: ['assigned', 'pooled', 'disqualified', 'merged'],
  assigned: ['assigned', 'working', 'nurturing', 'pooled', 'disqualified', 'merged'],
  working: ['assigned', 'qualified', 'nurturing', 'pooled', 'disqualified', 'merged'],
  qualified: ['converted', 'working', 'nurturing', 'disqualified', 'merged'],
  nurturing: ['working', 'nurturing', 'pooled', 'disqualified', 'merged'],
  pooled: ['assigned', 'disqualified', 'merged'],
  disqualified: ['new', 'assigned'],
  converted: [],
  merged: [],
})
export type LeadStatus = typeof leadStatus.state

/** Where a click came from, as web analytics name it. */
export interface Utm {
  readonly source?: string | undefined
  readonly medium?: string | undefined
  readonly campaign?: string | undefined
  readonly term?: string | undefined
  readonly content?: string | undefined
}

export const mostTags = 50

/** Each tag once, however often it was given. */
export function tagged(tags: readonly string[]): string[] {
  return [...new Set(tags)].slice(0, mostTags)
}

const longestRestMs = 731 * 86_400_000

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
  declare readonly tags: readonly string[]
  declare readonly utm: Utm | null
  /** By the company's scorecard, 0–100; null: it had none when the lead was captured. */
  declare readonly score: number | null
  declare readonly grade: Grade | null
  declare readonly scoreParts: readonly ScorePart[]
  declare readonly scorecardId: Id<'scorecard'> | null
  declare readonly ownerId: Id<'user'> | null
  declare readonly externalId: string | null
  declare readonly duplicateOf: readonly Likeness[]
  declare readonly customers: readonly CustomerMatch[]
  declare readonly disqualifiedReason: string | null
  declare readonly poolId: Id<'pool'> | null
  declare readonly pooledAt: Date | null
  declare readonly pooledReason: string | null
  declare readonly formerOwnerId: Id<'user'> | null
  declare readonly wakeAt: Date | null
  /** When its owner got it, or the last one had got it. */
  declare readonly assignedAt: Date | null
  /** When its owner did something about it last, or got it: from here on the clock runs. */
  declare readonly steppedAt: Date | null
  /** When somebody dealt with it for the first time, and after how many working minutes of theirs. */
  declare readonly respondedAt: Date | null
  declare readonly responseMinutes: number | null
  declare readonly qualifiedAt: Date | null
  declare readonly nextStep: string | null
  declare readonly nextStepAt: Date | null
  /** Until when the owner has to do something. */
  declare readonly dueAt: Date | null
  /** Times in a row that nobody could be reached. */
  declare readonly failedAttempts: number
  declare readonly mergedInto: Id<'lead'> | null
  declare readonly accountId: Id<'account'> | null
  declare readonly contactId: Id<'contact'> | null
  declare readonly opportunityId: Id<'opportunity'> | null
  declare readonly convertedAt: Date | null
  /** Values of the company's own fields. */
  declare readonly custom: CustomValues

  /** A new lead; with an owner it is assigned at once. */
  static capture(given: LeadData & Pick<Lead, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Lead {
    const { ownerId, assignedAt = given.createdAt } = given
    const owned = ownerId ? { assignedAt, steppedAt: assignedAt } : { assignedAt: null }
    return Object.assign(Object.create(Lead.prototype) as Lead, nothing, given, owned, { status: ownerId ? 'assigned' : 'new' })
  }

  change(data: Partial<LeadData>, at: Date): Lead {
    if (this.isClosed) throw new Refusal('lead.closed', { status: this.status })
    return this.with({ ...data, updatedAt: at })
  }

  /** With the score that a scorecard gives it; this very one when it has that already. */
  scored({ score, grade, parts, scorecardId }: Score): Lead {
    const same = this.score === score && this.grade === grade && this.scorecardId === scorecardId
    if (same && JSON.stringify(this.scoreParts) === JSON.stringify(parts)) return this
    return this.with({ score, grade, scoreParts: parts, scorecardId })
  }

  get isClosed(): boolean {
    return this.status === 'converted' || this.status === 'disqualified' || this.status === 'merged'
  }

  /** This lead with what it lacks from the other one, and with what the other one knows better; this very one when that is nothing. */
  absorb(other: Lead, take: readonly TakenField[], at: Date): Lead {
    if (this.isClosed) throw new Refusal('lead.closed', { status: this.status })
    const better = takenFields.filter(
      (field) => other[field] !== null && other[field] !== this[field] && (this[field] === null || take.includes(field)),
    )
    const tags = tagged([...this.tags, ...other.tags])
    const custom = { ...other.custom, ...this.custom }
    const more = tags.length > this.tags.length || Object.keys(custom).length > Object.keys(this.custom).length
    if (!better.length && !more && !this.duplicateOf.some(({ leadId }) => leadId === other.id)) return this
    const data = better.flatMap((field) => [field, ...(keysOf[field] ?? [])].map((name) => [name, other[name as keyof Lead]]))
    return this.with({ ...Object.fromEntries(data), tags, custom, duplicateOf: this.without(other.id), updatedAt: at })
  }

  /** Becomes part of the other one. Asked again, stays as it is. */
  mergeInto(other: Id<'lead'>, at: Date): Lead {
    if (this.status === 'merged') {
      if (this.mergedInto !== other) throw new Refusal('lead.merged_otherwise', { mergedInto: this.mergedInto })
      return this
    }
    return this.with({
      status: leadStatus.move(this.status, 'merged'),
      mergedInto: other,
      duplicateOf: [],
      wakeAt: null,
      ...unhurried,
      updatedAt: at,
    })
  }

  /** It is not the other one, though it looks like it. */
  keepApart(other: Id<'lead'>, at: Date): Lead {
    return this.with({ duplicateOf: this.without(other), updatedAt: at })
  }

  private without(other: Id<'lead'>): Likeness[] {
    return this.duplicateOf.filter(({ leadId }) => leadId !== other)
  }

  assign(ownerId: Id<'user'>, at: Date): Lead {
    if (this.ownerId === ownerId && this.status !== 'new' && this.status !== 'pooled') return this
    const status = leadStatus.move(this.status, 'assigned')
    return this.with({ ...unhurried, status, ownerId, pooledReason: null, failedAttempts: 0, ...since(at), updatedAt: at })
  }

  /** The same lead, whose new owner's time begins: a handover leaves status and plans as they are. */
  handedOver(at: Date): Lead {
    return this.with({ ...since(at), failedAttempts: 0 })
  }

  work(at: Date): Lead {
    if (this.status === 'working') return this
    if (!this.ownerId) throw new Refusal('lead.no_owner')
    return this.with({ status: leadStatus.move(this.status, 'working'), wakeAt: null, ...this.responded(at), updatedAt: at })
  }

  private responded(at: Date) {
    return { ...unhurried, steppedAt: at, respondedAt: this.respondedAt ?? at }
  }

  /** The owner spoke with the customer, or tried to. What was planned is done with it. */
  contact(reached: boolean, at: Date): Lead {
    const worked = this.inWork(at)
    return worked.with({ ...worked.responded(at), failedAttempts: reached ? 0 : worked.failedAttempts + 1, updatedAt: at })
  }

  /** What the owner is going to do, and until when; before `latest` when there is one. */
  plan(nextStep: string, nextStepAt: Date | null, latest: Date | null, at: Date): Lead {
    if (nextStepAt && nextStepAt <= at) throw Refusal.invalid('lead.next_step_past', { dueAt: nextStepAt.toISOString() })
    const last = latest ?? new Date(at.getTime() + longestRestMs)
    if (nextStepAt && nextStepAt > last) throw Refusal.invalid('lead.next_step_late', { latest: last.toISOString() })
    const worked = this.inWork(at)
    return worked.with({ ...worked.responded(at), nextStep, nextStepAt, updatedAt: at })
  }

  /** A lead that is only assigned, or that rests, counts as worked with what is done about it. */
  private inWork(at: Date): Lead {
    if (this.status === 'qualified') return this
    if (!this.ownerId) throw new Refusal('lead.no_owner')
    return this.work(at)
  }

  /** With its deadline, and how long the first response took. */
  timed(dueAt: Date | null, responseMinutes: number | null): Lead {
    if (dueAt?.getTime() === this.dueAt?.getTime() && responseMinutes === this.responseMinutes) return this
    return this.with({ dueAt, responseMinutes })
  }

  /** Goes into a pool, where nobody owns it. */
  release(poolId: Id<'pool'>, reason: string, at: Date): Lead {
    return this.with({
      status: leadStatus.move(this.status, 'pooled'),
      ownerId: null,
      formerOwnerId: this.ownerId ?? this.formerOwnerId,
      poolId,
      pooledAt: at,
      pooledReason: reason,
      wakeAt: null,
      ...unhurried,
      updatedAt: at,
    })
  }

  /** Rests until its day, within two years. */
  nurture(wakeAt: Date, at: Date): Lead {
    if (wakeAt <= at || wakeAt.getTime() > at.getTime() + longestRestMs)
      throw Refusal.invalid('lead.wake_at_once', { wakeAt: wakeAt.toISOString() })
    return this.with({ status: leadStatus.move(this.status, 'nurturing'), wakeAt, ...this.responded(at), updatedAt: at })
  }

  /** Whether its day has come. */
  isToWake(at: Date): boolean {
    return this.status === 'nurturing' && this.wakeAt !== null && this.wakeAt <= at
  }

  /** Worth a deal. One that is only assigned counts as worked with this. */
  qualify(at: Date): Lead {
    if (this.status === 'qualified') return this
    const worked = this.status === 'assigned' || this.status === 'nurturing' ? this.work(at) : this
    if (!worked.ownerId) throw new Refusal('lead.no_owner')
    return worked.with({ ...unhurried, status: leadStatus.move(worked.status, 'qualified'), qualifiedAt: at, updatedAt: at })
  }

  disqualify(reason: string, at: Date): Lead {
    return this.with({
      status: leadStatus.move(this.status, 'disqualified'),
      disqualifiedReason: reason,
      wakeAt: null,
      ...unhurried,
      updatedAt: at,
    })
  }

  reopen(at: Date): Lead {
    const status = leadStatus.move(this.status, this.ownerId ? 'assigned' : 'new')
    return this.with({ status, disqualifiedReason: null, ...(this.ownerId && since(at)), updatedAt: at })
  }

  /** The same, converted into the account that its own became part of. */
  followAccount(accountId: Id<'account'>, updatedAt: Date): Lead {
    return this.with({ accountId, updatedAt })
  }

  /** Mints the ids of what did not exist. Asked again in the same way, answers the same. */
  convert(into: Conversion, at: Date): Lead {
    if (this.status === 'converted') return this.sameConversion(into)
    const missing = this.missingForConversion(into)
    if (this.status !== 'qualified' || missing.length) {
      if (this.status === 'qualified') throw new Refusal(missing[0]!, { missing })
      throw new Refusal('lead.not_qualified', { status: this.status, missing: ['qualification', ...missing] })
    }
    return this.with({
      status: leadStatus.move(this.status, 'converted'),
      accountId: into.accountId ?? newId('account'),
      contactId: into.contactId ?? (this.contactName ? newId('contact') : null),
      opportunityId: into.opportunityId ?? (into.newOpportunity ? newId('opportunity') : null),
      convertedAt: at,
      ...unhurried,
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

/** A lead with nothing to be done until a certain time. */
const unhurried = { nextStep: null, nextStepAt: null, dueAt: null }
const since = (at: Date) => ({ assignedAt: at, steppedAt: at })

/** What a merged lead may know better. */
const takenFields = [
  'companyName',
  'contactName',
  'jobTitle',
  'email',
  'phone',
  'country',
  'source',
  'channel',
  'campaign',
  'note',
  'utm',
] as const
type TakenField = (typeof takenFields)[number]
const keysOf: Partial<Record<TakenField, readonly (keyof Lead)[]>> = {
  companyName: ['companyKey'],
  contactName: ['contactKey'],
  email: ['emailKey'],
  phone: ['phoneKey'],
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
    | 'tags'
    | 'utm'
    | 'ownerId'
    | 'assignedAt'
    | 'externalId'
    | 'duplicateOf'
    | 'customers'
    | 'custom'
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
  tags: [],
  utm: null,
  score: null,
  grade: null,
  scoreParts: [],
  scorecardId: null,
  ownerId: null,
  externalId: null,
  duplicateOf: [],
  customers: [],
  custom: {},
  disqualifiedReason: null,
  poolId: null,
  pooledAt: null,
  pooledReason: null,
  formerOwnerId: null,
  wakeAt: null,
  assignedAt: null,
  steppedAt: null,
  respondedAt: null,
  responseMinutes: null,
  qualifiedAt: null,
  ...unhurried,
  failedAttempts: 0,
  mergedInto: null,
  accountId: null,
  contactId: null,
  opportunityId: null,
  convertedAt: null,
}
