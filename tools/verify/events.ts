import { aggregatesOf, type Ground, type Reader } from './ground.ts'
import { mintedAt, type Entry } from './log-index.ts'
import type { Findings, Invariant } from './verify.ts'

/** I2: what is told has happened. */
export const committed: Invariant = {
  id: 'I2',
  title: 'no event without its commit',
  async check(ground, findings) {
    const index = await ground.index()
    for (const reader of ground.readers.values())
      for (const { aggregate, table } of aggregatesOf(reader.service)) {
        for (const batch of index.entries(aggregate)) {
          findings.checked += batch.length
          for (const { entry, says } of await uncommitted(reader, table, batch)) findings.add(entry.tenant, entry.key, says)
        }
        for await (const rows of outboxOf(reader, `AND headers ->> 'ce_type' LIKE 'millrace.${aggregate}.%'`)) {
          findings.checked += rows.length
          for (const { entry, says } of await uncommitted(reader, table, rows))
            findings.add(entry.tenant, entry.key, `in the outbox: ${says}`)
        }
      }
    leftOut(ground, findings)
    if (index.foreign)
      findings.notes.push(
        `${index.foreign} messages on the bus are no events of ours, or broken ones that were parked as such (the first: ${index.firstForeign})`,
      )
  },
}

/** I4: nothing is missing between two events of a record, and none comes before an earlier one. */
export const ordered: Invariant = {
  id: 'I4',
  title: 'order per record, no gaps',
  async check(ground, findings) {
    const index = await ground.index()
    leftOut(ground, findings)
    if (index.cut.size)
      findings.notes.push(
        `the beginning of ${index.cut.size} streams is gone (retention): what came before their first event is not looked for`,
      )
    for (const reader of ground.readers.values()) {
      const suspects: Missing[] = []
      for (const { aggregate, table } of aggregatesOf(reader.service)) {
        let key = ''
        let last = 0
        for (const entry of index.keys(aggregate)) {
          findings.checked += 1
          if (entry.key !== key) {
            key = entry.key
            last = index.cut.has(entry.stream) ? entry.sequence - 1 : 0
          }
          if (entry.sequence < last)
            findings.add(entry.tenant, key, `${entry.type} ${entry.id} of version ${entry.sequence} comes after one of version ${last}`)
          for (let version = last + 1; version < entry.sequence; version++)
            suspects.push({ aggregate, tenant: entry.tenant, id: key, version })
          if (suspects.length >= 1_000) await judge(ground, reader, findings, suspects.splice(0))
          last = Math.max(last, entry.sequence)
        }
        // The last events of a record can be missing too.
        for await (const rows of reader.pages<{ tenant_id: string; id: string; version: number }>({
          from: `${table} r`,
          columns: 'r.version',
        })) {
          for (const { tenant_id, id, version } of rows) {
            const last = index.last(aggregate, id)
            if (last === 0 && index.cut.size) continue
            for (let missing = last + 1; missing <= version; missing++)
              suspects.push({ aggregate, tenant: tenant_id, id, version: missing })
          }
          if (suspects.length >= 1_000) await judge(ground, reader, findings, suspects.splice(0))
        }
      }
      await judge(ground, reader, findings, suspects)
      await announced(ground, reader, findings)
    }
  },
}

interface Missing {
  readonly aggregate: string
  readonly tenant: string
  readonly id: string
  readonly version: number
}

/** Changes that others need not know of, so that no event tells them: a version with no other change may be missing on the bus. */
const untold: Record<string, (action: string, change: Record<string, unknown>) => boolean> = {
  process: (action, change) => (action === 'insert' ? change['status'] === 'draft' : !('status' in change) || wasDraft(change)),
  quote: (action, change) => action === 'update' && !('status' in change) && !('currentNumber' in change),
  contract: (action, change) => action === 'update' && !('status' in change),
  order: (action) => action === 'update',
  // Its plan tells of a receivable that is laid out or replaced, its invoice of one that is invoiced.
  receivable: (action, change) =>
    action === 'insert' ||
    (change['status'] as { to?: string } | undefined)?.to === 'cancelled' ||
    only(change, 'invoiceId', 'invoiceNumber'),
  // The invoice tells of its credit notes.
  invoice: (action, change) => action === 'insert' && typeof change['creditOf'] === 'string',
  // Of an account that became part of another one, "account.merged" tells.
  lead: (action, change) => action === 'update' && only(change, 'accountId'),
  survey_invitation: (action, change) => action === 'update' && only(change, 'accountId'),
}

function wasDraft(change: Record<string, unknown>): boolean {
  return (change['status'] as { from?: string }).from === 'draft' && (change['status'] as { to?: string }).to === 'retired'
}

function only(change: Record<string, unknown>, ...names: string[]): boolean {
  return Object.keys(change).every((name) => names.includes(name))
}

/** Events that are not on the bus: fine when the version told nobody anything, or when it is on its way. */
async function judge(ground: Ground, reader: Reader, findings: Findings, suspects: Missing[]): Promise<void> {
  const index = await ground.index()
  const trail = new Map<Missing, string | undefined>()
  const rows = await reader.query<{ n: string; action: string | null; change: Record<string, unknown> }>(
    `SELECT n, a.action, a.change FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS g(tenant, id, version, n)
     LEFT JOIN audit a ON a.tenant_id = g.tenant AND a.aggregate_id = g.id AND a.version = g.version ORDER BY n`,
    [suspects.map(({ tenant }) => tenant), suspects.map(({ id }) => id), suspects.map(({ version }) => version)],
  )
  for (const { n, action, change } of rows) {
    const suspect = suspects[Number(n) - 1]!
    if (action && untold[suspect.aggregate]?.(action, change)) continue
    trail.set(suspect, action ? Object.keys(change).join(', ') : undefined)
  }
  const left = await ground.lasting([...trail.keys()], async (missing) => {
    const waiting = await reader.query<{ key: string; sequence: number }>(
      `SELECT key, (headers ->> 'ce_sequence')::int AS sequence FROM outbox WHERE key = ANY($1)`,
      [missing.map(({ id }) => id)],
    )
    await index.catchUp(ground.halt)
    return missing.filter(
      ({ aggregate, id, version }) =>
        !index.sequences(aggregate, id).has(version) && !waiting.some(({ key, sequence }) => key === id && sequence === version),
    )
  })
  for (const suspect of left) {
    const changed = trail.get(suspect)
    const trailed = changed === undefined ? 'nor is it in the audit trail' : `which changed ${changed || 'nothing'}`
    findings.add(suspect.tenant, suspect.id, `version ${suspect.version} of the ${suspect.aggregate} has no event on the bus, ${trailed}`)
  }
}

/** Events that were published while another was applied are on the bus, or on their way. */
async function announced(ground: Ground, reader: Reader, findings: Findings): Promise<void> {
  const index = await ground.index()
  const pages = reader.pages<{ tenant_id: string; event_id: string; caused: string[] }>({
    from: 'inbox r',
    columns: 'r.tenant_id, r.caused',
    key: ['event_id'],
    where: `r.caused <> '[]'`,
  })
  for await (const rows of pages) {
    const promised = rows.flatMap(({ tenant_id, event_id, caused }) =>
      caused.map((entry) => ({
        tenant: tenant_id,
        by: event_id,
        name: entry.slice(0, entry.indexOf('/')),
        id: entry.slice(entry.indexOf('/') + 1),
      })),
    )
    findings.checked += promised.length
    const missing = promised.filter(({ id }) => !index.has(id) && index.reachesBackTo(mintedAt(id)))
    const left = await ground.lasting(missing, async (suspects) => {
      const waiting = await reader.query<{ event_id: string }>('SELECT event_id FROM outbox WHERE event_id = ANY($1)', [
        suspects.map(({ id }) => id),
      ])
      await index.catchUp(ground.halt)
      return suspects.filter(({ id }) => !index.has(id) && !waiting.some(({ event_id }) => event_id === id))
    })
    for (const { tenant, by, name, id } of left) findings.add(tenant, id, `${name}, published when ${by} was applied, is not on the bus`)
  }
}

/**
 * Those of a service's events that have no record, an older record or no audit row. An import takes several steps at once: its events tell of each,
 * its one audit row of the last.
 */
async function uncommitted(reader: Reader, table: string, entries: readonly Entry[]): Promise<{ entry: Entry; says: string }[]> {
  const rows = await reader.query<{ n: string; version: number | null }>(
    `SELECT n, r.version FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS g(tenant, id, sequence, n)
     LEFT JOIN ${table} r ON r.tenant_id = g.tenant AND r.id = g.id
     WHERE r.id IS NULL OR r.version < g.sequence
       OR NOT EXISTS (SELECT 1 FROM audit a WHERE a.tenant_id = g.tenant AND a.aggregate_id = g.id
         AND (a.version = g.sequence OR (a.action = 'insert' AND a.version > g.sequence))) ORDER BY n`,
    [entries.map(({ tenant }) => tenant), entries.map(({ key }) => key), entries.map(({ sequence }) => sequence)],
  )
  return rows.map(({ n, version }) => {
    const entry = entries[Number(n) - 1]!
    const told = `${entry.type} ${entry.id} tells of version ${entry.sequence}`
    if (version === null) return { entry, says: `${told} of a record that does not exist in this company` }
    return {
      entry,
      says: version < entry.sequence ? `${told}, the record has version ${version}` : `${told}, which is not in the audit trail`,
    }
  })
}

async function* outboxOf(reader: Reader, where: string): AsyncGenerator<Entry[]> {
  const columns = `r.event_id AS id, r.tenant_id AS tenant, r.headers ->> 'ce_type' AS type, r.key, (r.headers ->> 'ce_sequence')::int AS sequence, 'outbox' AS stream`
  for await (const rows of reader.pages<Entry & { seq: string }>({ from: 'outbox r', columns, key: ['seq'], where: `true ${where}` }))
    yield rows
}

function leftOut(ground: Ground, findings: Findings): void {
  const missing = ['identity', 'lead', 'account', 'opportunity', 'cpq', 'billing'].filter((name) => !ground.readers.has(name as never))
  if (missing.length) findings.notes.push(`no database given for ${missing.join(', ')}: their events are left out`)
}
