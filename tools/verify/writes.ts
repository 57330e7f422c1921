import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { services, type ServiceName } from '../../libs/contracts/src/services.ts'
import { aggregatesOf, type Ground } from './ground.ts'
import type { Findings, Invariant } from './verify.ts'

/** One line of the client's log: a write that was answered with 2xx. */
interface Acknowledged {
  readonly tenantId: string
  readonly operation: string
  readonly idempotencyKey?: string | null
  readonly id?: string | null
  readonly version?: number | null
  readonly answer?: unknown
}

const batchSize = 1_000

/** I1: what the platform said it has done is done. */
export const kept: Invariant = {
  id: 'I1',
  title: 'no acknowledged write is lost',
  async check(ground, findings) {
    const file = ground.acknowledged
    if (!file) {
      const missing = 'the log of a client is needed: --acknowledged <file>'
      return void (ground.asked('I1') ? findings.unchecked : findings.notes).push(missing)
    }
    await stat(file).catch(() => {
      throw new Error(`there is no file ${file}`)
    })
    const { operations } = await import('@millrace/contracts')
    const serviceOf = new Map(operations.map(({ id, service, transaction }) => [id, transaction ? (service as ServiceName) : undefined]))
    const answers = new DatabaseSync(join(ground.folder(), 'answers.db'))
    answers.exec(
      'PRAGMA journal_mode = off; PRAGMA synchronous = off; CREATE TABLE answer (service TEXT, tenant TEXT, key TEXT, line INT, answer TEXT, found INT)',
    )
    const remember = answers.prepare('INSERT INTO answer VALUES (?, ?, ?, ?, ?, 0)')
    try {
      let batch: Acknowledged[] = []
      let line = 0
      for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
        line += 1
        if (!text.trim()) continue
        const write = read(text, file, line)
        if (ground.tenant && write.tenantId !== ground.tenant) continue
        findings.checked += 1
        batch.push(write)
        const service = serviceOf.get(write.operation)
        if (service && write.idempotencyKey && ground.readers.has(service))
          remember.run(
            service,
            write.tenantId,
            write.idempotencyKey,
            line,
            write.answer === undefined ? null : JSON.stringify(write.answer),
          )
        if (batch.length === batchSize) {
          await records(ground, batch, findings)
          batch = []
        }
      }
      await records(ground, batch, findings)
      await keptAnswers(ground, answers, findings)
    } finally {
      answers.close()
    }
    const missing = Object.keys(services).filter((name) => name !== 'insight' && !ground.readers.has(name as ServiceName))
    if (missing.length) findings.notes.push(`no database given for ${missing.join(', ')}: writes there are left out`)
  },
}

function read(text: string, file: string, line: number): Acknowledged {
  try {
    const write = JSON.parse(text) as Acknowledged
    if (typeof write.tenantId === 'string' && typeof write.operation === 'string') return write
  } catch {
    // said below
  }
  throw new Error(`line ${line} of ${file} is not an acknowledged write: {"tenantId": …, "operation": …, "id": …, "version": …}`)
}

interface Expected {
  readonly tenant: string
  readonly id: string
  /** The least version; 0 when only its existence was promised. */
  readonly version: number
  readonly operation: string
}

/** The record answered, in its version and with its audit row; and every record that the answer names by an id. */
async function records(ground: Ground, writes: readonly Acknowledged[], findings: Findings): Promise<void> {
  const expected = writes.flatMap(({ tenantId: tenant, operation, id, version, answer }): Expected[] => {
    const named = new Set(JSON.stringify(answer ?? null).match(/[a-z][a-z_]*_[0-7][0-9a-hjkmnp-tv-z]{25}(?=")/g))
    if (id) named.delete(id)
    return [
      ...(id ? [{ tenant, id, version: version ?? 0, operation }] : []),
      ...[...named].map((other) => ({ tenant, id: other, version: 0, operation })),
    ]
  })
  // A company is its own, also when the platform's operator made it.
  const placed = expected
    .map((each) => (each.id.startsWith('tenant_') ? { ...each, tenant: each.id } : each))
    .filter(({ tenant }) => tenant !== '*')
  const byNoun = Map.groupBy(placed, ({ id }) => id.slice(0, -27))
  for (const reader of ground.readers.values())
    for (const { aggregate, table } of aggregatesOf(reader.service)) {
      const those = byNoun.get(aggregate) ?? []
      // A record that another service opens because of the write may still be on its way.
      const lost = await ground.lasting(those, async (suspects) => {
        const rows = await reader.query<{ n: string }>(
          `SELECT n FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS g(tenant, id, version, n)
           LEFT JOIN ${table} r ON r.tenant_id = g.tenant AND r.id = g.id
           WHERE r.id IS NULL OR r.version < g.version OR (g.version > 0 AND NOT EXISTS (
             SELECT 1 FROM audit a WHERE a.tenant_id = g.tenant AND a.aggregate_id = g.id AND a.version = g.version))
           ORDER BY n`,
          [suspects.map(({ tenant }) => tenant), suspects.map(({ id }) => id), suspects.map(({ version }) => version)],
        )
        return rows.map(({ n }) => suspects[Number(n) - 1]!)
      })
      for (const { tenant, id, version, operation } of lost)
        findings.add(
          tenant,
          id,
          `${operation} was acknowledged, yet ${version ? `version ${version} of the record` : 'the record'} is not there`,
        )
    }
}

/** The answers that are kept for repeats are those that the client got. */
async function keptAnswers(ground: Ground, answers: DatabaseSync, findings: Findings): Promise<void> {
  answers.exec('CREATE INDEX answer_key ON answer (service, tenant, key)')
  const find = answers.prepare('SELECT rowid, answer FROM answer WHERE service = ? AND tenant = ? AND key = ?')
  const found = answers.prepare('UPDATE answer SET found = 1 WHERE rowid = ?')
  for (const reader of ground.readers.values()) {
    if (!answers.prepare('SELECT 1 FROM answer WHERE service = ?').get(reader.service)) continue
    const pages = reader.pages<{ tenant_id: string; key: string; answer: string }>({
      from: 'idempotency r',
      columns: 'r.answer',
      key: ['tenant_id', 'key'],
    })
    for await (const rows of pages)
      for (const { tenant_id, key, answer } of rows) {
        // It is kept under the caller's hash and the key that he chose.
        const chosen = key.slice(key.indexOf(' ') + 1)
        for (const one of find.all(reader.service, tenant_id, chosen) as { rowid: number; answer: string | null }[])
          if (one.answer === null || isDeepStrictEqual(JSON.parse(one.answer), JSON.parse(answer))) found.run(one.rowid)
      }
  }
  const lost = answers.prepare('SELECT service, tenant, key, line, answer FROM answer WHERE found = 0 ORDER BY line').iterate()
  for (const { service, tenant, key, line, answer } of lost as Iterable<{
    service: string
    tenant: string
    key: string
    line: number
    answer: string | null
  }>) {
    const id = (JSON.parse(answer ?? 'null') as { id?: string } | null)?.id ?? null
    findings.add(tenant, id, `the acknowledged answer to ${key} (line ${line}) is not kept by ${service}`)
  }
}
