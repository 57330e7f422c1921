import { Injectable } from '@nestjs/common'
import type { changeAccountScorecard, draftAccountScorecard, Input } from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { begun, Clock, context, Database, inTenant, Jobs } from '@millrace/service'
import { AccountScorecard, type AccountScorecardData } from './account-scorecard.js'
import { AccountScoring } from './account-scoring.service.js'

/** Use cases of the scorecard of accounts. */
@Injectable()
export class AccountScorecardService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly scoring: AccountScoring,
    private readonly jobs: Jobs,
  ) {}

  draft(given: Input<typeof draftAccountScorecard>['body']): Promise<AccountScorecard> {
    return this.db.transaction(async (tx) => {
      await this.scoring.read(given)
      const scorecard = AccountScorecard.draft({ ...begun('account_scorecard', this.clock.now()), ...given })
      await tx.insert(scorecard)
      return scorecard
    })
  }

  change(id: Id<'account_scorecard'>, given: Input<typeof changeAccountScorecard>['body']): Promise<AccountScorecard> {
    return this.db.transaction(async (tx) => {
      if (given.parts) await this.scoring.read({ parts: given.parts })
      const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
      return tx.update((await tx.lock(AccountScorecard, id)).change(said as Partial<AccountScorecardData>, this.clock.now()))
    })
  }

  /** Lets this one count, retires the one before, and begins to score all accounts anew. Asked again, answers the same. */
  activate(id: Id<'account_scorecard'>): Promise<AccountScorecard> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['active account scorecard'])
      const before = await tx.lock(AccountScorecard, id)
      const now = this.clock.now()
      const scorecard = before.activate(now)
      if (scorecard === before) return before
      for (const former of await tx.lockBy(AccountScorecard, { status: 'active' })) await tx.update(former.retire(now))
      await tx.update(scorecard)
      this.scoring.begin(tx, id, await this.scoring.tomorrow())
      const { tenantId } = context()
      tx.onCommit(() => this.jobs.begin('score accounts', () => inTenant(tenantId, () => this.scoring.scoreCompany())))
      return scorecard
    })
  }
}
