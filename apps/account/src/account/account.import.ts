import { decimal, OpenAccount } from '@millrace/contracts'
import { Refusal, type CustomValues, type Id } from '@millrace/domain'
import { begun, type Clock, type Colleague, type Directory, type ImportKind, type Transaction } from '@millrace/service'
import { z } from 'zod'
import { placeBelowParents } from './account-hierarchy.js'
import { Account, nameKey, type AccountData } from './account.js'
import type { AccountService } from './account.service.js'
import { annualRevenue } from './annual-revenue.js'

const {
  name,
  industry,
  country,
  region,
  location,
  website,
  phone,
  employees,
  foundedYear,
  note,
  externalId,
  class: accountClass,
} = OpenAccount.shape
const count = z
  .string()
  .regex(/^\d{1,9}$/, { message: 'count.malformed' })
  .transform(Number)

/** Accounts from a file. A repeat adds nothing: they are known again by `externalId`, else by name. `parent` is a name, of any row or account. */
const fields = z.object({
  externalId,
  name,
  industry,
  country,
  region,
  location,
  website,
  phone,
  foundedYear: count.pipe(foundedYear.unwrap().unwrap()).optional(),
  employees: count.pipe(employees.unwrap().unwrap()).optional(),
  annualRevenue: decimal.optional(),
  annualRevenueMillions: decimal.optional(),
  currency: z.string().default('USD'),
  parent: name.optional(),
  owner: z.string().max(320).optional(),
  note,
  class: accountClass,
  createdAt: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })])
    .transform((value) => new Date(value))
    .optional(),
})
type Fields = z.output<typeof fields>

export function accountImport(accounts: AccountService, directory: Directory, clock: Clock): ImportKind<typeof fields> {
  return {
    kind: 'accounts',
    shape: fields,
    custom: 'account',
    async apply(tx, rows) {
      await accounts.moveAlone(tx) // an import of the same file beside this one finds what this one added
      const known = await Known.read(
        tx,
        rows.map((row) => row.fields),
      )
      const colleagues = await directory.byEmailOrName()
      const fresh = new Map<string, { account: Account; parent: string | undefined }>()
      const entries = rows.map(({ fields: given, custom }) => {
        const found = known.find(given)
        if (found) return found
        const account = opened(given, custom, colleagues, clock.now())
        if (account instanceof Refusal) return account
        known.add(account)
        fresh.set(account.id, { account, parent: given.parent })
        return account.id
      })
      const { placed, refused } = placeFresh(fresh, known)
      await accounts.store(tx, placed)
      const added = new Set<string>()
      return entries.map((entry) => {
        if (entry instanceof Refusal) return entry
        const refusal = refused.get(entry)
        if (refusal) return refusal
        if (known.ids.has(entry) || added.has(entry)) return 'existing'
        added.add(entry)
        return 'added'
      })
    },
  }
}

/** The account that a row describes, its parent left open. */
function opened(
  { parent: _, owner, ...given }: Fields,
  custom: CustomValues,
  colleagues: ReadonlyMap<string, Colleague>,
  now: Date,
): Account | Refusal {
  const colleague = owner ? colleagues.get(owner.toLowerCase()) : null
  if (colleague === undefined) return Refusal.invalid('reference.unknown', { field: 'owner', value: owner })
  const { annualRevenue: units, annualRevenueMillions: millions, currency, createdAt, ...data } = given
  if (units && millions) return Refusal.invalid('account.revenue_twice')
  try {
    return Account.open({
      ...begun('account', createdAt ?? now),
      ...(data as AccountData & { name: string }),
      annualRevenue: millions ? annualRevenue(millions, currency, 'millions') : units ? annualRevenue(units, currency) : null,
      ownerId: colleague?.id ?? null,
      custom,
    })
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

/** Puts new accounts below their parents, and says why for those that cannot be. */
function placeFresh(fresh: ReadonlyMap<string, { account: Account; parent: string | undefined }>, known: Known) {
  const refused = new Map<string, Refusal>()
  const parents = new Map<string, string | null>()
  for (const [id, { parent }] of fresh) {
    const named = parent ? known.named(parent) : []
    if (parent && named.length !== 1)
      refused.set(id, Refusal.invalid(named.length ? 'import.ambiguous' : 'reference.unknown', { field: 'parent', value: parent }))
    else parents.set(id, named[0] ?? null)
  }
  const placed: Account[] = []
  for (const [id, place] of placeBelowParents(parents, known.ids)) {
    const { account, parent } = fresh.get(id)!
    if (place === 'placed') placed.push(parent ? account.below(parents.get(id) as Id<'account'>) : account)
    else if (place === 'unknown') refused.set(id, Refusal.invalid('reference.unknown', { field: 'parent', value: parent }))
    else refused.set(id, new Refusal('account.cycle', { account: account.name, parent }))
  }
  return { placed, refused }
}

/** The accounts that rows of a file may mean: those that are stored, and those that the file has brought so far. */
class Known {
  /** Those that are stored. */
  readonly ids = new Set<string>()
  private readonly byExternalId = new Map<string, string>()
  private readonly byName = new Map<string, string[]>()

  static async read(tx: Transaction, rows: readonly Fields[]): Promise<Known> {
    const stored = await tx.query<Pick<Account, 'id' | 'nameKey' | 'externalId'>>(
      `SELECT coalesce(merged_into, id) AS id, name_key AS "nameKey", external_id AS "externalId" FROM account WHERE name_key = ANY($1) OR external_id = ANY($2) ORDER BY id`,
      [rows.flatMap((row) => [row.name, row.parent ?? []].flat().map(nameKey)), rows.flatMap((row) => row.externalId ?? [])],
    )
    const known = new Known()
    for (const account of stored) {
      known.ids.add(account.id)
      known.add(account)
    }
    return known
  }

  add({ id, nameKey: key, externalId }: Pick<Account, 'id' | 'nameKey' | 'externalId'>): void {
    if (externalId) this.byExternalId.set(externalId, id)
    this.byName.set(key, [...(this.byName.get(key) ?? []), id])
  }

  /** Whom a row means: by external id when it has one, else by name. */
  find({ externalId, name }: Fields): string | undefined {
    return externalId ? this.byExternalId.get(externalId) : this.named(name)[0]
  }

  named(name: string): readonly string[] {
    return this.byName.get(nameKey(name)) ?? []
  }
}
