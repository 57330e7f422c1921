import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import {
  ApiClientChanged,
  ApiClientCreated,
  ApiClientRevoked,
  listApiClients,
  type Answer,
  type changeApiClient,
  type createApiClient,
  type getApiClient,
  type Input,
  type Role,
  type Sent,
} from '@millrace/contracts'
import { isId, type Id } from '@millrace/domain'
import { begun, Clock, Config, Database, Events, inTenant, type Transaction } from '@millrace/service'
import type { IdentityConfig } from '../config.js'
import { AttemptService } from '../sign-in/attempt.service.js'
import { secretLimit } from '../sign-in/attempts.js'
import { ApiClient } from './api-client.js'

/** A program as its tokens name it. */
export interface Program {
  readonly id: string
  /** `*`: the operator of the platform. */
  readonly tenantId: string
  readonly roles: readonly string[]
  readonly secretHash: string
}

/** Use cases of the API client. */
@Injectable()
export class ApiClientService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly attempts: AttemptService,
    @Inject(Config) private readonly config: IdentityConfig,
  ) {}

  list(query: Input<typeof listApiClients>['query']) {
    return this.db.list(ApiClient, listApiClients, query, clientView)
  }

  async get(id: string) {
    return clientView(await this.db.get(ApiClient, id))
  }

  create(given: Input<typeof createApiClient>['body']): Promise<Answer<typeof createApiClient>> {
    return this.db.transaction(async (tx) => {
      const client = ApiClient.add({ ...begun('api_client', this.clock.now()), ...given })
      await tx.insert(client)
      await this.events.publish(tx, ApiClientCreated, client, facts(client))
      return { ...clientView(client), clientId: client.id, clientSecret: await newSecret(tx, client.id) }
    })
  }

  change(id: Id<'api_client'>, given: Input<typeof changeApiClient>['body']): Promise<Answer<typeof changeApiClient>> {
    return this.db.transaction(async (tx) => {
      const client = await tx.update((await tx.lock(ApiClient, id)).change(given, this.clock.now()))
      await this.events.publish(tx, ApiClientChanged, client, facts(client))
      return clientView(client)
    })
  }

  rotateSecret(id: Id<'api_client'>): Promise<Answer<typeof createApiClient>> {
    return this.db.transaction(async (tx) => {
      const client = await tx.update((await tx.lock(ApiClient, id)).change({}, this.clock.now()))
      await this.events.publish(tx, ApiClientChanged, client, facts(client))
      return { ...clientView(client), clientId: client.id, clientSecret: await newSecret(tx, client.id) }
    })
  }

  revoke(id: Id<'api_client'>): Promise<void> {
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(ApiClient, id)
      const client = before.revoke(this.clock.now())
      if (client === before) return
      await tx.update(client)
      await tx.query('DELETE FROM client_secret WHERE client_id = $1', [id])
      await this.events.publish(tx, ApiClientRevoked, client, facts(client))
    })
  }

  /** The program with this client id, if it may sign in. */
  async program(clientId: string): Promise<Program | undefined> {
    const { BOOTSTRAP_CLIENT_ID, BOOTSTRAP_CLIENT_SECRET } = this.config
    if (clientId === BOOTSTRAP_CLIENT_ID && BOOTSTRAP_CLIENT_SECRET)
      return { id: clientId, tenantId: '*', roles: ['administrator'], secretHash: hashed(BOOTSTRAP_CLIENT_SECRET) }
    if (!isId('api_client', clientId)) return undefined
    const found = await inTenant('*', () =>
      this.db.one<{ tenant_id: string; secret_hash: string }>('SELECT tenant_id, secret_hash FROM client_secret WHERE client_id = $1', [
        clientId,
      ]),
    )
    const client = found && (await inTenant(found.tenant_id, () => this.db.find(ApiClient, clientId)))
    return client?.active ? { id: client.id, tenantId: found!.tenant_id, roles: client.roles, secretHash: found!.secret_hash } : undefined
  }

  /** Whether this is the program's secret; too many wrong ones from one address refuse `sign_in.locked` there. */
  async isSecret(program: Pick<Program, 'id' | 'secretHash'>, secret: string, address: string): Promise<boolean> {
    const right = timingSafeEqual(Buffer.from(hashed(secret)), Buffer.from(program.secretHash))
    return (await this.attempts.at(`client ${program.id} ${address}`, secretLimit, async () => (right ? true : undefined))) === true
  }
}

/** 256 random bits cannot be guessed or searched through, so a fast hash is as safe as a slow one, and a token costs no 40 ms of processor. */
async function newSecret(tx: Transaction, clientId: string): Promise<string> {
  const secret = randomBytes(32).toString('base64url')
  await tx.query(
    'INSERT INTO client_secret (client_id, secret_hash) VALUES ($1, $2) ON CONFLICT (client_id) DO UPDATE SET secret_hash = excluded.secret_hash',
    [clientId, hashed(secret)],
  )
  return secret
}

function hashed(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

function clientView({ id, version, name, roles, active, createdAt, updatedAt }: ApiClient): Answer<typeof getApiClient> {
  return { id, version, name, roles: roles as Role[], active, createdAt, updatedAt }
}

function facts({ id, name, roles }: ApiClient): Sent<typeof ApiClientCreated> {
  return { clientId: id, name, roles: roles as Role[] }
}
