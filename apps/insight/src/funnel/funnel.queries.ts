import { Injectable } from '@nestjs/common'
import type { Answer, getFunnel, Input } from '@millrace/contracts'
import { Ratio, type Currency } from '@millrace/domain'
import { Database } from '@millrace/service'
import { DealQueries, dealsIn, wording, type Scope } from '../deal/deal.queries.js'
import { funnelFigures, type FunnelStage } from './funnel.js'

/** Counts as they come out of SQL; exact numbers travel as text. */
interface Counts {
  readonly stages: readonly {
    readonly key: string
    readonly lost: number
    readonly stuck: number
    readonly advanced: number
    readonly median_seconds: string | null
    readonly seconds: string | null
  }[]
  readonly won: number
  readonly lost: number
  readonly open: number
  readonly entered_first: number
  readonly won_from_first: number
  readonly cycle_seconds: string | null
  readonly amounts: readonly { readonly currency: Currency; readonly minor: string; readonly deals: number }[]
}

/** The funnel, computed from the deals and the stages they visited. */
@Injectable()
export class FunnelQueries {
  constructor(
    private readonly db: Database,
    private readonly deals: DealQueries,
  ) {}

  async get({ process: wanted, compareWith, ...filters }: Input<typeof getFunnel>['query']): Promise<Answer<typeof getFunnel>> {
    const { ids, family, name } = await this.deals.process(wanted)
    const stages = await this.stages(ids)
    const scope: Scope = { ...filters, processIds: ids }
    const { from, to, productId } = filters
    return {
      process: { family, name },
      scope: await this.figures(stages, dealsIn(scope)),
      ...(compareWith && { company: await this.figures(stages, dealsIn({ processIds: ids, from, to, productId }, { everybody: true })) }),
    }
  }

  /** The open stages of a process; one that only older versions have takes the place it had there. */
  private stages(processIds: readonly string[]): Promise<FunnelStage[]> {
    return this.db.query<{ key: string; name: string }>(
      `SELECT key, name FROM (
         SELECT DISTINCT ON (s.key) s.key, ${wording('s.names')} AS name, s.position, p.number
         FROM process_stage s JOIN sales_process p ON p.id = s.process_id
         WHERE s.process_id = ANY($1::text[]) AND s.outcome = 'open' ORDER BY s.key, p.number DESC) AS newest
       ORDER BY position, number, key`,
      [processIds],
    )
  }

  private async figures(stages: readonly FunnelStage[], { sql, values }: { sql: string; values: unknown[] }) {
    const counts = (await this.db.one<Counts>(funnelSql(sql), values))!
    return funnelFigures(
      stages,
      counts.stages.map(({ median_seconds, seconds, ...count }) => ({
        ...count,
        medianSeconds: median_seconds === null ? null : Ratio.parse(median_seconds),
        meanSeconds: mean(seconds, count.lost + count.advanced),
      })),
      {
        won: counts.won,
        lost: counts.lost,
        open: counts.open,
        enteredFirst: counts.entered_first,
        wonFromFirst: counts.won_from_first,
        meanCycleSeconds: mean(counts.cycle_seconds, counts.won),
        wonAmounts: counts.amounts.map(({ currency, minor, deals }) => ({ currency, minor: BigInt(minor), deals })),
      },
    )
  }
}

function mean(sum: string | null, count: number): Ratio | null {
  return sum === null || !count ? null : Ratio.parse(sum).dividedBy(Ratio.of(count))
}

/** A deal has been in each stage that it visited, up to the one it stands in: those after it, it went back out of. */
function funnelSql(condition: string): string {
  return `
  WITH scope AS (SELECT d.id, d.process_id, d.stage_key, d.status, d.opened_at, d.closed_at, d.amount_minor, d.amount_currency FROM deal d WHERE ${condition}),
  been AS (
    SELECT scope.id, scope.status, s.key, s.position, here.position AS here, sum(extract(epoch FROM v.left_at - v.entered_at)) AS seconds
    FROM scope
    JOIN stage_visit v ON v.deal_id = scope.id
    JOIN process_stage s ON s.process_id = scope.process_id AND s.key = v.stage_key AND s.outcome = 'open'
    JOIN process_stage here ON here.process_id = scope.process_id AND here.key = scope.stage_key
    WHERE s.position <= here.position
    GROUP BY scope.id, scope.status, s.key, s.position, here.position),
  came AS (
    SELECT key, seconds, position, status, CASE WHEN status = 'won' OR position < here THEN 'advanced' WHEN status = 'lost' THEN 'lost' ELSE 'stuck' END AS fate FROM been),
  ranked AS (
    SELECT key, seconds, row_number() OVER (PARTITION BY key ORDER BY seconds) AS place, count(*) OVER (PARTITION BY key) AS places
    FROM came WHERE fate <> 'stuck'),
  timed AS (
    SELECT key, sum(seconds)::text AS seconds, (avg(seconds) FILTER (WHERE place IN ((places + 1) / 2, places / 2 + 1)))::text AS median_seconds FROM ranked GROUP BY key),
  counted AS (
    SELECT key, count(*) FILTER (WHERE fate = 'lost') AS lost, count(*) FILTER (WHERE fate = 'stuck') AS stuck, count(*) FILTER (WHERE fate = 'advanced') AS advanced
    FROM came GROUP BY key)
  SELECT
    (SELECT coalesce(jsonb_agg(to_jsonb(stage)), '[]') FROM (SELECT * FROM counted LEFT JOIN timed USING (key)) AS stage) AS stages,
    (SELECT count(*)::int FROM came WHERE position = 1) AS entered_first,
    (SELECT count(*)::int FROM came WHERE position = 1 AND status = 'won') AS won_from_first,
    (SELECT coalesce(jsonb_agg(to_jsonb(amount) ORDER BY currency), '[]') FROM (
       SELECT amount_currency AS currency, sum(amount_minor)::text AS minor, count(*) AS deals
       FROM scope WHERE status = 'won' AND amount_minor IS NOT NULL GROUP BY amount_currency) AS amount) AS amounts,
    count(*) FILTER (WHERE status = 'won')::int AS won,
    count(*) FILTER (WHERE status = 'lost')::int AS lost,
    count(*) FILTER (WHERE status = 'open')::int AS open,
    (sum(extract(epoch FROM closed_at - opened_at)) FILTER (WHERE status = 'won'))::text AS cycle_seconds
  FROM scope`
}
