/** Every service of the platform: its port on one machine, what it is for, and the aggregates whose events it alone sends. Import-free, so that tools read it too. */
export const services = {
  identity: {
    port: 4001,
    purpose: 'Companies, organisation, people, programs, sign-in',
    aggregates: ['tenant', 'org_unit', 'user', 'api_client', 'calendar', 'absence'],
  },
  lead: { port: 4002, purpose: 'Leads, from first interest to conversion', aggregates: ['lead', 'lead_handover'] },
  account: {
    port: 4003,
    purpose: 'Accounts, contacts, activities and handovers',
    aggregates: ['account', 'contact', 'activity', 'handover', 'account_handover', 'survey_invitation'],
  },
  opportunity: { port: 4004, purpose: 'Sales processes and deals', aggregates: ['process', 'opportunity', 'opportunity_handover'] },
  cpq: {
    port: 4005,
    purpose: 'Products, prices, quotes, contracts and orders',
    aggregates: ['product', 'price_book', 'quote', 'contract', 'order', 'cpq_handover'],
  },
  billing: {
    port: 4006,
    purpose: 'Receivables, invoices, receipts, settlement and ledger',
    aggregates: ['collection_plan', 'receivable', 'invoice', 'receipt', 'billing_handover'],
  },
  insight: { port: 4007, purpose: 'Journeys and figures, read from the events of all', aggregates: [] },
} as const

/** A service that owns data and sends events. The gateway and the web console are not among them. */
export type ServiceName = keyof typeof services

/** A noun that has a life of its own, and with it a topic `millrace.<service>.<aggregate>.v1`. */
export type AggregateName = (typeof services)[ServiceName]['aggregates'][number]

/** The service that sends the events of an aggregate. */
export function serviceOf(aggregate: string): ServiceName {
  for (const [name, { aggregates }] of Object.entries(services)) {
    if ((aggregates as readonly string[]).includes(aggregate)) return name as ServiceName
  }
  throw new Error(`no service owns the aggregate "${aggregate}"`)
}

/** The topic of an aggregate's events. */
export function topicOf(aggregate: string): string {
  return `millrace.${serviceOf(aggregate)}.${aggregate}.v1`
}

/** All topics, sorted. */
export const topics: readonly string[] = Object.values(services)
  .flatMap(({ aggregates }) => aggregates.map(topicOf))
  .sort()
