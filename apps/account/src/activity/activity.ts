import { Refusal, type CalendarDate, type CustomValues, type Id } from '@millrace/domain'

export type ActivityKind = 'call' | 'visit' | 'email' | 'meeting' | 'note'

/** Where and when a visitor reported arrival: WGS 84 in degrees, the moment as ISO 8601 in UTC. */
export interface CheckIn {
  readonly latitude: number
  readonly longitude: number
  readonly at: string
}

/** What is agreed to follow, and on which day. */
export interface NextStep {
  readonly text: string
  readonly on: CalendarDate
}

/** Something that somebody did with a customer. Every method returns the activity as it is afterwards, or refuses. */
export class Activity {
  declare readonly id: Id<'activity'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly kind: ActivityKind
  declare readonly accountId: Id<'account'>
  /** The owner of the account, kept beside it: whoever sees the account sees its activities. */
  declare readonly ownerId: Id<'user'> | null
  /** Who recorded it; null: a program. */
  declare readonly loggedById: Id<'user'> | null
  declare readonly contactId: Id<'contact'> | null
  declare readonly opportunityId: Id<'opportunity'> | null
  declare readonly subject: string
  declare readonly text: string | null
  declare readonly takesPlaceAt: Date
  declare readonly place: string | null
  declare readonly checkIn: CheckIn | null
  declare readonly companions: readonly Id<'user'>[]
  declare readonly nextStep: NextStep | null
  /** Values of the company's own fields. */
  declare readonly custom: CustomValues

  static log(given: ActivityData & Logged): Activity {
    return checked(Object.assign(Object.create(Activity.prototype) as Activity, nothing, given))
  }

  /** The same, of the account that its own became part of. */
  moveTo(account: Pick<Activity, 'accountId' | 'ownerId'>, updatedAt: Date): Activity {
    return Object.assign(Object.create(Activity.prototype) as Activity, this, account, { updatedAt })
  }

  change(data: ActivityData & Partial<Pick<Activity, 'journeyId' | 'subject' | 'takesPlaceAt'>>, at: Date): Activity {
    return checked(Object.assign(Object.create(Activity.prototype) as Activity, this, data, { updatedAt: at }))
  }
}

/** Who did what with whom, and when. */
type Logged = Pick<
  Activity,
  'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'kind' | 'accountId' | 'ownerId' | 'loggedById' | 'subject' | 'takesPlaceAt'
>

/** What is noted of an activity besides who, what and when. */
export type ActivityData = Partial<Pick<Activity, keyof typeof nothing>>

const nothing = {
  contactId: null,
  opportunityId: null,
  text: null,
  place: null,
  checkIn: null,
  companions: [],
  nextStep: null,
  custom: {},
}

/** Only who meets the customer has a position to report. Each companion is named once. */
function checked(activity: Activity): Activity {
  const { kind, checkIn, companions } = activity
  if (checkIn && kind !== 'visit' && kind !== 'meeting') throw Refusal.invalid('activity.no_check_in', { kind })
  return Object.assign(activity, { companions: [...new Set(companions)] })
}
