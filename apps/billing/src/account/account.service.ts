import { Injectable } from '@nestjs/common'
import type { AccountChanged, AccountMerged } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { Database, type Received, type Transaction } from '@millrace/service'

/** An account as billing knows it from the account service's events. */
export interface KnownAccount {
  readonly id: Id<'account'>
  readonly name: string
  readonly ownerId: Id<'user'> | null
}

/** The customers, as far as billing has to know them. */
@Injectable()
export class AccountService {
  constructor(private readonly db: Database) {}

  keep({ payload, sequence }: Received<typeof AccountChanged>, tx: Transaction): void {
    tx.send(
      `INSERT INTO known_account (id, name, owner_id, version) VALUES ($1, $2, $3, $4)
       ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, owner_id = excluded.owner_id, version = excluded.version
       WHERE known_account.version < excluded.version`,
      [payload.accountId, payload.name, payload.ownerId, sequence],
    )
  }

  /** Notes that an account became part of another one. */
  merge({ payload: { accountId, into }, sequence }: Received<typeof AccountMerged>, tx: Transaction) {
    return tx.query('UPDATE known_account SET merged_into = $2, version = $3 WHERE id = $1 AND version < $3', [accountId, into, sequence])
  }

  /** The account, or the one that it became part of; that does not change before the transaction ends. */
  async standing(tx: Transaction, id: Id<'account'>): Promise<Id<'account'>> {
    const merged = await tx.one<{ into: Id<'account'> | null }>('SELECT merged_into AS into FROM known_account WHERE id = $1 FOR SHARE', [
      id,
    ])
    return merged?.into ?? id
  }

  /** The account, or the one that it became part of. Refuses one that does not exist. */
  async known(tx: Transaction, id: Id<'account'>): Promise<KnownAccount> {
    const found = await this.find(await this.standing(tx, id))
    if (!found) throw Refusal.invalid('reference.unknown', { field: 'accountId', value: id })
    return found
  }

  find(id: Id<'account'>): Promise<KnownAccount | undefined> {
    return this.db.one<KnownAccount>('SELECT id, name, owner_id AS "ownerId" FROM known_account WHERE id = $1', [id])
  }

  /**
   * Until the transaction ends, nobody else invoices, pays or writes off anything of these accounts. Whoever touches an account's money takes
   * this first and rows after it, so that no two wait for each other.
   */
  async lock(tx: Transaction, ids: readonly Id<'account'>[]): Promise<void> {
    await tx.query(
      `SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended($1 || id, 11) AS key FROM unnest($2::text[]) AS a(id)) AS keys ORDER BY key`,
      [tx.tenant, [...ids]],
    )
  }
}
