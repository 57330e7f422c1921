import { Refusal, type Id } from '@millrace/domain'

/** What is known of an absence and may change. */
export type AbsenceData = Pick<Absence, 'startsAt' | 'endsAt' | 'deputyId' | 'kind' | 'note'>

const longestMs = 731 * 86_400_000

/** Some time in which a person does not work. */
export class Absence {
  declare readonly id: Id<'absence'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  /** Who is away. */
  declare readonly ownerId: Id<'user'>
  declare readonly startsAt: Date
  declare readonly endsAt: Date
  declare readonly deputyId: Id<'user'> | null
  declare readonly kind: string
  declare readonly note: string | null
  declare readonly withdrawnAt: Date | null

  static note(given: AbsenceData & Pick<Absence, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'ownerId'>): Absence {
    return (Object.create(Absence.prototype) as Absence).with({ ...given, withdrawnAt: null })
  }

  change(data: Partial<AbsenceData>, at: Date): Absence {
    if (this.withdrawnAt) throw new Refusal('absence.withdrawn')
    return this.with({ ...data, updatedAt: at })
  }

  withdraw(at: Date): Absence {
    return this.withdrawnAt ? this : this.with({ withdrawnAt: at, updatedAt: at })
  }

  private with(change: Partial<Absence>): Absence {
    const absence = Object.assign(Object.create(Absence.prototype) as Absence, this, change)
    const lasts = absence.endsAt.getTime() - absence.startsAt.getTime()
    if (!(lasts > 0 && lasts <= longestMs)) throw Refusal.invalid('absence.times')
    if (absence.deputyId === absence.ownerId) throw Refusal.invalid('absence.own_deputy')
    return absence
  }
}
