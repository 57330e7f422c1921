import type { Id } from '@millrace/domain'

/** The accounts that a condition holds for. */
export class Segment {
  declare readonly id: Id<'segment'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly note: string | null
  /** CEL over the fields of an account. */
  declare readonly condition: string
  declare readonly active: boolean

  static create(given: SegmentData & Pick<Segment, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Segment {
    return Object.assign(Object.create(Segment.prototype) as Segment, given, { active: true })
  }

  change(data: Partial<SegmentData & Pick<Segment, 'active'>>, at: Date): Segment {
    return Object.assign(Object.create(Segment.prototype) as Segment, this, data, { updatedAt: at })
  }
}

/** How many accounts are looked at in one transaction for so many conditions: who changes a segment waits for it, and everybody for the processor. */
export function accountsAtOnce(conditions: number): number {
  return Math.max(20, Math.min(500, Math.floor(20_000 / Math.max(1, conditions))))
}

export type SegmentData = Pick<Segment, 'name' | 'note' | 'condition'>
