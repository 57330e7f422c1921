import { newId } from '@millrace/domain'
import { Opportunity, type DealData } from './opportunity.js'
import type { Road, RoadItem, RoadStage } from './road.js'

export const monday = new Date('2026-11-02T08:00:00Z')
export const tuesday = new Date('2026-11-03T08:00:00Z')
export const amy = newId('user')

export const item = (key: string, weight: string, given: Partial<RoadItem> = {}): RoadItem => ({
  key,
  name: { en: key, 'zh-CN': key },
  kind: 'tick',
  options: [],
  required: false,
  weight,
  ...given,
})

export const stage = (key: string, probability: string, items: RoadItem[], outcome: 'open' | 'won' = 'open'): RoadStage => ({
  key,
  name: { en: key, 'zh-CN': key },
  probability,
  outcome,
  gate: 'block',
  items,
})

/** contact 10 % → need 30 % → offer 60 % → won 100 %; each open stage has one required item, `need` an optional one as well. */
export const road: Road = {
  id: newId('process'),
  stages: [
    stage('contact', '10', [item('contact-found', '10', { required: true })]),
    stage('need', '30', [item('need-told', '15', { required: true, kind: 'text' }), item('budget', '5', { kind: 'money' })]),
    stage('offer', '60', [item('offer-sent', '30', { required: true })]),
    stage('won', '100', [item('signed', '40', { required: true, kind: 'contract' })], 'won'),
  ],
}

/** A deal as a test needs it: in the first stage, worth nothing yet. */
export function aDeal(given: Partial<DealData> = {}, on: Road = road): Opportunity {
  const start = { id: newId('opportunity'), version: 1, journeyId: newId('journey'), createdAt: monday, updatedAt: monday }
  return Opportunity.open(on, { ...start, title: '120 seats', ...given }, amy)
}
