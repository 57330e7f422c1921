import { Injectable } from '@nestjs/common'
import type { Answer, getLeadFigures, Input, listNeglectedLeads } from '@millrace/contracts'
import { isId, Ratio, Refusal, startOfDay, type CalendarDate, type Id } from '@millrace/domain'
import { Database, Directory, visibleOwners } from '@millrace/service'

type Query = Input<typeof getLeadFigures>['query']
type Neglected = Answer<typeof listNeglectedLeads>['data'][number]

interface Row {
  readonly of_all: boolean
  readonly key: string | null
  readonly name: string | null
  readonly groups: number
  readonly captured: number
  readonly assigned: number
  readonly worked: number
  readonly qualified: number
  readonly converted: number
  readonly disqualified: number
  readonly pooled: number
  readonly responded: number
  readonly median: number | null
  readonly p90: number | null
}

/** What became of leads. */
@Injectable()
export class LeadFiguresQueries {
  constructor(
    private readonly db: Database,
    private readonly directory: Directory,
  ) {}

  async get({ groupBy, limit, from, to, ownerId, unitId, source, campaign }: Query): Promise<Answer<typeof getLeadFigures>> {
    const zone = await this.directory.zone()
    const values: unknown[] = []
    const use = (value: unknown) => `$${values.push(value)}`
    const conditions = [
      `l.status <> 'merged'`,
      ...(from ? [`l.created_at >= ${use(startOfDay(from, zone))}`] : []),
      ...(to ? [`l.created_at < ${use(startOfDay(to, zone))}`] : []),
      ...(ownerId ? [`${owner} = ${use(ownerId)}`] : []),
      ...(unitId ? [`${owner} IN (${peopleBelow(use(unitId))})`] : []),
      ...(source ? [`l.source = ${use(source)}`] : []),
      ...(campaign ? [`l.campaign = ${use(campaign)}`] : []),
    ]
    const seen = visibleOwners(owner, values.length)
    values.push(...(seen?.values ?? []))
    const scope = `SELECT l.*, ${owner} AS held_by FROM lead l WHERE ${[...conditions, ...(seen ? [seen.sql] : [])].join(' AND ')}`
    const rows = await this.db.query<Row>(figuresSql(scope, groupBy, groupBy === 'month' ? use(zone) : '', use(limit)), values)
    const [all, grouped] = [rows.find(({ of_all }) => of_all)!, rows.filter(({ of_all }) => !of_all)]
    return {
      total: figures(all),
      groups: grouped[0]?.groups ?? 0,
      data: grouped.map((row) => ({ key: row.key, name: row.name, ...figures(row) })),
    }
  }

  async neglected({
    from,
    to,
    ownerId,
    limit,
    cursor,
  }: Input<typeof listNeglectedLeads>['query']): Promise<Answer<typeof listNeglectedLeads>> {
    const zone = await this.directory.zone()
    const values: unknown[] = []
    const use = (value: unknown) => `$${values.push(value)}`
    const start = (date: CalendarDate) => use(startOfDay(date, zone))
    const conditions = [
      'true',
      ...(from ? [`n.pooled_at >= ${start(from)}`] : []),
      ...(to ? [`n.pooled_at < ${start(to)}`] : []),
      ...(ownerId ? [`n.owner_id = ${use(ownerId)}`] : []),
    ]
    if (cursor) {
      const [at, leadId] = cursorOf(cursor)
      conditions.push(`(n.pooled_at, n.lead_id) < (${use(at)}, ${use(leadId)})`)
    }
    const seen = visibleOwners('n.owner_id', values.length)
    values.push(...(seen?.values ?? []))
    const rows = await this.db.query<Neglected & { pooledAt: Date }>(
      `SELECT n.lead_id AS "leadId", l.company_name AS "companyName", n.owner_id AS "ownerId", u.name AS "ownerName", n.what, n.since, n.due_at AS "dueAt",
         n.pooled_at AS "pooledAt", n.waited_minutes AS "waitedMinutes", n.pool_id AS "poolId", l.status
       FROM lead_neglect n JOIN lead l ON l.id = n.lead_id LEFT JOIN directory_user u ON u.id = n.owner_id
       WHERE ${[...conditions, ...(seen ? [seen.sql] : [])].join(' AND ')} ORDER BY n.pooled_at DESC, n.lead_id DESC LIMIT ${use(limit + 1)}`,
      values,
    )
    const data = rows.slice(0, limit)
    const last = data.at(-1)
    return { data, next: rows.length > limit && last ? `${last.pooledAt.getTime()}.${last.leadId}` : null }
  }
}

/** A lead belongs to who has it, or had it last. */
const owner = 'coalesce(l.owner_id, l.former_owner_id)'

const peopleBelow = (unit: string) =>
  `SELECT u.id FROM directory_user u JOIN directory_unit d ON d.id = u.unit_id JOIN directory_unit top ON top.id = ${unit}
   WHERE d.path >= top.path AND d.path < top.path || '~'`

// Leads from before times were kept are known by their status.
const counted = `
  count(*)::int AS captured,
  count(*) FILTER (WHERE held_by IS NOT NULL)::int AS assigned,
  count(*) FILTER (WHERE responded_at IS NOT NULL OR status IN ('working', 'qualified', 'nurturing', 'converted'))::int AS worked,
  count(*) FILTER (WHERE qualified_at IS NOT NULL OR status IN ('qualified', 'converted'))::int AS qualified,
  count(*) FILTER (WHERE status = 'converted')::int AS converted,
  count(*) FILTER (WHERE status = 'disqualified')::int AS disqualified,
  count(*) FILTER (WHERE pooled_at IS NOT NULL)::int AS pooled,
  count(response_minutes)::int AS responded,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY response_minutes) AS median,
  percentile_disc(0.9) WITHIN GROUP (ORDER BY response_minutes) AS p90`

/** A group's key and what it is called. */
function grouping(groupBy: Query['groupBy'], zone: string): { key: string; name: string; join?: string } {
  const named = (table: string) => `(SELECT name FROM ${table} WHERE id = key)`
  switch (groupBy) {
    case 'owner':
      return { key: 'held_by', name: named('directory_user') }
    case 'unit':
      return { key: 'u.unit_id', name: named('directory_unit'), join: 'LEFT JOIN directory_user u ON u.id = held_by' }
    case 'month':
      return { key: `to_char(scope.created_at AT TIME ZONE ${zone}, 'YYYY-MM')`, name: 'key' }
    default:
      return { key: groupBy === 'none' ? 'NULL::text' : `scope.${groupBy}`, name: 'key' }
  }
}

function figuresSql(scope: string, groupBy: Query['groupBy'], zone: string, limit: string): string {
  const total = `SELECT true AS of_all, NULL AS key, NULL AS name, 0 AS groups, 0::bigint AS place, ${counted} FROM scope`
  if (groupBy === 'none') return `WITH scope AS (${scope}) ${total} LIMIT ${limit}`
  const { key, name, join = '' } = grouping(groupBy, zone)
  return `
  WITH scope AS MATERIALIZED (${scope}),
  grouped AS (SELECT key, ${counted} FROM (SELECT ${key} AS key, scope.* FROM scope ${join}) AS keyed GROUP BY key),
  placed AS (
    SELECT key, ${name} AS name, (count(*) OVER ())::int AS groups, row_number() OVER (ORDER BY ${groupBy === 'month' ? 'key' : 'captured DESC, key'}) AS place,
      captured, assigned, worked, qualified, converted, disqualified, pooled, responded, median, p90 FROM grouped)
  ${total}
  UNION ALL
  SELECT false, * FROM placed WHERE place <= ${limit} ORDER BY place`
}

function figures({ captured, assigned, worked, qualified, converted, disqualified, pooled, responded, median, p90 }: Row) {
  return {
    ...{ captured, assigned, worked, qualified, converted, disqualified, pooled, responded },
    medianResponseMinutes: median,
    p90ResponseMinutes: p90,
    workedPct: percent(worked, assigned),
    qualifiedPct: percent(qualified, worked),
    convertedPct: percent(converted, captured),
  }
}

function percent(part: number, whole: number): string | null {
  return whole === 0 ? null : Ratio.of(part, whole).times(Ratio.of(100)).toDecimal(1, 'half-up')
}

function cursorOf(cursor: string): [Date, Id<'lead'>] {
  const [, ms, leadId] = /^(\d{1,15})\.(.*)$/.exec(cursor) ?? []
  if (!ms || !isId('lead', leadId)) throw Refusal.invalid('cursor.malformed')
  return [new Date(Number(ms)), leadId]
}
