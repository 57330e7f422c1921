import type { Readable } from 'node:stream'
import { Refusal } from '@millrace/domain'
import { parse } from 'csv-parse/sync'
import type { Database } from '../database.js'

const largest = 100 * 1_048_576
const chunkSize = 262_144

/** Streams an uploaded file into the database in chunks; refuses one that is empty, too large or not UTF-8, or whose header does not fit. */
export async function receive(
  database: Database,
  importId: string,
  file: Readable,
  checkHeader: (header: string[]) => void,
): Promise<void> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let bytes = 0
  let n = 0
  let pending: Buffer[] = []
  let pendingBytes = 0
  const flush = async () => {
    if (!pendingBytes) return
    const data = Buffer.concat(pending)
    if (n === 0) checkHeader(headerOf(data))
    await database.query('INSERT INTO import_chunk (import_id, n, data) VALUES ($1, $2, $3)', [importId, n, data])
    n += 1
    pending = []
    pendingBytes = 0
  }
  for await (const part of file.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > largest) throw new Refusal('request.too_large', { limit: largest })
    // A NUL is no text either: so UTF-16 looks, and Postgres stores none.
    if (part.includes(0)) throw Refusal.invalid('import.not_utf8')
    decode(decoder, part)
    pending.push(part)
    pendingBytes += part.length
    if (pendingBytes >= chunkSize) await flush()
  }
  decode(decoder, undefined)
  if (!bytes) throw Refusal.invalid('import.empty')
  await flush()
  await database.query(`UPDATE import SET status = 'queued', bytes = $2 WHERE id = $1`, [importId, bytes])
}

function decode(decoder: InstanceType<typeof TextDecoder>, part: Buffer | undefined): void {
  try {
    decoder.decode(part, { stream: part !== undefined })
  } catch {
    throw Refusal.invalid('import.not_utf8')
  }
}

function headerOf(data: Buffer): string[] {
  const text = data.toString('utf8')
  try {
    return (parse(text, { bom: true, to_line: 1, relax_column_count: true, relax_quotes: true, trim: true }) as string[][])[0] ?? []
  } catch (error) {
    throw Refusal.invalid('import.bad_csv', { row: 0, reason: (error as Error).message })
  }
}
