import { Injectable } from '@nestjs/common'
import { listAccountPlans, type Answer, type getAccountPlan, type Input, type listPlanActions } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { Database, visibleOwners } from '@millrace/service'
import { Account } from '../account/account.js'
import { ofSeenAccounts } from '../account/account.queries.js'
import { AccountPlan } from './plan.js'

const mostActions = 200

@Injectable()
export class AccountPlanQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listAccountPlans>['query']) {
    const where = ofSeenAccounts()
    return this.db.list(AccountPlan, listAccountPlans, query, planView, where && { where })
  }

  /** The plan, if the actor sees its account. */
  async get(id: string): Promise<Answer<typeof getAccountPlan>> {
    const plan = await this.db.get(AccountPlan, id)
    if (!(await this.db.find(Account, plan.accountId))) throw Refusal.notFound('account_plan', id)
    return planView(plan)
  }

  /** What is still to be done in active plans. */
  async actions({ ownerId, dueBefore }: Input<typeof listPlanActions>['query']): Promise<Answer<typeof listPlanActions>> {
    const seen = visibleOwners('c.owner_id', 2)
    const rows = await this.db.query<Answer<typeof listPlanActions>['data'][number]>(
      `SELECT p.id AS "planId", p.account_id AS "accountId", p.title AS "planTitle", a.key, a.text, a."ownerId", a."dueOn"
       FROM account_plan p JOIN account c ON c.id = p.account_id,
         jsonb_to_recordset(p.actions) AS a(key text, text text, "ownerId" text, "dueOn" text, "doneOn" text)
       WHERE p.status = 'active' AND a."doneOn" IS NULL AND ($1::text IS NULL OR a."ownerId" = $1) AND ($2::text IS NULL OR a."dueOn" < $2)
         ${seen ? `AND ${seen.sql}` : ''}
       ORDER BY a."dueOn", p.id, a.key LIMIT ${mostActions}`,
      [ownerId ?? null, dueBefore ?? null, ...(seen?.values ?? [])],
    )
    return { data: rows, next: null }
  }
}

export function planView(plan: AccountPlan): Answer<typeof getAccountPlan> {
  const { journeyId: _, goals, relations, actions, ...rest } = plan
  return {
    ...rest,
    goals: goals.map((goal) => ({ ...goal })),
    relations: relations.map((relation) => ({ ...relation })),
    actions: actions.map((action) => ({ ...action })),
    progress: plan.progress,
  }
}
