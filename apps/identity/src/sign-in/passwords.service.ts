import { randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { hash, verify } from '@node-rs/argon2'

/** argon2id with OWASP's parameters: 19 MiB, two passes. */
const parameters = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Hashes and checks passwords. */
@Injectable()
export class Passwords {
  private readonly decoy = this.hash(randomBytes(16).toString('hex'))

  hash(password: string): Promise<string> {
    return hash(password.normalize('NFKC'), parameters)
  }

  /** Takes as long for somebody who does not exist or has no password as for somebody who does. */
  async isRight(password: string, stored: string | null | undefined): Promise<boolean> {
    const right = await verify(stored ?? (await this.decoy), password.normalize('NFKC'))
    return right && Boolean(stored)
  }
}
