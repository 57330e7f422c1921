import { Injectable } from '@nestjs/common'
import { AccountChanged, AccountOpened, type changeAccount, type Input, type openAccount, type Sent } from '@millrace/contracts'
import { Refusal, type CustomValues, type Id } from '@millrace/domain'
import { begun, Clock, context, CustomFields, Database, Directory, Events, visibleOwners, type Transaction } from '@millrace/service'
import { touch } from '../pool/touch.service.js'
import { scoreSoon } from '../scorecard/to-score.service.js'
import { AccountLikeness } from './account-likeness.service.js'
import { Account, type AccountData } from './account.js'

/** What a conversion says of the account that a lead became. */
interface Converted {
  readonly name: string
  readonly ownerId: Id<'user'>
  readonly custom?: CustomValues | undefined
}

/** Fields that JSON leaves out are absent, never undefined. */
type Named = AccountData & { readonly name: string }

/** Use cases of the account. Each one transaction: lock, decide, save, publish. */
@Injectable()
export class AccountService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly customFields: CustomFields,
    private readonly likeness: AccountLikeness,
  ) {}

  open({ ownerId, custom: wish, ...given }: Input<typeof openAccount>['body']): Promise<Account> {
    return this.db.transaction(async (tx) => {
      if (ownerId) await this.directory.colleague(ownerId)
      const parentId = given.parentId ? (await this.parent(tx, given.parentId)).id : null
      const { actor } = context()
      const owner = ownerId ?? (actor?.kind === 'user' && actor.roles.includes('sales_rep') ? (actor.id as Id<'user'>) : null)
      const custom = await this.customFields.merged('account', wish)
      const account = Account.open({ ...begun('account', this.clock.now()), ...(given as Named), parentId, ownerId: owner, custom })
      await this.store(tx, [account])
      return account
    })
  }

  /** Opens the account that a lead was converted into, under the id that the conversion named. One that is known stays as it is. */
  openConverted(id: Id<'account'>, { name, ownerId, custom: ofLead }: Converted, at: Date): Promise<Account> {
    return this.db.transaction(async (tx) => {
      const known = await tx.find(Account, id)
      if (known) return known
      const custom = await this.customFields.carried('account', ofLead)
      const account = Account.open({ ...begun('account', at, id), name, ownerId, custom })
      await this.store(tx, [account])
      return account
    })
  }

  change(id: Id<'account'>, given: Input<typeof changeAccount>['body']): Promise<Account> {
    return this.db.transaction(async (tx) => {
      if (given.parentId) await this.moveAlone(tx)
      const before = await tx.lock(Account, id)
      const custom = await this.customFields.merged('account', given.custom, before)
      const changed = before.change({ ...(given as Named), custom }, this.clock.now())
      const account = await tx.update(given.parentId ? await this.placed(tx, changed, given.parentId) : changed)
      if (account.name !== before.name) await this.likeness.note(tx, [account])
      scoreSoon(tx, [id])
      await this.events.publish(tx, AccountChanged, account, facts(account))
      return account
    })
  }

  /** Hands the account over, and with it the sight of its contacts and activities. */
  assign(id: Id<'account'>, ownerId: Id<'user'>): Promise<Account> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Account, id)
      await this.directory.colleague(ownerId)
      const account = before.assign(ownerId, this.clock.now())
      return account === before ? account : this.handOver(tx, account)
    })
  }

  /** Tells of accounts that a handover gave another owner. */
  async tellHandedOver(tx: Transaction, accounts: readonly Account[]): Promise<void> {
    touch(
      tx,
      accounts.filter(({ ownerId }) => ownerId).map(({ id, updatedAt }) => ({ accountId: id, at: updatedAt })),
    )
    for (const account of accounts) await this.events.publish(tx, AccountChanged, account, facts(account))
  }

  /** Stores an account that has another owner, or none: contacts and activities follow it. */
  async handOver(tx: Transaction, changed: Account): Promise<Account> {
    const account = await tx.update(changed)
    tx.send('UPDATE contact SET owner_id = $2 WHERE account_id = $1', [account.id, account.ownerId])
    tx.send('UPDATE activity SET owner_id = $2 WHERE account_id = $1', [account.id, account.ownerId])
    if (account.ownerId) touch(tx, [{ accountId: account.id, at: account.updatedAt }])
    scoreSoon(tx, [account.id])
    await this.events.publish(tx, AccountChanged, account, facts(account))
    return account
  }

  /** Saves new accounts, any number in one statement, and tells others. */
  async store(tx: Transaction, accounts: readonly Account[]): Promise<void> {
    await tx.insert(accounts)
    await this.likeness.note(tx, accounts)
    scoreSoon(
      tx,
      accounts.map(({ id }) => id),
    )
    touch(
      tx,
      accounts.filter(({ ownerId }) => ownerId).map(({ id, createdAt }) => ({ accountId: id, at: createdAt })),
    )
    for (const account of accounts) await this.events.publish(tx, AccountOpened, account, facts(account), account.createdAt)
  }

  /**
   * The account that something new is to hang on; of one that was merged, the one that it became part of. It does not change hands before that is
   * done, so that both have one owner.
   */
  async standing(tx: Transaction, id: Id<'account'>): Promise<Account> {
    const visible = visibleOwners('owner_id', 1)
    for (let asked = id; ;) {
      const [row] = await tx.query<{ seen: boolean }>(`SELECT *, ${visible?.sql ?? 'true'} AS seen FROM account WHERE id = $1 FOR SHARE`, [
        asked,
        ...(visible?.values ?? []),
      ])
      const [account] = row ? tx.hydrate(Account, [row]) : []
      if (account?.mergedInto) asked = account.mergedInto
      else if (account && row!.seen) return account
      else throw Refusal.invalid('reference.unknown', { field: 'accountId', value: id })
    }
  }

  /**
   * Parents are changed one at a time in each company: moves that touch different accounts, each harmless alone, can close a circle together.
   * Taken before any account is locked, so that nobody waits here while holding what the other needs.
   */
  async moveAlone(tx: Transaction): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 11))', [`${tx.tenant} account hierarchy`])
  }

  /** The account below this parent, or the one that it became part of. */
  private async placed(tx: Transaction, account: Account, parentId: Id<'account'>): Promise<Account> {
    const parent = await this.parent(tx, parentId)
    if (await this.standsBelow(tx, parent.id, account.id))
      throw new Refusal('account.cycle', { account: account.name, parent: parent.name, accountId: account.id, parentId })
    return account.below(parent.id)
  }

  /** Whether an account is another one or stands below it, directly or through others. */
  async standsBelow(tx: Transaction, id: Id<'account'>, above: Id<'account'>): Promise<boolean> {
    const found = await tx.one(
      `WITH RECURSIVE above AS (
         SELECT id, parent_id FROM account WHERE id = $1
         UNION SELECT a.id, a.parent_id FROM account a JOIN above ON a.id = above.parent_id)
       SELECT 1 FROM above WHERE id = $2`,
      [id, above],
    )
    return found !== undefined
  }

  private async parent(tx: Transaction, parentId: Id<'account'>): Promise<Account> {
    const named = await tx.find(Account, parentId)
    const parent = named?.mergedInto ? await tx.find(Account, named.mergedInto) : named
    if (!parent) throw Refusal.invalid('reference.unknown', { field: 'parentId', value: parentId })
    return parent
  }
}

export function facts({ id, name, ownerId, parentId, industry, country, class: accountClass }: Account): Sent<typeof AccountOpened> {
  return { accountId: id, name, ownerId, parentId, industry, country, class: accountClass }
}
