import { Injectable } from '@nestjs/common'
import { listLeads, type Answer, type getLead, type getLeadSettings, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { Lead } from './lead.js'

@Injectable()
export class LeadQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listLeads>['query']) {
    return this.db.list(Lead, listLeads, query, leadView)
  }

  async get(id: string) {
    return leadView(await this.db.get(Lead, id))
  }

  /** The company's settings; those it was given when it never changed them. */
  async settings(): Promise<Answer<typeof getLeadSettings>> {
    const found = await this.db.one<Answer<typeof getLeadSettings>>(
      'SELECT duplicates, default_country AS "defaultCountry", version FROM lead_settings',
    )
    return found ?? { duplicates: 'flag', defaultCountry: 'CN', version: 0 }
  }
}

/** A lead as the API shows it: without the keys that likeness is judged by. */
export function leadView({ companyKey: _, contactKey: _c, emailKey: _e, phoneKey: _p, ...lead }: Lead): Answer<typeof getLead> {
  return {
    ...lead,
    disqualifiedReason: lead.disqualifiedReason as never,
    duplicateOf: lead.duplicateOf.map((like) => ({ ...like, reasons: [...like.reasons] })),
  }
}
