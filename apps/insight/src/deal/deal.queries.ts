import { Injectable } from '@nestjs/common'
import { Refusal, type CalendarDate, type Id } from '@millrace/domain'
import { context, Database, visibleOwners } from '@millrace/service'

/** Which deals a report counts. */
export interface Scope {
  readonly from?: CalendarDate | undefined
  readonly to?: CalendarDate | undefined
  readonly ownerId?: Id<'user'> | undefined
  readonly unitId?: Id<'org_unit'> | undefined
  readonly accountId?: Id<'account'> | undefined
  readonly productId?: Id<'product'> | undefined
  /** Versions of processes; none: all. */
  readonly processIds?: readonly string[] | undefined
  /** Which day of a deal the period goes by. */
  readonly date?: 'opened' | 'closed' | undefined
}

/** A process with all its versions that were asked for, newest first. */
export interface KnownProcess {
  readonly ids: readonly string[]
  readonly family: string
  readonly name: string
}

/** The company's time zone in SQL; UTC until it is known. */
export const companyZone = `coalesce((SELECT zone FROM known_tenant), 'UTC')`

/** A text of both languages in the reader's, in SQL. */
export function wording(column: string): string {
  return `${column} ->> '${context().language}'`
}

/** The SQL condition on `deal d` of a scope, and its values. `everybody`: of the whole company, otherwise of whom the actor may see. */
export function dealsIn(scope: Scope, { everybody = false, offset = 0 } = {}): { sql: string; values: unknown[] } {
  const values: unknown[] = []
  const conditions: string[] = []
  const use = (value: unknown) => `$${offset + values.push(value)}`
  const column = scope.date === 'closed' ? 'd.closed_at' : 'd.opened_at'
  if (scope.date === 'closed') conditions.push('d.closed_at IS NOT NULL')
  if (scope.processIds) conditions.push(`d.process_id = ANY(${use(scope.processIds)}::text[])`)
  if (scope.from) conditions.push(`${column} >= ${use(scope.from)}::timestamp AT TIME ZONE ${companyZone}`)
  if (scope.to) conditions.push(`${column} < ${use(scope.to)}::timestamp AT TIME ZONE ${companyZone}`)
  if (scope.ownerId) conditions.push(`d.owner_id = ${use(scope.ownerId)}`)
  if (scope.unitId)
    conditions.push(
      `d.owner_id IN (SELECT u.id FROM directory_user u JOIN directory_unit below ON below.id = u.unit_id
         JOIN directory_unit above ON starts_with(below.path, above.path) WHERE above.id = ${use(scope.unitId)})`,
    )
  if (scope.accountId) conditions.push(`d.account_id = ${use(scope.accountId)}`)
  if (scope.productId) conditions.push(`d.product_ids @> to_jsonb(${use(scope.productId)}::text)`)
  const visible = everybody ? undefined : visibleOwners('d.owner_id', offset + values.length)
  if (visible) {
    conditions.push(visible.sql)
    values.push(...visible.values)
  }
  return { sql: conditions.join(' AND ') || 'true', values }
}

@Injectable()
export class DealQueries {
  constructor(private readonly db: Database) {}

  /** The process of a family or of one version's id; refuses one that was never published. */
  async process(familyOrId: string): Promise<KnownProcess> {
    const versions = await this.db.query<{ id: string; family: string; name: string }>(
      `SELECT id, family, ${wording('names')} AS name FROM sales_process WHERE family = $1 OR id = $1 ORDER BY number DESC`,
      [familyOrId],
    )
    const [newest] = versions
    if (!newest) throw Refusal.invalid('reference.unknown', { field: 'process', value: familyOrId })
    return { ids: versions.map(({ id }) => id), family: newest.family, name: newest.name }
  }
}
