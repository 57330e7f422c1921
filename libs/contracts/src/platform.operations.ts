import { z } from 'zod'
import { permission } from './access.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { instant } from './shapes.js'
import { services, type ServiceName } from './services.js'

/** An id whose first word tells the service, e.g. `lead_import_01k…`. */
export function servedId(what: string) {
  return z.string().regex(new RegExp(`^[a-z]+_${what}_[0-7][0-9a-hjkmnp-tv-z]{25}$`), { message: 'id.malformed' })
}

export const ParkedEventView = z
  .object({
    id: servedId('parked'),
    eventId: z.string(),
    type: z.string(),
    subject: z.string(),
    topic: z.string(),
    stream: z.string(),
    offset: z.string(),
    code: z.string(),
    reason: z.string(),
    attempts: z.number().int(),
    blocks: z.boolean().meta({ description: 'whether later events of the same record wait behind it' }),
    parkedAt: instant,
  })
  .meta({ id: 'ParkedEvent' })

const keeping = permission('event.replay', { administrator: 'company' })
const serviceQuery = z.strictObject({ service: z.enum(Object.keys(services) as [ServiceName, ...ServiceName[]]) })

export const listParkedEvents = defineOperation({
  id: 'listParkedEvents',
  service: 'each',
  method: 'GET',
  path: '/v1/parked-events',
  summary: 'The events that a service could not apply, oldest first (at most 200).',
  rule: keeping,
  callers: 'both',
  query: serviceQuery,
  answer: z.object({ data: z.array(ParkedEventView), next: z.null() }),
})

export const getParkedEvent = defineOperation({
  id: 'getParkedEvent',
  service: 'each',
  method: 'GET',
  path: '/v1/parked-events/{id}',
  summary: 'One parked event with its payload.',
  rule: keeping,
  callers: 'both',
  params: z.object({ id: servedId('parked') }),
  answer: ParkedEventView.extend({ headers: z.record(z.string(), z.string()), payload: z.string() }),
})

const replayed = z.object({ applied: z.number().int(), failed: z.string().nullable() })

export const replayParkedEvent = defineOperation({
  id: 'replayParkedEvent',
  service: 'each',
  method: 'POST',
  path: '/v1/parked-events/{id}/replay',
  summary: 'Applies a parked event again, and in order those that wait behind it.',
  rule: keeping,
  callers: 'both',
  params: z.object({ id: servedId('parked') }),
  answer: replayed,
  transaction: false,
})

export const replayParkedEvents = defineOperation({
  id: 'replayParkedEvents',
  service: 'each',
  method: 'POST',
  path: '/v1/parked-events/replay',
  summary: 'Applies all parked events of a service again, oldest first; one that fails again stays parked, the others go on.',
  rule: keeping,
  callers: 'both',
  query: serviceQuery,
  answer: replayed,
  transaction: false,
})

/** The right to read who did what. */
export const audits = permission('audit.read', { administrator: 'company', executive: 'company', sales_ops: 'company', finance: 'company' })

export const AuditView = z
  .object({
    id: z.string(),
    aggregate: z.string(),
    version: z.number().int(),
    action: z.enum(['insert', 'update']),
    actorId: z.string().nullable().meta({ description: 'who did it; null: the platform itself' }),
    channel: z.string().nullable().meta({
      description:
        'how it came: api, form, import, mail, event (another service told of something), handover, platform (its own clock); null: before it was kept',
    }),
    address: z.string().nullable().meta({ description: 'network address of the caller' }),
    change: z.record(z.string(), z.unknown()),
    traceId: z.string().nullable(),
    at: instant,
  })
  .meta({ id: 'AuditEntry' })

export const readAudit = defineOperation({
  id: 'readAudit',
  service: 'each',
  method: 'GET',
  path: '/v1/audit/{id}',
  summary: 'Who changed a record, when, and what: oldest first (at most 500).',
  rule: audits,
  params: z.object({ id: z.string().regex(/^[a-z_]+_[0-9a-z]{26}$/, { message: 'id.malformed' }) }),
  answer: z.object({ data: z.array(AuditView), next: z.null() }),
})

export const listAuditSeals = defineOperation({
  id: 'listAuditSeals',
  service: 'each',
  method: 'GET',
  path: '/v1/audit-seals',
  summary:
    'The seals on a service’s audit trail, newest first. Each covers the rows since the one before; whoever keeps a hash elsewhere can tell later that nothing before it was changed.',
  rule: permission('audit.seals', { administrator: 'company', executive: 'company', finance: 'company' }),
  query: serviceQuery.extend({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    before: z.coerce.number().int().min(1).max(2_147_483_647).optional().meta({ description: 'only seals with lower numbers' }),
  }),
  answer: z.object({
    data: z.array(z.object({ n: z.number().int(), rows: z.number().int(), hash: z.string(), sealedAt: instant })),
    next: z.null(),
  }),
})

defineProblems({
  'expression.malformed': {
    en: 'The rule cannot be used. At position {position}: {reason}.',
    'zh-CN': '该规则无法使用。位置 {position}:{reason}。',
  },
})
