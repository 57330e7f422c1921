import { Refusal, type Id } from '@millrace/domain'

/** A program that may call the API. Its secret is kept elsewhere, hashed. */
export class ApiClient {
  declare readonly id: Id<'api_client'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly name: string
  declare readonly roles: readonly string[]
  /** False for good once it is revoked. */
  declare readonly active: boolean

  static add(given: Omit<ApiClient, 'active' | 'change' | 'revoke'>): ApiClient {
    return Object.assign(Object.create(ApiClient.prototype) as ApiClient, given, { active: true })
  }

  /** Also for a new secret, which changes nothing but the version. */
  change(given: { name?: string | undefined; roles?: readonly string[] | undefined }, at: Date): ApiClient {
    if (!this.active) throw new Refusal('api_client.revoked')
    const { name = this.name, roles = this.roles } = given
    return this.with({ name, roles, updatedAt: at })
  }

  revoke(at: Date): ApiClient {
    return this.active ? this.with({ active: false, updatedAt: at }) : this
  }

  private with(change: Partial<ApiClient>): ApiClient {
    return Object.assign(Object.create(ApiClient.prototype) as ApiClient, this, change)
  }
}
