/** Whether a newcomer can be put below the parent that it names: not when the parent is unknown, nor when the parents go round in a circle. */
export type Place = 'placed' | 'unknown' | 'circle'

/**
 * Judges newcomers (id → parent, null: none) that may name each other in any order. Whoever hangs below a newcomer that cannot be placed
 * cannot be placed either, for the same reason.
 */
export function placeBelowParents(newcomers: ReadonlyMap<string, string | null>, known: ReadonlySet<string>): Map<string, Place> {
  const places = new Map<string, Place>()
  for (const newcomer of newcomers.keys()) {
    const path = new Set<string>()
    let above: string | null = newcomer
    let place: Place | undefined
    while (!place) {
      if (above === null || known.has(above)) place = 'placed'
      else if (places.has(above)) place = places.get(above)
      else if (path.has(above)) place = 'circle'
      else if (!newcomers.has(above)) place = 'unknown'
      else {
        path.add(above)
        above = newcomers.get(above)!
      }
    }
    for (const one of path) places.set(one, place)
  }
  return places
}
