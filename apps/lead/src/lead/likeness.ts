import { companyLikeness, likeEnough, type Id } from '@millrace/domain'

/** A lead that looks like another, and why; score 0–100. */
export interface Likeness {
  readonly leadId: Id<'lead'>
  readonly score: number
  readonly reasons: readonly string[]
}

/** An account, or a person at one, that a lead looks like; score 0–100. */
export interface CustomerMatch {
  readonly accountId: Id<'account'> | null
  readonly contactId: Id<'contact'> | null
  readonly score: number
  readonly reasons: readonly string[]
}

/** What likeness is judged by. Keys are null where nothing is known. */
export interface Traits {
  readonly companyName?: string | null
  readonly contactKey?: string | null
  readonly emailKey?: string | null
  readonly phoneKey?: string | null
}

/** From this score on a lead is refused where the company refuses duplicates: something equal was found, not only something alike. */
export const surelySame = 40

/** How alike two records are; undefined: nothing speaks for it. Two people of one company are not alike because of the company. */
export function likeness(one: Traits, other: Traits): { score: number; reasons: string[] } | undefined {
  const equal = (a: string | null | undefined, b: string | null | undefined) => Boolean(a) && a === b
  const company = one.companyName && other.companyName ? companyLikeness(one.companyName, other.companyName) : 0
  const person = equal(one.contactKey, other.contactKey) ? 'same' : one.contactKey && other.contactKey ? 'another' : 'unknown'
  const points: [reason: string, points: number][] = []
  if (equal(one.emailKey, other.emailKey)) points.push(['email', 60])
  if (equal(one.phoneKey, other.phoneKey)) points.push(['phone', 50])
  if (company === 100 && person === 'same') points.push(['company_and_contact', 40])
  else if (company >= likeEnough && person === 'same') points.push(['similar_company_and_contact', 30])
  else if (company === 100 && person === 'unknown') points.push(['company', 25])
  else if (company >= likeEnough && person === 'unknown') points.push(['similar_company', 20])
  if (!points.length) return undefined
  return {
    score: Math.min(
      100,
      points.reduce((sum, [, worth]) => sum + worth, 0),
    ),
    reasons: points.map(([reason]) => reason),
  }
}
