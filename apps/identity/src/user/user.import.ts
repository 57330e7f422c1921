import { line, roles } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { context, type ImportKind, type Transaction } from '@millrace/service'
import { z } from 'zod'
import { unitKey, type OrgUnit } from '../org-unit/org-unit.js'
import type { OrgUnitService } from '../org-unit/org-unit.service.js'
import { emailKey, refuseBeyondSales } from './user.js'
import type { UserService } from './user.service.js'

/** People from a file. An e-mail that is there already adds nothing. A unit that is missing is made below `parentUnit`, when that is given. */
const fields = z.object({
  externalId: line(200).optional(),
  name: line(200),
  email: z.email({ message: 'email.malformed' }).max(320),
  password: z.string().min(10, { message: 'password.short' }).max(200).optional(),
  roles: z.string().max(200),
  unit: line(200).optional(),
  parentUnit: line(200).optional(),
})
type Row = z.output<typeof fields>

export function userImport(users: UserService, units: OrgUnitService): ImportKind<typeof fields> {
  return {
    kind: 'users',
    shape: fields,
    async apply(tx, rows) {
      const emails = rows.map(({ fields: { email } }) => emailKey(email))
      const found = await tx.query<{ email_key: string }>('SELECT email_key FROM "user" WHERE email_key = ANY($1)', [emails])
      const known = new Set(found.map(({ email_key }) => email_key))
      const tree = await treeOf(tx, units)
      const joining: Parameters<UserService['joinAll']>[1][number][] = []
      const outcomes: (('added' | 'existing') | Refusal)[] = []
      for (const [n, { fields: row }] of rows.entries()) {
        const outcome = known.has(emails[n]!) ? 'existing' : await accept(row)
        outcomes.push(outcome)
        if (outcome === 'added') known.add(emails[n]!)
      }
      const joined = await users.joinAll(tx, joining)
      return outcomes.map((outcome) => {
        if (outcome !== 'added') return outcome
        const result = joined.shift()!
        return result instanceof Refusal ? result : 'added'
      })

      async function accept({ unit, parentUnit, roles: held, ...person }: Row): Promise<'added' | Refusal> {
        try {
          const given = readRoles(held)
          refuseBeyondSales(context().actor?.roles ?? [], given)
          joining.push({ ...person, roles: given, unitId: (await tree.find(unit, parentUnit)).id })
          return 'added'
        } catch (error) {
          if (error instanceof Refusal) return error
          throw error
        }
      }
    },
  }
}

function readRoles(text: string): string[] {
  const held = [...new Set(text.split('|').map((role) => role.trim()))]
  for (const role of held)
    if (!(roles as readonly string[]).includes(role)) throw Refusal.invalid('user.unknown_role', { value: role, possible: roles })
  return held
}

/** The company's units by name; one that is missing is added. */
async function treeOf(tx: Transaction, units: OrgUnitService) {
  await units.holdTree(tx)
  const root = await units.root(tx)
  const all = await units.all(tx)
  const named = (name: string, field: string): OrgUnit | undefined => {
    const [first, second] = all.filter(({ nameKey }) => nameKey === unitKey(name))
    if (second) throw Refusal.invalid('import.ambiguous', { field, value: name })
    return first
  }
  return {
    async find(unit: string | undefined, parentUnit: string | undefined): Promise<OrgUnit> {
      const parent = parentUnit === undefined ? undefined : named(parentUnit, 'parentUnit')
      if (parentUnit !== undefined && !parent) throw Refusal.invalid('reference.unknown', { field: 'parentUnit', value: parentUnit })
      if (unit === undefined) return parent ?? root
      const found = parent ? all.find((one) => one.parentId === parent.id && one.nameKey === unitKey(unit)) : named(unit, 'unit')
      if (found) return found
      if (!parent) throw Refusal.invalid('reference.unknown', { field: 'unit', value: unit })
      const added = await units.add(tx, unit, parent)
      all.push(added)
      return added
    },
  }
}
