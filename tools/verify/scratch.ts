import { randomBytes } from 'node:crypto'
import pg from 'pg'

const prefix = 'millrace_verify_'

/** A database that lives as long as a check, with roles of its own. */
export interface Scratch {
  /** With the owner's role, to migrate; with the application's, to work; with the superuser's, to see all rows. */
  readonly ownerUrl: string
  readonly appUrl: string
  readonly superuserUrl: string
}

/** Scratch databases on the server of a superuser. All of them go with `drop`; those that a killed run left go with the next run. */
export class ScratchServer {
  private readonly superuser: string
  private readonly client: pg.Client
  private readonly names: string[] = []
  /** What the names of its databases and roles begin with. */
  readonly prefix: string

  private constructor(superuser: string, client: pg.Client, pid: number) {
    this.prefix = `${prefix}${pid}_`
    this.superuser = superuser
    this.client = client
  }

  static async open(superuser: string): Promise<ScratchServer> {
    const client = new pg.Client({ connectionString: superuser, connectionTimeoutMillis: 5_000, application_name: prefix })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const { rows } = await client.query<{ rolsuper: boolean; pid: number }>(
        'SELECT rolsuper, pg_backend_pid() AS pid FROM pg_roles WHERE rolname = current_user',
      )
      if (!rows[0]!.rolsuper) throw new Error('the role is no superuser')
      const server = new ScratchServer(superuser, client, rows[0]!.pid)
      await server.removeForgotten()
      return server
    } catch (error) {
      await client.end().catch(() => undefined)
      throw new Error(`No scratch database can be made: ${(error as Error).message}`, { cause: error })
    }
  }

  async create(label: string): Promise<Scratch> {
    const name = `${this.prefix}${randomBytes(4).toString('hex')}_${label}`
    this.names.push(name)
    await this.client.query(`CREATE ROLE ${name}_owner NOLOGIN; CREATE ROLE ${name}_app NOLOGIN`)
    await this.client.query(`CREATE DATABASE ${name} OWNER ${name}_owner`)
    const as = (role?: string) => {
      const url = new URL(this.superuser)
      url.pathname = `/${name}`
      // Nothing here has to survive a crash.
      url.searchParams.set('options', `-c synchronous_commit=off${role ? ` -c role=${role}` : ''}`)
      return url.toString()
    }
    return { ownerUrl: as(`${name}_owner`), appUrl: as(`${name}_app`), superuserUrl: as() }
  }

  async drop(): Promise<void> {
    try {
      for (const name of this.names.splice(0)) await this.remove(name)
    } finally {
      await this.client.end()
    }
  }

  private async remove(name: string): Promise<void> {
    await this.client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await this.client.query(`DROP ROLE IF EXISTS ${name}_app, ${name}_owner`)
  }

  /** A run is over when the connection that its databases are named after is. */
  private async removeForgotten(): Promise<void> {
    const { rows } = await this.client.query<{ name: string }>(
      `SELECT DISTINCT regexp_replace(name, '_(owner|app)$', '') AS name
       FROM (SELECT datname::text FROM pg_database UNION ALL SELECT rolname::text FROM pg_roles) known(name)
       WHERE name ~ '^${prefix}\\d+_[0-9a-f]{8}_[a-z]+' AND NOT EXISTS (
         SELECT 1 FROM pg_stat_activity WHERE application_name = '${prefix}' AND pid::text = substring(name FROM '^${prefix}(\\d+)_'))`,
    )
    for (const { name } of rows) await this.remove(name)
  }
}
