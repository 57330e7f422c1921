import { Injectable } from '@nestjs/common'
import {
  listUsers,
  UserChanged,
  UserCreated,
  type Answer,
  type changeUser,
  type createUser,
  type getUser,
  type Input,
  type Role,
  type Sent,
} from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Events, type Transaction } from '@millrace/service'
import { SignInRecords } from '../openid/sign-in-records.service.js'
import { OrgUnitService } from '../org-unit/org-unit.service.js'
import { LoginService } from '../sign-in/login.service.js'
import { refuseBeyondSales, User, type UserData } from './user.js'

type Joining = UserData & { password?: string | undefined; externalId?: string | null | undefined }

/** Use cases of the user. */
@Injectable()
export class UserService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly units: OrgUnitService,
    private readonly logins: LoginService,
    private readonly records: SignInRecords,
  ) {}

  list(query: Input<typeof listUsers>['query']) {
    return this.db.list(User, listUsers, query, userView)
  }

  async get(id: string) {
    return userView(await this.db.get(User, id))
  }

  /** The person who asks; an API client is nobody. */
  me() {
    const { actor } = context()
    if (actor?.kind !== 'user') throw Refusal.notFound('user')
    return this.get(actor.id)
  }

  create({ unitId, ...given }: Input<typeof createUser>['body']): Promise<Answer<typeof createUser>> {
    return this.db.transaction(async (tx) => {
      refuseBeyondSales(myRoles(), given.roles)
      const unit = unitId ? await this.units.named(tx, unitId, 'unitId') : await this.units.root(tx)
      return userView(await this.join(tx, { ...given, unitId: unit.id }))
    })
  }

  /** Adds a person without asking who may. */
  async join(tx: Transaction, given: Joining): Promise<User> {
    const [outcome] = await this.joinAll(tx, [given])
    if (outcome instanceof Refusal) throw outcome
    return outcome!
  }

  /** Adds people in one statement each for users and logins; for each that cannot join, says why. */
  async joinAll(tx: Transaction, given: readonly Joining[]): Promise<(User | Refusal)[]> {
    const at = this.clock.now()
    const joining = given.map(({ password, ...data }) => ({ user: User.join({ ...begun('user', at), ...data }), password }))
    const taken = await this.logins.register(
      tx,
      joining.map(({ user, password }) => ({ id: user.id, emailKey: user.emailKey, password })),
    )
    const users = joining.map(({ user }) => user).filter(({ emailKey }) => !taken.has(emailKey))
    await tx.insert(users)
    for (const user of users) await this.events.publish(tx, UserCreated, user, facts(user))
    return joining.map(({ user }) => (taken.has(user.emailKey) ? new Refusal('value.taken', { field: 'email' }) : user))
  }

  change(id: Id<'user'>, given: Input<typeof changeUser>['body']): Promise<Answer<typeof changeUser>> {
    return this.db.transaction(async (tx) => {
      const before = await this.hold(tx, id)
      refuseBeyondSales(myRoles(), given.roles ?? [])
      if (given.unitId) await this.units.named(tx, given.unitId, 'unitId')
      const user = before.change(given, this.clock.now())
      await this.keepAnAdministrator(tx, before, user)
      if (user.emailKey !== before.emailKey) await this.logins.changeEmail(tx, user)
      return this.store(tx, user)
    })
  }

  /** The person can no longer sign in, and is signed out everywhere. */
  deactivate(id: Id<'user'>): Promise<Answer<typeof getUser>> {
    return this.db.transaction(async (tx) => {
      const before = await this.hold(tx, id)
      const user = before.deactivate(this.clock.now())
      if (user === before) return userView(user)
      await this.keepAnAdministrator(tx, before, user)
      await this.records.signOut(tx, id)
      return this.store(tx, user)
    })
  }

  reactivate(id: Id<'user'>): Promise<Answer<typeof getUser>> {
    return this.db.transaction(async (tx) => {
      const before = await this.hold(tx, id)
      const user = before.reactivate(this.clock.now())
      return user === before ? userView(user) : this.store(tx, user)
    })
  }

  setPassword(id: Id<'user'>, password: string): Promise<void> {
    return this.db.transaction(async (tx) => {
      await tx.lock(User, id)
      await this.logins.setPassword(tx, id, password)
      await this.records.signOut(tx, id)
    })
  }

  async changeMyPassword(oldPassword: string, newPassword: string): Promise<void> {
    const { id } = await this.me()
    if (!(await this.logins.isPassword(id, oldPassword))) throw Refusal.forbidden('password.wrong')
    await this.setPassword(id, newPassword)
  }

  private async hold(tx: Transaction, id: string): Promise<User> {
    const user = await tx.lock(User, id)
    refuseBeyondSales(myRoles(), user.roles)
    return user
  }

  private async store(tx: Transaction, changed: User): Promise<Answer<typeof getUser>> {
    const user = await tx.update(changed)
    await this.events.publish(tx, UserChanged, user, facts(user))
    return userView(user)
  }

  /** Two administrators who leave at once wait for each other here, so that one stays. */
  private async keepAnAdministrator(tx: Transaction, before: User, after: User): Promise<void> {
    if (!before.administers || after.administers) return
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('administrators ' || $1, 7))`, [tx.tenant])
    const other = await tx.one(`SELECT 1 FROM "user" WHERE active AND roles ? 'administrator' AND id <> $1`, [after.id])
    if (!other) throw new Refusal('user.last_administrator')
  }
}

function myRoles(): readonly string[] {
  return context().actor?.roles ?? []
}

function userView(user: User): Answer<typeof getUser> {
  const { id, version, name, email, unitId, roles, active, externalId, createdAt, updatedAt } = user
  return { id, version, name, email, unitId, roles: roles as Role[], active, externalId, createdAt, updatedAt }
}

function facts({ id, name, email, unitId, roles, active }: User): Sent<typeof UserCreated> {
  return { userId: id, name, email, unitId, roles: roles as Role[], active }
}
