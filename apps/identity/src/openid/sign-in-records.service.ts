import { createHash } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { Clock, Database, inTenant, refusalOf, Sealing, type Transaction } from '@millrace/service'
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider'

/** What the provider remembers: sessions, grants, codes, refresh tokens. Shared by all replicas. */
@Injectable()
export class SignInRecords {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly sealing: Sealing,
  ) {}

  /** Ends all sessions and refresh tokens of a person. */
  async signOut(tx: Transaction, userId: string): Promise<void> {
    const own = tx.tenant
    await tx.switchTenant('*')
    await tx.query('DELETE FROM sign_in_record WHERE account_id = $1', [userId])
    await tx.switchTenant(own)
  }

  async forgetOld(tx: Transaction): Promise<void> {
    await tx.query('DELETE FROM sign_in_record WHERE expires_at < $1', [this.clock.now()])
  }

  /** The provider's store of one kind of record. */
  of(model: string): Adapter {
    const purpose = 'sign-in records'
    const only = async (where: string, value: string): Promise<AdapterPayload | undefined> => {
      const rows = await this.query<{ sealed: Buffer; consumed_at: Date | null }>(
        `SELECT sealed, consumed_at FROM sign_in_record WHERE model = $1 AND ${where} = $2 AND expires_at > $3`,
        [model, value, this.clock.now()],
      )
      if (!rows[0]) return undefined
      const payload = this.sealing.open<AdapterPayload>(purpose, rows[0].sealed)
      return rows[0].consumed_at ? { ...payload, consumed: Math.floor(rows[0].consumed_at.getTime() / 1_000) } : payload
    }
    return {
      find: (id) => only('id', hashed(id)),
      findByUid: (uid) => only('uid', uid),
      // Only device sign-in asks by code, and there is none.
      findByUserCode: () => Promise.resolve(undefined),
      upsert: async (id, payload, expiresIn = 0) => {
        await this.query(
          `INSERT INTO sign_in_record (model, id, grant_id, uid, account_id, sealed, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (tenant_id, model, id) DO UPDATE
           SET grant_id = excluded.grant_id, uid = excluded.uid, account_id = excluded.account_id, sealed = excluded.sealed, expires_at = excluded.expires_at`,
          [
            model,
            hashed(id),
            payload.grantId ?? null,
            payload.uid ?? null,
            payload.accountId ?? null,
            this.sealing.seal(purpose, payload),
            new Date(this.clock.now().getTime() + expiresIn * 1_000),
          ],
        )
      },
      // Two who use one code or refresh token at the same moment: one wins.
      consume: async (id) => {
        const rows = await this.query(
          'UPDATE sign_in_record SET consumed_at = $3 WHERE model = $1 AND id = $2 AND consumed_at IS NULL RETURNING id',
          [model, hashed(id), this.clock.now()],
        )
        if (!rows.length) throw new errors.InvalidGrant('already used')
      },
      destroy: async (id) => {
        await this.query('DELETE FROM sign_in_record WHERE model = $1 AND id = $2', [model, hashed(id)])
      },
      revokeByGrantId: async (grantId) => {
        await this.query('DELETE FROM sign_in_record WHERE grant_id = $1', [grantId])
      },
    }
  }

  private query<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return orUnavailable(() => inTenant('*', () => this.db.query<Row>(sql, values)))
  }
}

/** Says in OAuth's words that the database is away. */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (refusalOf(error)?.code !== 'service.unavailable') throw error
    throw Object.assign(new errors.TemporarilyUnavailable('try again in a moment'), { status: 503, statusCode: 503 })
  }
}

function hashed(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}
