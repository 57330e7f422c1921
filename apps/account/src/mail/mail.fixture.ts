/** The source of an e-mail, line by line. */
export function anEml(headers: Record<string, string>, body: string | Buffer = 'Hello'): Buffer {
  const head = Object.entries({ 'MIME-Version': '1.0', ...headers }).map(([name, value]) => `${name}: ${value}`)
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)])
}

/** One with parts: each is its headers and its content. */
export function anEmlOfParts(headers: Record<string, string>, parts: readonly (readonly [Record<string, string>, string])[]): Buffer {
  const boundary = 'a-boundary'
  const body = parts.map(([own, content]) =>
    [`--${boundary}`, ...Object.entries(own).map(([name, value]) => `${name}: ${value}`), '', content].join('\r\n'),
  )
  return anEml({ ...headers, 'Content-Type': `multipart/mixed; boundary="${boundary}"` }, `${body.join('\r\n')}\r\n--${boundary}--\r\n`)
}

/** The headers of a file in an e-mail. */
export function enclosed(name: string): Record<string, string> {
  return {
    'Content-Type': 'application/octet-stream',
    'Content-Transfer-Encoding': 'base64',
    'Content-Disposition': `attachment; filename="${name}"`,
  }
}
