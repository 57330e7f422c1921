import { customRecords, type addCustomField, type CustomFieldView, type CustomRecord, type Input } from '@millrace/contracts'
import { Refusal, type CustomOption, type CustomRule, type CustomType, type CustomValues } from '@millrace/domain'
import type { z } from 'zod'
import { context } from '../context.js'
import { aggregateSchema } from '../schema.js'

type Given = Input<typeof addCustomField>['body']
type Base = Pick<CustomField, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'record'>
type Changing = Partial<Pick<CustomField, 'labels' | 'help' | 'options' | 'required' | 'position' | 'private' | 'active'>>

/** A field that a company has added to a kind of record. Every method returns the field as it is afterwards, or refuses. */
export class CustomField implements CustomRule {
  declare readonly id: `${string}_custom_field_${string}`
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly record: CustomRecord
  declare readonly key: string
  declare readonly type: CustomType
  declare readonly decimals: number | null
  declare readonly currency: string | null
  declare readonly labels: { readonly en: string; readonly 'zh-CN': string }
  declare readonly help: { readonly en: string; readonly 'zh-CN': string } | null
  declare readonly options: readonly (CustomOption & { readonly labels: CustomField['labels'] })[]
  /** `never`, `always`, or the status of the record from which on. */
  declare readonly required: string
  declare readonly position: number
  declare readonly private: boolean
  declare readonly active: boolean
  declare readonly indexStatus: 'none' | 'building' | 'ready'
  /** The last record that the building of the index has come to, and how many it put in so far. */
  declare readonly indexAfter: string
  declare readonly indexRows: number

  static add({ decimals, currency, ...given }: Given, base: Base): CustomField {
    const { type } = given
    if (decimals !== undefined && type !== 'number') throw wrongDetail('decimals', 'number')
    if (currency !== undefined && type !== 'money') throw wrongDetail('currency', 'money')
    if (type === 'money' && !currency) throw Refusal.invalid('custom_field.no_currency')
    return checked(
      Object.assign(Object.create(CustomField.prototype) as CustomField, base, given, {
        decimals: type === 'number' ? (decimals ?? 0) : null,
        currency: currency ?? null,
        active: true,
        indexStatus: 'none',
        indexAfter: '',
        indexRows: 0,
      }),
    )
  }

  change(data: Changing, at: Date): CustomField {
    const removed = this.options.find(({ key }) => data.options && !data.options.some((option) => option.key === key))
    if (removed) throw new Refusal('custom_field.option_removed', { option: removed.key })
    return checked(this.with({ ...data, updatedAt: at }))
  }

  /** From now on lists find and sort by it through an index, once that is built. */
  index(): CustomField {
    if (this.indexStatus !== 'none') return this
    if (!this.active) throw new Refusal('custom_field.not_indexable')
    return this.with({ indexStatus: 'building' })
  }

  /** Whether a record in this status has to have a value. `isNew`: somebody adds or changes it, and does not only move it on. */
  isRequired(status: string | undefined, isNew: boolean): boolean {
    if (!this.active || this.required === 'never') return false
    const statuses: readonly string[] = customRecords[this.record].statuses
    const at = statuses.indexOf(status ?? '')
    return this.required === 'always' ? isNew || at >= 0 : at >= statuses.indexOf(this.required)
  }

  /** What it is called, in the reader's language. */
  get label(): string {
    return `${this.labels[context().language]} (${this.key})`
  }

  private with(change: Partial<CustomField>): CustomField {
    return Object.assign(Object.create(CustomField.prototype) as CustomField, this, change)
  }
}

export const CustomFieldSchema = aggregateSchema(CustomField, 'custom_field', {
  record: 'text',
  key: 'text',
  type: 'text',
  decimals: 'integer?',
  currency: 'text?',
  labels: 'json',
  help: 'json?',
  options: 'json',
  required: 'text',
  position: 'integer',
  private: 'boolean',
  active: 'boolean',
  indexStatus: 'text',
  indexAfter: 'text',
  indexRows: 'integer',
})

/** A field as the API shows it. */
export function customFieldView({ journeyId: _, indexStatus: status, indexAfter: _a, indexRows: rows, ...field }: CustomField) {
  return {
    ...field,
    options: [...field.options],
    required: field.required as z.infer<typeof CustomFieldView>['required'],
    index: { status, rows },
  }
}

/** The fields that a record in this status has to have and has not. */
export function missingFields(
  fields: readonly CustomField[],
  custom: CustomValues,
  status: string | undefined,
  isNew: boolean,
): CustomField[] {
  return fields.filter((field) => field.isRequired(status, isNew) && !Object.hasOwn(custom, field.key))
}

function checked(field: CustomField): CustomField {
  const { type, options, required, record } = field
  const chooses = type === 'choice' || type === 'multi_choice'
  if (options.length && !chooses) throw wrongDetail('options', 'choice, multi_choice')
  if (chooses && !options.length) throw Refusal.invalid('custom_field.no_options')
  const twice = options.find(({ key }, n) => options.findIndex((option) => option.key === key) < n)
  if (twice) throw Refusal.invalid('custom_field.option_twice', { option: twice.key })
  const possible = ['never', 'always', ...customRecords[record].statuses]
  if (!possible.includes(required)) throw Refusal.invalid('custom_field.no_such_status', { record, possible })
  return field
}

function wrongDetail(detail: string, types: string): Refusal {
  return Refusal.invalid('custom_field.wrong_detail', { detail, types })
}
