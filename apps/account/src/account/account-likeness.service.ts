import { Injectable } from '@nestjs/common'
import type { Answer, Input, listAccountDuplicates } from '@millrace/contracts'
import { companyLikeness, companyTokens, isId, likeEnough, Refusal, type Id } from '@millrace/domain'
import { Database, inTenant, Jobs, visibleOwners, type Transaction } from '@millrace/service'

interface Named {
  readonly id: Id<'account'>
  readonly name: string
}

/** So many accounts are looked at for one token, the newest first. */
const lookedAt = 50
const indexedAtOnce = 500

/** Finds accounts whose names look the same, by the same likeness as leads. */
@Injectable()
export class AccountLikeness {
  constructor(
    private readonly db: Database,
    jobs: Jobs,
  ) {
    jobs.every(60, 'index names of accounts', () => this.indexOlder())
  }

  /** Lets accounts be found by their names, and notes which look like them. Of two that are opened at the same moment only the pair is missed. */
  async note(tx: Transaction, accounts: readonly Named[]): Promise<void> {
    const tokens = new Map(accounts.map(({ id, name }) => [id, companyTokens(name)]))
    this.forget(tx, [...tokens.keys()])
    tx.send(
      'INSERT INTO account_token (token, account_id) SELECT token, id FROM unnest($1::text[], $2::text[]) AS given(token, id) ON CONFLICT DO NOTHING',
      [[...tokens.values()].flat(), [...tokens].flatMap(([id, those]) => those.map(() => id))],
    )
    const found = await tx.query<Named & { token: string }>(alike, [tx.tenant, [...new Set([...tokens.values()].flat())]])
    const byToken = Map.groupBy(found, ({ token }) => token)
    const pairs = new Map<string, [Id<'account'>, Id<'account'>, number]>()
    for (const { id, name } of accounts)
      for (const other of tokens.get(id)!.flatMap((token) => byToken.get(token) ?? [])) {
        const [newer, older] = id > other.id ? [id, other.id] : [other.id, id]
        if (newer === older || pairs.has(newer + older)) continue
        const score = companyLikeness(name, other.name)
        if (score >= likeEnough) pairs.set(newer + older, [newer, older, score])
      }
    const given = [...pairs.values()]
    if (given.length)
      tx.send(
        insertPairs,
        [0, 1, 2].map((n) => given.map((pair) => pair[n])),
      )
  }

  /** Accounts that have another name now, or none. */
  forget(tx: Transaction, ids: readonly string[]): void {
    tx.send('DELETE FROM account_token WHERE tenant_id = $1 AND account_id = ANY($2::text[])', [tx.tenant, ids])
    tx.send('DELETE FROM account_alike WHERE tenant_id = $1 AND account_id = ANY($2::text[])', [tx.tenant, ids])
    tx.send('DELETE FROM account_alike WHERE tenant_id = $1 AND other_id = ANY($2::text[])', [tx.tenant, ids])
  }

  /** Pairs that look the same, of which the actor sees both. */
  async list({ limit, cursor }: Input<typeof listAccountDuplicates>['query']): Promise<Answer<typeof listAccountDuplicates>> {
    const [accountId, otherId] = cursor ? cursorOf(cursor) : [null, null]
    const [first, second] = [visibleOwners('a.owner_id', 3), visibleOwners('o.owner_id', 4)]
    const rows = await this.db.query<Answer<typeof listAccountDuplicates>['data'][number]>(
      `SELECT ${inShort('a')} AS account, ${inShort('o')} AS other, d.score
       FROM account_alike d JOIN account a ON a.id = d.account_id JOIN account o ON o.id = d.other_id
       WHERE ($2::text IS NULL OR (d.account_id, d.other_id) < ($2, $3)) ${[first, second].map((seen) => (seen ? `AND ${seen.sql}` : '')).join(' ')}
       ORDER BY d.account_id DESC, d.other_id DESC LIMIT $1`,
      [limit + 1, accountId, otherId, ...(first?.values ?? []), ...(second?.values ?? [])],
    )
    const data = rows.slice(0, limit).map(({ account, other, score }) => ({ account: inTime(account), other: inTime(other), score }))
    const last = data.at(-1)
    return { data, next: rows.length > limit && last ? `${last.account.id}.${last.other.id}` : null }
  }

  /** Accounts that were opened before they were found by likeness. */
  async indexOlder(): Promise<void> {
    for (;;) {
      const waiting = await inTenant('*', () =>
        this.db.query<{ tenant_id: string; account_id: Id<'account'> }>(
          'SELECT tenant_id, account_id FROM account_not_indexed ORDER BY tenant_id, account_id LIMIT $1',
          [indexedAtOnce],
        ),
      )
      for (const [tenantId, those] of Map.groupBy(waiting, ({ tenant_id }) => tenant_id)) {
        const ids = those.map(({ account_id }) => account_id)
        await inTenant(tenantId, () =>
          this.db.transaction(async (tx) => {
            await this.note(
              tx,
              await tx.query<Named>('SELECT id, name FROM account WHERE id = ANY($1::text[]) AND merged_into IS NULL', [ids]),
            )
            await tx.query('DELETE FROM account_not_indexed WHERE tenant_id = $1 AND account_id = ANY($2::text[])', [tenantId, ids])
          }),
        )
      }
      if (waiting.length < indexedAtOnce) return
    }
  }
}

// One look into an index for each token: of a join the planner makes a scan of all accounts of the company while the tables are young.
const alike = `
  SELECT given.token, a.id, a.name FROM unnest($2::text[]) AS given(token),
    LATERAL (SELECT account_id FROM account_token WHERE tenant_id = $1 AND token = given.token ORDER BY account_id DESC LIMIT ${lookedAt}) AS t,
    LATERAL (SELECT id, name FROM account WHERE tenant_id = $1 AND account.id = t.account_id AND merged_into IS NULL LIMIT 1) AS a`

const insertPairs = `
  INSERT INTO account_alike (account_id, other_id, score)
  SELECT account, other, score FROM unnest($1::text[], $2::text[], $3::int[]) AS given(account, other, score)
  WHERE NOT EXISTS (SELECT 1 FROM account_apart a WHERE a.account_id = given.account AND a.other_id = given.other)
  ON CONFLICT DO NOTHING`

const inShort = (account: string) =>
  `jsonb_build_object('id', ${account}.id, 'version', ${account}.version, 'name', ${account}.name, 'industry', ${account}.industry, 'country', ${account}.country,
     'location', ${account}.location, 'ownerId', ${account}.owner_id, 'createdAt', ${account}.created_at)`

function inTime<Short extends { readonly createdAt: string | Date }>(account: Short): Short & { createdAt: Date } {
  return { ...account, createdAt: new Date(account.createdAt) }
}

function cursorOf(cursor: string): [string, string] {
  const [account, other, ...more] = cursor.split('.')
  if (!isId('account', account) || !isId('account', other) || more.length) throw Refusal.invalid('cursor.malformed')
  return [account, other]
}
