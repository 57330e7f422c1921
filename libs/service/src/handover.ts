import { Controller, Injectable } from '@nestjs/common'
import {
  HandoverAccountsAssigned,
  HandoverPrepared,
  handoverReports,
  HandoverRechecked,
  HandoverStarted,
  HandoverTakenBack,
  listHandedRecords,
  type Answer,
  type HandedCount,
  type HandedNoun,
  type handoverSteps,
  type HandingService,
  type Input,
} from '@millrace/contracts'
import { Money, Refusal, type Currency, type Id } from '@millrace/domain'
import type { EntitySchema } from 'typeorm'
import type { z } from 'zod'
import { visibleOwners } from './access.js'
import { Clock } from './clock.js'
import { inTenant, withContext } from './context.js'
import { Database } from './database.js'
import { Events, On, type Received } from './events.js'
import { Jobs } from './jobs.js'
import { Serve } from './operation-server.js'
import { aggregateSchema } from './schema.js'
import type { Transaction } from './transaction.js'

/** Records of one noun that people own, as a handover moves them. Column names are those of the table. */
export interface HandedRecords<T extends object = object> {
  /** Of `unmatched_mail` no count is told: the nouns that the events name stay as they are. */
  readonly noun: HandedNoun | 'unmatched_mail'
  /** Mapped, with an `ownerId`. */
  readonly target: { prototype: T }
  /** SQL condition: which of the owner's records move. All, when not said. */
  readonly where?: string
  /** SQL of the account that decides on the receiver; null: such records go to whoever receives the rest. */
  readonly account: string | null
  /** SQL of what people know the record by. */
  readonly title: string
  /** The money column that says what it is worth: `total` for `total_minor` and `total_currency`. */
  readonly amount?: string
  /** Whether its owner is that of a record of another service, so that it may be with its receiver already when its turn comes. */
  readonly follows?: boolean
  /** Tables whose `owner_id` is always that of the record which this column names. */
  readonly followers?: readonly { readonly noun: HandedNoun; readonly table: string; readonly column: string }[]
  /** Takes what everybody locks before records of these accounts. */
  readonly lock?: (tx: Transaction, accountIds: readonly Id<'account'>[]) => Promise<void>
  /** Tells others of records that have a new owner, as any assignment does. */
  tell?(tx: Transaction, records: readonly T[]): Promise<void>
}

type Step = (typeof handoverSteps)[number]
type Count = z.input<typeof HandedCount>

/** A service's part in a handover: the step it was asked for last, and how far it is. */
export class HandoverPart {
  declare readonly id: Id<'handover'>
  declare readonly version: number
  declare readonly journeyId: string | null
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  /** Whose book moves. */
  declare readonly ownerId: Id<'user'>
  declare readonly toUserId: Id<'user'>
  declare readonly onlyAccounts: boolean
  declare readonly asked: number
  declare readonly step: Step
  declare readonly done: boolean
  declare readonly nouns: readonly Count[]
  declare readonly refusal: { readonly code: string; readonly details: Readonly<Record<string, string>> } | null
  /** Who asked for the step. */
  declare readonly byId: string | null

  with(change: Partial<HandoverPart>): HandoverPart {
    return Object.assign(Object.create(HandoverPart.prototype) as HandoverPart, this, change)
  }
}

/** How a service stores its part in handovers. */
export function handoverPartSchema(service: HandingService): EntitySchema {
  return aggregateSchema(HandoverPart, `${service}_handover`, {
    ownerId: 'text',
    toUserId: 'text',
    onlyAccounts: 'boolean',
    asked: 'integer',
    step: 'text',
    done: 'boolean',
    nouns: 'json',
    refusal: 'json?',
    byId: 'text?',
  })
}

/** So many records are moved in one transaction, and so many looked for at once. */
const movedAtOnce = 500
const listedAtOnce = 2_000

/**
 * A service's part in handovers: it lists what somebody owns, moves it in chunks and moves it back. Each record that moves is remembered with its
 * receiver, so that exactly these come back. What a crash or a stop interrupted goes on where it was: every chunk is one transaction, which
 * begins by looking whether the step is still wanted.
 */
@Injectable()
export class Handovers {
  private service: HandingService | undefined
  private kinds: readonly HandedRecords[] = []
  private readonly working = new Set<string>()
  private readonly again = new Set<string>()
  private stopped = false

  constructor(
    private readonly database: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
  ) {}

  /** Called once by the module of a service that takes part, with its nouns in the order in which they move. */
  register(service: HandingService, kinds: readonly HandedRecords[]): void {
    this.service = service
    this.kinds = kinds
    this.jobs.every(10, 'handovers', () => this.resume())
    this.jobs.onStop(() => (this.stopped = true))
  }

  async assignAccounts(tx: Transaction, handoverId: string, accounts: readonly { accountId: string; toUserId: string }[]): Promise<void> {
    await tx.query(
      `INSERT INTO handed_account (handover_id, account_id, to_user_id) SELECT $1, account, receiver FROM unnest($2::text[], $3::text[]) AS given(account, receiver)
       ON CONFLICT DO NOTHING`,
      [handoverId, accounts.map(({ accountId }) => accountId), accounts.map(({ toUserId }) => toUserId)],
    )
  }

  async prepare(tx: Transaction, { payload, journeyId, at, actorId }: Received<typeof HandoverPrepared>): Promise<void> {
    const { handoverId, fromUserId, toUserId, onlyAccounts, asked } = payload
    if (await tx.find(HandoverPart, handoverId)) return
    const part = new HandoverPart().with({
      ...{ id: handoverId, version: 1, journeyId, createdAt: at, updatedAt: at, ownerId: fromUserId, toUserId, onlyAccounts, asked },
      ...{ step: 'count', done: false, nouns: [], refusal: null, byId: actorId },
    })
    await tx.insert(part)
    await this.report(tx, part)
    this.begin(tx, handoverId)
  }

  /** Begins the next step, unless it is known already. */
  async ask(tx: Transaction, step: Step, { payload: { handoverId, asked }, actorId }: Received<typeof HandoverStarted>): Promise<void> {
    const part = await tx.lock(HandoverPart, handoverId)
    if (asked <= part.asked) return
    await this.save(tx, part.with({ asked, step, done: false, refusal: null, byId: actorId }))
    this.begin(tx, handoverId)
  }

  private begin(tx: Transaction, id: string): void {
    const tenantId = tx.tenant
    tx.onCommit(() => this.jobs.begin('handovers', () => this.work(tenantId, id)))
  }

  /** Goes on with what a stop or a failure interrupted. */
  private async resume(): Promise<void> {
    const waiting = await inTenant('*', () =>
      this.database.query<{ tenant_id: string; id: string }>(`SELECT tenant_id, id FROM ${this.service!}_handover WHERE NOT done`),
    )
    const failures: unknown[] = []
    for (const { tenant_id, id } of waiting) await this.work(tenant_id, id).catch((error: unknown) => failures.push(error))
    if (failures.length) throw new AggregateError(failures, 'some handovers do not get on')
  }

  private async work(tenantId: string, id: string): Promise<void> {
    if (this.working.has(id)) return void this.again.add(id)
    this.working.add(id)
    try {
      for (;;) {
        const part = await inTenant(tenantId, () => this.database.find(HandoverPart, id))
        if (!part || part.done || this.stopped) return
        const actor = part.byId && { id: part.byId, kind: part.byId.startsWith('user_') ? ('user' as const) : ('api_client' as const) }
        await withContext(
          {
            ...{ tenantId, visibility: 'company', language: 'en', channel: 'handover', caused: [] },
            ...(part.journeyId && { journeyId: part.journeyId }),
            ...(actor && { actor: { ...actor, roles: [] } }),
          },
          () => this.doStep(part),
        )
      }
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
    } finally {
      this.working.delete(id)
    }
    if (this.again.delete(id)) await this.work(tenantId, id)
  }

  private async doStep(part: HandoverPart): Promise<void> {
    try {
      if (part.step === 'count') await this.listAll(part)
      else if (part.step === 'move_back') await this.moveAll(part, 'moved')
      else
        do await this.moveAll(part, 'planned')
        while (await this.listAll(part))
      await this.inStep(part, async (tx, now) => void (await this.save(tx, now.with({ done: true, nouns: await this.counted(tx, now) }))))
    } catch (error) {
      if (error instanceof Superseded) return
      // What is moved back has to come back: it is tried again until it does.
      const refusal = part.step === 'move_back' ? undefined : refusalOf(error)
      if (!refusal) throw error
      await this.inStep(part, async (tx, now) => void (await this.save(tx, now.with({ done: true, refusal })))).catch(unlessSuperseded)
    }
  }

  /** One transaction of a step, as long as the step is the one that is asked for. */
  private inStep<T>({ id, asked }: HandoverPart, work: (tx: Transaction, now: HandoverPart) => Promise<T>): Promise<T> {
    if (this.stopped) throw new Interrupted()
    return this.database.transaction(async (tx) => {
      const now = await tx.lock(HandoverPart, id)
      if (now.asked !== asked || now.done) throw new Superseded()
      return work(tx, now)
    })
  }

  /** Remembers what the owner has and what is not remembered yet. Answers how many that are. */
  private async listAll(part: HandoverPart): Promise<number> {
    let all = 0
    for (const kind of this.kinds)
      for (let after = ''; ;) {
        const { found, last } = await this.inStep(part, (tx, now) => this.listSome(tx, now, kind, after))
        all += found
        if (found < listedAtOnce) break
        after = last!
      }
    return all
  }

  private async listSome(
    tx: Transaction,
    part: HandoverPart,
    kind: HandedRecords,
    after: string,
  ): Promise<{ found: number; last: string | null }> {
    const { noun, target, where = 'true', account, amount } = kind
    const [minor, currency] = amount ? [`${amount}_minor`, `${amount}_currency`] : ['NULL::bigint', 'NULL']
    const row = await tx.one<{ found: number; last: string | null }>(
      `WITH found AS (
         SELECT r.id, r.account, r.minor, r.currency, coalesce(a.to_user_id, $4) AS receiver
         FROM (SELECT id, ${account ?? 'NULL'} AS account, ${minor} AS minor, ${currency} AS currency
               FROM ${this.database.tableOf(target).name} WHERE tenant_id = $1 AND owner_id = $3 AND id > $5 AND (${where})) AS r
         LEFT JOIN handed_account a ON a.tenant_id = $1 AND a.handover_id = $2 AND a.account_id = r.account
         WHERE a.account_id IS NOT NULL OR NOT $6
         ORDER BY r.id LIMIT ${listedAtOnce}),
       kept AS (
         INSERT INTO handed_record (handover_id, noun, record_id, state, to_user_id, account_id, amount_minor, amount_currency)
         SELECT $2, $7, id, 'planned', receiver, account, minor, currency FROM found
         ON CONFLICT (tenant_id, handover_id, noun, record_id) DO UPDATE SET state = 'planned', found_user_id = NULL)
       SELECT count(*)::int AS found, max(id) AS last FROM found`,
      [tx.tenant, part.id, part.ownerId, part.toUserId, after, part.onlyAccounts, noun],
    )
    return row!
  }

  /** Moves all remembered records that are in this state: the planned ones to their receivers, the moved ones back. */
  private async moveAll(part: HandoverPart, state: 'planned' | 'moved'): Promise<void> {
    const kinds = state === 'planned' ? this.kinds : [...this.kinds].reverse()
    for (const kind of kinds) for (let more = true; more;) more = await this.inStep(part, (tx, now) => this.moveSome(tx, now, kind, state))
  }

  private async moveSome(tx: Transaction, part: HandoverPart, kind: HandedRecords, state: 'planned' | 'moved'): Promise<boolean> {
    const there = state === 'planned'
    const remembered = await tx.query<{ id: string; account: Id<'account'> | null; receiver: string }>(
      `SELECT record_id AS id, account_id AS account, to_user_id AS receiver FROM handed_record
       WHERE tenant_id = $1 AND handover_id = $2 AND noun = $3 AND state = $4 ORDER BY record_id LIMIT ${movedAtOnce}`,
      [tx.tenant, part.id, kind.noun, state],
    )
    if (!remembered.length) return false
    if (there) await mustBeHere(tx, [...new Set(remembered.map(({ receiver }) => receiver))])
    await kind.lock?.(tx, [...new Set(remembered.flatMap(({ account }) => account ?? []))])
    const table = this.database.tableOf(kind.target)
    const held = await tx.query<{ id: string; owner: string | null; moves: boolean }>(
      `SELECT held.id, held.owner, held.moves FROM unnest($2::text[]) AS given(id), LATERAL (
         SELECT id, owner_id AS owner, (${kind.where ?? 'true'}) AS moves FROM ${table.name} WHERE tenant_id = $1 AND id = given.id LIMIT 1 FOR UPDATE) AS held`,
      [tx.tenant, remembered.map(({ id }) => id)],
    )
    const now = new Map(held.map((each) => [each.id, each]))
    const outcomes = remembered.map(({ id, receiver }) => {
      const [from, to] = there ? [part.ownerId as string, receiver] : [receiver, part.ownerId as string]
      const { owner, moves } = now.get(id) ?? { owner: null, moves: false }
      const fits = owner === from && (moves || !there)
      const state = fits || (kind.follows && owner === to) ? (there ? 'moved' : 'returned') : there ? 'left' : 'stayed'
      return { id, from, to, fits, state, owner: state === 'left' || state === 'stayed' ? owner : null }
    })
    const followed = await this.reassign(
      tx,
      part,
      kind,
      outcomes.filter(({ fits }) => fits),
    )
    await tx.query(
      `UPDATE handed_record h SET state = given.state, found_user_id = given.owner FROM unnest($4::text[], $5::text[], $6::text[]) AS given(id, state, owner)
       WHERE h.tenant_id = $1 AND h.handover_id = $2 AND h.noun = $3 AND h.record_id = given.id`,
      [tx.tenant, part.id, kind.noun, outcomes.map(({ id }) => id), outcomes.map((each) => each.state), outcomes.map(({ owner }) => owner)],
    )
    const all = (state: string) => outcomes.filter((outcome) => outcome.state === state).length
    const nouns = part.nouns.map((count): Count => {
      const { noun } = count
      if (noun === kind.noun) {
        const [moved, returned] = [all('moved'), all('returned')]
        const gone = there ? 0 : returned + all('stayed')
        return {
          ...count,
          moved: count.moved + moved - gone,
          left: count.left + all('left'),
          returned: count.returned + returned,
          stayed: count.stayed + all('stayed'),
        }
      }
      const those = followed[noun] ?? 0
      return there ? { ...count, moved: count.moved + those } : { ...count, moved: count.moved - those, returned: count.returned + those }
    })
    await this.save(tx, part.with({ nouns }))
    return true
  }

  /** Gives records their new owner, with an audit row each, and tells others. Answers how many followed, by noun. */
  private async reassign(
    tx: Transaction,
    part: HandoverPart,
    { target, followers = [], ...kind }: HandedRecords,
    given: readonly { readonly id: string; readonly from: string; readonly to: string }[],
  ): Promise<Partial<Record<HandedNoun, number>>> {
    if (!given.length) return {}
    const { name, noun } = this.database.tableOf(target)
    const [ids, from, to] = [given.map(({ id }) => id), given.map((each) => each.from), given.map((each) => each.to)]
    const rows = await tx.query(
      `WITH moved AS (
         UPDATE ${name} r SET owner_id = given.receiver, version = r.version + 1, updated_at = $5
         FROM unnest($2::text[], $3::text[], $4::text[]) AS given(id, former, receiver) WHERE r.tenant_id = $1 AND r.id = given.id
         RETURNING r.*, given.former),
       trail AS (
         INSERT INTO audit (aggregate, aggregate_id, version, action, actor_id, channel, change)
         SELECT $6, id, version, 'update', $7, 'handover', jsonb_build_object('ownerId', jsonb_build_object('from', former, 'to', owner_id)) FROM moved)
       SELECT * FROM moved ORDER BY id`,
      [tx.tenant, ids, from, to, this.clock.now(), noun, part.byId],
    )
    await kind.tell?.(tx, tx.hydrate(target, rows))
    const counts: Partial<Record<HandedNoun, number>> = {}
    for (const follower of followers)
      counts[follower.noun] = await tx.count(
        `UPDATE ${follower.table} f SET owner_id = given.receiver FROM unnest($2::text[], $3::text[]) AS given(id, receiver)
         WHERE f.tenant_id = $1 AND f.${follower.column} = given.id`,
        [tx.tenant, ids, to],
      )
    return counts
  }

  /** What is remembered, by noun, and what follows it. */
  private async counted(tx: Transaction, part: HandoverPart): Promise<Count[]> {
    const rows = await tx.query<{ noun: string; state: string; currency: Currency | null; records: number; minor: string | null }>(
      `SELECT noun, state, amount_currency AS currency, count(*)::int AS records, sum(amount_minor)::text AS minor
       FROM handed_record WHERE tenant_id = $1 AND handover_id = $2 GROUP BY 1, 2, 3 ORDER BY 3`,
      [tx.tenant, part.id],
    )
    const counts: Count[] = []
    for (const { noun, followers = [] } of this.kinds) {
      if (noun === 'unmatched_mail') continue
      const own = rows.filter((row) => row.noun === noun)
      const all = (state?: string) => own.reduce((sum, row) => sum + (!state || row.state === state ? row.records : 0), 0)
      const sums = new Map<Currency, bigint>()
      for (const { currency, minor } of own) if (currency) sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(minor ?? 0))
      const amounts = [...sums].map(([currency, minor]) => Money.of(minor, currency).toJSON())
      const [moved, left, returned, stayed] = [all('moved'), all('left'), all('returned'), all('stayed')]
      counts.push({ noun, records: all(), amounts, moved, left, returned, stayed })
      for (const follower of followers) {
        const followed = await tx.query<{ state: string; records: number }>(
          `SELECT h.state, count(*)::int AS records FROM handed_record h JOIN ${follower.table} f ON f.tenant_id = $1 AND f.${follower.column} = h.record_id
           WHERE h.tenant_id = $1 AND h.handover_id = $2 AND h.noun = $3 GROUP BY 1`,
          [tx.tenant, part.id, noun],
        )
        const those = (state: string) => followed.find((row) => row.state === state)?.records ?? 0
        const records = followed.reduce((sum, row) => sum + row.records, 0)
        const states = { moved: those('moved'), left: those('left'), returned: those('returned'), stayed: those('stayed') }
        counts.push({ noun: follower.noun, records, amounts: [], ...states })
      }
    }
    return counts
  }

  private async save(tx: Transaction, part: HandoverPart): Promise<void> {
    await this.report(tx, await tx.update(part.with({ updatedAt: this.clock.now() })))
  }

  private async report(tx: Transaction, part: HandoverPart): Promise<void> {
    const { id: handoverId, asked, step, done, nouns, refusal } = part
    const service = this.service!
    await this.events.publish(tx, handoverReports[service], part, { handoverId, asked, service, step, done, nouns: [...nouns], refusal })
  }

  async records(
    id: string,
    { noun, state, limit, cursor }: Input<typeof listHandedRecords>['query'],
  ): Promise<Answer<typeof listHandedRecords>> {
    const visible = visibleOwners('owner_id', 1)
    const part = await this.database.one<{ owner: Id<'user'> }>(
      `SELECT owner_id AS owner FROM ${this.service!}_handover WHERE id = $1${visible ? ` AND ${visible.sql}` : ''}`,
      [id, ...(visible?.values ?? [])],
    )
    const kind = this.kinds.find((kind) => kind.noun === noun)
    if (!part || !kind) throw Refusal.notFound('handover', id)
    const rows = await this.database.query<RecordRow>(
      `SELECT h.record_id AS id, (SELECT ${kind.title} FROM ${this.database.tableOf(kind.target).name} WHERE id = h.record_id) AS title, h.account_id AS "accountId",
              h.amount_minor AS minor, h.amount_currency AS currency, h.to_user_id AS "toUserId", h.state, h.found_user_id AS "foundUserId"
       FROM handed_record h WHERE h.handover_id = $1 AND h.noun = $2 AND h.record_id > $3 AND ($4::text IS NULL OR h.state = $4)
       ORDER BY h.record_id LIMIT $5`,
      [id, noun, cursor ?? '', state ?? null, limit + 1],
    )
    const data = rows.slice(0, limit).map(({ minor, currency, ...row }) => ({
      noun,
      ...row,
      fromUserId: part.owner,
      amount: currency && Money.of(minor!, currency).toJSON(),
    }))
    return { data, next: rows.length > limit ? data.at(-1)!.id : null }
  }
}

interface RecordRow {
  readonly id: string
  readonly title: string | null
  readonly accountId: Id<'account'> | null
  readonly minor: bigint | null
  readonly currency: Currency | null
  readonly toUserId: Id<'user'>
  readonly state: Answer<typeof listHandedRecords>['data'][number]['state']
  readonly foundUserId: Id<'user'> | null
}

/** Another step was asked for meanwhile. */
class Superseded extends Error {}

/** The service stops. */
class Interrupted extends Error {}

function unlessSuperseded(error: unknown): void {
  if (!(error instanceof Superseded)) throw error
}

/** Refuses receivers who have left. One who is not known here yet has only just come. */
async function mustBeHere(tx: Transaction, userIds: readonly string[]): Promise<void> {
  const gone = await tx.one<{ id: string }>(
    'SELECT id FROM directory_user WHERE tenant_id = $1 AND id = ANY($2::text[]) AND NOT active LIMIT 1',
    [tx.tenant, userIds],
  )
  if (gone) throw new Refusal('handover.receiver_left', { userId: gone.id })
}

/** What would be refused each time: by a rule, or by the database. Anything else is of the moment, and tried again. */
function refusalOf(error: unknown): HandoverPart['refusal'] | undefined {
  if (error instanceof Refusal) return { code: error.code, details: texts(error.details) }
  const { code, table, constraint } = error as { code?: string; table?: string; constraint?: string }
  if (!code || !/^(22|23|42501)/.test(code)) return undefined
  return { code: 'handover.cannot_move', details: { noun: table ?? '', reason: constraint ?? code } }
}

function texts(details: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, String(value).slice(0, 500)]))
}

/** Lets a service take part in handovers. The service that runs them is the account service; nobody calls anybody. */
@Controller()
export class HandoverConsumers {
  constructor(private readonly handovers: Handovers) {}

  @On(HandoverAccountsAssigned)
  assignAccounts({ payload }: Received<typeof HandoverAccountsAssigned>, tx: Transaction) {
    return this.handovers.assignAccounts(tx, payload.handoverId, payload.accounts)
  }

  @On(HandoverPrepared)
  prepare(event: Received<typeof HandoverPrepared>, tx: Transaction) {
    return this.handovers.prepare(tx, event)
  }

  @On(HandoverStarted)
  start(event: Received<typeof HandoverStarted>, tx: Transaction) {
    return this.handovers.ask(tx, 'move', event)
  }

  @On(HandoverRechecked)
  recheck(event: Received<typeof HandoverRechecked>, tx: Transaction) {
    return this.handovers.ask(tx, 'recheck', event)
  }

  @On(HandoverTakenBack)
  takeBack(event: Received<typeof HandoverTakenBack>, tx: Transaction) {
    return this.handovers.ask(tx, 'move_back', event)
  }

  @Serve(listHandedRecords)
  records({ params, query }: Input<typeof listHandedRecords>) {
    return this.handovers.records(params.id, query)
  }
}
