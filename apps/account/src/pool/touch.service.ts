import type { Transaction } from '@millrace/service'

/** A moment at which somebody dealt with an account. */
export interface Touch {
  readonly accountId: string
  readonly at: Date
}

/** Notes that somebody dealt with accounts: their time in which nobody does begins anew. What was later already stays. */
export function touch(tx: Transaction, touches: readonly Touch[]): void {
  if (!touches.length) return
  tx.send(touchSql, [tx.tenant, touches.map(({ accountId }) => accountId), touches.map(({ at }) => at)])
}

const touchSql = `
  INSERT INTO account_idle (account_id, touched_at, look_at)
  SELECT a.id, max(given.at), max(given.at) FROM unnest($2::text[], $3::timestamptz[]) AS given(id, at),
    LATERAL (SELECT coalesce(merged_into, id) AS id FROM account WHERE tenant_id = $1 AND account.id = given.id LIMIT 1) AS standing,
    LATERAL (SELECT id FROM account WHERE tenant_id = $1 AND account.id = standing.id AND owner_id IS NOT NULL LIMIT 1) AS a
  GROUP BY a.id ORDER BY a.id
  ON CONFLICT (tenant_id, account_id) DO UPDATE SET touched_at = excluded.touched_at, look_at = excluded.look_at, pools_at = NULL
  WHERE account_idle.touched_at < excluded.touched_at`
