import { isCalendarDate } from './calendar-date.js'
import { isId } from './id.js'
import { Money } from './money.js'
import { Refusal } from './refusal.js'

/** What a field that a company adds to its records may hold. */
export const customTypes = ['text', 'number', 'money', 'date', 'choice', 'multi_choice', 'user', 'account', 'link'] as const
export type CustomType = (typeof customTypes)[number]

/** One value as it is stored and sent: a text, a day, a decimal text, a key or an id; the keys of a multi_choice; an amount with its currency. */
export type CustomValue = string | string[] | { amount: string; currency: string }

/** The values of a record in its company's own fields, by key. A field without a value is absent. */
export type CustomValues = Readonly<Record<string, CustomValue>>

/** One of the answers that a choice offers. A retired one stays where it was chosen and is not chosen any more. */
export interface CustomOption {
  readonly key: string
  readonly labels: Readonly<Record<string, string>>
  readonly active: boolean
}

/** What decides which values a field takes. */
export interface CustomRule {
  readonly type: CustomType
  /** Of a number: digits after the point at most. */
  readonly decimals: number | null
  /** Of money: the one currency of its amounts. */
  readonly currency: string | null
  /** Of a choice. */
  readonly options: readonly CustomOption[]
}

/** Characters of a text or link at most: an index takes no longer ones. */
export const longestCustomText = 500
export const mostCustomDecimals = 9

const printable = /^(?:[^\p{Cc}\p{Cs}]|[\n\t\r])*$/u
const decimal = /^(-?)0*(\d{1,15})(?:\.(?=\d)(\d{0,9}?)0*)?$/
const address = /^(?:https:\/\/|mailto:[^\s@]+@)\S+$/i

/** The value in the one way it is written, null for none. Refuses with what it must be: `custom.not_a_number`, `custom.unknown_option`, … */
export function customValue(rule: CustomRule, given: unknown): CustomValue | null {
  if (given === null) return null
  switch (rule.type) {
    case 'text':
      return textOf(given)
    case 'number':
      return numberOf(rule, given)
    case 'money':
      return moneyOf(rule, given)
    case 'date':
      if (!isCalendarDate(given)) throw Refusal.invalid('date.malformed')
      return given
    case 'choice':
      return optionOf(rule, given)
    case 'multi_choice':
      return optionsOf(rule, given)
    case 'user':
    case 'account':
      if (typeof given !== 'string' || !isId(rule.type, given)) throw Refusal.invalid('custom.not_an_id', { noun: rule.type })
      return given
    case 'link':
      return linkOf(given)
  }
}

/** A cell of a file as the value that a program would send: options by key or label, several of them with | or ; between. */
export function customCell(rule: CustomRule, cell: string): unknown {
  const option = (text: string) =>
    rule.options.find(({ key }) => key === text)?.key ??
    rule.options.find(({ labels }) => Object.values(labels).some((label) => label.toLowerCase() === text.toLowerCase()))?.key ??
    text
  if (rule.type === 'money') return { amount: cell, currency: rule.currency }
  if (rule.type === 'choice') return option(cell)
  if (rule.type !== 'multi_choice') return cell
  return cell
    .split(/[|;；、]/)
    .map((part) => part.trim())
    .filter(Boolean)
    .map(option)
}

/** The texts that a value is compared by, before they are made to sort: an amount without its currency, each key of a multi_choice. */
export function customTexts(value: CustomValue): readonly string[] {
  if (Array.isArray(value)) return value
  return typeof value === 'string' ? [value] : [value.amount]
}

/** A text that sorts, byte by byte, as the values of the field do: -10 before -9.5 before 0 before 2 before 10. Refuses what is no such value. */
export function sortableText({ type, currency }: Pick<CustomRule, 'type' | 'currency'>, text: string): string {
  if (type === 'money') return sortableWhole(Money.parse(text, currency ?? '').minor, 19)
  if (type !== 'number') return text
  const [, sign, units, decimals = ''] = decimal.exec(text) ?? []
  if (units === undefined) throw Refusal.invalid('custom.not_a_number')
  return sortableWhole(BigInt(`${sign}${units}${decimals.padEnd(mostCustomDecimals, '0')}`), 15 + mostCustomDecimals)
}

/** So many digits with what is below zero before it: there each digit counts down. */
function sortableWhole(value: bigint, digits: number): string {
  if (value >= 0n) return `1${value.toString().padStart(digits, '0')}`
  const lowest = 10n ** BigInt(digits) - 1n
  return `0${(lowest + value).toString().padStart(digits, '0')}`
}

function textOf(given: unknown): string | null {
  if (typeof given !== 'string') throw Refusal.invalid('custom.not_a_text')
  const text = given.trim()
  if (text.length > longestCustomText) throw Refusal.invalid('custom.too_long', { limit: longestCustomText })
  if (!printable.test(text)) throw Refusal.invalid('text.control_characters')
  return text || null
}

/** Of a JSON number only what it surely holds to the last digit: longer ones come as text. */
function numberOf({ decimals }: CustomRule, given: unknown): string {
  const text = typeof given === 'number' ? String(given) : given
  const [, sign, units, after = ''] = (typeof text === 'string' && decimal.exec(text)) || []
  if (units === undefined || (typeof given === 'number' && units.length + after.length > 15)) throw Refusal.invalid('custom.not_a_number')
  if (after.length > (decimals ?? 0)) throw Refusal.invalid('custom.too_precise', { decimals: decimals ?? 0 })
  const digits = after ? `${units}.${after}` : units
  return /[1-9]/.test(digits) ? `${sign}${digits}` : '0'
}

function moneyOf({ currency }: CustomRule, given: unknown): CustomValue {
  const { amount, currency: of } = (typeof given === 'object' ? given : {}) as { amount?: unknown; currency?: unknown }
  if (typeof amount !== 'string' || amount.length > 32) throw Refusal.invalid('custom.not_an_amount', { currency })
  if (of !== currency) throw Refusal.invalid('custom.other_currency', { currency })
  return Money.parse(amount, of as string).toJSON()
}

function optionOf({ options }: CustomRule, given: unknown): string {
  const option = options.find(({ key }) => key === given)
  if (!option) throw Refusal.invalid('custom.unknown_option', { possible: options.filter(({ active }) => active).map(({ key }) => key) })
  if (!option.active) throw Refusal.invalid('custom.retired_option', { option: option.key })
  return option.key
}

/** Each once, in the order of the options. */
function optionsOf(rule: CustomRule, given: unknown): string[] | null {
  if (!Array.isArray(given)) throw Refusal.invalid('custom.not_a_list')
  const chosen = new Set(given.map((each) => optionOf(rule, each)))
  return chosen.size ? rule.options.flatMap(({ key }) => (chosen.has(key) ? [key] : [])) : null
}

/** Nothing that a browser would run, and no name or password in front of a host. */
function linkOf(given: unknown): string | null {
  const text = textOf(given)
  if (text === null) return null
  const url = address.test(text) ? URL.parse(text) : null
  if (!url || url.username || url.password) throw Refusal.invalid('custom.not_a_link')
  return text
}
