import { Injectable } from '@nestjs/common'
import type { addLegalEntity, changeLegalEntity, Input, PayloadOf, TenantCreated } from '@millrace/contracts'
import { dayOf, Refusal, type CalendarDate, type Id } from '@millrace/domain'
import { begun, Clock, Database, type Transaction } from '@millrace/service'
import { LegalEntity } from './legal-entity.js'

/** The prefix that a company's first legal entity numbers its invoices with. */
const firstPrefix = 'INV'

/** Use cases of the legal entity, and what day it is for the seller. */
@Injectable()
export class LegalEntityService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** A new company sells under its own name until it says otherwise. */
  async begin(tx: Transaction, { name, currency, zone }: PayloadOf<typeof TenantCreated>): Promise<void> {
    if (await this.home()) return
    const [other] = await tx.findBy(LegalEntity, { prefix: firstPrefix })
    const prefix = other ? `${firstPrefix}1` : firstPrefix
    await tx.insert(
      LegalEntity.add({ ...begun('legal_entity', this.clock.now()), name, currency, zone, prefix, country: null, isDefault: true }),
    )
  }

  add({ country = null, ...given }: Input<typeof addLegalEntity>['body']): Promise<LegalEntity> {
    return this.db.transaction(async (tx) => {
      await this.prefixMustBeFree(tx, given.prefix)
      const isDefault = !(await this.home())
      const entity = LegalEntity.add({ ...begun('legal_entity', this.clock.now()), ...given, country, isDefault })
      await tx.insert(entity)
      return entity
    })
  }

  change(id: Id<'legal_entity'>, given: Input<typeof changeLegalEntity>['body']): Promise<LegalEntity> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(LegalEntity, id)
      if (given.prefix && given.prefix !== before.prefix) await this.prefixMustBeFree(tx, given.prefix)
      const issued = await tx.one('SELECT 1 FROM invoice_series WHERE legal_entity_id = $1 LIMIT 1', [id])
      return tx.update(before.change(given as Parameters<LegalEntity['change']>[0], issued !== undefined, this.clock.now()))
    })
  }

  /** The seller wherever none is named. */
  async home(): Promise<LegalEntity | undefined> {
    return (await this.db.findBy(LegalEntity, { is_default: true }))[0]
  }

  /** The day at the seller's; where the company has not been heard of yet, the day in UTC. */
  async today(): Promise<CalendarDate> {
    const home = await this.home()
    return home ? home.today(this.clock.now()) : dayOf(this.clock.now(), 'UTC')
  }

  private async prefixMustBeFree(tx: Transaction, prefix: string): Promise<void> {
    const [other] = await tx.findBy(LegalEntity, { prefix })
    if (other) throw new Refusal('legal_entity.prefix_taken', { prefix, legalEntityId: other.id })
  }
}
