import { Injectable } from '@nestjs/common'
import { dayOf, Refusal, type CalendarDate, type Currency, type Id } from '@millrace/domain'
import { Clock, Database, visibleOwners } from '@millrace/service'

/** A deal as quotes need it: learnt from the opportunity service's events. */
export interface Deal {
  readonly opportunityId: Id<'opportunity'>
  readonly title: string
  readonly accountId: Id<'account'>
  readonly ownerId: Id<'user'> | null
  readonly journeyId: string
}

interface KnownDeal extends Omit<Deal, 'accountId'> {
  readonly accountId: Id<'account'> | null
  readonly status: 'open' | 'won' | 'lost'
}

/** What this service knows of the company it serves, and of the deals and accounts of other services. */
@Injectable()
export class Deals {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** The deal to quote for, as far as the actor sees it. Refuses one that is unknown, closed or without account. */
  async toQuote(opportunityId: Id<'opportunity'>): Promise<Deal> {
    const visible = visibleOwners('owner_id', 1)
    const deal = await this.db.one<KnownDeal>(
      `SELECT id AS "opportunityId", title, account_id AS "accountId", owner_id AS "ownerId", journey_id AS "journeyId", status
       FROM known_opportunity WHERE id = $1 ${visible ? `AND ${visible.sql}` : ''}`,
      [opportunityId, ...(visible?.values ?? [])],
    )
    if (!deal) throw Refusal.invalid('reference.unknown', { field: 'opportunityId', value: opportunityId })
    const { accountId, status } = deal
    if (status !== 'open') throw new Refusal('quote.deal_closed', { status })
    if (!accountId) throw new Refusal('quote.no_account')
    return { ...deal, accountId: await this.standing(accountId) }
  }

  /** The account, or the one that it became part of; that does not change before the transaction ends. */
  private async standing(accountId: Id<'account'>): Promise<Id<'account'>> {
    const merged = await this.db.one<{ into: Id<'account'> | null }>(
      'SELECT merged_into AS into FROM known_account WHERE id = $1 FOR SHARE',
      [accountId],
    )
    return merged?.into ?? accountId
  }

  /** Refuses when the deal was won or lost meanwhile. */
  async mustBeOpen(opportunityId: Id<'opportunity'>): Promise<void> {
    const deal = await this.db.one<Pick<KnownDeal, 'status'>>('SELECT status FROM known_opportunity WHERE id = $1', [opportunityId])
    if (deal && deal.status !== 'open') throw new Refusal('quote.deal_closed', { status: deal.status })
  }

  /** The account's name; null while it is not known here. */
  async accountName(accountId: Id<'account'>): Promise<string | null> {
    return (await this.db.one<{ name: string }>('SELECT name FROM known_account WHERE id = $1', [accountId]))?.name ?? null
  }

  /** What day it is for the company, and the currency it reckons in. */
  async company(): Promise<{ today: CalendarDate; currency: Currency }> {
    const found = await this.db.one<{ zone: string; currency: Currency }>('SELECT zone, currency FROM known_company')
    return { today: dayOf(this.clock.now(), found?.zone ?? 'Asia/Shanghai'), currency: found?.currency ?? 'CNY' }
  }
}
