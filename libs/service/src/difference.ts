import type { CustomValues } from '@millrace/domain'

/** What a new record holds, or what became of each field that changed: as the audit trail tells it. */
export function difference(before: object | undefined, after: object): Record<string, unknown> {
  const change: Record<string, unknown> = {}
  if (!before) {
    for (const [name, value] of Object.entries(eachCustom(after)))
      if (name !== 'version' && name !== 'updatedAt' && value !== null && value !== undefined) change[name] = value
    return change
  }
  const was = eachCustom(before)
  for (const [name, value] of Object.entries({ ...removedCustom(before, after), ...eachCustom(after) })) {
    if (name === 'version' || name === 'updatedAt') continue
    const old = was[name]
    const [from, to] = [plain(old), plain(value)]
    if (from === to) continue
    change[name] = { from: JSON.parse(from), to: JSON.parse(to) }
  }
  return change
}

/** Each of a company's own fields by itself, like the other fields of a record: `custom.budget`. */
function eachCustom(entity: object): Record<string, unknown> {
  const { custom, ...fields } = entity as { custom?: CustomValues }
  if (!custom) return entity as Record<string, unknown>
  return { ...fields, ...Object.fromEntries(Object.entries(custom).map(([key, value]) => [`custom.${key}`, value])) }
}

function removedCustom(before: object, after: object): Record<string, null> {
  const [was, is] = [before, after].map((entity) => (entity as { custom?: CustomValues }).custom ?? {}) as [CustomValues, CustomValues]
  return Object.fromEntries(Object.keys(was).flatMap((key) => (Object.hasOwn(is, key) ? [] : [[`custom.${key}`, null]])))
}

/** JSON, also of what holds whole numbers beyond its own. */
export function plain(value: unknown): string {
  try {
    return JSON.stringify(value ?? null)
  } catch {
    // A bigint in it. Looking for one beforehand would make all others several times slower.
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))
  }
}
