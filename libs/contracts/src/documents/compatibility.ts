import type { JsonSchema } from './json-schema.js'

/** What tells a reader something and a validator nothing. */
const annotations = new Set(['$schema', '$id', '$comment', 'title', 'description', 'examples', 'deprecated'])
/** Read where they are used: references are followed, and `required` belongs to the properties. */
const elsewhere = new Set(['$defs', 'definitions', '$ref', 'properties', 'required'])
const nested = new Set(['items', 'additionalProperties', 'propertyNames', 'contains', 'not', 'if', 'then', 'else'])
const lists = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems'])
const sets = new Set(['type', 'enum'])

/**
 * Why old and new senders and receivers of an event could not understand each other any more; empty: they can. Only optional properties may be
 * added, to objects that take unknown ones. The golden schema only ever grows, so what fits it fits every version before (FULL_TRANSITIVE).
 */
export function incompatibilities(before: JsonSchema, after: JsonSchema): string[] {
  const found: string[] = []
  const met = new Set<string>()

  function compare(old: JsonSchema, now: JsonSchema, path: string): void {
    const pair = `${old.$ref} ${now.$ref}`
    if (old.$ref && now.$ref) {
      if (met.has(pair)) return
      met.add(pair)
    }
    const [was, is] = [follow(before, old), follow(after, now)]
    compareProperties(was, is, path)
    for (const keyword of new Set([...Object.keys(was), ...Object.keys(is)])) {
      if (annotations.has(keyword) || elsewhere.has(keyword)) continue
      const [left, right] = [was[keyword], is[keyword]]
      if (nested.has(keyword) && isSchema(left) && isSchema(right)) compare(left, right, `${path}/${keyword}`)
      else if (lists.has(keyword) && Array.isArray(left) && Array.isArray(right) && left.length === right.length)
        left.forEach((each: JsonSchema, n) => compare(each, right[n] as JsonSchema, `${path}/${keyword}/${n}`))
      else if (text(keyword, left) !== text(keyword, right)) found.push(`${path || '/'}: ${keyword} was ${show(left)}, is ${show(right)}`)
    }
  }

  function compareProperties(was: JsonSchema, is: JsonSchema, path: string): void {
    const { properties: left = {}, required: needed = [] } = was
    const { properties: right = {}, required: needs = [] } = is
    for (const name of new Set([...Object.keys(left), ...needed])) {
      const at = `${path}/${name}`
      if (left[name] && !right[name]) found.push(`${at}: was removed`)
      else if (needed.includes(name) !== needs.includes(name))
        found.push(needs.includes(name) ? `${at}: was optional, is required` : `${at}: was required, is optional`)
      if (left[name] && right[name]) compare(left[name], right[name], at)
    }
    for (const name of new Set([...Object.keys(right), ...needs])) {
      if (left[name] || needed.includes(name)) continue
      if (needs.includes(name)) found.push(`${path}/${name}: is new and required`)
      else if (!takesAnything(was)) found.push(`${path}/${name}: is new, and former receivers refuse properties that they do not know here`)
    }
  }

  compare(before, after, '')
  return found
}

function follow(root: JsonSchema, schema: JsonSchema): JsonSchema {
  if (!schema.$ref) return schema
  const { $ref, ...beside } = schema
  const target = $ref
    .split('/')
    .slice(1)
    .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], root)
  if (!target) throw new Error(`${$ref} leads nowhere`)
  return { ...follow(root, target as JsonSchema), ...beside }
}

function takesAnything({ additionalProperties: others = true }: JsonSchema): boolean {
  return others === true || (isSchema(others) && Object.keys(others).length === 0)
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Same text, same meaning: the order of types, of enumerated values and of keys says nothing. */
function text(keyword: string, value: unknown): string | undefined {
  const plain = sets.has(keyword) && Array.isArray(value) ? value.map((each) => JSON.stringify(each)).sort() : value
  return JSON.stringify(plain, (_, inner: unknown) =>
    isSchema(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}

function show(value: unknown): string {
  return value === undefined ? 'not said' : JSON.stringify(value)
}
