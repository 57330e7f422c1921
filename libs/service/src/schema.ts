import { customRecords, type CustomRecord } from '@millrace/contracts'
import { Money, Ratio, tokensOfFields, type Currency, type SearchedField, type SearchedText } from '@millrace/domain'
import { EntitySchema, type EntityMetadata, type EntitySchemaColumnOptions, type EntitySchemaEmbeddedColumnOptions } from 'typeorm'

type Kind = 'text' | 'integer' | 'bigint' | 'boolean' | 'instant' | 'day' | 'json' | 'ratio' | 'money'
type KindFor<T> = null extends T ? `${Kind}?` : Kind

/** How the columns of a domain class are stored: one kind a property, with `?` when it may be null. */
export type Columns<T> = { readonly [K in keyof T as T[K] extends (...args: never) => unknown ? never : K]?: KindFor<T[K]> }

interface Anyone {
  prototype: object
}

type Instance<C> = C extends { prototype: infer T } ? T : never

const sqlTypes = {
  text: 'text',
  integer: 'int4',
  bigint: 'int8',
  boolean: 'boolean',
  instant: 'timestamptz',
  day: 'date',
  json: 'jsonb',
  ratio: 'numeric',
} as const

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** TypeORM's own prefix would write `totalMinor`. It finds embedded columns by the schema's name, so each property has one of its own. */
function moneyColumns(property: string) {
  const schema = new EntitySchema<{ minor: bigint; currency: string }>({
    name: `money ${property}`,
    columns: {
      minor: { name: `${snake(property)}_minor`, type: 'int8' },
      currency: { name: `${snake(property)}_currency`, type: 'text' },
    },
  })
  return { schema, prefix: false }
}

/** The fields that records of a class are found by in the search, with what kind of text they hold; the first is what they are called. */
export type FoundBy<T> = { readonly [K in keyof T]?: SearchedText }

const foundBy = new WeakMap<object, FoundBy<object>>()

/** Lets records of a class be searched for: what they are found by is kept in `<table>_search` with each insert and update. */
export function searchable<C extends Anyone>(target: C, found: FoundBy<Instance<C>>): void {
  foundBy.set(target, found)
}

/**
 * Says how a domain class is stored: an aggregate has `id`, `version`, `journeyId`, `createdAt` and `updatedAt` besides its own columns;
 * names are snake_case; a Money takes two columns (`total_minor`, `total_currency`).
 */
export function aggregateSchema<C extends Anyone>(target: C, table: string, columns: Columns<Instance<C>>): EntitySchema {
  return build(target, table, {
    id: 'text',
    version: 'integer',
    journeyId: 'text?',
    createdAt: 'instant',
    updatedAt: 'instant',
    ...(columns as Record<string, string>),
  })
}

/** Says how rows that belong to an aggregate are stored (lines, steps). They have an `id` and no version of their own. */
export function rowSchema<C extends Anyone>(target: C, table: string, columns: Columns<Instance<C>>): EntitySchema {
  return build(target, table, { id: 'text', ...(columns as Record<string, string>) })
}

function build(target: Anyone, table: string, kinds: Record<string, string>): EntitySchema {
  const columns: Record<string, EntitySchemaColumnOptions> = {}
  const embeddeds: Record<string, EntitySchemaEmbeddedColumnOptions> = {}
  for (const [property, kind] of Object.entries(kinds)) {
    const nullable = kind.endsWith('?')
    const plain = (nullable ? kind.slice(0, -1) : kind) as Kind
    if (plain === 'money') embeddeds[property] = moneyColumns(property)
    else columns[property] = { name: snake(property), type: sqlTypes[plain], nullable, primary: property === 'id' }
  }
  return new EntitySchema({ name: table, tableName: table, target: target as never, columns, embeddeds } as never)
}

/** One stored column of a mapped class. */
interface StoredColumn {
  readonly name: string
  readonly sqlType: string
  read(entity: Record<string, any>): unknown
}

/** The SQL of one mapped class, worked out once from TypeORM's metadata. */
export class Table<T extends object = object> {
  readonly name: string
  readonly noun: string
  readonly versioned: boolean
  /** The kind of record, when a company may add fields to it: it has a column `custom`. */
  readonly custom: CustomRecord | undefined
  readonly columns: readonly StoredColumn[]
  /** All columns for a SELECT. */
  readonly columnNames: string
  /** API field → SQL expression and type, for filters and sorting; money is compared by its minor units. */
  readonly fields = new Map<string, { sql: string; type: string; nullable: boolean }>()
  /** One statement that inserts any number of values. */
  readonly insertSql: string
  /** Updates one value, guarded by its version. The last two parameters are id and expected version. */
  readonly updateSql: string
  /** Updates any number of values that are locked, by one statement. */
  readonly updateAllSql: string
  /** What its records are found by in the search, in this order; empty: they are not searched for. */
  readonly found: readonly (readonly [property: string, kind: SearchedText])[]
  private readonly changing: readonly StoredColumn[]
  private readonly prototype: object
  private readonly plain: { property: string; column: string; ratio: boolean }[] = []
  private readonly moneys: { property: string; minor: string; currency: string }[] = []

  constructor(metadata: EntityMetadata) {
    this.name = metadata.tableName
    this.noun = metadata.tableName.replaceAll('"', '') // a noun that SQL keeps for itself is quoted: "user"
    this.prototype = (metadata.target as Anyone).prototype
    this.found = Object.entries(foundBy.get(metadata.target as object) ?? {}) as [string, SearchedText][]
    const columns: StoredColumn[] = []
    for (const column of metadata.columns) {
      const [property, part] = column.propertyPath.split('.') as [string, string | undefined]
      const sqlType = String(column.type)
      const name = column.databaseName
      if (part) {
        columns.push({ name, sqlType, read: (entity) => entity[property]?.[part] ?? null })
        if (part === 'minor') {
          this.moneys.push({ property, minor: name, currency: name.replace(/minor$/, 'currency') })
          this.fields.set(property, { sql: name, type: sqlType, nullable: true })
        }
        continue
      }
      const json = sqlType === 'jsonb'
      this.plain.push({ property, column: name, ratio: sqlType === 'numeric' })
      this.fields.set(property, { sql: name, type: sqlType, nullable: column.isNullable })
      columns.push({
        name,
        sqlType,
        read: (entity) => {
          const value = entity[property] ?? null
          if (value === null) return null
          if (json) return JSON.stringify(value)
          return value instanceof Ratio ? value.toDecimal(12) : value
        },
      })
    }
    this.columns = columns
    this.custom =
      columns.some(({ name }) => name === 'custom') && Object.hasOwn(customRecords, this.noun) ? (this.noun as CustomRecord) : undefined
    this.columnNames = columns.map(({ name }) => name).join(', ')
    this.versioned = columns.some(({ name }) => name === 'version')
    const given = columns.map(({ sqlType }, n) => `$${n + 1}::${sqlType === 'jsonb' ? 'text' : sqlType}[]`)
    const values = columns.map(({ name, sqlType }) => (sqlType === 'jsonb' ? `${name}::jsonb` : name))
    this.insertSql = `INSERT INTO ${this.name} (${this.columnNames}) SELECT ${values.join(', ')} FROM unnest(${given.join(', ')}) AS given(${this.columnNames})`
    this.changing = columns.filter(({ name }) => name !== 'id' && name !== 'version' && name !== 'created_at')
    const set = this.changing.map(({ name, sqlType }, n) => `${name} = $${n + 1}::${sqlType}`).join(', ')
    const types = this.changing.map(({ sqlType }, n) => `$${n + 2}::${sqlType === 'jsonb' ? 'text' : sqlType}[]`)
    const all = this.changing.map(({ name, sqlType }) => `${name} = given.${name}${sqlType === 'jsonb' ? '::jsonb' : ''}`).join(', ')
    this.updateAllSql =
      `UPDATE ${this.name} SET ${all}${this.versioned ? `, version = ${this.name}.version + 1` : ''} FROM unnest($1::text[], ${types.join(', ')}) ` +
      `AS given(id, ${this.changing.map(({ name }) => name).join(', ')}) WHERE ${this.name}.id = given.id`
    const last = this.changing.length
    this.updateSql = `UPDATE ${this.name} SET ${set}${this.versioned ? ', version = version + 1' : ''} WHERE id = $${last + 1}${this.versioned ? ` AND version = $${last + 2}` : ''}`
  }

  /** The domain value that a row stands for. */
  hydrate(row: Record<string, any>): T {
    const entity = Object.create(this.prototype) as Record<string, unknown>
    for (const { property, column, ratio } of this.plain) {
      const value = row[column]
      entity[property] = ratio && typeof value === 'string' ? Ratio.parse(value) : value
    }
    for (const { property, minor, currency } of this.moneys) {
      entity[property] = row[minor] === null ? null : Money.of(row[minor] as bigint, row[currency] as Currency)
    }
    return entity as T
  }

  /** The texts that a record is found by, as far as it has them. */
  searched(entity: object): SearchedField[] {
    return this.found.flatMap(([field, kind]) => {
      const text = (entity as Record<string, unknown>)[field]
      return typeof text === 'string' && text ? [{ field, kind, text }] : []
    })
  }

  isFoundAlike(one: object, other: object): boolean {
    return this.found.every(([field]) => (one as Record<string, unknown>)[field] === (other as Record<string, unknown>)[field])
  }

  /** The tokens that lead to a record. */
  searchTokens(entity: object): string[] {
    return tokensOfFields(this.searched(entity))
  }

  rowValues(entity: T): unknown[] {
    return this.columns.map((column) => column.read(entity))
  }

  insertValues(entities: readonly T[]): unknown[] {
    return this.columns.map((column) => entities.map((entity) => column.read(entity)))
  }

  updateAllValues(entities: readonly (T & { id?: string })[]): unknown[] {
    return [entities.map(({ id }) => id), ...this.changing.map((column) => entities.map((entity) => column.read(entity)))]
  }

  updateValues(entity: T & { id?: string; version?: number }): unknown[] {
    const set = this.changing.map((column) => column.read(entity))
    return this.versioned ? [...set, entity.id, entity.version] : [...set, entity.id]
  }
}
