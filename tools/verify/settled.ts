import type { ServiceDefinition } from '@millrace/service'
import type { Ground, Reader } from './ground.ts'
import type { Findings, Invariant } from './verify.ts'

const listed = 20

/** I12: what was said has arrived, or it is known why not. */
export const settled: Invariant = {
  id: 'I12',
  title: 'outbox and lag come down to 0, parked events are explained',
  async check(ground, findings) {
    const { topicOf } = await import('@millrace/contracts')
    const waits: { reader: Reader; topics: string[] }[] = []
    for (const reader of ground.readers.values())
      waits.push({ reader, topics: [...(await topicsOf(await ground.definition(reader.service))), topicOf('org_unit'), topicOf('user')] })
    const late = await ground.lasting(waits, async (suspects) => {
      const still = []
      for (const suspect of suspects) if ((await outbox(suspect.reader)).count || (await lag(ground, suspect))) still.push(suspect)
      return still
    })
    for (const { reader, topics } of late) {
      const { count, key, tenant } = await outbox(reader)
      if (count) findings.add(tenant, key, `${count} events stay in the outbox of ${reader.service}; the first is about this record`)
      const behind = await lag(ground, { reader, topics })
      if (behind) findings.add(null, null, `${reader.service} has not applied ${behind} events that are on the bus`)
    }
    findings.checked += waits.length
    for (const { reader } of waits) await parked(reader, findings)
  },
}

async function outbox(reader: Reader): Promise<{ count: number; key: string | null; tenant: string | null }> {
  const [row] = await reader.query<{ count: number; key: string | null; tenant: string | null }>(
    `SELECT count(*)::int AS count, (SELECT key FROM outbox ORDER BY seq LIMIT 1) AS key, (SELECT tenant_id FROM outbox ORDER BY seq LIMIT 1) AS tenant
     FROM outbox`,
  )
  return row!
}

function lag(ground: Ground, { reader, topics }: { reader: Reader; topics: string[] }): Promise<number> {
  return ground.log.lag(`millrace-${reader.service}`, [...new Set(topics)])
}

/** A parked event is explained by its reason, one that only waits behind another by that other. */
async function parked(reader: Reader, findings: Findings): Promise<void> {
  const pages = reader.pages<{
    tenant_id: string
    id: string
    type: string
    key: string
    code: string
    reason: string
    attempts: number
    ahead: boolean
  }>({
    from: 'parked r',
    columns: `r.tenant_id, r.id, r.type, r.key, r.code, left(r.reason, 200) AS reason, r.attempts,
      EXISTS (SELECT 1 FROM parked a WHERE a.key = r.key AND a.blocks AND a.code <> 'event.behind' AND a.seq < r.seq) AS ahead`,
    key: ['seq'],
  })
  let count = 0
  const lines: string[] = []
  for await (const rows of pages)
    for (const { tenant_id, id, type, key, code, reason, attempts, ahead } of rows) {
      findings.checked += 1
      count += 1
      const explained = code === 'event.behind' ? ahead : Boolean(code && reason)
      if (!explained) findings.add(tenant_id, key, `${type} is parked by ${reader.service} as ${id} and nothing says why`)
      else if (lines.length < listed) lines.push(`${id} ${type} of ${key}, tried ${attempts} times: ${code} ${reason.split('\n')[0]}`)
    }
  if (count) findings.notes.push(`${reader.service} has parked ${count}: ${lines.join(' | ')}${count > lines.length ? ' | …' : ''}`)
}

/** Topics of the events that a service acts on, as Nest keeps them beside the methods. */
export async function topicsOf(definition: ServiceDefinition): Promise<string[]> {
  const { events } = await import('@millrace/contracts')
  const types = new Set(patternsOf(definition))
  return [...new Set(events.filter(({ type }) => types.has(type)).map(({ topic }) => topic))]
}

function patternsOf({ module }: ServiceDefinition): string[] {
  const controllers = (Reflect.getMetadata('controllers', module) ?? []) as { prototype: object }[]
  return controllers.flatMap(({ prototype }) =>
    Object.getOwnPropertyNames(prototype).flatMap((name) => {
      const method = Object.getOwnPropertyDescriptor(prototype, name)?.value as object | undefined
      return typeof method === 'function' ? ((Reflect.getMetadata('microservices:pattern', method) ?? []) as string[]) : []
    }),
  )
}
