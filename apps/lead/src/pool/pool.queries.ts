import { Injectable } from '@nestjs/common'
import { listPooledLeads, listPools, type Answer, type getPool, type Input } from '@millrace/contracts'
import { addDays, dayOf, Refusal } from '@millrace/domain'
import { Clock, context, Database, Directory, inTenant, Jobs, Remembered } from '@millrace/service'
import { Lead } from '../lead/lead.js'
import { Pool, shown } from './pool.js'

@Injectable()
export class PoolQueries {
  /** How many leads of which pools one may see on a day. */
  readonly recentLimits = new Remembered(() => this.limits())

  constructor(
    private readonly db: Database,
    private readonly directory: Directory,
    private readonly clock: Clock,
    jobs: Jobs,
  ) {
    jobs.every(3_600, 'forget views of pools', () => this.forgetViews())
  }

  list(query: Input<typeof listPools>['query']) {
    return this.db.list(Pool, listPools, query, poolView)
  }

  async get(id: string) {
    return poolView(await this.db.get(Pool, id))
  }

  /** Leads in the pools that are open and for the actor; of pools with a limit no more than one may see on a day. */
  async leads({ fields, ...query }: Input<typeof listPooledLeads>['query']): Promise<Answer<typeof listPooledLeads>> {
    const page = await this.db.list(Lead, listPooledLeads, query as typeof query & { fields?: string }, pooledView, {
      where: { sql: `status = 'pooled' AND pool_id IN (${poolsForMe})`, values: [context().actor?.id ?? ''] },
    })
    const data = await this.within(page.data)
    const wanted = fields?.split(',')
    const cut = (lead: PooledLead) => Object.fromEntries(Object.entries(lead).filter(([name]) => wanted!.includes(name))) as PooledLead
    return { data: wanted ? data.map(cut) : data, next: page.next }
  }

  /** What of these leads the actor may be shown today, and notes it. */
  private async within(leads: PooledLead[]): Promise<PooledLead[]> {
    const { actor } = context()
    const limits = await this.recentLimits.get()
    const limited = leads.filter(({ poolId }) => limits.has(poolId!))
    if (!limited.length || actor?.kind !== 'user') return leads
    const zone = await this.directory.zone()
    const today = dayOf(this.clock.now(), zone)
    return this.db.transaction(async (tx) => {
      tx.lockKeys([`views of ${actor.id}`])
      const seen = await tx.query<{ pool_id: string; lead_id: string }>(
        'SELECT pool_id, lead_id FROM pool_view WHERE user_id = $1 AND seen_on = $2',
        [actor.id, today],
      )
      const left = new Map([...limits].map(([id, limit]) => [id, limit - seen.filter(({ pool_id }) => pool_id === id).length]))
      const visible = shown(leads as (PooledLead & { poolId: string })[], new Set(seen.map(({ lead_id }) => lead_id)), left)
      const noted = visible.filter(({ poolId }) => limits.has(poolId))
      if (!visible.length) throw new Refusal('pool.viewed_enough', { limit: limits.get(limited[0]!.poolId!) })
      await tx.query(
        `INSERT INTO pool_view (user_id, seen_on, pool_id, lead_id) SELECT $1, $2, p, l FROM unnest($3::text[], $4::text[]) AS given(p, l)
         ON CONFLICT DO NOTHING`,
        [actor.id, today, noted.map(({ poolId }) => poolId), noted.map(({ id }) => id)],
      )
      return visible
    })
  }

  private async limits(): Promise<Map<string, number>> {
    const rows = await this.db.query<{ id: string; limit: number }>(
      'SELECT id, max_viewed_per_day AS "limit" FROM pool WHERE max_viewed_per_day IS NOT NULL',
    )
    return new Map(rows.map(({ id, limit }) => [id, limit]))
  }

  /** Views of other days count for nothing. */
  async forgetViews(): Promise<void> {
    const before = addDays(dayOf(this.clock.now(), 'UTC'), -2)
    await inTenant('*', () => this.db.query('DELETE FROM pool_view WHERE seen_on < $1', [before]))
  }
}

type PooledLead = Answer<typeof listPooledLeads>['data'][number]

const poolsForMe = `
  SELECT p.id FROM pool p WHERE p.active AND (p.unit_ids = '[]' OR EXISTS (
    SELECT 1 FROM directory_user u JOIN directory_unit d ON d.id = u.unit_id, jsonb_array_elements_text(p.unit_ids) AS unit
    WHERE u.id = ? AND d.path LIKE '%/' || unit || '/%'))`

/** What is shown of a lead before it is claimed. */
function pooledView(lead: Lead): Answer<typeof listPooledLeads>['data'][number] {
  const { id, version, companyName, jobTitle, country, source, channel, campaign, poolId, pooledAt, pooledReason, createdAt } = lead
  return { id, version, companyName, jobTitle, country, source, channel, campaign, poolId, pooledAt, pooledReason, createdAt }
}

export function poolView({ journeyId: _, ...pool }: Pool): Answer<typeof getPool> {
  return { ...pool, unitIds: [...pool.unitIds] }
}
