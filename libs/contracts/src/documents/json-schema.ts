import { z } from 'zod'

/** A JSON schema, or a part of one. */
export interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly description?: string
  readonly [keyword: string]: unknown
}

/**
 * Turns zod shapes into the JSON schemas of what is sent over the wire. A shape with a name (`.meta({ id })`) is kept once and referred to.
 * Refuses two different shapes of one name.
 */
export class Schemas {
  private readonly kept = new Map<string, JsonSchema>()

  /** `at`: where the document keeps its named schemas. */
  constructor(
    private readonly at: string,
    private readonly draft: 'draft-2020-12' | 'draft-07' = 'draft-2020-12',
  ) {}

  /** The named schemas met so far, by name. */
  get named(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.kept].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  of(shape: z.ZodType): JsonSchema {
    // The shape is wrapped, so that one with a name becomes a reference too. What is on the wire is the input side, of answers and events as well.
    const wrapped = z.toJSONSchema(z.object({ shape }), { io: 'input', target: this.draft, unrepresentable: 'any', override: tidy })
    const { properties, $defs, definitions } = JSON.parse(
      JSON.stringify(wrapped).replace(/"\$ref":"#\/(?:\$defs|definitions)\//g, `"$ref":"${this.at}`),
    ) as JsonSchema & { definitions?: Record<string, JsonSchema> }
    for (const [name, schema] of Object.entries($defs ?? definitions ?? {})) this.keep(name, schema)
    return properties!['shape']!
  }

  /** What a reference refers to. */
  resolve(schema: JsonSchema): JsonSchema {
    return schema.$ref ? this.kept.get(schema.$ref.slice(this.at.length))! : schema
  }

  private keep(name: string, schema: JsonSchema) {
    const former = this.kept.get(name)
    if (former && JSON.stringify(former) !== JSON.stringify(schema)) throw new Error(`two different shapes are called ${name}`)
    this.kept.set(name, schema)
  }
}

/** Leaves out what zod says at length and nobody needs: a `type` from meta speaks for the whole, a format needs no pattern of 300 characters. */
function tidy({ zodSchema, jsonSchema: schema }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const patterns = (zodSchema as z.core.$ZodType)._zod.bag['patterns'] as Set<RegExp> | undefined
  for (const pattern of patterns ?? [])
    if (pattern.ignoreCase) throw new Error(`${String(pattern)}: JSON Schema knows no flags, so write both cases down`)
  if (schema.type && schema.anyOf) delete schema.anyOf
  if (schema.format === 'date-time' || schema.format === 'date') delete schema.pattern
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
}
