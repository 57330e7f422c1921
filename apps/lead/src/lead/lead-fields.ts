import type { Lead } from './lead.js'

/** What rules about leads may ask for, by name and kind. */
export const leadFields = {
  companyName: 'text',
  contactName: 'text',
  jobTitle: 'text',
  email: 'text',
  phone: 'text',
  country: 'text',
  source: 'text',
  channel: 'text',
  campaign: 'text',
  note: 'text',
  tags: 'texts',
  utmSource: 'text',
  utmMedium: 'text',
  utmCampaign: 'text',
  status: 'text',
  createdAt: 'instant',
  isCustomer: 'flag',
  isDuplicate: 'flag',
} as const

/** A lead as rules see it; they ask for the company's own fields as `lead.custom.budget`. */
export function fieldsOf(lead: Lead): Readonly<Record<keyof typeof leadFields | 'custom', unknown>> {
  const { companyName, contactName, jobTitle, email, phone, country, source, channel, campaign, note, createdAt } = lead
  return {
    ...{ companyName, contactName, jobTitle, email, phone, country, source, channel, campaign, note, createdAt },
    ...{ tags: lead.tags, status: lead.status },
    ...{ utmSource: lead.utm?.source, utmMedium: lead.utm?.medium, utmCampaign: lead.utm?.campaign },
    isCustomer: lead.customers.length > 0,
    isDuplicate: lead.duplicateOf.length > 0,
    custom: lead.custom,
  }
}
