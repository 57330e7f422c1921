import { Injectable } from '@nestjs/common'
import { dayOf, daysBetween, Money, type CalendarDate, type Currency } from '@millrace/domain'
import { Clock, context, CustomFields, Database, Directory, Expressions, type FieldKind } from '@millrace/service'
import { accountFigureFields, allAccountFields, fieldsOf, recentDays } from './account-fields.js'
import type { Account } from './account.js'

/** An account as rules see it: its base data, what hangs on it, and the company's own fields. */
export type AccountValues = Readonly<Record<keyof typeof allAccountFields | 'custom', unknown>>

type Figures = Readonly<Record<keyof typeof accountFigureFields, unknown>>
type Amounts = 'wonAmount' | 'openAmount' | 'orderedAmount' | 'invoicedAmount' | 'paidAmount' | 'overdueAmount'

interface Row extends Omit<Figures, Amounts | 'status' | 'daysSinceOrder' | 'daysSinceActivity'>, Readonly<Record<Amounts, string>> {
  readonly id: string
  readonly currency: Currency | null
  readonly lastOrderOn: CalendarDate | null
  readonly lastActivityOn: CalendarDate | null
}

/** What hangs on accounts, for rules that look at many of them: one statement for any number. */
@Injectable()
export class AccountFigures {
  private readonly rules = new Expressions({ account: allAccountFields })

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly customFields: CustomFields,
  ) {}

  /** What reads rules about accounts: over all that is declared, and over the company's own fields. */
  expressions(): Promise<Expressions> {
    return this.customFields.expressions(this.rules, 'account')
  }

  /** What rules may ask for, with the kind of each: `employees`, `wonAmount`, `custom.budget`. */
  async fields(): Promise<Readonly<Record<string, FieldKind>>> {
    return { ...allAccountFields, ...(await this.customFields.ruleFields('account')) }
  }

  /**
   * The values of accounts by id, as they are now; what belongs to accounts that were merged into one of them counts for that one. Whoever owns
   * the records: a rule says the same for everybody. Amounts in other currencies than the company's are not in the sums.
   */
  async of(accounts: readonly Account[]): Promise<ReadonlyMap<string, AccountValues>> {
    if (!accounts.length) return new Map()
    const now = this.clock.now()
    const zone = await this.directory.zone()
    const today = dayOf(now, zone)
    const ids = accounts.map(({ id }) => id)
    const rows = await this.db.query<Row>(figuresSql, [context().tenantId, ids, now, today, zone, recentDays])
    const figures = new Map(rows.map((row) => [row.id, figuresOf(row, today)]))
    return new Map(
      accounts.map((account) => [
        account.id,
        { ...fieldsOf(account), ...figures.get(account.id)!, status: account.status, custom: account.custom },
      ]),
    )
  }
}

function figuresOf({ id: _, currency, lastActivityOn, ...row }: Row, today: CalendarDate): Omit<Figures, 'status'> {
  const amount = (name: Amounts) => (currency ? Money.of(BigInt(row[name]), currency) : null)
  return {
    ...row,
    wonAmount: amount('wonAmount'),
    openAmount: amount('openAmount'),
    orderedAmount: amount('orderedAmount'),
    invoicedAmount: amount('invoicedAmount'),
    paidAmount: amount('paidAmount'),
    overdueAmount: amount('overdueAmount'),
    daysSinceOrder: row.lastOrderOn && daysBetween(row.lastOrderOn, today),
    daysSinceActivity: lastActivityOn && daysBetween(lastActivityOn, today),
  }
}

// No asterisk in it: statements with one are not kept prepared. LATERAL throughout: a look into an index for each account, whatever the planner
// believes of a young table.
const figuresSql = `
  WITH RECURSIVE company AS (SELECT (SELECT currency FROM known_tenant WHERE tenant_id = $1) AS currency),
  asked AS (SELECT id FROM unnest($2::text[]) AS given(id)),
  above AS (
    SELECT asked.id, a.parent_id, 1 AS level FROM asked,
      LATERAL (SELECT parent_id FROM account WHERE tenant_id = $1 AND account.id = asked.id LIMIT 1) a
    UNION ALL SELECT above.id, a.parent_id, above.level + 1 FROM above,
      LATERAL (SELECT parent_id FROM account WHERE tenant_id = $1 AND account.id = above.parent_id LIMIT 1) a)
  SELECT asked.id, company.currency, levels.level AS "hierarchyLevel", subsidiaries, "wonDeals", "wonAmount", "openDeals", "openAmount", "lostDeals",
    "openQuotes", orders, "orderedAmount", "firstOrderOn", "lastOrderOn", "invoicedAmount", "paidAmount", "overdueAmount", contacts, activities,
    "recentActivities", "lastActivityOn"
  FROM asked CROSS JOIN company
    CROSS JOIN LATERAL (SELECT max(level) AS level FROM above WHERE above.id = asked.id) levels
    CROSS JOIN LATERAL (SELECT count(1)::int AS subsidiaries FROM account WHERE tenant_id = $1 AND parent_id = asked.id) below
    CROSS JOIN LATERAL (
      SELECT count(1) FILTER (WHERE kind = 'opportunity' AND status = 'won')::int AS "wonDeals",
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'opportunity' AND status = 'won' AND r.currency = company.currency), 0)::text AS "wonAmount",
        count(1) FILTER (WHERE kind = 'opportunity' AND status = 'open')::int AS "openDeals",
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'opportunity' AND status = 'open' AND r.currency = company.currency), 0)::text AS "openAmount",
        count(1) FILTER (WHERE kind = 'opportunity' AND status = 'lost')::int AS "lostDeals",
        count(1) FILTER (WHERE kind = 'quote' AND status = 'sent')::int AS "openQuotes",
        count(1) FILTER (WHERE kind = 'order')::int AS orders,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'order' AND r.currency = company.currency), 0)::text AS "orderedAmount",
        min((happened_at AT TIME ZONE $5::text)::date) FILTER (WHERE kind = 'order') AS "firstOrderOn",
        max((happened_at AT TIME ZONE $5::text)::date) FILTER (WHERE kind = 'order') AS "lastOrderOn",
        coalesce(sum(left_minor) FILTER (WHERE kind = 'invoice' AND r.currency = company.currency), 0)::text AS "invoicedAmount",
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'receipt' AND r.currency = company.currency), 0)::text AS "paidAmount"
      FROM (SELECT asked.id UNION ALL SELECT id FROM account WHERE tenant_id = $1 AND merged_into = asked.id) AS own(id),
        LATERAL (SELECT kind, status, amount_minor, left_minor, currency, happened_at FROM known_record
          WHERE tenant_id = $1 AND account_id = own.id AND kind IN ('opportunity', 'quote', 'order', 'invoice', 'receipt')) r) told
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(coalesce(r.left_minor, i.amount_minor)), 0)::text AS "overdueAmount"
      FROM (SELECT asked.id UNION ALL SELECT id FROM account WHERE tenant_id = $1 AND merged_into = asked.id) AS own(id),
        LATERAL (SELECT id, amount_minor FROM known_instalment
          WHERE tenant_id = $1 AND account_id = own.id AND due_on < $4::date AND currency = company.currency) i
        LEFT JOIN LATERAL (SELECT left_minor FROM known_record WHERE tenant_id = $1 AND id = i.id LIMIT 1) r ON true) owed
    CROSS JOIN LATERAL (SELECT count(1)::int AS contacts FROM contact WHERE tenant_id = $1 AND account_id = asked.id) people
    CROSS JOIN LATERAL (
      SELECT count(1)::int AS activities,
        count(1) FILTER (WHERE takes_place_at > $3::timestamptz - make_interval(days => $6::int))::int AS "recentActivities",
        max((takes_place_at AT TIME ZONE $5::text)::date) AS "lastActivityOn"
      FROM activity WHERE tenant_id = $1 AND account_id = asked.id AND takes_place_at <= $3::timestamptz) done`
