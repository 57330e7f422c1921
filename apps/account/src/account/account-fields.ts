import type { Account } from './account.js'

/** What rules about accounts may ask for of the account itself, by name and kind. */
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
  class: 'text',
  isSubsidiary: 'flag',
  createdAt: 'instant',
} as const

/** An account as rules see it. */
export function fieldsOf(account: Account): Readonly<Record<keyof typeof accountFields, unknown>> {
  const { name, industry, country, region, location, website, phone, note, employees, foundedYear, externalId, parentId, createdAt } =
    account
  return {
    ...{
      name,
      industry,
      country,
      region,
      location,
      website,
      phone,
      note,
      employees,
      foundedYear,
      externalId,
      class: account.class,
      createdAt,
    },
    isSubsidiary: parentId !== null,
  }
}

/** What rules may ask besides of what hangs on an account: it takes a look at other records, see `AccountFigures`. Amounts are in the company's currency. */
export const accountFigureFields = {
  status: 'text',
  /** 1: a company that belongs to no other one. */
  hierarchyLevel: 'number',
  subsidiaries: 'number',
  wonDeals: 'number',
  wonAmount: 'number',
  openDeals: 'number',
  openAmount: 'number',
  lostDeals: 'number',
  openQuotes: 'number',
  orders: 'number',
  orderedAmount: 'number',
  firstOrderOn: 'instant',
  lastOrderOn: 'instant',
  daysSinceOrder: 'number',
  invoicedAmount: 'number',
  paidAmount: 'number',
  overdueAmount: 'number',
  contacts: 'number',
  activities: 'number',
  recentActivities: 'number',
  daysSinceActivity: 'number',
} as const

/** All that rules may ask for which look at what hangs on an account. */
export const allAccountFields = { ...accountFields, ...accountFigureFields } as const

/** So many days back an activity is a recent one. */
export const recentDays = 90
