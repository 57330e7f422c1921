import { Injectable } from '@nestjs/common'
import { listAccounts, type Answer, type getAccount, type getHierarchy, type Input } from '@millrace/contracts'
import { Database, visibleOwners } from '@millrace/service'
import { Account, nameKey } from './account.js'

type Hierarchy = Answer<typeof getHierarchy>

const mostBelow = 500

@Injectable()
export class AccountQueries {
  constructor(private readonly db: Database) {}

  list({ sameName, segmentId, ...query }: Input<typeof listAccounts>['query']) {
    const wish = typeof sameName === 'string' ? nameKey(sameName) : Array.isArray(sameName) ? sameName.map(nameKey) : undefined
    return this.db.list(Account, listAccounts, { ...query, sameName: wish }, accountView, {
      fields: { sameName: { sql: 'name_key', type: 'text', nullable: false } },
      where: segmentId
        ? {
            sql: `merged_into IS NULL AND id IN (SELECT account_id FROM segment_member WHERE segment_id = ANY(?::text[]))`,
            values: [[segmentId].flat()],
          }
        : { sql: 'merged_into IS NULL', values: [] },
    })
  }

  async get(id: string) {
    return accountView(await this.account(id))
  }

  /** The account; of one that was merged, the one that it became part of, if the actor may see that. */
  private async account(id: string): Promise<Account> {
    const found = await this.db.find(Account, id)
    if (found && !found.mergedInto) return found
    const gone = await this.db.one<{ into: string | null }>('SELECT merged_into AS "into" FROM account WHERE id = $1', [id])
    const survivor = gone?.into ? await this.db.find(Account, gone.into) : undefined
    return survivor ?? this.db.get(Account, id)
  }

  /** The companies above and below. Walks through those that the caller may not see, and leaves them out. */
  async hierarchy(asked: string): Promise<Hierarchy> {
    const { id } = await this.account(asked)
    const ancestors = await this.relatives<Hierarchy['ancestors'][number]>(
      `SELECT id, parent_id, 0 AS depth FROM account WHERE id = $1
       UNION ALL SELECT a.id, a.parent_id, walk.depth + 1 FROM account a JOIN walk ON a.id = walk.parent_id`,
      id,
      'depth DESC',
    )
    const below = await this.relatives<Hierarchy['below'][number]>(
      `SELECT id, parent_id, 0 AS depth FROM account WHERE id = $1
       UNION ALL SELECT a.id, a.parent_id, walk.depth + 1 FROM account a JOIN walk ON a.parent_id = walk.id`,
      id,
      'depth, name, id',
    )
    return {
      ancestors: ancestors.map(({ id, name, parentId, ownerId }) => ({ id, name, parentId, ownerId })),
      below: below.slice(0, mostBelow),
      complete: below.length <= mostBelow,
    }
  }

  private relatives<Row extends object>(walk: string, id: string, order: string): Promise<Row[]> {
    const visible = visibleOwners('a.owner_id', 1)
    return this.db.query<Row>(
      `WITH RECURSIVE walk AS (${walk})
       SELECT a.id, a.name, a.parent_id AS "parentId", a.owner_id AS "ownerId", walk.depth FROM walk JOIN account a ON a.id = walk.id
       WHERE walk.depth > 0${visible ? ` AND ${visible.sql}` : ''} ORDER BY ${order} LIMIT ${mostBelow + 1}`,
      [id, ...(visible?.values ?? [])],
    )
  }
}

/** An account as the API shows it: without the key of its name, and whom it may not go back to. */
export function accountView({ nameKey: _, formerOwnerId: _f, ...account }: Account): Answer<typeof getAccount> {
  return account
}

/** Narrows a list to records of accounts that the actor sees; undefined: all are seen. Each `?` stands for the value of the same place. */
export function ofSeenAccounts(): { sql: string; values: unknown[] } | undefined {
  const seen = visibleOwners('owner_id', 0)
  if (!seen) return undefined
  const values = (seen.sql.match(/\$\d+/g) ?? []).map(() => seen.values[0])
  return { sql: `account_id IN (SELECT id FROM account WHERE ${seen.sql.replace(/\$\d+/g, '?')})`, values }
}
