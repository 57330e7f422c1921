import { Refusal, type Id } from '@millrace/domain'

export interface TerritoryData {
  readonly name: string
  readonly parentId: Id<'territory'> | null
  /** CEL over the fields of a lead; empty: every lead. */
  readonly condition: string
  readonly memberIds: readonly Id<'user'>[]
  readonly active: boolean
}

/** A part of the market with the people who sell there. */
export class Territory implements TerritoryData {
  declare readonly id: Id<'territory'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly parentId: Id<'territory'> | null
  declare readonly condition: string
  declare readonly memberIds: readonly Id<'user'>[]
  declare readonly active: boolean

  static create(given: TerritoryData & Pick<Territory, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt'>): Territory {
    return Object.assign(Object.create(Territory.prototype) as Territory, given)
  }

  change(data: Partial<TerritoryData>, at: Date): Territory {
    return Object.assign(Object.create(Territory.prototype) as Territory, this, data, { updatedAt: at })
  }
}

/** What the tree needs to know of a territory. */
export type Place = Pick<Territory, 'id' | 'parentId' | 'condition' | 'memberIds'>

/** How many levels the tree may have. */
const levels = 12

/** Refuses a tree in which a territory is below itself or too deep. */
export function checkTree(places: readonly Pick<Place, 'id' | 'parentId'>[]): void {
  const parents = new Map(places.map(({ id, parentId }) => [id, parentId]))
  for (const { id } of places) {
    let level = 0
    for (let above: Id<'territory'> | null = id; above; above = parents.get(above) ?? null) {
      level += 1
      if (level > 1 && above === id) throw new Refusal('territory.cycle')
      if (level > levels) throw new Refusal('territory.too_deep', { levels })
    }
  }
}

/**
 * The deepest territory whose condition holds, with those of all above it; of several the first one. `root` keeps to that one and what is below
 * it. A territory that is closed, or that hangs below a closed one, is not looked at. With it come its members, or those of the nearest
 * territory above that has some.
 */
export function territoryOf(
  places: readonly Place[],
  holds: (condition: string) => boolean,
  root: Id<'territory'> | null,
): { id: Id<'territory'>; memberIds: readonly Id<'user'>[] } | undefined {
  const known = new Map(places.map((place) => [place.id, place]))
  const below = Map.groupBy(places, ({ parentId }) => parentId)
  const held = new Map<string, boolean>()
  const isHeld = (condition: string) => {
    if (condition === '') return true
    if (!held.has(condition)) held.set(condition, holds(condition))
    return held.get(condition)!
  }
  const visit = (place: Place, depth: number, members: readonly Id<'user'>[]): Found | undefined => {
    if (!isHeld(place.condition)) return undefined
    const own = place.memberIds.length ? place.memberIds : members
    return deepest([{ id: place.id, memberIds: own, depth }, ...(below.get(place.id) ?? []).map((child) => visit(child, depth + 1, own))])
  }
  if (!root) return deepest((below.get(null) ?? []).map((place) => visit(place, 0, [])))
  const way: Place[] = []
  for (let at = known.get(root); at; at = at.parentId ? known.get(at.parentId) : undefined) way.unshift(at)
  if (!way.length || way[0]!.parentId !== null || !way.every(({ condition }) => isHeld(condition))) return undefined
  const inherited = way.slice(0, -1).findLast(({ memberIds }) => memberIds.length)?.memberIds ?? []
  return visit(way.at(-1)!, 0, inherited)
}

interface Found {
  readonly id: Id<'territory'>
  readonly memberIds: readonly Id<'user'>[]
  readonly depth: number
}

function deepest(found: readonly (Found | undefined)[]): Found | undefined {
  return found.reduce((best, one) => (one && (!best || one.depth > best.depth) ? one : best), undefined)
}
