import { Injectable } from '@nestjs/common'
import type { dismissSuggestion, Input } from '@millrace/contracts'
import { dayOf, Refusal, type Id } from '@millrace/domain'
import { Clock, context, Database, Directory, inTenant, Jobs, type Transaction } from '@millrace/service'
import { Account } from '../account/account.js'

/** Accounts with fewer employees than the first are one size, then those with fewer than the second, and so on. */
const sizes = [10, 50, 250, 1_000]
/** Of fewer others than this nothing is learnt, nor of a family that fewer than `fewestBuyers` of them bought. */
const fewestSimilar = 5
const fewestBuyers = 3
const mostSuggested = 10
const hour = 3_600_000

/** Works out what else accounts could be sold, and remembers what reps say is nothing for them. */
@Injectable()
export class SecondSaleService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly directory: Directory,
    jobs: Jobs,
  ) {
    jobs.every(60, 'suggest second sales', () => this.suggestAll())
  }

  /** The job, over all companies: an hour after an order or a product's change at the earliest, and once a day, as accounts change and dismissals end. */
  private async suggestAll(): Promise<void> {
    const now = this.clock.now()
    const runs = await inTenant('*', () =>
      this.db.query<{ tenant_id: string }>('SELECT tenant_id FROM second_sale_run WHERE worked_out_at IS NULL OR worked_out_at <= $1', [
        new Date(now.getTime() - hour),
      ]),
    )
    const failures: unknown[] = []
    for (const { tenant_id } of runs)
      await inTenant(tenant_id, () => this.db.transaction((tx) => this.suggest(tx, now))).catch((error: unknown) => failures.push(error))
    if (failures.length) throw new AggregateError(failures, 'second sales of some companies could not be worked out')
  }

  private async suggest(tx: Transaction, now: Date): Promise<void> {
    tx.lockKeys(['second sales'])
    const due = await tx.one<{ heard: string }>(dueSql, [tx.tenant, new Date(now.getTime() - 24 * hour)])
    if (!due) return
    await tx.query(suggestSql, [tx.tenant, sizes, fewestSimilar, fewestBuyers, mostSuggested, dayOf(now, await this.directory.zone())])
    tx.send('UPDATE second_sale_run SET worked_out_at = $2, heard = $3 WHERE tenant_id = $1', [tx.tenant, now, due.heard])
  }

  /** Takes a family out of an account's suggestions, until the day or for good. */
  dismiss(id: Id<'account'>, { family, reason, until }: Input<typeof dismissSuggestion>['body']): Promise<Account> {
    return this.db.transaction(async (tx) => {
      const account = await tx.lock(Account, id)
      account.mustStand()
      const now = this.clock.now()
      const today = dayOf(now, await this.directory.zone())
      if (until && until <= today) throw new Refusal('second_sale.until_past', { until, today })
      tx.lockKeys(['second sales'])
      const sold = await tx.one('SELECT id FROM known_product WHERE tenant_id = $1 AND family = $2 LIMIT 1', [tx.tenant, family])
      if (!sold) throw Refusal.invalid('second_sale.unknown_family', { family })
      const { actor } = context()
      tx.send(
        `INSERT INTO second_sale_dismissal (account_id, family, reason, until, dismissed_by_id, dismissed_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant_id, account_id, family) DO UPDATE SET reason = excluded.reason, until = excluded.until,
           dismissed_by_id = excluded.dismissed_by_id, dismissed_at = excluded.dismissed_at`,
        [id, family, reason, until, actor?.kind === 'user' ? actor.id : null, now],
      )
      tx.send(leaveOutSql, [tx.tenant, id, family])
      return account
    })
  }
}

const dueSql = `
  WITH heard AS (SELECT coalesce((SELECT event_id FROM known_order_product WHERE tenant_id = $1 ORDER BY event_id DESC LIMIT 1), '') || ' '
    || coalesce((SELECT event_id FROM known_product WHERE tenant_id = $1 ORDER BY event_id DESC LIMIT 1), '') AS heard)
  SELECT heard.heard FROM heard, second_sale_run r
  WHERE r.tenant_id = $1 AND (r.worked_out_at IS NULL OR r.worked_out_at <= $2 OR r.heard IS DISTINCT FROM heard.heard)`

const leaveOutSql = `
  WITH left_over AS (
    SELECT coalesce(jsonb_agg(s ORDER BY place), '[]') AS suggestions FROM account_second_sale, jsonb_array_elements(suggestions) WITH ORDINALITY AS each(s, place)
    WHERE tenant_id = $1 AND account_id = $2 AND s->>'family' <> $3)
  UPDATE account_second_sale SET suggestions = left_over.suggestions, share = (left_over.suggestions->0->>'share')::numeric,
    lift = (left_over.suggestions->0->>'lift')::numeric
  FROM left_over WHERE tenant_id = $1 AND account_id = $2`

// What a merged account ordered counts for the one that it became part of. Each account with orders is compared at one level: 1 those of its industry
// and size, 2 those of its industry, 3 all. An account is never among those that it is compared with, and what it ordered itself is not suggested, so
// that the counts of a level need not leave it out.
const suggestSql = `
  WITH bought AS MATERIALIZED (
    SELECT DISTINCT coalesce(g.merged_into, g.id) AS id, p.family
    FROM known_order_product o JOIN account g ON g.tenant_id = $1 AND g.id = o.account_id LEFT JOIN known_product p ON p.tenant_id = $1 AND p.id = o.product_id
    WHERE o.tenant_id = $1),
  buyer AS MATERIALIZED (
    SELECT a.id, nullif(lower(btrim(a.industry)), '') AS industry, width_bucket(a.employees, $2::int[]) AS size
    FROM (SELECT DISTINCT id FROM bought) b JOIN account a ON a.tenant_id = $1 AND a.id = b.id),
  member AS MATERIALIZED (
    SELECT id, 1 AS level, industry, size FROM buyer WHERE industry IS NOT NULL AND size IS NOT NULL
    UNION ALL SELECT id, 2, industry, -1 FROM buyer WHERE industry IS NOT NULL
    UNION ALL SELECT id, 3, '', -1 FROM buyer),
  crowd AS (SELECT level, industry, size, count(1) AS accounts FROM member GROUP BY level, industry, size),
  sold AS MATERIALIZED (
    SELECT m.level, m.industry, m.size, b.family, count(1) AS accounts FROM member m JOIN bought b ON b.id = m.id
    WHERE b.family IS NOT NULL GROUP BY m.level, m.industry, m.size, b.family HAVING count(1) >= $4),
  compared AS (
    SELECT DISTINCT ON (m.id) m.id, m.level, m.industry, m.size, c.accounts - 1 AS others
    FROM member m JOIN crowd c ON c.level = m.level AND c.industry = m.industry AND c.size = m.size
    WHERE c.accounts > $3 ORDER BY m.id, m.level),
  missing AS (
    SELECT c.id, c.level, s.family, s.accounts AS bought, c.others, round(s.accounts::numeric / c.others, 4) AS share,
      round(s.accounts::numeric * (everybody.accounts - 1) / (c.others * anybody.accounts), 4) AS lift
    FROM compared c
      JOIN sold s ON s.level = c.level AND s.industry = c.industry AND s.size = c.size
      JOIN sold anybody ON anybody.level = 3 AND anybody.family = s.family
      CROSS JOIN (SELECT accounts FROM crowd WHERE level = 3) everybody
    WHERE s.accounts * (everybody.accounts - 1) >= c.others * anybody.accounts
      AND NOT EXISTS (SELECT 1 FROM bought b WHERE b.id = c.id AND b.family = s.family)
      AND NOT EXISTS (SELECT 1 FROM second_sale_dismissal d JOIN account g ON g.tenant_id = $1 AND g.id = d.account_id
        WHERE d.tenant_id = $1 AND coalesce(g.merged_into, g.id) = c.id AND d.family = s.family AND (d.until IS NULL OR d.until > $6::date))),
  ranked AS (SELECT missing.*, row_number() OVER (PARTITION BY id ORDER BY share DESC, lift DESC, family COLLATE "C") AS place FROM missing),
  made AS MATERIALIZED (
    SELECT id, max(share) FILTER (WHERE place = 1) AS share, max(lift) FILTER (WHERE place = 1) AS lift,
      jsonb_agg(jsonb_build_object('family', family, 'among', (ARRAY['industry_and_size', 'industry', 'all'])[level], 'bought', bought, 'of', others,
        'share', share::text, 'lift', lift::text) ORDER BY place) AS suggestions
    FROM ranked WHERE place <= $5 GROUP BY id),
  kept AS (
    INSERT INTO account_second_sale (account_id, suggestions, share, lift) SELECT id, suggestions, share, lift FROM made ORDER BY id
    ON CONFLICT (tenant_id, account_id) DO UPDATE SET suggestions = excluded.suggestions, share = excluded.share, lift = excluded.lift
    WHERE account_second_sale.suggestions <> excluded.suggestions)
  DELETE FROM account_second_sale s WHERE s.tenant_id = $1 AND NOT EXISTS (SELECT 1 FROM made WHERE made.id = s.account_id)`
