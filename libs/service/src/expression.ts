import { Refusal } from '@millrace/domain'
import { Environment, type ASTNode } from '@marcbachmann/cel-js'

/** What a field of an expression holds. Nothing known is '' for a text and an empty list; of other kinds it is absent (`has(lead.employees)`). */
export type FieldKind = 'text' | 'number' | 'flag' | 'instant' | 'texts'

/** The fields of an expression by variable: `{ lead: { country: 'text', employees: 'number' } }`. */
export type Fields = Readonly<Record<string, Group>>

/** Fields by name; some of them stand together under a name of their own: `{ custom: { budget: 'number' } }`. */
type Group = { readonly [field: string]: FieldKind | Group }

/** Values by variable and field. Null and undefined are what is not known. */
export type Values = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** A rule that somebody wrote, read and checked once. */
export interface Expression<Result> {
  readonly source: string
  /** Its result at an instant (`now` in the rule); undefined when it asks for what is not known. */
  of(values: Values, now?: Date): Result | undefined
}

const celTypes: Record<FieldKind, string> = {
  text: 'string',
  number: 'double',
  flag: 'bool',
  instant: 'google.protobuf.Timestamp',
  texts: 'list<string>',
}
const limits = { maxAstNodes: 300, maxDepth: 30, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 10 }
/** Steps that the evaluation may take at most: a step is well under a microsecond. */
const mostSteps = 50_000
const longestList = 100
const longestSource = 2_000
/** They go through a list, and what is inside them is done for each of its elements. */
const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])
/** A pattern or a binding can make a short rule run for ever. */
const forbidden = new Set(['matches', 'bind', 'json'])
const remembered = 1_000

/**
 * Rules that users write, in CEL (Common Expression Language), over declared fields. What they cost is known before they run: nothing in them
 * repeats but walks through a list, so an expression that could take more than its budget of steps is refused when it is written.
 */
export class Expressions {
  private readonly environment = new Environment({ limits })
  private readonly known = new Map<string, Expression<unknown>>()
  private readonly extended = new Map<string, Expressions>()
  private readonly ready: ReadonlyMap<string, WeakMap<object, Record<string, unknown>>>

  constructor(private readonly fields: Fields) {
    this.ready = new Map(Object.keys(fields).map((name) => [name, new WeakMap()]))
    for (const [name, kinds] of Object.entries(fields))
      this.environment.registerVariable({
        name,
        schema: schemaOf(kinds) as never,
      })
    this.environment.registerVariable('now', celTypes.instant)
    // People write whole numbers beside fields that may have decimals.
    for (const [sign, work] of Object.entries(arithmetic)) {
      this.environment.registerOperator(`double ${sign} int: double`, (a: number, b: bigint) => work(a, Number(b)))
      this.environment.registerOperator(`int ${sign} double: double`, (a: bigint, b: number) => work(Number(a), b))
    }
  }

  /** The same with further fields: those that a company has added to its records. Companies with the same fields share what was read. */
  with(more: Fields): Expressions {
    const key = JSON.stringify(more)
    const known = this.extended.get(key)
    if (known) return known
    const names = new Set([...Object.keys(this.fields), ...Object.keys(more)])
    const expressions = new Expressions(Object.fromEntries([...names].map((name) => [name, { ...this.fields[name], ...more[name] }])))
    if (this.extended.size >= remembered) this.extended.clear()
    this.extended.set(key, expressions)
    return expressions
  }

  /** What rules see of a record, field by field: `country`, and of the company's own fields `custom.budget`. */
  seen(variable: string, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const { custom, ...own } = filled(this.fields[variable] ?? {}, values)
    const more = Object.entries((custom ?? {}) as Record<string, unknown>).map(([key, value]) => [`custom.${key}`, value] as const)
    return { ...own, ...Object.fromEntries(more) }
  }

  /** A condition. It does not hold where it asks for what is not known. */
  condition(source: string): Expression<boolean> {
    return this.read(source, 'bool') as Expression<boolean>
  }

  /** A number. */
  number(source: string): Expression<number> {
    return this.read(source, 'number') as Expression<number>
  }

  /** Refuses with the place (`position` counts characters from 0) and the reason what cannot be read, has another type or would take too long. */
  private read(source: string, wanted: 'bool' | 'number'): Expression<unknown> {
    const key = `${wanted} ${source}`
    const known = this.known.get(key)
    if (known) return known
    if (source.length > longestSource) throw refused(0, `it is longer than ${longestSource} characters`)
    const { valid, type, error } = this.environment.check(source)
    if (!valid) throw refused(error?.range?.start ?? 0, error?.summary ?? 'it cannot be read')
    if (wanted === 'bool' ? type !== 'bool' : type !== 'int' && type !== 'double')
      throw refused(0, wanted === 'bool' ? `it is a ${type}, not true or false` : `it is a ${type}, not a number`)
    const evaluate = this.environment.parse(source)
    const { steps } = costOf(evaluate.ast)
    if (steps > mostSteps) throw refused(0, `it could take ${steps} steps; ${mostSteps} are allowed`)
    const expression: Expression<unknown> = {
      source,
      of: (values, now) => {
        try {
          const result: unknown = evaluate({ now, ...this.given(values) })
          return typeof result === 'bigint' ? Number(result) : result
        } catch {
          return undefined // CEL’s answer to what is absent, and to a division by zero
        }
      },
    }
    if (this.known.size >= remembered) this.known.clear()
    this.known.set(key, expression)
    return expression
  }

  /** What rules see, by variable. Many rules ask about one record: it is made ready for them once. */
  private given(values: Values): Record<string, unknown> {
    const given: Record<string, unknown> = {}
    for (const [name, group] of Object.entries(this.fields)) {
      const [record, ready] = [values[name] ?? {}, this.ready.get(name)!]
      if (!ready.has(record)) ready.set(record, filled(group, record))
      given[name] = ready.get(record)
    }
    return given
  }
}

function schemaOf(group: Group): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(group).map(([field, kind]) => [field, typeof kind === 'string' ? celTypes[kind] : schemaOf(kind)]),
  )
}

function filled(group: Group, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = Object.entries(group).flatMap(([field, kind]) => {
    if (typeof kind !== 'string') return [[field, filled(kind, (values[field] ?? {}) as Record<string, unknown>)] as const]
    const value = values[field] ?? (kind === 'text' ? '' : kind === 'texts' ? [] : undefined)
    return value === undefined ? [] : [[field, asKind(kind, value)] as const]
  })
  return Object.fromEntries(known)
}

/** A rule compares and does not book: of decimal text and amounts it sees the nearest number, of a day its beginning in UTC. */
function asKind(kind: FieldKind, value: unknown): unknown {
  if (kind === 'texts') return (value as unknown[]).slice(0, longestList)
  if (kind === 'instant' && typeof value === 'string') return new Date(value)
  if (kind !== 'number') return value
  return Number(typeof value === 'object' && value !== null && 'amount' in value ? value.amount : value)
}

const arithmetic: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
}

/** How many steps a part of an expression takes at most. Throws where something is used that has no bound. */
function costOf(node: ASTNode): { steps: number } {
  const called = node.op === 'call' || node.op === 'rcall' ? (node.args[0] as string) : undefined
  if (called && forbidden.has(called)) throw refused(node.range.start, `${called} cannot be used here`)
  const inner = partsOf(node.args).reduce((sum, part) => sum + costOf(part).steps, 0)
  return { steps: 1 + (called && loops.has(called) ? inner * longestList : inner) }
}

function partsOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(partsOf)
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : []
}

function refused(position: number, reason: string): Refusal {
  return Refusal.invalid('expression.malformed', { position, reason })
}
