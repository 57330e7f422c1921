import { Injectable } from '@nestjs/common'
import { highlighted, judged, searchMatches, searchWish, type FieldMatch, type LookUp, type SearchMatch } from '@millrace/domain'
import { visibleOwners } from './access.js'
import { context, inTenant } from './context.js'
import { Database } from './database.js'
import { Jobs } from './jobs.js'
import type { Table } from './schema.js'

/** A record that was found: what was asked for of it, how well it fits, and where it holds what was typed. */
export interface Found<T> {
  readonly record: Partial<T> & { readonly id: string; readonly ownerId: string | null; readonly createdAt: Date }
  readonly mine: boolean
  readonly match: SearchMatch
  readonly matches: readonly FieldMatch[]
}

interface Wish<T> {
  /** What somebody typed. */
  readonly text: string
  readonly limit: number
  /** What the answer shows of a record besides what it is found by. */
  readonly show?: readonly (keyof T & string)[]
  /** SQL condition that leaves out what is never to be found. */
  readonly where?: string
}

/** Of which records what is read. */
interface Read {
  readonly table: Table
  readonly columns: string
  readonly where: string
}

/** A look-up that leads to fewer records than this leads to all that are meant: each of them is read. */
const few = 200
/** Of one that leads to more, the newest of its first token are walked through, so many of them at most. */
const walked = 1_000
/** Who does not see all of the company has the newest of what they see read then: so many in all, and of each of several owners. */
const ownRead = 400
const ownReadEach = 20
const backfilledAtOnce = 1_000

/** Finds records by words; what is looked through is bounded, however many records there are. */
@Injectable()
export class Search {
  constructor(
    private readonly database: Database,
    jobs: Jobs,
  ) {
    if (database.searched.length) jobs.every(60, 'older records are made to be found', () => this.indexOlder())
  }

  /**
   * The records that fit best, and that the actor may see (those with an `ownerId`): better matches first, then own ones, then newer ones. `complete`:
   * no other record fits; otherwise more words narrow it down.
   */
  async find<T extends object>(
    target: { prototype: T },
    { text, limit, show = [], where = 'true' }: Wish<T>,
  ): Promise<{ found: Found<T>[]; complete: boolean }> {
    const table = this.database.tableOf(target)
    const wish = searchWish(text)
    if (!wish.lookUps.length) return { found: [], complete: !wish.terms.length }
    const postings = await this.count(table, wish.lookUps)
    const order = wish.lookUps.map((_, n) => n).sort((a, b) => postings[a]! - postings[b]!)
    const [rarest, ...others] = order.map((n) => wish.lookUps[n]!)
    const least = postings[order[0]!]!
    if (!least) return { found: [], complete: true }
    const isFew = least < few
    const columns = [...new Set(['id', 'ownerId', 'createdAt', ...table.found.map(([field]) => field), ...show])]
      .map((name) => `r.${table.fields.get(name)!.sql} AS "${name}"`)
      .join(', ')
    const read = { table, columns, where }
    const wholes = others.flatMap(({ whole }) => whole ?? [])
    const { visibility } = context()
    const rows = isFew
      ? await this.ledTo(read, rarest!, [], few)
      : (
          await Promise.all([
            visibility === 'own' ? [] : this.ledTo(read, rarest!, wholes, walked),
            visibility === 'company' ? [] : this.own(read),
          ])
        ).flat()
    const me = context().actor?.id
    const found = [...new Map(rows.map((row) => [row['id'], row])).values()]
      .flatMap((row) => {
        const match = judged(wish, table.searched(row))
        return match ? [{ record: row as Found<T>['record'], mine: row['ownerId'] === me, match }] : []
      })
      .sort(better)
    const shown = found.slice(0, limit).map((hit) => ({ ...hit, matches: highlighted(wish, table.searched(hit.record)) }))
    return { found: shown, complete: isFew && found.length <= limit }
  }

  // Arrays behind a SELECT in these two: otherwise Postgres thinks a plan for just these few tokens better than the one it has, and plans each time.

  /** To how many records each look-up leads, counted as far as `few`. */
  private async count(table: Table, lookUps: readonly LookUp[]): Promise<number[]> {
    const given = lookUps.flatMap(({ ranges }, n) => ranges.map(({ from, to }) => ({ n, from, to })))
    const rows = await this.database.query<{ n: number; postings: number }>(
      `SELECT given.n, sum(counted.postings)::int AS postings FROM unnest((SELECT $2::int[]), (SELECT $3::text[]), (SELECT $4::text[])) AS given(n, low, high),
         LATERAL (SELECT count(1) AS postings FROM (
           SELECT 1 FROM ${table.name}_search WHERE tenant_id = $1 AND token >= given.low AND token < given.high LIMIT ${few}) AS looked) AS counted
       GROUP BY given.n`,
      [context().tenantId, given.map(({ n }) => n), given.map(({ from }) => from), given.map(({ to }) => to)],
    )
    const postings = new Map(rows.map((row) => [row.n, row.postings]))
    return lookUps.map((_, n) => postings.get(n) ?? 0)
  }

  /** Records that one look-up leads to and that have the other tokens, too. Within a token the newest are first. */
  private ledTo({ table, columns, where }: Read, { ranges }: LookUp, tokens: readonly string[], most: number) {
    const visible = table.fields.has('ownerId') ? visibleOwners('r.owner_id', 4) : undefined
    return this.database.query<Record<string, unknown>>(
      `SELECT ${columns} FROM unnest((SELECT $2::text[]), (SELECT $3::text[])) AS given(low, high),
         LATERAL (SELECT record_id FROM ${table.name}_search WHERE tenant_id = $1 AND token >= given.low AND token < given.high
           ORDER BY token, record_id DESC LIMIT ${most}) AS posting,
         LATERAL (SELECT ${table.columnNames} FROM ${table.name} WHERE tenant_id = $1 AND id = posting.record_id LIMIT 1) AS r
       WHERE NOT EXISTS (SELECT 1 FROM unnest((SELECT $4::text[])) AS wanted(token) WHERE NOT EXISTS (
           SELECT 1 FROM ${table.name}_search AS s WHERE s.tenant_id = $1 AND s.token = wanted.token AND s.record_id = posting.record_id))
         AND ${where} ${visible ? `AND ${visible.sql}` : ''}
       LIMIT ${few}`,
      [context().tenantId, ranges.map(({ from }) => from), ranges.map(({ to }) => to), tokens, ...(visible?.values ?? [])],
    )
  }

  /** The newest records of the actor, or of each of those whose records they see. */
  private async own({ table, columns, where }: Read): Promise<Record<string, unknown>[]> {
    const { actor, visibility } = context()
    if (!actor || !table.fields.has('ownerId')) return []
    const alone = visibility === 'own'
    const owners = alone ? 'SELECT $2::text AS id' : `SELECT u.id FROM directory_user u WHERE ${visibleOwners('u.id', 1)!.sql}`
    return this.database.query(
      `SELECT ${columns} FROM (${owners}) AS owner,
         LATERAL (SELECT ${table.columnNames} FROM ${table.name} WHERE tenant_id = $1 AND owner_id = owner.id AND ${where} ORDER BY id DESC LIMIT ${alone ? ownRead : ownReadEach}) AS r
       LIMIT ${ownRead}`,
      [context().tenantId, actor.id],
    )
  }

  /** Records of before the search, over all companies: the migration left a mark for each company and noun that has some. */
  async indexOlder(): Promise<void> {
    const marks = await inTenant('*', () =>
      this.database.query<{ tenant_id: string; noun: string }>('SELECT tenant_id, noun FROM search_backfill ORDER BY tenant_id, noun'),
    )
    for (const { tenant_id, noun } of marks) {
      const table = this.database.searched.find(({ name }) => name === noun)
      if (table) await inTenant(tenant_id, () => this.indexAll(table))
    }
  }

  private async indexAll(table: Table): Promise<void> {
    for (let more = true; more;) {
      more = await this.database.transaction(async (tx) => {
        const mark = await tx.one<{ after: string }>('SELECT after FROM search_backfill WHERE noun = $1 FOR UPDATE', [table.name])
        if (!mark) return false
        const rows = await tx.query(
          `SELECT ${table.columnNames} FROM ${table.name} WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
          [tx.tenant, mark.after, backfilledAtOnce],
        )
        tx.letFind(
          table,
          rows.map((row) => table.hydrate(row) as { id: string }),
        )
        if (rows.length < backfilledAtOnce) await tx.query('DELETE FROM search_backfill WHERE noun = $1', [table.name])
        else await tx.query('UPDATE search_backfill SET after = $2 WHERE noun = $1', [table.name, rows.at(-1)!['id']])
        return rows.length === backfilledAtOnce
      })
    }
  }
}

function better<T>(a: Omit<Found<T>, 'matches'>, b: Omit<Found<T>, 'matches'>): number {
  return (
    searchMatches.indexOf(a.match) - searchMatches.indexOf(b.match) ||
    Number(b.mine) - Number(a.mine) ||
    b.record.createdAt.getTime() - a.record.createdAt.getTime() ||
    (a.record.id < b.record.id ? 1 : -1)
  )
}
