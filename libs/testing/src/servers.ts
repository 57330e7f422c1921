import { createHash, randomBytes, randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import pg from 'pg'
import { migrate, migrationsOf, type ServiceDefinition } from '@millrace/service'

/** The test run's Postgres (superuser); started once by `npm test`, or by jest's set-up when a project runs alone. */
export function postgresUrl(): string {
  const url = process.env['TEST_POSTGRES_URL']
  if (!url) throw new Error('TEST_POSTGRES_URL is not set: run the tests through npm test or nx')
  return url
}

/** Runs statements as superuser on a database of the test server. */
export async function asSuperuser<T>(work: (client: pg.Client) => Promise<T>, database = 'postgres'): Promise<T> {
  const client = new pg.Client({ connectionString: withDatabase(postgresUrl(), database) })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, database: string, user?: string): string {
  const parsed = new URL(url)
  parsed.pathname = `/${database}`
  if (user) {
    parsed.username = user
    parsed.password = 'test'
  }
  return parsed.toString()
}

/** A database that lives as long as a suite. */
export interface TestDatabase {
  readonly name: string
  /** With the application's role. */
  readonly url: string
  readonly ownerUrl: string
  drop(): Promise<void>
}

/** Postgres copies the files of a database instead of logging each block: 40 ms, not 700. The checkpoint that it takes costs nothing on a server that flushes nothing. */
const quickly = 'FILE_COPY'

/** A fresh database of a service, copied from a template that is migrated once per set of migrations. */
export async function freshDatabase(definition: ServiceDefinition): Promise<TestDatabase> {
  const migrations = migrationsOf(definition)
  const hash = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 12)
  const template = `template_${definition.name}_${hash}`
  const [owner, app] = [`millrace_${definition.name}_owner`, `millrace_${definition.name}_app`]
  const name = `test_${definition.name}_${randomBytes(6).toString('hex')}`
  await asSuperuser(async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtext('test templates'))`)
    for (const role of [owner, app])
      await client.query(
        `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role} LOGIN PASSWORD 'test'; END IF; END $$`,
      )
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [template])
    if (!rowCount) {
      await client.query(`CREATE DATABASE ${template} OWNER ${owner}`)
      await migrate(withDatabase(postgresUrl(), template, owner), migrations)
    }
    await client.query(`SELECT pg_advisory_unlock(hashtext('test templates'))`)
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${owner} STRATEGY ${quickly}`)
  })
  return {
    name,
    url: withDatabase(postgresUrl(), name, app),
    ownerUrl: withDatabase(postgresUrl(), name, owner),
    drop: () => dropDatabase(name),
  }
}

/** An empty database for the embedded bus. */
export async function freshBusDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_bus_${randomBytes(6).toString('hex')}`
  await asSuperuser((client) => client.query(`CREATE DATABASE ${name} STRATEGY ${quickly}`))
  return { url: withDatabase(postgresUrl(), name), drop: () => dropDatabase(name) }
}

async function dropDatabase(name: string): Promise<void> {
  await asSuperuser((client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
}

/** A free port below the range from which outgoing connections take theirs: none of these takes it before a server is up on it. */
export async function freePort(): Promise<number> {
  const port = randomInt(15_000, 30_000)
  const server = createServer()
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
  return isFree ? port : freePort()
}
