import { setTimeout as delay } from 'node:timers/promises'
import { Controller, Injectable } from '@nestjs/common'
import {
  addCustomField,
  changeCustomField,
  customRecords,
  getCustomField,
  indexCustomField,
  listCustomFields,
  mostCustomFields,
  type CustomRecord,
  type CustomValuesGiven,
  type Input,
  type ListQuery,
} from '@millrace/contracts'
import { customCell, customValue, Refusal, type CustomType, type CustomValue, type CustomValues } from '@millrace/domain'
import { visibleOwners } from '../access.js'
import { Clock } from '../clock.js'
import { context, inTenant } from '../context.js'
import { Database } from '../database.js'
import { Directory } from '../directory.js'
import type { Expressions, FieldKind } from '../expression.js'
import { Jobs } from '../jobs.js'
import type { CustomList } from '../list.js'
import { Serve } from '../operation-server.js'
import { Remembered } from '../remembered.js'
import { begun, type CustomRecords, type StoredChange, type Transaction } from '../transaction.js'
import { escapePointer, type FieldProblem } from '../validation.js'
import { CustomField, customFieldView, missingFields } from './custom-field.js'
import { customList, indexTexts } from './custom-list.js'

/** The fields of one kind of record by key, in the order of their positions. */
type Fields = ReadonlyMap<string, CustomField>

/** What a row or a request wishes for one record, and what the record has. */
interface Wish {
  readonly given: Readonly<Record<string, unknown>>
  readonly before: CustomValues
}

/** The values of a record after a wish, and what was wrong with it. */
export interface Read {
  readonly values: CustomValues
  readonly problems: FieldProblem[]
}

const indexedAtOnce = 1_000
const kinds: Record<CustomType, FieldKind> = {
  text: 'text',
  number: 'number',
  money: 'number',
  date: 'instant',
  choice: 'text',
  multi_choice: 'texts',
  user: 'text',
  account: 'text',
  link: 'text',
}

/**
 * Fields that a company adds to its records. A record that may have them keeps their values in its column `custom`; a use case asks `merged` for what
 * that becomes. Whatever is stored from then on is seen to by the transaction: required fields, the index, what events tell.
 */
@Injectable()
export class CustomFields implements CustomRecords {
  private readonly recent = new Remembered(() => this.load())
  private accounts: { readonly table: string; readonly owner: string | undefined } | undefined
  private stopped = false

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly jobs: Jobs,
  ) {
    database.custom = this
    jobs.every(30, 'index custom fields', () => this.buildIndexes())
    jobs.onStop(() => (this.stopped = true))
  }

  /** Said by a service's module: the table that it knows accounts by, and the column of their owner where sight depends on it. */
  accountsIn(table: string, owner?: string): void {
    this.accounts = { table, owner }
  }

  /** The fields of a record as they were at most a second ago; looks again when one of these keys is not among them. */
  async of(record: CustomRecord, keys: readonly string[] = []): Promise<Fields> {
    const fields = (await this.recent.get()).get(record) ?? none
    if (keys.every((key) => fields.has(key))) return fields
    this.recent.forget()
    return (await this.recent.get()).get(record) ?? none
  }

  private async load(): Promise<ReadonlyMap<CustomRecord, Fields>> {
    const rows = await this.database.query('SELECT * FROM custom_field ORDER BY record, position, id')
    const records = Map.groupBy(this.database.hydrate(CustomField, rows), ({ record }) => record)
    return new Map([...records].map(([record, fields]) => [record, new Map(fields.map((field) => [field.key, field]))] as const))
  }

  /**
   * What a record holds once it was given these values: merged by key, null removes. Refuses each that its field does not take, and, of a record that is
   * changed, what is required in its status and missing. (A new record's is seen to when it is stored.)
   */
  async merged(
    record: CustomRecord,
    given: CustomValuesGiven | undefined,
    before?: { readonly custom: CustomValues; readonly status?: string },
  ): Promise<CustomValues> {
    const fields = await this.of(record, Object.keys(given ?? {}))
    const [read] = given ? await this.read(fields, [{ given, before: before?.custom ?? {} }], (key) => `/custom/${escapePointer(key)}`) : []
    if (read?.problems.length) throw Refusal.invalid('request.invalid', { errors: read.problems })
    const values = read?.values ?? before?.custom ?? {}
    if (before) mustHave([...fields.values()], values, before.status, true)
    return values
  }

  /**
   * What a new record takes over from another one, such as an account from the lead that it was: the values whose key is a field of this kind of record
   * that takes them. Others stay where they are: nobody is there who could mend them.
   */
  async carried(record: CustomRecord, others: CustomValues | undefined): Promise<CustomValues> {
    if (!others) return {}
    const fields = await this.of(record)
    const given = Object.fromEntries(Object.entries(others).filter(([key]) => fields.has(key)))
    const [{ values, problems }] = (await this.read(fields, [{ given, before: {} }], (key) => key)) as [Read]
    return Object.fromEntries(Object.entries(values).filter(([key]) => !problems.some(({ pointer }) => pointer === key)))
  }

  /** Rows of a file, each with the cells of custom fields by key, as values. Options are named by key or label, colleagues by id, e-mail or name. */
  async fromCells(record: CustomRecord, rows: readonly Readonly<Record<string, string>>[]): Promise<Read[]> {
    const fields = await this.of(record, [...new Set(rows.flatMap((cells) => Object.keys(cells)))])
    const names = [...fields.values()].some(({ type, key }) => type === 'user' && rows.some((cells) => cells[key]))
    const colleagues = names ? await this.directory.byEmailOrName() : undefined
    const wishes = rows.map((cells) => {
      const given = Object.entries(cells).map(([key, cell]) => {
        const field = fields.get(key)
        if (field?.type === 'user') return [key, colleagues?.get(cell.toLowerCase())?.id ?? cell]
        return [key, field ? customCell(field, cell) : cell]
      })
      return { given: Object.fromEntries(given) as Record<string, unknown>, before: {} }
    })
    const read = await this.read(fields, wishes, (key) => `custom.${key}`)
    for (const { values, problems } of read)
      for (const { key } of missingFields([...fields.values()], values, undefined, true))
        problems.push({ pointer: `custom.${key}`, code: 'custom.required', detail: '' })
    return read
  }

  /** Rules that may also ask for the company's own fields of a record: `lead.custom.budget`. */
  async expressions(base: Expressions, record: CustomRecord): Promise<Expressions> {
    const fields = [...(await this.of(record)).values()]
    return base.with({ [record]: { custom: Object.fromEntries(fields.map(({ key, type }) => [key, kinds[type]] as const)) } })
  }

  /** What rules may ask for besides, with the kind of each: `custom.budget`. */
  async ruleFields(record: CustomRecord): Promise<Record<string, FieldKind>> {
    const fields = [...(await this.of(record)).values()]
    return Object.fromEntries(fields.map(({ key, type }) => [`custom.${key}`, kinds[type]] as const))
  }

  async stored(tx: Transaction, record: CustomRecord, changes: readonly StoredChange[]): Promise<void> {
    const changed = changes.flatMap(({ before, after }) => changedValues(before?.custom ?? {}, after))
    // What moves by itself (a day that has come, an event) has nobody who could fill a field in.
    const moved = context().actor ? changes.filter(({ before, after }) => !before || before.status !== after.status) : []
    if (!changed.length && !moved.length) return
    const fields = await this.of(
      record,
      changed.map(({ key }) => key),
    )
    const all = [...fields.values()]
    for (const { before, after } of moved) mustHave(all, after.custom, after.status, !before)
    if (!changed.length) return
    // The number of the transaction is taken before the fields are looked at: whoever builds an index waits for those that did not know of it.
    tx.send('SELECT pg_current_xact_id()')
    if (changes.some(({ before }) => before))
      tx.send(
        'DELETE FROM custom_value v USING unnest($2::text[], $3::text[]) AS given(id, key) WHERE v.tenant_id = $1 AND v.record_id = given.id AND v.field_key = given.key',
        [tx.tenant, changed.map(({ id }) => id), changed.map(({ key }) => key)],
      )
    this.index(tx, record, changed, fields)
  }

  private index(tx: Transaction, record: CustomRecord, given: readonly ChangedValue[], fields: Fields): void {
    const rows = given.flatMap(({ id, key, value }) => {
      const field = fields.get(key)
      return field && value !== undefined ? indexTexts(field, value).map((text) => ({ id, key, text })) : []
    })
    if (!rows.length) return
    tx.send(
      `INSERT INTO custom_value (record, field_key, value, record_id)
       SELECT f.record, f.key, given.value, given.id FROM unnest($2::text[], $3::text[], $4::text[]) AS given(key, value, id)
       JOIN custom_field f ON f.record = $1 AND f.key = given.key AND f.index_status <> 'none'
       ON CONFLICT DO NOTHING`,
      [record, rows.map(({ key }) => key), rows.map(({ text }) => text), rows.map(({ id }) => id)],
    )
  }

  async told(record: CustomRecord, values: CustomValues): Promise<CustomValues> {
    const fields = await this.of(record, Object.keys(values))
    return Object.fromEntries(Object.entries(values).filter(([key]) => fields.get(key)?.private === false))
  }

  async listing(record: CustomRecord, query: ListQuery): Promise<CustomList | undefined> {
    const keys = [...Object.keys(query), query.sort ?? ''].flatMap((name) => /^-?custom\.(\w+)/.exec(name)?.[1] ?? [])
    return keys.length ? customList(await this.of(record, keys), query) : undefined
  }

  async list(record: CustomRecord) {
    const fields = await this.database.findBy(CustomField, { record: this.mine(record) })
    return { data: fields.sort((a, b) => a.position - b.position).map(customFieldView), next: null }
  }

  async get(id: string) {
    return customFieldView(await this.database.get(CustomField, id))
  }

  add(record: CustomRecord, given: Input<typeof addCustomField>['body']): Promise<CustomField> {
    const { service } = customRecords[this.mine(record)]
    if (given.type === 'account' && !this.accounts) throw new Refusal('custom_field.not_here')
    return this.database.transaction(async (tx) => {
      tx.lockKeys([`custom fields of ${record}`])
      const known = await tx.findBy(CustomField, { record })
      const used = known.find(({ key }) => key === given.key)
      if (used) throw new Refusal('custom_field.key_used', { key: used.key, type: used.type, record })
      if (known.length >= mostCustomFields) throw new Refusal('custom_field.too_many', { limit: mostCustomFields })
      const field = CustomField.add(given, { ...begun(`${service}_custom_field`, this.clock.now()), record })
      await tx.insert(field)
      this.forgetAfter(tx)
      return field
    })
  }

  change(id: string, given: Input<typeof changeCustomField>['body']): Promise<CustomField> {
    return this.database.transaction(async (tx) => {
      const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
      const field = await tx.update((await tx.lock(CustomField, id)).change(said, this.clock.now()))
      this.forgetAfter(tx)
      return field
    })
  }

  /** Has lists find and sort by the field through an index; asked again, says how far it is. */
  requestIndex(id: string): Promise<CustomField> {
    return this.database.transaction(async (tx) => {
      const before = await tx.lock(CustomField, id)
      const field = before.index()
      if (field === before) return field
      await tx.update(field)
      this.forgetAfter(tx)
      const { tenantId } = context()
      tx.onCommit(() => this.jobs.begin('index custom fields', () => inTenant(tenantId, () => this.build(id))))
      return field
    })
  }

  private mine(record: CustomRecord): CustomRecord {
    if (!this.database.holds(record)) throw new Refusal('custom_field.not_here')
    return record
  }

  private forgetAfter(tx: Transaction): void {
    tx.onCommit(() => this.recent.forget())
  }

  /** Goes on with indexes that a stop interrupted, over all companies. */
  private async buildIndexes(): Promise<void> {
    const building = await inTenant('*', () =>
      this.database.query<{ tenant_id: string; id: string }>(
        `SELECT tenant_id, id FROM custom_field WHERE index_status = 'building' ORDER BY updated_at, id`,
      ),
    )
    for (const { tenant_id, id } of building) await inTenant(tenant_id, () => this.build(id))
  }

  /** Puts the records that were there before into the index, some at a time; two replicas at once take turns. */
  private async build(id: string): Promise<void> {
    if (!(await this.othersKnow())) return
    while (!this.stopped && (await this.buildOn(id)));
    this.recent.forget()
  }

  /** Waits for the transactions that stored records before they could know of the index. Not for ever: a later turn goes on. */
  private async othersKnow(): Promise<boolean> {
    const { next } = (await this.database.one<{ next: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next'))!
    for (let n = 0; n < 400 && !this.stopped; n += 1) {
      const { ended } = (await this.database.one<{ ended: boolean }>(
        'SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8 AS ended',
        [next],
      ))!
      if (ended) return true
      await delay(50)
    }
    return false
  }

  private buildOn(id: string): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const field = await tx.lock(CustomField, id)
      if (field.indexStatus !== 'building') return false
      // Locked, so that a value that somebody is changing is taken as it will be.
      const rows = await tx.query<{ id: string; value: CustomValue }>(
        `SELECT id, custom->$2 AS value FROM ${field.record} WHERE id > $1 AND custom->$2 IS NOT NULL ORDER BY id LIMIT $3 FOR SHARE`,
        [field.indexAfter, field.key, indexedAtOnce],
      )
      this.index(
        tx,
        field.record,
        rows.map(({ id: recordId, value }) => ({ id: recordId, key: field.key, value })),
        new Map([[field.key, field]]),
      )
      const more = rows.length === indexedAtOnce
      await tx.query('UPDATE custom_field SET index_after = $2, index_rows = index_rows + $3, index_status = $4 WHERE id = $1', [
        id,
        rows.at(-1)?.id ?? field.indexAfter,
        rows.length,
        more ? 'building' : 'ready',
      ])
      return more
    })
  }

  /** What each record holds after its wish. Colleagues and accounts are looked up for all of them together. */
  private async read(fields: Fields, wishes: readonly Wish[], pointer: (key: string) => string): Promise<Read[]> {
    const named: Record<'user' | 'account', Set<string>> = { user: new Set(), account: new Set() }
    const reads = wishes.map(({ given, before }) => {
      const values: Record<string, CustomValue> = { ...before }
      const problems: FieldProblem[] = []
      const references: { key: string; type: 'user' | 'account'; id: string }[] = []
      for (const [key, wish] of Object.entries(given)) {
        if (wish !== null && JSON.stringify(wish) === JSON.stringify(before[key])) continue // who sends back what he read changes nothing
        try {
          const value = valueFor(fields.get(key), wish)
          if (value === null) delete values[key]
          else values[key] = value
          const type = fields.get(key)?.type
          if (value !== null && (type === 'user' || type === 'account')) {
            references.push({ key, type, id: value as string })
            named[type].add(value as string)
          }
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
          problems.push({ pointer: pointer(key), code: error.code, detail: '', details: error.details })
        }
      }
      return { values, problems, references }
    })
    const known = {
      user: await this.activeColleagues([...named.user]),
      account: await this.knownAccounts([...named.account]),
    }
    return reads.map(({ values, problems, references }) => ({
      values,
      problems: [
        ...problems,
        ...references
          .filter(({ type, id }) => !known[type].has(id))
          .map(({ key, type }) => ({ pointer: pointer(key), code: `custom.unknown_${type}`, detail: '' })),
      ],
    }))
  }

  private async activeColleagues(ids: readonly string[]): Promise<Set<string>> {
    if (!ids.length) return new Set()
    const rows = await this.database.query<{ id: string }>('SELECT id FROM directory_user WHERE id = ANY($1::text[]) AND active', [ids])
    return new Set(rows.map(({ id }) => id))
  }

  private async knownAccounts(ids: readonly string[]): Promise<Set<string>> {
    if (!ids.length || !this.accounts) return new Set()
    const { table, owner } = this.accounts
    const visible = owner && context().permission ? visibleOwners(owner, 1) : undefined
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM ${table} WHERE id = ANY($1::text[])${visible ? ` AND ${visible.sql}` : ''}`,
      [ids, ...(visible?.values ?? [])],
    )
    return new Set(rows.map(({ id }) => id))
  }
}

const none: Fields = new Map()

function valueFor(field: CustomField | undefined, wish: unknown): CustomValue | null {
  if (!field) throw Refusal.invalid('custom.unknown_field')
  if (!field.active) throw Refusal.invalid('custom.retired_field')
  return customValue(field, wish)
}

interface ChangedValue {
  readonly id: string
  readonly key: string
  /** None: the record has no such value any more. */
  readonly value: CustomValue | undefined
}

function changedValues(before: CustomValues, { id, custom: after }: StoredChange['after']): ChangedValue[] {
  if (before === after) return []
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => ({ id, key, value: after[key] }))
}

/** Refuses a record in which something is missing that its status requires, naming the fields. */
function mustHave(fields: readonly CustomField[], custom: CustomValues, status: string | undefined, isNew: boolean): void {
  const missing = missingFields(fields, custom, status, isNew)
  if (!missing.length || !context().actor) return
  const errors = missing.map(({ key }) => ({ pointer: `/custom/${key}`, code: 'custom.required', detail: '' }))
  throw new Refusal('custom.missing', { fields: missing.map(({ label }) => label), errors }, isNew ? 'invalid' : 'refused')
}

@Controller()
export class CustomFieldController {
  constructor(private readonly fields: CustomFields) {}

  @Serve(listCustomFields)
  list({ query }: Input<typeof listCustomFields>) {
    return this.fields.list(query.record)
  }

  @Serve(addCustomField)
  async add({ query, body }: Input<typeof addCustomField>) {
    return customFieldView(await this.fields.add(query.record, body))
  }

  @Serve(getCustomField)
  get({ params }: Input<typeof getCustomField>) {
    return this.fields.get(params.id)
  }

  @Serve(changeCustomField)
  async change({ params, body }: Input<typeof changeCustomField>) {
    return customFieldView(await this.fields.change(params.id, body))
  }

  @Serve(indexCustomField)
  async index({ params }: Input<typeof indexCustomField>) {
    return customFieldView(await this.fields.requestIndex(params.id))
  }
}
