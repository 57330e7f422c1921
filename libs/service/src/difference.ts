/** What a new record holds, or what became of each field that changed: as the audit trail tells it. */
export function difference(before: object | undefined, after: object): Record<string, unknown> {
  const change: Record<string, unknown> = {}
  if (!before) {
    for (const [name, value] of fieldsOf(after)) if (value !== null && value !== undefined) change[name] = value
    return change
  }
  const [was, is] = [new Map(fieldsOf(before)), new Map(fieldsOf(after))]
  // A value that was taken out of one of the company's own fields is not there any more.
  for (const name of was.keys()) if (!is.has(name)) is.set(name, null)
  for (const [name, value] of is) {
    const [from, to] = [plain(was.get(name)), plain(value)]
    if (from !== to) change[name] = { from: JSON.parse(from), to: JSON.parse(to) }
  }
  return change
}

/** The fields of a record, but for those that change each time; a company's own ones each by itself: `custom.budget`. */
function fieldsOf(record: object): [name: string, value: unknown][] {
  const fields: [string, unknown][] = []
  for (const [name, value] of Object.entries(record)) {
    if (name === 'custom') for (const [key, own] of Object.entries(value ?? {})) fields.push([`custom.${key}`, own])
    else if (name !== 'version' && name !== 'updatedAt') fields.push([name, value])
  }
  return fields
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
