import { auditRowHash, beforeFirstSeal, keptOfRow, sealHash } from '../../libs/service/src/audit-hash.ts'
import type { Reader } from './ground.ts'
import type { Findings, Invariant } from './verify.ts'

interface Seal {
  readonly n: number
  readonly upto_txid: string
  readonly upto_seq: string
  readonly row_hashes: Buffer
  readonly hash: string
}

/** The seal whose rows are being read, and those rows. */
interface Open {
  readonly before: string
  readonly seal: Seal
  readonly rows: { readonly id: string; readonly hash: Buffer }[]
}

/** I14: the audit trail is what it was when it was sealed. */
export const sealed: Invariant = {
  id: 'I14',
  title: 'the audit trail is as it was sealed: nothing changed, taken out or put in',
  async check(ground, findings) {
    for (const reader of ground.readers.values()) await trail(reader, findings)
  },
}

async function trail(reader: Reader, findings: Findings): Promise<void> {
  const [reached] = await reader.query<{ upto_txid: string; upto_seq: string }>('SELECT upto_txid, upto_seq FROM audit_sealing')
  if (!reached) return void findings.notes.push(`nothing is sealed yet in ${reader.service}`)
  const open = new Map<string, Open | null>()
  const next = async (tenantId: string, n: number, before: string): Promise<Open | null> => {
    const [seal] = await reader.query<Seal>(
      'SELECT n, upto_txid, upto_seq, row_hashes, hash FROM audit_seal WHERE tenant_id = $1 AND n = $2',
      [tenantId, n],
    )
    return seal ? { before, seal, rows: [] } : null
  }
  const pages = reader.pages<{ tenant_id: string; txid: string; seq: string; aggregate_id: string; hash: Buffer }>({
    from: 'audit r',
    columns: `r.tenant_id, r.aggregate_id, ${auditRowHash} AS hash`,
    key: ['txid', 'seq'],
    where: `(r.txid, r.seq) <= (${reached.upto_txid}, ${reached.upto_seq})`,
  })
  for await (const rows of pages)
    for (const { tenant_id, txid, seq, aggregate_id, hash } of rows) {
      findings.checked += 1
      let current = open.get(tenant_id)
      if (current === undefined) current = await next(tenant_id, 1, beforeFirstSeal)
      while (current && isBehind(current.seal, txid, seq)) {
        compare(current, tenant_id, findings)
        current = await next(tenant_id, current.seal.n + 1, current.seal.hash)
      }
      if (current) current.rows.push({ id: aggregate_id, hash })
      else if (open.get(tenant_id) !== null)
        findings.add(tenant_id, aggregate_id, `row ${seq} of the audit trail should be sealed, and no seal covers it`)
      open.set(tenant_id, current)
    }
  for (const [tenantId, current] of open)
    for (let last: Open | null = current; last; last = await next(tenantId, last.seal.n + 1, last.seal.hash))
      compare(last, tenantId, findings)
}

function isBehind({ upto_txid, upto_seq }: Seal, txid: string, seq: string): boolean {
  const [sealedTx, rowTx] = [BigInt(upto_txid), BigInt(txid)]
  return rowTx > sealedTx || (rowTx === sealedTx && BigInt(seq) > BigInt(upto_seq))
}

function compare({ before, seal, rows }: Open, tenantId: string, findings: Findings): void {
  const hashes = rows.map(({ hash }) => hash)
  if (sealHash(before, hashes) === seal.hash) return
  const kept = (n: number) => seal.row_hashes.subarray(n * keptOfRow, (n + 1) * keptOfRow)
  const first = rows.findIndex(({ hash }, n) => !hash.subarray(0, keptOfRow).equals(kept(n)))
  const sealedRows = seal.row_hashes.length / keptOfRow
  if (first >= 0)
    findings.add(
      tenantId,
      rows[first]!.id,
      `row ${first + 1} of ${sealedRows} under seal ${seal.n} of the audit trail is not the one that was sealed`,
    )
  else if (rows.length < sealedRows)
    findings.add(tenantId, rows.at(-1)?.id ?? null, `${sealedRows - rows.length} rows under seal ${seal.n} of the audit trail are gone`)
  else findings.add(tenantId, rows.at(-1)?.id ?? null, `seal ${seal.n} of the audit trail does not go on from the one before it`)
}
