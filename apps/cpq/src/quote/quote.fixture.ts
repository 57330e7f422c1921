import { Money, newId, Ratio, type CalendarDate } from '@millrace/domain'
import { QuoteVersion, type LineWish, type Wish } from './quote.js'
import type { LineOffer } from './pricing.js'
import { termsOf } from './terms.js'

export const monday = new Date('2026-11-02T08:00:00Z')
export const tuesday = new Date('2026-11-03T08:00:00Z')
export const today: CalendarDate = '2026-11-02'
export const cny = (amount: string) => Money.parse(amount, 'CNY')
export const percent = (rate: string) => Ratio.parse(rate)

/** A line as a test needs it: one piece at 100.00 CNY with 13 % VAT on top, unless told otherwise. */
export function aLineOffer(given: Partial<LineOffer> = {}): LineOffer {
  return {
    listPrice: cny('100.00'),
    price: null,
    quantity: Ratio.one,
    discount: Ratio.zero,
    vat: { rate: percent('13'), mode: 'on_top' },
    ...given,
  }
}

/** A wish as a test needs it: ten seats at 99.99 CNY, 13 % VAT on top, to be paid 30 days after signing. */
export function aWish(given: Partial<Wish> = {}): Wish {
  return {
    currency: 'CNY',
    validUntil: '2026-11-30',
    vat: { rate: percent('13'), mode: 'on_top' },
    discount: null,
    notes: null,
    terms: termsOf(undefined, 'en'),
    lines: [aLineWish()],
    ...given,
  }
}

export function aLineWish(given: Partial<LineWish> = {}): LineWish {
  const product = { id: newId('product'), code: 'SEAT', name: 'Seat', unit: 'piece' }
  return { product, listPrice: cny('99.99'), price: null, quantity: percent('10'), discount: Ratio.zero, vat: null, ...given }
}

/** A draft of a quote, priced. */
export function aDraft(given: Partial<Wish> = {}) {
  return QuoteVersion.draft(newId('quote'), 1, aWish(given), monday, today)
}
