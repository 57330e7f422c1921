import { Refusal, type Id } from '@millrace/domain'

/** How many levels the tree may have, so that a path stays a short text. */
export const levels = 20

/** A part of the company: the whole of it, a region, a team. Each but the top is below another one. */
export class OrgUnit {
  declare readonly id: Id<'org_unit'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly nameKey: string
  /** Null: the top of the company. */
  declare readonly parentId: Id<'org_unit'> | null
  /** Ids from the top down to this unit, e.g. `/org_unit_…/org_unit_…/`. */
  declare readonly path: string

  static add(given: Pick<OrgUnit, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'name'>, parent: OrgUnit | null): OrgUnit {
    const unit = Object.assign(Object.create(OrgUnit.prototype) as OrgUnit, given, { nameKey: unitKey(given.name) })
    return unit.with({ parentId: parent?.id ?? null, path: pathBelow(parent, given.id) })
  }

  rename(name: string, at: Date): OrgUnit {
    return this.with({ name, nameKey: unitKey(name), updatedAt: at })
  }

  /** Hangs the unit below another; `depth` is how many levels there are below it. */
  moveTo(parent: OrgUnit, at: Date, depth = 0): OrgUnit {
    if (parent.id === this.parentId) return this
    if (this.parentId === null) throw new Refusal('org_unit.root')
    if (parent.path.startsWith(this.path)) throw new Refusal('org_unit.cycle')
    if (parent.level + 1 + depth > levels) throw new Refusal('org_unit.too_deep', { levels })
    return this.with({ parentId: parent.id, path: pathBelow(parent, this.id), updatedAt: at })
  }

  /** The unit after one above it has moved. */
  follow(from: OrgUnit, to: OrgUnit, at: Date): OrgUnit {
    return this.with({ path: `${to.path}${this.path.slice(from.path.length)}`, updatedAt: at })
  }

  /** 1 for the top of the company. */
  get level(): number {
    return this.path.split('/').length - 2
  }

  private with(change: Partial<OrgUnit>): OrgUnit {
    return Object.assign(Object.create(OrgUnit.prototype) as OrgUnit, this, change)
  }
}

/** Names that differ in width, case or outer space only are the same name. */
export function unitKey(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

function pathBelow(parent: OrgUnit | null, id: string): string {
  if (parent && parent.level >= levels) throw new Refusal('org_unit.too_deep', { levels })
  return `${parent?.path ?? '/'}${id}/`
}
