import { context } from './context.js'

interface Kept<T> {
  readonly value: T
  readonly until: number
}

const mostTenants = 10_000

/** What every request of a company asks for and seldom changes. Another replica's change may go unnoticed for a second. */
export class Remembered<T> {
  private readonly kept = new Map<string, Kept<T>>()

  constructor(
    private readonly load: () => Promise<T>,
    private readonly ms = 1_000,
  ) {}

  async get(): Promise<T> {
    const { tenantId } = context()
    const known = this.kept.get(tenantId)
    if (known && known.until > performance.now()) return known.value
    const value = await this.load()
    if (this.kept.size > mostTenants) this.kept.clear()
    this.kept.set(tenantId, { value, until: performance.now() + this.ms })
    return value
  }

  /** It has changed, for the company of the context. */
  forget(): void {
    this.kept.delete(context().tenantId)
  }
}
