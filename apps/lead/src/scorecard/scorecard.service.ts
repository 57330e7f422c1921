import { Injectable } from '@nestjs/common'
import { LeadScored, type changeScorecard, type draftScorecard, type Input } from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { begun, Clock, context, Database, Events, inTenant, Jobs, type Transaction } from '@millrace/service'
import { Deadlines } from '../clock/deadlines.service.js'
import { Lead } from '../lead/lead.js'
import { Scorecard, type ScorecardData } from './scorecard.js'
import { Scoring } from './scoring.service.js'

const scoredAtOnce = 500

/** Use cases of the scorecard, and scoring the open leads anew when another one counts. */
@Injectable()
export class ScorecardService {
  private stopped = false

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly scoring: Scoring,
    private readonly jobs: Jobs,
    private readonly deadlines: Deadlines,
  ) {
    jobs.every(30, 'score leads anew', () => this.rescoreAll())
    jobs.onStop(() => (this.stopped = true))
  }

  draft(given: Input<typeof draftScorecard>['body']): Promise<Scorecard> {
    return this.db.transaction(async (tx) => {
      await this.scoring.read(given.rules)
      const scorecard = Scorecard.draft({ ...begun('scorecard', this.clock.now()), ...given })
      await tx.insert(scorecard)
      return scorecard
    })
  }

  change(id: Id<'scorecard'>, given: Input<typeof changeScorecard>['body']): Promise<Scorecard> {
    return this.db.transaction(async (tx) => {
      await this.scoring.read(given.rules ?? [])
      const said = Object.entries(given).filter(([, value]) => value !== undefined)
      return tx.update((await tx.lock(Scorecard, id)).change(Object.fromEntries(said) as Partial<ScorecardData>, this.clock.now()))
    })
  }

  /** Lets this one count, retires the one before, and begins to score the open leads anew. Asked again, answers the same. */
  activate(id: Id<'scorecard'>): Promise<Scorecard> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['active scorecard'])
      const before = await tx.lock(Scorecard, id)
      const now = this.clock.now()
      const scorecard = before.activate(now)
      if (scorecard === before) return before
      for (const former of await tx.findBy(Scorecard, { status: 'active' })) await tx.update(former.retire(now))
      await tx.update(scorecard)
      tx.send(
        `INSERT INTO rescoring (scorecard_id, after_id, done, of) SELECT $1, '', 0, count(*) FROM lead WHERE ${open}
         ON CONFLICT (tenant_id) DO UPDATE SET scorecard_id = excluded.scorecard_id, after_id = '', done = 0, of = excluded.of`,
        [id],
      )
      const { tenantId } = context()
      tx.onCommit(() => {
        this.scoring.forget()
        this.jobs.begin('score leads anew', () => inTenant(tenantId, () => this.rescore()))
      })
      return scorecard
    })
  }

  /** Goes on wherever leads still have scores of a scorecard before. */
  private async rescoreAll(): Promise<void> {
    const begun = await inTenant('*', () => this.db.query<{ tenant_id: string }>('SELECT tenant_id FROM rescoring'))
    for (const { tenant_id } of begun) await inTenant(tenant_id, () => this.rescore())
  }

  private async rescore(): Promise<void> {
    while (!this.stopped && (await this.db.transaction((tx) => this.rescoreSome(tx))));
  }

  /** Scores the next open leads in the order of their ids; answers whether there may be more. The row of the progress keeps others from doing the same. */
  private async rescoreSome(tx: Transaction): Promise<boolean> {
    const progress = await tx.one<{ scorecard_id: Id<'scorecard'>; after_id: string }>(
      'SELECT scorecard_id, after_id FROM rescoring FOR UPDATE',
    )
    if (!progress) return false
    const next = await tx.query<{ id: Id<'lead'> }>(`SELECT id FROM lead WHERE id > $1 AND ${open} ORDER BY id LIMIT ${scoredAtOnce}`, [
      progress.after_id,
    ])
    const leads = await tx.lockAll(
      Lead,
      next.map(({ id }) => id),
    )
    this.scoring.forget()
    const scored = await this.scoring.now()
    const before = new Map(leads.map((lead) => [lead.id, lead]))
    const isAsGood = ({ id, score, grade }: Lead) => score === before.get(id)!.score && grade === before.get(id)!.grade
    const [same, other] = separated(
      leads.map(scored).filter((lead, n) => lead !== leads[n]),
      isAsGood,
    )
    await tx.updateAll(
      await this.deadlines.timed(
        tx,
        other,
        other.map(({ id }) => before.get(id)!),
      ),
    )
    // The same score by other rules is no change that anybody is told of: the version stays.
    tx.send(keepReasons, [
      tx.tenant,
      progress.scorecard_id,
      same.map(({ id }) => id),
      same.map(({ scoreParts }) => JSON.stringify(scoreParts)),
    ])
    for (const lead of other) {
      await this.events.publish(tx, LeadScored, lead, {
        leadId: lead.id,
        score: lead.score!,
        grade: lead.grade!,
        scorecardId: progress.scorecard_id,
      })
    }
    const more = next.length === scoredAtOnce
    if (more) tx.send('UPDATE rescoring SET after_id = $1, done = done + $2', [next.at(-1)!.id, next.length])
    else tx.send('DELETE FROM rescoring')
    return more
  }
}

function separated<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))]
}

const keepReasons = `
  UPDATE lead SET scorecard_id = $2, score_parts = given.parts::jsonb FROM unnest($3::text[], $4::text[]) AS given(id, parts)
  WHERE lead.tenant_id = $1 AND lead.id = given.id`

const open = `status NOT IN ('converted', 'disqualified', 'merged')`
