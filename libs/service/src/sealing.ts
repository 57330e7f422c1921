import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Seals what must not be readable in a copy of the database: AES-256-GCM, with a key of its own for each purpose, made of a secret of the service. */
export class Sealing {
  private readonly keys = new Map<string, Buffer>()

  constructor(private readonly secret: string) {}

  key(purpose: string): Buffer {
    const known = this.keys.get(purpose)
    if (known) return known
    const key = Buffer.from(hkdfSync('sha256', this.secret, 'millrace', purpose, 32))
    this.keys.set(purpose, key)
    return key
  }

  seal(purpose: string, value: unknown): Buffer {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.key(purpose), nonce)
    const sealed = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
  }

  /** Throws when it was sealed with another secret or changed since. */
  open<T>(purpose: string, sealed: Buffer): T {
    const cipher = createDecipheriv('aes-256-gcm', this.key(purpose), sealed.subarray(0, 12))
    cipher.setAuthTag(sealed.subarray(12, 28))
    return JSON.parse(Buffer.concat([cipher.update(sealed.subarray(28)), cipher.final()]).toString('utf8')) as T
  }
}
