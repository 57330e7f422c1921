import { z } from 'zod'
import { permission, salesReaders } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant, line } from './shapes.js'

/** In which way a rule chooses among those who may get a lead. */
export const assignmentStrategies = ['round_robin', 'least_loaded', 'capacity_weighted'] as const

/** What keeps somebody from getting a lead. */
export const hindrances = ['inactive', 'absent', 'at_capacity', 'off_work'] as const

const condition = z
  .string()
  .trim()
  .max(2_000)
  .meta({ description: 'CEL over the fields of a lead; empty: every lead', examples: ['lead.country == "CN" && lead.source == "fair"'] })

const target = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('users'), userIds: z.array(id('user')).min(1).max(500) }),
    z.strictObject({ kind: z.literal('unit'), unitId: id('org_unit') }),
    z.strictObject({ kind: z.literal('territory'), territoryId: id('territory').nullable() }),
  ])
  .meta({
    description:
      'who gets the leads: these people; the reps of a unit and of those below it; or the members of the deepest territory that the lead falls into, of all territories (null) or of this one and those below it',
  })

const rule = {
  name: line(100),
  position: z.number().int().min(0).max(100_000).meta({ description: 'rules are tried in ascending order' }),
  condition,
  target,
  strategy: z.enum(assignmentStrategies).meta({
    description:
      'round_robin: whose turn is longest ago; least_loaded: who has the fewest open leads; capacity_weighted: who has the fewest for their capacity',
  }),
  atWorkOnly: z.boolean().meta({ description: 'only those get a lead who work at this moment; otherwise whoever is next' }),
  poolId: id('pool').nullable().meta({ description: 'where a lead goes that nobody can take; null: to the next rule' }),
  active: z.boolean(),
}

export const AssignmentRuleView = z
  .object({ id: id('assignment_rule'), version: z.number().int(), ...rule, createdAt: instant, updatedAt: instant })
  .meta({ id: 'AssignmentRule' })

const runners = { administrator: 'company', sales_ops: 'company' } as const
const access = {
  read: permission('assignment_rule.read', { ...runners, integrator: 'company', sales_manager: 'company', executive: 'company' }),
  change: permission('assignment_rule.change', runners),
  run: permission('lead.assign_open', { ...runners, integrator: 'company' }),
  explain: permission('lead.explain_assignment', salesReaders),
  readTerritory: permission('territory.read', {
    ...runners,
    integrator: 'company',
    sales_manager: 'company',
    executive: 'company',
    sales_rep: 'company',
  }),
  changeTerritory: permission('territory.change', runners),
}

const CreateRule = z
  .strictObject({
    ...rule,
    condition: condition.default(''),
    strategy: rule.strategy.default('round_robin'),
    atWorkOnly: rule.atWorkOnly.default(false),
    poolId: rule.poolId.default(null),
    active: rule.active.default(true),
  })
  .meta({ id: 'CreateAssignmentRule' })

export const createAssignmentRule = defineOperation({
  id: 'createAssignmentRule',
  service: 'lead',
  method: 'POST',
  path: '/v1/assignment-rules',
  summary:
    'A new rule of who gets leads that come without an owner. The first rule whose condition holds and that finds somebody gives the lead away; one that no rule wants stays new.',
  rule: access.change,
  body: CreateRule,
  answer: AssignmentRuleView,
})

export const listAssignmentRules = defineList({
  id: 'listAssignmentRules',
  service: 'lead',
  path: '/v1/assignment-rules',
  summary: 'Rules of assignment.',
  rule: access.read,
  item: AssignmentRuleView,
  filters: { active: 'boolean', name: 'text', poolId: 'exact' },
  sorts: ['id', 'position', 'name'],
})

const oneRule = { service: 'lead', params: z.object({ id: id('assignment_rule') }), answer: AssignmentRuleView } as const

export const getAssignmentRule = defineOperation({
  ...oneRule,
  id: 'getAssignmentRule',
  method: 'GET',
  path: '/v1/assignment-rules/{id}',
  summary: 'One rule of assignment.',
  rule: access.read,
})

export const changeAssignmentRule = defineOperation({
  ...oneRule,
  id: 'changeAssignmentRule',
  method: 'PATCH',
  path: '/v1/assignment-rules/{id}',
  summary: 'Changes a rule of assignment; leads that have an owner keep it.',
  rule: access.change,
  body: z.strictObject(rule).partial().meta({ id: 'ChangeAssignmentRule' }),
})

export const dryRunAssignment = defineOperation({
  id: 'dryRunAssignment',
  service: 'lead',
  method: 'POST',
  path: '/v1/assignment-rules/dry-run',
  summary:
    'Who would have got the last leads, had they come without an owner, each at its moment, with what everybody has besides them now. Nothing is changed.',
  rule: access.change,
  status: 200,
  body: z
    .strictObject({
      leads: z.number().int().min(1).max(2_000).default(1_000).meta({ description: 'so many of the last leads' }),
      rules: z.array(CreateRule).max(100).optional().meta({ description: 'rules to try; none: those that are active' }),
    })
    .meta({ id: 'DryRunAssignment' }),
  answer: z.object({
    leads: z.number().int(),
    users: z
      .array(z.object({ userId: id('user'), leads: z.number().int() }))
      .meta({ description: 'who would have got how many, the most first' }),
    pools: z.array(z.object({ poolId: id('pool'), leads: z.number().int() })),
    unplaced: z.number().int().meta({ description: 'leads that would have stayed new' }),
    changed: z.number().int().meta({ description: 'leads that would have another owner than they have' }),
    changes: z
      .array(
        z.object({
          leadId: id('lead'),
          ownerId: id('user').nullable(),
          wouldBe: id('user').nullable(),
          poolId: id('pool').nullable(),
          rule: z.string().nullable(),
        }),
      )
      .meta({ description: 'the newest 200 of them' }),
  }),
})

export const assignOpenLeads = defineOperation({
  id: 'assignOpenLeads',
  service: 'lead',
  method: 'POST',
  path: '/v1/leads/assign-open',
  summary:
    'Gives new leads without an owner away by the rules, the best grades first, then the oldest. Again, until none is assigned any more.',
  rule: access.run,
  status: 200,
  body: z
    .strictObject({ limit: z.number().int().min(1).max(1_000).default(500).meta({ description: 'leads that are looked at, at most' }) })
    .meta({ id: 'AssignOpenLeads' }),
  answer: z.object({
    assigned: z.number().int(),
    pooled: z.number().int(),
    left: z.number().int().meta({ description: 'leads of those looked at that nobody could take' }),
  }),
})

export const getLeadAssignment = defineOperation({
  id: 'getLeadAssignment',
  service: 'lead',
  method: 'GET',
  path: '/v1/leads/{id}/assignment',
  summary: 'Why the lead went to its owner: the last rule that decided on it, who was considered, and why the others did not get it.',
  rule: access.explain,
  params: z.object({ id: id('lead') }),
  answer: z.object({
    leadId: id('lead'),
    ownerId: id('user').nullable(),
    decision: z
      .object({
        at: instant,
        ruleId: id('assignment_rule'),
        ruleName: z.string(),
        territoryId: id('territory').nullable(),
        userId: id('user').nullable(),
        poolId: id('pool').nullable(),
        considered: z.array(z.object({ userId: id('user'), open: z.number().int(), hindrance: z.enum(hindrances).nullable() })).meta({
          description: 'the chosen one first; of the others twenty at most, with what kept them from it (null: it was not their turn)',
        }),
      })
      .nullable()
      .meta({ description: 'null: no rule has decided; it was captured by its owner, claimed, or assigned by a person' }),
    byRule: z.boolean().meta({ description: 'whether the present owner has it by that decision' }),
  }),
})

const territory = {
  name: line(100),
  parentId: id('territory').nullable(),
  condition,
  memberIds: z.array(id('user')).max(500).meta({ description: 'who gets its leads; none: those of the territory above' }),
  active: z.boolean(),
}

export const TerritoryView = z
  .object({ id: id('territory'), version: z.number().int(), ...territory, createdAt: instant, updatedAt: instant })
  .meta({ id: 'Territory' })

const oneTerritory = { service: 'lead', params: z.object({ id: id('territory') }), answer: TerritoryView } as const

export const createTerritory = defineOperation({
  id: 'createTerritory',
  service: 'lead',
  method: 'POST',
  path: '/v1/territories',
  summary: 'A new territory. A lead falls into the deepest one whose condition holds, with those of all territories above it.',
  rule: access.changeTerritory,
  body: z
    .strictObject({
      ...territory,
      parentId: territory.parentId.default(null),
      condition: condition.default(''),
      memberIds: territory.memberIds.default([]),
      active: territory.active.default(true),
    })
    .meta({ id: 'CreateTerritory' }),
  answer: TerritoryView,
})

export const listTerritories = defineList({
  id: 'listTerritories',
  service: 'lead',
  path: '/v1/territories',
  summary: 'Territories.',
  rule: access.readTerritory,
  item: TerritoryView,
  filters: { name: 'text', parentId: 'exact', active: 'boolean' },
  sorts: ['id', 'name'],
})

export const getTerritory = defineOperation({
  ...oneTerritory,
  id: 'getTerritory',
  method: 'GET',
  path: '/v1/territories/{id}',
  summary: 'One territory.',
  rule: access.readTerritory,
})

export const changeTerritory = defineOperation({
  ...oneTerritory,
  id: 'changeTerritory',
  method: 'PATCH',
  path: '/v1/territories/{id}',
  summary: 'Changes a territory, or moves it with all below it.',
  rule: access.changeTerritory,
  body: z.strictObject(territory).partial().meta({ id: 'ChangeTerritory' }),
})

const capacity = z.number().int().min(0).max(1_000_000)

export const AssignmentSettings = z
  .object({
    capacity: capacity
      .nullable()
      .meta({ description: 'open leads that a rule lets one person have, unless capacities says otherwise; null: any number' }),
    capacities: z
      .array(z.strictObject({ userId: id('user'), capacity }))
      .max(2_000)
      .meta({ description: 'people with a capacity of their own' }),
    version: z.number().int(),
  })
  .meta({ id: 'AssignmentSettings' })

export const getAssignmentSettings = defineOperation({
  id: 'getAssignmentSettings',
  service: 'lead',
  method: 'GET',
  path: '/v1/assignment-settings',
  summary: 'How many open leads the rules of assignment let people have. What a person assigns or claims is not bound by it.',
  rule: access.read,
  answer: AssignmentSettings,
})

export const changeAssignmentSettings = defineOperation({
  id: 'changeAssignmentSettings',
  service: 'lead',
  method: 'PATCH',
  path: '/v1/assignment-settings',
  summary: 'Changes how many open leads the rules let people have.',
  rule: access.change,
  body: z.strictObject({ capacity: AssignmentSettings.shape.capacity, capacities: AssignmentSettings.shape.capacities }).partial(),
  answer: AssignmentSettings,
})

defineProblems({
  'territory.cycle': {
    en: 'A territory cannot be below itself. Choose a parent outside of it.',
    'zh-CN': '区域不能位于自身之下。请选择其他上级区域。',
  },
  'territory.too_deep': { en: 'The tree is too deep. At most {levels} levels are possible.', 'zh-CN': '区域层级过深。最多 {levels} 级。' },
})
