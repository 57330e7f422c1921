import { Injectable } from '@nestjs/common'
import type { Answer, getSalesFigures, Input } from '@millrace/contracts'
import type { Currency } from '@millrace/domain'
import { Database } from '@millrace/service'
import { companyZone, DealQueries, dealsIn, wording } from '../deal/deal.queries.js'
import { salesFigures, type DealCount } from './sales-figures.js'

type Query = Input<typeof getSalesFigures>['query']

/** Deals of one group (or, `of_all`, of all) with the same fate. Those without a group have an empty key. */
interface CountRow {
  readonly of_all: boolean
  readonly key: string
  readonly name: string | null
  readonly groups: number
  readonly status: DealCount['status']
  readonly stage_key: string
  readonly stage_name: string
  readonly position: number
  readonly currency: Currency | null
  readonly deals: number
  readonly minor: string | null
}

/** Won, lost and open deals and revenue, told apart as wished. */
@Injectable()
export class SalesFiguresQueries {
  constructor(
    private readonly db: Database,
    private readonly deals: DealQueries,
  ) {}

  async get({ groupBy, depth, limit, process, ...filters }: Query): Promise<Answer<typeof getSalesFigures>> {
    const processIds = process === undefined ? undefined : (await this.deals.process(process)).ids
    const { sql, values } = dealsIn({ ...filters, processIds })
    const rows = await this.db.query<CountRow>(figuresSql({ groupBy, depth, limit, date: filters.date }, sql), values)
    const [all, grouped] = [rows.filter(({ of_all }) => of_all), rows.filter(({ of_all }) => !of_all)]
    return {
      total: salesFigures(all.map(counted)),
      groups: grouped[0]?.groups ?? 0,
      data: [...Map.groupBy(grouped, ({ key }) => key)].map(([key, group]) => ({
        key: key || null,
        name: group[0]!.name,
        ...salesFigures(group.map(counted)),
      })),
    }
  }
}

function counted({ status, stage_key, stage_name, position, currency, deals, minor }: CountRow): DealCount {
  return {
    status,
    stage: { key: stage_key, name: stage_name, position },
    currency,
    deals,
    minor: minor === null ? null : BigInt(minor),
  }
}

type Wish = Pick<Query, 'groupBy' | 'depth' | 'limit' | 'date'>

/** The key of a deal's group, what it takes to find it, and what the group is called. */
function grouping({ groupBy, depth, date }: Wish): { key: string; join?: string; name: string } {
  const named = (table: string) => `(SELECT name FROM ${table} n WHERE n.id = key)`
  const owner = 'LEFT JOIN directory_user u ON u.id = d.owner_id'
  switch (groupBy) {
    case 'none':
      return { key: 'NULL::text', name: 'NULL::text' }
    case 'owner':
      return { key: 'd.owner_id', name: named('directory_user') }
    case 'account':
      return { key: 'd.account_id', name: named('known_account') }
    case 'unit':
      return { key: 'u.unit_id', join: owner, name: named('directory_unit') }
    case 'region':
      return {
        key: `split_part(unit.path, '/', ${depth + 1})`,
        join: `${owner} LEFT JOIN directory_unit unit ON unit.id = u.unit_id`,
        name: named('directory_unit'),
      }
    case 'product':
      return {
        key: 'product.id',
        join: 'LEFT JOIN LATERAL jsonb_array_elements_text(d.product_ids) AS product(id) ON true',
        name: named('known_product'),
      }
    case 'stage':
      return { key: 'd.stage_key', name: 'stage_name' }
    case 'month':
      return { key: `to_char(d.${date}_at AT TIME ZONE ${companyZone}, 'YYYY-MM')`, name: 'key' }
  }
}

function figuresSql(wish: Wish, condition: string): string {
  const { key, join = '', name } = grouping(wish)
  const fates = `status, stage_key, min(stage_name) AS stage_name, coalesce(min(position), 0) AS position, amount_currency AS currency,
         count(*)::int AS deals, sum(amount_minor)::text AS minor`
  const total = `SELECT true AS of_all, '' AS key, NULL AS name, 0 AS groups, 0 AS place, ${fates} FROM scope GROUP BY status, stage_key, amount_currency`
  const scope = `
  WITH scope AS MATERIALIZED (
    SELECT d.status, d.owner_id, d.account_id, d.product_ids, d.opened_at, d.closed_at, d.amount_currency, d.amount_minor, d.stage_key,
           coalesce(${wording('s.names')}, d.stage_name) AS stage_name, s.position
    FROM deal d LEFT JOIN process_stage s ON s.process_id = d.process_id AND s.key = d.stage_key WHERE ${condition})`
  if (wish.groupBy === 'none') return `${scope} ${total}`
  return `${scope},
  keyed AS (
    SELECT coalesce(${key}, '') AS key, d.status, d.stage_key, d.stage_name, d.position, d.amount_currency, d.amount_minor FROM scope d ${join}),
  top AS (
    SELECT key, ${name} AS name, (count(*) OVER ())::int AS groups, row_number() OVER (ORDER BY ${wish.groupBy === 'month' ? '' : 'won DESC, '}key) AS place
    FROM (SELECT key, min(stage_name) AS stage_name, count(*) FILTER (WHERE status = 'won') AS won FROM keyed GROUP BY key) AS grouped
    ORDER BY place LIMIT ${wish.limit})
  ${total}
  UNION ALL
  SELECT false, key, name, groups, place, ${fates} FROM keyed JOIN top USING (key) GROUP BY key, name, groups, place, status, stage_key, amount_currency
  ORDER BY place`
}
