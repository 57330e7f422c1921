import type { Readable } from 'node:stream'

/** Where files are kept: a folder, or a store that speaks S3. Their names are made of our own ids; no word of a user is in one. */
export interface Storage {
  /** Keeps what the stream brings. When it breaks off, nothing of it stays. */
  put(name: string, content: Readable): Promise<void>
  /** What is kept under the name; throws when there is nothing. */
  open(name: string): Promise<Readable>
  /** Forgets it, also what was left of a `put` that a crash ended. What is not there is forgotten already. */
  remove(name: string): Promise<void>
}

/** The name of a tenant's file. Anything but ids is refused here, so that no path can be made of it. */
export function storedName(tenantId: string, fileId: string): string {
  if (!/^tenant_[0-9a-z]{26}$/.test(tenantId) || !/^file_[0-9a-z]{26}$/.test(fileId)) throw new Error('a stored file has ids for its name')
  return `${tenantId}/${fileId}`
}
