import { Injectable } from '@nestjs/common'
import type { AccountMerged, AccountOpened, PayloadOf, ProductCreated } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import type { Transaction } from '@millrace/service'

/** A record of another service as a deal refers to it. */
export interface Known<Noun extends string> {
  readonly id: Id<Noun>
  readonly name: string
}

/** Accounts and products as this service learnt of them from events. */
@Injectable()
export class KnownRecords {
  /**
   * The account, or the one that it became part of; neither that nor its name can change before this transaction ends. Refuses one that is not
   * known here.
   */
  async account(tx: Transaction, id: Id<'account'>): Promise<{ accountId: Id<'account'>; accountName: string }> {
    const read = (one: Id<'account'>) =>
      tx.one<{ name: string; into: Id<'account'> | null }>('SELECT name, merged_into AS into FROM known_account WHERE id = $1 FOR SHARE', [
        one,
      ])
    const found = await read(id)
    if (!found) throw Refusal.invalid('reference.unknown', { field: 'accountId', value: id })
    if (!found.into) return { accountId: id, accountName: found.name }
    return { accountId: found.into, accountName: (await read(found.into))?.name ?? found.name }
  }

  /** Notes that an account became part of another one. */
  async mergeAccount(tx: Transaction, { accountId, into }: PayloadOf<typeof AccountMerged>, version: number): Promise<void> {
    await tx.query('UPDATE known_account SET merged_into = $2, version = $3 WHERE id = $1 AND version < $3', [accountId, into, version])
  }

  /** Notes an account that a conversion named, unless its own events came first. */
  async expectAccount(tx: Transaction, { id, name }: { id: Id<'account'>; name: string }): Promise<void> {
    await tx.query('INSERT INTO known_account (id, name, version) VALUES ($1, $2, 0) ON CONFLICT (tenant_id, id) DO NOTHING', [id, name])
  }

  /** Keeps what an account says of itself, and its name on its deals. */
  keepAccount(tx: Transaction, { accountId, name }: PayloadOf<typeof AccountOpened>, version: number): void {
    tx.send(
      `WITH kept AS (
         INSERT INTO known_account (id, name, version) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, version = excluded.version WHERE known_account.version < excluded.version
         RETURNING id)
       UPDATE opportunity SET account_name = $2 WHERE account_id = (SELECT id FROM kept) AND account_name IS DISTINCT FROM $2`,
      [accountId, name, version],
    )
  }

  async keepProduct(tx: Transaction, { productId, code, name, active }: PayloadOf<typeof ProductCreated>, version: number): Promise<void> {
    await tx.query(
      `INSERT INTO known_product (id, code, name, active, version) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (tenant_id, id) DO UPDATE SET code = excluded.code, name = excluded.name, active = excluded.active, version = excluded.version
       WHERE known_product.version < excluded.version`,
      [productId, code, name, active, version],
    )
  }

  async productNames(tx: Transaction, ids: readonly Id<'product'>[]): Promise<Map<string, string>> {
    if (!ids.length) return new Map()
    const rows = await tx.query<Known<'product'>>('SELECT id, name FROM known_product WHERE id = ANY($1)', [ids])
    return new Map(rows.map(({ id, name }) => [id, name]))
  }

  /** Accounts by name as it was given, whatever its case; of two with the same name the older. */
  accountsByName(tx: Transaction, names: ReadonlySet<string>): Promise<Map<string, Known<'account'>>> {
    return this.byName(tx, 'known_account', names, 'coalesce(merged_into, id)')
  }

  /** Products by name as it was given, whatever its case; of two with the same name the older. */
  productsByName(tx: Transaction, names: ReadonlySet<string>): Promise<Map<string, Known<'product'>>> {
    return this.byName(tx, 'known_product', names)
  }

  private async byName<Noun extends string>(tx: Transaction, table: `known_${Noun}`, names: ReadonlySet<string>, standing = 'id') {
    const rows = await tx.query<Known<Noun> & { given: string }>(
      `SELECT DISTINCT ON (given) given, ${standing} AS id, name FROM unnest($1::text[]) AS wanted(given)
       JOIN ${table} known ON lower(name) = lower(given) ORDER BY given, known.id`,
      [[...names]],
    )
    return new Map(rows.map(({ given, id, name }) => [given, { id, name }] as const))
  }
}
