import { Injectable } from '@nestjs/common'
import { listSegments, type Answer, type getSegment, type Input, type previewSegment } from '@millrace/contracts'
import { Clock, Database, visibleOwners } from '@millrace/service'
import { AccountFigures } from '../account/account-figures.queries.js'
import { Account } from '../account/account.js'
import { Segment } from './segment.js'

/** So many of the newest accounts a preview looks at, so many of them at a time. */
const previewed = 2_000
const atOnce = 500
const shown = 20

@Injectable()
export class SegmentQueries {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly figures: AccountFigures,
  ) {}

  async list(query: Input<typeof listSegments>['query']) {
    const known = await this.known()
    return this.db.list(Segment, listSegments, query, (segment) => viewed(segment, known))
  }

  async get(id: string): Promise<Answer<typeof getSegment>> {
    return viewed(await this.db.get(Segment, id), await this.known(id))
  }

  async view(segment: Segment): Promise<Answer<typeof getSegment>> {
    return viewed(segment, await this.known(segment.id))
  }

  async fields() {
    return { fields: await this.figures.fields() }
  }

  async preview({ condition }: Input<typeof previewSegment>['body']): Promise<Answer<typeof previewSegment>> {
    const rule = (await this.figures.expressions()).condition(condition)
    const seen = visibleOwners('owner_id', 1)
    const rows = await this.db.query(
      `SELECT * FROM account WHERE merged_into IS NULL${seen ? ` AND ${seen.sql}` : ''} ORDER BY id DESC LIMIT $1`,
      [previewed + 1, ...(seen?.values ?? [])],
    )
    const accounts = this.db.hydrate(Account, rows).slice(0, previewed)
    const now = this.clock.now()
    const matching: Account[] = []
    for (let at = 0; at < accounts.length; at += atOnce) {
      const those = accounts.slice(at, at + atOnce)
      const values = await this.figures.of(those)
      matching.push(...those.filter(({ id }) => rule.of({ account: values.get(id)! }, now) === true))
    }
    return {
      ...{ matches: matching.length, looked: accounts.length, complete: rows.length <= previewed },
      first: matching.slice(0, shown).map(({ id, name, industry, country, ownerId, class: accountClass }) => ({
        id,
        name,
        industry,
        country,
        ownerId,
        class: accountClass,
      })),
    }
  }

  private async known(segmentId: string | null = null): Promise<Known> {
    const seen = visibleOwners('a.owner_id', 1)
    const members = await this.db.query<{ segmentId: string; count: number }>(
      `SELECT m.segment_id AS "segmentId", count(*)::int AS count FROM segment_member m${seen ? ' JOIN account a ON a.id = m.account_id' : ''}
       WHERE ($1::text IS NULL OR m.segment_id = $1)${seen ? ` AND ${seen.sql}` : ''} GROUP BY m.segment_id`,
      [segmentId, ...(seen?.values ?? [])],
    )
    const walk = await this.db.one<{ lookedAt: Date | null }>('SELECT looked_at AS "lookedAt" FROM segment_walk')
    return { members: new Map(members.map(({ segmentId: id, count }) => [id, count])), lookedAt: walk?.lookedAt ?? null }
  }
}

interface Known {
  readonly members: ReadonlyMap<string, number>
  readonly lookedAt: Date | null
}

function viewed({ journeyId: _, ...segment }: Segment, { members, lookedAt }: Known): Answer<typeof getSegment> {
  const isLooked = lookedAt !== null && lookedAt >= segment.updatedAt
  return { ...segment, members: members.get(segment.id) ?? 0, evaluatedAt: isLooked ? lookedAt : null }
}
