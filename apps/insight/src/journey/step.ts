import { isId, timeOf } from '@millrace/domain'

/** What a step on a journey says in short. */
export interface Facts {
  readonly title?: string
  readonly number?: string
  readonly amount?: { readonly amount: string; readonly currency: string }
  readonly stage?: string
  readonly reason?: string
}

type Tree = { readonly [name: string]: unknown }

/** The nouns of the road. Other ids that an event names (products, colleagues, processes) are met on every road and would link them all. */
const road = new Set([
  'lead',
  'account',
  'contact',
  'activity',
  'opportunity',
  'quote',
  'contract',
  'order',
  'collection_plan',
  'receivable',
  'invoice',
  'receipt',
])

/** What there is to say of an event in short. Names of persons stay out: they have to be erasable where they belong. */
export function factsOf(aggregate: string, payload: Tree): Facts {
  const { opportunity, account, to, stage } = payload as Record<string, Tree | null | undefined>
  const ofPerson = aggregate === 'contact' || aggregate === 'user'
  const title = firstText(
    payload['title'],
    opportunity?.['title'],
    payload['companyName'],
    ofPerson ? null : payload['name'],
    account?.['name'],
  )
  const number = firstText(payload['number'])
  const amount = (payload['amount'] ?? payload['total'] ?? opportunity?.['amount']) as Facts['amount'] | null | undefined
  const stageName = firstText(to?.['name'], stage?.['name'])
  const reason = firstText(payload['reason'], payload['exemption'])
  return {
    ...(title && { title }),
    ...(number && { number }),
    ...(amount && { amount: { amount: amount.amount, currency: amount.currency } }),
    ...(stageName && { stage: stageName }),
    ...(reason && { reason }),
  }
}

/** Who owns the record after the event; undefined: the event does not say. */
export function ownerOf(payload: Tree): string | null | undefined {
  return payload['ownerId'] as string | null | undefined
}

/**
 * The ids of the road's records that an event names, its own first, each once. A handover names those of many roads, and would link them all: an
 * event about what is not on the road names itself only.
 */
export function recordsOf(subject: string, payload: unknown): string[] {
  if (!isRecord(subject)) return [subject]
  const found = new Set([subject])
  const look = (value: unknown): void => {
    if (typeof value === 'string') {
      if (isRecord(value)) found.add(value)
    } else if (Array.isArray(value)) value.forEach(look)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look)
  }
  look(payload)
  return [...found]
}

/** When an event was written, which its id tells; an id of a foreign kind tells nothing, then it is when it happened. */
export function recordedAt(eventId: string, at: Date): Date {
  return isId('event', eventId) ? new Date(timeOf(eventId)) : at
}

function isRecord(text: string): boolean {
  const end = text.length - 27
  return end > 0 && road.has(text.slice(0, end)) && isId(text.slice(0, end), text)
}

function firstText(...candidates: unknown[]): string | undefined {
  return candidates.find((candidate): candidate is string => typeof candidate === 'string' && candidate !== '')
}
