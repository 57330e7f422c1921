import { calendarDate, Money, newId, Ratio, type CalendarDate } from '@millrace/domain'
import { CollectionPlan, type ContractLine, type Term } from './collection-plan.js'

export { refusal } from '../receivable/receivable.fixture.js'

const monday = new Date('2026-11-02T08:00:00Z')

/** A plan of so much with so much tax in it, signed on 2 November 2026. */
export function aPlan(total: string | Money, taxOrLines: string | Money | readonly ContractLine[]): CollectionPlan {
  const gross = typeof total === 'string' ? Money.parse(total, 'CNY') : total
  const tax = typeof taxOrLines === 'string' ? Money.parse(taxOrLines, 'CNY') : taxOrLines
  return CollectionPlan.make({
    id: newId('collection_plan'),
    version: 1,
    journeyId: newId('journey'),
    createdAt: monday,
    updatedAt: monday,
    contractId: newId('contract'),
    contractNumber: 'C-2026-0001',
    accountId: newId('account'),
    ownerId: newId('user'),
    total: gross,
    signedOn: calendarDate('2026-11-02'),
    lines: tax instanceof Money ? [{ net: gross.minus(tax), tax, gross }] : tax,
  })
}

/** A share in % so many days after signing. */
export function share(percent: string, daysAfterSigning: number): Term {
  return { share: Ratio.parse(percent), amount: null, dueOn: null, daysAfterSigning, label: `${percent} %` }
}

/** A term of an amount, on a day or some days after signing; what is not given is open. */
export function terms({ amount, dueOn, daysAfterSigning }: { amount?: string; dueOn?: string; daysAfterSigning?: number }): Term {
  return {
    share: null,
    amount: amount ? Money.parse(amount, 'CNY') : null,
    dueOn: (dueOn as CalendarDate | undefined) ?? null,
    daysAfterSigning: daysAfterSigning ?? null,
    label: 'part',
  }
}
