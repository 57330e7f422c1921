import { Injectable } from '@nestjs/common'
import type { changeSegment, createSegment, Input } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, inTenant, Jobs, type Expression, type Transaction } from '@millrace/service'
import { AccountFigures } from '../account/account-figures.queries.js'
import { Account } from '../account/account.js'
import { lookAgain } from '../service-plan/due-list.service.js'
import { accountsAtOnce, Segment, type SegmentData } from './segment.js'

/** Conditions ask for days that pass and for what other services tell, so that members are found anew after so long, whatever happened. */
const anewAfterMs = 6 * 3_600_000

interface Walk {
  readonly after: string
  readonly startedAt: Date
}

/**
 * Use cases of segments. Who is in them is kept: conditions over 100,000 accounts cannot be evaluated while somebody waits, and due lists join with
 * it. One walk over a company's accounts, in batches, finds the members of all its segments, so that what hangs on an account is read once.
 */
@Injectable()
export class SegmentService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
    private readonly figures: AccountFigures,
  ) {}

  create(given: Input<typeof createSegment>['body']): Promise<Segment> {
    return this.db.transaction(async (tx) => {
      await this.read(given.condition)
      const segment = Segment.create({ ...begun('segment', this.clock.now()), ...given })
      await tx.insert(segment)
      this.walkAnew(tx, segment.updatedAt)
      return segment
    })
  }

  change(id: Id<'segment'>, given: Input<typeof changeSegment>['body']): Promise<Segment> {
    const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<SegmentData>
    return this.db.transaction(async (tx) => {
      if (said.condition) await this.read(said.condition)
      const before = await tx.lock(Segment, id)
      const segment = await tx.update(before.change(said, this.clock.now()))
      this.walkAnew(tx, segment.updatedAt)
      return segment
    })
  }

  /** The job: over all companies, finds the members of segments that are new or were looked at long ago. Goes on where it was stopped. */
  async findMembers(): Promise<void> {
    const due = await inTenant('*', () =>
      this.db.query<{ tenant_id: string }>('SELECT tenant_id FROM segment_walk WHERE due_at <= $1 ORDER BY due_at', [this.clock.now()]),
    )
    const failures: unknown[] = []
    for (const { tenant_id } of due)
      await inTenant(tenant_id, async () => {
        while (await this.walkOn());
      }).catch((error: unknown) => failures.push(error))
    if (failures.length) throw new AggregateError(failures, 'the segments of some companies could not be looked at')
  }

  /** Refuses a condition with the place of what is wrong with it. */
  private async read(condition: string): Promise<Expression<boolean>> {
    return (await this.figures.expressions()).condition(condition)
  }

  private walkAnew(tx: Transaction, at: Date): void {
    tx.send(
      `INSERT INTO segment_walk (due_at) VALUES ($1)
       ON CONFLICT (tenant_id) DO UPDATE SET due_at = excluded.due_at, started_at = NULL, after = ''`,
      [at],
    )
    tx.onCommit(() => this.jobs.begin('segments', () => this.findMembers()))
  }

  /** Looks at the next accounts; says whether there are more. */
  private walkOn(): Promise<boolean> {
    return this.db.transaction(async (tx) => {
      const now = this.clock.now()
      const walk = await tx.one<Walk>(
        `SELECT after, coalesce(started_at, $2) AS "startedAt" FROM segment_walk WHERE tenant_id = $1 AND due_at <= $2 FOR UPDATE`,
        [tx.tenant, now],
      )
      if (!walk) return false
      const rules = await this.rules(tx)
      const atOnce = accountsAtOnce(rules.length)
      const sql = 'SELECT * FROM account WHERE id > $1 ORDER BY id LIMIT $2'
      const rows = rules.length ? await tx.query<{ id: string }>(sql, [walk.after, atOnce]) : []
      const last = rows.length < atOnce ? null : rows.at(-1)!.id
      const members = await this.membersAmong(tx.hydrate(Account, rows), rules, now)
      const given = [members.map(({ segmentId }) => segmentId), members.map(({ accountId }) => accountId)]
      tx.send(
        `DELETE FROM segment_member m WHERE tenant_id = $1 AND account_id > $2 AND ($3::text IS NULL OR account_id <= $3) AND NOT EXISTS (
           SELECT 1 FROM unnest($4::text[], $5::text[]) AS given(segment_id, account_id)
           WHERE given.segment_id = m.segment_id AND given.account_id = m.account_id)`,
        [tx.tenant, walk.after, last, ...given],
      )
      tx.send(
        `INSERT INTO segment_member (segment_id, account_id) SELECT segment_id, account_id FROM unnest($1::text[], $2::text[]) AS given(segment_id, account_id)
         ON CONFLICT DO NOTHING`,
        given,
      )
      if (last === null) {
        tx.send(`UPDATE segment_walk SET looked_at = $2, started_at = NULL, after = '', due_at = $3 WHERE tenant_id = $1`, [
          ...[tx.tenant, walk.startedAt],
          new Date(walk.startedAt.getTime() + anewAfterMs),
        ])
        lookAgain(tx, now)
      } else tx.send('UPDATE segment_walk SET started_at = $2, after = $3 WHERE tenant_id = $1', [tx.tenant, walk.startedAt, last])
      return last !== null
    })
  }

  /** The conditions of the active segments; one that asks for a field that is gone holds for nobody. */
  private async rules(tx: Transaction): Promise<{ id: Id<'segment'>; rule: Expression<boolean> }[]> {
    const expressions = await this.figures.expressions()
    return (await tx.findBy(Segment, { active: true })).flatMap(({ id, condition }) => {
      try {
        return [{ id, rule: expressions.condition(condition) }]
      } catch (error) {
        if (error instanceof Refusal) return []
        throw error
      }
    })
  }

  private async membersAmong(accounts: readonly Account[], rules: readonly { id: Id<'segment'>; rule: Expression<boolean> }[], now: Date) {
    const standing = accounts.filter(({ mergedInto }) => !mergedInto)
    const values = await this.figures.of(standing)
    return standing.flatMap((account) =>
      rules
        .filter(({ rule }) => rule.of({ account: values.get(account.id)! }, now) === true)
        .map(({ id }) => ({ segmentId: id, accountId: account.id })),
    )
  }
}
