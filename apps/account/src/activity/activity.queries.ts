import { Injectable } from '@nestjs/common'
import { listActivities, type Answer, type getActivity, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { Activity } from './activity.js'

@Injectable()
export class ActivityQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listActivities>['query']) {
    return this.db.list(Activity, listActivities, query, activityView, {
      fields: { nextStepOn: { sql: `(next_step->>'on')`, type: 'text', nullable: true } },
    })
  }

  async get(id: string) {
    return activityView(await this.db.get(Activity, id))
  }
}

/** An activity as the API shows it: without the owner, who is that of the account. */
export function activityView({ ownerId: _, ...activity }: Activity): Answer<typeof getActivity> {
  return { ...activity, companions: [...activity.companions] }
}
