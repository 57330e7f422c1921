import { calendarDate, isId, isZone, Money, Refusal, type CalendarDate, type Id } from '@millrace/domain'
import { z } from 'zod'

/** Runs a domain parser inside a zod schema: its Refusal becomes the issue, with the same stable code. */
function parsing<In, Out>(parse: (value: In) => Out) {
  return (value: In, ctx: z.RefinementCtx): Out => {
    try {
      return parse(value)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      ctx.addIssue({ code: 'custom', message: error.code, params: { refusal: error.code, details: error.details } })
      return z.NEVER
    }
  }
}

/** An id of one noun, e.g. `lead_01k9…` (TypeID). */
export function id<const Noun extends string>(noun: Noun) {
  return z
    .custom<Id<Noun>>((value) => typeof value === 'string' && isId(noun, value), {
      message: 'id.malformed',
      params: { refusal: 'id.malformed' },
    })
    .meta({ type: 'string', pattern: `^${noun}_[0-7][0-9a-hjkmnp-tv-z]{25}$` })
}

/** An amount with its currency, e.g. `{ "amount": "1234.50", "currency": "CNY" }`. Never more decimals than the currency has. */
export const money = z
  .strictObject({
    amount: z
      .string()
      .max(32)
      .meta({ pattern: '^-?\\d+(\\.\\d+)?$', examples: ['1234.50'] }),
    currency: z
      .string()
      .length(3)
      .meta({ pattern: '^[A-Z]{3}$', examples: ['CNY'] }),
  })
  .transform(parsing(({ amount, currency }: { amount: string; currency: string }) => Money.parse(amount, currency)))
  .meta({ id: 'Money', description: 'Exact decimal text in the currency’s own number of decimals (ISO 4217).' })

/** An amount that may not be negative. */
export const positiveMoney = z
  .strictObject({
    amount: z
      .string()
      .max(32)
      .meta({ pattern: '^\\d+(\\.\\d+)?$', examples: ['1234.50'] }),
    currency: z
      .string()
      .length(3)
      .meta({ pattern: '^[A-Z]{3}$', examples: ['CNY'] }),
  })
  .transform(
    parsing(({ amount, currency }: { amount: string; currency: string }) => {
      const value = Money.parse(amount, currency)
      if (value.isNegative()) throw Refusal.invalid('money.negative', { amount })
      return value
    }),
  )
  .meta({ id: 'PositiveMoney', description: 'Like Money, not negative.' })

/** A calendar day, e.g. `2026-11-21`. Which zone it is in, its field says. */
export const day = z
  .string()
  .transform(parsing((text: string): CalendarDate => calendarDate(text)))
  .meta({ format: 'date', examples: ['2026-11-21'] })

/** A moment in UTC, e.g. `2026-11-21T08:30:00.000Z`. */
export const instant = z
  .union([z.iso.datetime({ offset: true }), z.date()])
  .transform((value) => new Date(value))
  .meta({ type: 'string', format: 'date-time', examples: ['2026-11-21T08:30:00.000Z'] })

/** One line of text that a person typed: trimmed, not empty, without control characters. */
export function line(max: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, { message: 'text.control_characters' })
}

/** Several lines of text that a person typed. */
export function text(max: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^(?:[^\p{Cc}\p{Cs}]|[\n\t\r])*$/u, { message: 'text.control_characters' })
}

/** An exact decimal or percentage as text, e.g. `"12.5"`; read with `Ratio.parse`. */
export const decimal = z
  .string()
  .max(32)
  .regex(/^-?\d{1,15}(\.\d{1,12})?$/, { message: 'ratio.malformed' })
  .meta({ examples: ['12.5'] })

/** The amount of a sum of money as text, e.g. `"1234.50"`, where its currency stands beside it; read with `Money.parse`. */
export const amountText = z
  .string()
  .max(32)
  .meta({ format: 'decimal', examples: ['1234.50'] })

/** An IANA time zone, e.g. `Asia/Shanghai`. */
export const zone = z
  .string()
  .max(64)
  .refine(isZone, { message: 'zone.unknown' })
  .meta({ examples: ['Asia/Shanghai'] })

/** The languages that the platform speaks. */
export const language = z.enum(['en', 'zh-CN'])
export type Language = z.infer<typeof language>
