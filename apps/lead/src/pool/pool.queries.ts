import { Injectable } from '@nestjs/common'
import { listPooledLeads, listPools, type Answer, type getPool, type Input } from '@millrace/contracts'
import { context, Database } from '@millrace/service'
import { Lead } from '../lead/lead.js'
import { Pool } from './pool.js'

@Injectable()
export class PoolQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listPools>['query']) {
    return this.db.list(Pool, listPools, query, poolView)
  }

  async get(id: string) {
    return poolView(await this.db.get(Pool, id))
  }

  /** Leads in the pools that are open and for the actor. */
  leads(query: Input<typeof listPooledLeads>['query']) {
    return this.db.list(Lead, listPooledLeads, query, pooledView, {
      where: { sql: `status = 'pooled' AND pool_id IN (${poolsForMe})`, values: [context().actor?.id ?? ''] },
    })
  }
}

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
