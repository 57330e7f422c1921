import { Injectable } from '@nestjs/common'
import { listActivities, type Answer, type getActivity, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { AttachmentQueries } from '../attachment/attachment.queries.js'
import { Activity } from './activity.js'

@Injectable()
export class ActivityQueries {
  constructor(
    private readonly db: Database,
    private readonly attachments: AttachmentQueries,
  ) {}

  list(query: Input<typeof listActivities>['query']) {
    return this.db.list(Activity, listActivities, query, activityView, {
      fields: { nextStepOn: { sql: 'next_step_on', type: 'text', nullable: true } },
    })
  }

  async get(id: string) {
    return this.detail(await this.db.get(Activity, id))
  }

  /** An activity with what is attached to it. */
  async detail(activity: Activity): Promise<Answer<typeof getActivity>> {
    return (await this.details([activity]))[0]!
  }

  async details(activities: readonly Activity[]): Promise<Answer<typeof getActivity>[]> {
    const attached = await this.attachments.of(activities.map(({ id }) => id))
    return activities.map((activity) => ({ ...activityView(activity), attachments: attached(activity.id) }))
  }
}

/** An activity as a list shows it: without the owner, who is that of the account. */
function activityView({ ownerId: _, ...activity }: Activity): Answer<typeof listActivities>['data'][number] {
  const { companions, mail } = activity
  return { ...activity, companions: [...companions], mail: mail && { ...mail, to: [...mail.to], cc: [...mail.cc] } }
}
