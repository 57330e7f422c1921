import type { Id } from '@millrace/domain'

/** A company on the platform. Every record of every service belongs to one. */
export class Tenant {
  declare readonly id: Id<'tenant'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly nameKey: string
  /** ISO 4217; what its figures are added up in. */
  declare readonly currency: string
  /** IANA zone that its days are counted in. */
  declare readonly zone: string
  declare readonly language: 'en' | 'zh-CN'

  static found(given: Omit<Tenant, 'nameKey' | 'change'>): Tenant {
    return Object.assign(Object.create(Tenant.prototype) as Tenant, given, { nameKey: nameKey(given.name) })
  }

  change(given: { name?: string | undefined; zone?: string | undefined; language?: Tenant['language'] | undefined }, at: Date): Tenant {
    const { name = this.name, zone = this.zone, language = this.language } = given
    return Object.assign(Object.create(Tenant.prototype) as Tenant, this, { name, nameKey: nameKey(name), zone, language, updatedAt: at })
  }
}

/** Names that differ in width, case or outer space only are the same name. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}
