import { createHash } from 'node:crypto'

/** SQL of the hash of one row of the audit trail (alias `r`), over all that it says. Reading and sealing must not differ in a letter. */
export const auditRowHash = `sha256(convert_to(jsonb_build_array(r.seq, r.tenant_id, r.aggregate, r.aggregate_id, r.version, r.action, r.actor_id, r.change, r.trace_id,
  to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), r.channel, r.address)::text, 'UTF8'))`

/** The first seal of a company goes on from this. */
export const beforeFirstSeal = ''

/** How much of each row's hash a seal keeps, in bytes: it says which row is not as it was. */
export const keptOfRow = 8

/** A seal's hash: of the one before it and of the hashes of its rows, in their order. */
export function sealHash(before: string, rowHashes: readonly Buffer[]): string {
  const hash = createHash('sha256').update(before)
  for (const row of rowHashes) hash.update(row)
  return hash.digest('hex')
}
