import { Injectable } from '@nestjs/common'
import {
  listAccountScorecards,
  type Answer,
  type explainAccountScore,
  type getAccountScorecard,
  type Input,
  type previewAccountScorecard,
} from '@millrace/contracts'
import { grades, type Grade, type Id } from '@millrace/domain'
import { Clock, Database } from '@millrace/service'
import { AccountFigures } from '../account/account-figures.queries.js'
import { Account } from '../account/account.js'
import { AccountQueries } from '../account/account.queries.js'
import { accountParts, AccountScorecard, type AccountPart, type AccountScore, type PartScore } from './account-scorecard.js'
import { AccountScoring } from './account-scoring.service.js'

const shown = 20
const readAtOnce = 500

interface Rescoring {
  readonly scorecardId: string
  readonly after: string | null
  readonly done: number
  readonly of: number
}

interface Kept {
  readonly scorecardId: Id<'account_scorecard'>
  readonly scoredAt: Date
  readonly parts: readonly PartScore[]
}

interface Change {
  readonly id: Id<'account_score_change'>
  readonly at: Date
  readonly fromScore: number | null
  readonly fromGrade: Grade | null
  readonly score: number
  readonly grade: Grade
  readonly scorecardId: Id<'account_scorecard'>
  readonly parts: readonly { readonly part: AccountPart; readonly points: number }[]
}

/** Scorecards of accounts, what one would make of them, and how an account came to its score. */
@Injectable()
export class AccountScoreQueries {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly scoring: AccountScoring,
    private readonly figures: AccountFigures,
    private readonly accounts: AccountQueries,
  ) {}

  async list(query: Input<typeof listAccountScorecards>['query']) {
    const rescoring = await this.rescoring()
    return this.db.list(AccountScorecard, listAccountScorecards, query, (scorecard) => viewed(scorecard, rescoring))
  }

  async get(id: string) {
    return this.view(await this.db.get(AccountScorecard, id))
  }

  async view(scorecard: AccountScorecard): Promise<Answer<typeof getAccountScorecard>> {
    return viewed(scorecard, await this.rescoring())
  }

  async fields() {
    return { data: Object.entries(await this.figures.fields()).map(([field, kind]) => ({ field: `account.${field}`, kind })), next: null }
  }

  /** What rules would make of the newest accounts. */
  async preview({ last, ...given }: Input<typeof previewAccountScorecard>['body']): Promise<Answer<typeof previewAccountScorecard>> {
    const rules = await this.scoring.read(given)
    const now = this.clock.now()
    const [holds, unknown] = [new Map<string, number>(), new Map<string, number>()]
    const [before, then] = [new Map<Grade, number>(), new Map<Grade, number>()]
    const changes: { account: Account; to: AccountScore }[] = []
    let [looked, after] = [0, '']
    while (looked < last) {
      const rows = await this.db.query<{ id: string }>(
        `SELECT * FROM account WHERE ($1 = '' OR id < $1) AND merged_into IS NULL ORDER BY id DESC LIMIT $2`,
        [after, Math.min(readAtOnce, last - looked)],
      )
      if (!rows.length) break
      const accounts = this.db.hydrate(Account, rows)
      const values = await this.figures.of(accounts)
      for (const account of accounts) {
        const to = this.scoring.scoreOf(given, rules, values.get(account.id)!, now, ({ name }) => count(unknown, name))
        for (const { name } of to.parts.flatMap((part) => part.rules)) count(holds, name)
        count(then, to.grade)
        if (account.grade) count(before, account.grade)
        if (account.grade !== to.grade) changes.push({ account, to })
      }
      looked += rows.length
      after = rows.at(-1)!.id
    }
    const distance = ({ account, to }: (typeof changes)[number]) => Math.abs(to.score - (account.score ?? 0))
    const named = [...new Set(accountParts.flatMap((part) => given.parts[part].rules.map(({ name }) => name)))]
    return {
      accounts: looked,
      changed: changes.length,
      grades: grades.map((grade) => ({ grade, now: before.get(grade) ?? 0, then: then.get(grade) ?? 0 })),
      ungraded: looked - [...before.values()].reduce((sum, n) => sum + n, 0),
      rules: named.map((name) => ({ name, holds: holds.get(name) ?? 0, unknown: unknown.get(name) ?? 0 })),
      examples: changes
        .sort((a, b) => distance(b) - distance(a))
        .slice(0, shown)
        .map(({ account: { id, name, score, grade }, to }) => ({
          ...{ accountId: id, name, from: { score, grade } },
          to: { score: to.score, grade: to.grade },
        })),
    }
  }

  /** What an account's score is made of, and how it changed, the latest first. */
  async explain(asked: string, { limit, cursor }: Input<typeof explainAccountScore>['query']): Promise<Answer<typeof explainAccountScore>> {
    const { id: accountId, score, grade } = await this.accounts.get(asked)
    const kept = await this.db.one<Kept>(
      'SELECT scorecard_id AS "scorecardId", scored_at AS "scoredAt", parts FROM account_score WHERE account_id = $1',
      [accountId],
    )
    const changes = await this.db.query<Change>(
      `SELECT id, at, from_score AS "fromScore", from_grade AS "fromGrade", score, grade, scorecard_id AS "scorecardId", parts
       FROM account_score_change WHERE account_id = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
      [accountId, cursor ?? null, limit + 1],
    )
    const page = changes.slice(0, limit)
    return {
      ...{ accountId, score, grade, scorecardId: kept?.scorecardId ?? null, scoredAt: kept?.scoredAt ?? null },
      parts: (kept?.parts ?? []).map((part) => ({ ...part, rules: [...part.rules] })),
      history: {
        data: page.map((change) => ({
          at: change.at,
          from: change.fromScore === null ? null : { score: change.fromScore, grade: change.fromGrade! },
          to: { score: change.score, grade: change.grade },
          scorecardId: change.scorecardId,
          parts: [...change.parts],
        })),
        next: changes.length > limit ? page.at(-1)!.id : null,
      },
    }
  }

  private rescoring() {
    return this.db.one<Rescoring>('SELECT scorecard_id AS "scorecardId", after_id AS after, done, of FROM account_rescoring')
  }
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function viewed(
  { journeyId: _, parts, grades: limits, ...rest }: AccountScorecard,
  rescoring: Rescoring | undefined,
): Answer<typeof getAccountScorecard> {
  const running = rescoring?.scorecardId === rest.id && rescoring.after !== null
  const each = (part: AccountPart) => ({ most: parts[part].most, rules: parts[part].rules.map((rule) => ({ ...rule })) })
  return {
    ...rest,
    parts: { fit: each('fit'), value: each('value'), behaviour: each('behaviour') },
    grades: { ...limits },
    rescoring: running ? { done: rescoring.done, of: rescoring.of } : null,
  }
}
