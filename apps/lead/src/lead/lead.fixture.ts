import { newId } from '@millrace/domain'
import { Lead } from './lead.js'

export const monday = new Date('2026-11-02T08:00:00Z')
export const tuesday = new Date('2026-11-03T08:00:00Z')
export const amy = { id: newId('user') }
export const bob = { id: newId('user') }

/** A lead as a test needs it; a reachable company's, without owner, unless told otherwise. */
export function aLead(given: Partial<Lead> = {}): Lead {
  const fresh = Lead.capture({
    id: newId('lead'),
    version: 1,
    journeyId: newId('journey'),
    createdAt: monday,
    updatedAt: monday,
    companyName: '云图科技',
    contactName: 'Li Lei',
    email: 'li@example.com',
  })
  return Object.assign(Object.create(Lead.prototype) as Lead, fresh, given)
}
