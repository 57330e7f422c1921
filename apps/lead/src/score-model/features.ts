/** A number that a field of a lead becomes: 1 when it has this value, 1 when anything is known, or its amount. */
export type Feature =
  | { readonly field: string; readonly kind: 'is'; readonly value: string }
  | { readonly field: string; readonly kind: 'known' }
  | { readonly field: string; readonly kind: 'amount'; readonly mean: number; readonly deviation: number }

export type FieldValues = Readonly<Record<string, unknown>>

/** Values that fewer leads have say nothing that would last. */
const leastLeads = 10
const mostValues = 30
const mostFeatures = 200
/** So many deviations from the mean are no more than extreme. */
const extreme = 3

/**
 * The features of these fields, as the samples have them. A text that is another one for almost every lead (a name, an e-mail) counts as known or
 * not; others by their most frequent values. An amount counts by its distance from the mean, up to where it is only extreme.
 */
export function featuresOf(samples: readonly FieldValues[], fields: readonly string[]): Feature[] {
  const features = fields.flatMap((field): Feature[] => {
    const values = samples.map((sample) => sample[field])
    const known: Feature[] = share(values.map(isKnown), samples.length) ? [{ field, kind: 'known' }] : []
    const amounts = values.filter((value) => typeof value === 'number')
    if (amounts.length) {
      const mean = amounts.reduce((sum, value) => sum + value, 0) / amounts.length
      const deviation = Math.sqrt(amounts.reduce((sum, value) => sum + (value - mean) ** 2, 0) / amounts.length)
      return deviation ? [...known, { field, kind: 'amount', mean, deviation }] : known
    }
    const counts = new Map<string, number>()
    for (const value of values) for (const word of wordsOf(value)) counts.set(word, (counts.get(word) ?? 0) + 1)
    const frequent = [...counts].filter(([, count]) => count >= leastLeads && count < samples.length)
    const covered = frequent.reduce((sum, [, count]) => sum + count, 0)
    if (covered * 2 < values.filter(isKnown).length) return known
    const most = frequent.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, mostValues)
    return [...known, ...most.map(([value]): Feature => ({ field, kind: 'is', value }))]
  })
  return features.slice(0, mostFeatures)
}

/** The numbers of one lead. */
export function encoded(features: readonly Feature[], values: FieldValues): number[] {
  return features.map((feature) => {
    const value = values[feature.field]
    if (feature.kind === 'known') return isKnown(value) ? 1 : 0
    if (feature.kind === 'is') return wordsOf(value).includes(feature.value) ? 1 : 0
    if (typeof value !== 'number') return 0
    return Math.max(-extreme, Math.min(extreme, (value - feature.mean) / feature.deviation))
  })
}

function share(known: readonly boolean[], of: number): boolean {
  const count = known.filter(Boolean).length
  return count >= leastLeads && of - count >= leastLeads
}

function isKnown(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== ''
}

function wordsOf(value: unknown): string[] {
  if (typeof value === 'string') return value ? [value] : []
  if (typeof value === 'boolean') return value ? ['true'] : []
  return Array.isArray(value) ? [...new Set(value.map(String))] : []
}
