import { Injectable } from '@nestjs/common'
import {
  listAssignmentRules,
  listTerritories,
  type Answer,
  type getAssignmentRule,
  type getAssignmentSettings,
  type getLeadAssignment,
  type getTerritory,
  type Input,
} from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { Database, Directory, Remembered, type Transaction } from '@millrace/service'
import { Lead } from '../lead/lead.js'
import { AssignmentRule } from './assignment-rule.js'
import type { Considered, Rep } from './assignment.js'
import { Territory, type Place } from './territory.js'

type Settings = Answer<typeof getAssignmentSettings>

/** The rules that are active, in their order, with the territories and capacities that they go by. */
export interface Ground {
  readonly rules: readonly AssignmentRule[]
  readonly territories: readonly Place[]
  readonly capacity: number | null
  readonly capacities: ReadonlyMap<string, number>
}

/** A rep, with what tells whether they are of a unit. */
export interface FoundRep extends Rep {
  readonly path: string | null
  /** Whether they sell; only those get the leads of a unit. */
  readonly sells: boolean
}

@Injectable()
export class AssignmentQueries {
  /** What rules go by, as it was at most a second ago: every capture asks for it. */
  readonly recentGround = new Remembered(() => this.ground())

  constructor(
    private readonly db: Database,
    private readonly directory: Directory,
  ) {}

  rules(query: Input<typeof listAssignmentRules>['query']) {
    return this.db.list(AssignmentRule, listAssignmentRules, query, ruleView)
  }

  async rule(id: string) {
    return ruleView(await this.db.get(AssignmentRule, id))
  }

  territories(query: Input<typeof listTerritories>['query']) {
    return this.db.list(Territory, listTerritories, query, territoryView)
  }

  async territory(id: string) {
    return territoryView(await this.db.get(Territory, id))
  }

  /** The company's settings; those it was given when it never changed them. */
  async settings(): Promise<Settings> {
    const found = await this.db.one<Settings>('SELECT capacity, capacities, version FROM assignment_settings')
    return found ?? { capacity: null, capacities: [], version: 0 }
  }

  private async ground(): Promise<Ground> {
    const found = await this.db.one<{ rules: AssignmentRule[] | null; territories: Place[] | null; settings: Settings | null }>(groundSql)
    const { capacity = null, capacities = [] } = found?.settings ?? {}
    return {
      rules: found?.rules ?? [],
      territories: found?.territories ?? [],
      capacity,
      capacities: new Map(capacities.map((each) => [each.userId, each.capacity])),
    }
  }

  /** These people and those of these units and below, with their open leads, turns and working times from then on; `alone` until the transaction ends. */
  async reps(
    tx: Transaction,
    { userIds, unitIds, ruleIds }: { userIds: readonly string[]; unitIds: readonly string[]; ruleIds: readonly string[] },
    { capacity, capacities }: Pick<Ground, 'capacity' | 'capacities'>,
    from: Date,
    alone: boolean,
  ): Promise<FoundRep[]> {
    const calendarOf = await this.directory.calendars()
    if (alone) tx.lockKeys(['assignment'])
    const rows = await tx.query<{
      id: Id<'user'>
      active: boolean
      path: string | null
      sells: boolean
      open: number
      turns: Record<string, number> | null
      away: { startsAt: string; endsAt: string }[] | null
    }>(repsSql, [userIds, unitIds, ruleIds, from])
    return rows.map(({ away, turns, ...row }) => ({
      ...row,
      turns: turns ?? {},
      capacity: capacities.get(row.id) ?? capacity,
      calendar: calendarOf(row.id, row.path, away ?? []),
    }))
  }

  /** Why the lead went where it went. */
  async explain(leadId: Id<'lead'>): Promise<Answer<typeof getLeadAssignment>> {
    const { ownerId } = await this.db.get(Lead, leadId)
    const decision = await this.db.one<NonNullable<Answer<typeof getLeadAssignment>['decision']> & { considered: Considered[] }>(
      `SELECT at, rule_id AS "ruleId", rule_name AS "ruleName", territory_id AS "territoryId", user_id AS "userId", pool_id AS "poolId", considered
       FROM lead_assignment WHERE lead_id = $1 ORDER BY at DESC LIMIT 1`,
      [leadId],
    )
    return { leadId, ownerId, decision: decision ?? null, byRule: !!decision?.userId && decision.userId === ownerId }
  }
}

export function ruleView({ journeyId: _, ...rule }: AssignmentRule): Answer<typeof getAssignmentRule> {
  const { target } = rule
  return { ...rule, target: target.kind === 'users' ? { ...target, userIds: [...target.userIds] } : target }
}

export function territoryView({ journeyId: _, ...territory }: Territory): Answer<typeof getTerritory> {
  return { ...territory, memberIds: [...territory.memberIds] }
}

const groundSql = `
  SELECT
    (SELECT jsonb_agg(jsonb_build_object('id', id, 'name', name, 'condition', condition, 'target', target, 'strategy', strategy, 'atWorkOnly', at_work_only,
                                         'poolId', (SELECT p.id FROM pool p WHERE p.id = pool_id AND p.active)) ORDER BY position, id) FROM assignment_rule WHERE active) AS rules,
    (SELECT jsonb_agg(jsonb_build_object('id', id, 'parentId', parent_id, 'condition', condition, 'memberIds', member_ids) ORDER BY id)
     FROM territory WHERE active) AS territories,
    (SELECT jsonb_build_object('capacity', capacity, 'capacities', capacities) FROM assignment_settings) AS settings`

const repsSql = `
  SELECT person.id, person.active, unit.path, coalesce(person.roles ? 'sales_rep', true) AS sells,
    (SELECT count(*)::int FROM lead WHERE lead.owner_id = person.id AND lead.status IN ('assigned', 'working', 'qualified', 'nurturing')) AS open,
    (SELECT jsonb_object_agg(t.rule_id, t.turn) FROM assignment_turn t WHERE t.user_id = person.id AND t.rule_id = ANY($3::text[])) AS turns,
    (SELECT jsonb_agg(jsonb_build_object('startsAt', a.starts_at, 'endsAt', a.ends_at) ORDER BY a.starts_at) FROM directory_absence a
     WHERE a.user_id = person.id AND a.ends_at > $4 AND NOT a.withdrawn) AS away
  FROM (
    SELECT unnest($1::text[])
    UNION
    SELECT u.id FROM unnest($2::text[]) AS wanted(id) JOIN directory_unit top ON top.id = wanted.id
      JOIN directory_unit below ON below.path >= top.path AND below.path < top.path || '~' JOIN directory_user u ON u.unit_id = below.id
  ) AS candidate(id)
  JOIN directory_user person ON person.id = candidate.id LEFT JOIN directory_unit unit ON unit.id = person.unit_id
  ORDER BY person.id`
