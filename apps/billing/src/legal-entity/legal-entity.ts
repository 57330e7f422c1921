import { dayOf, Refusal, type CalendarDate, type Id } from '@millrace/domain'

/** A company that sells: it issues invoices under its own numbers, and a day of billing is a day in its time zone. */
export class LegalEntity {
  declare readonly id: Id<'legal_entity'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly country: string | null
  declare readonly zone: string
  declare readonly currency: string
  declare readonly prefix: string
  declare readonly isDefault: boolean

  static add(given: Omit<LegalEntity, 'change' | 'today'>): LegalEntity {
    return Object.assign(Object.create(LegalEntity.prototype) as LegalEntity, given)
  }

  /** Numbers once given must stay the only ones of their kind: an entity that has issued keeps its prefix. */
  change(data: Partial<Pick<LegalEntity, 'name' | 'country' | 'zone' | 'currency' | 'prefix'>>, hasIssued: boolean, at: Date): LegalEntity {
    if (hasIssued && data.prefix !== undefined && data.prefix !== this.prefix)
      throw new Refusal('legal_entity.numbered', { prefix: this.prefix })
    return Object.assign(Object.create(LegalEntity.prototype) as LegalEntity, this, data, { updatedAt: at })
  }

  today(at: Date): CalendarDate {
    return dayOf(at, this.zone)
  }
}
