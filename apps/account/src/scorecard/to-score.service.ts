import type { Transaction } from '@millrace/service'

/** Notes that what an account's score is made of has changed: it is scored within seconds. Costs a transaction one statement, however many accounts. */
export function scoreSoon(tx: Transaction, accountIds: Iterable<string>): void {
  for (const id of accountIds) tx.gather(noteToScore, id)
}

function noteToScore(tx: Transaction, accountIds: readonly string[]): void {
  tx.send(toScoreSql, [tx.tenant, [...new Set(accountIds)]])
}

// The mark tells the scoring whether an account was noted again since it looked. Ordered, so that two that note the same never wait for each other
// in a circle; the array stands behind a SELECT so that the plan is kept.
const toScoreSql = `
  INSERT INTO account_to_score (account_id, mark)
  SELECT a.id, pg_current_xact_id()::text FROM unnest((SELECT $2::text[])) AS given(id),
    LATERAL (SELECT coalesce(merged_into, id) AS id FROM account WHERE tenant_id = $1 AND account.id = given.id LIMIT 1) AS a
  WHERE EXISTS (SELECT 1 FROM account_scorecard WHERE tenant_id = $1 AND status = 'active')
  GROUP BY a.id ORDER BY a.id
  ON CONFLICT (tenant_id, account_id) DO UPDATE SET mark = excluded.mark`
