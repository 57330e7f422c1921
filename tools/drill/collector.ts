import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** A collector of OpenTelemetry as an installation has one: keeps what services send by OTLP/HTTP. */
export async function startCollector(): Promise<{ url: string; bodies: Buffer[]; stop(): Promise<void> }> {
  const bodies: Buffer[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      bodies.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      response.setHeader('content-type', 'application/x-protobuf').end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
