import pg from 'pg'
import { aggregatesOf, tableOf, type Ground, type Reader, type TableFacts } from './ground.ts'
import type { Findings, Invariant } from './verify.ts'

/** So many rows of each table are looked at for references, and so many keys of each noun on the bus. */
const sample = 20_000
/** So many companies are looked into with the eyes of another. */
const companies = 5

/** I8: no company reaches another's records, in the databases and on the bus. */
export const isolated: Invariant = {
  id: 'I8',
  title: 'tenants are isolated (sampled)',
  async check(ground, findings) {
    const homes = await homesOf(ground)
    for (const reader of ground.readers.values()) {
      await locked(reader, findings)
      await unseen(reader, findings)
      for (const table of await reader.tables()) if (table.columns.includes('tenant_id')) await references(reader, table, homes, findings)
    }
    await onTheBus(ground, findings)
  },
}

/** Row-level security is on for every table, also for the owner, and compares the company. */
async function locked(reader: Reader, findings: Findings): Promise<void> {
  const policies = await reader.query<{ table: string; rule: string }>(
    `SELECT c.relname AS table, string_agg(coalesce(pg_get_expr(p.polqual, p.polrelid), ''), ' ') AS rule
     FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid GROUP BY 1`,
  )
  for (const { name, forced, columns } of await reader.tables()) {
    findings.checked += 1
    const rule = policies.find(({ table }) => table === name)?.rule ?? ''
    if (!columns.includes('tenant_id')) findings.add(null, null, `${reader.service}.${name} has no tenant_id`)
    else if (!forced) findings.add(null, null, `row-level security of ${reader.service}.${name} is not forced`)
    else if (!rule.includes('tenant_id') || !rule.includes('current_tenant()'))
      findings.add(null, null, `no policy of ${reader.service}.${name} compares the tenant`)
  }
}

/** With the application's role and one company set, rows of another are not to be seen. */
async function unseen(reader: Reader, findings: Findings): Promise<void> {
  const app = await reader.appRole()
  const [may] = app ? await reader.query<{ may: boolean }>(`SELECT pg_has_role($1, 'SET') AS may`, [app]) : []
  if (!app || !may?.may) {
    findings.notes.push(`the role may not act as ${app ?? 'the application'} in ${reader.service}: there only the policies were looked at`)
    return
  }
  for (const { name, columns } of await reader.tables()) {
    if (!columns.includes('tenant_id')) continue
    const table = pg.escapeIdentifier(name)
    // Steps from one company to the next in the index, however many rows each has.
    const owners = await reader.query<{ id: string }>(
      `WITH RECURSIVE step AS (
         (SELECT tenant_id AS id FROM ${table} WHERE tenant_id <> '*' ORDER BY tenant_id LIMIT 1)
         UNION ALL SELECT (SELECT tenant_id FROM ${table} t WHERE tenant_id > step.id ORDER BY tenant_id LIMIT 1) FROM step WHERE step.id IS NOT NULL)
       SELECT id FROM step WHERE id IS NOT NULL LIMIT ${companies}`,
    )
    for (const { id: other } of owners) {
      const eyes = owners.find(({ id }) => id !== other)?.id ?? 'tenant_00000000000000000000000000'
      findings.checked += 1
      const seen = await reader.as(app, eyes, () =>
        reader.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE tenant_id = $1 LIMIT 1`, [other]),
      )
      for (const { row } of seen) {
        const { id = null } = JSON.parse(row) as { id?: string | null }
        findings.add(other, id, `${eyes} sees this row of ${reader.service}.${name}`)
      }
    }
  }
}

type Homes = Map<string, { reader: Reader; table: string }>

/** Where the records of each noun live, by the ids that are there. */
async function homesOf(ground: Ground): Promise<Homes> {
  const homes: Homes = new Map()
  for (const reader of ground.readers.values())
    for (const { name, columns, key } of await reader.tables()) {
      if (key.join() !== 'tenant_id,id' || /^(known|directory)_/.test(name) || !columns.includes('id')) continue
      const [row] = await reader.query<{ id: string }>(`SELECT id FROM ${pg.escapeIdentifier(name)} LIMIT 1`)
      const noun = row && /^([a-z][a-z_]*)_[0-7][0-9a-z]{25}$/.exec(row.id)?.[1]
      if (noun && tableOf(noun) === name) homes.set(noun, { reader, table: pg.escapeIdentifier(name) })
      else if (noun && !homes.has(noun)) homes.set(noun, { reader, table: pg.escapeIdentifier(name) })
    }
  return homes
}

/** Whatever record a row names, by whatever column, is of the same company. */
async function references(reader: Reader, { name, key, size }: TableFacts, homes: Homes, findings: Findings): Promise<void> {
  const some = size > sample ? ` TABLESAMPLE SYSTEM (${((sample / size) * 100).toFixed(4)}) REPEATABLE (1)` : ''
  const pages = reader.pages<{ tenant_id: string; row: string }>({
    from: `${pg.escapeIdentifier(name)} r${some}`,
    columns: `r.tenant_id, to_jsonb(r)::text AS row`,
    key,
    where: `r.tenant_id <> '*'`,
    size: 1_000,
  })
  for await (const rows of pages) {
    findings.checked += rows.length
    const named = new Map<string, { tenant: string; id: string; by: string | null }>()
    for (const { tenant_id: tenant, row } of rows) {
      const by = (JSON.parse(row) as { id?: string }).id ?? null
      for (const [id] of row.matchAll(/(?<=")[a-z][a-z_]*_[0-7][0-9a-hjkmnp-tv-z]{25}(?=")/g))
        if (id !== by) named.set(`${tenant} ${id}`, { tenant, id, by })
    }
    for (const { tenant, id, by, home } of await strangers([...named.values()], homes))
      findings.add(tenant, by ?? id, `${reader.service}.${name} names ${id}, which belongs to ${home}`)
  }
}

/** Events travel under the company that their record belongs to, and all of one record under the same. */
async function onTheBus(ground: Ground, findings: Findings): Promise<void> {
  const index = await ground.index()
  const doubled = index.db
    .prepare('SELECT key, min(tenant) AS one, max(tenant) AS other FROM event GROUP BY aggregate, key HAVING one <> other LIMIT 1000')
    .all()
  for (const { key, one, other } of doubled as { key: string; one: string; other: string }[])
    findings.add(one, key, `events about this record are on the bus for ${other} as well`)
  for (const reader of ground.readers.values())
    for (const { aggregate, table } of aggregatesOf(reader.service)) {
      const homes: Homes = new Map([[aggregate, { reader, table }]])
      let looked = 0
      for (const batch of index.entries(aggregate)) {
        if (looked >= sample) break
        looked += batch.length
        findings.checked += batch.length
        for (const { tenant, id, home, by } of await strangers(
          batch.map((entry) => ({ tenant: entry.tenant, id: entry.key, by: entry.id })),
          homes,
        ))
          findings.add(tenant, id, `${by} is on the bus for ${tenant}, its record belongs to ${home}`)
      }
    }
}

type Named = { readonly tenant: string; readonly id: string; readonly by: string | null }

/** Those that are not of the company that names them, with the company that they are of. Records that exist nowhere are no strangers. */
async function strangers(named: readonly Named[], homes: Homes): Promise<(Named & { home: string })[]> {
  const found: (Named & { home: string })[] = []
  for (const [noun, those] of Map.groupBy(named, ({ id }) => id.slice(0, -27))) {
    const home = homes.get(noun)
    if (!home) continue
    const missing = await home.reader.query<{ n: string }>(
      `SELECT n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g(tenant, id, n)
       WHERE NOT EXISTS (SELECT 1 FROM ${home.table} t WHERE t.tenant_id = g.tenant AND t.id = g.id)`,
      [those.map(({ tenant }) => tenant), those.map(({ id }) => id)],
    )
    if (!missing.length) continue
    const suspects = missing.map(({ n }) => those[Number(n) - 1]!)
    const elsewhere = await home.reader.query<{ id: string; tenant_id: string }>(
      `SELECT id, tenant_id FROM ${home.table} WHERE id = ANY($1)`,
      [suspects.map(({ id }) => id)],
    )
    for (const suspect of suspects) {
      const other = elsewhere.find(({ id }) => id === suspect.id)
      if (other) found.push({ ...suspect, home: other.tenant_id })
    }
  }
  return found
}
