import { Injectable } from '@nestjs/common'
import {
  AccountClaimed,
  AccountPooled,
  AccountPoolWarned,
  type Answer,
  type changeAccountPoolSettings,
  type Input,
} from '@millrace/contracts'
import { dayOf, Refusal, startOfDay, type Id } from '@millrace/domain'
import { Clock, context, Database, Directory, Events, Expressions, inTenant, type Transaction } from '@millrace/service'
import { accountFields, fieldsOf } from '../account/account-fields.js'
import { Account } from '../account/account.js'
import { AccountService } from '../account/account.service.js'
import { mustAllow, verdict, type Claimant, type Idleness } from './account-pool.js'
import { AccountPoolQueries } from './account-pool.queries.js'

type Settings = Answer<typeof changeAccountPoolSettings>

/** So many accounts are looked at in one transaction. */
const lookedAtOnce = 500

interface Idle extends Idleness {
  readonly accountId: Id<'account'>
  readonly dealing: boolean
}

/** Use cases of the account pool: its rules, and the way of accounts into it and out. */
@Injectable()
export class AccountPoolService {
  private readonly expressions = new Expressions({ account: accountFields })

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly accounts: AccountService,
    private readonly queries: AccountPoolQueries,
  ) {}

  changeSettings(given: Input<typeof changeAccountPoolSettings>['body']): Promise<Settings> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['account pool settings'])
      const { version, ...before } = await this.queries.settings()
      const expected = context().target?.ifMatch
      if (expected !== undefined && expected !== version) throw new Refusal('version.stale', { current: version })
      for (const { when } of given.rules ?? []) if (when !== null) this.expressions.condition(when)
      const said = Object.entries(given).filter(([, value]) => value !== undefined)
      const { active, rules, warnDays, maxOwned, maxPerDay, blockedDays } = {
        ...before,
        ...(Object.fromEntries(said) as typeof given),
      } as Settings
      tx.send(
        `INSERT INTO account_pool_settings (active, rules, warn_days, max_owned, max_per_day, blocked_days, version) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id) DO UPDATE SET active = excluded.active, rules = excluded.rules, warn_days = excluded.warn_days,
           max_owned = excluded.max_owned, max_per_day = excluded.max_per_day, blocked_days = excluded.blocked_days, version = excluded.version`,
        [active, JSON.stringify(rules), warnDays, maxOwned, maxPerDay, blockedDays, version + 1],
      )
      tx.send('UPDATE account_idle SET look_at = touched_at WHERE tenant_id = $1', [tx.tenant])
      return { active, rules, warnDays, maxOwned, maxPerDay, blockedDays, version: version + 1 }
    })
  }

  /**
   * The job: over all companies, reminds owners of accounts that nobody deals with and puts those whose time is up into the pool. Each account
   * has a time to be looked at, so that what a standstill delayed happens once afterwards.
   */
  async returnIdle(): Promise<void> {
    const now = this.clock.now()
    const failures: unknown[] = []
    for (let more = true; more && !failures.length;) {
      const due = await inTenant('*', () =>
        this.db.query<{ tenant_id: string; account_id: Id<'account'> }>(
          'SELECT tenant_id, account_id FROM account_idle WHERE look_at <= $1 ORDER BY look_at LIMIT $2',
          [now, lookedAtOnce],
        ),
      )
      for (const [tenantId, those] of Map.groupBy(due, ({ tenant_id }) => tenant_id)) {
        const ids = those.map(({ account_id }) => account_id)
        await inTenant(tenantId, () => this.db.transaction((tx) => this.look(tx, ids, now))).catch((error: unknown) => failures.push(error))
      }
      more = due.length === lookedAtOnce
    }
    if (failures.length) throw new AggregateError(failures, 'the idle accounts of some companies could not be looked at')
  }

  private async look(tx: Transaction, ids: readonly Id<'account'>[], now: Date): Promise<void> {
    const { active, rules, warnDays } = await this.queries.settings()
    const accounts = new Map((await tx.lockAll(Account, ids)).map((account) => [account.id, account]))
    const looked: { id: string; lookAt: Date | null; poolsAt: Date | null }[] = []
    const gone: string[] = []
    for (const idle of await tx.query<Idle>(findIdle, [tx.tenant, ids, now])) {
      const { accountId: id, touchedAt } = idle
      const account = accounts.get(id)
      const rule = active && account ? rules.find(({ when }) => this.holds(when, account, now)) : undefined
      const next = verdict(idle, idle.dealing ? null : (rule?.idleDays ?? null), warnDays, now)
      if (!account?.ownerId || account.status !== 'active') gone.push(id)
      else if (next.kind === 'pool') {
        gone.push(id)
        await this.pool(tx, account, touchedAt, now)
      } else if (next.kind === 'warn') {
        looked.push({ id, lookAt: next.poolsAt, poolsAt: next.poolsAt })
        const told = { accountId: id, ownerId: account.ownerId, idleSince: touchedAt, poolsAt: next.poolsAt }
        await this.events.publish(tx, AccountPoolWarned, account, told)
      } else looked.push({ id, lookAt: next.lookAt, poolsAt: idle.poolsAt })
    }
    tx.send('DELETE FROM account_idle WHERE tenant_id = $1 AND account_id = ANY($2::text[])', [tx.tenant, gone])
    tx.send(
      `UPDATE account_idle i SET look_at = given.look_at, pools_at = given.pools_at
       FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) AS given(id, look_at, pools_at) WHERE i.tenant_id = $1 AND i.account_id = given.id`,
      [tx.tenant, looked.map(({ id }) => id), looked.map(({ lookAt }) => lookAt), looked.map(({ poolsAt }) => poolsAt)],
    )
  }

  private holds(when: string | null, account: Account, now: Date): boolean {
    return when === null || this.expressions.condition(when).of({ account: fieldsOf(account) }, now) === true
  }

  /** Gives an account back by hand. */
  release(id: Id<'account'>): Promise<Account> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Account, id)
      before.mustStand()
      tx.send('DELETE FROM account_idle WHERE tenant_id = $1 AND account_id = $2', [tx.tenant, id])
      return this.pool(tx, before, null, this.clock.now())
    })
  }

  private async pool(tx: Transaction, before: Account, idleSince: Date | null, now: Date): Promise<Account> {
    const account = await this.accounts.handOver(tx, before.pool(now))
    await this.events.publish(tx, AccountPooled, account, { accountId: account.id, formerOwnerId: before.ownerId, idleSince })
    return account
  }

  /** One of several who claim at the same moment gets the account; one who claims several at once gets no more than the rules allow. */
  claim(id: Id<'account'>): Promise<Account> {
    const { actor } = context()
    if (actor?.kind !== 'user') throw Refusal.forbidden('account_pool.only_people')
    const me = actor.id as Id<'user'>
    return this.db.transaction(async (tx) => {
      tx.lockKeys([`account claims of ${me}`])
      const before = await tx.lock(Account, id)
      if (before.status !== 'pooled') throw new Refusal('account.not_pooled', { status: before.status })
      const now = this.clock.now()
      mustAllow(await this.queries.settings(), await this.claimant(tx, me, now), before, now)
      const account = await this.accounts.handOver(tx, before.assign(me, now))
      tx.send('INSERT INTO account_claim (user_id, claimed_at, account_id) VALUES ($1, $2, $3)', [me, now, id])
      await this.events.publish(tx, AccountClaimed, account, { accountId: id, ownerId: me })
      return account
    })
  }

  private async claimant(tx: Transaction, id: Id<'user'>, now: Date): Promise<Claimant> {
    await this.directory.colleague(id)
    const tenant = await tx.one<{ zone: string }>('SELECT zone FROM known_tenant')
    const zone = tenant?.zone ?? 'UTC'
    const found = await tx.one<{ owned: number; claimed: number }>(
      `SELECT (SELECT count(*)::int FROM account WHERE owner_id = $1 AND status = 'active') AS owned,
         (SELECT count(*)::int FROM account_claim WHERE user_id = $1 AND claimed_at >= $2) AS claimed`,
      [id, startOfDay(dayOf(now, zone), zone)],
    )
    return { id, owned: found!.owned, claimedToday: found!.claimed }
  }
}

const findIdle = `
  SELECT i.account_id AS "accountId", i.touched_at AS "touchedAt", i.pools_at AS "poolsAt", EXISTS (
    SELECT 1 FROM (SELECT i.account_id AS id UNION ALL SELECT id FROM account WHERE tenant_id = $1 AND merged_into = i.account_id) one,
      LATERAL (SELECT id FROM known_record WHERE tenant_id = $1 AND account_id = one.id AND kind = 'opportunity' AND status = 'open' LIMIT 1) d) AS dealing
  FROM account_idle i WHERE i.tenant_id = $1 AND i.account_id = ANY($2::text[]) AND i.look_at <= $3 ORDER BY i.account_id FOR UPDATE OF i`
