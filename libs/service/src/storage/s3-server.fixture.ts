import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { S3Options } from './s3.storage.js'

/** A store for tests that speaks as much S3 as we use. It works every signature out for itself (AWS Signature Version 4) and refuses what AWS would. */
export interface S3Server {
  readonly options: S3Options
  readonly kept: Map<string, Buffer>
  /** What it answers instead, once. */
  failWith: number | undefined
  stop(): Promise<void>
}

const accessKeyId = 'AKIDEXAMPLE'
const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'

export async function anS3Server(): Promise<S3Server> {
  const kept = new Map<string, Buffer>()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('error', () => undefined)
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const refuse = (status: number, code: string) =>
        response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`)
      const fail = store.failWith
      store.failWith = undefined
      if (fail) return refuse(fail, 'InternalError')
      const fault = faultOf(request, body)
      if (fault) return refuse(403, fault)
      const [bucket, ...name] = decodeURIComponent(request.url!.slice(1)).split('/')
      const key = name.join('/')
      if (bucket !== 'millrace') return refuse(404, 'NoSuchBucket')
      if (request.method === 'PUT') {
        if (request.headers['content-length'] === undefined) return refuse(411, 'MissingContentLength')
        kept.set(key, body)
        return response.writeHead(200).end()
      }
      if (request.method === 'DELETE') {
        kept.delete(key)
        return response.writeHead(204).end()
      }
      const found = kept.get(key)
      return found ? response.writeHead(200).end(found) : refuse(404, 'NoSuchKey')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store: S3Server = {
    options: { endpoint, bucket: 'millrace', region: 'eu-central-1', accessKeyId, secretAccessKey },
    kept,
    failWith: undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return store
}

function faultOf(request: IncomingMessage, body: Buffer): string | undefined {
  const { authorization = '', 'x-amz-date': at = '', 'x-amz-content-sha256': claimed } = request.headers as Record<string, string>
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    )
  if (!given) return 'AccessDenied'
  const [, key, day, region, signed, signature] = given as unknown as [string, string, string, string, string, string]
  if (key !== accessKeyId) return 'InvalidAccessKeyId'
  const sent = Date.parse(at.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!(Math.abs(Date.now() - sent) < 900_000) || !at.startsWith(day)) return 'RequestTimeTooSkewed'
  const names = signed.split(';')
  if (!['host', 'x-amz-content-sha256', 'x-amz-date'].every((name) => names.includes(name))) return 'AccessDenied'
  if (claimed !== 'UNSIGNED-PAYLOAD' && claimed !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const [path = '', query = ''] = request.url!.split('?')
  const canonical = [
    request.method,
    path,
    query.split('&').sort().join('&'),
    ...names.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}`),
    '',
    signed,
    claimed,
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', at, `${day}/${region}/s3/aws4_request`, sha256(canonical)].join('\n')
  const signingKey = [day, region, 's3', 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${secretAccessKey}`))
  return hmac(signingKey, toSign).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch'
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
