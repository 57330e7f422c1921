import { Injectable } from '@nestjs/common'
import { AccountScored } from '@millrace/contracts'
import { addDays, dayOf, newId, startOfDay, type Id } from '@millrace/domain'
import {
  Clock,
  Database,
  Directory,
  Events,
  inTenant,
  Jobs,
  pointsBy,
  readRules,
  usableRules,
  type Expressions,
  type ReadRule,
  type Transaction,
} from '@millrace/service'
import { AccountFigures, type AccountValues } from '../account/account-figures.queries.js'
import { Account } from '../account/account.js'
import {
  accountParts,
  AccountScorecard,
  accountScoreOf,
  reasonToTell,
  type AccountPart,
  type AccountScore,
  type AccountScorecardData,
  type PartScore,
  type ToldScore,
} from './account-scorecard.js'

/** So many accounts are scored in one transaction. */
const scoredAtOnce = 500

/** The rules of each part, read. */
export type ReadParts = Readonly<Record<AccountPart, readonly ReadRule[]>>

/** What an account had before it is scored anew. */
interface Known {
  readonly accountId: string
  readonly scorecardId: string
  readonly parts: readonly PartScore[]
  readonly toldScore: number | null
  readonly toldGrade: AccountScore['grade'] | null
}

/** Scores accounts by the company's active scorecard: those that something happened to within seconds, all of them each night. */
@Injectable()
export class AccountScoring {
  private stopped = false

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly figures: AccountFigures,
    jobs: Jobs,
  ) {
    jobs.every(2, 'score accounts', () => this.scoreAll())
    jobs.onStop(() => (this.stopped = true))
  }

  /** The rules, read. Refuses the first one that cannot be used, with the place. */
  async read({ parts }: Pick<AccountScorecardData, 'parts'>): Promise<ReadParts> {
    const expressions = await this.figures.expressions()
    return eachPart((part) => readRules(expressions, parts[part].rules, `/parts/${part}/rules`))
  }

  /** What these rules make of an account; `unknown` is told of each rule that asks for what it lacks. */
  scoreOf(
    scorecard: Pick<AccountScorecardData, 'parts' | 'grades'>,
    rules: ReadParts,
    account: AccountValues,
    now: Date,
    unknown?: (rule: ReadRule) => void,
  ): AccountScore {
    return accountScoreOf(
      eachPart((part) => pointsBy(rules[part], { account }, now, unknown)),
      scorecard,
    )
  }

  /** Has all accounts scored anew by this scorecard. */
  begin(tx: Transaction, id: Id<'account_scorecard'>, nextAt: Date): void {
    tx.send(
      `INSERT INTO account_rescoring (scorecard_id, after_id, done, of, next_at)
       SELECT $1, '', 0, count(1), $2 FROM account WHERE merged_into IS NULL
       ON CONFLICT (tenant_id) DO UPDATE SET scorecard_id = excluded.scorecard_id, after_id = '', done = 0, of = excluded.of, next_at = excluded.next_at`,
      [id, nextAt],
    )
  }

  /** When the company's next day begins: what was recent is less so then, and all accounts are scored again. */
  async tomorrow(): Promise<Date> {
    const zone = await this.directory.zone()
    return startOfDay(addDays(dayOf(this.clock.now(), zone), 1), zone)
  }

  /** The job, over all companies. One whose rules fail does not keep the others from being scored. */
  private async scoreAll(): Promise<void> {
    const waiting = await inTenant('*', () =>
      this.db.query<{ tenant_id: string }>(
        `SELECT tenant_id FROM account_to_score UNION SELECT tenant_id FROM account_rescoring WHERE after_id IS NOT NULL OR next_at <= $1`,
        [this.clock.now()],
      ),
    )
    const failures: unknown[] = []
    for (const { tenant_id } of waiting)
      await inTenant(tenant_id, () => this.scoreCompany()).catch((error: unknown) => failures.push(error))
    if (failures.length) throw new AggregateError(failures, 'the accounts of some companies could not be scored')
  }

  /** Those that something happened to go first; then all others, where another scorecard or another day has come. */
  async scoreCompany(): Promise<void> {
    while (!this.stopped && (await this.db.transaction((tx) => this.scoreNoted(tx))));
    while (!this.stopped && (await this.db.transaction((tx) => this.scoreOthers(tx)))) {
      while (!this.stopped && (await this.db.transaction((tx) => this.scoreNoted(tx))));
    }
  }

  /** Scores accounts that were noted; answers whether there may be more. One that is noted again meanwhile stays noted. */
  private async scoreNoted(tx: Transaction): Promise<boolean> {
    tx.lockKeys(['account scores'])
    const noted = await tx.query<{ id: Id<'account'>; mark: string }>(
      `SELECT account_id AS id, mark FROM account_to_score ORDER BY account_id LIMIT ${scoredAtOnce}`,
    )
    if (!noted.length) return false
    await this.score(
      tx,
      noted.map(({ id }) => id),
    )
    tx.send(
      `DELETE FROM account_to_score t USING unnest($2::text[], $3::text[]) AS given(id, mark)
       WHERE t.tenant_id = $1 AND t.account_id = given.id AND t.mark = given.mark`,
      [tx.tenant, noted.map(({ id }) => id), noted.map(({ mark }) => mark)],
    )
    return noted.length === scoredAtOnce
  }

  /** Scores the next of all accounts in the order of their ids; answers whether there may be more. */
  private async scoreOthers(tx: Transaction): Promise<boolean> {
    tx.lockKeys(['account scores'])
    const run = await tx.one<{ id: Id<'account_scorecard'>; after: string | null; nextAt: Date }>(
      'SELECT scorecard_id AS id, after_id AS after, next_at AS "nextAt" FROM account_rescoring FOR UPDATE',
    )
    if (!run) return false
    if (run.after === null) {
      if (run.nextAt > this.clock.now()) return false
      this.begin(tx, run.id, await this.tomorrow())
      return true
    }
    const next = await tx.query<{ id: Id<'account'> }>(
      `SELECT id FROM account WHERE id > $1 AND merged_into IS NULL ORDER BY id LIMIT ${scoredAtOnce}`,
      [run.after],
    )
    await this.score(
      tx,
      next.map(({ id }) => id),
    )
    const more = next.length === scoredAtOnce
    tx.send('UPDATE account_rescoring SET after_id = $1, done = done + $2', [more ? next.at(-1)!.id : null, next.length])
    return more
  }

  /** Scores these accounts, keeps what changed and tells what is worth telling. Only what has another score is locked, and that but to write. */
  private async score(tx: Transaction, ids: readonly Id<'account'>[]): Promise<void> {
    const [scorecard] = await tx.findBy(AccountScorecard, { status: 'active' })
    if (!scorecard) return
    const now = this.clock.now()
    const accounts = tx.hydrate(
      Account,
      await tx.query('SELECT * FROM account WHERE tenant_id = $1 AND id = ANY($2::text[]) AND merged_into IS NULL', [tx.tenant, ids]),
    )
    const values = await this.figures.of(accounts)
    const rules = usableParts(await this.figures.expressions(), scorecard)
    const known = new Map((await tx.query<Known>(knownSql, [tx.tenant, ids])).map((each) => [each.accountId, each]))
    const scored = accounts
      .map(({ id, score, grade }) => ({ id, before: { score, grade }, ...this.scoreOf(scorecard, rules, values.get(id)!, now) }))
      .filter((score) => hasMoved(score) || isMadeOfOther(known.get(score.id), scorecard.id, score))
    const moved = scored.filter(hasMoved)
    const standing = new Map(
      (
        await tx.lockAll(
          Account,
          moved.map(({ id }) => id),
        )
      ).map((account) => [account.id, account]),
    )
    const kept: (AccountScore & { id: Id<'account'>; told: ToldScore | null })[] = []
    for (const score of scored) {
      const { toldScore = null, toldGrade = null } = known.get(score.id) ?? {}
      const told = toldScore !== null && toldGrade !== null ? { score: toldScore, grade: toldGrade } : null
      const account = standing.get(score.id)
      const because = account && !account.mergedInto ? reasonToTell(told, score) : undefined
      kept.push({ ...score, told: because ? score : told })
      if (!account || !because) continue
      await this.events.publish(tx, AccountScored, account, {
        ...{ accountId: account.id, ownerId: account.ownerId, score: score.score, grade: score.grade, before: told },
        ...{ scorecardId: scorecard.id, because },
      })
    }
    if (!kept.length) return
    const column = <T>(pick: (score: (typeof kept)[number]) => T) => kept.map(pick)
    tx.send(keepSql, [
      scorecard.id,
      now,
      column(({ id }) => id),
      column(({ parts }) => JSON.stringify(parts)),
      column(({ told }) => told?.score ?? null),
      column(({ told }) => told?.grade ?? null),
    ])
    if (!moved.length) return
    const another = <T>(pick: (score: (typeof moved)[number]) => T) => moved.map(pick)
    const [movedIds, scores, grades] = [another(({ id }) => id), another(({ score }) => score), another(({ grade }) => grade)]
    // Not a change that anybody made: the version stays, so that whoever has the account open can still save it.
    tx.send(
      `UPDATE account a SET score = given.score, grade = given.grade
       FROM unnest($2::text[], $3::int[], $4::text[]) AS given(id, score, grade) WHERE a.tenant_id = $1 AND a.id = given.id`,
      [tx.tenant, movedIds, scores, grades],
    )
    tx.send(
      `INSERT INTO account_score_change (id, account_id, at, from_score, from_grade, score, grade, scorecard_id, parts)
       SELECT id, account, $2, from_score, from_grade, score, grade, $1, parts::jsonb
       FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::int[], $8::text[], $9::text[])
         AS given(id, account, from_score, from_grade, score, grade, parts)`,
      [
        ...[scorecard.id, now, moved.map(() => newId('account_score_change')), movedIds],
        another(({ before }) => before.score),
        another(({ before }) => before.grade),
        ...[scores, grades],
        another(({ parts }) => JSON.stringify(parts.map(({ part, points }) => ({ part, points })))),
      ],
    )
  }
}

const knownSql = `
  SELECT s.account_id AS "accountId", s.scorecard_id AS "scorecardId", s.parts, s.told_score AS "toldScore", s.told_grade AS "toldGrade"
  FROM account_score s WHERE s.tenant_id = $1 AND s.account_id = ANY($2::text[])`

const keepSql = `
  INSERT INTO account_score (account_id, scorecard_id, scored_at, parts, told_score, told_grade)
  SELECT id, $1, $2, parts::jsonb, told_score, told_grade
  FROM unnest($3::text[], $4::text[], $5::int[], $6::text[]) AS given(id, parts, told_score, told_grade)
  ON CONFLICT (tenant_id, account_id) DO UPDATE SET scorecard_id = excluded.scorecard_id, scored_at = excluded.scored_at, parts = excluded.parts,
    told_score = excluded.told_score, told_grade = excluded.told_grade`

function eachPart<What>(make: (part: AccountPart) => What): Readonly<Record<AccountPart, What>> {
  return Object.fromEntries(accountParts.map((part) => [part, make(part)])) as Record<AccountPart, What>
}

function usableParts(expressions: Expressions, { parts }: AccountScorecard): ReadParts {
  return eachPart((part) => usableRules(expressions, parts[part].rules))
}

interface Moving extends AccountScore {
  readonly before: { readonly score: number | null; readonly grade: string | null }
}

function hasMoved({ before, score, grade }: Moving): boolean {
  return before.score !== score || before.grade !== grade
}

/** Whether a score is made of other points than what is kept. */
function isMadeOfOther(known: Known | undefined, scorecardId: string, { parts }: AccountScore): boolean {
  return known?.scorecardId !== scorecardId || asText(known.parts) !== asText(parts)
}

/** In one order of the fields, whatever order the database keeps. */
function asText(parts: readonly PartScore[]): string {
  return JSON.stringify(parts.map(({ part, points, most, rules }) => [part, points, most, rules.map((rule) => [rule.name, rule.points])]))
}
