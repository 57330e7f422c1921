/** The roles of the platform. A user or API client has one or more. */
export const roles = ['administrator', 'executive', 'sales_manager', 'sales_rep', 'sales_ops', 'finance', 'integrator'] as const
export type Role = (typeof roles)[number]

/** How far somebody sees: records they own, their team's, those of their part of the org tree, or all of the company's. Ascending. */
export const visibilities = ['own', 'team', 'subtree', 'company'] as const
export type Visibility = (typeof visibilities)[number]

/** The right to do one thing, and how far each role's right reaches. A role that is not named has no such right. */
export interface Permission {
  readonly name: string
  readonly grants: Readonly<Partial<Record<Role, Visibility>>>
}

/** Every permission, by name. The access table in the documentation is made from it. */
export const permissions = new Map<string, Permission>()

/** Declares a permission, e.g. `permission('lead.convert', { administrator: 'company', sales_rep: 'own' })`. */
export function permission(name: string, grants: Permission['grants']): Permission {
  if (permissions.has(name)) throw new Error(`permission ${name} is declared twice`)
  const declared = { name, grants }
  permissions.set(name, declared)
  return declared
}

/** How far these roles together reach with a permission; undefined: not allowed at all. */
export function reach(held: readonly Role[], { grants }: Permission): Visibility | undefined {
  let widest: Visibility | undefined
  for (const role of held) {
    const granted = grants[role]
    if (granted && (!widest || visibilities.indexOf(granted) > visibilities.indexOf(widest))) widest = granted
  }
  return widest
}

/** Usual grants: who reads the records of sales. */
export const salesReaders: Permission['grants'] = {
  administrator: 'company',
  executive: 'company',
  sales_ops: 'company',
  integrator: 'company',
  finance: 'company',
  sales_manager: 'subtree',
  sales_rep: 'own',
}

/** Usual grants: who writes the records of sales. */
export const salesWriters: Permission['grants'] = {
  administrator: 'company',
  sales_ops: 'company',
  integrator: 'company',
  sales_manager: 'subtree',
  sales_rep: 'own',
}

/** Usual grants: what everybody of the company may read (catalogue, processes, colleagues' names). */
export const everybody: Permission['grants'] = {
  administrator: 'company',
  executive: 'company',
  sales_manager: 'company',
  sales_rep: 'company',
  sales_ops: 'company',
  finance: 'company',
  integrator: 'company',
}

/** Usual grants: who sets the platform up. */
export const keepers: Permission['grants'] = { administrator: 'company', sales_ops: 'company', integrator: 'company' }

/** Usual grants: who works with money. */
export const financiers: Permission['grants'] = { administrator: 'company', finance: 'company', integrator: 'company' }
