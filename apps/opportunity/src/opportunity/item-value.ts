import { isCalendarDate, isId, Money, Refusal, type Id } from '@millrace/domain'
import type { RoadItem } from './road.js'

/** The answer to a checklist item, as its kind has it. */
export type ItemValue =
  | string
  | true
  | { readonly amount: string; readonly currency: string }
  | { readonly choice: string; readonly detail?: string | undefined }
  | { readonly contactId: Id<'contact'>; readonly role: string }
  | { readonly name: string; readonly url: string }

/** What each kind of item takes, in words for the refusal. */
const expected: Record<string, string> = {
  text: 'text',
  number: 'a decimal number as text, e.g. "12.5"',
  money: '{ amount, currency }',
  date: 'a day, e.g. "2026-11-21"',
  tick: 'true',
  choice: '{ choice }, one of its options',
  contact_role: '{ contactId, role }',
  visit: 'the id of an activity',
  quote: 'the id of a quote',
  contract: 'the id of a contract',
  file: '{ name, url }',
  image: '{ name, url }',
}

/** The value, checked against the item's kind; refuses `opportunity.wrong_value`. */
export function answerTo(item: Pick<RoadItem, 'key' | 'kind' | 'options'>, value: ItemValue): ItemValue {
  if (!fits(item, value))
    throw Refusal.invalid('opportunity.wrong_value', {
      item: item.key,
      kind: item.kind,
      expected: item.kind === 'choice' ? `${expected['choice']}: ${item.options.join(', ')}` : expected[item.kind],
    })
  return value
}

function fits({ kind, options }: Pick<RoadItem, 'kind' | 'options'>, value: ItemValue): boolean {
  if (value === true) return kind === 'tick'
  if (typeof value === 'string') {
    if (kind === 'text') return true
    if (kind === 'number') return /^-?\d{1,15}(\.\d{1,12})?$/.test(value)
    if (kind === 'date') return isCalendarDate(value)
    if (kind === 'visit') return isId('activity', value)
    return (kind === 'quote' || kind === 'contract') && isId(kind, value)
  }
  if ('amount' in value) return kind === 'money' && Boolean(Money.parse(value.amount, value.currency))
  if ('choice' in value) return kind === 'choice' && options.includes(value.choice)
  if ('contactId' in value) return kind === 'contact_role'
  return kind === 'file' || kind === 'image'
}
