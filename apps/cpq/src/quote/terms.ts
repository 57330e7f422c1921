import { Money, Ratio, Refusal, type CalendarDate } from '@millrace/domain'

/** When which part of a total is to be paid, as it goes over the wire: a share in % or an amount, on a day or some days after signing. */
export interface Term {
  readonly share: string | null
  readonly amount: { readonly amount: string; readonly currency: string } | null
  readonly dueOn: CalendarDate | null
  readonly daysAfterSigning: number | null
  readonly label: string
}

/** The terms, if they are about the whole total and nothing else. Refuses `terms.mixed`, `terms.shares_incomplete` and `terms.amounts_differ`. */
export function checkedTerms(terms: readonly Term[], total: Money): readonly Term[] {
  const shares = terms.flatMap(({ share }) => (share === null ? [] : [Ratio.parse(share)]))
  const amounts = terms.flatMap(({ amount }) => (amount === null ? [] : [Money.parse(amount.amount, amount.currency)]))
  if (shares.length && amounts.length) throw Refusal.invalid('terms.mixed')
  if (shares.length) {
    const sum = shares.reduce((all, share) => all.plus(share), Ratio.zero)
    if (!sum.equals(Ratio.of(100))) throw Refusal.invalid('terms.shares_incomplete', { sum: sum.toString() })
    return terms
  }
  const sum = Money.sum(amounts, total.currency)
  if (!sum.equals(total)) throw Refusal.invalid('terms.amounts_differ', { sum: sum.amount, total: total.amount, currency: total.currency })
  return terms
}

/** A term as it was typed: what is left out is null, and a label is made up. */
export type GivenTerm = { readonly [K in keyof Term]?: Term[K] | undefined }

/** The terms that were given; none: all of it 30 days after signing. Labels that are missing are made in this language. */
export function termsOf(given: readonly GivenTerm[] | undefined, language: 'en' | 'zh-CN'): readonly Term[] {
  const chinese = language === 'zh-CN'
  if (!given) return [{ share: '100', amount: null, dueOn: null, daysAfterSigning: 30, label: chinese ? '全款' : 'Full payment' }]
  return given.map(({ share = null, amount = null, dueOn = null, daysAfterSigning = null, label }, n) => ({
    share,
    amount,
    dueOn,
    daysAfterSigning,
    label: label ?? (chinese ? `第 ${n + 1} 期` : `Instalment ${n + 1}`),
  }))
}
