import type { Lifecycle } from '@millrace/domain'
import pg from 'pg'
import type { Reader } from './ground.ts'
import type { Findings, Invariant } from './verify.ts'

/** Moves that one use case makes at once, over a state in between; and a quote shows the state of its newest version. */
const atOnce: Record<string, [from: string, to: string][]> = {
  lead: [
    ['assigned', 'qualified'],
    ['nurturing', 'qualified'],
  ],
  quote: [
    ['sent', 'draft'],
    ['declined', 'draft'],
  ],
}

/** I10: every record is in a state of its life, came there by moves of its life, and no change went past the audit trail. */
export const legal: Invariant = {
  id: 'I10',
  title: 'legal states and moves only',
  async check(ground, findings) {
    for (const reader of ground.readers.values()) {
      for (const lifecycle of (await ground.definition(reader.service)).lifecycles ?? []) {
        await moves(reader, lifecycle, findings)
        await standings(reader, lifecycle, findings)
      }
      await trails(reader, findings)
    }
  },
}

async function moves(reader: Reader, lifecycle: Lifecycle<string>, findings: Findings): Promise<void> {
  const { noun, states } = lifecycle
  const allowed = new Set([
    ...states.flatMap((from) => lifecycle.moves[from]!.map((to) => `${from} → ${to}`)),
    ...(atOnce[noun] ?? []).map(([from, to]) => `${from} → ${to}`),
  ])
  // A record's moves hang together: each begins where the one before it ended.
  const pages = reader.pages<{
    tenant_id: string
    aggregate_id: string
    version: number
    from: string | null
    to: string | null
    before: string | null
  }>({
    from: 'audit r',
    columns: `r.tenant_id, r.aggregate_id, r.version, r.change -> 'status' ->> 'from' AS "from",
      CASE r.action WHEN 'insert' THEN r.change ->> 'status' ELSE r.change -> 'status' ->> 'to' END AS "to",
      (SELECT CASE b.action WHEN 'insert' THEN b.change ->> 'status' ELSE b.change -> 'status' ->> 'to' END FROM audit b
       WHERE b.tenant_id = r.tenant_id AND b.aggregate_id = r.aggregate_id AND b.seq < r.seq AND b.change ? 'status' ORDER BY b.seq DESC LIMIT 1) AS before`,
    key: ['seq'],
    where: `r.aggregate = '${noun}' AND r.change ? 'status'`,
  })
  for await (const rows of pages)
    for (const { tenant_id, aggregate_id, version, from, to, before } of rows) {
      findings.checked += 1
      if (!states.includes(to ?? ''))
        findings.add(tenant_id, aggregate_id, `version ${version} has the state ${to}, which no ${noun} can have`)
      else if (from === null ? before !== null : before !== from)
        findings.add(
          tenant_id,
          aggregate_id,
          `version ${version} says the ${noun} was ${from ?? 'new'}, the version before it left it ${before ?? 'without a state'}`,
        )
      else if (from !== null && !allowed.has(`${from} → ${to}`))
        findings.add(tenant_id, aggregate_id, `version ${version} moved the ${noun} from ${from} to ${to}, which is no legal move`)
    }
}

/** What the record says now is what its trail says last. */
async function standings(reader: Reader, { noun, states }: Lifecycle<string>, findings: Findings): Promise<void> {
  const pages = reader.pages<{ tenant_id: string; id: string; status: string; trailed: string | null }>({
    from: `${pg.escapeIdentifier(noun)} r`,
    columns: `r.status, (SELECT CASE a.action WHEN 'insert' THEN a.change ->> 'status' ELSE a.change -> 'status' ->> 'to' END FROM audit a
      WHERE a.tenant_id = r.tenant_id AND a.aggregate_id = r.id AND a.version <= r.version AND a.change ? 'status' ORDER BY a.seq DESC LIMIT 1) AS trailed`,
  })
  for await (const rows of pages)
    for (const { tenant_id, id, status, trailed } of rows) {
      findings.checked += 1
      if (!states.includes(status)) findings.add(tenant_id, id, `the ${noun} is ${status}, which no ${noun} can be`)
      else if (status !== trailed)
        findings.add(tenant_id, id, `the ${noun} is ${status}, its audit trail left it ${trailed ?? 'without a state'}`)
    }
}

/** The version of every record that has one is in its audit trail. */
async function trails(reader: Reader, findings: Findings): Promise<void> {
  for (const { name, columns, key } of await reader.tables()) {
    if (!['id', 'version', 'created_at'].every((column) => columns.includes(column)) || key.join() !== 'tenant_id,id') continue
    const pages = reader.pages<{ tenant_id: string; id: string; version: number; trailed: boolean }>({
      from: `${pg.escapeIdentifier(name)} r`,
      columns: `r.version, EXISTS (SELECT 1 FROM audit a WHERE a.tenant_id = r.tenant_id AND a.aggregate_id = r.id AND a.version = r.version) AS trailed`,
    })
    for await (const rows of pages) {
      findings.checked += rows.length
      for (const { tenant_id, id, version, trailed } of rows)
        if (!trailed) findings.add(tenant_id, id, `version ${version} of the ${name} is not in the audit trail`)
    }
  }
}
