import { Injectable } from '@nestjs/common'
import {
  HandoverAccountsAssigned,
  HandoverCancelled,
  HandoverFailed,
  HandoverMoved,
  HandoverPrepared,
  HandoverReady,
  HandoverRechecked,
  HandoverStarted,
  HandoverTakenBack,
  HandoverUndone,
  handingServices,
  type handoverReports,
  type HandingService,
  type Input,
  type PayloadOf,
  type prepareHandover,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Directory, Events, Expressions, visibleOwners, type Transaction } from '@millrace/service'
import { accountFields, fieldsOf } from '../account/account-fields.js'
import { Account } from '../account/account.js'
import { Handover, underWay, type Assignment, type Progress } from './handover.js'

type Given = Input<typeof prepareHandover>['body']
type Report = PayloadOf<(typeof handoverReports)[HandingService]>
type Part = Progress & { readonly nouns: readonly { readonly noun: string; readonly records: number; readonly returned: number }[] }

/** An account and who receives it, with all that the leaver owns with it. */
interface Assigned {
  readonly accountId: Id<'account'>
  readonly toUserId: Id<'user'>
}

const readAtOnce = 1_000
const toldAtOnce = 2_000

/**
 * The handover as a process over all services. Each is asked by an event and answers with events of its own (`libs/service/src/handover.ts`):
 *
 *   prepare → count → ready · start → move → recheck → moved · undo → move back → undone
 *
 * and, when a service refuses to count or to move, move back → failed. A service that is away delays a step and nothing else: it is gone on
 * only when all have answered.
 */
@Injectable()
export class HandoverService {
  private readonly rules = new Expressions({ account: accountFields })

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly directory: Directory,
  ) {}

  /** Step 1: every service counts what the leaver holds. */
  prepare({ fromUserId, toUserId, assignments, reason, ...given }: Given): Promise<Handover> {
    const scope = given.only ?? null
    return this.db.transaction(async (tx) => {
      await this.mustBeSeen(tx, fromUserId)
      for (const receiver of new Set([toUserId, ...assignments.map((each) => each.toUserId)]))
        await this.directory.colleague(receiver, 'toUserId')
      await this.mustBeFree(tx, fromUserId)
      const { accounts, taken } = await this.plan(tx, { fromUserId, toUserId, assignments, scope })
      const handover = Handover.prepare(
        { ...begun('handover', this.clock.now()), ownerId: fromUserId, toUserId, assignments: taken, scope, reason },
        who(),
      )
      await tx.insert(handover)
      await tx.query('INSERT INTO handover_part (handover_id, service) SELECT $1, * FROM unnest($2::text[])', [
        handover.id,
        handingServices,
      ])
      for (let n = 0; n < accounts.length; n += toldAtOnce)
        await this.events.publish(tx, HandoverAccountsAssigned, handover, {
          handoverId: handover.id,
          accounts: accounts.slice(n, n + toldAtOnce),
        })
      const { id: handoverId, asked } = handover
      await this.events.publish(tx, HandoverPrepared, handover, { handoverId, asked, fromUserId, toUserId, onlyAccounts: scope !== null })
      return handover
    })
  }

  /** Step 2: every service moves what it holds. */
  start(id: Id<'handover'>): Promise<Handover> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Handover, id)
      const handover = before.start(who(), this.clock.now())
      if (handover === before) return handover
      for (const receiver of handover.receivers) await this.directory.colleague(receiver, 'toUserId')
      await tx.update(handover)
      await this.events.publish(tx, HandoverStarted, handover, { handoverId: id, asked: handover.asked })
      return handover
    })
  }

  /** Steps 3 and 4, and the end of each way: what follows once a service has told how far it is. */
  async heard(tx: Transaction, report: Report, sequence: number): Promise<void> {
    const before = await this.known(tx, report.handoverId)
    if (!before || !(await keep(tx, report, sequence))) return
    const parts = await partsOf(tx, before.id)
    const now = this.clock.now()
    const { id: handoverId, ownerId: fromUserId } = before
    const count = (of: 'records' | 'returned') => parts.reduce((sum, { nouns }) => sum + nouns.reduce((all, noun) => all + noun[of], 0), 0)

    const failure = before.refusedBy(parts)
    if (failure) {
      const handover = await tx.update(before.takeBack(failure, now))
      return this.events.publish(tx, HandoverTakenBack, handover, { handoverId, asked: handover.asked, because: 'failed' })
    }
    if (!before.isAnswered(parts)) return
    if (before.status === 'preparing') {
      const handover = await tx.update(before.counted(now))
      return this.events.publish(tx, HandoverReady, handover, { handoverId, fromUserId, records: count('records') })
    }
    if (before.status === 'moving' && before.step === 'move') {
      const handover = await tx.update(before.recheck(now))
      return this.events.publish(tx, HandoverRechecked, handover, { handoverId, asked: handover.asked })
    }
    if (before.status === 'moving') {
      const handover = await tx.update(before.moved(now))
      return this.events.publish(tx, HandoverMoved, handover, { handoverId, fromUserId, records: count('records') })
    }
    if (before.status === 'undoing') {
      const handover = await tx.update(before.returned(now))
      return this.events.publish(tx, HandoverUndone, handover, { handoverId, fromUserId, records: count('returned') })
    }
    if (before.status === 'returning') {
      const handover = await tx.update(before.returned(now))
      const { service, code } = before.failure!
      return this.events.publish(tx, HandoverFailed, handover, { handoverId, fromUserId, service: service as HandingService, code })
    }
  }

  /** The way back, for somebody who wishes it: every service moves back what is still where it was put. */
  undo(id: Id<'handover'>): Promise<Handover> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(Handover, id)
      const handover = before.undo(who(), this.clock.now())
      if (handover === before) return handover
      await this.mustBeFree(tx, before.ownerId)
      await tx.update(handover)
      await this.events.publish(tx, HandoverTakenBack, handover, { handoverId: id, asked: handover.asked, because: 'undone' })
      return handover
    })
  }

  cancel(id: Id<'handover'>): Promise<Handover> {
    return this.db.transaction(async (tx) => {
      const handover = await tx.update((await tx.lock(Handover, id)).cancel(who(), this.clock.now()))
      await this.events.publish(tx, HandoverCancelled, handover, { handoverId: id, fromUserId: handover.ownerId })
      return handover
    })
  }

  /** Who receives which account, and how many accounts of the leaver each assignment takes. Accounts that go with the rest are not named. */
  private async plan(
    tx: Transaction,
    { fromUserId, toUserId, assignments, scope }: Pick<Given, 'fromUserId' | 'toUserId' | 'assignments'> & { scope: string | null },
  ): Promise<{ accounts: Assigned[]; taken: Assignment[] }> {
    const moves = scope === null ? undefined : this.rules.condition(scope)
    const rules = assignments.map((given) => {
      const condition = 'when' in given ? this.rules.condition(given.when) : undefined
      const named = new Set<string>('accountIds' in given ? given.accountIds : [])
      return { given, fits: (account: Account) => named.has(account.id) || condition?.of({ account: fieldsOf(account) }) === true }
    })
    const named = assignments.flatMap((given) => ('accountIds' in given ? given.accountIds : []))
    await mustExist(tx, named)
    const counts = assignments.map(() => 0)
    const accounts: Assigned[] = []
    if (assignments.length || moves)
      for await (const account of accountsOf(tx, fromUserId)) {
        if (moves && moves.of({ account: fieldsOf(account) }) !== true) continue
        const first = rules.findIndex(({ fits }) => fits(account))
        if (first >= 0) counts[first]! += 1
        const receiver = assignments[first]?.toUserId ?? toUserId
        if (moves || receiver !== toUserId) accounts.push({ accountId: account.id, toUserId: receiver })
      }
    // What the leaver owns with somebody else's account goes where that account was named for.
    const own = new Set(accounts.map(({ accountId }) => accountId))
    if (!moves)
      for (const given of assignments)
        for (const accountId of 'accountIds' in given ? given.accountIds : []) {
          if (own.has(accountId)) continue
          own.add(accountId)
          accounts.push({ accountId, toUserId: given.toUserId })
        }
    const taken = assignments.map((given, n) => ({
      toUserId: given.toUserId,
      when: 'when' in given ? given.when : null,
      accounts: counts[n]!,
    }))
    return { accounts, taken }
  }

  private async mustBeSeen(tx: Transaction, userId: Id<'user'>): Promise<void> {
    const visible = visibleOwners('id', 1)
    const found = await tx.one(`SELECT id FROM directory_user WHERE id = $1${visible ? ` AND ${visible.sql}` : ''}`, [
      userId,
      ...(visible?.values ?? []),
    ])
    if (!found) throw Refusal.invalid('reference.unknown', { field: 'fromUserId', value: userId })
  }

  /** One handover of a leaver at a time. */
  private async mustBeFree(tx: Transaction, userId: Id<'user'>): Promise<void> {
    tx.lockKeys([`handover of ${userId}`])
    const other = await tx.one<{ id: string }>('SELECT id FROM handover WHERE owner_id = $1 AND status = ANY($2::text[])', [
      userId,
      underWay,
    ])
    if (other) throw new Refusal('handover.under_way', { handoverId: other.id })
  }

  private async known(tx: Transaction, id: Id<'handover'>): Promise<Handover | undefined> {
    return (await tx.find(Handover, id)) && tx.lock(Handover, id)
  }
}

function who(): string | null {
  return context().actor?.id ?? null
}

/** Keeps what a service told; false: something later is known already. */
async function keep(
  tx: Transaction,
  { handoverId, service, asked, step, done, nouns, refusal }: Report,
  sequence: number,
): Promise<boolean> {
  const kept = await tx.count(
    `UPDATE handover_part SET asked = $3, step = $4, done = $5, nouns = $6::jsonb, refusal = $7::jsonb, sequence = $8
     WHERE handover_id = $1 AND service = $2 AND sequence < $8`,
    [handoverId, service, asked, step, done, JSON.stringify(nouns), refusal && JSON.stringify(refusal), sequence],
  )
  return kept > 0
}

function partsOf(tx: Transaction, id: Id<'handover'>): Promise<Part[]> {
  return tx.query<Part>('SELECT service, asked, done, nouns, refusal FROM handover_part WHERE handover_id = $1 ORDER BY service', [id])
}

async function* accountsOf(tx: Transaction, ownerId: Id<'user'>): AsyncGenerator<Account> {
  for (let after = '', more = true; more;) {
    const rows = await tx.query<{ id: string }>(`SELECT * FROM account WHERE owner_id = $1 AND id > $2 ORDER BY id LIMIT ${readAtOnce}`, [
      ownerId,
      after,
    ])
    yield* tx.hydrate(Account, rows)
    after = rows.at(-1)?.id ?? ''
    more = rows.length === readAtOnce
  }
}

async function mustExist(tx: Transaction, ids: readonly Id<'account'>[]): Promise<void> {
  const missing = await tx.one<{ id: string }>(
    'SELECT given.id FROM unnest($1::text[]) AS given(id) WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = given.id) LIMIT 1',
    [ids],
  )
  if (missing) throw Refusal.invalid('reference.unknown', { field: 'accountIds', value: missing.id })
}
