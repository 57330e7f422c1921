import { Injectable } from '@nestjs/common'
import { listLeads, type Answer, type getLead, type getLeadSettings, type Input, type listLeadDuplicates } from '@millrace/contracts'
import { isId, Refusal } from '@millrace/domain'
import { Database, Remembered, visibleOwners } from '@millrace/service'
import { Lead } from './lead.js'

type Settings = Answer<typeof getLeadSettings>

@Injectable()
export class LeadQueries {
  /** The settings as they were at most a second ago: every capture asks for them. */
  readonly recentSettings = new Remembered(() => this.settings())

  constructor(private readonly db: Database) {}

  list(query: Input<typeof listLeads>['query']) {
    return this.db.list(Lead, listLeads, query, leadView)
  }

  /** The lead; of one that was merged, the one that it became part of, if the actor may see it. */
  async get(id: string): Promise<Answer<typeof getLead>> {
    const lead = await this.db.get(Lead, id)
    const survivor = lead.mergedInto && (await this.db.find(Lead, lead.mergedInto))
    return survivor ? this.get(survivor.id) : leadView(lead)
  }

  /** Pairs that look the same, of which the actor sees both. */
  async duplicates({ limit, cursor }: Input<typeof listLeadDuplicates>['query']): Promise<Answer<typeof listLeadDuplicates>> {
    const [leadId, otherId] = cursor ? cursorOf(cursor) : [null, null]
    const [first, second] = [visibleOwners('l.owner_id', 3), visibleOwners('o.owner_id', 4)]
    const rows = await this.db.query<{ lead: Lead; other: Lead; score: number; reasons: string[] }>(
      `SELECT ${inShort('l')} AS lead, ${inShort('o')} AS other, d.score, d.reasons
       FROM lead l, jsonb_to_recordset(l.duplicate_of) AS d("leadId" text, score int, reasons jsonb), lead o
       WHERE l.duplicate_of <> '[]' AND o.id = d."leadId" AND NOT ${closed('l')} AND NOT ${closed('o')}
         AND ($2::text IS NULL OR (l.id, o.id) < ($2, $3)) ${[first, second].map((seen) => (seen ? `AND ${seen.sql}` : '')).join(' ')}
       ORDER BY l.id DESC, o.id DESC LIMIT $1`,
      [limit + 1, leadId, otherId, ...(first?.values ?? []), ...(second?.values ?? [])],
    )
    const data = rows.slice(0, limit).map(({ lead, other, ...like }) => ({ lead: inTime(lead), other: inTime(other), ...like }))
    const last = data.at(-1)
    return { data, next: rows.length > limit && last ? `${last.lead.id}.${last.other.id}` : null }
  }

  /** The company's settings; those it was given when it never changed them. */
  async settings(): Promise<Settings> {
    const found = await this.db.one<Settings>('SELECT duplicates, default_country AS "defaultCountry", version FROM lead_settings')
    return found ?? { duplicates: 'flag', defaultCountry: 'CN', version: 0 }
  }
}

/** A lead as the API shows it: without the keys that likeness is judged by. */
export function leadView({
  companyKey: _,
  contactKey: _c,
  emailKey: _e,
  phoneKey: _p,
  formerOwnerId: _f,
  steppedAt: _st,
  scoreParts: _s,
  ...lead
}: Lead): Answer<typeof getLead> {
  return {
    ...lead,
    tags: [...lead.tags],
    disqualifiedReason: lead.disqualifiedReason as never,
    duplicateOf: lead.duplicateOf.map((like) => ({ ...like, reasons: [...like.reasons] })),
    customers: lead.customers.map((match) => ({ ...match, reasons: [...match.reasons] })),
  }
}

const closed = (lead: string) => `${lead}.status IN ('converted', 'disqualified', 'merged')`

const inShort = (lead: string) =>
  `jsonb_build_object('id', ${lead}.id, 'version', ${lead}.version, 'status', ${lead}.status, 'companyName', ${lead}.company_name, 'contactName', ${lead}.contact_name,
     'email', ${lead}.email, 'phone', ${lead}.phone, 'source', ${lead}.source, 'ownerId', ${lead}.owner_id, 'createdAt', ${lead}.created_at)`

function inTime<Short extends { readonly createdAt: Date }>(lead: Short): Short {
  return { ...lead, createdAt: new Date(lead.createdAt) }
}

function cursorOf(cursor: string): [string, string] {
  const [lead, other, ...more] = cursor.split('.')
  if (!isId('lead', lead) || !isId('lead', other) || more.length) throw Refusal.invalid('cursor.malformed')
  return [lead, other]
}
