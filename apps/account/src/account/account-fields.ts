import type { Account } from './account.js'

/** What rules about accounts may ask for, by name and kind. */
export const accountFields = {
  name: 'text',
  industry: 'text',
  country: 'text',
  region: 'text',
  location: 'text',
  website: 'text',
  phone: 'text',
  note: 'text',
  employees: 'number',
  foundedYear: 'number',
  externalId: 'text',
  isSubsidiary: 'flag',
  createdAt: 'instant',
} as const

/** An account as rules see it. */
export function fieldsOf(account: Account): Readonly<Record<keyof typeof accountFields, unknown>> {
  const { name, industry, country, region, location, website, phone, note, employees, foundedYear, externalId, parentId, createdAt } =
    account
  return {
    ...{ name, industry, country, region, location, website, phone, note, employees, foundedYear, externalId, createdAt },
    isSubsidiary: parentId !== null,
  }
}
