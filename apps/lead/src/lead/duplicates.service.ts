import { Injectable } from '@nestjs/common'
import { companyTokens, type Id } from '@millrace/domain'
import { Database, inTenant, Jobs, type Transaction } from '@millrace/service'
import { likeness, type CustomerMatch, type Likeness, type Traits } from './likeness.js'

/** What a lead looks like. */
export interface Found {
  readonly leads: readonly Likeness[]
  readonly customers: readonly CustomerMatch[]
}

interface KnownLead extends Traits {
  readonly id: Id<'lead'>
}
interface KnownCustomer extends Traits {
  readonly accountId: Id<'account'> | null
  readonly contactId: Id<'contact'> | null
}

/** So many leads or accounts are looked at for one token, the newest first; and so many of the most alike are told. */
const lookedAt = 50
const told = 20
const backfilledAtOnce = 1_000

/** Finds what a lead looks like: open leads, and the accounts and contacts that this service has heard of. */
@Injectable()
export class Duplicates {
  constructor(
    private readonly database: Database,
    jobs: Jobs,
  ) {
    jobs.every(60, 'index companies of leads', () => this.indexOlder())
  }

  /** What a lead looks like, but for itself. Captures with the same keys wait for each other. */
  async of(tx: Transaction, lead: Traits & { readonly companyKey?: string | null }, except = ''): Promise<Found> {
    const { emailKey, phoneKey, companyKey, contactKey } = lead
    const keys = [
      ...(emailKey ? [`email ${emailKey}`] : []),
      ...(phoneKey ? [`phone ${phoneKey}`] : []),
      ...(companyKey && contactKey ? [`company ${companyKey} ${contactKey}`] : []),
    ]
    if (keys.length) tx.lockKeys(keys)
    const { leads, customers } = await this.near(tx, [lead], except)
    return foundFor(lead, leads, customers)
  }

  /**
   * For each of these new leads what it looks like, also of those before it that `kept` says are stored. They wait for nobody: of a capture at
   * the same moment only the flag is missed.
   */
  async among(tx: Transaction, given: readonly KnownLead[], kept: (like: readonly Likeness[]) => boolean): Promise<Found[]> {
    const { leads, customers } = await this.near(tx, given, '')
    return given.map((lead) => {
      const found = foundFor(lead, leads, customers)
      if (kept(found.leads)) leads.add(lead)
      return found
    })
  }

  private async near(tx: Transaction, leads: readonly Traits[], except: string) {
    const keys = (pick: (traits: Traits) => readonly string[]) => [...new Set(leads.flatMap(pick))]
    const emails = keys(({ emailKey }) => (emailKey ? [emailKey] : []))
    const phones = keys(({ phoneKey }) => (phoneKey ? [phoneKey] : []))
    const tokens = keys(tokensOf)
    if (!emails.length && !phones.length && !tokens.length)
      return { leads: new Near<KnownLead>([]), customers: new Near<KnownCustomer>([]) }
    const [known, customers] = [
      tx.query<KnownLead>(alikeLeads, [tx.tenant, emails, phones, tokens, except]),
      tx.query<KnownCustomer>(alikeCustomers, [tx.tenant, emails, phones, tokens]),
    ]
    customers.catch(() => undefined) // after a failure of the first, this one only says that the transaction is over
    return { leads: new Near(await known), customers: new Near(await customers) }
  }

  /** Lets leads be found by their company's name. */
  index(tx: Transaction, leads: readonly { readonly id: string; readonly companyName: string | null }[]): void {
    const rows = leads.flatMap(({ id, companyName }) => (companyName ? companyTokens(companyName).map((token) => ({ id, token })) : []))
    if (rows.length) tx.send(insertTokens, [rows.map(({ token }) => token), rows.map(({ id }) => id)])
  }

  /** The same after the name changed. */
  indexAgain(tx: Transaction, lead: { readonly id: string; readonly companyName: string | null }): void {
    tx.send('DELETE FROM lead_company_token WHERE tenant_id = $1 AND lead_id = $2', [tx.tenant, lead.id])
    this.index(tx, [lead])
  }

  /** Leads that were captured before companies were found by likeness. */
  async indexOlder(): Promise<void> {
    for (;;) {
      const waiting = await inTenant('*', () =>
        this.database.query<{ tenant_id: string; lead_id: string; company_name: string }>(
          'SELECT tenant_id, lead_id, company_name FROM lead_not_indexed ORDER BY tenant_id, lead_id LIMIT $1',
          [backfilledAtOnce],
        ),
      )
      for (const [tenantId, leads] of Map.groupBy(waiting, ({ tenant_id }) => tenant_id))
        await inTenant(tenantId, () =>
          this.database.transaction(async (tx) => {
            this.index(
              tx,
              leads.map(({ lead_id, company_name }) => ({ id: lead_id, companyName: company_name })),
            )
            await tx.query('DELETE FROM lead_not_indexed WHERE tenant_id = $1 AND lead_id = ANY($2::text[])', [
              tenantId,
              leads.map(({ lead_id }) => lead_id),
            ])
          }),
        )
      if (waiting.length < backfilledAtOnce) return
    }
  }
}

/** Records by what they may be found by. */
class Near<Known extends Traits> {
  private readonly byKey = new Map<string, Known[]>()

  constructor(known: readonly Known[]) {
    for (const record of known) this.add(record)
  }

  add(record: Known): void {
    for (const key of keysOf(record)) {
      const records = this.byKey.get(key)
      if (records) records.push(record)
      else this.byKey.set(key, [record])
    }
  }

  to(traits: Traits): Known[] {
    return [...new Set(keysOf(traits).flatMap((key) => this.byKey.get(key) ?? []))]
  }
}

function keysOf(traits: Traits): string[] {
  const { emailKey, phoneKey } = traits
  return [
    ...(emailKey ? [`email ${emailKey}`] : []),
    ...(phoneKey ? [`phone ${phoneKey}`] : []),
    ...tokensOf(traits).map((token) => `company ${token}`),
  ]
}

function tokensOf({ companyName }: Traits): string[] {
  return companyName ? companyTokens(companyName) : []
}

function foundFor(lead: Traits, leads: Near<KnownLead>, customers: Near<KnownCustomer>): Found {
  return {
    leads: best(leads.to(lead), lead, ({ id }) => ({ leadId: id })),
    customers: best(customers.to(lead), lead, ({ accountId, contactId }) => ({ accountId, contactId })),
  }
}

/** The most alike first; of those that are equally so the older ones. */
function best<Known extends Traits, Name>(
  near: readonly Known[],
  lead: Traits,
  name: (known: Known) => Name,
): (Name & { score: number; reasons: string[] })[] {
  return near
    .flatMap((known) => {
      const alike = likeness(lead, known)
      return alike ? [{ ...name(known), ...alike }] : []
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, told)
}

const insertTokens =
  'INSERT INTO lead_company_token (token, lead_id) SELECT token, id FROM unnest($1::text[], $2::text[]) AS given(token, id) ON CONFLICT DO NOTHING'

// One look into an index for each key: of a join or an OR the planner makes a scan of all leads of the company while the tables are young.
// To plan these takes five times as long as to run them, so the plan has to be one that Postgres keeps: no asterisk, and the arrays behind a
// SELECT, as otherwise Postgres thinks a plan for just these few keys better than the one it has.
const alikeLeads = `
  SELECT DISTINCT ON (l.id) l.id, l.company_name AS "companyName", l.contact_key AS "contactKey", l.email_key AS "emailKey", l.phone_key AS "phoneKey"
  FROM (
    SELECT found.id FROM unnest((SELECT $2::text[])) AS given(email),
      LATERAL (SELECT id FROM lead WHERE tenant_id = $1 AND email_key = given.email LIMIT ${lookedAt}) AS found
    UNION ALL
    SELECT found.id FROM unnest((SELECT $3::text[])) AS given(phone),
      LATERAL (SELECT id FROM lead WHERE tenant_id = $1 AND phone_key = given.phone LIMIT ${lookedAt}) AS found
    UNION ALL
    SELECT found.lead_id FROM unnest((SELECT $4::text[])) AS given(token),
      LATERAL (SELECT lead_id FROM lead_company_token WHERE tenant_id = $1 AND token = given.token ORDER BY lead_id DESC LIMIT ${lookedAt}) AS found
  ) AS alike(id),
  LATERAL (SELECT id, status, company_name, contact_key, email_key, phone_key FROM lead WHERE tenant_id = $1 AND lead.id = alike.id LIMIT 1) AS l
  WHERE l.status NOT IN ('converted', 'disqualified', 'merged') AND l.id <> $5
    AND NOT EXISTS (SELECT 1 FROM lead_apart WHERE tenant_id = $1 AND lead_apart.lead_id = least($5, l.id) AND other_id = greatest($5, l.id))
  ORDER BY l.id`

const alikeCustomers = `
  SELECT account_id AS "accountId", contact_id AS "contactId", company_name AS "companyName", contact_key AS "contactKey", email_key AS "emailKey", phone_key AS "phoneKey"
  FROM (
    SELECT c.account_id, c.id, NULL, c.contact_key, c.email_key, c.phone_key FROM unnest((SELECT $2::text[])) AS given(email),
      LATERAL (SELECT account_id, id, contact_key, email_key, phone_key FROM known_contact WHERE tenant_id = $1 AND email_key = given.email LIMIT ${lookedAt}) AS c
    UNION
    SELECT c.account_id, c.id, NULL, c.contact_key, c.email_key, c.phone_key FROM unnest((SELECT $3::text[])) AS given(phone),
      LATERAL (SELECT account_id, id, contact_key, email_key, phone_key FROM known_contact WHERE tenant_id = $1 AND phone_key = given.phone LIMIT ${lookedAt}) AS c
    UNION
    SELECT a.id, NULL, a.name, NULL, NULL, NULL FROM unnest((SELECT $4::text[])) AS given(token),
      LATERAL (SELECT account_id FROM known_account_token WHERE tenant_id = $1 AND token = given.token ORDER BY account_id DESC LIMIT ${lookedAt}) AS t,
      LATERAL (SELECT id, name FROM known_account WHERE tenant_id = $1 AND known_account.id = t.account_id LIMIT 1) AS a
  ) AS alike(account_id, contact_id, company_name, contact_key, email_key, phone_key) ORDER BY account_id, contact_id`
