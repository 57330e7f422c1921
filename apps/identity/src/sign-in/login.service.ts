import { Injectable } from '@nestjs/common'
import { Refusal, type Id } from '@millrace/domain'
import { Database, inTenant, type Transaction } from '@millrace/service'
import { emailKey, User } from '../user/user.js'
import { AttemptService } from './attempt.service.js'
import { passwordLimit } from './attempts.js'
import { Passwords } from './passwords.service.js'

/** Somebody who may sign in, and what their tokens say. */
export interface Account {
  readonly id: Id<'user'>
  readonly tenantId: string
  readonly name: string
  readonly email: string
  readonly roles: readonly string[]
}

interface Login {
  readonly tenant_id: string
  readonly user_id: Id<'user'>
  readonly email_key: string
  readonly password_hash: string | null
}

/** Who signs in with which e-mail and password. Found before any tenant is known. */
@Injectable()
export class LoginService {
  constructor(
    private readonly db: Database,
    private readonly passwords: Passwords,
    private readonly attempts: AttemptService,
  ) {}

  /** Notes the logins of new users. Answers the e-mails (as compared) that belong to somebody on the platform already. */
  async register(tx: Transaction, users: readonly { id: string; emailKey: string; password?: string | undefined }[]): Promise<Set<string>> {
    const hashes = await Promise.all(users.map(({ password }) => (password === undefined ? null : this.passwords.hash(password))))
    const added = await tx.query<{ email_key: string }>(
      `INSERT INTO login (email_key, user_id, password_hash) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
       ON CONFLICT DO NOTHING RETURNING email_key`,
      [users.map((user) => user.emailKey), users.map(({ id }) => id), hashes],
    )
    const free = new Set(added.map(({ email_key }) => email_key))
    return new Set(users.map((user) => user.emailKey).filter((key) => !free.has(key)))
  }

  async changeEmail(tx: Transaction, { id, emailKey: key }: User): Promise<void> {
    const [old] = await tx.query<Login>('DELETE FROM login WHERE user_id = $1 RETURNING password_hash', [id])
    const added = await tx.count('INSERT INTO login (email_key, user_id, password_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      key,
      id,
      old?.password_hash ?? null,
    ])
    if (!added) throw new Refusal('value.taken', { field: 'email' })
  }

  async setPassword(tx: Transaction, id: string, password: string): Promise<void> {
    await tx.query('UPDATE login SET password_hash = $2 WHERE user_id = $1', [id, await this.passwords.hash(password)])
  }

  /** Whoever has this e-mail and password and is active; undefined without saying what was wrong. Refuses `sign_in.locked`. */
  async signIn(email: string, password: string): Promise<Account | undefined> {
    const key = emailKey(email).slice(0, 320)
    return this.attempts.inTurn(`login ${key}`, passwordLimit, async () => {
      const login = await this.find('email_key', key)
      const right = await this.passwords.isRight(password, login?.password_hash)
      return right && login ? this.accountOf(login) : undefined
    })
  }

  /** Whether this is the person's password; a wrong one counts as a wrong sign-in. */
  async isPassword(id: string, password: string): Promise<boolean> {
    const login = await this.find('user_id', id)
    if (!login) return false
    const right = await this.attempts.inTurn(`login ${login.email_key}`, passwordLimit, async () =>
      (await this.passwords.isRight(password, login.password_hash)) ? true : undefined,
    )
    return right === true
  }

  /** The account of an active user. */
  async account(id: string): Promise<Account | undefined> {
    const login = await this.find('user_id', id)
    return login && this.accountOf(login)
  }

  private find(column: 'email_key' | 'user_id', value: string): Promise<Login | undefined> {
    return inTenant('*', () => this.db.one<Login>(`SELECT * FROM login WHERE ${column} = $1`, [value]))
  }

  private async accountOf({ tenant_id, user_id }: Login): Promise<Account | undefined> {
    const user = await inTenant(tenant_id, () => this.db.find(User, user_id))
    return user?.active ? { id: user.id, tenantId: tenant_id, name: user.name, email: user.email, roles: user.roles } : undefined
  }
}
