import { Refusal, type Id } from '@millrace/domain'

/** How somebody looks at a list: as the list's query takes it. */
export interface Look {
  readonly filters: Readonly<Record<string, string | readonly string[]>>
  readonly columns: readonly string[]
  readonly sort: string | null
}

export type SharedWith = 'nobody' | 'unit' | 'company'

/** A saved view of a list. Every method returns the view as it is afterwards, or refuses. */
export class View implements Look {
  declare readonly id: Id<'view'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  /** The operation that lists. */
  declare readonly list: string
  declare readonly filters: Readonly<Record<string, string | readonly string[]>>
  declare readonly columns: readonly string[]
  declare readonly sort: string | null
  /** The user or program whose view it is. */
  declare readonly savedBy: string
  declare readonly sharedWith: SharedWith
  /** The unit that it is shared with, and with it those below. */
  declare readonly unitId: Id<'org_unit'> | null

  static save(given: Look & Pick<View, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'name' | 'list' | 'savedBy'>): View {
    return Object.assign(Object.create(View.prototype) as View, given, { sharedWith: 'nobody', unitId: null })
  }

  change(given: Partial<Look & Pick<View, 'name'>>, at: Date): View {
    return this.with({ ...given, updatedAt: at })
  }

  share(sharedWith: SharedWith, unitId: Id<'org_unit'> | null, at: Date): View {
    return this.with({ sharedWith, unitId, updatedAt: at })
  }

  /** One's own, or one that somebody shared who may have left: then it is in the hands of those who share with the whole company. */
  mustBeIn(hands: { readonly id: string; readonly sharesWithCompany: boolean }): void {
    const shared = this.sharedWith !== 'nobody' && hands.sharesWithCompany
    if (this.savedBy !== hands.id && !shared) throw Refusal.forbidden('view.not_yours')
  }

  private with(change: Partial<View>): View {
    return Object.assign(Object.create(View.prototype) as View, this, change)
  }
}
