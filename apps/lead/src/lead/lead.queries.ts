import { Injectable } from '@nestjs/common'
import { listLeads, type Answer, type getLead, type getLeadSettings, type Input } from '@millrace/contracts'
import { context, Database } from '@millrace/service'
import { Lead } from './lead.js'

type Settings = Answer<typeof getLeadSettings>

/** How long another replica's change of the settings may go unnoticed. */
const rememberedMs = 1_000

@Injectable()
export class LeadQueries {
  private readonly remembered = new Map<string, { settings: Settings; until: number }>()

  constructor(private readonly db: Database) {}

  list(query: Input<typeof listLeads>['query']) {
    return this.db.list(Lead, listLeads, query, leadView)
  }

  async get(id: string) {
    return leadView(await this.db.get(Lead, id))
  }

  /** The company's settings; those it was given when it never changed them. */
  async settings(): Promise<Settings> {
    const found = await this.db.one<Settings>('SELECT duplicates, default_country AS "defaultCountry", version FROM lead_settings')
    return found ?? { duplicates: 'flag', defaultCountry: 'CN', version: 0 }
  }

  /** The settings as they were at most a second ago: every capture asks for them. */
  async recentSettings(): Promise<Settings> {
    const { tenantId } = context()
    const known = this.remembered.get(tenantId)
    if (known && known.until > performance.now()) return known.settings
    const settings = await this.settings()
    if (this.remembered.size > 10_000) this.remembered.clear()
    this.remembered.set(tenantId, { settings, until: performance.now() + rememberedMs })
    return settings
  }

  /** The company's settings have changed. */
  forgetSettings(): void {
    this.remembered.delete(context().tenantId)
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
