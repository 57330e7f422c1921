import { Injectable } from '@nestjs/common'
import type { Page } from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { Database } from '@millrace/service'

/** Puts the customers' names to what is shown. */
@Injectable()
export class AccountQueries {
  constructor(private readonly db: Database) {}

  /** A page of records with the names of their accounts, cut to the fields that were asked for. */
  async named<Value extends { readonly accountId: Id<'account'> }, View extends object>(
    { data, next }: Page<Value>,
    fields: string | undefined,
    view: (value: Value, accountName: string | null) => View,
  ): Promise<Page<View>> {
    const names = await this.names(data.map(({ accountId }) => accountId))
    const views = data.map((value) => view(value, names.get(value.accountId) ?? null))
    return { data: only(fields, views), next }
  }

  /** Null for an account that was not heard of yet. */
  async name(id: Id<'account'>): Promise<string | null> {
    return (await this.names([id])).get(id) ?? null
  }

  private async names(ids: readonly Id<'account'>[]): Promise<Map<string, string>> {
    if (!ids.length) return new Map()
    const rows = await this.db.query<{ id: string; name: string }>('SELECT id, name FROM known_account WHERE id = ANY($1)', [
      [...new Set(ids)],
    ])
    return new Map(rows.map(({ id, name }) => [id, name]))
  }
}

/** The fields that a list was asked for, of views that had to be made whole first. */
export function only<View extends object>(fields: string | undefined, views: readonly View[]): View[] {
  const wanted = fields?.split(',')
  if (!wanted) return [...views]
  return views.map((view) => Object.fromEntries(Object.entries(view).filter(([name]) => wanted.includes(name))) as View)
}
