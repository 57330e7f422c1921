import { createHash } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { AwsClient } from 'aws4fetch'
import { Unavailable } from '../access.js'
import type { Storage } from './storage.js'

/** Where the store is, and as whom it is asked. */
export interface S3Options {
  /** e.g. `https://s3.eu-central-1.amazonaws.com`; the bucket comes after it, as a folder. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const patience = 30_000

/** Files in a bucket of AWS, MinIO, Ceph or whatever else speaks S3. */
export class S3Storage implements Storage {
  private readonly client: AwsClient

  constructor(private readonly options: S3Options) {
    const { accessKeyId, secretAccessKey, region } = options
    this.client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 })
  }

  /** S3 wants to know length and hash beforehand, so the stream waits on this machine's disk; as a file without a name, which a crash cannot leave behind. */
  async put(name: string, content: Readable): Promise<void> {
    const path = join(tmpdir(), `millrace-${process.pid}-${basename(name)}`)
    const file = await open(path, 'wx+', 0o600)
    try {
      await unlink(path)
      const { bytes, sha256 } = await spool(content, file)
      const headers = { 'content-length': String(bytes), 'x-amz-content-sha256': sha256, 'content-type': 'application/octet-stream' }
      const body = bytes ? file.createReadStream({ start: 0, autoClose: false }) : undefined
      const answer = await this.ask('PUT', name, { headers, ...(body && { body: Readable.toWeb(body) as never, duplex: 'half' }) })
      await answer.body?.cancel()
    } finally {
      await file.close()
    }
  }

  async open(name: string): Promise<Readable> {
    const { body } = await this.ask('GET', name)
    if (!body) throw new Error('the store answered without content')
    return Readable.fromWeb(body as never)
  }

  async remove(name: string): Promise<void> {
    const answer = await this.ask('DELETE', name)
    await answer.body?.cancel()
  }

  private async ask(method: string, name: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> {
    const { endpoint, bucket } = this.options
    const giveUp = new AbortController()
    const timer = setTimeout(() => giveUp.abort(), patience)
    const answer = await this.client
      .fetch(`${endpoint.replace(/\/+$/, '')}/${bucket}/${name}`, { ...init, method, signal: giveUp.signal })
      .catch(() => {
        throw new Unavailable('the file store does not answer')
      })
      .finally(() => clearTimeout(timer))
    if (answer.ok) return answer
    const code = /<Code>(\w+)<\/Code>/.exec((await answer.text()).slice(0, 10_000))?.[1] ?? 'no code'
    if (answer.status >= 500 || answer.status === 429) throw new Unavailable(`the file store answered ${answer.status} ${code}`)
    throw new Error(`the file store refused ${method}: ${answer.status} ${code}`)
  }
}

async function spool(content: Readable, file: FileHandle): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const part of content as AsyncIterable<Buffer>) {
    hash.update(part)
    for (let written = 0; written < part.length;)
      written += (await file.write(part, written, part.length - written, bytes + written)).bytesWritten
    bytes += part.length
  }
  return { bytes, sha256: hash.digest('hex') }
}
