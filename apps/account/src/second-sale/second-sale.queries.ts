import { Injectable } from '@nestjs/common'
import type { Answer, getSuggestions, Input, listSecondSales } from '@millrace/contracts'
import { isId, Refusal, type Id } from '@millrace/domain'
import { context, Database, visibleOwners } from '@millrace/service'
import { AccountQueries } from '../account/account.queries.js'

type Suggestions = Answer<typeof getSuggestions>

interface Row {
  readonly accountId: Id<'account'>
  readonly name: string
  readonly ownerId: Id<'user'> | null
  readonly suggestions: Suggestions['data']
  readonly share: string
  readonly lift: string
}

/** What else accounts could be sold, as it was worked out last. */
@Injectable()
export class SecondSaleQueries {
  constructor(
    private readonly db: Database,
    private readonly accounts: AccountQueries,
  ) {}

  async of(asked: string): Promise<Suggestions> {
    const { id: accountId } = await this.accounts.get(asked)
    const found = await this.db.one<Pick<Suggestions, 'data' | 'dismissed'>>(
      `SELECT coalesce((SELECT suggestions FROM account_second_sale WHERE tenant_id = $1 AND account_id = $2), '[]') AS data,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('family', family, 'reason', reason, 'until', until, 'dismissedById', dismissed_by_id,
           'dismissedAt', dismissed_at) ORDER BY dismissed_at DESC, family), '[]')
          FROM second_sale_dismissal WHERE tenant_id = $1 AND account_id = $2) AS dismissed`,
      [context().tenantId, accountId],
    )
    const dismissed = found!.dismissed.map((each) => ({ ...each, dismissedAt: new Date(each.dismissedAt) }))
    return { accountId, asOf: await this.asOf(), data: found!.data, dismissed }
  }

  /** Accounts that the actor sees, the one with the largest share of similar ones first. */
  async list({ limit, cursor, ownerId }: Input<typeof listSecondSales>['query']): Promise<Answer<typeof listSecondSales>> {
    const values: unknown[] = [context().tenantId]
    const use = (value: unknown) => `$${values.push(value)}`
    const conditions = ['s.tenant_id = $1', 's.share IS NOT NULL', 'a.merged_into IS NULL']
    if (ownerId) conditions.push(`a.owner_id = ${use(ownerId)}`)
    if (cursor) {
      const [share, lift, id] = readCursor(cursor)
      conditions.push(`(s.share, s.lift, s.account_id) < (${use(share)}::numeric, ${use(lift)}::numeric, ${use(id)})`)
    }
    const seen = visibleOwners('a.owner_id', values.length)
    if (seen) {
      conditions.push(seen.sql)
      values.push(...seen.values)
    }
    const rows = await this.db.query<Row>(
      `SELECT a.id AS "accountId", a.name, a.owner_id AS "ownerId", s.suggestions, s.share, s.lift
       FROM account_second_sale s JOIN account a ON a.tenant_id = $1 AND a.id = s.account_id
       WHERE ${conditions.join(' AND ')} ORDER BY s.share DESC, s.lift DESC, s.account_id DESC LIMIT ${use(limit + 1)}`,
      values,
    )
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      asOf: await this.asOf(),
      data: page.map(({ accountId, name, ownerId: owner, suggestions }) => ({ accountId, name, ownerId: owner, suggestions })),
      next: rows.length > limit && last ? Buffer.from(JSON.stringify([last.share, last.lift, last.accountId])).toString('base64url') : null,
    }
  }

  private async asOf(): Promise<Date | null> {
    const run = await this.db.one<{ at: Date | null }>('SELECT worked_out_at AS at FROM second_sale_run')
    return run?.at ?? null
  }
}

function readCursor(cursor: string): [share: string, lift: string, id: string] {
  try {
    const [share, lift, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    if ([share, lift].every((number) => typeof number === 'string' && /^\d{1,9}\.\d{4}$/.test(number)) && isId('account', id as string))
      return [share as string, lift as string, id as string]
  } catch {
    // falls through to the refusal
  }
  throw Refusal.invalid('cursor.malformed')
}
