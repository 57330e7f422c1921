import { randomUUID } from 'node:crypto'
import { Injectable, type OnModuleInit } from '@nestjs/common'
import { Clock, Database, inTenant, Sealing, type Transaction } from '@millrace/service'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { keysAt, noticeSeconds, type RingKey } from './key-ring.js'

/** A private key as the provider takes it. */
export type SigningKey = RingKey & { readonly jwk: JWK }

/** How old the list of keys may be; a good deal less than the notice that a new key gives. */
const freshSeconds = 10

/** The keys that sign tokens: sealed in the database, the same for all replicas. */
@Injectable()
export class SigningKeys implements OnModuleInit {
  private known: { keys: SigningKey[]; readAt: number } | undefined

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly sealing: Sealing,
  ) {}

  /** The start fails when the keys were sealed with another secret. */
  async onModuleInit(): Promise<void> {
    await this.current()
  }

  /** The keys to show now, the signing one first. */
  async current(): Promise<SigningKey[]> {
    const now = this.clock.now()
    if (!this.known || Math.abs(now.getTime() - this.known.readAt) > freshSeconds * 1_000) this.known = await this.read()
    return keysAt(this.known.keys, now)
  }

  /** A new key, which signs after the time of notice. */
  async rotate(): Promise<{ kid: string; signsFrom: Date }> {
    const key = await this.db.transaction((tx) => this.add(tx, new Date(this.clock.now().getTime() + noticeSeconds * 1_000)))
    this.known = undefined
    return { kid: key.kid, signsFrom: key.signsFrom }
  }

  /** Removes keys whose last token has ended. */
  async forgetOld(tx: Transaction): Promise<void> {
    const { keys } = await this.read()
    const kept = keysAt(keys, this.clock.now()).map(({ kid }) => kid)
    await tx.query('DELETE FROM signing_key WHERE kid <> ALL($1)', [kept])
  }

  private read(): Promise<{ keys: SigningKey[]; readAt: number }> {
    return inTenant('*', () =>
      this.db.transaction(async (tx) => {
        const select = () => tx.query<{ kid: string; sealed: Buffer; signs_from: Date }>('SELECT kid, sealed, signs_from FROM signing_key')
        let rows = await select()
        if (!rows.length) {
          await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('first signing key', 7))`)
          rows = await select()
          if (!rows.length) {
            await this.add(tx, this.clock.now())
            rows = await select()
          }
        }
        const keys = rows.map(({ kid, sealed, signs_from }) => ({ kid, signsFrom: signs_from, jwk: this.open(sealed) }))
        return { keys, readAt: this.clock.now().getTime() }
      }),
    )
  }

  private open(sealed: Buffer): JWK {
    try {
      return this.sealing.open<JWK>('signing keys', sealed)
    } catch {
      throw new Error('IDENTITY_SECRET is not the one that the signing keys in the database were sealed with')
    }
  }

  private async add(tx: Transaction, signsFrom: Date): Promise<SigningKey> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const kid = randomUUID()
    const jwk = { ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' }
    await tx.query('INSERT INTO signing_key (kid, sealed, signs_from) VALUES ($1, $2, $3)', [
      kid,
      this.sealing.seal('signing keys', jwk),
      signsFrom,
    ])
    return { kid, signsFrom, jwk }
  }
}
