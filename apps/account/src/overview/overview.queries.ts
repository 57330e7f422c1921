import { Injectable } from '@nestjs/common'
import {
  getAccount,
  getActivity,
  getContact,
  getContract,
  getInvoice,
  getLead,
  getOpportunity,
  getOrder,
  getQuote,
  getReceipt,
  getReceivable,
  reach,
  type Answer,
  type getAccountOverview,
  type Permission,
} from '@millrace/contracts'
import { Money, Refusal, timeOf, type CalendarDate, type Currency, type Id } from '@millrace/domain'
import { Clock, context, Database, visibleOwners, withContext } from '@millrace/service'
import { Account } from '../account/account.js'
import { accountView } from '../account/account.queries.js'
import { amountsOf, less, type Sum } from './amounts.js'
import type { Teller } from './record-book.js'

type Overview = Answer<typeof getAccountOverview>
type Figures = Overview['hierarchy']['figures']

const newestAtMost = 10
const mostBelow = 500

/** The permission that each section needs: that of the records themselves. */
const listed = {
  lead: getLead.rule,
  opportunity: getOpportunity.rule,
  quote: getQuote.rule,
  contract: getContract.rule,
  order: getOrder.rule,
  invoice: getInvoice.rule,
  receipt: getReceipt.rule,
} as const
type Listed = keyof typeof listed

interface Relative {
  readonly id: Id<'account'>
  readonly name: string
  readonly parentId: Id<'account'> | null
  readonly ownerId: Id<'user'> | null
}

/** The account with what this service itself knows of it. */
interface Family {
  readonly today: CalendarDate
  readonly above: readonly Relative[]
  readonly below: readonly (Relative & { readonly branch: Id<'account'>; readonly depth: number })[]
  readonly merged: readonly { readonly id: string; readonly into: string }[]
  readonly contacts: Overview['contacts'] | null
  readonly activities: NonNullable<Overview['activities']> | null
  readonly companions: readonly string[]
}

interface KeptRecord {
  readonly id: string
  readonly kind: Listed
  readonly ownerId: Id<'user'> | null
  readonly label: string
  readonly status: string
  readonly amount: string | null
  readonly left: string | null
  readonly currency: Currency | null
  readonly happenedAt: string
  readonly day: CalendarDate | null
  readonly details: Readonly<Record<string, unknown>>
}

interface KeptSum {
  readonly kind: Listed
  readonly status: string
  readonly currency: string | null
  readonly count: number
  readonly amount: string | null
  readonly left: string | null
}

interface OwedSum {
  readonly branch: string
  readonly currency: string
  readonly count: number
  readonly openCount: number
  readonly open: string
  readonly overdueCount: number
  readonly overdue: string
}

interface Instalment {
  readonly id: Id<'receivable'>
  readonly contractId: Id<'contract'>
  readonly ownerId: Id<'user'> | null
  readonly number: number
  readonly label: string
  readonly amount: string
  readonly open: string
  readonly currency: Currency
  readonly dueOn: CalendarDate
}

/** What the events of other services say of the account and of those below it. */
interface Told {
  readonly newest: readonly KeptRecord[]
  readonly sums: readonly KeptSum[]
  readonly owed: readonly OwedSum[]
  readonly next: readonly Instalment[]
  readonly below: readonly (Omit<KeptSum, 'count'> & { readonly branch: string })[]
  readonly people: readonly { readonly id: Id<'user'>; readonly name: string }[]
  readonly heard: Readonly<Record<Teller, Id<'event'> | null>>
}

/** The account with all that the company has to do with it: two statements, whatever its size. */
@Injectable()
export class OverviewQueries {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  async get(id: string): Promise<Overview> {
    return this.db.transaction(async (tx) => {
      const { sql, values } = familyOf(tx.tenant, id, this.clock.now(), this.db.tableOf(Account).columnNames)
      const row = await tx.one<Record<string, unknown> & Family>(sql, values)
      if (!row) throw Refusal.notFound('account', id)
      const [account] = tx.hydrate(Account, [row])
      const told = await tx.one<Told>(...toldOf(tx.tenant, account!, row))
      return viewOf(account!, row, told!)
    })
  }
}

/** The values of a statement as they are used in it. */
class Values {
  readonly given: unknown[] = []

  use(value: unknown): string {
    return `$${this.given.push(value)}`
  }

  /** The condition under which a caller with this permission sees a record of the owner in this column; undefined: none of them. */
  sight(rule: Permission, column: string): string | undefined {
    const visibility = sightOf(rule)
    if (!visibility) return undefined
    const seen = withContext({ ...context(), visibility }, () => visibleOwners(column, this.given.length))
    this.given.push(...(seen?.values ?? []))
    return seen?.sql ?? 'true'
  }
}

function sightOf(rule: Permission) {
  const { actor } = context()
  return actor ? reach(actor.roles, rule) : 'company'
}

// To plan these takes longer than to run them, so their plans have to be kept: no asterisk, and arrays behind a SELECT, as otherwise Postgres
// thinks a plan for just these few ids better than the one it has.
const relative = (account: string) =>
  `'id', ${account}.id, 'name', ${account}.name, 'parentId', ${account}.parent_id, 'ownerId', ${account}.owner_id`

// LATERAL with LIMIT throughout: one look into an index for each key, whatever the planner believes of a young table.
function familyOf(tenantId: string, id: string, now: Date, columns: string): { sql: string; values: unknown[] } {
  const values = new Values()
  const tenant = values.use(tenantId)
  const asked = values.use(id)
  const seen = values.sight(getAccount.rule, 'a.owner_id')!
  const contacts = values.sight(getContact.rule, 'c.owner_id')
  const activities = values.sight(getActivity.rule, 't.owner_id')
  const contactsOf = `FROM contact c WHERE c.tenant_id = ${tenant} AND c.account_id = a.id AND ${contacts}`
  const activitiesOf = `FROM activity t WHERE t.tenant_id = ${tenant} AND t.account_id = a.id AND ${activities}`
  const latest = `(SELECT id, kind, subject, takes_place_at, contact_id, opportunity_id, logged_by_id, companions ${activitiesOf} ORDER BY t.takes_place_at DESC, t.id DESC LIMIT ${newestAtMost}) t`
  const sql = `
    WITH RECURSIVE asked AS (SELECT coalesce(merged_into, id) AS id FROM account WHERE tenant_id = ${tenant} AND id = ${asked}),
    day AS (SELECT (${values.use(now)}::timestamptz AT TIME ZONE coalesce((SELECT zone FROM known_tenant WHERE tenant_id = ${tenant}), 'UTC'))::date::text AS today),
    above AS (
      SELECT id, 0 AS depth FROM asked
      UNION ALL SELECT p.id, above.depth + 1 FROM above,
        LATERAL (SELECT parent_id AS id FROM account WHERE tenant_id = ${tenant} AND id = above.id AND parent_id IS NOT NULL LIMIT 1) p),
    walk AS (
      SELECT c.id, c.id AS branch, 1 AS depth FROM asked,
        LATERAL (SELECT id FROM account WHERE tenant_id = ${tenant} AND parent_id = asked.id LIMIT ${mostBelow + 1}) c
      UNION ALL SELECT c.id, walk.branch, walk.depth + 1 FROM walk,
        LATERAL (SELECT id FROM account WHERE tenant_id = ${tenant} AND parent_id = walk.id LIMIT ${mostBelow + 1}) c),
    below AS (
      SELECT a.id, a.name, a.parent_id, a.owner_id, walk.branch, walk.depth
      FROM walk, LATERAL (SELECT id, name, parent_id, owner_id FROM account WHERE tenant_id = ${tenant} AND id = walk.id LIMIT 1) a
      WHERE ${seen} ORDER BY walk.depth, a.name, a.id LIMIT ${mostBelow + 1})
    SELECT ${columns
      .split(', ')
      .map((column) => `a.${column}`)
      .join(', ')}, (SELECT today FROM day) AS today,
      (SELECT coalesce(jsonb_agg(jsonb_build_object(${relative('a')}) ORDER BY above.depth DESC), '[]')
        FROM above, LATERAL (SELECT id, name, parent_id, owner_id FROM account WHERE tenant_id = ${tenant} AND id = above.id LIMIT 1) a WHERE above.depth > 0 AND ${seen}) AS above,
      (SELECT coalesce(jsonb_agg(jsonb_build_object(${relative('b')}, 'branch', b.branch, 'depth', b.depth) ORDER BY b.depth, b.name, b.id), '[]')
        FROM below b) AS below,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'into', m.merged_into)), '[]')
        FROM (SELECT id FROM asked UNION ALL SELECT id FROM below) one,
          LATERAL (SELECT id, merged_into FROM account WHERE tenant_id = ${tenant} AND merged_into = one.id LIMIT ${mostBelow}) m) AS merged,
      ${
        contacts
          ? `(SELECT jsonb_build_object('count', (SELECT count(c.id) ${contactsOf}), 'newest', coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name,
               'jobTitle', c.job_title, 'email', c.email, 'phone', c.phone, 'roles', c.roles) ORDER BY c.id DESC), '[]'))
             FROM (SELECT id, name, job_title, email, phone, roles ${contactsOf} ORDER BY c.id DESC LIMIT ${newestAtMost}) c)`
          : 'NULL::jsonb'
      } AS contacts,
      ${
        activities
          ? `(SELECT jsonb_build_object('count', (SELECT count(t.id) ${activitiesOf}),
               'newest', coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'kind', t.kind, 'subject', t.subject, 'takesPlaceAt', t.takes_place_at,
                 'contactId', t.contact_id, 'opportunityId', t.opportunity_id, 'loggedById', t.logged_by_id) ORDER BY t.takes_place_at DESC, t.id DESC), '[]'),
               'nextSteps', (SELECT coalesce(jsonb_agg(jsonb_build_object('activityId', n.id, 'text', n.next_step->>'text', 'on', n.next_step->>'on')
                 ORDER BY n.next_step->>'on', n.id), '[]') FROM (SELECT t.id, t.next_step ${activitiesOf} AND t.next_step IS NOT NULL
                 AND t.next_step->>'on' >= (SELECT today FROM day) ORDER BY t.next_step->>'on', t.id LIMIT ${newestAtMost}) n))
             FROM ${latest})`
          : 'NULL::jsonb'
      } AS activities,
      ${activities ? `(SELECT coalesce(jsonb_agg(DISTINCT who), '[]') FROM ${latest}, jsonb_array_elements_text(t.companions) who)` : `'[]'::jsonb`} AS companions
    FROM asked, LATERAL (SELECT ${columns} FROM account WHERE tenant_id = ${tenant} AND account.id = asked.id LIMIT 1) a
    WHERE ${seen}`
  return { sql, values: values.given }
}

function toldOf(
  tenantId: string,
  account: Account,
  { below, merged, today, activities, companions }: Family,
): [sql: string, values: unknown[]] {
  const branches = new Map<string, string>(below.slice(0, mostBelow).map(({ id, branch }) => [id, branch]))
  for (const { id, into } of merged) if (into !== account.id) branches.set(id, branches.get(into) ?? '')
  const people = [account.ownerId, ...companions, ...(activities?.newest.map(({ loggedById }) => loggedById) ?? [])].filter(
    (id) => id !== null,
  )
  const values = new Values()
  const tenant = values.use(tenantId)
  const ids = values.use([account.id, ...merged.filter(({ into }) => into === account.id).map(({ id }) => id)])
  const [theirs, those] = [values.use([...branches.keys()]), values.use([...branches.values()])]
  const day = values.use(today)
  const sections = Object.entries(listed).flatMap(([kind, rule]) => {
    const seen = values.sight(rule, 'r.owner')
    return seen ? [`(r.kind = '${kind}' AND ${seen})`] : []
  })
  const rolledUp = (['opportunity', 'invoice'] as const).flatMap((kind) => {
    const seen = values.sight(listed[kind], 'r.owner_id')
    return seen ? [`(r.kind = '${kind}' AND ${seen})`] : []
  })
  const receivables = values.sight(getReceivable.rule, 'i.owner_id') ?? 'false'
  const sql = `
    WITH own AS MATERIALIZED (
      SELECT id, kind, label, status, amount_minor, left_minor, currency, happened_at, day, details, owner FROM (
        SELECT r.id, r.kind, r.label, r.status, r.amount_minor, r.left_minor, r.currency, r.happened_at, r.day, r.details,
          CASE WHEN d.id IS NULL THEN r.owner_id ELSE d.owner_id END AS owner
        FROM unnest((SELECT ${ids}::text[])) AS a(id)
          CROSS JOIN LATERAL (SELECT id, kind, owner_id, deal_id, label, status, amount_minor, left_minor, currency, happened_at, day, details
            FROM known_record WHERE tenant_id = ${tenant} AND account_id = a.id) r
          LEFT JOIN LATERAL (SELECT id, owner_id FROM known_record WHERE tenant_id = ${tenant} AND id = r.deal_id LIMIT 1) d ON true) r
      WHERE ${sections.join(' OR ') || 'false'}),
    owed AS MATERIALIZED (
      SELECT a.branch, i.id, i.contract_id, i.owner_id, i.place, i.label, i.amount_minor, i.currency, i.due_on, coalesce(r.left_minor, i.amount_minor) AS open, i.due_on < ${day}::date AND coalesce(r.left_minor, i.amount_minor) > 0 AS overdue
      FROM (SELECT o.id, '' FROM unnest((SELECT ${ids}::text[])) AS o(id) UNION ALL SELECT t.id, t.branch FROM unnest((SELECT ${theirs}::text[]), (SELECT ${those}::text[])) AS t(id, branch)) AS a(id, branch)
        CROSS JOIN LATERAL (SELECT id, contract_id, owner_id, place, label, amount_minor, currency, due_on
          FROM known_instalment WHERE tenant_id = ${tenant} AND account_id = a.id) i
        LEFT JOIN LATERAL (SELECT left_minor FROM known_record WHERE tenant_id = ${tenant} AND id = i.id LIMIT 1) r ON true
      WHERE ${receivables})
    SELECT
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'kind', kind, 'ownerId', owner, 'label', label, 'status', status, 'amount', amount_minor::text,
          'left', left_minor::text, 'currency', currency, 'happenedAt', happened_at, 'day', day, 'details', details) ORDER BY kind, place), '[]')
        FROM (SELECT own.id, kind, owner, label, status, amount_minor, left_minor, currency, happened_at, day, details,
          row_number() OVER (PARTITION BY kind ORDER BY happened_at DESC, id DESC) AS place FROM own) ranked WHERE place <= ${newestAtMost}) AS newest,
      (SELECT coalesce(jsonb_agg(s), '[]') FROM (SELECT kind, status, currency, count(id) AS count, sum(amount_minor)::text AS amount, sum(left_minor)::text AS "left"
        FROM own GROUP BY kind, status, currency) s) AS sums,
      (SELECT coalesce(jsonb_agg(s), '[]') FROM (SELECT branch, currency, count(id) AS count, count(id) FILTER (WHERE open > 0) AS "openCount", sum(open)::text AS open,
        count(id) FILTER (WHERE overdue) AS "overdueCount", coalesce(sum(open) FILTER (WHERE overdue), 0)::text AS overdue FROM owed GROUP BY branch, currency) s) AS owed,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'contractId', contract_id, 'ownerId', owner_id, 'number', place, 'label', label,
          'amount', amount_minor::text, 'open', open::text, 'currency', currency, 'dueOn', due_on) ORDER BY due_on, id), '[]')
        FROM (SELECT id, contract_id, owner_id, place, label, amount_minor, open, currency, due_on FROM owed WHERE branch = '' AND open > 0 ORDER BY due_on, id LIMIT ${newestAtMost}) n) AS next,
      (SELECT coalesce(jsonb_agg(s), '[]') FROM (SELECT b.branch, r.kind, r.status, r.currency, sum(r.amount_minor)::text AS amount, sum(r.left_minor)::text AS "left"
        FROM unnest((SELECT ${theirs}::text[]), (SELECT ${those}::text[])) AS b(id, branch)
          CROSS JOIN LATERAL (SELECT kind, status, owner_id, currency, amount_minor, left_minor FROM known_record
            WHERE tenant_id = ${tenant} AND account_id = b.id AND kind IN ('opportunity', 'invoice')) r
        WHERE ${rolledUp.join(' OR ') || 'false'} GROUP BY b.branch, r.kind, r.status, r.currency) s) AS below,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'name', u.name) ORDER BY u.name, u.id), '[]') FROM (
          SELECT unnest((SELECT ${values.use(people)}::text[])) AS id UNION SELECT owner FROM own UNION SELECT owner_id FROM owed WHERE branch = '') who,
        LATERAL (SELECT id, name FROM directory_user WHERE tenant_id = ${tenant} AND id = who.id LIMIT 1) u) AS people,
      (SELECT jsonb_object_agg(t.service, (SELECT event_id FROM known_record WHERE tenant_id = ${tenant} AND service = t.service ORDER BY event_id DESC LIMIT 1))
        FROM unnest(ARRAY['lead', 'opportunity', 'cpq', 'billing']) AS t(service)) AS heard`
  return [sql, values.given]
}

function viewOf(account: Account, family: Family, told: Told): Overview {
  const { today, above, contacts, activities } = family
  const below = family.below.slice(0, mostBelow)
  const may = (rule: Permission) => sightOf(rule) !== undefined
  const sums = (kind: Listed, status?: string) => told.sums.filter((sum) => sum.kind === kind && (!status || sum.status === status))
  const count = (rows: readonly { readonly count: number }[]) => rows.reduce((total, row) => total + row.count, 0)
  const counted = (rows: readonly KeptSum[]) => ({ count: count(rows), amounts: amountsOf(rows.map(amount)) })
  const newest = <Item>(kind: Listed, view: (record: KeptRecord) => Item) => told.newest.filter((record) => record.kind === kind).map(view)
  const section = <Item, More extends object>(kind: Listed, view: (record: KeptRecord) => Item, more?: More) => ({
    count: count(sums(kind)),
    ...(more as More),
    newest: newest(kind, view),
  })
  const mine = told.owed.filter(({ branch }) => branch === '')
  const open = amountsOf(mine.map(({ open: minor, currency }) => ({ minor, currency })))
  const credit = amountsOf(sums('receipt').map(left))

  const figures = (kept: readonly Omit<KeptSum, 'count'>[], owed: readonly OwedSum[]): Figures => ({
    ...(may(listed.opportunity) && {
      open: amountsOf(kept.filter(({ kind, status }) => kind === 'opportunity' && status === 'open').map(amount)),
      won: amountsOf(kept.filter(({ kind, status }) => kind === 'opportunity' && status === 'won').map(amount)),
    }),
    ...(may(listed.invoice) && { invoiced: amountsOf(kept.filter(({ kind }) => kind === 'invoice').map(left)) }),
    ...(may(getReceivable.rule) && { overdue: amountsOf(owed.map(({ overdue: minor, currency }) => ({ minor, currency }))) }),
  })
  const owner = told.people.find(({ id }) => id === account.ownerId)

  return {
    account: accountView(account),
    owner: owner ?? null,
    team: told.people.filter(({ id }) => id !== account.ownerId),
    asOf: {
      lead: sentAt(told.heard.lead),
      opportunity: sentAt(told.heard.opportunity),
      cpq: sentAt(told.heard.cpq),
      billing: sentAt(told.heard.billing),
    },
    hierarchy: {
      above: [...above],
      children: below
        .filter(({ depth }) => depth === 1)
        .map(({ id, name, parentId, ownerId }) => ({
          ...{ id, name, parentId, ownerId },
          below: below.filter(({ branch, depth }) => branch === id && depth > 1).length,
          figures: figures(
            told.below.filter(({ branch }) => branch === id),
            told.owed.filter(({ branch }) => branch === id),
          ),
        })),
      complete: family.below.length <= mostBelow,
      figures: figures([...told.sums, ...told.below], told.owed),
    },
    ...(contacts && { contacts }),
    ...(activities && {
      activities: { ...activities, newest: activities.newest.map((one) => ({ ...one, takesPlaceAt: new Date(one.takesPlaceAt) })) },
    }),
    ...(may(listed.lead) && {
      leads: section('lead', ({ id, ownerId, label, details, happenedAt }) => ({
        ...{ id: id as Id<'lead'>, name: label, source: details['source'] as string | null, ownerId },
        convertedAt: new Date(happenedAt),
      })),
    }),
    ...(may(listed.opportunity) && {
      opportunities: section(
        'opportunity',
        (record) => ({
          ...{ id: record.id as Id<'opportunity'>, title: record.label, status: record.status as 'open', ownerId: record.ownerId },
          stage: record.details['stage'] as string | null,
          probability: record.details['probability'] as string | null,
          amount: record.amount === null ? null : worth(record.amount, record),
          expectedCloseOn: record.day,
          openedAt: new Date(record.happenedAt),
        }),
        {
          open: counted(sums('opportunity', 'open')),
          won: counted(sums('opportunity', 'won')),
          lost: { count: count(sums('opportunity', 'lost')) },
        },
      ),
    }),
    ...(may(listed.quote) && {
      quotes: section('quote', (record) => ({
        ...{ id: record.id as Id<'quote'>, number: record.label, version: record.details['version'] as number, ownerId: record.ownerId },
        status: record.status as 'draft',
        total: worth(record.amount, record),
      })),
    }),
    ...(may(listed.contract) && {
      contracts: section(
        'contract',
        (record) => ({
          ...{ id: record.id as Id<'contract'>, number: record.label, status: record.status as 'draft', ownerId: record.ownerId },
          total: worth(record.amount, record),
          signedOn: record.day,
        }),
        { signed: counted(sums('contract', 'signed')) },
      ),
    }),
    ...(may(listed.order) && {
      orders: section(
        'order',
        (record) => ({
          ...{ id: record.id as Id<'order'>, number: record.label, contractId: record.details['contractId'] as Id<'contract'> },
          ...{ total: worth(record.amount, record), placedAt: new Date(record.happenedAt), ownerId: record.ownerId },
        }),
        { total: amountsOf(sums('order').map(amount)) },
      ),
    }),
    ...(may(listed.invoice) && {
      invoices: section(
        'invoice',
        (record) => ({
          ...{
            id: record.id as Id<'invoice'>,
            number: record.label,
            total: worth(record.amount, record),
            left: worth(record.left, record),
          },
          ...{ issuedOn: record.day!, ownerId: record.ownerId },
        }),
        { invoiced: amountsOf(sums('invoice').map(left)) },
      ),
    }),
    ...(may(getReceivable.rule) && {
      receivables: {
        count: count(mine),
        open: { count: mine.reduce((total, { openCount }) => total + openCount, 0), amounts: open },
        overdue: {
          count: mine.reduce((total, { overdueCount }) => total + overdueCount, 0),
          amounts: amountsOf(mine.map(({ overdue: minor, currency }) => ({ minor, currency }))),
        },
        next: told.next.map(({ currency, ...instalment }) => ({
          ...instalment,
          amount: Money.of(BigInt(instalment.amount), currency),
          open: Money.of(BigInt(instalment.open), currency),
          overdue: instalment.dueOn < today,
        })),
      },
    }),
    ...(may(listed.receipt) && {
      receipts: section(
        'receipt',
        (record) => ({
          ...{ id: record.id as Id<'receipt'>, amount: worth(record.amount, record), credit: worth(record.left, record) },
          ...{ receivedOn: record.day!, reference: record.label || null, ownerId: record.ownerId },
        }),
        { received: amountsOf(sums('receipt').map(amount)), credit },
      ),
    }),
    ...(may(listed.receipt) && may(getReceivable.rule) && { balance: less(open, credit) }),
  }
}

const amount = ({ amount: minor, currency }: Pick<KeptSum, 'amount' | 'currency'>): Sum => ({ minor, currency })
const left = ({ left: minor, currency }: Pick<KeptSum, 'left' | 'currency'>): Sum => ({ minor, currency })

/** Money of a record whose events always name an amount. */
function worth(minor: string | null, { currency }: KeptRecord): Money {
  return Money.of(BigInt(minor ?? 0), currency!)
}

function sentAt(eventId: Id<'event'> | null): Date | null {
  return eventId && new Date(timeOf(eventId))
}
